/* SPDX-License-Identifier: Apache-2.0 */
/* One more command inside: where it runs, as whom, how its end is told. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(joining, .init = rt_init, .fini = rt_fini);

static struct berth_exec_options command(const char *const *argv)
{
	static const int quiet[] = {-1, -1, 2};
	struct berth_exec_options options = BERTH_EXEC_OPTIONS_INIT;
	options.argv = argv;
	options.stdio = quiet;
	return options;
}
#define COMMAND(...) command((const char *const[]){__VA_ARGS__, NULL})

static struct berth_process *join(struct berth_container *container, const struct berth_exec_options *options)
{
	struct berth_process *process = NULL;
	rt_ok(berth_container_exec(container, options, &process, &rt.error));
	return process;
}

static int status_of(struct berth_process *process)
{
	int status = -1;
	rt_wait_readable(berth_process_pidfd(process));
	rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
	berth_process_close(process);
	return status;
}

/* Runs it to its end, and returns what it said. */
static const char *output_of(struct berth_container *container, struct berth_exec_options options)
{
	static char text[65536];
	int out[2];
	size_t length = 0;
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	const int stdio[] = {-1, out[1], 2};
	options.stdio = stdio;
	struct berth_process *process = join(container, &options);
	close(out[1]);
	for (;;) {
		rt_wait_readable(out[0]);
		ssize_t got = read(out[0], text + length, sizeof text - 1 - length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	text[length] = '\0';
	close(out[0]);
	cr_expect_eq(status_of(process), 0);
	return text;
}

static struct berth_container *launch(struct berth_options options)
{
	static const int quiet[] = {-1, -1, 2};
	options.argv = (const char *const[]){"/bin/act", "pause", NULL};
	options.stdio = quiet;
	return rt_launch(&options);
}

Test(joining, status_is_mirrored)
{
	struct berth_container *container = launch(RT_OPTIONS("act"));
	struct berth_exec_options options = COMMAND("/bin/act", "exit", "7");
	int status = status_of(join(container, &options));
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status %#x", status);
	static const int signals[] = {SIGTERM, SIGKILL, SIGSEGV, SIGHUP, SIGPIPE, SIGCHLD + 47};
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		char number[16];
		snprintf(number, sizeof number, "%d", signals[i]);
		options = COMMAND("/bin/act", "raise", number, "exit", "3");
		status = status_of(join(container, &options));
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == signals[i], "signal %d: status %#x", signals[i],
			  status);
	}
	rt_kill(container);
}

Test(joining, sees_what_the_container_sees)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS("act");
		unsetenv("BERTH_TEST_LATER");
		setenv("BERTH_TEST_INHERITED", "from launch", 1);
		options.flags = i ? BERTH_NO_INIT : 0;
		options.hostname = "inside";
		options.user = "alice";
		options.workdir = "/empty";
		options.env = (const char *const[]){"BERTH_TEST_OWN=1", NULL};
		options.name = "joined";
		struct berth_container *container = launch(options), *found;
		setenv("BERTH_TEST_INHERITED", "from exec", 1);
		setenv("BERTH_TEST_LATER", "x", 1);
		const char *text = output_of(container, COMMAND("/bin/look"));
		rt_expect_value(text, "hostname", "inside");
		rt_expect_value(text, "uid", "1234");
		rt_expect_value(text, "groups", "500,501");
		rt_expect_value(text, "cwd", "/empty");
		rt_expect_value(text, "ppid", "0");
		rt_expect_value(text, "init", i ? "act" : "berth-init");
		rt_expect_line(text, "env=BERTH_TEST_OWN=1");
		rt_expect_line(text, "env=BERTH_TEST_INHERITED=from launch");
		cr_expect_eq(rt_count(text, "env=BERTH_TEST_LATER"), 0u);
		cr_expect_eq(rt_count(text, "fd="), 3u, "%s", text);
		rt_expect_value(text, "SigBlk", "0000000000000000");
		rt_expect_value(text, "SigIgn", "0000000000000000");
		/* The same through a handle found by name. */
		rt_ok(berth_container_find(rt.berth, "joined", &found, &rt.error));
		struct berth_exec_options exec = COMMAND("/bin/look");
		exec.user = "0";
		exec.workdir = "/etc";
		exec.env = (const char *const[]){"BERTH_TEST_OWN=2", "BERTH_TEST_LATER", NULL};
		text = output_of(found, exec);
		rt_expect_value(text, "uid", "0");
		rt_expect_value(text, "cwd", "/etc");
		rt_expect_line(text, "env=BERTH_TEST_OWN=2");
		rt_expect_line(text, "env=BERTH_TEST_LATER=x");
		exec.flags = BERTH_ENV_CLEAR;
		text = output_of(found, exec);
		cr_expect_eq(rt_count(text, "env=BERTH_TEST_INHERITED"), 0u);
		cr_expect_eq(rt_count(text, "env="), 3u, "%s", text);
		berth_container_close(found);
		rt_kill(container);
	}
}

