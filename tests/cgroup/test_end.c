/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing, and the end: nothing alive is left, and no directory. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(end, .init = fixture_init, .fini = fixture_fini, .timeout = 60);
TestSuite(end_v2, .init = fixture_init_v2, .fini = fixture_fini, .timeout = 60);

static void expect_gone(const struct cgroup *cgroup)
{
	for (size_t i = 0; cgroup_path(cgroup, i); i++)
		cr_expect_neq(access(cgroup_path(cgroup, i), F_OK), 0, "%s is left", cgroup_path(cgroup, i));
}

static void destroy(const struct cgroup *cgroup)
{
	cr_expect_eq(cgroup_destroy(cgroup, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	expect_gone(cgroup);
}

static void processes_wait(const struct cgroup *cgroup, ssize_t count)
{
	pid_t *pids = NULL;
	ssize_t now;
	do {
		free(pids);
		now = cgroup_processes(cgroup, &pids, NULL);
	} while (now != count); /* bounded by the suite's timeout */
	free(pids);
}

/* A process, 5 children, and 5 of theirs each, all ignoring what can be ignored: 31. */
static void fork_tree(void)
{
	for (int signal_number = 1; signal_number < 32; signal_number++)
		signal(signal_number, SIG_IGN);
	for (int i = 0; i < 5; i++) {
		if (fork() != 0)
			continue;
		for (int j = 0; j < 5 && fork() != 0; j++)
			;
		return;
	}
}

/* fork_tree, with some of the processes moved into directories below, as a container that has cgroupfs may do. */
static void kills_a_tree(void)
{
	struct cgroup *cgroup = fixture_create("tree", fixture.served);
	pid_t first = fixture_fork(cgroup, fork_tree);
	processes_wait(cgroup, 31);
	pid_t *pids = NULL;
	cr_assert_eq(cgroup_processes(cgroup, &pids, NULL), 31);
	for (size_t i = 0; cgroup_path(cgroup, i); i++) {
		char path[512], pid[16];
		snprintf(path, sizeof path, "%s/in", cgroup_path(cgroup, i));
		cr_assert_eq(mkdir(path, 0755), 0);
		strcat(path, "/side");
		cr_assert_eq(mkdir(path, 0755), 0);
		strcat(path, "/leaf");
		cr_assert_eq(mkdir(path, 0755), 0);
		snprintf(pid, sizeof pid, "%d", pids[30]);
		if (!fixture_file_there(path, "cpuset.cpus") || fixture_file_there(path, "cgroup.type"))
			fixture_file_write(path, "cgroup.procs", pid);
	}
	pid_t *again = NULL;
	cr_expect_eq(cgroup_processes(cgroup, &again, NULL), 31, "each once, wherever it is");
	cr_expect_arr_eq(pids, again, 31 * sizeof *pids);
	destroy(cgroup);
	for (int i = 0; i < 31; i++)
		cr_expect(fixture_dead(pids[i]), "process %d lives", pids[i]);
	fixture_wait(first);
	free(pids);
	free(again);
	cgroup_free(cgroup);
}

Test(end, kills_a_tree)
{
	kills_a_tree();
}

Test(end_v2, kills_a_tree)
{
	kills_a_tree();
}

static void fork_bomb(void)
{
	for (;;)
		fork();
}

Test(end, kills_what_keeps_forking)
{
	fixture_require(CGROUP_BIT(CGROUP_PIDS));
	struct cgroup *cgroup = fixture_create("bomb", CGROUP_BIT(CGROUP_PIDS) | CGROUP_BIT(CGROUP_CPU));
	struct cgroup_limits limits = {.pids = 100, .cpu_shares = 2};
	cr_assert_eq(cgroup_apply(cgroup, &limits, &fixture.error), 0, "%s", fixture.error.text);
	fixture_fork(cgroup, fork_bomb);
	processes_wait(cgroup, 100);
	destroy(cgroup);
	cgroup_free(cgroup);
}

Test(end, more_than_a_batch)
{
	struct cgroup *cgroup = fixture_create("many", fixture.served);
	for (int i = 0; i < 150; i++)
		fixture_fork(cgroup, NULL);
	processes_wait(cgroup, 150);
	destroy(cgroup);
	cgroup_free(cgroup);
}

Test(end, only_what_is_inside)
{
	struct cgroup *ended = fixture_create("ended", fixture.served),
		      *other = fixture_create("other", fixture.served);
	fixture_fork(ended, NULL);
	pid_t stays = fixture_fork(other, NULL);
	destroy(ended);
	cr_expect_not(fixture_dead(stays));
	pid_t *pids;
	cr_expect_eq(cgroup_processes(other, &pids, NULL), 1);
	free(pids);
	cgroup_free(ended);
	cgroup_free(other);
}

static void leave_at_once(void)
{
	_exit(0);
}

Test(end, unreaped_child_does_not_block)
{
	struct cgroup *cgroup = fixture_create("zombie", fixture.served);
	pid_t pid = fixture_fork(cgroup, leave_at_once);
	siginfo_t info;
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	destroy(cgroup);
	fixture_wait(pid);
	cgroup_free(cgroup);
}

Test(end, partly_gone)
{
	struct cgroup *cgroup = fixture_create("part", fixture.served);
	cr_assert_eq(rmdir(cgroup_path(cgroup, 0)), 0);
	if (cgroup_path(cgroup, 1))
		cr_expect_eq(access(cgroup_path(cgroup, 1), F_OK), 0);
	destroy(cgroup);
	cgroup_free(cgroup);
}

Test(end, not_itself)
{
	struct cgroup *cgroup = fixture_create("self", CGROUP_BIT(CGROUP_CPUACCT));
	pid_t pid = fork();
	if (pid == 0) {
		struct error error = {0};
		if (cgroup_attach(cgroup, getpid(), &error) < 0)
			_exit(1);
		_exit(cgroup_destroy(cgroup, 100, &error) == -EBUSY && strstr(error.text, "calling process") ? 0 : 2);
	}
	cr_expect_eq(fixture_wait(pid), 0);
	destroy(cgroup);
	cgroup_free(cgroup);
}

/* ---- Freezing ---- */

/* R, S, D, ... of proc_pid_stat(5). */
static char process_state(pid_t pid)
{
	char path[64], state = '?';
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *file = fopen(path, "r");
	if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	if (file)
		fclose(file);
	return state;
}

static void burn(void)
{
	for (;;)
		;
}

static void freeze_and_thaw(void)
{
	struct cgroup *cgroup = fixture_create("cold", fixture.served);
	pid_t pids[3];
	for (int i = 0; i < 3; i++)
		pids[i] = fixture_fork(cgroup, burn);
	cr_expect_eq(cgroup_frozen(cgroup), 0);
	cr_assert_eq(cgroup_freeze(cgroup, true, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	cr_expect_eq(cgroup_frozen(cgroup), 1);
	/* What is frozen is not running: v1 leaves it in D, v2 in S. */
	for (int i = 0; i < 3; i++)
		cr_expect_neq(process_state(pids[i]), 'R');
	cr_assert_eq(cgroup_freeze(cgroup, true, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "twice is once");
	cr_assert_eq(cgroup_freeze(cgroup, false, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	cr_expect_eq(cgroup_frozen(cgroup), 0);
	for (int i = 0; i < 3; i++)
		while (process_state(pids[i]) != 'R') /* bounded by the suite's timeout */
			;
	destroy(cgroup);
	cgroup_free(cgroup);
}

Test(end, freeze_and_thaw)
{
	fixture_require(CGROUP_BIT(CGROUP_FREEZER));
	freeze_and_thaw();
}

Test(end_v2, freeze_and_thaw)
{
	freeze_and_thaw();
}

/* More busy processes than CPUs don't stop at once: with no time to wait the freeze fails, and must not stay behind. */
static void a_freeze_that_fails_is_taken_back(void)
{
	enum { BUSY = 16 };
	struct cgroup *cgroup = fixture_create("cool", fixture.served);
	pid_t pids[BUSY];
	for (int i = 0; i < BUSY; i++)
		pids[i] = fixture_fork(cgroup, burn);
	int result = 0;
	for (int i = 0; i < 50 && result == 0; i++) {
		cgroup_freeze(cgroup, false, FIXTURE_TIMEOUT_MS, NULL);
		result = cgroup_freeze(cgroup, true, 0, &fixture.error);
	}
	cr_assert_eq(result, -ETIMEDOUT);
	cr_expect(strstr(fixture.error.text, cgroup_controller_path(cgroup, CGROUP_FREEZER)), "%s", fixture.error.text);
	cr_expect_eq(cgroup_frozen(cgroup), 0);
	for (int i = 0; i < BUSY; i++)
		while (process_state(pids[i]) != 'R') /* bounded by the suite's timeout */
			;
	destroy(cgroup);
	cgroup_free(cgroup);
}

Test(end, a_freeze_that_fails_is_taken_back)
{
	fixture_require(CGROUP_BIT(CGROUP_FREEZER));
	a_freeze_that_fails_is_taken_back();
}

Test(end_v2, a_freeze_that_fails_is_taken_back)
{
	a_freeze_that_fails_is_taken_back();
}

static void kills_what_is_frozen(void)
{
	struct cgroup *cgroup = fixture_create("cold", fixture.served);
	pid_t pid = fixture_fork(cgroup, NULL);
	/* And one in a directory below, frozen there. */
	char path[96];
	snprintf(path, sizeof path, "%s/cold", fixture.parent);
	struct cgroup *below;
	cr_assert_eq(cgroup_create(fixture.layout, path, "below", CGROUP_BIT(CGROUP_FREEZER), &below, &fixture.error),
		     0, "%s", fixture.error.text);
	pid_t nested = fixture_fork(below, NULL);
	cr_assert_eq(cgroup_freeze(below, true, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	cr_assert_eq(cgroup_freeze(cgroup, true, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	destroy(cgroup);
	cr_expect(fixture_dead(pid));
	cr_expect(fixture_dead(nested));
	cgroup_free(below);
	cgroup_free(cgroup);
}

Test(end, kills_what_is_frozen)
{
	fixture_require(CGROUP_BIT(CGROUP_FREEZER));
	kills_what_is_frozen();
}

Test(end_v2, kills_what_is_frozen)
{
	kills_what_is_frozen();
}

Test(end, freezing_nothing)
{
	fixture_require(CGROUP_BIT(CGROUP_FREEZER));
	struct cgroup *cgroup = fixture_create("empty", CGROUP_BIT(CGROUP_FREEZER));
	cr_expect_eq(cgroup_freeze(cgroup, true, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	cr_expect_eq(cgroup_frozen(cgroup), 1);
	destroy(cgroup);
	cr_expect_eq(cgroup_frozen(cgroup), -ENOENT);
	cr_expect_eq(cgroup_freeze(cgroup, true, 0, &fixture.error), -ENOENT);
	cgroup_free(cgroup);
}

Test(end, freezing_without_the_freezer)
{
	fixture_require(CGROUP_BIT(CGROUP_CPUACCT));
	struct cgroup *cgroup = fixture_create("warm", CGROUP_BIT(CGROUP_CPUACCT));
	cr_expect_eq(cgroup_freeze(cgroup, true, 0, &fixture.error), -ENOENT);
	cr_expect(strstr(fixture.error.text, "freezer"), "%s", fixture.error.text);
	cr_expect_eq(cgroup_frozen(cgroup), -ENOENT);
	cgroup_free(cgroup);
}

Test(end, a_thaw_below_a_frozen_directory_says_so)
{
	fixture_require(CGROUP_BIT(CGROUP_FREEZER));
	struct cgroup *parent = fixture_create("above", CGROUP_BIT(CGROUP_FREEZER)), *child;
	char path[96];
	snprintf(path, sizeof path, "%s/above", fixture.parent);
	cr_assert_eq(cgroup_create(fixture.layout, path, "child", CGROUP_BIT(CGROUP_FREEZER), &child, &fixture.error),
		     0);
	fixture_fork(child, NULL);
	cr_assert_eq(cgroup_freeze(parent, true, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	cr_expect_eq(cgroup_frozen(child), 1);
	cr_expect_eq(cgroup_freeze(child, false, 50, &fixture.error), -ETIMEDOUT);
	cr_expect(strstr(fixture.error.text, "above it frozen"), "%s", fixture.error.text);
	cr_assert_eq(cgroup_freeze(parent, false, FIXTURE_TIMEOUT_MS, &fixture.error), 0);
	destroy(parent);
	expect_gone(child);
	cgroup_free(child);
	cgroup_free(parent);
}
