/* SPDX-License-Identifier: Apache-2.0 */
/* All commands but lxc-execute. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lxc/fixture.h"

TestSuite(commands, .init = lx_init, .fini = lx_fini);

#define NAME "mesos_executor_default_framework_F"

/* One that lives until its input ends. */
static struct job *up(const char *name)
{
	struct job *run = LX_START("lxc-execute", "-n", name, "/bin/sh", "-c", "echo up; cat");
	job_await_output(run, "up\n");
	/* Its launcher records it when it has heard of the same. */
	lx_expect_status(LX("lxc-wait", "-n", name, "-s", "RUNNING", "-t", "30"), 0);
	return run;
}

Test(commands, the_slaves_start_up_check)
{
	cr_expect_eq(system("lxc-version > /dev/null"), 0); // NOLINT(cert-env33-c): as the slave does
	struct job *run = LX("lxc-version");
	cr_expect_eq(strncmp(run->out_text, "lxc version: ", 13), 0, "%s", run->out_text);
}

/* ---- lxc-stop ---- */

Test(commands, stop_returns_when_the_container_is_gone)
{
	struct job *run = up(NAME);
	struct job *stop = lx_shell("lxc-stop -n " NAME);
	lx_expect_status(stop, 0);
	cr_expect(!lx_is_there(NAME));
	cr_expect_eq(lx_cgroups(), 0);
	cr_expect_eq(job_finish(run), 137, "status %d: %s", run->status, run->err_text);
}

Test(commands, stop_of_one_that_is_gone_says_so_as_lxc_does)
{
	struct job *stop = lx_shell("lxc-stop -n " NAME);
	lx_expect_status(stop, 2);
	lx_expect_complaint(stop, "lxc-stop: '" NAME "' is not running\n");
}

Test(commands, stop_of_a_frozen_one)
{
	struct job *run = up(NAME);
	lx_expect_status(LX("lxc-freeze", "-n", NAME), 0);
	lx_expect_status(LX("lxc-stop", "-n", NAME), 0);
	cr_expect_eq(job_finish(run), 137, "status %d: %s", run->status, run->err_text);
}

Test(commands, stop_asks_first_if_told_to)
{
	struct job *run = LX_START("lxc-execute", "-n", NAME, "/bin/sh", "-c",
				   "trap 'exit 11' TERM; echo up; while :; do sleep 0.02; done");
	job_await_output(run, "up\n");
	lx_expect_status(LX("lxc-stop", "-n", NAME, "-t", "30"), 0);
	cr_expect_eq(job_finish(run), 11);
	run = LX_START("lxc-execute", "-n", NAME, "/bin/sh", "-c", "trap '' TERM; echo up; cat");
	job_await_output(run, "up\n");
	struct job *stop = LX("lxc-stop", "-n", NAME, "--nokill", "-t", "1");
	lx_expect_status(stop, 1);
	cr_expect(lx_is_there(NAME));
	lx_expect_status(LX("lxc-stop", "-n", NAME, "-t", "1"), 0);
	cr_expect_eq(job_finish(run), 137, "status %d: %s", run->status, run->err_text);
}

/* The shell takes the name apart; the container that is named by its first part is another. */
Test(commands, stop_of_a_name_with_blanks_unquoted_hits_nobody)
{
	struct job *innocent = up("mesos_executor_Task");
	struct job *meant = up("mesos_executor_Task 1_framework_F");
	struct job *stop = lx_shell("lxc-stop -n mesos_executor_Task 1_framework_F");
	lx_expect_status(stop, 1);
	cr_expect(lx_is_there("mesos_executor_Task"));
	cr_expect(lx_is_there("mesos_executor_Task 1_framework_F"));
	cr_expect_neq(lx_shell("lxc-cgroup -n mesos_executor_Task 1_framework_F cpu.shares 20")->status, 0);
	cr_expect_eq(job_finish(innocent), 0);
	cr_expect_eq(job_finish(meant), 0);
}

