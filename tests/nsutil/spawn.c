/* SPDX-License-Identifier: Apache-2.0 */
/* A process started for real: how it ends, how it fails to start, what it is given. */
#include "nsutil/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/nsutil/fixture.h"

SPAWN_TEST(spawn, runs_a_command)
{
	cleanup_plan struct plan *plan = PLAN_OF("/bin/true");
	for (int way = 0; way < 2; way++) {
		struct run run = RUN_INIT;
		run.namespaces = both_ways[way];
		run_start(&run, plan);
		cr_assert_eq(run.code, 0, "%s", run.error.text);
		cr_expect_gt(run.spawned.pid, 0);
		cr_expect_eq(fcntl(run.spawned.pidfd, F_GETFD), FD_CLOEXEC);
		cr_expect_eq(run.spawned.tty, -1);
		cr_expect_not(run.spawned.used_clone);
		run_finish(&run);
		cr_expect_eq(run.wait_status, 0);
		cr_expect_not(has_children());
	}
}

SPAWN_TEST(spawn, reports_exit_statuses)
{
	static const int statuses[] = {0, 1, 7, 125, 126, 127, 128, 255};
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		char script[16];
		snprintf(script, sizeof script, "exit %d", statuses[i]);
		cleanup_plan struct plan *plan = PLAN_OF("sh", "-c", script);
		struct run run = RUN_INIT;
		run_plan(&run, plan);
		cr_expect(WIFEXITED(run.wait_status) && WEXITSTATUS(run.wait_status) == statuses[i], "%s: %#x", script,
			  run.wait_status);
	}
}

/* As PID 1 of its namespace it could not kill itself. */
SPAWN_TEST(spawn, reports_signals)
{
	cleanup_plan struct plan *plan = PLAN_OF("sh", "-c", "kill -KILL $$");
	struct run run = RUN_INIT;
	run_plan(&run, plan);
	cr_expect(WIFSIGNALED(run.wait_status) && WTERMSIG(run.wait_status) == SIGKILL, "%#x", run.wait_status);
}

SPAWN_TEST(spawn, hands_over_arguments_and_environment_as_they_are)
{
	cleanup_plan struct plan *plan = PLAN_OF(fixture.look, "", "a b", "line\nbreak", "\xff", "");
	char expected[1024];
	snprintf(expected, sizeof expected,
		 "arg=%s\narg=\narg=a b\narg=line\nbreak\narg=\xff\narg=\nenv=PATH=/usr/bin:/bin\nenv=EMPTY=\nfd=",
		 fixture.look);
	for (int way = 0; way < 2; way++) {
		struct run run = RUN_INIT;
		run.namespaces = both_ways[way];
		run_plan(&run, plan);
		cr_expect_eq(strncmp(run.output, expected, strlen(expected)), 0, "%s", run.output);
	}
}

/* What a step fails with, and the words and exit status a launcher is to pass on. */
static void expect_failure_in(uint64_t namespaces, struct plan *plan, int code, int exit_status, const char *text)
{
	char before[4096], after[4096];
	fds_list(before);
	struct run run = RUN_INIT;
	run.namespaces = namespaces;
	run_start(&run, plan);
	cr_expect_eq(run.code, -code, "%d instead of %d: %s", run.code, -code, run.error.text);
	cr_expect_eq(run.error.code, code);
	cr_expect_eq(run.error.exit_status, exit_status, "%d: %s", run.error.exit_status, run.error.text);
	cr_expect_not_null(strstr(run.error.text, text), "'%s' is not in: %s", text, run.error.text);
	cr_expect_eq(run.spawned.pidfd, -1);
	cr_expect_not(has_children(), "after '%s' a child is left", run.error.text);
	cr_expect_str_eq(fds_list(after), before);
}

static void expect_failure(struct plan *plan, int code, int exit_status, const char *text)
{
	for (int way = 0; way < 2; way++)
		expect_failure_in(both_ways[way], plan, code, exit_status, text);
}

static void write_script(const char *path, const char *text, mode_t mode)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
}

