/* SPDX-License-Identifier: Apache-2.0 */
/* berth run -d, and what becomes of such a container. */
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/cli/harness.h"

TestSuite(cli_detach, .init = world_init, .fini = world_fini);

/* The parent of a container's init on the host: its monitor. */
static pid_t parent_of(pid_t pid)
{
	char path[64], line[256];
	int parent = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	cleanup_file FILE *status = fopen(path, "re");
	cr_assert(status != NULL, "%s", path);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	cr_assert_gt(parent, 0);
	return parent;
}

/* A process's descriptor that leads to what has this in its name, or that is one of the first three and does not lead
 * to /dev/null: where it leads; or NULL. */
static const char *descriptor_like(pid_t pid, const char *part)
{
	static char target[300];
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	cleanup_dir DIR *descriptors = opendir(path);
	cr_assert(descriptors != NULL);
	struct dirent *entry;
	while ((entry = readdir(descriptors))) {
		ssize_t n = readlinkat(dirfd(descriptors), entry->d_name, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (strstr(target, part) || (atoi(entry->d_name) <= 2 && strcmp(target, "/dev/null") != 0))
			return target;
	}
	return NULL;
}

static void expect_removed(const char *name)
{
	cleanup_job struct job job;
	BERTH(&job, "rm", name);
	expect_status(&job, 0);
	cr_expect_str_eq(job.out_text, "");
	cr_expect_str_eq(job.err_text, "");
	cleanup_free char *left = world_snapshot();
	cr_expect_str_eq(left, "", "left behind: %s", left);
}

Test(cli_detach, whole_life)
{
	cleanup_job struct job run, ps, ps_all, wait, inspect, busy;
	BERTH(&run, "run", "-d", "-n", "job", "--log", world_path("log"), "sh", "-c",
	      "echo ready; cat; read line <&0 || echo end of input; while test ! -e /tmp/stop; do sleep 0.02; done; "
	      "exit 9",
	      "x");
	expect_status(&run, 0);
	cr_expect_str_eq(run.out_text, "job\n");
	cr_expect_str_eq(run.err_text, "");

	BERTH(&ps, "ps");
	expect_status(&ps, 0);
	cr_expect(strstr(ps.out_text, "job ") && strstr(ps.out_text, " running "), "%s", ps.out_text);
	cr_expect(strstr(ps.out_text, "sh -c echo ready"), "%s", ps.out_text);

	BERTH(&busy, "rm", "job");
	expect_status(&busy, 125);
	expect_complaint(&busy, "job");

	cleanup_job struct job stop;
	BERTH(&stop, "exec", "job", "touch", "/tmp/stop");
	expect_status(&stop, 0);
	BERTH(&wait, "wait", "job");
	expect_status(&wait, 0);
	cr_expect_str_eq(wait.out_text, "9\n");
	cleanup_free char *log = world_read("log");
	cr_expect_str_eq(log, "ready\nend of input\n");

	cleanup_job struct job ps_after;
	BERTH(&ps_after, "ps");
	cr_expect_eq(count_lines(ps_after.out_text), 1, "%s", ps_after.out_text);
	BERTH(&ps_all, "ps", "-a");
	cr_expect(strstr(ps_all.out_text, "job ") && strstr(ps_all.out_text, " ended "), "%s", ps_all.out_text);
	BERTH(&inspect, "inspect", "job");
	expect_status(&inspect, 0);
	json_t *object = json_loads(inspect.out_text, 0, NULL);
	cr_assert(object != NULL, "%s", inspect.out_text);
	cr_expect_str_eq(json_string_value(json_object_get(object, "state")), "ended");
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(object, "end"), "reason")), "exited");
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(object, "end"), "code")), 9);
	json_decref(object);
	expect_removed("job");
}

Test(cli_detach, generated_name)
{
	cleanup_job struct job run, wait;
	char name[256];
	BERTH(&run, "run", "-d", "true");
	expect_status(&run, 0);
	cr_assert_eq(sscanf(run.out_text, "%255s", name), 1);
	BERTH(&wait, "wait", name);
	expect_status(&wait, 0);
	cr_expect_str_eq(wait.out_text, "0\n");
	expect_removed(name);
}

