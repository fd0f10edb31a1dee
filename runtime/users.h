/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_USERS_H
#define RUNTIME_USERS_H

#include <sys/types.h>

#include "nsutil/base/error.h"

/*
 * Finds "UID[:GID]" or names in root's own /etc/passwd and /etc/group, opened without leaving root. NULL: 0:0 without
 * groups. A UID that has no entry gets the GID of the same number; supplementary groups come from /etc/group unless a
 * group is given. *groups is malloc'ed, or NULL. -ENOENT for a name that isn't there.
 */
int users_resolve(const char *root, const char *user, uid_t *uid, gid_t *gid, gid_t **groups, size_t *n_groups,
		  struct error *error);

/* The user's name in root's own /etc/passwd, malloc'ed; NULL where it has none. */
char *users_name(const char *root, uid_t uid);

#endif
