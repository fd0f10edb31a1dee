/* SPDX-License-Identifier: Apache-2.0 */
/* berth run in the foreground: statuses, environment, descriptors, signals, time, memory. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/cli/harness.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

TestSuite(cli_run, .init = world_init, .fini = world_fini);

/* Nothing of any container is left; the state root alone is. */
static void expect_nothing_left(void)
{
	cleanup_free char *left = world_snapshot();
	cr_expect_str_eq(left, "", "left behind: %s", left);
}

Test(cli_run, exit_statuses)
{
	static const struct {
		const char *script;
		int status;
	} ends[] = {
		{"exit 0", 0},         {"exit 1", 1},          {"exit 42", 42},        {"exit 255", 255},
		{"exit 125", 125},     {"kill -TERM $$", 143}, {"kill -KILL $$", 137}, {"kill -SEGV $$", 139},
		{"kill -HUP $$", 129}, {"kill -USR1 $$", 138},
	};
	for (size_t i = 0; i < N(ends); i++) {
		cleanup_job struct job job;
		BERTH(&job, "run", "--", "sh", "-c", ends[i].script);
		expect_status(&job, ends[i].status);
		cr_expect_str_eq(job.out_text, "");
		cr_expect_str_eq(job.err_text, "", "'%s': %s", ends[i].script, job.err_text);
	}
	expect_nothing_left();
}

/* PID 1 without init: it ends by a signal only if it does not come from inside, so statuses alone. */
Test(cli_run, exit_statuses_without_init)
{
	static const struct {
		const char *script;
		int status;
	} ends[] = {{"exit 0", 0}, {"exit 3", 3}, {"exit 255", 255}, {"test $$ = 1", 0}};
	for (size_t i = 0; i < N(ends); i++) {
		cleanup_job struct job job;
		BERTH(&job, "run", "--no-init", "sh", "-c", ends[i].script);
		expect_status(&job, ends[i].status);
		cr_expect_str_eq(job.err_text, "");
	}
	expect_nothing_left();
}

Test(cli_run, standard_descriptors)
{
	cleanup_job struct job job;
	BERTH_START(&job, "run", "sh", "-c", "cat; echo to error >&2");
	cr_assert_eq(write(job.in, "through\n", 8), 8);
	job_finish(&job);
	expect_status(&job, 0);
	cr_expect_str_eq(job.out_text, "through\n");
	cr_expect_str_eq(job.err_text, "to error\n");
}

/* ls has one more: the directory it reads. */
Test(cli_run, no_other_descriptor_gets_inside)
{
	int extra = open("/etc/passwd", O_RDONLY); /* not close-on-exec */
	cr_assert_geq(extra, 3);
	cleanup_job struct job job;
	BERTH(&job, "run", "ls", "/proc/self/fd");
	close(extra);
	expect_status(&job, 0);
	cr_expect_str_eq(job.out_text, "0\n1\n2\n3\n");
}

Test(cli_run, arguments_arrive_as_they_are)
{
	cleanup_job struct job job, dashes;
	BERTH(&job, "run", "printf", "<%s>", "", "a b", "--name", "-m", "$HOME", "new\nline", "\xff");
	expect_status(&job, 0);
	cr_expect_str_eq(job.out_text, "<><a b><--name><-m><$HOME><new\nline><\xff>");
	BERTH(&dashes, "run", "--", "printf", "<%s>", "--", "-x", "--help");
	expect_status(&dashes, 0);
	cr_expect_str_eq(dashes.out_text, "<--><-x><--help>");
}

