/* SPDX-License-Identifier: Apache-2.0 */
/* v1: writing limits and reading counters, all controllers but memory; and what v1 and v2 write alike. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

enum { IO_TEXT_LIMIT = 1 << 20 };

/* ---- cpu: scheduler/sched-bwc.rst ---- */

static int quota_write(const struct cgroup_directory *directory, uint64_t quota, struct error *error)
{
	return cgroup_directory_write_u64(directory, "cpu.cfs_quota_us", quota, "-1", error);
}

static int period_write(const struct cgroup_directory *directory, uint64_t period, struct error *error)
{
	return cgroup_directory_write_u64(directory, "cpu.cfs_period_us", period, "-1", error);
}

/* In the order whose middle gives no more CPU than before or after: the kernel refuses more than the parent has. */
static int bandwidth_write(const struct cgroup_directory *directory, uint64_t quota, uint64_t period,
			   struct error *error)
{
	if (!quota)
		return period_write(directory, period, error);
	if (!period)
		period = 100000;
	bool longer = period > cgroup_directory_u64(directory, "cpu.cfs_period_us");
	int result = longer ? period_write(directory, period, error) : quota_write(directory, quota, error);
	if (result < 0)
		return result;
	return longer ? quota_write(directory, quota, error) : period_write(directory, period, error);
}

int cgroup_v1_cpu_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			struct error *error)
{
	int result = 0;
	if (limits->cpu_shares)
		result = cgroup_directory_write_u64(directory, "cpu.shares", limits->cpu_shares, "", error);
	if (result == 0 && (limits->cpu_quota_us || limits->cpu_period_us))
		result = bandwidth_write(directory, limits->cpu_quota_us, limits->cpu_period_us, error);
	return result;
}

bool cgroup_v1_cpu_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats)
{
	char text[1024];
	bool known = false;
	if (fields & CGROUP_READ_CPU_SHARES)
		known = cgroup_directory_read_u64(directory, "cpu.shares", &stats->cpu_shares) == 0;
	if (!(fields & CGROUP_READ_CPU_QUOTA) || cgroup_directory_read(directory, "cpu.stat", text, sizeof text) < 0)
		return known;
	file_keyed_u64(text, "throttled_time", &stats->cpu_throttled_ns);
	stats->cpu_period_us = cgroup_directory_u64(directory, "cpu.cfs_period_us");
	/* -1, which isn't a number to file_read_u64, and no such file: no quota. */
	if (cgroup_directory_read_u64(directory, "cpu.cfs_quota_us", &stats->cpu_quota_us) < 0)
		stats->cpu_quota_us = UINT64_MAX;
	return true;
}

/* ---- cpuacct: cgroup-v1/cpuacct.rst ---- */

static uint64_t ticks_to_ns(uint64_t ticks)
{
	return ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

bool cgroup_v1_cpuacct_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats)
{
	char text[256];
	uint64_t ticks;
	bool known = false;
	if (fields & CGROUP_READ_CPU_USAGE)
		known = cgroup_directory_read_u64(directory, "cpuacct.usage", &stats->cpu_usage_ns) == 0;
	if (!(fields & CGROUP_READ_CPU_SPLIT) ||
	    cgroup_directory_read(directory, "cpuacct.stat", text, sizeof text) < 0)
		return known;
	if (file_keyed_u64(text, "user", &ticks) == 0)
		stats->cpu_user_ns = ticks_to_ns(ticks);
	if (file_keyed_u64(text, "system", &ticks) == 0)
		stats->cpu_system_ns = ticks_to_ns(ticks);
	return true;
}

/* ---- cpuset, pids: alike in v1 and v2 ---- */

static int cpuset_write(const struct cgroup_directory *directory, const char *file, const char *list,
			struct error *error)
{
	if (!list)
		return 0;
	int result = cgroup_directory_write(directory, file, list, error);
	char path[64], above[512];
	snprintf(path, sizeof path, "../%s", file);
	if (result < 0 && cgroup_directory_read(directory, path, above, sizeof above) > 1)
		error_hint(error, "(the directory above has %.*s)", (int)strcspn(above, "\n"), above);
	return result;
}

int cgroup_cpuset_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			struct error *error)
{
	int result = cpuset_write(directory, "cpuset.cpus", limits->cpuset_cpus, error);
	return result < 0 ? result : cpuset_write(directory, "cpuset.mems", limits->cpuset_mems, error);
}

int cgroup_pids_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits, struct error *error)
{
	return limits->pids ? cgroup_directory_write_u64(directory, "pids.max", limits->pids, "max", error) : 0;
}

bool cgroup_pids_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats)
{
	bool known = false;
	if (fields & CGROUP_READ_PROCESSES)
		known = cgroup_directory_read_u64(directory, "pids.current", &stats->processes) == 0;
	if (fields & CGROUP_READ_PROCESSES_LIMIT)
		known |= cgroup_directory_read_u64(directory, "pids.max", &stats->processes_limit) == 0;
	return known;
}

/* ---- blkio: cgroup-v1/blkio-controller.rst ---- */

uint64_t cgroup_io_sum(const char *text, const char *key)
{
	uint64_t sum = 0;
	for (const char *at = text; (at = strstr(at, key));) {
		at += strlen(key);
		sum += strtoull(at, NULL, 10);
	}
	return sum;
}

/* Lines "MAJOR:MINOR Read BYTES", "... Write BYTES" and others of each device. */
bool cgroup_v1_io_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats)
{
	static const char recursive[] = "blkio.throttle.io_service_bytes_recursive";
	char most[2048]; /* a few devices */
	cleanup_free char *all = NULL;
	(void)fields;
	ssize_t length = cgroup_directory_read(directory, recursive, most, sizeof most);
	if (length == -EFBIG)
		length = cgroup_directory_read_all(directory, recursive, IO_TEXT_LIMIT, &all);
	if (length == -ENOENT)
		length = cgroup_directory_read_all(directory, "blkio.throttle.io_service_bytes", IO_TEXT_LIMIT, &all);
	if (length < 0)
		return false;
	stats->io_read_bytes = cgroup_io_sum(all ? all : most, " Read ");
	stats->io_write_bytes = cgroup_io_sum(all ? all : most, " Write ");
	return true;
}
