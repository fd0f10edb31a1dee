/* SPDX-License-Identifier: Apache-2.0 */
/* Help, version and what is told to someone who mistypes: none of it needs root. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cli/harness.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

TestSuite(cli_help, .init = world_init_unprivileged, .fini = world_fini);

static const char *const commands[] = {"run",    "plan", "ps",    "inspect", "stats",  "exec",
				       "update", "kill", "stop",  "wait",    "pause",  "resume",
				       "rm",     "gc",   "check", "root",    "version"};

Test(cli_help, lists_every_command)
{
	cleanup_job struct job job;
	static const char *const ways[] = {"--help", "-h", "help"};
	for (size_t way = 0; way < N(ways); way++) {
		BERTH(&job, ways[way]);
		expect_status(&job, 0);
		cr_expect_str_eq(job.err_text, "");
		for (size_t i = 0; i < N(commands); i++) {
			char line[32];
			snprintf(line, sizeof(line), "\n  %-9s ", commands[i]);
			cr_expect(strstr(job.out_text, line), "%s does not list %s", ways[way], commands[i]);
		}
		job_release(&job);
	}
	BERTH(&job, "--version");
	expect_status(&job, 0);
	cr_expect_eq(strncmp(job.out_text, "berth ", 6), 0, "%s", job.out_text);
}

Test(cli_help, of_each_command)
{
	for (size_t i = 0; i < N(commands); i++) {
		char usage[64];
		cleanup_job struct job by_option, by_letter, by_command;
		BERTH(&by_option, commands[i], "--help");
		BERTH(&by_letter, commands[i], "-h");
		BERTH(&by_command, "help", commands[i]);
		expect_status(&by_option, 0);
		expect_status(&by_letter, 0);
		expect_status(&by_command, 0);
		snprintf(usage, sizeof(usage), "Usage: berth %s [OPTION...]", commands[i]);
		cr_expect_eq(strncmp(by_option.out_text, usage, strlen(usage)), 0, "%s", by_option.out_text);
		cr_expect(strstr(by_option.out_text, "-h, --help"), "%s", by_option.out_text);
		cr_expect_str_eq(by_option.err_text, "");
		cr_expect_str_eq(by_option.out_text, by_letter.out_text);
		cr_expect_str_eq(by_option.out_text, by_command.out_text);
		if (strcmp(commands[i], "version") != 0)
			cr_expect(strstr(by_option.out_text, "\nExample"), "no example: %s", by_option.out_text);
	}
}

Test(cli_help, names_every_option_of_run)
{
	static const char *const options[] = {
		"-n, --name=",       "--root=",        "-c, --cpus=",      "--cpu-limit=",    "--cpuset=",
		"-m, --mem=",        "--swap=",        "--pids=",          "-v, --volume=",   "--tmpfs=",
		"--read-only",       "-e, --env=",     "--env-clear",      "-w, --workdir=",  "-u, --user=",
		"--hostname=",       "--net=",         "--uts=",           "--ipc=",          "-t, --tty",
		"-i, --interactive", "--init",         "--no-init",        "-d, --detach",    "--log=",
		"--cgroup-parent=",  "--rlimit=",      "--timeout=",       "--cap-add=",      "--cap-drop=",
		"--mem-grace=",      "--mem-lenient=", "--mem-reserve=",   "--mem-pressure=", "--mem-freeze",
		"--seccomp=",        "--seccomp-log",  "--new-privileges", "--userns=",       "--uidmap=",
		"--gidmap=",         "--timing",
	};
	cleanup_job struct job run, plan;

	BERTH(&run, "run", "--help");
	BERTH(&plan, "plan", "--help");
	for (size_t i = 0; i < N(options); i++) {
		cr_expect(strstr(run.out_text, options[i]), "run --help lacks %s", options[i]);
		cr_expect(strstr(plan.out_text, options[i]), "plan --help lacks %s", options[i]);
	}
	cr_expect(!strstr(run.out_text, "--json"));
	cr_expect(strstr(plan.out_text, "--json"));
}

/* What the help shows is taken: none of the long options is told to be unknown. */
Test(cli_help, every_option_of_run_is_taken)
{
	cleanup_job struct job help;
	BERTH(&help, "run", "--help");
	unsigned int taken = 0;
	for (const char *at = help.out_text; (at = strstr(at, "--"));) {
		size_t length = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-") + 2;
		char option[64];
		snprintf(option, sizeof(option), "%.*s%s", (int)length, at, at[length] == '=' ? "=," : "");
		at += length;
		if (length < 4 || strcmp(option, "--help") == 0)
			continue;
		cleanup_job struct job job;
		/* The cgroup's parent can't be: nothing is launched. */
		BERTH(&job, "run", option, "--cgroup-parent=/../", "true");
		cr_expect(!strstr(job.err_text, "unknown option"), "%s: %s", option, job.err_text);
		taken++;
	}
	cr_expect_geq(taken, 30u);
}

