/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mount namespace with nothing in it but an empty, read-only tmpfs and one directory there. Children that are cloned
 * into a mount namespace of their own begin with a copy of the caller's; a copy of this one costs the same whatever is
 * mounted on the host. mount_namespaces(7)
 */
#ifndef NSUTIL_BLANK_H
#define NSUTIL_BLANK_H

#include <stdbool.h>

#include "nsutil/plan.h"

/*
 * Makes one. stage: the absolute path of its directory, for a plan to mount a root on. Returns a descriptor of the
 * namespace (O_CLOEXEC), which lives as long as that, or -errno: EPERM without CAP_SYS_ADMIN or in another user
 * namespace than the initial, ENOSPC where user.max_mnt_namespaces allows no more.
 */
int blank_open(const char *stage);

/*
 * Whether the plan's mounts can be made in one: all that it takes from the host is bound, and what else it makes lies
 * in the new root.
 */
bool blank_suits(const struct plan *plan);

#endif
