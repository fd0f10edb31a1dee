/* SPDX-License-Identifier: Apache-2.0 */
/* What an end takes along, and what it leaves: orphans, children, processes that joined from outside, many at once. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(endings, .init = rt_init, .fini = rt_fini);

Test(endings, orphans_are_reaped)
{
	struct berth_options options = RT_OPTIONS("orphans", "1000");
	const char *text = rt_output(&options);
	rt_expect_line(text, "made=1000");
	rt_expect_line(text, "others=0");
	rt_expect_line(text, "zombies=0");
}

/* The host's pids of the processes inside, PID 1 included. */
static size_t processes(struct berth_container *container, pid_t *all, size_t room)
{
	pid_t *pids;
	ssize_t count = berth_container_processes(container, &pids, &rt.error);
	cr_assert(count >= 0 && (size_t)count <= room, "%zd: %s", count, rt.error.text);
	memcpy(all, pids, (size_t)count * sizeof *pids);
	free(pids);
	return (size_t)count;
}

static void expect_gone(const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_expect(kill(pids[i], 0) < 0 && errno == ESRCH, "process %d is left", pids[i]);
}

Test(endings, command_takes_its_children_along)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS("act", "children", "20", "hold", "exit", "9");
		options.flags = i ? BERTH_NO_INIT : 0;
		struct rt_job *job = rt_job(&options);
		rt_job_expect(job, "children 20=ok");
		pid_t pids[64];
		size_t count = processes(job->container, pids, 64);
		cr_expect_eq(count, i ? 21u : 22u);
		rt_expect_end(rt_job_end(job), BERTH_EXITED, 9);
		expect_gone(pids, count);
	}
}

Test(endings, init_killed_takes_all_along)
{
	struct berth_options options = RT_OPTIONS("act", "children", "20", "pause");
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "children 20=ok");
	pid_t pids[64];
	size_t count = processes(job->container, pids, 64);
	/* By somebody, not by berth: nobody asked for it. */
	cr_assert_eq(kill(berth_container_pid(job->container), SIGKILL), 0);
	rt_expect_end(rt_job_end(job), BERTH_SIGNALED, SIGKILL);
	expect_gone(pids, count);
}

/* A command that joins keeps a parent outside of the PID namespace: it must go all the same. */
Test(endings, joined_commands_are_gone)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS("act", "hold");
		options.flags = i ? BERTH_NO_INIT : 0;
		struct rt_job *job = rt_job(&options);
		struct berth_exec_options exec = BERTH_EXEC_OPTIONS_INIT;
		exec.argv = (const char *const[]){"/bin/act", "children", "3", "pause", NULL};
		exec.stdio = (const int[]){-1, -1, -1};
		struct berth_process *process;
		rt_ok(berth_container_exec(job->container, &exec, &process, &rt.error));
		pid_t pids[64];
		size_t count = processes(job->container, pids, 64);
		rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
		int status;
		rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %#x", status);
		berth_process_close(process);
		expect_gone(pids, count);
	}
}

/* ---- Dying with the thread that launched ---- */

struct leaving {
	struct berth_options options;
	int told; /* takes the pid of PID 1 */
	struct berth *berth;
};

static void *launch_and_tell(void *data)
{
	const struct leaving *leaving = data;
	struct berth_container *container;
	pid_t pid = -1;
	if (berth_launch(leaving->berth, &leaving->options, &container, &rt.error) == 0)
		pid = berth_container_pid(container);
	else
		fprintf(stderr, "%s\n", rt.error.text);
	if (write(leaving->told, &pid, sizeof pid) != sizeof pid)
		abort();
	return NULL;
}

static int launch_and_wait_for_death(void *data)
{
	struct leaving *leaving = data;
	leaving->berth = rt_open();
	launch_and_tell(leaving);
	pause();
	return 0;
}

static int launch_in_a_thread(void *data)
{
	struct leaving *leaving = data;
	leaving->berth = rt_open();
	pthread_t thread;
	if (pthread_create(&thread, NULL, launch_and_tell, leaving))
		return 1;
	/* The thread ends, the process doesn't. */
	pthread_join(thread, NULL);
	pause();
	return 0;
}