Test(joining, sees_no_more_of_the_cgroups)
{
	rt_require_controller("memory");
	struct berth_container *container = launch(RT_OPTIONS("act"));
	const char *text = output_of(container, COMMAND("/bin/act", "grep", "/proc/self/cgroup", rt.parent, "grep",
							"/proc/self/cgroup", "/.."));
	cr_expect_str_eq(text, "grep /proc/self/cgroup=no\ngrep /proc/self/cgroup=no\n");
	rt_kill(container);
}

Test(joining, in_every_root)
{
	char overlay[120];
	snprintf(overlay, sizeof overlay, "overlay:%s", rt_root());
	const char *const roots[] = {overlay, "host", "host-rw", "framework:F"};
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		struct berth_options options = RT_OPTIONS("act", "pause");
		options.root = roots[i];
		options.workdir = "/";
		options.stdio = (const int[]){-1, -1, 2};
		options.flags = i % 2 ? BERTH_NET_NONE : 0;
		struct berth_container *container = rt_launch(&options);
		const char *text = output_of(container, COMMAND(i ? rt_payload("look") : "/bin/look"));
		cr_expect_eq(rt_count(text, "mount=/ "), 1u, "%s", text);
		cr_expect_eq(rt_count(text, "mount=/sys "), 1u, "%s", text);
		cr_expect_eq(rt_count(text, "mount=/proc "), 1u, "%s", text);
		cr_expect(!strstr(text, ".stage"));
		rt_expect_value(text, "cwd", "/");
		rt_kill(container);
	}
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

Test(joining, is_counted_and_limited)
{
	rt_require_controller("memory");
	struct berth_options options = RT_OPTIONS("act");
	options.resources.memory = 32 << 20;
	options.resources.swap = BERTH_NO_SWAP;
	struct berth_container *container = launch(options);
	struct berth_exec_options exec = COMMAND("/bin/eat", "100");
	int status = status_of(join(container, &exec));
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %#x", status);
	cr_expect_eq(berth_container_state(container), BERTH_RUNNING);
	struct berth_end end = rt_kill(container);
	rt_expect_end(end, BERTH_KILLED, SIGKILL);
	cr_expect_geq(end.oom_kills, 1u);
}

Test(joining, signals)
{
	struct berth_container *container = launch(RT_OPTIONS("act"));
	int out[2];
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	struct berth_exec_options options = COMMAND("/bin/catch");
	options.stdio = (const int[]){-1, out[1], 2};
	struct berth_process *process = join(container, &options);
	close(out[1]);
	FILE *said = fdopen(out[0], "r");
	char line[64];
	cr_assert(fgets(line, sizeof line, said) && strcmp(line, "ready\n") == 0);
	static const int signals[] = {SIGTERM, SIGHUP, SIGINT, SIGWINCH, 40, 64, SIGUSR2};
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		char expected[32];
		rt_ok(berth_process_signal(process, signals[i], &rt.error));
		rt_wait_readable(out[0]);
		snprintf(expected, sizeof expected, "signal %d\n", signals[i]);
		cr_assert(fgets(line, sizeof line, said) != NULL);
		cr_expect_str_eq(line, expected);
	}
	fclose(said);
	cr_expect_eq(status_of(process), 0);
	/* SIGKILL of what waits outside takes the command inside along, also one of another user. */
	for (unsigned int i = 0; i < 2; i++) {
		options = COMMAND("/bin/act", "pause");
		options.user = i ? "alice" : NULL;
		process = join(container, &options);
		pid_t *pids;
		ssize_t count = berth_container_processes(container, &pids, &rt.error);
		cr_expect_eq(count, 4);
		rt_ok(berth_process_signal(process, SIGKILL, &rt.error));
		int status = status_of(process);
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %#x", status);
		for (ssize_t j = 0; j < count; j++)
			if (pids[j] != berth_container_pid(container) && kill(pids[j], 0) == 0) {
				char path[64];
				snprintf(path, sizeof path, "/proc/%d/stat", pids[j]);
				/* The container's own command stays. */
				if (!strstr(rt_read(path), "(act)"))
					rt_wait_gone(pids[j]);
			}
		free(pids);
		for (int waited = 0; waited < rt_patience(); waited += 2) {
			count = berth_container_processes(container, &pids, &rt.error);
			free(pids);
			if (count == 2)
				break;
			usleep(2000);
		}
		cr_expect_eq(count, 2, "the command lives on");
	}
	rt_kill(container);
}