Test(cli_run, environment)
{
	cleanup_job struct job passed, cleared, set;
	setenv("BERTH_TEST_EMPTY", "", 1);
	setenv("BERTH_TEST_VALUE", "a value = with $igns\n", 1);
	setenv("BERTH_TEST_OVERRIDDEN", "old", 1);
	unsetenv("BERTH_TEST_UNSET");
	BERTH(&passed, "run", "-e", "BERTH_TEST_OVERRIDDEN=new", "-e", "BERTH_TEST_NONE=", "-e", "BERTH_TEST_TWICE=1",
	      "-e", "BERTH_TEST_TWICE=2", "sh", "-c",
	      "printf '<%s>' \"${BERTH_TEST_EMPTY-unset}\" \"$BERTH_TEST_VALUE\" \"$BERTH_TEST_OVERRIDDEN\" "
	      "\"${BERTH_TEST_NONE-unset}\" \"$BERTH_TEST_TWICE\"");
	expect_status(&passed, 0);
	cr_expect_str_eq(passed.out_text, "<><a value = with $igns\n><new><><2>");

	BERTH(&cleared, "run", "--env-clear", "/usr/bin/env");
	expect_status(&cleared, 0);
	cr_expect(!strstr(cleared.out_text, "BERTH_TEST"), "%s", cleared.out_text);
	cr_expect(!strstr(cleared.out_text, "BERTH_STATE_ROOT"), "%s", cleared.out_text);

	BERTH(&set, "run", "--env-clear", "-e", "ONLY=1", "-e", "BERTH_TEST_EMPTY", "-e", "BERTH_TEST_UNSET", "/bin/sh",
	      "-c",
	      "printf '<%s>' \"$ONLY\" \"${BERTH_TEST_EMPTY-unset}\" \"${BERTH_TEST_VALUE-unset}\" "
	      "\"${BERTH_TEST_UNSET-unset}\"");
	expect_status(&set, 0);
	cr_expect_str_eq(set.out_text, "<1><><unset><unset>");
}

Test(cli_run, options_reach_the_command)
{
	static const struct {
		const char *option, *value, *script, *printed;
	} options[] = {
		{"-w", "/usr", "pwd", "/usr\n"},
		{"-u", "12345:54321", "id -u; id -g", "12345\n54321\n"},
		{"-u", "nobody", "id -un", "nobody\n"},
		{"--hostname", "inside", "hostname", "inside\n"},
		{"--rlimit", "nofile=100:200", "ulimit -Sn; ulimit -Hn", "100\n200\n"},
		{"--rlimit", "core=0", "ulimit -Sc", "0\n"},
		{"--net", "none", "cat /proc/net/dev | wc -l", "3\n"},
		{"--tmpfs", "/mnt:1M", "df --output=size -B1 /mnt | tail -n1 | tr -d ' '", "1048576\n"},
		{"--cpuset", "0", "nproc", "1\n"},
		{"--read-only", NULL, "touch /root/x 2>/dev/null || echo refused", "refused\n"},
		{"--init", NULL, "test $$ = 1 || echo other", "other\n"},
	};
	for (size_t i = 0; i < N(options); i++) {
		cleanup_job struct job job;
		if (options[i].value)
			BERTH(&job, "run", options[i].option, options[i].value, "sh", "-c", options[i].script);
		else
			BERTH(&job, "run", options[i].option, "sh", "-c", options[i].script);
		expect_status(&job, 0);
		cr_expect_str_eq(job.out_text, options[i].printed, "%s %s: %s", options[i].option,
				 options[i].value ? options[i].value : "", job.out_text);
	}
	expect_nothing_left();
}

Test(cli_run, volumes)
{
	cleanup_job struct job job;
	char writable[300], protected[300];
	world_write("from:here", "of the host\n", 0644);
	cr_assert_eq(chdir(world.directory), 0);
	snprintf(writable, sizeof(writable), "from\\:here:/mnt/there");
	snprintf(protected, sizeof(protected), "%s:/mnt/safe:ro", world.directory);
	BERTH(&job, "run", "-v", writable, "-v", protected, "sh", "-c",
	      "cat /mnt/there; echo changed >/mnt/there; echo no >/mnt/safe/x 2>/dev/null || echo refused");
	expect_status(&job, 0);
	cr_expect_str_eq(job.out_text, "of the host\nrefused\n");
	cleanup_free char *text = world_read("from:here");
	cr_expect_str_eq(text, "changed\n");
	cr_expect_eq(access("/mnt/there", F_OK), -1);
}

Test(cli_run, plan_does_nothing)
{
	cleanup_job struct job text, json, first;
	BERTH(&first, "run", "true");
	expect_status(&first, 0);
	BERTH(&text, "plan", "-n", "planned", "-m", "64M", "-v", "/tmp:/mnt", "sleep", "1000");
	expect_status(&text, 0);
	cr_expect_str_eq(text.err_text, "");
	cr_expect(strstr(text.out_text, "sleep"), "%s", text.out_text);
	BERTH(&json, "plan", "--json", "-n", "planned", "sleep", "1000");
	expect_status(&json, 0);
	cr_expect_eq(json.out_text[0], '{', "%s", json.out_text);
	expect_nothing_left();
}

