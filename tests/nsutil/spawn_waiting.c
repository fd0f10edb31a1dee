/* SPDX-License-Identifier: Apache-2.0 */
/* A process that waits for its command: what it gets with it, and when it goes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/nsutil/fixture.h"

/* Carries out all that comes before the command, in a UTS namespace of its own. */
static void start_waiting(struct run *run)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_hostname(plan, "waiting");
	plan_add_await(plan);
	run->namespaces = CLONE_NEWUTS | CLONE_NEWPID;
	run->stdio = (const int[]){-1, -1, -1};
	run_start(run, plan);
	cr_assert_eq(run->code, 0, "%s", run->error.text);
	cr_assert_geq(run->spawned.waiting, 0);
}

/* Goes on with the words, behind a fork or not, with this as output and record. */
static int go_on(struct run *run, bool forks, int output, int record_fd, const char *const *words)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_hostname(plan, "waiting");
	if (forks)
		plan_add_fork(plan, false);
	plan_finish(plan, words);
	const struct spawn_options options = {
		.plan = plan,
		.cgroup_into_procs = -1,
		.stdio = (const int[]){-1, output, output},
		.record_fd = record_fd,
	};
	return spawn_go_on(&options, &run->spawned, &run->wait_status, &run->error);
}

static void end(struct run *run)
{
	cr_assert_eq(spawned_reap(run->spawned.pidfd, &run->wait_status), 0);
	close(run->spawned.pidfd);
}

/* Whatever is open in it besides is the shell's own. */
SPAWN_TEST(waiting, the_command_gets_its_descriptors_and_no_others)
{
	for (int forks = 0; forks < 2; forks++) {
		char before[4096], after[4096];
		fds_list(before);
		struct run run = RUN_INIT;
		start_waiting(&run);
		cleanup_fd int output = open(scratch("out"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		const char *const words[] = {fixture.look, NULL};
		cr_assert_eq(go_on(&run, forks, output, -1, words), 0, "%s", run.error.text);
		cr_expect_eq(run.spawned.waiting, -1);
		end(&run);
		cr_expect_eq(run.wait_status, 0);
		cr_expect_gt(pread(output, run.output, sizeof run.output - 1, 0), 0);
		cr_expect_str_eq(told(&run, "fd"), "0 1 2");
		cr_expect_str_eq(told(&run, "hostname"), "waiting");
		close(steal_fd(&output));
		cr_expect_str_eq(fds_list(after), before);
	}
}

SPAWN_TEST(waiting, init_records_the_end)
{
	struct run run = RUN_INIT;
	start_waiting(&run);
	cleanup_fd int record = open(scratch("record"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	const char *const words[] = {"sh", "-c", "exit 7", NULL};
	cr_assert_eq(go_on(&run, true, -1, record, words), 0, "%s", run.error.text);
	end(&run);
	int recorded = -1;
	cr_expect_eq(pread(record, &recorded, sizeof recorded, 0), (ssize_t)sizeof recorded);
	cr_expect_eq(recorded, 7 << 8);
}

SPAWN_TEST(waiting, a_command_that_is_not_there)
{
	struct run run = RUN_INIT;
	start_waiting(&run);
	const char *const words[] = {"/nothing", NULL};
	cr_expect_eq(go_on(&run, true, -1, -1, words), -ENOENT);
	cr_expect_eq(run.error.exit_status, 127);
	cr_expect_eq(run.spawned.pidfd, -1);
	cr_expect_not(has_children());
}

SPAWN_TEST(waiting, it_ends_when_nobody_can_tell_it_anything_any_more)
{
	struct run run = RUN_INIT;
	start_waiting(&run);
	close(run.spawned.waiting);
	end(&run);
	cr_expect_eq(run.wait_status, 0);
}

SPAWN_TEST(waiting, one_that_was_killed)
{
	struct run run = RUN_INIT;
	start_waiting(&run);
	cr_assert_eq(pidfd_send_signal(run.spawned.pidfd, SIGKILL, NULL, 0), 0);
	siginfo_t info;
	cr_assert_eq(waitid(P_PIDFD, (id_t)run.spawned.pidfd, &info, WEXITED | WNOWAIT), 0);
	const char *const words[] = {"true", NULL};
	cr_expect_eq(go_on(&run, true, -1, -1, words), -ECHILD, "%s", run.error.text);
	cr_expect(WIFSIGNALED(run.wait_status) && WTERMSIG(run.wait_status) == SIGKILL);
	cr_expect_not(has_children());
}

struct unread {
	int waiting, pidfd;
};

static void *kill_with_something_unread(void *data)
{
	const struct unread *unread = data;
	int bytes = 0;
	while (ioctl(unread->waiting, SIOCOUTQ, &bytes) == 0 && bytes == 0)
		poll(NULL, 0, 1);
	pidfd_send_signal(unread->pidfd, SIGKILL, NULL, 0);
	return NULL;
}

SPAWN_TEST(waiting, one_that_is_killed_before_it_reads_its_command)
{
	struct run run = RUN_INIT;
	start_waiting(&run);
	siginfo_t info;
	cr_assert_eq(pidfd_send_signal(run.spawned.pidfd, SIGSTOP, NULL, 0), 0);
	/* Before that it would still read. */
	cr_assert_eq(waitid(P_PIDFD, (id_t)run.spawned.pidfd, &info, WSTOPPED), 0);
	cleanup_fd int waiting = fcntl(run.spawned.waiting, F_DUPFD_CLOEXEC, 3);
	cleanup_fd int pidfd = fcntl(run.spawned.pidfd, F_DUPFD_CLOEXEC, 3);
	struct unread unread = {waiting, pidfd};
	pthread_t thread;
	cr_assert_eq(pthread_create(&thread, NULL, kill_with_something_unread, &unread), 0);
	const char *const words[] = {"true", NULL};
	cr_expect_eq(go_on(&run, true, -1, -1, words), -ECHILD, "%s", run.error.text);
	pthread_join(thread, NULL);
	cr_expect(WIFSIGNALED(run.wait_status) && WTERMSIG(run.wait_status) == SIGKILL);
	cr_expect_not(has_children());
}
