/* SPDX-License-Identifier: Apache-2.0 */
/* An unmodified slave's dealings with one executor after another. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/slave/slave.h"

TestSuite(slave_calls, .init = slave_init, .fini = slave_fini);

static const char *output_of(const struct executor *executor, const char *name)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", executor->directory, name);
	return lx_read(path);
}

Test(slave_calls, an_executor_registers_and_exits)
{
	struct executor *executor = slave_launch("F-0001", "default", "./executor");
	slave_await_registered(executor);
	slave_tell(executor, "exit 3\n");
	slave_await_reaped(executor);
	cr_expect(WIFEXITED(executor->status) && WEXITSTATUS(executor->status) == 3, "status %#x: %s", executor->status,
		  lx_read(executor->errors));
	/* Where the slave looks for it, as the framework's user wrote it. */
	char expected[600];
	snprintf(expected, sizeof expected, "executor of user 65534 in %s\n", executor->directory);
	cr_expect_eq(strncmp(output_of(executor, "stdout"), expected, strlen(expected)), 0, "%s",
		     output_of(executor, "stdout"));
	/* From inside, unprivileged: harmless, whatever it returns, and it returned. */
	cr_expect(strstr(output_of(executor, "stdout"), "launcher: lxc-stop from inside gave 1\n"), "%s",
		  output_of(executor, "stdout"));
	cr_expect_eq(slave.resizes_failed, 0);
	cr_expect_eq(lx_records(), 0);
}

/* Root in the container, the launcher and the framework's user are all nobody outside; what they write in the work
 * directory is the slave's and the user's all the same. */
Test(slave_calls, an_executor_with_ids_of_its_own)
{
	lx_configure("lxc.idmap = b 0 100000 65536\n");
	struct executor *executor = slave_launch("F", "default", "./executor");
	slave_run(slave_ms(20000), &executor->registered);
	if (strstr(lx_read(executor->errors), "can't be shown with ids shifted"))
		cr_skip_test("the file system of the test's directory can't be shown with ids shifted here");
	slave_await_registered(executor);
	char text[600];
	struct stat status;
	snprintf(text, sizeof text, "executor of user 65534 in %s\n", executor->directory);
	cr_expect_eq(strncmp(output_of(executor, "stdout"), text, strlen(text)), 0, "%s",
		     output_of(executor, "stdout"));
	cr_assert_eq(stat(executor->directory, &status), 0);
	cr_expect_eq(status.st_uid, 65534u);
	/* The container's processes, as the host sees them: init and the launcher, and what runs as the user. */
	snprintf(text, sizeof text, "lxc-ps -n %s | awk 'NR > 1 { print $3 }' | sort -u", executor->container);
	cr_expect_str_eq(lx_shell(text)->out_text, "100000\n165534\n");
	slave_task_add(executor, 64);
	cr_expect_eq(slave.resizes_failed, 0);
	slave_tell(executor, "exit 3\n");
	slave_await_reaped(executor);
	cr_expect(WIFEXITED(executor->status) && WEXITSTATUS(executor->status) == 3, "status %#x: %s", executor->status,
		  lx_read(executor->errors));
}

Test(slave_calls, an_executor_that_kills_its_process_group_at_shutdown)
{
	struct executor *executor = slave_launch("F", "default", "./executor 500");
	slave_await_registered(executor);
	slave_tell(executor, "shutdown\n");
	slave_await_reaped(executor);
	cr_expect(WIFEXITED(executor->status) && WEXITSTATUS(executor->status) == 137, "status %#x", executor->status);
}

Test(slave_calls, the_kill)
{
	struct executor *executor = slave_launch("F", "default", "./executor");
	slave_await_registered(executor);
	int64_t start = slave_now_ms();
	cr_expect_eq(slave_stop(executor), 0);
	cr_expect_lt(slave_now_ms() - start, 10000, "the slave's actor was blocked");
	slave_await_reaped(executor);
	cr_expect_eq(WEXITSTATUS(executor->status), 137);
}

Test(slave_calls, the_same_name_again_and_again)
{
	struct executor *executor = slave_launch("F", "default", "./executor");
	for (int i = 0; i < 5; i++) {
		slave_await_registered(executor);
		slave_tell(executor, i % 2 ? "exit 0\n" : "shutdown\n");
		slave_await_reaped(executor);
		slave_run(slave_ms(2000), NULL);
		slave_relaunch(executor, "./executor");
	}
	slave_await_registered(executor);
	cr_expect_eq(slave_stop(executor), 0);
	slave_await_reaped(executor);
}

/* The stop of the old one still runs when the new one is launched. */
Test(slave_calls, a_relaunch_that_does_not_wait_for_the_stop)
{
	for (int i = 0; i < 5; i++) {
		struct executor *executor = slave_launch("F", "default", "./executor");
		slave_await_registered(executor);
		pid_t stop = fork();
		if (stop == 0) {
			execlp("lxc-stop", "lxc-stop", "-n", executor->container, NULL);
			_exit(99);
		}
		pid_t old = executor->pid;
		/* Without the slave it would end by itself. */
		int connection = executor->connection;
		executor->connection = -1;
		slave_relaunch(executor, "./executor");
		slave_await_registered(executor);
		int status;
		cr_assert_eq(waitpid(old, &status, 0), old);
		cr_expect_eq(WEXITSTATUS(status), 137);
		cr_assert_eq(waitpid(stop, &status, 0), stop);
		cr_expect_eq(WEXITSTATUS(status), 0, "lxc-stop gave %d", WEXITSTATUS(status));
		close(connection);
		slave_tell(executor, "exit 7\n");
		slave_await_reaped(executor);
		cr_expect_eq(WEXITSTATUS(executor->status), 7, "the stop hit the wrong one");
		/* Another slot's executor has the same name next. */
		snprintf(executor->container, sizeof executor->container, "-");
	}
}

/* The shell takes such a name apart: nothing that is asked for later works, and still nothing is left behind. */
Test(slave_calls, names_that_users_choose)
{
	static const char *const ids[] = {"Task 1 (echo \"it's\"...)", "a/b", "x; exit 5", "$HOME `id`"};
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct executor *executor = slave_launch("F", ids[i], "./executor");
		slave_run(lx_patience(), &executor->registered);
		cr_assert(executor->registered, "%s: %s", ids[i], lx_read(executor->errors));
		if (strcmp(ids[i], "a/b") != 0)
			cr_expect_not(slave_resize(executor), "the slave does not quote");
		slave_tell(executor, "exit 0\n");
		slave_await_reaped(executor);
		cr_expect_eq(lx_records(), 0);
		cr_expect_eq(lx_cgroups(), 0);
	}
}

Test(slave_calls, executors_of_two_frameworks_side_by_side)
{
	struct executor *executors[6];
	for (int i = 0; i < 6; i++)
		executors[i] =
			slave_launch(i % 2 ? "F" : "G", (const char *const[]){"1", "2", "3"}[i / 2], "./executor");
	for (int i = 0; i < 6; i++)
		slave_await_registered(executors[i]);
	for (int i = 0; i < 6; i++) {
		slave_task_add(executors[i], 64);
		slave_tell(executors[i], "run 1 10 8\n");
	}
	for (int i = 0; i < 6; i++) {
		char text[32];
		snprintf(text, sizeof text, "exit %d\n", i + 1);
		slave_tell(executors[i], text);
	}
	for (int i = 0; i < 6; i++) {
		slave_await_reaped(executors[i]);
		cr_expect_eq(WEXITSTATUS(executors[i]->status), i + 1);
	}
	cr_expect_eq(slave.resizes_failed, 0);
}
