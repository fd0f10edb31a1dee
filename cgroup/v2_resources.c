/* SPDX-License-Identifier: Apache-2.0 */
/* v2: writing limits and reading counters (cgroup-v2.rst, "Controllers"). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

enum { LIST_SIZE = 4096, STAT_SIZE = 16384, IO_TEXT_LIMIT = 1 << 20 };

/* ---- cpu ---- */

/* cpu.max holds "QUOTA PERIOD". */
static bool cpu_max_read(const struct cgroup_directory *directory, uint64_t *quota, uint64_t *period)
{
	char text[64];
	if (cgroup_directory_read(directory, "cpu.max", text, sizeof text) < 0)
		return false;
	if (sscanf(text, "max %" SCNu64, period) == 1)
		*quota = CGROUP_UNLIMITED;
	else if (sscanf(text, "%" SCNu64 " %" SCNu64, quota, period) != 2)
		return false;
	return true;
}

static int cpu_max_write(const struct cgroup_directory *directory, uint64_t quota, uint64_t period, struct error *error)
{
	uint64_t old_quota = CGROUP_UNLIMITED, old_period;
	cpu_max_read(directory, &old_quota, &old_period);
	if (!quota)
		quota = old_quota;
	if (!period)
		period = 100000;
	char text[64];
	if (quota == CGROUP_UNLIMITED)
		snprintf(text, sizeof text, "max %" PRIu64, period);
	else
		snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, quota, period);
	return cgroup_directory_write(directory, "cpu.max", text, error);
}

int cgroup_v2_cpu_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			struct error *error)
{
	int result = 0;
	if (limits->cpu_shares)
		result = cgroup_directory_write_u64(directory, "cpu.weight",
						    cgroup_weight_from_shares(limits->cpu_shares), "", error);
	if (result == 0 && (limits->cpu_quota_us || limits->cpu_period_us))
		result = cpu_max_write(directory, limits->cpu_quota_us, limits->cpu_period_us, error);
	return result;
}

static uint64_t keyed_us_to_ns(const char *text, const char *key)
{
	uint64_t us = 0;
	file_keyed_u64(text, key, &us);
	return us * 1000;
}

bool cgroup_v2_cpu_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats)
{
	char text[1024];
	uint64_t weight;
	bool known = false;
	if (fields & CGROUP_READ_CPU_SHARES && cgroup_directory_read_u64(directory, "cpu.weight", &weight) == 0) {
		stats->cpu_shares = cgroup_shares_from_weight(weight);
		known = true;
	}
	if (!(fields & CGROUP_READ_CPU_QUOTA))
		return known;
	stats->cpu_quota_us = CGROUP_UNLIMITED;
	known |= cpu_max_read(directory, &stats->cpu_quota_us, &stats->cpu_period_us);
	if (cgroup_directory_read(directory, "cpu.stat", text, sizeof text) >= 0)
		stats->cpu_throttled_ns = keyed_us_to_ns(text, "throttled_usec");
	return known;
}

bool cgroup_v2_cpuacct_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats)
{
	(void)fields;
	char text[1024];
	if (cgroup_directory_read(directory, "cpu.stat", text, sizeof text) < 0)
		return false;
	stats->cpu_usage_ns = keyed_us_to_ns(text, "usage_usec");
	stats->cpu_user_ns = keyed_us_to_ns(text, "user_usec");
	stats->cpu_system_ns = keyed_us_to_ns(text, "system_usec");
	return true;
}

/* ---- cpuset ---- */

/*
 * v2 takes any list of CPUs the machine has, and gives those of them that the parent has; with none of them, all the
 * parent's. berth promises what was asked or fails.
 */