Test(joining, with_a_time_limit)
{
	struct berth_container *container = launch(RT_OPTIONS("act"));
	struct berth_exec_options options = COMMAND("/bin/act", "pause");
	struct berth_process *process = join(container, &options);
	int status;
	rt_expect_error(berth_process_wait(process, 0, &status, &rt.error), ETIMEDOUT);
	rt_expect_error(berth_process_wait(process, 20, &status, &rt.error), ETIMEDOUT);
	rt_ok(berth_process_signal(process, SIGTERM, &rt.error));
	status = status_of(process);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "status %#x", status);
	rt_kill(container);
}

Test(joining, command_that_cannot_be_executed)
{
	struct berth_container *container = launch(RT_OPTIONS("act"));
	static const struct {
		const char *command;
		int code, exit_status;
	} table[] = {
		{"/bin/nowhere", ENOENT, 127}, {"nowhere", ENOENT, 127}, {"/bin/text", EACCES, 126}, {"", EINVAL, 125}};
	struct berth_process *process;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct berth_exec_options options = COMMAND(table[i].command);
		int code = berth_container_exec(container, &options, &process, &rt.error);
		cr_expect_eq(code, -table[i].code, "%s: %s", table[i].command, rt.error.text);
		cr_expect_eq(rt.error.exit_status, table[i].exit_status);
	}
	struct berth_exec_options options = COMMAND("/bin/act");
	options.workdir = "relative";
	rt_expect_error(berth_container_exec(container, &options, &process, &rt.error), EINVAL);
	options.workdir = "/nowhere";
	rt_expect_error(berth_container_exec(container, &options, &process, &rt.error), ENOENT);
	options.workdir = NULL;
	options.user = "nobody-there";
	rt_expect_error(berth_container_exec(container, &options, &process, &rt.error), ENOENT);
	options.user = NULL;
	options.flags = BERTH_NO_INIT;
	rt_expect_error(berth_container_exec(container, &options, &process, &rt.error), EINVAL);
	cr_expect_eq(berth_container_state(container), BERTH_RUNNING);
	rt_kill(container);
}

Test(joining, after_the_end)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.name = "over";
	options.flags = BERTH_KEEP_RECORD;
	struct berth_container *container = rt_launch(&options), *found;
	struct berth_exec_options exec = COMMAND("/bin/act");
	struct berth_process *process;
	rt_wait_readable(berth_container_pidfd(container));
	rt_expect_error(berth_container_exec(container, &exec, &process, &rt.error), ESRCH);
	rt_ok(berth_container_wait(container, rt_patience(), NULL, &rt.error));
	rt_expect_error(berth_container_exec(container, &exec, &process, &rt.error), ESRCH);
	rt_ok(berth_container_find(rt.berth, "over", &found, &rt.error));
	rt_expect_error(berth_container_exec(found, &exec, &process, &rt.error), ESRCH);
	rt_ok(berth_container_remove(found, &rt.error));
	berth_container_close(found);
	rt_end(container);
}

/* Many at once into one container. */
Test(joining, many)
{
	enum { MANY = 50 };
	struct berth_container *container = launch(RT_OPTIONS("act"));
	struct berth_process *processes[MANY];
	struct berth_exec_options options = COMMAND("/bin/act", "exit", "5");
	for (int i = 0; i < MANY; i++)
		processes[i] = join(container, &options);
	for (int i = 0; i < MANY; i++) {
		int status = status_of(processes[i]);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 5, "status %#x", status);
	}
	rt_kill(container);
}