/* ---- Signals ---- */

static void expect_signal_arrives(int signal, const char *name, bool init)
{
	cleanup_job struct job job;
	char script[200], said[32];
	snprintf(script, sizeof(script), "trap 'echo got %s; exit 42' %s; echo ready; sleep 1000 & wait", name, name);
	snprintf(said, sizeof(said), "got %s\n", name);
	BERTH_START(&job, "run", init ? "--init" : "--no-init", "sh", "-c", script);
	job_await_output(&job, "ready");
	cr_assert_eq(kill(job.pid, signal), 0);
	job_finish(&job);
	cr_expect(strstr(job.out_text, said), "%s: %s%s", name, job.out_text, job.err_text);
	expect_status(&job, 42);
	cr_expect_str_eq(job.err_text, "");
}

Test(cli_run, signals_reach_the_command)
{
	static const struct {
		int signal;
		const char *name;
	} signals[] = {{SIGINT, "INT"},   {SIGTERM, "TERM"}, {SIGHUP, "HUP"},   {SIGQUIT, "QUIT"},
		       {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}, {SIGALRM, "ALRM"}, {SIGWINCH, "WINCH"}};
	for (size_t i = 0; i < N(signals); i++)
		expect_signal_arrives(signals[i].signal, signals[i].name, true);
	expect_signal_arrives(SIGTERM, "TERM", false);
	expect_nothing_left();
}

Test(cli_run, signals_that_kill_the_command)
{
	static const struct {
		int signal, status;
	} signals[] = {{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 129}};
	for (size_t i = 0; i < N(signals); i++) {
		cleanup_job struct job job;
		BERTH_START(&job, "run", "sh", "-c", "echo ready; exec sleep 1000");
		job_await_output(&job, "ready");
		cr_assert_eq(kill(job.pid, signals[i].signal), 0);
		job_finish(&job);
		expect_status(&job, signals[i].status);
		cr_expect_str_eq(job.err_text, "");
	}
	expect_nothing_left();
}

/* As under nohup: berth was told to ignore SIGHUP, so it passes none on. */
Test(cli_run, ignored_signals_stay_ignored)
{
	cleanup_job struct job job;
	signal(SIGHUP, SIG_IGN);
	BERTH_START(&job, "run", "sh", "-c", "echo ready; read line; echo still here");
	signal(SIGHUP, SIG_DFL);
	job_await_output(&job, "ready");
	cr_assert_eq(kill(job.pid, SIGHUP), 0);
	cr_assert_eq(write(job.in, "go\n", 3), 3);
	job_finish(&job);
	expect_status(&job, 0);
	cr_expect(strstr(job.out_text, "still here"), "%s", job.out_text);
}

