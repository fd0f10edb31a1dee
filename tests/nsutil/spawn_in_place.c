/* SPDX-License-Identifier: Apache-2.0 */
/* A plan carried out in the caller's memory: what of that the caller must not notice, and the command not see. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/dumpable.h"
#include "tests/nsutil/fixture.h"

static void run_in_place(const struct plan *plan, struct run *run)
{
	run->namespaces = in_place;
	run_plan(run, plan);
	cr_expect_eq(run->wait_status, 0, "%#x", run->wait_status);
}

/* It is what it says it is: init's program is not needed. */
SPAWN_TEST(in_place, needs_no_init)
{
	close(fixture.init_fd);
	fixture.init_fd = -1;
	cleanup_plan struct plan *plan = PLAN_OF("true");
	struct run run = RUN_INIT, second = RUN_INIT;
	run_in_place(plan, &run);
	run_start(&second, plan);
	cr_expect_lt(second.code, 0, "without a PID namespace of its own the caller's memory was in others' reach");
}

/* The kernel makes memory undumpable for good when one who shares it changes its user. */
SPAWN_TEST(in_place, the_caller_is_as_dumpable_as_before)
{
	cr_assert_eq(chmod(fixture.directory, 0755), 0);
	for (int dumpable = 1; dumpable >= 0; dumpable--) {
		cleanup_plan struct plan *plan = plan_new();
		plan_add_user(plan, 65534, 65534, NULL, 0, false);
		FINISH(plan, "true");
		cr_assert_eq(prctl(PR_SET_DUMPABLE, dumpable), 0);
		struct run run = RUN_INIT;
		run_in_place(plan, &run);
		cr_expect_eq(prctl(PR_GET_DUMPABLE), dumpable);
	}
}

Test(in_place, the_last_of_several_makes_the_caller_dumpable_again)
{
	cr_assert_eq(prctl(PR_GET_DUMPABLE), 1);
	dumpable_hold();
	cr_expect_eq(prctl(PR_GET_DUMPABLE), 0);
	dumpable_hold();
	dumpable_release();
	cr_expect_eq(prctl(PR_GET_DUMPABLE), 0);
	dumpable_hold();
	dumpable_release();
	dumpable_release();
	cr_expect_eq(prctl(PR_GET_DUMPABLE), 1);
}

static void *hold_and_release(void *wrong)
{
	for (int i = 0; i < 20000; i++) {
		dumpable_hold();
		if (prctl(PR_GET_DUMPABLE) != 0)
			__atomic_fetch_add((int *)wrong, 1, __ATOMIC_RELAXED);
		dumpable_release();
	}
	return NULL;
}

Test(in_place, several_threads_may_hold_it)
{
	pthread_t threads[4];
	int wrong = 0;
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, hold_and_release, &wrong), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(wrong, 0, "%d times it was dumpable while held", wrong);
	cr_expect_eq(prctl(PR_GET_DUMPABLE), 1);
}

/* Its stack is small: nothing on the way may take more of it for more of the same. */
SPAWN_TEST(in_place, as_many_groups_as_there_may_be)
{
	enum { MOST = 65536 };
	cleanup_free gid_t *groups = calloc(MOST, sizeof *groups);
	cr_assert_not_null(groups);
	for (gid_t i = 0; i < MOST; i++)
		groups[i] = 100000 + i;
	cleanup_plan struct plan *plan = plan_new();
	plan_add_user(plan, 0, 0, groups, MOST, false);
	FINISH(plan, "sh", "-c", "id -G | wc -w; id -G | tr ' ' '\n' | tail -1");
	struct run run = RUN_INIT;
	run_in_place(plan, &run);
	/* Its own gid beside them. */
	cr_expect_str_eq(run.output, "65537\n165535\n");
}

SPAWN_TEST(in_place, a_path_as_deep_as_can_be)
{
	char path[PATH_MAX] = "";
	size_t length = (size_t)snprintf(path, sizeof path, "%s", fixture.directory);
	while (length + 3 < sizeof path)
		length += (size_t)snprintf(path + length, sizeof path - length, "/d");
	cleanup_plan struct plan *plan = plan_new();
	plan_add_mkdir(plan, false, path, 0700);
	FINISH(plan, "true");
	struct run run = RUN_INIT;
	run_in_place(plan, &run);
	struct stat status;
	cr_expect_eq(stat(path, &status), 0, "%s", strerror(errno));
	cr_expect_eq(status.st_mode & 0777, 0700u);
}

/* A stack that had to grow would be stopped by the very limit that the plan sets. setrlimit(2), RLIMIT_STACK */
SPAWN_TEST(in_place, limits_are_the_commands_alone)
{
	static const int resources[] = {RLIMIT_STACK, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE, RLIMIT_CORE};
	struct rlimit before, after;
	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
		cr_assert_eq(getrlimit(resources[i], &before), 0);
		cleanup_plan struct plan *plan = plan_new();
		plan_add_rlimit(plan, resources[i], 4096, 4096);
		plan_add_mkdir(plan, false, scratch("a/b/c/d"), 0700);
		FINISH(plan, "/no/such/command");
		struct run run = RUN_INIT;
		run.namespaces = in_place;
		run_start(&run, plan);
		cr_expect_eq(run.code, -ENOENT, "%d: %s", resources[i], run.error.text);
		cr_assert_eq(getrlimit(resources[i], &after), 0);
		cr_expect(before.rlim_cur == after.rlim_cur && before.rlim_max == after.rlim_max);
	}
}

/* What is not trusted never has the caller's program as its own: it finds init, which does nothing without a plan. */
SPAWN_TEST(in_place, not_what_is_not_trusted)
{
	cleanup_plan struct plan *plan = plan_new();
	const char *const argv[] = {"self", NULL};
	plan_add_exec(plan, "/proc/self/exe", "", argv);
	struct run run = RUN_INIT;
	run.namespaces = in_place;
	run.untrusted = true;
	run_plan(&run, plan);
	cr_expect_eq(run.wait_status, W_EXITCODE(125, 0), "%#x: %s", run.wait_status, run.output);
}