static pid_t told(int fd)
{
	pid_t pid = -1;
	rt_wait_readable(fd);
	cr_assert_eq(read(fd, &pid, sizeof pid), (ssize_t)sizeof pid);
	cr_assert_gt(pid, 0);
	return pid;
}

/* With init and without, as root and as another user, whose change of ids takes back a parent's death signal. */
static void dies(int (*launcher)(void *data), bool kill_it)
{
	for (unsigned int i = 0; i < 4; i++) {
		int ends[2];
		cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
		struct leaving leaving = {.options = RT_OPTIONS("act", "pause"), .told = ends[1]};
		leaving.options.flags = BERTH_DIE_WITH_THREAD | (i % 2 ? BERTH_NO_INIT : 0);
		leaving.options.user = i / 2 ? "alice" : NULL;
		leaving.options.stdio = (const int[]){-1, -1, 2};
		pid_t child = rt_fork(launcher, &leaving);
		close(ends[1]);
		pid_t init = told(ends[0]);
		close(ends[0]);
		if (kill_it)
			cr_assert_eq(kill(child, SIGKILL), 0);
		rt_wait_gone(init);
		if (!kill_it)
			cr_assert_eq(kill(child, SIGKILL), 0);
		rt_wait_child(child);
		cr_assert_eq(berth_collect(rt.berth, rt.parent, false, &rt.error), 1, "%s", rt.error.text);
		rt_expect_nothing_left();
	}
}

Test(endings, with_the_process_that_launched)
{
	dies(launch_and_wait_for_death, true);
}

Test(endings, with_the_thread_that_launched)
{
	dies(launch_in_a_thread, false);
}

/* Without the flag it lives on, and can be taken over. */
Test(endings, not_with_the_process_that_launched)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	struct leaving leaving = {.options = RT_OPTIONS("act", "pause"), .told = ends[1]};
	leaving.options.stdio = (const int[]){-1, -1, 2};
	pid_t child = rt_fork(launch_and_wait_for_death, &leaving);
	close(ends[1]);
	pid_t init = told(ends[0]);
	close(ends[0]);
	cr_assert_eq(kill(child, SIGKILL), 0);
	rt_wait_child(child);
	cr_expect_eq(kill(init, 0), 0);
	cr_expect_eq(berth_collect(rt.berth, rt.parent, false, &rt.error), 0, "a running container was collected");
	cr_expect_eq(kill(init, 0), 0);
	cr_expect_eq(berth_collect(rt.berth, rt.parent, true, &rt.error), 1, "%s", rt.error.text);
	rt_wait_gone(init);
}

/* ---- Many ---- */

enum { MANY = 200, THREADS = 4 };

struct batch {
	const struct berth_options *options;
	struct berth_container *containers[MANY / THREADS];
	int failures;
	struct berth_error error;
};

static void *launch_batch(void *data)
{
	struct batch *batch = data;
	for (size_t i = 0; i < MANY / THREADS; i++)
		batch->failures += berth_launch(rt.berth, batch->options, &batch->containers[i], &batch->error) < 0;
	return NULL;
}

Test(endings, two_hundred_at_once)
{
	struct berth_options options = RT_OPTIONS("act", "hold", "exit", "11");
	int hold[2];
	cr_assert_eq(pipe2(hold, O_CLOEXEC), 0);
	options.stdio = (const int[]){hold[0], -1, 2};
	static struct batch batches[THREADS];
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++) {
		batches[i].options = &options;
		cr_assert_eq(pthread_create(&threads[i], NULL, launch_batch, &batches[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_eq(batches[i].failures, 0, "%d failed: %s", batches[i].failures, batches[i].error.text);
		for (size_t j = 0; j < MANY / THREADS; j++)
			if (batches[i].containers[j])
				rt_adopt(batches[i].containers[j]);
	}
	struct berth_container **all;
	ssize_t count = berth_list(rt.berth, &all, &rt.error);
	cr_expect_eq(count, MANY);
	for (ssize_t i = 0; i < count; i++) {
		cr_expect_eq(berth_container_state(all[i]), BERTH_RUNNING);
		berth_container_close(all[i]);
	}
	free(all);
	close(hold[0]);
	close(hold[1]);
	for (size_t i = 0; i < THREADS; i++)
		for (size_t j = 0; j < MANY / THREADS; j++)
			rt_expect_end(rt_end(batches[i].containers[j]), BERTH_EXITED, 11);
}
