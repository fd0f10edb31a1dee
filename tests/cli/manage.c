/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that act on containers: ps, stats, inspect, exec, update, kill, stop, wait, pause, resume, rm, gc,
 * check. */
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/cli/harness.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

TestSuite(cli_manage, .init = world_init, .fini = world_fini);

/* A detached container with this script, made ready before it returns. */
static void launch(const char *name, const char *script)
{
	cleanup_job struct job run;
	BERTH(&run, "run", "-d", "-n", name, "-m", "256M", "--pids", "50", "-c", "0.5", "sh", "-c", script);
	expect_status(&run, 0);
}

static const char sleeper[] = "exec sleep 1000";

/* Waits until a command's JSON, an array, has object [0] with `key` of at least `least`. */
static void await_processes(const char *name, json_int_t least)
{
	json_int_t seen = 0;
	for (int tries = 0; tries < HANG_BOUND_MS / 10; tries++) {
		cleanup_job struct job job;
		BERTH(&job, "stats", "--json", name);
		json_t *json = json_of(&job);
		seen = integer_at(json_array_get(json, 0), "processes", "count");
		json_decref(json);
		if (seen >= least)
			return;
		poll(NULL, 0, 10);
	}
	cr_assert_fail("%d processes instead of %d", (int)seen, (int)least);
}

Test(cli_manage, empty_lists)
{
	cleanup_job struct job ps, json, stats, stats_json, names;
	BERTH(&ps, "ps", "-a");
	expect_status(&ps, 0);
	cr_expect_eq(count_lines(ps.out_text), 1, "%s", ps.out_text);
	BERTH(&json, "ps", "-a", "--json");
	cr_expect_str_eq(json.out_text, "[]\n");
	BERTH(&stats, "stats");
	cr_expect_eq(count_lines(stats.out_text), 1, "%s", stats.out_text);
	BERTH(&stats_json, "stats", "--json");
	cr_expect_str_eq(stats_json.out_text, "[]\n");
	BERTH(&names, "ps", "-aq");
	expect_quiet(&names);
}

Test(cli_manage, ps_json)
{
	cleanup_job struct job list, wait, list_all;
	launch("first", sleeper);
	launch("second", "exit 7");
	BERTH(&wait, "wait", "second");
	BERTH(&list, "ps", "--json");
	json_t *json = json_of(&list);
	cr_assert_eq(json_array_size(json), 1, "%s", list.out_text);
	const json_t *first = json_array_get(json, 0);
	cr_expect_str_eq(json_string_value(json_object_get(first, "name")), "first");
	cr_expect_str_eq(json_string_value(json_object_get(first, "state")), "running");
	cr_expect_eq(integer_at(first, NULL, "pid"), container_pid("first"));
	cr_expect_eq(integer_at(first, NULL, "cpu_shares"), 512);
	cr_expect_eq(integer_at(first, NULL, "memory_limit"), 256 << 20);
	cr_expect(json_is_true(json_object_get(first, "owned")));
	cr_expect(json_is_null(json_object_get(first, "end")));
	cr_expect_eq(json_array_size(json_object_get(first, "command")), 3);
	json_decref(json);

	BERTH(&list_all, "ps", "-a", "--json");
	json = json_of(&list_all);
	cr_assert_eq(json_array_size(json), 2, "%s", list_all.out_text);
	const json_t *second = json_array_get(json, 1); /* in the order of their launch */
	cr_expect_str_eq(json_string_value(json_object_get(second, "name")), "second");
	cr_expect_str_eq(json_string_value(json_object_get(second, "state")), "ended");
	cr_expect(json_is_null(json_object_get(second, "pid")));
	cr_expect_eq(integer_at(second, "end", "exit_status"), 7);
	cr_expect_eq(integer_at(second, "end", "code"), 7);
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(second, "end"), "reason")), "exited");
	json_decref(json);
}

Test(cli_manage, ps_names_only)
{
	cleanup_job struct job names;
	launch("a name", sleeper);
	BERTH(&names, "ps", "-q");
	expect_status(&names, 0);
	cr_expect_str_eq(names.out_text, "a name\n");
}