SPAWN_TEST(spawn, tells_why_a_command_can_not_be_executed)
{
	write_script(scratch("plain"), "#!/bin/sh\n", 0644);
	write_script(scratch("nonsense"), "nonsense\n", 0755);
	write_script(scratch("orphan"), "#!/no/such/interpreter\n", 0755);
	const struct {
		const char *command;
		int code, exit_status;
		const char *text;
	} cases[] = {
		{"/no/such/command", ENOENT, 127, "execute /no/such/command: No such file or directory"},
		{"no-such-command-anywhere", ENOENT, 127, "execute no-such-command-anywhere: No such file"},
		{"/tmp", EACCES, 126, "execute /tmp: Permission denied"},
		{scratch("plain"), EACCES, 126, "/plain: Permission denied"},
		{scratch("nonsense"), ENOEXEC, 126, "/nonsense: Exec format error"},
		{scratch("orphan"), ENOENT, 127, "/orphan: No such file or directory"},
		{"/etc/passwd/command", ENOTDIR, 126, "Not a directory"},
		{"", ENOENT, 127, "No such file or directory"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cleanup_plan struct plan *plan = PLAN_OF(cases[i].command);
		expect_failure(plan, cases[i].code, cases[i].exit_status, cases[i].text);
	}
}

static struct plan *plan_of_path(const char *path)
{
	static const char *const argv[] = {"berth-tool", NULL};
	struct plan *plan = plan_new();
	plan_add_chdir(plan, fixture.directory);
	plan_add_exec(plan, "berth-tool", path, argv);
	return plan;
}

/* As execvp(3) does, except that a script without #! is not given to a shell. */
SPAWN_TEST(spawn, searches_the_path)
{
	char path[1200];
	cr_assert_eq(mkdir(scratch("denied"), 0755), 0);
	cr_assert_eq(mkdir(scratch("good"), 0755), 0);
	write_script(scratch("denied/berth-tool"), "#!/bin/sh\nexit 4\n", 0644);
	write_script(scratch("good/berth-tool"), "#!/bin/sh\nexit 5\n", 0755);

	snprintf(path, sizeof path, "/no/such:/etc/passwd:%s:%s", scratch("denied"), scratch("good"));
	cleanup_plan struct plan *found = plan_of_path(path);
	for (int way = 0; way < 2; way++) {
		struct run run = RUN_INIT;
		run.namespaces = both_ways[way];
		run_plan(&run, found);
		cr_expect_eq(run.wait_status, 5 << 8, "%#x", run.wait_status);
	}

	snprintf(path, sizeof path, "%s:/no/such", scratch("denied"));
	cleanup_plan struct plan *denied = plan_of_path(path);
	expect_failure(denied, EACCES, 126, "execute berth-tool: Permission denied");

	/* An empty entry is the current directory, also one at the end, and an empty PATH. */
	cleanup_plan struct plan *none = plan_of_path("");
	expect_failure(none, ENOENT, 127, "execute berth-tool");
	write_script(scratch("berth-tool"), "#!/bin/sh\nexit 6\n", 0755);
	static const char *const here[] = {"", "/no/such:", ":/no/such", "/no/such::/no/such"};
	for (size_t i = 0; i < 2 * sizeof here / sizeof *here; i++) {
		cleanup_plan struct plan *plan = plan_of_path(here[i / 2]);
		struct run again = RUN_INIT;
		again.namespaces = both_ways[i % 2];
		run_plan(&again, plan);
		cr_expect_eq(again.wait_status, 6 << 8, "PATH='%s': %#x", here[i / 2], again.wait_status);
	}
}

SPAWN_TEST(spawn, names_the_step_that_failed)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_setsid(plan);
	plan_add_chdir(plan, "/no/such/directory");
	FINISH(plan, "/bin/true");
	expect_failure(plan, ENOENT, 125, "change directory to /no/such/directory: No such file or directory");
}

