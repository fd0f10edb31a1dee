/* SPDX-License-Identifier: Apache-2.0 */
/* Which descriptors a command gets: three, and no other. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/nsutil/fixture.h"

static char *file_text(const char *path)
{
	static char text[4096];
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
	ssize_t length = read(fd, text, sizeof text - 1);
	cr_assert_geq(length, 0);
	text[length] = '\0';
	return text;
}

static int file_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	return fd;
}

SPAWN_TEST(descriptors, none_of_the_callers_gets_inside)
{
	for (int i = 0; i < 200; i++)
		cr_assert_geq(open("/etc/passwd", O_RDONLY), 0);
	/* The numbers that init uses, and high ones. */
	for (int fd = 3; fd < 12; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			cr_assert_eq(dup2(0, fd), fd);
	cr_assert_eq(dup2(0, 1000), 1000);
	char before[4096], after[4096];
	fds_list(before);
	static const struct {
		uint64_t namespaces;
		bool forks;
	} ways[] = {{by_init, false}, {in_place, false}, {CLONE_NEWPID, true}};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		cleanup_plan struct plan *plan = plan_new();
		if (ways[i].forks)
			plan_add_fork(plan, false);
		FINISH(plan, fixture.look);
		struct run run = RUN_INIT;
		run.namespaces = ways[i].namespaces;
		cleanup_fd int record = memfd_create("record", MFD_CLOEXEC);
		run.record_fd = record;
		run_plan(&run, plan);
		cr_expect_str_eq(told(&run, "fd"), "0 1 2");
	}
	cr_expect_str_eq(fds_list(after), before);
}

/* Space-separated, in the order of their numbers. */
static void fds_of(pid_t pid, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (int fd = 0; fd < 2000 && used < size; fd++) {
		char path[64];
		struct stat status;
		snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
		if (lstat(path, &status) == 0)
			used += (size_t)snprintf(text + used, size - used, "%d ", fd);
	}
}

/* What init holds while it waits: the record alone. */
SPAWN_TEST(descriptors, init_keeps_only_the_record)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_die_with_parent(plan);
	plan_add_fork(plan, false);
	FINISH(plan, fixture.catch);
	struct run run = RUN_INIT;
	run.namespaces = CLONE_NEWPID;
	cleanup_fd int record = memfd_create("record", MFD_CLOEXEC);
	run.record_fd = record;
	run_start(&run, plan);
	run_await(&run, "ready\n");
	char found[256] = "";
	/* The command may be there before init has closed the rest. */
	for (int waited = 0; strcmp(found, "5 ") != 0 && waited < HANG_BOUND_MS / 10; waited++) {
		poll(NULL, 0, waited > 0);
		fds_of(run.spawned.pid, found, sizeof found);
	}
	cr_expect_str_eq(found, "5 ");
	cr_assert_eq(kill(run.spawned.pid, SIGUSR2), 0);
	run_finish(&run);
}

struct background {
	struct run run;
	struct plan *plan;
	_Atomic(pid_t) thread;
};

static void *start_in_background(void *argument)
{
	struct background *background = argument;
	background->thread = gettid();
	run_start(&background->run, background->plan);
	return NULL;
}

/* The child that the thread has just cloned, while both are held up; 0 where the kernel does not list it. */
static pid_t child_of(pid_t thread)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%d/children", thread);
	for (int waited = 0; waited < HANG_BOUND_MS; waited++) {
		int child;
		cleanup_file FILE *children = fopen(path, "re");
		if (!children)
			return 0;
		if (fscanf(children, "%d", &child) == 1)
			return child;
		poll(NULL, 0, 1);
	}
	cr_assert(false, "there is no child");
	return 0;
}

/* A pipe that nobody can write to until something is read from it. */
static void make_full_pipe(int ends[2])
{
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	static const char filling[4096];
	while (write(ends[1], filling, sizeof filling) > 0)
		;
	while (write(ends[1], filling, 1) > 0)
		;
	cr_assert_eq(fcntl(ends[1], F_SETFL, 0), 0);
}

/*
 * Starts `exit 3`, held up where it enters its "cgroup", a pipe that is full; expects it to hold these descriptors
 * there, and the caller not to be dumpable meanwhile.
 */
