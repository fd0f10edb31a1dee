/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three schedules by which the slave's own module is accepted, with an executor that runs hogs, and the limits as
 * the slave sets them: 128 MB at launch, then what the tasks that run have requested, at least 128 MB, by one write of
 * cpu.shares and one of memory.limit_in_bytes at each task's start and end.
 *
 * Compressed in time, grace included; in full with BERTH_FULL_SCHEDULES=1 (make check-schedules).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/memory/mem.h"
#include "tests/support/swap.h"

enum { ROWS = 4, GRACE_MS = 10000, BASE_MB = 128, SWAP_MIB = 400 };

struct schedule {
	const char *name;
	struct row {
		int at_s, for_s, requested, used;
		int headroom; /* MB that it uses less where there is no swap: a process is more than its hog */
	} rows[ROWS];
	size_t count;
	const char *limits; /* MB, as the slave sets them */
};

static const struct schedule two_separate_tasks = {
	"TwoSeparateTasks", {{0, 5, 200, 200, 20}, {10, 5, 200, 200, 20}}, 2, " 200 128 200 128"};
static const struct schedule scale_up_and_down = {
	"ScaleUpAndDown", {{0, 30, 200, 200, 20}, {10, 10, 200, 200, 20}}, 2, " 200 400 200 128"};
/* Its tasks use the 400 MB they have requested between them. */
static const struct schedule hold_more = {
	"HoldMoreMemThanRequested", {{0, 10, 200, 50, 20}, {0, 30, 200, 350, 0}}, 2, " 200 400 200 128"};

/* The same, but for how late the kill may be. */
static const struct schedule hold_too_long = {
	"HoldMoreMemThanRequested", {{0, 10, 200, 50, 20}, {0, 300, 200, 350, 0}}, 2, " 200 400 200 128"};

static void schedules_fini(void)
{
	mem_fini();
	swap_off();
}

/* The swap file must have gone before its directory. */
static void swapping_fini(void)
{
	swap_off();
	mem_fini();
}

TestSuite(memory_schedules, .init = mem_init, .fini = schedules_fini);
TestSuite(memory_schedules_swap, .init = mem_init, .fini = swapping_fini);

static bool is_full(void)
{
	const char *full = getenv("BERTH_FULL_SCHEDULES");
	return full && *full && strcmp(full, "0") != 0;
}

/* Where taking the memory alone takes a second, there must be more of them. */
static int compression(int wanted)
{
	return is_full() ? 1 : mem_slow() > 1 ? 3 : wanted;
}

/* ---- The slave ---- */

struct slave {
	struct rt_job *job;
	struct berth_container *container; /* as lxc-cgroup finds it */
	int requested, tasks;
	char said[256]; /* the limits, as they came */
};

static void limits_set(struct slave *slave)
{
	char shares[32], bytes[32];
	int mb = slave->requested > BASE_MB ? slave->requested : BASE_MB;
	snprintf(shares, sizeof shares, "%d", slave->tasks ? 1024 * slave->tasks : 10);
	snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)mb * MIB);
	snprintf(slave->said + strlen(slave->said), sizeof slave->said - strlen(slave->said), " %d", mb);
	struct berth_error error = BERTH_ERROR_INIT;
	if (berth_container_cgroup_write(slave->container, "cpu.shares", shares, &error) == 0)
		berth_container_cgroup_write(slave->container, "memory.limit_in_bytes", bytes, &error);
	/* The executor may be ending; else nothing may fail. */
	if (error.code)
		cr_expect_eq(berth_container_state(slave->container), BERTH_ENDED, "%s", error.text);
}

/* A line of the executor's; false: it has no more to say. */
static bool line_read(int fd, char *line, size_t size)
{
	size_t length = 0;
	for (;;) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		cr_assert_eq(poll(&readable, 1, 90 * 1000 + rt_patience()), 1, "the executor is silent");
		char byte;
		if (read(fd, &byte, 1) != 1)
			return false;
		if (byte == '\n')
			break;
		if (length + 1 < size)
			line[length++] = byte;
	}
	line[length] = '\0';
	return true;
}

static void slave_hear(struct slave *slave, const char *line)
{
	int task, mb;
	if (sscanf(line, "launch %d %d", &task, &mb) == 2) {
		slave->requested += mb;
		slave->tasks++;
		limits_set(slave);
		dprintf(slave->job->in, "go\n");
	} else if (sscanf(line, "finished %d %d", &task, &mb) == 2) {
		slave->requested -= mb;
		slave->tasks--;
		limits_set(slave);
	}
}

