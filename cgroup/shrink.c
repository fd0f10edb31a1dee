/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making memory fit a limit lower than what is in use, one bounded step at a time. Between the steps the limit
 * follows the usage down with a little slack, so what has been won can't grow back, and ordinary allocations don't run
 * into it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

/* What one step tries to win at the most: so much that the cost of a write does not matter, so little that nobody waits
 * long for it. */
enum { STEP_BYTES = 16 << 20, SLACK_BYTES = 4 << 20 };

/* ---- At once ---- */

int cgroup_v1_memory_fit(const struct cgroup_directory *directory, uint64_t memory,
			 const struct cgroup_memory_known *known, struct error *error)
{
	/* Below the usage the kernel would reclaim for a while, and perhaps answer EBUSY; it does not kill. */
	bool raised = known->limit && memory >= known->limit;
	if (!raised && cgroup_directory_u64(directory, "memory.usage_in_bytes") > memory)
		return 0;
	if (!known->no_swap_limit && cgroup_v1_swap_is_limited(directory))
		return 0;
	int result = cgroup_directory_write_u64(directory, "memory.limit_in_bytes", memory, "-1", error);
	return result == 0 ? 1 : result == -EBUSY ? 0 : result;
}

int cgroup_v2_memory_fit(const struct cgroup_directory *directory, uint64_t memory,
			 const struct cgroup_memory_known *known, struct error *error)
{
	/* Below the usage the kernel would kill, so that what was known once is no good; swap is limited apart. */
	(void)known;
	uint64_t usage;
	if (cgroup_directory_read_u64(directory, "memory.current", &usage) < 0 || usage > memory)
		return 0;
	int result = cgroup_directory_write_u64(directory, "memory.max", memory, "max", error);
	return result < 0 ? result : 1;
}

/* ---- Step by step ---- */

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The limit to put in force between two steps. */
static uint64_t ratchet(uint64_t limit, uint64_t usage)
{
	return lesser(limit, usage + SLACK_BYTES);
}

static uint64_t next_goal(uint64_t usage, uint64_t target)
{
	return usage > target && usage - target > STEP_BYTES ? usage - STEP_BYTES : target;
}

/*
 * Memory and swap together follow too, as far as they fit, so that the container is never left with more swap than it
 * may have, whenever this ends.
 */
static void v1_ratchet_swap(const struct cgroup_directory *directory, uint64_t limit, uint64_t swap)
{
	if (!swap || swap == CGROUP_UNLIMITED)
		return;
	uint64_t wanted = limit + (swap == CGROUP_NO_SWAP ? 0 : swap);
	if (wanted < limit || cgroup_directory_u64(directory, "memory.memsw.usage_in_bytes") > wanted ||
	    cgroup_directory_u64(directory, "memory.memsw.limit_in_bytes") <= wanted)
		return;
	cgroup_directory_write_u64(directory, "memory.memsw.limit_in_bytes", wanted, "-1", NULL);
}

/*
 * Reclaim weighs its lists by counters that the kernel brings up to date now and then, and in any case for who reads
 * them. With old ones it finds nothing to take where everything is written to all the time.
 */
static void v1_refresh_counters(const struct cgroup_directory *directory)
{
	char text[64];
	file_read(directory->fd, "memory.stat", text, sizeof text);
}

int cgroup_v1_memory_shrink(const struct cgroup_directory *directory, const struct cgroup_limits *target,
			    struct error *error)
{
	struct cgroup_stats now = {0};
	if (!cgroup_v1_memory_read(directory, CGROUP_READ_MEMORY_USAGE | CGROUP_READ_MEMORY_LIMIT, &now))
		return error_errno(error, ENOENT, "read the memory usage of %s", directory->path);
	v1_refresh_counters(directory);
	uint64_t goal = next_goal(now.memory_usage, target->memory);
	if (goal == target->memory) {
		/* The kernel reclaims what is over, or answers EBUSY and leaves the limit as it was. */
		int result = cgroup_v1_memory_apply(directory, target, error);
		if (result != -EBUSY)
			return result < 0 ? result : 1;
	} else {
		int result = cgroup_directory_write_u64(directory, "memory.limit_in_bytes", goal, "-1", error);
		if (result < 0 && result != -EBUSY && result != -EINTR)
			return result;
	}
	uint64_t limit = ratchet(now.memory_limit, cgroup_directory_u64(directory, "memory.usage_in_bytes"));
	if (cgroup_directory_write_u64(directory, "memory.limit_in_bytes", limit, "-1", NULL) == 0)
		v1_ratchet_swap(directory, limit, target->swap);
	return 0;
}