static void expect_held_up_with(uint64_t namespaces, const char *expected)
{
	int full[2];
	make_full_pipe(full);
	cr_assert_eq(dup3(full[1], 500, O_CLOEXEC), 500);
	cleanup_plan struct plan *plan = PLAN_OF("sh", "-c", "exit 3");
	struct background background = {.run = RUN_INIT, .plan = plan};
	background.run.namespaces = namespaces;
	background.run.stdio = (const int[]){-1, -1, -1};
	background.run.cgroup_procs = &(const int){500};
	background.run.n_cgroup_procs = 1;
	char found[4096] = "";
	pthread_t thread;
	cr_assert_eq(pthread_create(&thread, NULL, start_in_background, &background), 0);
	while (!background.thread)
		poll(NULL, 0, 1);
	pid_t child = child_of(background.thread);
	for (int waited = 0; child && strcmp(found, expected) != 0 && waited < HANG_BOUND_MS / 10; waited++) {
		fds_of(child, found, sizeof found);
		poll(NULL, 0, 1);
	}
	int dumpable = prctl(PR_GET_DUMPABLE);
	char drained[4096];
	cr_assert_gt(read(full[0], drained, sizeof drained), 0);
	pthread_join(thread, NULL);
	run_finish(&background.run);
	cr_expect_eq(background.run.wait_status, 3 << 8);
	close(500);
	close(full[0]);
	close(full[1]);
	if (!child)
		cr_skip_test("this kernel does not list a thread's children");
	cr_expect_str_eq(found, expected);
	cr_expect_eq(dumpable, 0, "%d", dumpable);
	cr_expect_eq(prctl(PR_GET_DUMPABLE), 1);
}

/*
 * Entering a cgroup can take long. A child that is held up there must not hold the caller's descriptors: locks among
 * them would outlive a caller that is killed.
 */
SPAWN_TEST(descriptors, are_closed_before_cgroups_are_entered)
{
	cr_assert_eq(dup2(0, 1000), 1000);
	/* The three standard ones, the plan, the status, init, the "cgroup". */
	expect_held_up_with(by_init, "0 1 2 3 4 9 500 ");
	/* The three standard ones, the "cgroup". */
	expect_held_up_with(in_place, "0 1 2 500 ");
	close(1000);
}

SPAWN_TEST(descriptors, standard_ones_can_be_permuted)
{
	/* The caller's own 0, 1 and 2 become three files; each order of them is laid on the command's. */
	static const char *const names[] = {"zero", "one", "two"};
	for (int fd = 0; fd < 3; fd++) {
		cleanup_fd int file = file_open(scratch(names[fd]));
		cr_assert_eq(dup2(file, fd), fd);
	}
	static const int orders[][3] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}, {0, 0, 0}};
	cleanup_plan struct plan *plan = PLAN_OF("sh", "-c", "echo a >&0; echo b >&1; echo c >&2");
	for (size_t n = 0; n < 2 * sizeof orders / sizeof *orders; n++) {
		size_t i = n / 2;
		struct run run = RUN_INIT;
		run.namespaces = both_ways[n % 2];
		run.stdio = orders[i];
		run_plan(&run, plan);
		cr_expect_eq(run.wait_status, 0);
		char expected[3][16] = {"", "", ""};
		for (int fd = 0; fd < 3; fd++)
			strcat(expected[orders[i][fd]], ((const char *[]){"a\n", "b\n", "c\n"})[fd]);
		for (int fd = 0; fd < 3; fd++) {
			cr_expect_str_eq(file_text(scratch(names[fd])), expected[fd], "order %zu, file %s", i,
					 names[fd]);
			cr_assert_eq(truncate(scratch(names[fd]), 0), 0);
		}
	}
}

SPAWN_TEST(descriptors, the_callers_own_are_kept_without_stdio)
{
	static const char *const names[] = {"zero", "one", "two"};
	for (int fd = 0; fd < 3; fd++) {
		cleanup_fd int file = file_open(scratch(names[fd]));
		cr_assert_eq(dup2(file, fd), fd);
	}
	cleanup_plan struct plan *plan = PLAN_OF("sh", "-c", "echo a >&0; echo b >&1; echo c >&2");
	struct spawn_options options = {.init_fd = fixture.init_fd, .trusted = true, .plan = plan};
	options.cgroup_into = options.cgroup_into_procs = options.record_fd = options.namespaces_fd =
		options.userns_fd = options.blank_fd = options.born_in_userns = options.self_pidfd = -1;
	struct spawned spawned;
	struct error error;
	int wait_status;
	cr_assert_eq(spawn(&options, &spawned, &wait_status, &error), 0, "%s", error.text);
	cr_assert_eq(spawned_reap(spawned.pidfd, &wait_status), 0);
	cr_expect_str_eq(file_text(scratch("zero")), "a\n");
	cr_expect_str_eq(file_text(scratch("one")), "b\n");
	cr_expect_str_eq(file_text(scratch("two")), "c\n");
}