Test(cli_manage, stats)
{
	cleanup_job struct job json_job, table;
	launch("busy", "i=0; while test $i -lt 20000; do i=$((i+1)); done; sleep 1000 & sleep 1000 & wait");
	await_processes("busy", 4); /* init, sh, two sleeps */
	BERTH(&json_job, "stats", "--json", "busy");
	json_t *json = json_of(&json_job);
	const json_t *busy = json_array_get(json, 0);
	cr_expect_str_eq(json_string_value(json_object_get(busy, "name")), "busy");
	cr_expect_gt(integer_at(busy, "cpu", "usage_ns"), 1000000);
	cr_expect_eq(integer_at(busy, "cpu", "shares"), 512);
	cr_expect_gt(integer_at(busy, "memory", "usage"), 4096);
	cr_expect_geq(integer_at(busy, "memory", "peak"), integer_at(busy, "memory", "usage"));
	cr_expect_eq(integer_at(busy, "memory", "limit"), 256 << 20);
	cr_expect_eq(integer_at(busy, "memory", "oom_kills"), 0);
	cr_expect_eq(integer_at(busy, "processes", "count"), 4);
	cr_expect_eq(integer_at(busy, "processes", "limit"), 50);
	json_decref(json);
	BERTH(&table, "stats");
	expect_status(&table, 0);
	cr_expect(strstr(table.out_text, "busy") && strstr(table.out_text, "256.0 MiB"), "%s", table.out_text);
}

Test(cli_manage, exec)
{
	cleanup_job struct job inside, status, by_signal, missing, directory, options, input;
	launch("box", "export X=1; exec sleep 1000");
	/* The container's shell may have yet to execute what it is to be. */
	BERTH(&inside, "exec", "box", "sh", "-c",
	      "until grep -qx sleep /proc/2/comm; do sleep 0.01; done; cat /proc/1/comm");
	expect_status(&inside, 0);
	cr_expect_str_eq(inside.out_text, "berth-init\n");
	BERTH(&status, "exec", "box", "--", "sh", "-c", "exit 17");
	expect_status(&status, 17);
	BERTH(&by_signal, "exec", "box", "sh", "-c", "kill -TERM $$");
	expect_status(&by_signal, 143);
	BERTH(&missing, "exec", "box", "/no/such/command");
	expect_status(&missing, 127);
	expect_complaint(&missing, "/no/such/command");
	BERTH(&directory, "exec", "box", "/tmp");
	expect_status(&directory, 126);
	expect_complaint(&directory, "/tmp");
	BERTH(&options, "exec", "-e", "A=b c", "-e", "E=", "-w", "/usr", "-u", "nobody", "box", "sh", "-c",
	      "printf '<%s>' \"$A\" \"${E-unset}\" \"$(pwd)\" \"$(id -un)\"");
	expect_status(&options, 0);
	cr_expect_str_eq(options.out_text, "<b c><></usr><nobody>");
	BERTH_START(&input, "exec", "box", "cat");
	cr_assert_eq(write(input.in, "through\n", 8), 8);
	job_finish(&input);
	expect_status(&input, 0);
	cr_expect_str_eq(input.out_text, "through\n");
	cr_expect_gt(container_pid("box"), 1);
}

/* It counts as the container's: in its cgroups, and gone with it. */
Test(cli_manage, exec_belongs_to_the_container)
{
	cleanup_job struct job inside, kill_job, signalled;
	launch("box", sleeper);
	BERTH_START(&inside, "exec", "box", "sh", "-c", "echo ready; exec sleep 1000");
	job_await_output(&inside, "ready");
	await_processes("box", 3);
	BERTH_START(&signalled, "exec", "box", "sh", "-c",
		    "trap 'exit 5' TERM; echo ready; sleep 1000 >/dev/null 2>&1 & wait");
	job_await_output(&signalled, "ready");
	cr_assert_eq(kill(signalled.pid, SIGTERM), 0);
	job_finish(&signalled);
	expect_status(&signalled, 5);
	BERTH(&kill_job, "kill", "box");
	expect_status(&kill_job, 0);
	job_finish(&inside);
	expect_status(&inside, 137);
}