/* Since Linux 5.19. */
static bool v2_can_reclaim(const struct cgroup_directory *directory)
{
	return faccessat(directory->fd, "memory.reclaim", F_OK, 0) == 0;
}

/* Reclaims without touching a limit where the kernel can, else by a lower memory.high. Best effort. */
static void v2_reclaim(const struct cgroup_directory *directory, uint64_t usage, uint64_t goal)
{
	char amount[32];
	snprintf(amount, sizeof amount, "%llu", (unsigned long long)(usage - goal));
	if (v2_can_reclaim(directory))
		file_write(directory->fd, "memory.reclaim", amount);
	else
		cgroup_directory_write_u64(directory, "memory.high", goal, "max", NULL);
}

int cgroup_v2_memory_shrink(const struct cgroup_directory *directory, const struct cgroup_limits *target,
			    struct error *error)
{
	const unsigned int fields = CGROUP_READ_MEMORY_USAGE | CGROUP_READ_MEMORY_LIMIT;
	struct cgroup_stats now = {0};
	if (!cgroup_v2_memory_read(directory, fields, &now))
		return error_errno(error, ENOENT, "read the memory usage of %s", directory->path);
	if (now.memory_usage > target->memory) {
		v2_reclaim(directory, now.memory_usage, next_goal(now.memory_usage, target->memory));
		cgroup_v2_memory_read(directory, fields, &now);
	}
	/* memory.max below the usage would not fail but kill, so it is lowered to what fits, and no further. */
	bool fits = now.memory_usage <= target->memory;
	struct cgroup_limits limits =
		fits ? *target : (struct cgroup_limits){.memory = ratchet(now.memory_limit, now.memory_usage)};
	int result = cgroup_v2_memory_apply(directory, &limits, error);
	/* Ours only where it was the means; else it is the user's. */
	if (fits && !v2_can_reclaim(directory))
		cgroup_directory_write_u64(directory, "memory.high", CGROUP_UNLIMITED, "max", NULL);
	return result < 0 ? result : fits;
}

/* ---- Both ---- */

static const struct cgroup_place *memory_place(const struct cgroup *cgroup, struct error *error)
{
	const struct cgroup_place *place = cgroup_place_find(cgroup, CGROUP_MEMORY);
	if (!place)
		error_set(error, ENOENT, "cgroup %s was made without the memory controller", cgroup->relative);
	return place;
}

static const struct cgroup_controller_operations *memory_operations(const struct cgroup_place *place)
{
	return &cgroup_controller_table[CGROUP_MEMORY].operations[place->hierarchy->version];
}

int cgroup_memory_fit(const struct cgroup *cgroup, uint64_t memory, const struct cgroup_memory_known *known,
		      struct error *error)
{
	const struct cgroup_place *place = memory_place(cgroup, error);
	if (!place)
		return -ENOENT;
	const struct cgroup_directory directory = cgroup_place_directory(cgroup, place);
	return memory_operations(place)->fit(&directory, memory, known, error);
}

int cgroup_memory_shrink(const struct cgroup *cgroup, const struct cgroup_limits *target, struct error *error)
{
	const struct cgroup_place *place = memory_place(cgroup, error);
	if (!place)
		return -ENOENT;
	cleanup_fd int fd = cgroup_place_open(cgroup, place);
	if (fd < 0)
		return error_errno(error, -fd, "open %s to lower its memory limit", place->path);
	struct cgroup_directory directory = {.fd = fd, .relative = ".", .path = place->path};
	return memory_operations(place)->shrink(&directory, target, error);
}
