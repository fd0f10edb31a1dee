/* SPDX-License-Identifier: Apache-2.0 */
/* What may be a command's 0, 1 and 2. */
#ifndef RUNTIME_STDIO_H
#define RUNTIME_STDIO_H

#include "nsutil/base/error.h"

/*
 * Refuses a directory with EISDIR: by /proc/self/fd/N, and ".." from there, all of its file system could be reached
 * from inside. stdio as in struct berth_options.
 */
int stdio_check(const int *stdio, struct error *error);

#endif