SPAWN_TEST(descriptors, minus_one_is_dev_null)
{
	cleanup_plan struct plan *plan =
		PLAN_OF("sh", "-c", "exec >\"$0\"; for fd in 0 2; do readlink /proc/$$/fd/$fd; done", scratch("out"));
	struct run run = RUN_INIT;
	run.stdio = (const int[]){-1, -1, -1};
	run_plan(&run, plan);
	cr_expect_eq(run.wait_status, 0);
	cr_expect_str_eq(file_text(scratch("out")), "/dev/null\n/dev/null\n");
}

/* Those closed in the caller, in every combination, become /dev/null, and no descriptor of berth's slips into their
 * place. */
SPAWN_TEST(descriptors, closed_ones_become_dev_null)
{
	cleanup_plan struct plan *plan =
		PLAN_OF("sh", "-c", "for fd in 0 1 2; do readlink /proc/self/fd/$fd; done >\"$0\"", scratch("out"));
	int saved[3];
	for (int fd = 0; fd < 3; fd++) {
		cleanup_fd int file = file_open(scratch("standard"));
		saved[fd] = fcntl(file, F_DUPFD_CLOEXEC, 100);
	}
	for (unsigned int n = 0; n < 16; n++) {
		unsigned int closed = n / 2;
		for (int fd = 0; fd < 3; fd++) {
			if (closed >> fd & 1)
				close(fd);
			else
				cr_assert_eq(dup2(saved[fd], fd), fd);
		}
		struct spawn_options options = {
			.init_fd = fixture.init_fd, .trusted = true, .plan = plan, .namespaces = both_ways[n % 2]};
		options.cgroup_into = options.cgroup_into_procs = options.record_fd = options.namespaces_fd =
			options.userns_fd = options.blank_fd = options.born_in_userns = options.self_pidfd = -1;
		struct spawned spawned;
		struct error error;
		int wait_status;
		cr_assert_eq(spawn(&options, &spawned, &wait_status, &error), 0, "%s", error.text);
		cr_assert_eq(spawned_reap(spawned.pidfd, &wait_status), 0);
		close(spawned.pidfd);
		cr_expect_eq(wait_status, 0);
		/* The script's own output is redirected: what it says of 1 is that file. */
		char expected[1600];
		snprintf(expected, sizeof expected, "%s\n%s\n%s\n", closed & 1 ? "/dev/null" : scratch("standard"),
			 scratch("out"), closed & 4 ? "/dev/null" : scratch("standard"));
		cr_expect_str_eq(file_text(scratch("out")), expected, "closed: %#x", closed);
	}
}

SPAWN_TEST(descriptors, a_closed_one_given_as_stdio_is_an_error)
{
	cleanup_plan struct plan *plan = PLAN_OF("/bin/true");
	struct run run = RUN_INIT;
	run.stdio = (const int[]){-1, 999, -1};
	char before[4096], after[4096];
	fds_list(before);
	run_start(&run, plan);
	cr_expect_eq(run.code, -EBADF);
	cr_expect_not(has_children());
	cr_expect_str_eq(fds_list(after), before);
}

/* What init writes down when the command has ended: the very wait status. */
static int recorded(const char *script)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_fork(plan, false);
	FINISH(plan, "sh", "-c", script);
	cleanup_fd int record = memfd_create("record", MFD_CLOEXEC);
	cr_assert_geq(record, 0);
	struct run run = RUN_INIT;
	run.namespaces = CLONE_NEWPID;
	run.record_fd = record;
	run_plan(&run, plan);
	int status = -1;
	cr_assert_eq(pread(record, &status, sizeof status, 0), (ssize_t)sizeof status, "nothing was recorded");
	int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	cr_expect(WIFEXITED(run.wait_status) && WEXITSTATUS(run.wait_status) == code, "'%s': init's own status is %#x",
		  script, run.wait_status);
	return status;
}

SPAWN_TEST(descriptors, the_record_takes_the_wait_status)
{
	cr_expect_eq(recorded("exit 0"), 0);
	cr_expect_eq(recorded("exit 137"), 137 << 8);
	cr_expect_eq(recorded("kill -KILL $$") & 0x7f, SIGKILL);
	cr_expect_eq(recorded("kill -TERM $$") & 0x7f, SIGTERM);
}