Test(commands, stop_from_inside_unprivileged_is_harmless)
{
	lx_configure("lxc.environment = MESOS_CONTAINER=" NAME "\n");
	struct job *run = LX_START("lxc-execute", "-n", NAME, "-u", "65534", "-g", "65534", "/bin/sh", "-c",
				   "lxc-stop -n $MESOS_CONTAINER; echo stop $?; read x; exit 6");
	job_await_output(run, "stop 1\n");
	cr_expect(lx_is_there(NAME));
	cr_expect_eq(job_finish(run), 6);
	lx_expect_complaint(run,
			    "lxc-stop: '" NAME "' can't be stopped from here: only root does that, and from outside of "
			    "containers (");
	/* And as root, where the records are out of sight. */
	run = LX("lxc-execute", "-n", NAME, "/bin/sh", "-c", "lxc-stop -n $MESOS_CONTAINER; echo stop $?");
	lx_expect_status(run, 0);
	cr_expect_str_neq(run->out_text, "stop 0\n");
}

Test(commands, stop_clears_up_behind_a_dead_lxc_execute)
{
	struct job *run = up(NAME);
	kill(run->pid, SIGKILL);
	job_finish(run);
	int status = LX("lxc-stop", "-n", NAME)->status;
	cr_expect(status == 0 || status == 2, "%d", status);
	cr_expect(!lx_is_there(NAME));
}

/* ---- lxc-cgroup ---- */

Test(commands, cgroup_as_the_slave_calls_it)
{
	lx_require_controller("cpu");
	lx_require_controller("memory");
	struct job *run = up(NAME);
	lx_expect_status(lx_shell("lxc-cgroup -n " NAME " cpu.shares 2048"), 0);
	lx_expect_status(lx_shell("lxc-cgroup -n " NAME " memory.limit_in_bytes 419430400"), 0);
	cr_expect_str_eq(lx_shell("lxc-cgroup -n " NAME " cpu.shares")->out_text, "2048\n");
	cr_expect_str_eq(lx_shell("lxc-cgroup -n " NAME " memory.limit_in_bytes")->out_text, "419430400\n");
	lx_expect_status(lx_shell("lxc-cgroup -n " NAME " memory.limit_in_bytes 209715200"), 0);
	cr_expect_eq(job_finish(run), 0);
}

Test(commands, cgroup_failures)
{
	struct job *run = up(NAME);
	struct job *bad = LX("lxc-cgroup", "-n", NAME, "cpu.nonsense");
	lx_expect_status(bad, 1);
	lx_expect_complaint(bad, "cpu.nonsense");
	lx_expect_status(LX("lxc-cgroup", "-n", NAME, "memory.limit_in_bytes", "lots"), 1);
	lx_expect_status(LX("lxc-cgroup", "-n", NAME, "../../../etc/passwd"), 1);
	lx_expect_status(LX("lxc-cgroup", "-n", NAME, "cpu.shares", "1", "2"), 1);
	lx_expect_status(LX("lxc-cgroup", "-n", NAME, "--wait", "cpu.shares", "20"), 1);
	lx_expect_status(LX("lxc-cgroup", "-n", NAME), 1);
	struct job *gone = LX("lxc-cgroup", "-n", "other", "cpu.shares", "20");
	lx_expect_status(gone, 1);
	lx_expect_complaint(gone, "'other' is not running");
	cr_expect_eq(job_finish(run), 0);
}

/* ---- The operator's ---- */

