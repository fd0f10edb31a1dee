/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/id_map.h"

#include <errno.h>
#include <stdio.h>

bool id_map_outside(const struct id_map *map, uint32_t inside, uint32_t *outside)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct id_range *range = &map->ranges[i];
		if (inside >= range->inside && inside - range->inside < range->length) {
			*outside = range->outside + (inside - range->inside);
			return true;
		}
	}
	return false;
}

uint32_t id_map_shift(const struct id_map *map, uint32_t inside)
{
	uint32_t outside = inside;
	id_map_outside(map, inside, &outside);
	return outside;
}

int id_map_format(const struct id_map *map, const char *prefix, char *text, size_t size)
{
	size_t used = 0;
	if (size)
		text[0] = '\0';
	for (size_t i = 0; i < map->count; i++) {
		const struct id_range *range = &map->ranges[i];
		int length = snprintf(text + used, size - used, "%s%u %u %u\n", prefix, range->inside, range->outside,
				      range->length);
		if (length < 0 || (size_t)length >= size - used)
			return -ENOSPC;
		used += (size_t)length;
	}
	return (int)used;
}