struct manner {
	int compression;
	bool swap; /* whether the container may use it */
	struct berth_memory_policy policy;
};

static struct manner manner(int compressed, bool swap)
{
	int by = compression(compressed);
	return (struct manner){.compression = by, .swap = swap, .policy = *mem_policy(GRACE_MS / by, 0)};
}

static struct berth_end run(const struct schedule *schedule, const struct manner *manner, bool *finished)
{
	char numbers[ROWS * 4][16];
	const char *argv[3 + ROWS * 4] = {"/bin/hog", "schedule"};
	size_t n = 0;
	for (size_t i = 0; i < schedule->count; i++) {
		const struct row *row = &schedule->rows[i];
		const int values[] = {row->at_s * 1000 / manner->compression, row->for_s * 1000 / manner->compression,
				      row->requested, row->used - (manner->swap ? 0 : row->headroom)};
		for (size_t j = 0; j < 4; j++, n++) {
			snprintf(numbers[n], sizeof *numbers, "%d", values[j]);
			argv[2 + n] = numbers[n];
		}
	}
	struct berth_options options = mem_hog(BASE_MB, argv);
	options.name = "mesos_executor_E_framework_F";
	options.memory_policy = &manner->policy;
	if (manner->swap) {
		options.resources.swap = 0;
		options.cgroup_files = NULL;
	}
	struct rt_job *job = rt_job(&options);
	mem_attend(job);
	struct slave slave = {.job = job, .container = mem_other(job)};
	char line[128];
	*finished = false;
	while (line_read(job->out, line, sizeof line)) {
		slave_hear(&slave, line);
		*finished |= strcmp(line, "all finished") == 0;
	}
	struct berth_end end = mem_join(job);
	if (*finished)
		cr_expect_str_eq(slave.said, schedule->limits, "%s: the limits were%s", schedule->name, slave.said);
	cr_log_info("%s, 1/%d of its time, %s swap%s: %s; limits%s", schedule->name, manner->compression,
		    manner->swap ? "with" : "without", manner->policy.freeze ? " and freezing" : "", end.text,
		    slave.said);
	return end;
}

static void expect_finished(const struct schedule *schedule, struct manner how)
{
	bool finished;
	struct berth_end end = run(schedule, &how, &finished);
	cr_expect(finished, "%s: %s", schedule->name, end.text);
	cr_expect(end.reason == BERTH_EXITED && end.code == 0, "%s: %s", schedule->name, end.text);
	cr_expect_eq(end.oom_kills, 0, "%s: %s", schedule->name, end.text);
}

Test(memory_schedules, two_separate_tasks)
{
	expect_finished(&two_separate_tasks, manner(10, false));
}

Test(memory_schedules, scale_up_and_down)
{
	expect_finished(&scale_up_and_down, manner(10, false));
}

Test(memory_schedules, hold_more_is_killed)
{
	bool finished;
	struct manner how = manner(10, false);
	struct berth_end end = run(&hold_too_long, &how, &finished);
	cr_expect_not(finished);
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	cr_expect_str_eq(berth_reason_name(end.reason), "scale-down-failed");
	cr_expect_eq(end.oom_kills, 0, "%s", end.text);
	double used = 0;
	cr_expect_eq(sscanf(end.text, "memory scale-down failed: %lf MiB in use", &used), 1, "%s", end.text);
	/* On v1 what may not be swapped goes out on the way and comes back, where other tests have turned swap on. */
	cr_expect(used > 200 && used < 360, "%s", end.text);
	cr_expect(strstr(end.text, " did not fit the new limit of 200.0 MiB within ") != NULL, "%s", end.text);
	cr_expect_geq(mem_seconds(&end), how.policy.grace_ms / 1000.0 - 0.05, "%s", end.text);
}

/* With swap there is room for all of them, also for tasks that use what they have requested to the last byte. */
Test(memory_schedules_swap, all_finish)
{
	swap_on(rt.base, SWAP_MIB);
	expect_finished(&two_separate_tasks, manner(10, true));
	expect_finished(&scale_up_and_down, manner(10, true));
	/* A disk is not ten times as fast for a schedule in a tenth of the time. */
	struct manner unhurried = manner(5, true), freezing = manner(10, true);
	unhurried.policy.grace_ms = GRACE_MS;
	expect_finished(&hold_more, unhurried);
	freezing.policy.freeze = true;
	freezing.policy.grace_ms = GRACE_MS;
	expect_finished(&hold_more, freezing);
	swap_off();
}