Test(commands, info)
{
	struct job *run = up(NAME);
	struct job *info = LX("lxc-info", "-n", NAME);
	lx_expect_status(info, 0);
	lx_expect_said(info, "Name:           " NAME "\n");
	lx_expect_said(info, "State:          RUNNING\n");
	lx_expect_said(info, "PID:            ");
	lx_expect_said(info, "CPU use:        ");
	cr_expect_str_eq(LX("lxc-info", "-n", NAME, "-s")->out_text, "State:          RUNNING\n");
	cr_expect_str_eq(LX("lxc-info", "-n", NAME, "-s", "-H")->out_text, "RUNNING\n");
	lx_expect_said(LX("lxc-info", "-n", NAME, "-s", "-p", "-H"), "State:          RUNNING\nPID:            ");
	lx_expect_said(LX("lxc-info", "-n", NAME, "-SH"), "CPU use:        ");
	pid_t pid = atoi(LX("lxc-info", "-n", NAME, "-pH")->out_text);
	cr_expect_eq(kill(pid, 0), 0);
	struct job *gone = LX("lxc-info", "-n", "other");
	lx_expect_status(gone, 1);
	lx_expect_complaint(gone, "other doesn't exist");
	cr_expect_eq(job_finish(run), 0);
}

Test(commands, freeze_and_wait)
{
	lx_require_controller("freezer");
	struct job *run = up(NAME);
	struct job *wait = LX_START("lxc-wait", "-n", NAME, "-s", "FROZEN");
	lx_expect_status(LX("lxc-freeze", "-n", NAME), 0);
	cr_expect_eq(job_finish(wait), 0);
	cr_expect_str_eq(LX("lxc-info", "-n", NAME, "-sH")->out_text, "FROZEN\n");
	cr_expect_str_eq(LX("lxc-ls", "--frozen")->out_text, NAME "\n");
	cr_expect_str_eq(LX("lxc-ls", "--running")->out_text, "");
	lx_expect_status(LX("lxc-unfreeze", "-n", NAME), 0);
	lx_expect_status(LX("lxc-wait", "-n", NAME, "-s", "FROZEN|RUNNING", "-t", "30"), 0);
	lx_expect_status(LX("lxc-wait", "-n", NAME, "-s", "STOPPED", "-t", "0"), 1);
	wait = LX_START("lxc-wait", "-n", NAME, "-s", "STOPPED");
	cr_expect_eq(job_finish(run), 0);
	cr_expect_eq(job_finish(wait), 0);
	lx_expect_status(LX("lxc-wait", "-n", "other", "-s", "STOPPED"), 0);
	struct job *bad = LX("lxc-wait", "-n", NAME, "-s", "RUNNING|ABORTING");
	lx_expect_status(bad, 1);
	lx_expect_complaint(bad, "'ABORTING'");
	lx_expect_status(LX("lxc-freeze", "-n", "other"), 1);
}

Test(commands, ls_and_ps)
{
	struct job *a = up("a"), *b = up("b c\n");
	cr_expect_str_eq(LX("lxc-ls")->out_text, "a\nb c\\n\n");
	cr_expect_str_eq(LX("lxc-ls", "-1", "^a")->out_text, "a\n");
	struct job *table = LX("lxc-ls", "-f");
	lx_expect_said(table, "NAME  STATE   PID");
	lx_expect_said(table, "\nb c\\n RUNNING ");
	cr_expect_str_eq(LX("lxc-ls", "-F", "state,name", "a")->out_text, "STATE   NAME\nRUNNING a\n");
	struct job *bad = LX("lxc-ls", "-F", "NAME,IPV4");
	lx_expect_status(bad, 1);
	lx_expect_complaint(bad, "'IPV4'");
	struct job *ps = LX("lxc-ps", "-n", "a");
	lx_expect_status(ps, 0);
	lx_expect_said(ps, "/bin/sh -c echo up; cat\n");
	cr_expect_null(strstr(ps->out_text, "b c"), "%s", ps->out_text);
	lx_expect_said(LX("lxc-ps"), "b c\\n ");
	lx_expect_status(LX("lxc-ps", "-n", "other"), 1);
	/* A soft limit is no hindrance. */
	cr_expect_str_eq(lx_shell("ulimit -Sn 6; exec lxc-ls")->out_text, "a\nb c\\n\n");
	lx_expect_said(lx_shell("ulimit -Sn 6; exec lxc-ps"), "b c\\n ");
	bad = LX("lxc-ps", "a\x1b[31m");
	lx_expect_status(bad, 1);
	lx_expect_complaint(bad, "'a\\x1b[31m'");
	job_finish(a);
	job_finish(b);
	cr_expect_str_eq(LX("lxc-ls")->out_text, "");
}