/* It returned, so a pipeline behind it must not wait for the container, nor a terminal's hang-up reach it. */
Test(cli_detach, monitor_holds_nothing_of_the_caller)
{
	cleanup_job struct job run, remove;
	int extra = open("/etc/passwd", O_RDONLY); /* not close-on-exec */
	char path[300], target[300];

	cr_assert_geq(extra, 3);
	cr_assert_eq(chdir(world.directory), 0);
	BERTH(&run, "run", "-d", "-n", "quiet", "--log", "log", "sh", "-c", "pwd; exec sleep 1000");
	close(extra);
	expect_status(&run, 0); /* job_finish has seen the ends of its output: nobody holds the pipes */
	pid_t monitor = parent_of(container_pid("quiet"));
	cr_expect_eq(getsid(monitor), monitor);

	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)monitor);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	cr_expect(n == 1 && target[0] == '/');
	/* What it has told the caller by is closed when that has been told. */
	for (int tries = 0; descriptor_like(monitor, "pipe:") && tries < HANG_BOUND_MS / 10; tries++)
		poll(NULL, 0, 10);
	static const char *const strange[] = {"pipe:", "passwd", "/log"};
	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		const char *found = descriptor_like(monitor, strange[i]);
		cr_expect(!found, "%s", found);
	}
	/* The relative path and the directory of the command were the caller's. */
	await_written("log", world.directory);
	BERTH(&remove, "rm", "-f", "quiet");
	expect_status(&remove, 0);
}

Test(cli_detach, log_is_appended_to)
{
	cleanup_job struct job run, wait, again, wait_again;
	world_write("log", "before\n", 0600);
	BERTH(&run, "run", "-d", "-n", "one", "--log", world_path("log"), "sh", "-c", "echo out; echo err >&2");
	BERTH(&wait, "wait", "one");
	cr_expect_str_eq(wait.out_text, "0\n");
	BERTH(&again, "run", "-d", "-n", "two", "--log", world_path("log"), "echo", "again");
	BERTH(&wait_again, "wait", "two");
	cleanup_free char *log = world_read("log");
	cr_expect_str_eq(log, "before\nout\nerr\nagain\n");
}

Test(cli_detach, timeout)
{
	cleanup_job struct job run, wait, list;
	BERTH(&run, "run", "-d", "-n", "late", "--timeout", "100ms", "sleep", "1000");
	expect_status(&run, 0);
	BERTH(&wait, "wait", "late");
	expect_status(&wait, 0);
	cr_expect_str_eq(wait.out_text, "124\n");
	BERTH(&list, "ps", "-a", "--json");
	cr_expect(strstr(list.out_text, "\"timeout\""), "%s", list.out_text);
	expect_removed("late");
}

/* A monitor that is killed leaves the container running; someone else learns how it ends. */
Test(cli_detach, container_outlives_its_monitor)
{
	cleanup_job struct job run, list, wait, kill_job;
	BERTH(&run, "run", "-d", "-n", "orphan", "--log", world_path("log"), "sh", "-c",
	      "trap 'exit 11' TERM; echo ready; sleep 1000 & wait");
	expect_status(&run, 0);
	await_written("log", "ready");
	pid_t pid = container_pid("orphan"), monitor = parent_of(pid);
	cr_assert_eq(kill(monitor, SIGKILL), 0);
	await_gone(monitor);
	BERTH(&list, "ps", "--json");
	cr_expect(strstr(list.out_text, "\"running\""), "%s", list.out_text);
	cr_expect(strstr(list.out_text, "\"owned\": false"), "%s", list.out_text);
	cr_expect_eq(kill(pid, 0), 0);
	BERTH(&kill_job, "kill", "orphan", "TERM");
	expect_status(&kill_job, 0);
	BERTH(&wait, "wait", "orphan");
	expect_status(&wait, 0);
	cr_expect_str_eq(wait.out_text, "11\n");
	expect_removed("orphan");
}

Test(cli_detach, out_of_memory_is_recorded)
{
	cleanup_job struct job run, wait, list;
	BERTH(&run, "run", "-d", "-n", "fat", "-m", "32M", "--swap", "0", "tail", "/dev/zero");
	expect_status(&run, 0);
	BERTH(&wait, "wait", "fat");
	cr_expect_str_eq(wait.out_text, "137\n");
	BERTH(&list, "ps", "-a");
	cr_expect(strstr(list.out_text, "out of memory: limit 32.0 MiB, peak"), "%s", list.out_text);
	expect_removed("fat");
}

Test(cli_detach, several_wait_for_one)
{
	cleanup_job struct job run, first, second, stop;
	BERTH(&run, "run", "-d", "-n", "shared", "--log", world_path("log"), "sh", "-c",
	      "trap 'exit 3' TERM; echo ready; sleep 1000 & wait");
	expect_status(&run, 0);
	await_written("log", "ready");
	BERTH_START(&first, "wait", "shared");
	BERTH_START(&second, "wait", "shared");
	BERTH(&stop, "stop", "shared");
	expect_status(&stop, 0);
	job_finish(&first);
	job_finish(&second);
	cr_expect_str_eq(first.out_text, "3\n");
	cr_expect_str_eq(second.out_text, "3\n");
	expect_removed("shared");
}
