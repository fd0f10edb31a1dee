/* SPDX-License-Identifier: Apache-2.0 */
/* Many at once, from many threads; and the ways into cgroups, with clone3 and without. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/mountinfo.h"
#include "tests/nsutil/fixture.h"

enum { THREADS = 8, EACH = 25 };

/* Criterion's assertions are for the test's own thread: the others count what went wrong. */
struct worker {
	pthread_t thread;
	int number;
	int failures;
	char text[256];
};

static void *spawn_some(void *argument)
{
	struct worker *worker = argument;
	for (int i = 0; i < EACH; i++) {
		int status = (worker->number * EACH + i) % 256;
		char script[16], record_name[32];
		snprintf(script, sizeof script, "exit %d", status);
		snprintf(record_name, sizeof record_name, "record-%d-%d", worker->number, i);
		const char *const words[] = {"sh", "-c", script, NULL};
		const char *const environment[] = {"PATH=/bin", NULL};
		cleanup_plan struct plan *plan = plan_new();
		/* By init and in place, by turns. */
		if (i % 2)
			plan_add_fork(plan, false);
		plan_add_environment(plan, environment);
		plan_add_exec(plan, "sh", i % 5 == 4 ? "/no/such" : "/usr/bin:/bin", words);
		struct spawn_options options = {
			.init_fd = fixture.init_fd,
			.trusted = true,
			.plan = plan,
			.namespaces = CLONE_NEWPID,
			.cgroup_into = -1,
			.cgroup_into_procs = -1,
			.stdio = (const int[]){-1, -1, -1},
			.record_fd = -1,
			.namespaces_fd = -1,
			.userns_fd = -1,
			.blank_fd = -1,
			.born_in_userns = -1,
			.self_pidfd = -1,
		};
		struct spawned spawned;
		struct error error = {0};
		int wait_status = -1;
		int code = spawn(&options, &spawned, &wait_status, &error);
		bool good = i % 5 == 4 ? code == -ENOENT && error.exit_status == 127 : code == 0;
		if (code == 0) {
			good = good && spawned_reap(spawned.pidfd, &wait_status) == 0 && wait_status == status << 8;
			close(spawned.pidfd);
		}
		if (!good && worker->failures++ == 0)
			snprintf(worker->text, sizeof worker->text, "%d of %d: %d, status %#x, %.150s", i,
				 worker->number, code, wait_status, error.text);
	}
	return NULL;
}