Test(commands, kill_sends_a_signal_to_the_command)
{
	struct job *run = LX_START("lxc-execute", "-n", NAME, "/bin/sh", "-c",
				   "trap 'echo usr1' USR1; echo up; while :; do sleep 0.02; done");
	job_await_output(run, "up\n");
	lx_expect_status(LX("lxc-kill", "-n", NAME, "USR1"), 0);
	job_await_output(run, "usr1\n");
	lx_expect_status(LX("lxc-kill", "-n", NAME, "NONSENSE"), 1);
	lx_expect_status(LX("lxc-kill", "-n", NAME, "15"), 0);
	cr_expect_eq(job_finish(run), 143);
}

Test(commands, attach)
{
	struct job *run =
		LX_START("lxc-execute", "-n", NAME, "-s", "lxc.uts.name=inside", "/bin/sh", "-c", "echo up; cat");
	job_await_output(run, "up\n");
	struct job *attach = LX("lxc-attach", "-n", NAME, "--", "/bin/sh", "-c", "hostname; id -u; exit 7");
	lx_expect_status(attach, 7);
	cr_expect_str_eq(attach->out_text, "inside\n0\n");
	attach = LX("lxc-attach", "-n", NAME, "-u", "65534", "-g", "65533", "-v", "A=b", "/bin/sh", "-c",
		    "id -u; id -g; echo $A");
	lx_expect_status(attach, 0);
	cr_expect_str_eq(attach->out_text, "65534\n65533\nb\n");
	lx_expect_status(LX("lxc-attach", "-n", NAME, "/nonexistent"), 127);
	lx_expect_status(LX("lxc-attach", "-n", "other", "/bin/true"), 1);
	attach = LX_START("lxc-attach", "-n", NAME);
	cr_assert_gt(write(attach->in, "hostname\n", 9), 0);
	job_await_output(attach, "inside\n");
	cr_expect_eq(job_finish(attach), 0);
	cr_expect_eq(job_finish(run), 0);
}

Test(commands, attach_has_a_terminal_where_the_user_has_one)
{
	struct job *run = up(NAME);
	/* script(1) gives the command a terminal. */
	static const char command[] = "lxc-attach -n " NAME " -- /bin/sh -c 'tty; stty size; exit 3'";
	struct job *attach = LX("script", "-qec", command, "/dev/null");
	lx_expect_status(attach, 3);
	lx_expect_said(attach, "/dev/pts/0");
	cr_expect_eq(job_finish(run), 0);
}

Test(commands, monitor)
{
	struct job *monitor = LX_START("lxc-monitor", "-n", "a.*");
	struct job *other = up("b");
	/* It prints what changes after its first look; what it has seen then is made again. */
	for (bool seen = false; !seen;) {
		struct job *run = up("a1");
		struct pollfd said = {.fd = monitor->out, .events = POLLIN};
		seen = poll(&said, 1, 500) == 1;
		if (seen)
			job_await_output(monitor, "'a1' changed state to [RUNNING]\n");
		cr_expect_eq(job_finish(run), 0);
	}
	job_await_output(monitor, "'a1' exited with status [0]: exited 0\n");
	job_await_output(monitor, "'a1' changed state to [STOPPED]\n");
	cr_expect_null(strstr(monitor->out_text, "'b'"));
	kill(monitor->pid, SIGTERM);
	job_finish(monitor);
	cr_expect_eq(monitor->signal, SIGTERM);
	cr_expect_eq(job_finish(other), 0);
}

Test(commands, checkconfig_tells_of_each_subsystem)
{
	struct job *run = LX("lxc-checkconfig");
	cr_expect_leq(run->status, 1);
	lx_expect_said(run, "cgroup: ");
	lx_expect_said(run, "memory");
	cr_expect_eq(run->status != 0, strstr(run->out_text, ": missing") != NULL, "status %d: %s", run->status,
		     run->out_text);
}