Test(cli_manage, update)
{
	cleanup_job struct job update, stats_job, lifted, after;
	launch("box", sleeper);
	BERTH(&update, "update", "box", "-c", "2", "-m", "128M", "--pids", "20");
	expect_quiet(&update);
	BERTH(&stats_job, "stats", "--json", "box");
	json_t *json = json_of(&stats_job);
	const json_t *box = json_array_get(json, 0);
	cr_expect_eq(integer_at(box, "cpu", "shares"), 2048);
	cr_expect_eq(integer_at(box, "memory", "limit"), 128 << 20);
	cr_expect_eq(integer_at(box, "processes", "limit"), 20);
	json_decref(json);

	BERTH(&lifted, "update", "-m", "unlimited", "box", "--pids", "unlimited", "--cpu-limit", "0.5");
	expect_quiet(&lifted);
	BERTH(&after, "stats", "--json", "box");
	json = json_of(&after);
	box = json_array_get(json, 0);
	cr_expect_eq(integer_at(box, "cpu", "shares"), 2048);
	cr_expect(json_is_null(json_object_get(json_object_get(box, "memory"), "limit")), "%s", after.out_text);
	cr_expect(json_is_null(json_object_get(json_object_get(box, "processes"), "limit")), "%s", after.out_text);
	json_decref(json);
}

Test(cli_manage, kill_and_its_reason)
{
	cleanup_job struct job kill_job, wait, list, again;
	launch("box", sleeper);
	BERTH(&kill_job, "kill", "box");
	expect_quiet(&kill_job);
	BERTH(&wait, "wait", "box");
	cr_expect_str_eq(wait.out_text, "137\n");
	BERTH(&list, "ps", "-a", "--json");
	cr_expect(strstr(list.out_text, "\"reason\": \"killed\""), "%s", list.out_text);
	BERTH(&again, "kill", "box");
	expect_status(&again, 125);
	expect_complaint(&again, "box");
	cleanup_job struct job term;
	BERTH(&term, "kill", "box", "TERM");
	expect_status(&term, 125);
	expect_complaint(&term, "box");
}

Test(cli_manage, kill_with_a_signal)
{
	static const char *const spellings[] = {"USR1", "SIGUSR1", "sigusr1", "10"};
	for (size_t i = 0; i < N(spellings); i++) {
		cleanup_job struct job kill_job, wait, remove;
		world_write("log", "", 0644);
		cleanup_job struct job run;
		BERTH(&run, "run", "-d", "-n", "box", "--log", world_path("log"), "sh", "-c",
		      "trap 'exit 21' USR1; echo ready; sleep 1000 & wait");
		expect_status(&run, 0);
		await_written("log", "ready");
		BERTH(&kill_job, "kill", "box", spellings[i]);
		expect_quiet(&kill_job);
		BERTH(&wait, "wait", "box");
		cr_expect_str_eq(wait.out_text, "21\n", "%s: %s", spellings[i], wait.out_text);
		BERTH(&remove, "rm", "box");
		expect_quiet(&remove);
	}
}

Test(cli_manage, stop)
{
	cleanup_job struct job gentle, stubborn, wait_gentle, wait_stubborn, again;
	launch("gentle", sleeper);
	launch("stubborn", "trap '' TERM; while :; do sleep 0.1; done");
	BERTH(&gentle, "stop", "gentle");
	expect_quiet(&gentle);
	BERTH(&wait_gentle, "wait", "gentle");
	cr_expect_str_eq(wait_gentle.out_text, "143\n");
	/* Ready to ignore it, before it comes: sh has forked its first sleep. */
	await_processes("stubborn", 3);
	BERTH(&stubborn, "stop", "stubborn", "--time", "200ms");
	expect_quiet(&stubborn);
	BERTH(&wait_stubborn, "wait", "stubborn");
	cr_expect_str_eq(wait_stubborn.out_text, "137\n");
	BERTH(&again, "stop", "gentle", "stubborn");
	expect_quiet(&again);
}

