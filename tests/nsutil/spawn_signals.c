/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: none of the caller's handlers runs in the child, and the command starts with a clean slate. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/nsutil/fixture.h"

static void expect_clean(const struct run *run)
{
	static const char *const keys[] = {"SigBlk", "SigIgn", "SigCgt"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		cr_expect_str_eq(told(run, keys[i]), "0000000000000000", "%s: %s", keys[i], told(run, keys[i]));
}

static void ignore_handler(int signal)
{
	(void)signal;
}

/* Raw calls, since the C library keeps some signals from its callers. */
static void set_all_signals(void (*handler)(int))
{
	for (int signal = 1; signal <= 64; signal++) {
		struct {
			void (*handler)(int);
			unsigned long flags;
			void *restorer;
			unsigned long mask;
		} action = {.handler = handler};
		if (signal == SIGKILL || signal == SIGSTOP)
			continue;
		cr_assert_eq(syscall(SYS_rt_sigaction, signal, &action, NULL, sizeof action.mask), 0);
	}
}

static void expect_ignored_ones_reset(uint64_t namespaces)
{
	cleanup_plan struct plan *plan = PLAN_OF(fixture.look);
	struct run run = RUN_INIT;
	run.namespaces = namespaces;
	run_start(&run, plan);
	cr_assert_eq(run.code, 0, "%s", run.error.text);
	read_text(run.output_fd, run.output, sizeof run.output, NULL);
	expect_clean(&run);
	/* With SIGCHLD ignored the kernel reaps: the end is seen, the status is not. */
	struct pollfd ended = {.fd = run.spawned.pidfd, .events = POLLIN};
	cr_assert_eq(poll(&ended, 1, HANG_BOUND_MS), 1);
	cr_expect_eq(spawned_reap(run.spawned.pidfd, &run.wait_status), -ECHILD);
}

SPAWN_TEST(signals, ignored_ones_are_not_inherited)
{
	set_all_signals(SIG_IGN);
	expect_ignored_ones_reset(by_init);
	expect_ignored_ones_reset(in_place);
}

SPAWN_TEST(signals, blocked_ones_are_not_inherited)
{
	unsigned long all = ~0UL;
	cleanup_plan struct plan *plan = PLAN_OF(fixture.look);
	cleanup_plan struct plan *forked = plan_new();
	plan_add_fork(forked, false);
	FINISH(forked, fixture.look);
	cr_assert_eq(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all), 0);
	struct run run = RUN_INIT, second = RUN_INIT, third = RUN_INIT;
	run_plan(&run, plan);
	second.namespaces = third.namespaces = CLONE_NEWPID;
	run_plan(&second, forked);
	run_plan(&third, plan);
	unsigned long now = 0;
	cr_assert_eq(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now, sizeof now), 0);
	expect_clean(&run);
	expect_clean(&second);
	expect_clean(&third);
	/* The caller's own mask is as it was, but for the two signals that glibc never lets anybody block. */
	unsigned long kept_out = 1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1) | 3UL << 31;
	cr_expect_eq(now & ~kept_out, all & ~kept_out, "%#lx", now);
}

static atomic_int handled, handled_elsewhere;
static pid_t test_pid;

static void count_handler(int signal)
{
	(void)signal;
	/* The raw call: in a child that shares this memory getpid(2) tells the truth too. */
	if (syscall(SYS_getpid) == test_pid)
		handled++;
	else
		handled_elsewhere++;
}

/* A child that sends SIGUSR1 to the target (a process, or a group if negative) as fast as it can. */
static pid_t start_storm(pid_t target)
{
	pid_t storm = fork();
	cr_assert_geq(storm, 0);
	if (storm > 0)
		return storm;
	/* Out of the group, or it would hit itself. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		kill(target, SIGUSR1);
}

static void stop_storm(pid_t storm)
{
	int status;
	kill(storm, SIGKILL);
	while (waitpid(storm, &status, 0) < 0 && errno == EINTR)
		;
	cr_expect_gt(handled, 0, "no signal came: this showed nothing");
}

static void handle_usr1(void)
{
	struct sigaction action = {.sa_handler = count_handler};
	cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
	test_pid = getpid();
}

/* Signals to the caller's whole process group hit the child while it still has the caller's memory and handlers. */
SPAWN_TEST(signals, no_handler_of_the_caller_runs_in_the_child)
{
	cleanup_plan struct plan *plan = PLAN_OF("/bin/true");
	handle_usr1();
	cr_assert(getpgrp() == getpid() || setpgid(0, 0) == 0);
	pid_t storm = start_storm(-test_pid);
	for (int i = 0; i < 100; i++) {
		struct run run = RUN_INIT;
		run.namespaces = both_ways[i % 2];
		run.stdio = (const int[]){-1, -1, -1};
		/* The command itself has no handler: it may well be killed, before or after its exec. */
		run_start(&run, plan);
		if (run.code == 0) {
			cr_assert_eq(spawned_reap(run.spawned.pidfd, &run.wait_status), 0);
			close(run.spawned.pidfd);
		}
		cr_assert(run.code == 0 || run.code == -ECHILD, "%s", run.error.text);
	}
	stop_storm(storm);
	cr_expect_eq(handled_elsewhere, 0, "%d handlers ran in a child", handled_elsewhere);
}

/* A caller whose calls are interrupted all the time, without SA_RESTART, notices nothing. */
SPAWN_TEST(signals, interruptions_of_the_caller_do_no_harm)
{
	cleanup_plan struct plan *forked = plan_new();
	plan_add_fork(forked, false);
	FINISH(forked, "sh", "-c", "exit 3");
	cleanup_plan struct plan *plan = PLAN_OF("sh", "-c", "exit 3");
	handle_usr1();
	pid_t storm = start_storm(getpid());
	for (int i = 0; i < 100; i++) {
		struct run run = RUN_INIT;
		run.namespaces = CLONE_NEWPID;
		run.stdio = (const int[]){-1, -1, -1};
		run_start(&run, i % 2 ? plan : forked);
		cr_assert_eq(run.code, 0, "%s", run.error.text);
		cr_assert_eq(spawned_reap(run.spawned.pidfd, &run.wait_status), 0);
		cr_assert_eq(run.wait_status, 3 << 8);
		close(run.spawned.pidfd);
	}
	stop_storm(storm);
}

/* A caller's handler is no reason for the command to have one. */
SPAWN_TEST(signals, handlers_are_not_inherited)
{
	set_all_signals(SIG_DFL);
	for (int number = 1; number <= 64; number++)
		signal(number, ignore_handler);
	cleanup_plan struct plan *plan = PLAN_OF(fixture.look);
	for (int way = 0; way < 2; way++) {
		struct run run = RUN_INIT;
		run.namespaces = both_ways[way];
		run_plan(&run, plan);
		expect_clean(&run);
	}
}