/* ---- Options ---- */

Test(commands, options_without_a_meaning_here_are_refused_by_name)
{
	static const char *const cases[][6] = {
		{"lxc-execute", "-d", "-n", "a", "true", "--daemon"},
		{"lxc-execute", "--share-net=1", "-n", "a", "true", "--share-"},
		{"lxc-stop", "-n", "a", "-r", NULL, "--reboot"},
		{"lxc-stop", "-n", "a", "--nolock", NULL, "--nolock"},
		{"lxc-stop", "-n", "a", "--rcfile=x", NULL, "--rcfile"},
		{"lxc-cgroup", "-n", "a", "--rcfile=x", "cpu.shares", "--rcfile"},
		{"lxc-info", "-n", "a", "-i", NULL, "--ips"},
		{"lxc-info", "-n", "a", "-cx", NULL, "--config"},
		{"lxc-ls", "--nesting", NULL, NULL, NULL, "--nesting"},
		{"lxc-ls", "-g", "x", NULL, NULL, "--groups"},
		{"lxc-ls", "-n", "x", NULL, NULL, "-n"},
		{"lxc-attach", "-n", "a", "-e", NULL, "--elevated-privileges"},
		{"lxc-attach", "-n", "a", "-R", NULL, "--remount-sys-proc"},
		{"lxc-monitor", "-Q", NULL, NULL, NULL, "--quit"},
		{"lxc-version", "extra", NULL, NULL, NULL, "extra"},
		{"lxc-stop", "-z", NULL, NULL, NULL, "unknown option '-z'"},
		{"lxc-stop", NULL, NULL, NULL, NULL, "no container name"},
		{"lxc-execute", "-n", "a", NULL, NULL, "no command"},
		{"lxc-execute", "-n", "a", "-lLOUD", "true", "'LOUD'"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct job *run = lx_whole(
			(const char *const[]){cases[i][0], cases[i][1], cases[i][2], cases[i][3], cases[i][4], NULL});
		lx_expect_status(run, 1);
		lx_expect_complaint(run, cases[i][5]);
		cr_expect_eq(strncmp(run->err_text, cases[i][0], strlen(cases[i][0])), 0, "%s", run->err_text);
	}
}

Test(commands, help_and_version_everywhere)
{
	static const char *const names[] = {"lxc-attach",  "lxc-cgroup", "lxc-checkconfig", "lxc-execute",
					    "lxc-freeze",  "lxc-info",   "lxc-kill",        "lxc-ls",
					    "lxc-monitor", "lxc-ps",     "lxc-stop",        "lxc-unfreeze",
					    "lxc-version", "lxc-wait"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct job *help = LX(names[i], "--help");
		lx_expect_status(help, 0);
		lx_expect_said(help, "Usage: lxc-");
		lx_expect_said(help, "--logfile=FILE");
		struct job *version = LX(names[i], "--version");
		lx_expect_status(version, 0);
		cr_expect_str_eq(version->out_text, "berth " BERTH_VERSION "\n");
	}
	struct job *all = LX("berth-lxc", "help");
	lx_expect_status(all, 0);
	lx_expect_said(all, "execute");
	lx_expect_status(LX("berth-lxc", "version"), 0);
	lx_expect_status(LX("berth-lxc", "nonsense"), 1);
}

Test(commands, another_lxcpath_is_another_set_of_containers)
{
	struct job *run =
		LX_START("lxc-execute", "-P", lx_path("elsewhere"), "-n", NAME, "/bin/sh", "-c", "echo up; cat");
	job_await_output(run, "up\n");
	cr_expect(!lx_is_there(NAME));
	cr_expect_str_eq(LX("lxc-ls", "-P", lx_path("elsewhere"))->out_text, NAME "\n");
	cr_expect_eq(job_finish(run), 0);
}
