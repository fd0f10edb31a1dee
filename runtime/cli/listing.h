/* SPDX-License-Identifier: Apache-2.0 */
/* What `berth ps' and `berth stats' show: an entry for each container, in a table or as JSON. */
#ifndef RUNTIME_CLI_LISTING_H
#define RUNTIME_CLI_LISTING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/berth.h"
#include "runtime/cli/format.h"

/* One of the two, or none for a container that is left out. */
struct entry {
	struct table_row *row;
	json_t *json;
	uint64_t started_ns;
};

/*
 * Makes the container's entry by one of the two functions below, or leaves it out. Returns 0, or an exit status when it
 * has complained. Called by several threads at once, each with another container.
 */
typedef int entry_function(struct berth_container *container, const void *data, struct entry *entry);

int entry_row(struct entry *entry, const char *const *cells, size_t n);
/* Takes the object; NULL is one that there was no memory for. */
int entry_json(struct entry *entry, json_t *object);

/* All zeros is an empty one. listing_print ends it. */
struct listing {
	struct entry *entries;
	size_t n, room;
	int status;  /* 0, or the exit status of the last complaint */
	bool failed; /* not all could be gone through: nothing is shown */
};

/*
 * Adds every container, in the order of their launch. Where there are many, and several processors may be used, it is
 * done by several threads.
 */
void listing_add_all(struct listing *listing, struct berth *berth, entry_function *make, const void *data);
void listing_add(struct listing *listing, struct berth_container *container, entry_function *make, const void *data);

/* Prints and frees it: as a JSON array, or as a table with that head; NULL: without one. Returns the exit status. */
int listing_print(struct listing *listing, bool json, const char *const *head, size_t columns);

#endif