SPAWN_TEST(many, threads_may_spawn_at_once)
{
	char before[4096], after[4096];
	fds_list(before);
	struct worker workers[THREADS] = {0};
	for (int i = 0; i < THREADS; i++) {
		workers[i].number = i;
		cr_assert_eq(pthread_create(&workers[i].thread, NULL, spawn_some, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		cr_expect_eq(workers[i].failures, 0, "%d failures; the first: %s", workers[i].failures,
			     workers[i].text);
	}
	cr_expect_str_eq(fds_list(after), before);
	cr_expect_not(has_children());
}

/* ---- Cgroups ---- */

/* A cgroup directory of the test's own below the first hierarchy of that type (and, for v1, of that controller). */
struct group {
	char path[512];
	int directory, procs;
};

static bool group_make(struct group *group, const char *type, const char *controller)
{
	cleanup_mount_table struct mount_table table = {0};
	cr_assert_eq(mount_table_read(NULL, &table, NULL), 0);
	for (size_t i = 0; i < table.count; i++) {
		const struct mount_entry *entry = &table.entries[i];
		if (strcmp(entry->type, type) != 0 || (controller && !mount_option_has(entry->super, controller)))
			continue;
		snprintf(group->path, sizeof group->path, "%.400s/berth-test-nsutil-%d", entry->point, (int)getpid());
		if (mkdir(group->path, 0755) < 0)
			continue;
		group->directory = open(group->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		group->procs = openat(group->directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
		return group->directory >= 0 && group->procs >= 0;
	}
	return false;
}

static void group_remove(struct group *group)
{
	if (!group->path[0])
		return;
	close(group->directory);
	close(group->procs);
	rmdir(group->path);
}
#define cleanup_group __attribute__((cleanup(group_remove)))

static struct plan *plan_of_waiting(void)
{
	struct plan *plan = plan_new();
	plan_add_fork(plan, false);
	/* What /proc/self/cgroup says of the command itself, while it lives. */
	FINISH(plan, "cat", "/proc/self/cgroup");
	return plan;
}

static void expect_inside(const struct run *run, const struct group *group)
{
	const char *name = strrchr(group->path, '/');
	cr_expect_not_null(strstr(run->output, name), "%s is not in: %s", name, run->output);
}

SPAWN_TEST(many, is_born_into_a_v2_cgroup)
{
	cleanup_group struct group group = {0};
	if (!group_make(&group, "cgroup2", NULL))
		cr_skip_test("there is no cgroup2 hierarchy here");
	cleanup_plan struct plan *plan = plan_of_waiting();
	struct run run = RUN_INIT;
	run.cgroup_into = group.directory;
	run.cgroup_into_procs = group.procs;
	run_plan(&run, plan);
	cr_expect_not(run.spawned.used_clone);
	expect_inside(&run, &group);
}

SPAWN_TEST(many, enters_v1_cgroups)
{
	cleanup_group struct group cpu = {0}, pids = {0};
	if (!group_make(&cpu, "cgroup", "cpu") || !group_make(&pids, "cgroup", "pids"))
		cr_skip_test("there are no cgroup v1 hierarchies of cpu and pids here");
	const int procs[] = {cpu.procs, pids.procs};
	cleanup_plan struct plan *plan = plan_of_waiting();
	struct run run = RUN_INIT;
	run.cgroup_procs = procs;
	run.n_cgroup_procs = 2;
	run_plan(&run, plan);
	char *first = strstr(run.output, strrchr(cpu.path, '/'));
	cr_assert_not_null(first, "%s", run.output);
	cr_expect_not_null(strstr(first + 1, strrchr(pids.path, '/')), "%s", run.output);
}

SPAWN_TEST(many, a_cgroup_that_can_not_be_entered_is_an_error)
{
	cleanup_fd int not_a_cgroup = open(fixture.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int read_only = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	cleanup_plan struct plan *plan = PLAN_OF("touch", scratch("executed"));
	char before[4096], after[4096];
	fds_list(before);
	struct run run = RUN_INIT, second = RUN_INIT;
	run.cgroup_into = not_a_cgroup;
	run_start(&run, plan);
	cr_expect_lt(run.code, 0);
	cr_expect_not_null(strstr(run.error.text, "clone"), "%s", run.error.text);
	second.cgroup_procs = &read_only;
	second.n_cgroup_procs = 1;
	run_start(&second, plan);
	cr_expect_eq(second.code, -EBADF);
	cr_expect_not_null(strstr(second.error.text, "enter the cgroups"), "%s", second.error.text);
	cr_expect_not(is_there(scratch("executed")));
	cr_expect_not(has_children());
	cr_expect_str_eq(fds_list(after), before);
}

/* ---- Without clone3 ---- */

static void take_clone3_away(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	cr_assert_not_null(filter);
	cr_assert_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), 0);
	cr_assert_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
}

SPAWN_TEST(many, falls_back_to_clone_and_says_so)
{
	cleanup_group struct group group = {0};
	bool has_group = group_make(&group, "cgroup2", NULL);
	take_clone3_away();
	cleanup_plan struct plan *plan = plan_of_waiting();
	char before[4096], after[4096];
	fds_list(before);
	struct run run = RUN_INIT;
	run.namespaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
	if (has_group) {
		run.cgroup_into = group.directory;
		run.cgroup_into_procs = group.procs;
	}
	run_start(&run, plan);
	cr_assert_eq(run.code, 0, "%s", run.error.text);
	cr_expect(run.spawned.used_clone);
	cr_expect_eq(fcntl(run.spawned.pidfd, F_GETFD), FD_CLOEXEC);
	run_finish(&run);
	cr_expect_eq(run.wait_status, 0);
	if (has_group)
		expect_inside(&run, &group);
	cr_expect_str_eq(fds_list(after), before);
}

SPAWN_TEST(many, failures_are_the_same_without_clone3)
{
	take_clone3_away();
	cleanup_plan struct plan *plan = PLAN_OF("/no/such/command");
	struct run run = RUN_INIT;
	run_start(&run, plan);
	cr_expect_eq(run.code, -ENOENT);
	cr_expect_eq(run.error.exit_status, 127);
	cr_expect_not(has_children());
}
