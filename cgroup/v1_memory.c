/* SPDX-License-Identifier: Apache-2.0 */
/* v1 memory: cgroup-v1/memory.rst. Swap is limited together with memory ("memsw"), never below it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/file.h"

static const char memory_file[] = "memory.limit_in_bytes";
static const char memsw_file[] = "memory.memsw.limit_in_bytes";

/* The kernel counts pages in a long and shows "no limit" as the largest whole page below 2^63. */
static uint64_t limit_normalize(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	return bytes >= INT64_MAX / page * page ? CGROUP_UNLIMITED : bytes;
}

static int limit_read(const struct cgroup_directory *directory, const char *file, uint64_t *bytes)
{
	int result = cgroup_directory_read_u64(directory, file, bytes);
	if (result == 0)
		*bytes = limit_normalize(*bytes);
	return result;
}

static int limit_write(const struct cgroup_directory *directory, const char *file, const char *usage_file,
		       uint64_t bytes, struct error *error)
{
	int result = cgroup_directory_write_u64(directory, file, bytes, "-1", error);
	if (result == -EBUSY)
		error_hint(error, "(%" PRIu64 " bytes are in use and could not be reclaimed)",
			   cgroup_directory_u64(directory, usage_file));
	return result;
}

static int memory_write(const struct cgroup_directory *directory, uint64_t bytes, struct error *error)
{
	return limit_write(directory, memory_file, "memory.usage_in_bytes", bytes, error);
}

static int memsw_write(const struct cgroup_directory *directory, uint64_t bytes, struct error *error)
{
	return limit_write(directory, memsw_file, "memory.memsw.usage_in_bytes", bytes, error);
}

static uint64_t add_limits(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? CGROUP_UNLIMITED : sum;
}

bool cgroup_v1_swap_is_limited(const struct cgroup_directory *directory)
{
	uint64_t memsw;
	return limit_read(directory, memsw_file, &memsw) == 0 && memsw != CGROUP_UNLIMITED;
}

/* The memory+swap limit that these limits mean, where memory and memsw are in force now. */
static int memsw_wanted(const struct cgroup_directory *directory, const struct cgroup_limits *limits, uint64_t memory,
			uint64_t memsw, uint64_t *wanted, struct error *error)
{
	uint64_t next = limits->memory ? limits->memory : memory;
	if (limits->swap == 0) {
		/* Swap stays as it is: none was set, or so many bytes beyond memory as before. */
		bool lifted = memsw == CGROUP_UNLIMITED || next == CGROUP_UNLIMITED;
		*wanted = lifted ? CGROUP_UNLIMITED : add_limits(next, memsw - memory);
	} else if (limits->swap == CGROUP_UNLIMITED) {
		*wanted = CGROUP_UNLIMITED;
	} else if (next == CGROUP_UNLIMITED) {
		return error_set(error, EINVAL,
				 "%s: a swap limit needs a memory limit, since v1 limits the two together",
				 directory->path);
	} else {
		*wanted = limits->swap == CGROUP_NO_SWAP ? next : add_limits(next, limits->swap);
	}
	return 0;
}

/* The kernel keeps memory <= memory+swap at all times, so what grows grows from the outside. */
static int both_write(const struct cgroup_directory *directory, const struct cgroup_limits *limits, struct error *error)
{
	uint64_t memory = 0, memsw = 0, wanted = 0;
	int result = limit_read(directory, memory_file, &memory);
	if (result == 0)
		result = limit_read(directory, memsw_file, &memsw);
	if (result < 0)
		return error_errno(error, -result, "read the limits of %s", directory->path);
	result = memsw_wanted(directory, limits, memory, memsw, &wanted, error);
	if (result < 0)
		return result;
	if (wanted > memsw)
		result = memsw_write(directory, wanted, error);
	if (result == 0 && limits->memory)
		result = memory_write(directory, limits->memory, error);
	if (result == 0 && wanted < memsw) {
		result = memsw_write(directory, wanted, error);
		/* Both or none. Raising a limit again does not fail. */
		if (result < 0 && limits->memory)
			memory_write(directory, memory, NULL);
	}
	return result;
}

int cgroup_v1_memory_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			   struct error *error)
{
	/* Without limits until now: there is no swap limit that the memory limit would have to go along with. */
	if (directory->fresh && !limits->swap)
		return memory_write(directory, limits->memory, error);
	bool has_memsw = cgroup_directory_has(directory, memsw_file);
	if (has_memsw)
		return both_write(directory, limits, error);
	if (limits->swap && limits->swap != CGROUP_UNLIMITED)
		return error_set(error, ENOENT,
				 "limit swap: %s has no %s: this kernel does not account swap (boot it with "
				 "swapaccount=1)",
				 directory->path, memsw_file);
	return limits->memory ? memory_write(directory, limits->memory, error) : 0;
}

bool cgroup_v1_memory_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats)
{
	char text[16384];
	bool known = false;
	if (fields & CGROUP_READ_MEMORY_USAGE)
		known |= cgroup_directory_read_u64(directory, "memory.usage_in_bytes", &stats->memory_usage) == 0;
	if (fields & CGROUP_READ_MEMORY_PEAK)
		known |= cgroup_directory_read_u64(directory, "memory.max_usage_in_bytes", &stats->memory_peak) == 0;
	if (fields & (CGROUP_READ_MEMORY_LIMIT | CGROUP_READ_SWAP_LIMIT))
		known |= limit_read(directory, memory_file, &stats->memory_limit) == 0;
	if (fields & CGROUP_READ_OOM &&
	    cgroup_directory_read(directory, "memory.oom_control", text, sizeof text) >= 0) {
		uint64_t waits = 0;
		file_keyed_u64(text, "oom_kill", &stats->oom_kills);
		stats->oom_waits = file_keyed_u64(text, "under_oom", &waits) == 0 && waits;
		known = true;
	}
	if (fields & CGROUP_READ_MEMORY_SPLIT &&
	    cgroup_directory_read(directory, "memory.stat", text, sizeof text) >= 0) {
		file_keyed_u64(text, "total_rss", &stats->memory_rss);
		file_keyed_u64(text, "total_cache", &stats->memory_cache);
		file_keyed_u64(text, "total_swap", &stats->swap_usage);
		known = true;
	}
	uint64_t memsw;
	if (fields & CGROUP_READ_SWAP_LIMIT)
		stats->swap_limit = limit_read(directory, memsw_file, &memsw) == 0 && memsw != CGROUP_UNLIMITED
					    ? memsw - stats->memory_limit
					    : UINT64_MAX;
	return known;
}
