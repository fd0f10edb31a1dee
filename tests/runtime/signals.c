/* SPDX-License-Identifier: Apache-2.0 */
/* Signals sent to a container reach its command, each once; Ctrl-C's reach its process group. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(signals, .init = rt_init, .fini = rt_fini);

static void expect_signal(struct rt_job *job, int signal)
{
	char line[32];
	rt_ok(berth_container_signal(job->container, signal, &rt.error));
	snprintf(line, sizeof line, "signal %d", signal);
	rt_job_expect(job, line);
}

static void each_signal(unsigned int flags)
{
	struct berth_options options = RT_OPTIONS("catch");
	options.flags = flags;
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "ready");
	for (int signal = 1; signal <= 64; signal++)
		if (signal != SIGKILL && signal != SIGSTOP && signal != SIGUSR2)
			expect_signal(job, signal);
	expect_signal(job, SIGUSR2);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	/* Each came once, but SIGCONT may have been merged with none. */
	cr_expect_eq(rt_count(job->text, "signal "), 62u, "%s", job->text);
}

Test(signals, each_reaches_the_command)
{
	each_signal(0);
}

Test(signals, each_reaches_the_command_without_init)
{
	each_signal(BERTH_NO_INIT);
}

Test(signals, that_are_none)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	struct berth_container *container = rt_launch(&options);
	rt_expect_error(berth_container_signal(container, 0, &rt.error), EINVAL);
	rt_expect_error(berth_container_signal(container, -1, &rt.error), EINVAL);
	rt_expect_error(berth_container_signal(container, 65, &rt.error), EINVAL);
	rt_kill(container);
}

/* The state letter of the process. proc_pid_stat(5) */
static char state_of(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	const char *text = rt_read(path), *end = strrchr(text, ')');
	return end ? end[2] : '?';
}

/* The command's host pid: the process inside that isn't PID 1. */
static pid_t command_of(struct berth_container *container)
{
	pid_t *pids, found = 0;
	ssize_t count = berth_container_processes(container, &pids, &rt.error);
	cr_assert_geq(count, 0, "%s", rt.error.text);
	for (ssize_t i = 0; i < count; i++)
		if (pids[i] != berth_container_pid(container))
			found = pids[i];
	free(pids);
	return found;
}

/* A stop has no event for those who aren't the parent: it is asked for until it is so. */
static bool wait_state(pid_t pid, bool stopped)
{
	for (int waited = 0; waited < rt_patience(); waited += 5) {
		if ((state_of(pid) == 'T') == stopped)
			return true;
		usleep(5000);
	}
	return false;
}

Test(signals, stop_and_continue_the_command)
{
	struct berth_options options = RT_OPTIONS("catch");
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "ready");
	pid_t command = command_of(job->container);
	rt_ok(berth_container_signal(job->container, SIGSTOP, &rt.error));
	cr_expect(wait_state(command, true), "the command does not stop");
	cr_expect_neq(state_of(berth_container_pid(job->container)), 'T', "init has stopped");
	/* Stopped, it hears of this later. */
	rt_ok(berth_container_signal(job->container, SIGTERM, &rt.error));
	rt_ok(berth_container_signal(job->container, SIGCONT, &rt.error));
	cr_expect(wait_state(command, false), "the command does not go on");
	rt_job_expect(job, "signal 15");
	expect_signal(job, SIGUSR2);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

Test(signals, interrupt_reaches_the_group)
{
	static const int signals[] = {SIGINT, SIGQUIT};
	struct berth_options options = RT_OPTIONS("catch", "group");
	struct rt_job *job = rt_job(&options);
	rt_job_await(job, "ready");
	rt_job_await(job, "child ready");
	for (size_t i = 0; i < 2; i++) {
		char own[32], childs[32];
		snprintf(own, sizeof own, "signal %d", signals[i]);
		snprintf(childs, sizeof childs, "child signal %d", signals[i]);
		rt_ok(berth_container_signal(job->container, signals[i], &rt.error));
		rt_job_await(job, own);
		rt_job_await(job, childs);
	}
	expect_signal(job, SIGTERM);
	expect_signal(job, SIGUSR2);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	cr_expect(!strstr(job->text, "child signal 15"), "SIGTERM is the command's alone: %s", job->text);
}

/* As an operator would, by its pid. */
Test(signals, sent_to_init_by_anyone)
{
	struct berth_options options = RT_OPTIONS("catch");
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "ready");
	cr_assert_eq(kill(berth_container_pid(job->container), SIGTERM), 0);
	rt_job_expect(job, "signal 15");
	cr_assert_eq(kill(berth_container_pid(job->container), SIGHUP), 0);
	rt_job_expect(job, "signal 1");
	rt_expect_end(rt_job_kill(job), BERTH_KILLED, SIGKILL);
}

Test(signals, term_ends_what_does_not_catch_it)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	struct berth_container *container = rt_launch(&options);
	rt_ok(berth_container_signal(container, SIGTERM, &rt.error));
	rt_expect_end(rt_end(container), BERTH_SIGNALED, SIGTERM);
}

Test(signals, kill_is_on_request)
{
	unsigned int flags[] = {0, BERTH_NO_INIT};
	for (size_t i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS("catch");
		options.flags = flags[i];
		options.stdio = (const int[]){-1, -1, -1};
		struct berth_container *container = rt_launch(&options);
		rt_ok(berth_container_signal(container, SIGKILL, &rt.error));
		rt_expect_end(rt_end(container), BERTH_KILLED, SIGKILL);
	}
}

Test(signals, after_the_end)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	struct berth_container *container = rt_launch(&options);
	struct berth_end end = BERTH_END_INIT;
	rt_ok(berth_container_wait(container, rt_patience(), &end, &rt.error));
	rt_expect_error(berth_container_signal(container, SIGTERM, &rt.error), ESRCH);
	rt_expect_error(berth_container_signal(container, SIGSTOP, &rt.error), ESRCH);
	rt_ok(berth_container_kill(container, BERTH_KILLED, &rt.error));
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
}