Test(cli_help, that_cannot_be_written_is_a_failure)
{
	cleanup_job struct job job;
	char command[512];
	/* Through a shell, for the redirection. */
	const char *program = world.program;
	snprintf(command, sizeof(command), "exec \"%s\" run --help >/dev/full", program);
	world.program = "/bin/sh";
	BERTH(&job, "-c", command);
	world.program = program;
	expect_status(&job, 125);
	expect_complaint(&job, "write to standard output");
}

Test(cli_help, mistyped_commands)
{
	static const struct {
		const char *typed, *complaint;
	} mistakes[] = {
		{"rum", "the nearest is 'run'"},
		{"RUN", "'RUN' is no command of berth"},
		{"inspekt", "the nearest is 'inspect'"},
		{"frobnicate", "try `berth --help'"},
		{"", "'' is no command"},
		{"--frobnicate", "unknown option '--frobnicate'"},
		{"-x", "unknown option '-x'"},
		{"run\n--", "'run\\n--' is no command"},
	};
	for (size_t i = 0; i < N(mistakes); i++) {
		cleanup_job struct job job;
		BERTH(&job, mistakes[i].typed);
		expect_status(&job, 125);
		expect_complaint(&job, mistakes[i].complaint);
	}
	cleanup_job struct job job;
	berth_words(&job, (const char *const[]){NULL});
	expect_status(&job, 125);
	expect_complaint(&job, "no command given");
}

/* Every option of every command is completed, and nothing else is. */
Test(cli_help, completion_knows_every_option)
{
	char command[1024];
	const char *program = world.program;
	if (access("/usr/bin/bash", X_OK) < 0)
		cr_skip_test("bash is missing");
	if (access("runtime/cli/completion.bash", R_OK) < 0)
		cr_skip_test("not run from the top of the source tree");
	for (size_t i = 0; i < N(commands); i++) {
		cleanup_job struct job job;
		/* In "-n, --name=NAME  text" the words before two blanks, sorted, without their arguments. */
		snprintf(
			command, sizeof(command),
			"set -o pipefail; . runtime/cli/completion.bash; COMP_WORDS=(berth %s -) COMP_CWORD=2; _berth; "
			"diff <(printf '%%s\\n' \"${COMPREPLY[@]}\" | sort -u) "
			"<('%s' %s --help | sed -n 's/^ *\\(-[-a-z, ]*[a-z]\\).*/\\1/p' | tr -d ',' | tr ' ' '\\n' | "
			"grep '^-' | sort -u)",
			commands[i], program, commands[i]);
		world.program = "/usr/bin/bash";
		BERTH(&job, "-c", command);
		world.program = program;
		cr_expect_eq(job.status, 0, "%s: completed (<) and shown by --help (>) differ: %s%s", commands[i],
			     job.out_text, job.err_text);
	}
}

/* A program's standard error, from which each of its writes is read by itself. */
static void expect_one_write(const char *program, const char *option)
{
	int ends[2];
	char text[512] = "";
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		execl(program, "lxc-stop", option, (char *)NULL);
		_exit(99);
	}
	close(ends[1]);
	ssize_t length = recv(ends[0], text, sizeof(text) - 1, 0);
	cr_assert_gt(length, 0, "%s says nothing", program);
	cr_expect_eq(text[length - 1], '\n', "%s writes a part: '%s'", program, text);
	cr_expect(strstr(text, option), "%s", text);
	cr_expect_eq(recv(ends[0], text, sizeof(text), 0), 0, "%s writes more", program);
	close(ends[0]);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

/* Lines of programs that share a log must not mix, also those beyond the buffer that a C library may have for them. */
Test(cli_help, a_complaint_is_one_write)
{
	char option[96] = "--", commands_program[512];
	memset(option + 2, 'x', sizeof(option) - 3);
	expect_one_write(world.program, option);
	snprintf(commands_program, sizeof(commands_program), "%s/lxc/berth-lxc",
		 getenv("BERTH_BUILD") ? getenv("BERTH_BUILD") : "build");
	expect_one_write(commands_program, option);
}
