/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/subuid and /etc/subgid: the ids a user may map. subuid(5) */
#ifndef RUNTIME_SUBID_H
#define RUNTIME_SUBID_H

#include <sys/types.h>

#include "nsutil/base/error.h"
#include "nsutil/id_map.h"

/*
 * The ranges that text, a file's content, gives to the user, by name (which may be NULL) or by number: added to *ranges
 * with inside 0, in the file's order. Lines of others, and lines that are no entries, are passed over, as shadow's own
 * programs do; so is what lies beyond the ids there are. Pure.
 */
void subid_parse(const char *text, const char *name, uid_t uid, struct id_map *ranges);

/* The same of a file. One that is not there gives none. 0, or -errno with *error set. */
int subid_read(const char *path, const char *name, uid_t uid, struct id_map *ranges, struct error *error);

#endif
