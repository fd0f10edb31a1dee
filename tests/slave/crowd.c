/* SPDX-License-Identifier: Apache-2.0 */
/* Many executors of many frameworks at once, resized up and down at random, and stopped in one way or another. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/slave/slave.h"

TestSuite(slave_crowd, .init = slave_init, .fini = slave_fini);

enum { FRAMEWORKS = 10, REAL_MS = 120000 };

static size_t descriptors(void)
{
	size_t n = 0;
	DIR *directory = opendir("/proc/self/fd");
	while (directory && readdir(directory))
		n++;
	closedir(directory);
	return n;
}

/* How it will end, by its number: each in a way of its own, that its status must tell. */
static int status_wanted(int number)
{
	return number % 4 == 0 ? 137 : number % 4 == 1 ? 137 : number % 100;
}

static void end(const struct executor *executor, int number)
{
	char text[32];
	switch (number % 4) {
	case 0:
		cr_expect_eq(slave_stop(executor), 0, "%s", executor->container);
		break;
	case 1:
		slave_tell(executor, "shutdown\n");
		break;
	default:
		snprintf(text, sizeof text, "exit %d\n", number % 100);
		slave_tell(executor, text);
	}
}

Test(slave_crowd, all_end_as_they_should_and_nothing_is_left)
{
	const char *full = getenv("BERTH_TEST_FULL_LENGTH");
	int n = full && *full == '1' ? 100 : 20;
	size_t before = descriptors();
	struct executor *executors[100];
	unsigned int random = 1;
	lx_configure("berth.memory.grace = 60s\n");
	for (int i = 0; i < n; i++) {
		char framework[32], id[32];
		snprintf(framework, sizeof framework, "F-%d", i % FRAMEWORKS);
		snprintf(id, sizeof id, "e-%d", i / FRAMEWORKS);
		executors[i] = slave_launch(framework, id, "./executor");
	}
	for (int i = 0; i < n; i++)
		slave_await_registered(executors[i]);
	for (int64_t until = slave_now_ms() + slave_ms(REAL_MS) / (n < 100 ? 3 : 1); slave_now_ms() < until;) {
		struct executor *executor = executors[rand_r(&random) % (unsigned int)n];
		if (executor->mb == 0 || rand_r(&random) % 2)
			slave_task_add(executor, 64);
		else
			slave_task_remove(executor, 64);
		if (rand_r(&random) % 8 == 0 && executor->mb)
			slave_tell(executor, "run 1 20 16\n");
		slave_run(1, NULL);
	}
	cr_expect_eq(slave.resizes_failed, 0, "%d resizes failed: %s", slave.resizes_failed,
		     lx_read(lx_path("slave-errors")));
	for (int i = 0; i < n; i++)
		cr_expect_gt(executors[i]->pid, 0, "%s ended before its time", executors[i]->container);
	for (int i = 0; i < n; i++)
		end(executors[i], i);
	for (int i = 0; i < n; i++) {
		slave_await_reaped(executors[i]);
		cr_expect(WIFEXITED(executors[i]->status) && WEXITSTATUS(executors[i]->status) == status_wanted(i),
			  "%s: status %#x: %s", executors[i]->container, executors[i]->status,
			  lx_read(executors[i]->errors));
	}
	slave_run(slave_ms(1000), NULL);
	cr_expect_eq(lx_records(), 0);
	cr_expect_eq(lx_cgroups(), 0);
	for (int i = 0; i < n; i++)
		if (executors[i]->connection >= 0) {
			close(executors[i]->connection);
			executors[i]->connection = -1;
		}
	cr_expect_eq(descriptors(), before);
}
