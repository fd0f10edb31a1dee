/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is: as JSON, for those who inspect it, and in short for the library itself. */
#ifndef RUNTIME_RECORD_H
#define RUNTIME_RECORD_H

#include <jansson.h>

#include "runtime/json_text.h"
#include "runtime/state.h"

void record_write(struct json_text *text, const struct spec *spec, unsigned int controllers, uint64_t started_ns);
/* Reads it; a new reference, or NULL with *error set. */
json_t *record_load(int file, struct error *error);

/*
 * What the library needs of it, in one piece of memory: record->packed. layout: where its cgroups are to be; NULL: that
 * is not recorded. 0 or -errno; with record_free.
 */
int record_pack(const struct spec *spec, const struct cgroup_layout *layout, unsigned int controllers,
		uint64_t started_ns, struct record *record);
/* The same from such a piece, malloc'ed, which it takes over, also on failure. -EBADMSG: it is none. */
int record_unpack(void *packed, size_t size, struct record *record);

#endif
