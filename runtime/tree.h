/* SPDX-License-Identifier: Apache-2.0 */
/* Whole directories. */
#ifndef RUNTIME_TREE_H
#define RUNTIME_TREE_H

#include <stdint.h>

/* What the files of parent/name take on disk; links counted once each is good enough for a housekeeper. */
uint64_t tree_bytes(int parent, const char *name);

/*
 * Removes parent/name with all that is in it, however deep and whatever its names. -EBUSY or -EXDEV where something is
 * mounted in it. 0 where there is none.
 */
int tree_remove_at(int parent, const char *name);
/* The same by an absolute path, which may lead over any number of mounts. */
int tree_remove(const char *path);

#endif
