/* SPDX-License-Identifier: Apache-2.0 */
/* Limits land in the files, of either version, and read back. */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

enum { MIB = 1 << 20 };

TestSuite(limits, .init = fixture_init, .fini = fixture_fini, .timeout = 60);

static struct cgroup *create_with(enum cgroup_controller controller)
{
	fixture_require(CGROUP_BIT(controller));
	return fixture_create("limits", CGROUP_BIT(controller));
}

static void apply(struct cgroup *cgroup, struct cgroup_limits limits)
{
	cr_assert_eq(cgroup_apply(cgroup, &limits, &fixture.error), 0, "%s", fixture.error.text);
}

static struct cgroup_stats read_stats(const struct cgroup *cgroup, enum cgroup_controller controller)
{
	struct cgroup_stats stats;
	cr_assert_eq(cgroup_read(cgroup, CGROUP_READ_ALL, &stats, &fixture.error), 0, "%s", fixture.error.text);
	cr_assert(stats.known & CGROUP_BIT(controller));
	return stats;
}

/* The file holds v1's or v2's text, whichever serves the controller. */
static void expect_file(const struct cgroup *cgroup, enum cgroup_controller controller, const char *v1_file,
			const char *v1_text, const char *v2_file, const char *v2_text)
{
	bool v1 = cgroup_layout_version(fixture.layout, controller) == 1;
	cr_expect(fixture_file_is(cgroup_controller_path(cgroup, controller), v1 ? v1_file : v2_file,
				  v1 ? v1_text : v2_text));
}

static void expect_refused(struct cgroup *cgroup, struct cgroup_limits limits, int code, const char *word)
{
	memset(&fixture.error, 0, sizeof fixture.error);
	cr_expect_eq(cgroup_apply(cgroup, &limits, &fixture.error), -code, "%s", fixture.error.text);
	cr_expect(strstr(fixture.error.text, word), "\"%s\" does not name %s", fixture.error.text, word);
}

Test(limits, cpu_shares)
{
	struct cgroup *cgroup = create_with(CGROUP_CPU);
	apply(cgroup, (struct cgroup_limits){.cpu_shares = 512});
	expect_file(cgroup, CGROUP_CPU, "cpu.shares", "512", "cpu.weight", "50");
	cr_expect_eq(read_stats(cgroup, CGROUP_CPU).cpu_shares, 512);
	apply(cgroup, (struct cgroup_limits){.cpu_shares = 10});
	expect_file(cgroup, CGROUP_CPU, "cpu.shares", "10", "cpu.weight", "1");
	expect_refused(cgroup, (struct cgroup_limits){.cpu_shares = 1}, EINVAL, "shares");
	expect_refused(cgroup, (struct cgroup_limits){.cpu_shares = 262145}, EINVAL, "262145");
	cgroup_free(cgroup);
}

Test(limits, cpu_quota)
{
	struct cgroup *cgroup = create_with(CGROUP_CPU);
	cr_expect_eq(read_stats(cgroup, CGROUP_CPU).cpu_quota_us, UINT64_MAX);
	apply(cgroup, (struct cgroup_limits){.cpu_quota_us = 50000});
	expect_file(cgroup, CGROUP_CPU, "cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000");
	apply(cgroup, (struct cgroup_limits){.cpu_quota_us = 4000, .cpu_period_us = 20000});
	expect_file(cgroup, CGROUP_CPU, "cpu.cfs_period_us", "20000", "cpu.max", "4000 20000");
	apply(cgroup, (struct cgroup_limits){.cpu_period_us = 40000});
	struct cgroup_stats stats = read_stats(cgroup, CGROUP_CPU);
	cr_expect_eq(stats.cpu_quota_us, 4000);
	cr_expect_eq(stats.cpu_period_us, 40000);
	apply(cgroup, (struct cgroup_limits){.cpu_quota_us = CGROUP_UNLIMITED});
	cr_expect_eq(read_stats(cgroup, CGROUP_CPU).cpu_quota_us, UINT64_MAX);
	expect_refused(cgroup, (struct cgroup_limits){.cpu_quota_us = 999}, EINVAL, "quota");
	expect_refused(cgroup, (struct cgroup_limits){.cpu_quota_us = 5000, .cpu_period_us = 2000000}, EINVAL,
		       "period");
	cgroup_free(cgroup);
}

