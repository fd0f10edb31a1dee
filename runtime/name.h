/* SPDX-License-Identifier: Apache-2.0 */
/* Names come from outside and hold any byte; as directories they are encoded, never trusted as paths. */
#ifndef RUNTIME_NAME_H
#define RUNTIME_NAME_H

#include <stddef.h>

#include "nsutil/base/error.h"

enum { NAME_LIMIT = 4096, NAME_ENCODED_SIZE = 224 };

/* -EINVAL unless the name has 1 to NAME_LIMIT bytes. */
int name_check(const char *name, const char *what, struct error *error);

/*
 * One path component, at most NAME_ENCODED_SIZE - 1 bytes, that no other name encodes to: letters, digits, '-', '_' and
 * '.' (not in front) stand for themselves, other bytes are %XX, and so is the first of a name that cgroup directories
 * have a file of ("tasks", "cpu.shares"); what would be too long is cut and ends in '~' and 32 hex digits of a 128-bit
 * hash.
 */
void name_encode(const char *name, char encoded[NAME_ENCODED_SIZE]);

#endif