/* What berth blocks for itself is not blocked inside. */
Test(cli_run, command_starts_with_no_signal_blocked)
{
	cleanup_job struct job job;
	BERTH(&job, "run", "grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status");
	expect_status(&job, 0);
	cr_expect_str_eq(job.out_text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", "%s", job.out_text);
}

Test(cli_run, sigkill_takes_the_container_along)
{
	static const char *const modes[] = {"--init", "--no-init"};
	for (size_t i = 0; i < N(modes); i++) {
		cleanup_job struct job job, collect;
		BERTH_START(&job, "run", "-n", "doomed", modes[i], "sh", "-c", "sleep 1000 & echo ready; wait");
		job_await_output(&job, "ready");
		pid_t pid = container_pid("doomed");
		cr_assert_eq(kill(job.pid, SIGKILL), 0);
		await_gone(pid);
		job_finish(&job);
		cr_expect_eq(job.status, 128 + SIGKILL);
		/* It could not clean up after itself. */
		BERTH(&collect, "gc", "--cgroup-parent", world.cgroup_parent);
		expect_status(&collect, 0);
		expect_nothing_left();
	}
}

/* The other way round: berth must not outlive, or hold up, what it runs. */
Test(cli_run, ends_when_the_container_is_killed_from_outside)
{
	cleanup_job struct job job;
	BERTH_START(&job, "run", "-n", "victim", "sh", "-c", "echo ready; sleep 1000");
	job_await_output(&job, "ready");
	cr_assert_eq(kill(container_pid("victim"), SIGKILL), 0);
	job_finish(&job);
	expect_status(&job, 137);
	expect_nothing_left();
}

/* ---- Limits ---- */

Test(cli_run, timeout)
{
	cleanup_job struct job late, early;
	BERTH(&late, "run", "--timeout", "200ms", "sleep", "1000");
	expect_status(&late, 124);
	expect_complaint(&late, "killed: its time limit of 200ms was up");
	BERTH(&early, "run", "--timeout", "1h", "sh", "-c", "exit 5");
	expect_status(&early, 5);
	cr_expect_str_eq(early.err_text, "");
	expect_nothing_left();
}

Test(cli_run, out_of_memory_is_told)
{
	cleanup_job struct job job, child;
	BERTH(&job, "run", "-m", "32M", "--swap", "0", "tail", "/dev/zero");
	expect_status(&job, 137);
	expect_complaint(&job, "out of memory");
	cr_expect(strstr(job.err_text, "32.0 MiB"), "no limit: %s", job.err_text);
	cr_expect(strstr(job.err_text, "peak"), "no peak: %s", job.err_text);

	/* A child is killed, the command lives on and ends well: told, and the status is its own. */
	BERTH(&child, "run", "-m", "32M", "--swap", "0", "sh", "-c", "tail /dev/zero; exit 7");
	expect_status(&child, 7);
	cr_expect(strstr(child.err_text, "out of memory"), "%s", child.err_text);
	expect_nothing_left();
}

Test(cli_run, process_limit)
{
	cleanup_job struct job job;
	BERTH(&job, "run", "--pids", "3", "sh", "-c",
	      "(sleep 0.1 & sleep 0.1 & sleep 0.1 & wait) 2>/dev/null || echo refused");
	cr_expect(strstr(job.out_text, "refused"), "%d %s %s", job.status, job.out_text, job.err_text);
	expect_nothing_left();
}

/* ---- Odd surroundings ---- */

Test(cli_run, with_closed_descriptors)
{
	cleanup_job struct job job;
	char command[600];
	const char *program = world.program;
	snprintf(command, sizeof(command), "'%s' run --cgroup-parent %s sh -c 'exit 6' <&- >&- 2>&-; echo $?", program,
		 world.cgroup_parent);
	world.program = "/bin/sh";
	BERTH(&job, "-c", command);
	world.program = program;
	cr_expect_str_eq(job.out_text, "6\n");
	expect_nothing_left();
}

Test(cli_run, with_children_ignored)
{
	cleanup_job struct job job;
	signal(SIGCHLD, SIG_IGN);
	BERTH_START(&job, "run", "sh", "-c", "sh -c 'exit 4'; exit $?");
	signal(SIGCHLD, SIG_DFL);
	job_finish(&job);
	expect_status(&job, 4);
	cr_expect_str_eq(job.err_text, "");
	expect_nothing_left();
}

Test(cli_run, many_at_once)
{
	enum { MANY = 20 };
	struct job jobs[MANY];
	char script[MANY][32];
	for (int i = 0; i < MANY; i++) {
		snprintf(script[i], sizeof(script[i]), "exit %d", i);
		BERTH_START(&jobs[i], "run", "sh", "-c", script[i]);
	}
	for (int i = 0; i < MANY; i++) {
		job_finish(&jobs[i]);
		cr_expect_eq(jobs[i].status, i, "%d: %s", jobs[i].status, jobs[i].err_text);
		job_release(&jobs[i]);
	}
	expect_nothing_left();
}

Test(cli_run, timing)
{
	cleanup_job struct job job;
	BERTH(&job, "run", "--timing", "sh", "-c", "exit 3");
	cr_expect_eq(job.status, 3);
	static const char *const parts[] = {"check", "record", "clone", "mount", "fork", "exec", "total"};
	for (size_t i = 0; i < N(parts); i++)
		cr_expect(strstr(job.err_text, parts[i]), "%s is not in:\n%s", parts[i], job.err_text);
}