/* Each step in turn, none of which has been run when one before it failed. */
SPAWN_TEST(spawn, an_injected_failure_stops_everything_behind_it)
{
	enum { STEPS = 5 };
	for (size_t failing = 0; failing < STEPS + 2; failing++) {
		cleanup_plan struct plan *plan = plan_new();
		char name[32];
		for (int i = 0; i < STEPS; i++) {
			snprintf(name, sizeof name, "%zu-%d", failing, i);
			plan_add_mkdir(plan, false, scratch(name), 0700);
		}
		FINISH(plan, "touch", scratch("executed"));
		plan_inject_failure(plan, failing, EXDEV);
		char what[256];
		plan_describe(plan, failing, what, sizeof what);
		expect_failure(plan, EXDEV, failing == STEPS + 1 ? 126 : 125, what);
		for (size_t i = 0; i < STEPS; i++) {
			snprintf(name, sizeof name, "%zu-%zu", failing, i);
			cr_expect_eq(is_there(scratch(name)), i < failing, "step %zu when %zu fails", i, failing);
		}
		cr_expect_not(is_there(scratch("executed")));
	}
}

SPAWN_TEST(spawn, refuses_a_plan_that_is_none)
{
	cleanup_plan struct plan *empty = plan_new();
	cleanup_plan struct plan *open_ended = plan_new();
	plan_add_mkdir(open_ended, false, scratch("made"), 0700);
	for (int way = 0; way < 2; way++) {
		struct run run = RUN_INIT, second = RUN_INIT;
		run.namespaces = second.namespaces = both_ways[way];
		run_start(&run, empty);
		cr_expect_lt(run.code, 0);
		cr_expect_not(has_children());
		run_start(&second, open_ended);
		cr_expect_lt(second.code, 0);
		cr_expect_not(is_there(scratch("made")));
		cr_expect_not(has_children());
	}
}

/* A process that is killed while it sets up: told apart from a step that fails. The caller, in whose memory it may do
 * that, lives on. */
SPAWN_TEST(spawn, tells_of_a_death_during_set_up)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_mkdir(plan, false, scratch("before"), 0700);
	plan_add_hostname(plan, "killed");
	FINISH(plan, "touch", scratch("executed"));
	/* The filter is inherited: the kernel kills who sets a host name. */
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	cr_assert_not_null(filter);
	cr_assert_eq(seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(sethostname), 0), 0);
	cr_assert_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
	char before[4096], after[4096];
	fds_list(before);
	for (int way = 0; way < 2; way++) {
		struct run run = RUN_INIT;
		run.namespaces = CLONE_NEWUTS | both_ways[way];
		run_start(&run, plan);
		cr_expect_eq(run.code, -ECHILD, "%s", run.error.text);
		cr_expect(WIFSIGNALED(run.wait_status) && WTERMSIG(run.wait_status) == SIGSYS, "%#x", run.wait_status);
		cr_expect_not_null(strstr(run.error.text, "signal 31"), "%s", run.error.text);
		cr_expect(is_there(scratch("before")));
		cr_expect_not(is_there(scratch("executed")));
		cr_expect_not(has_children());
		cr_expect_str_eq(fds_list(after), before);
	}
}

SPAWN_TEST(spawn, keeps_the_umask_of_the_caller)
{
	umask(037);
	cleanup_plan struct plan *plan = plan_new();
	plan_add_mkdir(plan, false, scratch("shared"), 01777);
	FINISH(plan, fixture.look);
	for (int way = 0; way < 2; way++) {
		struct run run = RUN_INIT;
		run.namespaces = both_ways[way];
		run_plan(&run, plan);
		cr_expect_str_eq(told(&run, "umask"), "0037");
	}
	cr_expect_eq(umask(0), 037u, "the caller's own is another");
	/* Not that of the steps: they say what they mean. */
	struct stat status;
	cr_assert_eq(stat(scratch("shared"), &status), 0);
	cr_expect_eq(status.st_mode & 07777, 01777u, "%o", status.st_mode);
}

/* A process of 512 MB starts one as a small one does: no copy of its page tables, no reservation of its memory. */
SPAWN_TEST(spawn, works_in_a_large_process)
{
	enum { LARGE = 512 << 20 };
	char *memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		cr_skip_test("there are no 512 MB of memory here");
	memset(memory, 1, LARGE);
	cleanup_plan struct plan *plan = PLAN_OF("sh", "-c", "exit 9");
	for (int i = 0; i < 20; i++) {
		struct run run = RUN_INIT;
		run.namespaces = both_ways[i % 2];
		run_plan(&run, plan);
		cr_expect_eq(run.wait_status, 9 << 8);
	}
	for (size_t i = 0; i < LARGE; i += 4096)
		cr_assert_eq(memory[i], 1);
}
