/* SPDX-License-Identifier: Apache-2.0 */
/* Which user namespace a container gets: from the options to the maps, and what the state keeps of them. */
#ifndef RUNTIME_IDMAP_H
#define RUNTIME_IDMAP_H

#include "nsutil/id_map.h"
#include "runtime/context.h"
#include "runtime/spec.h"

/* Checks options' userns and maps, and sets spec's. Touches nothing. */
int idmap_from_options(const struct berth_options *options, struct spec *spec, struct error *error);

/*
 * Completes the spec's maps where they are to be found out: for USERNS_AUTO as root the first range that is free, which
 * claims it for the container whose record this is, until idmap_release, or for its framework's root, until
 * that is removed; -1 only looks. 0 or -errno.
 */
int idmap_resolve(const struct berth *berth, struct spec *spec, int record, struct error *error);

/*
 * The ids that the files give: to berth or root for --userns auto; to an ordinary user, if they can be mapped, beside
 * its own. Both counts may be 0. 0 or -errno.
 */
int idmap_ranges(const struct berth *berth, struct id_map *uids, struct id_map *gids, struct error *error);

/* -EINVAL where the user and groups that the command runs as are not in the maps. */
int idmap_check_user(const struct id_maps *maps, const struct spec *spec, struct error *error);

/*
 * Maps in a file, a container's (STATE_IDMAP) or a framework root's, where they are kept: whole or not at all, also
 * when the machine goes down. Reading gives -ENOENT where there are none.
 */
int idmap_write(int directory, const char *file, const struct id_maps *maps);
int idmap_keep(int directory, const char *file, const struct id_maps *maps);
int idmap_read(int directory, const char *file, struct id_maps *maps);
int idmap_of_container(const struct berth *berth, int record, struct id_maps *maps);

/* Gives back the range that the container, which has ended, may have claimed. */
void idmap_release(const struct berth *berth, int record);

#endif
