/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/listing.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/cli.h"

/*
 * A container takes 30 to 50 us, nearly all of it the kernel's opening, reading and closing of a file for each counter,
 * which it does on several processors at once. Making a thread takes 100.
 */
enum {
	FOR_A_THREAD = 8, /* after so many containers more there is another */
	THREADS_MOST = 4, /* this one too */
};

static int out_of_memory(void)
{
	cli_complain("%s", strerror(ENOMEM));
	return ERROR_STATUS_FAILED;
}

int entry_row(struct entry *entry, const char *const *cells, size_t n)
{
	entry->row = table_row_make(cells, n);
	return entry->row ? 0 : out_of_memory();
}

int entry_json(struct entry *entry, json_t *object)
{
	entry->json = object;
	return object ? 0 : out_of_memory();
}

static void entry_free(struct entry *entry)
{
	free(entry->row);
	json_decref(entry->json);
}

static int entry_make(struct entry *entry, struct berth_container *container, entry_function *make, const void *data)
{
	*entry = (struct entry){.started_ns = berth_container_started(container)};
	return make(container, data, entry);
}

/* Takes the entry, if there is one, and the status it was made with. */
static void listing_take(struct listing *listing, struct entry *entry, int status)
{
	if (status)
		listing->status = status;
	if (!entry->row && !entry->json)
		return;
	if (listing->n == listing->room) {
		size_t room = listing->room ? listing->room * 2 : 64;
		struct entry *grown = reallocarray(listing->entries, room, sizeof(*grown));
		if (!grown) {
			entry_free(entry);
			listing->status = out_of_memory();
			return;
		}
		listing->entries = grown;
		listing->room = room;
	}
	listing->entries[listing->n++] = *entry;
}

void listing_add(struct listing *listing, struct berth_container *container, entry_function *make, const void *data)
{
	struct entry entry;
	int status = entry_make(&entry, container, make, data);
	listing_take(listing, &entry, status);
}

/* ---- All of them ---- */

struct gathering {
	struct berth_walk *walk;
	entry_function *make;
	const void *data;
	struct listing *listing;
	pthread_mutex_t lock;    /* of the listing */
	pthread_mutex_t placing; /* held while a thread is given its processor */
	cpu_set_t usable;        /* processors */
};

/* Adds one more; false at the end. */
static bool gather_next(struct gathering *gathering)
{
	struct listing *listing = gathering->listing;
	struct berth_error error = BERTH_ERROR_INIT;
	cleanup_container struct berth_container *container = NULL;
	struct entry entry;
	int found = berth_walk_next(gathering->walk, &container, &error), status = 0;
	if (found > 0)
		status = entry_make(&entry, container, gathering->make, gathering->data);
	pthread_mutex_lock(&gathering->lock);
	if (found > 0) {
		listing_take(listing, &entry, status);
	} else if (found < 0 && !listing->failed) {
		listing->failed = true;
		listing->status = cli_fail(&error);
	}
	bool goes_on = found > 0 && !listing->failed;
	pthread_mutex_unlock(&gathering->lock);
	return goes_on;
}

static void *gather_rest(void *data)
{
	struct gathering *gathering = data;
	/* From where it was put it may go anywhere. */
	pthread_mutex_lock(&gathering->placing);
	pthread_mutex_unlock(&gathering->placing);
	sched_setaffinity(0, sizeof(gathering->usable), &gathering->usable);
	while (gather_next(gathering))
		;
	return NULL;
}

struct helpers {
	pthread_t threads[THREADS_MOST - 1];
	int n, most;
	cpu_set_t free; /* processors that have none of these threads yet */
};

/*
 * Gives the thread a processor of its own to begin on. Left alone it waits behind its maker until the scheduler shares
 * the processors out, for milliseconds, and all of it may not take longer.
 */
static void thread_place(pthread_t thread, cpu_set_t *free)
{
	int own = sched_getcpu(), processor = 0;
	if (own >= 0)
		CPU_CLR(own, free);
	while (processor < CPU_SETSIZE && !CPU_ISSET(processor, free))
		processor++;
	if (processor == CPU_SETSIZE)
		return;
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	CPU_CLR(processor, free);
	pthread_setaffinity_np(thread, sizeof(one), &one);
}

/* Where no thread can be made the others do it all. */
static void helpers_add(struct helpers *helpers, struct gathering *gathering)
{
	pthread_t *thread = &helpers->threads[helpers->n];
	if (helpers->n == helpers->most)
		return;
	pthread_mutex_lock(&gathering->placing);
	if (pthread_create(thread, NULL, gather_rest, gathering) == 0) {
		thread_place(*thread, &helpers->free);
		helpers->n++;
	}
	pthread_mutex_unlock(&gathering->placing);
}

static int by_start(const void *a, const void *b)
{
	uint64_t x = ((const struct entry *)a)->started_ns, y = ((const struct entry *)b)->started_ns;
	return (x > y) - (x < y);
}

void listing_add_all(struct listing *listing, struct berth *berth, entry_function *make, const void *data)
{
	struct gathering gathering = {.make = make,
				      .data = data,
				      .listing = listing,
				      .lock = PTHREAD_MUTEX_INITIALIZER,
				      .placing = PTHREAD_MUTEX_INITIALIZER};
	struct berth_error error = BERTH_ERROR_INIT;
	struct helpers helpers = {.n = 0};
	if (sched_getaffinity(0, sizeof(gathering.usable), &gathering.usable) == 0)
		helpers.most = CPU_COUNT(&gathering.usable) - 1;
	if (helpers.most >= THREADS_MOST)
		helpers.most = THREADS_MOST - 1;
	helpers.free = gathering.usable;
	if (berth_walk_open(berth, &gathering.walk, &error) < 0) {
		listing->failed = true;
		listing->status = cli_fail(&error);
		return;
	}
	for (int done = 1; gather_next(&gathering); done++)
		if (done % FOR_A_THREAD == 0)
			helpers_add(&helpers, &gathering);
	while (helpers.n > 0)
		pthread_join(helpers.threads[--helpers.n], NULL);
	berth_walk_close(gathering.walk);
	if (listing->n)
		qsort(listing->entries, listing->n, sizeof(*listing->entries), by_start);
}

/* ---- Printing ---- */

static int json_print(const struct listing *listing)
{
	json_t *array = json_array();
	for (size_t i = 0; i < listing->n; i++)
		json_array_append_new(array, listing->entries[i].json);
	return cli_print_json(array);
}

static int table_of(const struct listing *listing, const char *const *head, size_t columns)
{
	struct table table = {0};
	if (head)
		table_add(&table, head, columns);
	for (size_t i = 0; i < listing->n; i++)
		table_take(&table, listing->entries[i].row);
	int result = table_print(&table, stdout);
	table_release(&table);
	return result < 0 ? out_of_memory() : 0;
}

int listing_print(struct listing *listing, bool json, const char *const *head, size_t columns)
{
	int printed = 0;
	/* The head alone would look like an answer. */
	bool nothing = listing->failed || (listing->status && !listing->n && !json);
	if (nothing)
		for (size_t i = 0; i < listing->n; i++)
			entry_free(&listing->entries[i]);
	else
		printed = json ? json_print(listing) : table_of(listing, head, columns);
	free(listing->entries);
	return listing->status ? listing->status : printed;
}