/* v1 refuses a child more CPU than its parent has, so the order of quota and period matters. */
Test(limits, cpu_quota_within_a_limited_parent)
{
	struct cgroup *parent = create_with(CGROUP_CPU), *child;
	apply(parent, (struct cgroup_limits){.cpu_quota_us = 60000});
	char path[96];
	snprintf(path, sizeof path, "%s/limits", fixture.parent);
	cr_assert_eq(cgroup_create(fixture.layout, path, "child", CGROUP_BIT(CGROUP_CPU), &child, &fixture.error), 0,
		     "%s", fixture.error.text);
	apply(child, (struct cgroup_limits){.cpu_quota_us = 50000});
	apply(child, (struct cgroup_limits){.cpu_quota_us = 5000, .cpu_period_us = 10000});
	apply(child, (struct cgroup_limits){.cpu_quota_us = 50000});
	cr_expect_eq(read_stats(child, CGROUP_CPU).cpu_quota_us, 50000);
	cgroup_free(child);
	cgroup_free(parent);
}

static void burn(void)
{
	for (;;)
		;
}

Test(limits, cpu_time_is_counted_and_throttled)
{
	fixture_require(CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_CPUACCT));
	struct cgroup *cgroup = fixture_create("limits", CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_CPUACCT));
	apply(cgroup, (struct cgroup_limits){.cpu_quota_us = 2000, .cpu_period_us = 10000});
	fixture_fork(cgroup, burn);
	/* Bounded by the suite's timeout. The tick must have seen it for the split, and the quota have run out. */
	struct cgroup_stats stats;
	do {
		stats = read_stats(cgroup, CGROUP_CPUACCT);
	} while (stats.cpu_usage_ns < 50000000 || stats.cpu_user_ns == 0 || stats.cpu_throttled_ns == 0);
	cr_expect_lt(stats.cpu_usage_ns, 30 * UINT64_C(1000000000), "nanoseconds");
	cr_expect_lt(stats.cpu_user_ns, 30 * UINT64_C(1000000000));
	cr_expect_gt(stats.cpu_throttled_ns, 100000, "nanoseconds");
	cgroup_free(cgroup);
}

Test(limits, cpuset)
{
	struct cgroup *cgroup = create_with(CGROUP_CPUSET);
	apply(cgroup, (struct cgroup_limits){.cpuset_cpus = "0", .cpuset_mems = "0"});
	cr_expect(fixture_file_is(cgroup_controller_path(cgroup, CGROUP_CPUSET), "cpuset.cpus", "0"));
	cr_expect(fixture_file_is(cgroup_controller_path(cgroup, CGROUP_CPUSET), "cpuset.mems", "0"));
	struct cgroup_limits limits = {.cpuset_cpus = "4000"};
	cr_expect_lt(cgroup_apply(cgroup, &limits, &fixture.error), 0, "no machine has that many CPUs");
	cr_expect(strstr(fixture.error.text, "4000") && strstr(fixture.error.text, "cpuset.cpus"), "%s",
		  fixture.error.text);
	limits.cpuset_cpus = "one";
	cr_expect_lt(cgroup_apply(cgroup, &limits, &fixture.error), 0);
	expect_refused(cgroup, (struct cgroup_limits){.cpuset_cpus = ""}, EINVAL, "CPUs");
	cr_expect(fixture_file_is(cgroup_controller_path(cgroup, CGROUP_CPUSET), "cpuset.cpus", "0"));
	cgroup_free(cgroup);
}

Test(limits, cpuset_not_in_the_parent)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		cr_skip_test("one CPU: nothing the parent could lack");
	struct cgroup *parent = create_with(CGROUP_CPUSET), *child;
	apply(parent, (struct cgroup_limits){.cpuset_cpus = "0"});
	char path[96];
	snprintf(path, sizeof path, "%s/limits", fixture.parent);
	cr_assert_eq(cgroup_create(fixture.layout, path, "child", CGROUP_BIT(CGROUP_CPUSET), &child, &fixture.error), 0,
		     "%s", fixture.error.text);
	expect_refused(child, (struct cgroup_limits){.cpuset_cpus = "1"}, EACCES, "0");
	apply(child, (struct cgroup_limits){.cpuset_cpus = "0"});
	cgroup_free(child);
	cgroup_free(parent);
}

Test(limits, pids)
{
	struct cgroup *cgroup = create_with(CGROUP_PIDS);
	cr_expect_eq(read_stats(cgroup, CGROUP_PIDS).processes_limit, UINT64_MAX);
	apply(cgroup, (struct cgroup_limits){.pids = 7});
	cr_expect(fixture_file_is(cgroup_path(cgroup, 0), "pids.max", "7"));
	fixture_fork(cgroup, NULL);
	struct cgroup_stats stats = read_stats(cgroup, CGROUP_PIDS);
	cr_expect_eq(stats.processes, 1);
	cr_expect_eq(stats.processes_limit, 7);
	apply(cgroup, (struct cgroup_limits){.pids = CGROUP_UNLIMITED});
	cr_expect_eq(read_stats(cgroup, CGROUP_PIDS).processes_limit, UINT64_MAX);
	expect_refused(cgroup, (struct cgroup_limits){.pids = 5000000}, EINVAL, "pids.max");
	cgroup_free(cgroup);
}