Test(cli_manage, pause_and_resume)
{
	cleanup_job struct job pause_job, resume_job, list, after, killed, wait, remove;
	launch("box", sleeper);
	BERTH(&pause_job, "pause", "box");
	expect_quiet(&pause_job);
	BERTH(&list, "ps");
	cr_expect(strstr(list.out_text, " paused "), "%s", list.out_text);
	BERTH(&resume_job, "resume", "box");
	expect_quiet(&resume_job);
	BERTH(&after, "ps");
	cr_expect(strstr(after.out_text, " running "), "%s", after.out_text);

	/* Frozen, it can still be killed. */
	cleanup_job struct job freeze;
	BERTH(&freeze, "pause", "box");
	expect_quiet(&freeze);
	BERTH(&killed, "kill", "box");
	expect_quiet(&killed);
	BERTH(&wait, "wait", "box");
	cr_expect_str_eq(wait.out_text, "137\n");
	BERTH(&remove, "rm", "box");
	expect_quiet(&remove);
}

/* One that fails does not keep the others from being done. */
Test(cli_manage, several_names)
{
	cleanup_job struct job remove, list;
	launch("one", sleeper);
	launch("two", sleeper);
	BERTH(&remove, "rm", "-f", "one", "none", "two");
	expect_status(&remove, 125);
	expect_complaint(&remove, "no container named 'none'");
	BERTH(&list, "ps", "-aq");
	expect_quiet(&list);
	cleanup_free char *left = world_snapshot();
	cr_expect_str_eq(left, "", "left behind: %s", left);
}

Test(cli_manage, gc_spares_the_living)
{
	cleanup_job struct job foreground, collect, list, wait;
	launch("detached", sleeper);
	launch("over", "exit 0");
	BERTH(&wait, "wait", "over");
	BERTH_START(&foreground, "run", "-n", "foreground", "sh", "-c", "echo ready; exec sleep 1000");
	job_await_output(&foreground, "ready");
	BERTH(&collect, "gc", "--kill", "--cgroup-parent", world.cgroup_parent);
	expect_status(&collect, 0);
	BERTH(&list, "ps", "-q");
	cr_expect(strstr(list.out_text, "detached\n") && strstr(list.out_text, "foreground\n"), "%s", list.out_text);
	cr_assert_eq(kill(foreground.pid, SIGTERM), 0);
	job_finish(&foreground);
	expect_status(&foreground, 143);
}

Test(cli_manage, check)
{
	cleanup_job struct job text, json_job;
	BERTH(&text, "check");
	cr_expect(text.status == 0 || text.status == 1, "%d: %s", text.status, text.err_text);
	cr_expect_gt(count_lines(text.out_text), 5, "%s", text.out_text);
	BERTH(&json_job, "check", "--json");
	json_t *json = json_loads(json_job.out_text, 0, NULL);
	cr_assert(json_is_array(json), "%s", json_job.out_text);
	size_t i, failures = 0;
	json_t *finding;
	json_array_foreach(json, i, finding)
	{
		const char *verdict = json_string_value(json_object_get(finding, "verdict"));
		cr_assert(verdict && json_is_string(json_object_get(finding, "name")), "%s", json_job.out_text);
		failures += strcmp(verdict, "fail") == 0;
		/* What is wrong comes with what to do. */
		cr_expect(strcmp(verdict, "pass") == 0 || json_is_string(json_object_get(finding, "remedy")), "%s",
			  json_string_value(json_object_get(finding, "name")));
	}
	cr_expect_eq(json_job.status, failures > 0);
	cr_expect_eq(json_array_size(json), count_lines(text.out_text));
	json_decref(json);
	cleanup_free char *left = world_snapshot();
	cr_expect_str_eq(left, "", "left behind: %s", left);
}

Test(cli_manage, version)
{
	cleanup_job struct job job;
	char layout[32];
	BERTH(&job, "version");
	expect_status(&job, 0);
	const char *line = strstr(job.out_text, "\ncgroups");
	cr_assert(line && sscanf(line, " cgroups %31s", layout) == 1, "%s", job.out_text);
	cr_expect(strcmp(layout, "v1") == 0 || strcmp(layout, "v2") == 0 || strcmp(layout, "hybrid") == 0, "%s",
		  layout);
}
