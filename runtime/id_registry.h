/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ranges of ids are taken, on the whole machine: two directories with a symbolic link for each, whose name is the
 * range ("100000+65536,100000+65536": uids, gids) and whose target is "INODE PATH" of what holds it: a
 * container's record, a framework root's directory. A holder that is gone, or another by now, holds nothing. One lock,
 * held for a look and a link.
 *
 * A container has its range until it ends, a framework's root as long as it lives: the files in it have these ids. A
 * container in such a root shares the range, and holds it also by itself ("RANGE@INODE"), so that it is nobody else's
 * even if somebody removes the root while the container runs.
 */
#ifndef RUNTIME_ID_REGISTRY_H
#define RUNTIME_ID_REGISTRY_H

#include "nsutil/base/error.h"
#include "nsutil/id_map.h"

struct id_registry {
	char *path; /* of containers, which are gone after a reboot */
	char *kept; /* of framework roots, which are not */
};

struct id_holder {
	int fd;
	const char *path; /* absolute */
	bool kept;        /* a framework's root */
};

/*
 * Takes the first size ids of uids and of gids that nobody holds, as maps from 0 on. What a holder that is kept took
 * before, and did not get to write down, it is given again. holder NULL: only looks. -ENOSPC where all are held,
 * -errno.
 */
int id_registry_claim(const struct id_registry *registry, const struct id_map *uids, const struct id_map *gids,
		      uint32_t size, const struct id_holder *holder, struct id_maps *claimed, struct error *error);

/* Sees to it that the holder, which is kept, has the range that it had: -EBUSY where another has any of it. */
int id_registry_keep(const struct id_registry *registry, const struct id_maps *claimed, const struct id_holder *holder,
		     struct error *error);

/* Holds, for a container, the range of the framework's root that it is in. */
int id_registry_share(const struct id_registry *registry, const struct id_maps *claimed, const struct id_holder *holder,
		      struct error *error);

/* Gives back what the holder took or shared; what it did not stays. Its path is not needed. */
void id_registry_release(const struct id_registry *registry, const struct id_maps *claimed,
			 const struct id_holder *holder);

#endif