Test(limits, needs_a_controller_it_has_not)
{
	struct cgroup *cgroup = create_with(CGROUP_CPUACCT);
	expect_refused(cgroup, (struct cgroup_limits){.memory = MIB}, ENOENT, "memory");
	cgroup_free(cgroup);
}

/* ---- Memory ---- */

static bool swap_is_limited(const struct cgroup *cgroup)
{
	const char *path = cgroup_controller_path(cgroup, CGROUP_MEMORY);
	return fixture_file_there(path, "memory.memsw.limit_in_bytes") || fixture_file_there(path, "memory.swap.max");
}

static void expect_memory(const struct cgroup *cgroup, uint64_t memory, uint64_t swap)
{
	struct cgroup_stats stats = read_stats(cgroup, CGROUP_MEMORY);
	cr_expect_eq(stats.memory_limit, memory, "memory %" PRIu64 ", not %" PRIu64, stats.memory_limit, memory);
	cr_expect_eq(stats.swap_limit, swap, "swap %" PRIu64 ", not %" PRIu64, stats.swap_limit, swap);
}

Test(limits, memory_alone)
{
	struct cgroup *cgroup = create_with(CGROUP_MEMORY);
	expect_memory(cgroup, UINT64_MAX, UINT64_MAX);
	apply(cgroup, (struct cgroup_limits){.memory = 64 * MIB});
	expect_file(cgroup, CGROUP_MEMORY, "memory.limit_in_bytes", "67108864", "memory.max", "67108864");
	expect_memory(cgroup, 64 * MIB, UINT64_MAX);
	struct cgroup_stats stats;
	cr_expect_eq(cgroup_read_memory(cgroup, &stats, NULL), 0);
	cr_expect_eq(stats.memory_limit, 64 * MIB);
	cr_expect_eq(stats.known, CGROUP_BIT(CGROUP_MEMORY));
	apply(cgroup, (struct cgroup_limits){.memory = 16 * MIB});
	apply(cgroup, (struct cgroup_limits){.memory = CGROUP_UNLIMITED});
	expect_memory(cgroup, UINT64_MAX, UINT64_MAX);
	cgroup_free(cgroup);
}

Test(limits, memory_and_swap_up_and_down)
{
	struct cgroup *cgroup = create_with(CGROUP_MEMORY);
	if (!swap_is_limited(cgroup))
		cr_skip_test("this kernel does not account swap");
	apply(cgroup, (struct cgroup_limits){.memory = 64 * MIB, .swap = CGROUP_NO_SWAP});
	expect_memory(cgroup, 64 * MIB, 0);
	apply(cgroup, (struct cgroup_limits){.memory = 256 * MIB, .swap = 32 * MIB});
	expect_memory(cgroup, 256 * MIB, 32 * MIB);
	apply(cgroup, (struct cgroup_limits){.memory = 32 * MIB, .swap = 8 * MIB});
	expect_memory(cgroup, 32 * MIB, 8 * MIB);
	/* Memory alone, beyond the sum in force and back: swap stays what it was. */
	apply(cgroup, (struct cgroup_limits){.memory = 512 * MIB});
	expect_memory(cgroup, 512 * MIB, 8 * MIB);
	apply(cgroup, (struct cgroup_limits){.memory = 16 * MIB});
	expect_memory(cgroup, 16 * MIB, 8 * MIB);
	apply(cgroup, (struct cgroup_limits){.swap = 4 * MIB});
	expect_memory(cgroup, 16 * MIB, 4 * MIB);
	apply(cgroup, (struct cgroup_limits){.swap = CGROUP_UNLIMITED});
	expect_memory(cgroup, 16 * MIB, UINT64_MAX);
	apply(cgroup, (struct cgroup_limits){.memory = CGROUP_UNLIMITED});
	expect_memory(cgroup, UINT64_MAX, UINT64_MAX);
	cgroup_free(cgroup);
}

Test(limits, swap_without_memory_or_accounting)
{
	struct cgroup *cgroup = create_with(CGROUP_MEMORY);
	if (!swap_is_limited(cgroup))
		expect_refused(cgroup, (struct cgroup_limits){.memory = MIB, .swap = MIB}, ENOENT, "swap");
	else if (cgroup_layout_version(fixture.layout, CGROUP_MEMORY) == 1)
		expect_refused(cgroup, (struct cgroup_limits){.swap = MIB}, EINVAL, "memory limit");
	else
		apply(cgroup, (struct cgroup_limits){.swap = MIB});
	cgroup_free(cgroup);
}

static size_t touch_bytes;

