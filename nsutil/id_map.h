/* SPDX-License-Identifier: Apache-2.0 */
/* Which ids of a user namespace stand for which ids outside: user_namespaces(7), "User and group ID mappings". */
#ifndef NSUTIL_ID_MAP_H
#define NSUTIL_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel takes 340 ranges; nobody has been seen to need more than a few. */
enum { ID_RANGES_MAX = 64 };

struct id_range {
	uint32_t inside, outside, length;
};

struct id_map {
	struct id_range ranges[ID_RANGES_MAX];
	size_t count;
};

/* Both kinds. */
struct id_maps {
	struct id_map uids, gids;
};

/* Whether the id inside is mapped; *outside is what it stands for. */
bool id_map_outside(const struct id_map *map, uint32_t inside, uint32_t *outside);

/* What the id inside stands for outside, or the id itself where it is not mapped. */
uint32_t id_map_shift(const struct id_map *map, uint32_t inside);

/* The map as the kernel takes it, and shows it: a line "INSIDE OUTSIDE LENGTH" for each range, behind the prefix.
 * Returns the length, or -ENOSPC. */
int id_map_format(const struct id_map *map, const char *prefix, char *text, size_t size);

#endif
