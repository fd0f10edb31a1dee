/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The isolation module's own acceptance schedules: tasks that all share one executor, each with its memory, so that the
 * executor's limit goes up and down with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/slave/slave.h"
#include "tests/support/swap.h"

static void init(void)
{
	slave_init();
	lx_require_controller("memory");
}

TestSuite(slave_schedules, .init = init, .fini = slave_fini);

/* 50 and 350 of 400 would leave no room for the executor itself, and where there is no swap the kernel kill it. */
enum { SMALL_MB = 40, SWAP_MIB = 400 };
/* The page's 30 s, but for what is killed before they are over: how late that is, is up to what else a machine does. */
enum { KILLED_S = 300 };

struct row {
	int start_s, for_s;
	long requested_mb, used_mb;
};

struct schedule {
	const struct row *rows;
	int n, launched, finished;
	bool over;
};

static void hear(struct executor *executor, const char *message)
{
	struct schedule *schedule = executor->data;
	int task;
	if (sscanf(message, "finished %d", &task) != 1) // NOLINT(cert-err34-c): checked by what it is used for
		return;
	cr_assert(task >= 0 && task < schedule->n);
	schedule->finished++;
	slave_task_remove(executor, schedule->rows[task].requested_mb);
}

/* Runs it; true when all tasks finished, false when the executor was lost. */
static bool run(struct schedule *schedule, struct executor *executor)
{
	int64_t start = slave_now_ms();
	executor->hear = hear;
	executor->data = schedule;
	while (schedule->finished < schedule->n && executor->pid > 0) {
		const struct row *row = &schedule->rows[schedule->launched];
		if (schedule->launched < schedule->n && slave_now_ms() - start >= slave_ms(row->start_s * 1000)) {
			char order[64];
			slave_task_add(executor, row->requested_mb);
			snprintf(order, sizeof order, "run %d %d %ld\n", schedule->launched++,
				 slave_ms(row->for_s * 1000), row->used_mb);
			slave_tell(executor, order);
		}
		slave_run(5, NULL);
		cr_assert_lt(slave_now_ms() - start, slave_ms(60000) + lx_patience());
	}
	return schedule->finished == schedule->n;
}

/* There may be some, now or later, which would take what the limit does not. */
static void without_swap(void)
{
	lx_configure(lx_require_controller("memory") == 2 ? "lxc.cgroup2.memory.swap.max = 0\n"
							  : "lxc.cgroup.memory.swappiness = 0\n");
}

static void grace(int real_ms)
{
	char line[64];
	snprintf(line, sizeof line, "berth.memory.grace = %dms\n", slave_ms(real_ms));
	lx_configure(line);
}

static void expect_all_finished(const struct row *rows, int n)
{
	struct schedule schedule = {.rows = rows, .n = n};
	struct executor *executor = slave_launch("F", "default", "./executor");
	slave_await_registered(executor);
	cr_assert(run(&schedule, executor), "the executor was lost, status %#x: %s", executor->status,
		  lx_read(executor->errors));
	cr_expect_eq(slave.resizes_failed, 0);
	slave_tell(executor, "shutdown\n");
	slave_await_reaped(executor);
	cr_expect_str_eq(lx_read(executor->errors), "");
}

Test(slave_schedules, two_separate_tasks)
{
	grace(10000);
	expect_all_finished((const struct row[]){{0, 5, 200, 180}, {10, 5, 200, 180}}, 2);
}

Test(slave_schedules, scale_up_and_down)
{
	grace(10000);
	expect_all_finished((const struct row[]){{0, 30, 200, 180}, {10, 10, 200, 180}}, 2);
}

/* The page's own sizes leave no room for the executor itself but in swap. */
Test(slave_schedules, without_headroom, .fini = swap_off)
{
	swap_on(lx.base, SWAP_MIB);
	grace(10000);
	expect_all_finished((const struct row[]){{0, 5, 200, 200}, {10, 5, 200, 200}}, 2);
	expect_all_finished((const struct row[]){{0, 30, 200, 200}, {10, 10, 200, 200}}, 2);
}

Test(slave_schedules, hold_more_memory_than_requested)
{
	without_swap();
	static const struct row rows[] = {{0, 10, 200, SMALL_MB}, {0, KILLED_S, 200, 350}};
	struct schedule schedule = {.rows = rows, .n = 2};
	grace(10000);
	struct executor *executor = slave_launch("F", "default", "./executor");
	slave_await_registered(executor);
	cr_expect_not(run(&schedule, executor), "it held 350 MB of 200 to the end");
	cr_expect_eq(schedule.finished, 1, "the first task finishes, and then the limit is lowered");
	/* The slave was not kept waiting by that, and was told of no failure. */
	cr_expect_eq(slave.resizes_failed, 0);
	cr_expect(WIFEXITED(executor->status) && WEXITSTATUS(executor->status) == 137, "status %#x", executor->status);
	const char *errors = lx_read(executor->errors);
	cr_expect(strstr(errors, "lxc-execute: container 'mesos_executor_default_framework_F' was killed: memory "
				 "scale-down failed: 35"),
		  "%s", errors);
	cr_expect(strstr(errors, "200.0 MiB"), "%s", errors);
}

/* As the first releases behaved: no grace at all. */
Test(slave_schedules, hold_more_memory_than_requested_strictly)
{
	without_swap();
	static const struct row rows[] = {{0, 10, 200, SMALL_MB}, {0, KILLED_S, 200, 350}};
	struct schedule schedule = {.rows = rows, .n = 2};
	lx_configure("berth.memory.grace = 0\n");
	struct executor *executor = slave_launch("F", "default", "./executor");
	slave_await_registered(executor);
	cr_expect_not(run(&schedule, executor));
	cr_expect_eq(WEXITSTATUS(executor->status), 137);
	cr_expect(strstr(lx_read(executor->errors), "was killed: memory scale-down failed"), "%s",
		  lx_read(executor->errors));
}
