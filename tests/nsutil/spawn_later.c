/* SPDX-License-Identifier: Apache-2.0 */
/* What is done while a process is on its way, and the process that waits for it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/nsutil/fixture.h"

/* Stands for a cgroup: what is written to it is kept. */
static int file_make(const char *name)
{
	int fd = open(scratch(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	return fd;
}

static void expect_file(const char *name, const char *content)
{
	char text[16] = "";
	cleanup_fd int fd = open(scratch(name), O_RDONLY | O_CLOEXEC);
	cr_assert_geq(read(fd, text, sizeof text - 1), 0);
	cr_expect_str_eq(text, content, "%s", name);
}

/* data: how many. */
static int give_files(void *data, int cgroups[PLAN_ENTER_MOST], struct error *error)
{
	(void)error;
	int count = *(const int *)data;
	for (int i = 0; i < count; i++)
		cgroups[i] = file_make((const char[]){(char)('a' + i), '\0'});
	return count;
}

SPAWN_TEST(later, what_it_gives_is_entered)
{
	char before[4096], after[4096];
	for (int count = 0; count <= PLAN_ENTER_MOST; count += PLAN_ENTER_MOST / 2) {
		fds_list(before);
		struct run run = RUN_INIT;
		run.later = give_files;
		run.data = &count;
		run.namespaces = CLONE_NEWPID;
		cleanup_plan struct plan *plan = plan_new();
		plan_add_enter(plan);
		plan_add_fork(plan, false);
		FINISH(plan, fixture.look);
		run_plan(&run, plan);
		cr_expect_str_eq(told(&run, "fd"), "0 1 2");
		cr_expect_str_eq(fds_list(after), before);
		for (int i = 0; i < count; i++) {
			char name[] = {(char)('a' + i), '\0'};
			expect_file(name, "0");
			unlink(scratch(name));
		}
	}
}

/* A plan with this step is not for the caller's memory, where nothing could be done meanwhile. */
SPAWN_TEST(later, is_not_in_place)
{
	struct run run = RUN_INIT;
	run.later = give_files;
	run.data = &(int){1};
	run.namespaces = in_place;
	cleanup_plan struct plan *plan = plan_new();
	plan_add_enter(plan);
	FINISH(plan, fixture.look);
	run_plan(&run, plan);
	expect_file("a", "0");
}

static int give_read_only(void *data, int cgroups[PLAN_ENTER_MOST], struct error *error)
{
	(void)data, (void)error;
	close(file_make("a"));
	cgroups[0] = open(scratch("a"), O_RDONLY | O_CLOEXEC);
	return 1;
}

SPAWN_TEST(later, what_cannot_be_entered_fails_the_step)
{
	struct run run = RUN_INIT;
	run.later = give_read_only;
	cleanup_plan struct plan *plan = plan_new();
	plan_add_enter(plan);
	FINISH(plan, fixture.look);
	run_start(&run, plan);
	cr_expect_eq(run.code, -EBADF);
	cr_expect(strstr(run.error.text, "enter the cgroups that were made meanwhile"), "%s", run.error.text);
	cr_expect_not(has_children());
}

/* Not one of them gets through, or some do: it must not go on outside of the others. */
SPAWN_TEST(later, a_process_without_room_for_them)
{
	for (int room = 0; room <= 1; room++) {
		struct run run = RUN_INIT;
		run.later = give_files;
		run.data = &(int){2};
		cleanup_plan struct plan *plan = plan_new();
		plan_add_rlimit(plan, RLIMIT_NOFILE, 3 + room, 3 + room);
		plan_add_enter(plan);
		FINISH(plan, fixture.look);
		run_start(&run, plan);
		cr_expect_eq(run.code, -EMFILE, "%d: %s", room, run.error.text);
		cr_expect(strstr(run.error.text, "enter the cgroups that were made meanwhile"), "%s", run.error.text);
		expect_file("a", "");
		cr_expect_not(has_children());
	}
}

static int fail(void *data, int cgroups[PLAN_ENTER_MOST], struct error *error)
{
	(void)data, (void)cgroups;
	return error_set(error, ENOSPC, "there is no room");
}

SPAWN_TEST(later, its_failure_ends_the_process)
{
	char before[4096], after[4096];
	fds_list(before);
	struct run run = RUN_INIT;
	run.later = fail;
	cleanup_plan struct plan *plan = plan_new();
	plan_add_enter(plan);
	FINISH(plan, fixture.look);
	run_start(&run, plan);
	cr_expect_eq(run.code, -ENOSPC);
	cr_expect_str_eq(run.error.text, "there is no room");
	cr_expect_eq(run.wait_status, 0, "it was not for the process");
	cr_expect_not(has_children());
	cr_expect_str_eq(fds_list(after), before);
}

static int give_when_it_has_ended(void *data, int cgroups[PLAN_ENTER_MOST], struct error *error)
{
	siginfo_t info;
	cr_assert_eq(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	return give_files(data, cgroups, error);
}

/* Whether the word of the parent finds it alive or not, and read or not. */
SPAWN_TEST(later, a_step_that_fails_before_is_told)
{
	int (*const ways[])(void *, int *, struct error *) = {give_files, give_when_it_has_ended};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct run run = RUN_INIT;
		run.later = ways[i];
		run.data = &(int){2};
		cleanup_plan struct plan *plan = plan_new();
		plan_add_chdir(plan, scratch("missing"));
		plan_add_enter(plan);
		FINISH(plan, fixture.look);
		run_start(&run, plan);
		cr_expect_eq(run.code, -ENOENT);
		cr_expect(strstr(run.error.text, "change directory to"), "%s", run.error.text);
		cr_expect_not(has_children());
	}
}

static int die(void *data, int cgroups[PLAN_ENTER_MOST], struct error *error)
{
	(void)data, (void)cgroups, (void)error;
	_exit(0);
}

/* Nobody is left to tell it to go on: it executes nothing. */
SPAWN_TEST(later, ends_with_the_parent)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct run run = RUN_INIT;
		run.later = die;
		run.stdio = (const int[]){-1, ends[1], ends[1]};
		cleanup_plan struct plan *plan = plan_new();
		plan_add_enter(plan);
		FINISH(plan, fixture.look);
		run_start(&run, plan);
		_exit(1);
	}
	close(ends[1]);
	int status;
	cr_assert_eq(waitpid(parent, &status, 0), parent);
	cr_expect_eq(status, 0);
	char text[4096] = "";
	read_text(ends[0], text, sizeof text, NULL);
	cr_expect_str_eq(text, "");
	close(ends[0]);
}