static void touch(void)
{
	char *memory = mmap(NULL, touch_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		_exit(104);
	for (size_t i = 0; i < touch_bytes; i += 4096)
		memory[i] = 1;
}

static void apply_without_swap(struct cgroup *cgroup, uint64_t memory)
{
	apply(cgroup, (struct cgroup_limits){.memory = memory, .swap = swap_is_limited(cgroup) ? CGROUP_NO_SWAP : 0});
}

Test(limits, out_of_memory_is_counted)
{
	struct cgroup *cgroup = create_with(CGROUP_MEMORY);
	apply_without_swap(cgroup, 16 * MIB);
	struct cgroup_stats stats;
	cr_assert_eq(cgroup_read_memory(cgroup, &stats, NULL), 0);
	cr_expect_eq(stats.oom_kills, 0);
	touch_bytes = 64 * MIB;
	int status = fixture_wait(fixture_fork(cgroup, touch));
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", (unsigned int)status);
	cr_assert_eq(cgroup_read_memory(cgroup, &stats, NULL), 0);
	cr_expect_eq(stats.oom_kills, 1);
	if (cgroup_layout_version(fixture.layout, CGROUP_MEMORY) == 1 ||
	    fixture_file_there(cgroup_path(cgroup, 0), "memory.peak"))
		cr_expect(stats.memory_peak > 12 * MIB && stats.memory_peak <= 16 * MIB, "peak %" PRIu64,
			  stats.memory_peak);
	cgroup_free(cgroup);
}

Test(limits, who_waits_for_memory_is_told)
{
	struct cgroup *cgroup = create_with(CGROUP_MEMORY);
	if (cgroup_layout_version(fixture.layout, CGROUP_MEMORY) != 1)
		cr_skip_test("cgroup v2 can't be told not to kill");
	apply_without_swap(cgroup, 16 * MIB);
	struct cgroup_stats stats;
	cr_assert_eq(cgroup_read_memory(cgroup, &stats, NULL), 0);
	cr_expect_not(stats.oom_waits);
	cr_assert_eq(cgroup_oom_hold(cgroup, true), 0);
	touch_bytes = 64 * MIB;
	pid_t child = fixture_fork(cgroup, touch);
	/* Bounded by the suite's timeout. */
	do
		cr_assert_eq(cgroup_read_memory(cgroup, &stats, NULL), 0);
	while (!stats.oom_waits);
	cr_expect_eq(stats.oom_kills, 0);
	cr_assert_eq(cgroup_oom_hold(cgroup, false), 0);
	int status = fixture_wait(child);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", (unsigned int)status);
	cgroup_free(cgroup);
}

Test(limits, memory_in_use)
{
	struct cgroup *cgroup = create_with(CGROUP_MEMORY);
	apply_without_swap(cgroup, 128 * MIB);
	touch_bytes = 32 * MIB;
	fixture_fork(cgroup, touch);
	struct cgroup_stats stats;
	/* memory.stat lags behind usage by a flush; bounded by the suite's timeout. */
	do
		stats = read_stats(cgroup, CGROUP_MEMORY);
	while (stats.memory_usage < 32 * MIB || stats.memory_rss < 31 * MIB);
	cr_expect_lt(stats.memory_rss, 48 * MIB);
	cr_expect_lt(stats.memory_usage, 64 * MIB);
	if (cgroup_layout_version(fixture.layout, CGROUP_MEMORY) == 1) {
		/* v1 does not kill for a limit below what can't be reclaimed: it refuses, and both limits stay. */
		struct cgroup_limits limits = {.memory = 8 * MIB};
		cr_expect_eq(cgroup_apply(cgroup, &limits, &fixture.error), -EBUSY);
		cr_expect(strstr(fixture.error.text, "8388608") && strstr(fixture.error.text, "limit_in_bytes") &&
				  strstr(fixture.error.text, "bytes are in use"),
			  "%s", fixture.error.text);
		cr_expect_eq(read_stats(cgroup, CGROUP_MEMORY).memory_limit, 128 * MIB);
	}
	cgroup_free(cgroup);
}

Test(limits, io_is_counted)
{
	struct cgroup *cgroup = create_with(CGROUP_IO);
	struct cgroup_stats stats = read_stats(cgroup, CGROUP_IO);
	cr_expect_eq(stats.io_read_bytes, 0);
	cr_expect_eq(stats.io_write_bytes, 0);
	cgroup_free(cgroup);
}

Test(limits, reading_what_is_gone)
{
	struct cgroup *cgroup = fixture_create("limits", fixture.served);
	struct cgroup_stats stats;
	cr_expect_eq(cgroup_destroy(cgroup, 0, NULL), 0);
	cr_expect_eq(cgroup_read(cgroup, CGROUP_READ_ALL, &stats, &fixture.error), -ENOENT);
	cr_expect_eq(stats.known, 0);
	struct cgroup_limits limits = {.cpu_shares = 2};
	if (fixture.served & CGROUP_BIT(CGROUP_CPU))
		cr_expect_eq(cgroup_apply(cgroup, &limits, &fixture.error), -ENOENT);
	cgroup_free(cgroup);
}
