/* SPDX-License-Identifier: Apache-2.0 */
/* A caller with many descriptors, of which its child makes no copies. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/self.h"
#include "tests/nsutil/fixture.h"

enum { MANY = 600 };

/* From the first free one up, so that all that is opened from here on has a high number. */
static void open_many(void)
{
	for (int i = 0; i < MANY; i++)
		cr_assert_geq(fcntl(0, F_DUPFD_CLOEXEC, 3), 0);
}

static const struct {
	uint64_t namespaces;
	bool forks;
} ways[] = {{by_init, false}, {in_place, false}, {CLONE_NEWPID, true}};

enum { WAYS = sizeof ways / sizeof *ways };

static void run_way(struct run *run, size_t way, int record)
{
	cleanup_plan struct plan *plan = plan_new();
	if (ways[way].forks)
		plan_add_fork(plan, false);
	FINISH(plan, fixture.look);
	run->namespaces = ways[way].namespaces;
	run->record_fd = record;
	run_plan(run, plan);
	cr_expect_eq(run->wait_status, 0);
	cr_expect_str_eq(told(run, "fd"), "0 1 2");
}

SPAWN_TEST(fetching, the_command_gets_what_it_would_else)
{
	struct self self;
	char before[4096], after[4096];
	self_open(&self);
	cr_assert_geq(self_pidfd(&self), 0);
	open_many();
	cleanup_fd int record = memfd_create("record", MFD_CLOEXEC);
	fds_list(before);
	for (size_t i = 0; i < WAYS; i++) {
		struct run run = RUN_INIT;
		run.self_pidfd = self_pidfd(&self);
		run_way(&run, i, record);
		cr_expect_not(run.spawned.copied, "way %zu", i);
		int status = -1;
		if (ways[i].forks)
			cr_expect_eq(pread(record, &status, sizeof status, 0), (ssize_t)sizeof status);
	}
	cr_expect_str_eq(fds_list(after), before);
	self_close(&self);
}

/* Another process's descriptors: none has such a number. */
SPAWN_TEST(fetching, what_can_not_be_fetched_is_copied)
{
	pid_t other = fork();
	cr_assert_geq(other, 0);
	if (other == 0) {
		close_range(0, ~0U, 0);
		pause();
		_exit(0);
	}
	char before[4096], after[4096];
	cleanup_fd int pidfd = pidfd_open(other, 0);
	cr_assert_geq(pidfd, 0);
	open_many();
	fds_list(before);
	for (size_t i = 0; i < WAYS; i++) {
		struct run run = RUN_INIT;
		run.self_pidfd = pidfd;
		run_way(&run, i, -1);
		cr_expect(run.spawned.copied, "way %zu: it was not even tried", i);
	}
	cr_expect_str_eq(fds_list(after), before);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

static void *run_with_own_descriptors(void *self)
{
	cr_assert_eq(unshare(CLONE_FILES), 0);
	open_many();
	/* What the process has by these numbers, should they be fetched from there, is nothing. */
	for (size_t i = 0; i < WAYS; i++) {
		struct run run = RUN_INIT;
		run.self_pidfd = self_pidfd(self);
		run_way(&run, i, -1);
		cr_expect_not(run.spawned.copied, "way %zu: it was tried", i);
	}
	return NULL;
}

/* The pidfd leads to those of the process. */
SPAWN_TEST(fetching, a_thread_with_descriptors_of_its_own)
{
	struct self self;
	pthread_t thread;
	self_open(&self);
	cr_assert_geq(self_pidfd(&self), 0);
	cr_assert_eq(pthread_create(&thread, NULL, run_with_own_descriptors, &self), 0);
	pthread_join(thread, NULL);
	self_close(&self);
}

/* Of a caller that had closed its standard input when the pidfd was opened, which is in that place now. */
SPAWN_TEST(fetching, standard_output_above_the_pidfd)
{
	close(0);
	struct self self;
	self_open(&self);
	cr_assert_eq(self_pidfd(&self), 0);
	int output = memfd_create("output", 0);
	cr_assert_eq(dup2(output, 1), 1);
	for (int i = 0; i < MANY; i++)
		cr_assert_geq(fcntl(output, F_DUPFD_CLOEXEC, 3), 0);
	for (size_t i = 0; i < WAYS; i++) {
		cleanup_plan struct plan *plan = plan_new();
		if (ways[i].forks)
			plan_add_fork(plan, false);
		FINISH(plan, "sh", "-c", "echo x");
		struct spawn_options options = {.init_fd = fixture.init_fd,
						.trusted = true,
						.plan = plan,
						.namespaces = ways[i].namespaces,
						.self_pidfd = self_pidfd(&self)};
		options.cgroup_into = options.cgroup_into_procs = options.record_fd = options.namespaces_fd =
			options.userns_fd = options.blank_fd = options.born_in_userns = -1;
		struct spawned spawned;
		struct error error;
		int wait_status;
		cr_assert_eq(spawn(&options, &spawned, &wait_status, &error), 0, "%s", error.text);
		cr_assert_eq(spawned_reap(spawned.pidfd, &wait_status), 0);
		close(spawned.pidfd);
		cr_expect_eq(wait_status, 0);
		cr_expect_eq(lseek(output, 0, SEEK_END), (off_t)(2 * (i + 1)), "way %zu: the output is not there", i);
	}
	self_close(&self);
}

SPAWN_TEST(fetching, few_are_copied_anyway)
{
	struct run run = RUN_INIT;
	/* No such one: it would be told. */
	run.self_pidfd = 100;
	run_way(&run, 0, -1);
	cr_expect_not(run.spawned.copied);
}

/* There it would fetch what its parent has. */
Test(self, is_none_in_a_forked_process)
{
	struct self self;
	int status;
	self_open(&self);
	cr_assert_geq(self_pidfd(&self), 0);
	pid_t child = fork();
	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(self_pidfd(&self) == -1 ? 0 : 1);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0);
	cr_expect_geq(self_pidfd(&self), 0);
	self_close(&self);
	cr_expect_eq(self_pidfd(&self), -1);
}
