/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ranges of ids are taken, on the whole machine: a directory with a symbolic link for each, whose name is the
 * range ("100000+65536,100000+65536": uids, gids) and whose target is "INODE PATH" of the directory of what holds it.
 * A holder whose directory is gone, or another by now, holds nothing. One lock, held for a look and a link.
 */
#ifndef RUNTIME_ID_REGISTRY_H
#define RUNTIME_ID_REGISTRY_H

#include "nsutil/base/error.h"
#include "nsutil/id_map.h"

/*
 * Takes the first size ids of uids and of gids that nobody holds, as maps from 0 on, for the holder: an open directory
 * and its absolute path. holder -1: only looks. -ENOSPC where all are held, -errno.
 */
int id_registry_claim(const char *registry, const struct id_map *uids, const struct id_map *gids, uint32_t size,
		      int holder, const char *path, struct id_maps *claimed, struct error *error);

/* Gives back what the holder took; what it did not take stays. */
void id_registry_release(const char *registry, const struct id_maps *claimed, int holder);

#endif