static int cpuset_check(const struct cgroup_directory *directory, const char *file, const char *old,
			struct error *error)
{
	char path[64], wanted[LIST_SIZE], granted[LIST_SIZE];
	snprintf(path, sizeof path, "%s.effective", file);
	if (cgroup_directory_read(directory, file, wanted, sizeof wanted) < 0 ||
	    cgroup_directory_read(directory, path, granted, sizeof granted) < 0 || strcmp(wanted, granted) == 0)
		return 0;
	cgroup_directory_write(directory, file, *old ? old : "\n", NULL);
	return error_set(error, EACCES, "%s/%s: %.*s was asked, and the directories above grant only %.*s",
			 directory->path, file, (int)strcspn(wanted, "\n"), wanted, (int)strcspn(granted, "\n"),
			 granted);
}

static int cpuset_set(const struct cgroup_directory *directory, const char *file, struct cgroup_limits limits,
		      struct error *error)
{
	char old[LIST_SIZE] = "";
	cgroup_directory_read(directory, file, old, sizeof old);
	int result = cgroup_cpuset_apply(directory, &limits, error);
	return result < 0 ? result : cpuset_check(directory, file, old, error);
}

int cgroup_v2_cpuset_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			   struct error *error)
{
	int result = 0;
	if (limits->cpuset_cpus)
		result = cpuset_set(directory, "cpuset.cpus",
				    (struct cgroup_limits){.cpuset_cpus = limits->cpuset_cpus}, error);
	if (result == 0 && limits->cpuset_mems)
		result = cpuset_set(directory, "cpuset.mems",
				    (struct cgroup_limits){.cpuset_mems = limits->cpuset_mems}, error);
	return result;
}

/* ---- memory ---- */

int cgroup_v2_memory_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			   struct error *error)
{
	int result = 0;
	/* Swap first, so that what no longer fits into memory finds the room it will have. */
	if (limits->swap)
		result = cgroup_directory_write_u64(directory, "memory.swap.max",
						    limits->swap == CGROUP_NO_SWAP ? 0 : limits->swap, "max", error);
	if (result == 0 && limits->memory)
		result = cgroup_directory_write_u64(directory, "memory.max", limits->memory, "max", error);
	return result;
}

bool cgroup_v2_memory_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats)
{
	char text[STAT_SIZE];
	bool known = false;
	if (fields & CGROUP_READ_MEMORY_USAGE)
		known |= cgroup_directory_read_u64(directory, "memory.current", &stats->memory_usage) == 0;
	if (fields & CGROUP_READ_MEMORY_PEAK)
		/* Linux 5.19 */
		known |= cgroup_directory_read_u64(directory, "memory.peak", &stats->memory_peak) == 0;
	if (fields & CGROUP_READ_MEMORY_LIMIT)
		known |= cgroup_directory_read_u64(directory, "memory.max", &stats->memory_limit) == 0;
	if (fields & CGROUP_READ_OOM && cgroup_directory_read(directory, "memory.events", text, sizeof text) >= 0) {
		file_keyed_u64(text, "oom_kill", &stats->oom_kills);
		known = true;
	}
	if (fields & CGROUP_READ_MEMORY_SPLIT) {
		if (cgroup_directory_read(directory, "memory.stat", text, sizeof text) >= 0) {
			file_keyed_u64(text, "anon", &stats->memory_rss);
			file_keyed_u64(text, "file", &stats->memory_cache);
			known = true;
		}
		stats->swap_usage = cgroup_directory_u64(directory, "memory.swap.current");
	}
	if (fields & CGROUP_READ_SWAP_LIMIT &&
	    cgroup_directory_read_u64(directory, "memory.swap.max", &stats->swap_limit) < 0)
		stats->swap_limit = UINT64_MAX;
	return known;
}

/* ---- io ---- */

/* One line a device: "8:0 rbytes=4096 wbytes=0 rios=1 ...". */
bool cgroup_v2_io_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats)
{
	(void)fields;
	cleanup_free char *text = NULL;
	if (cgroup_directory_read_all(directory, "io.stat", IO_TEXT_LIMIT, &text) < 0)
		return false;
	stats->io_read_bytes = cgroup_io_sum(text, " rbytes=");
	stats->io_write_bytes = cgroup_io_sum(text, " wbytes=");
	return true;
}
