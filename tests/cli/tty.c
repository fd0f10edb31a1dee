/* SPDX-License-Identifier: Apache-2.0 */
/* berth run -t and exec -t with a person at the terminal: a pseudo-terminal whose other side this test types on. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include "nsutil/base/cleanup.h"
#include "tests/cli/harness.h"

TestSuite(cli_tty, .init = world_init, .fini = world_fini);

/* A person's terminal with berth on it. */
struct person {
	int terminal; /* what is typed and shown */
	int behind;   /* the terminal as programs have it: kept open, so that its mode can be looked at afterwards */
	pid_t pid;
	char shown[1 << 16];
	size_t n;
	struct termios before;
};

/* Starts berth on a terminal of 30 x 100. */
static void sit_down(struct person *person, const char *const *arguments)
{
	const struct winsize size = {.ws_row = 30, .ws_col = 100};
	const char *argv[32] = {"berth", arguments[0]};
	int n = 2;
	*person = (struct person){0};
	if (strcmp(arguments[0], "run") == 0) {
		argv[n++] = "--cgroup-parent";
		argv[n++] = world.cgroup_parent;
	}
	for (size_t i = 1; arguments[i]; i++)
		argv[n++] = arguments[i];
	argv[n] = NULL;
	setenv("PS1", "prompt> ", 1);
	setenv("TERM", "dumb", 1);
	cr_assert_eq(openpty(&person->terminal, &person->behind, NULL, NULL, &size), 0);
	cr_assert_eq(tcgetattr(person->behind, &person->before), 0);
	fcntl(person->terminal, F_SETFD, FD_CLOEXEC);
	person->pid = fork();
	cr_assert_geq(person->pid, 0);
	if (person->pid == 0) {
		login_tty(person->behind);
		execv(world.program, (char *const *)argv);
		_exit(99);
	}
	fcntl(person->behind, F_SETFD, FD_CLOEXEC);
}
#define SIT_DOWN(person, ...) sit_down(person, (const char *const[]){__VA_ARGS__, NULL})

static void type(struct person *person, const char *text)
{
	cr_assert_eq(write(person->terminal, text, strlen(text)), (ssize_t)strlen(text));
}

static bool look(struct person *person, int timeout_ms)
{
	struct pollfd poll_terminal = {.fd = person->terminal, .events = POLLIN};
	if (poll(&poll_terminal, 1, timeout_ms) <= 0)
		return false;
	ssize_t n = read(person->terminal, person->shown + person->n, sizeof(person->shown) - 1 - person->n);
	if (n <= 0)
		return false;
	person->n += (size_t)n;
	person->shown[person->n] = '\0';
	return true;
}

/* Waits until the terminal shows text, then forgets what it has shown so far. */
static void see(struct person *person, const char *text)
{
	struct timespec start, now;
	clock_gettime(CLOCK_MONOTONIC, &start);
	char *found;
	while (!(found = strstr(person->shown, text))) {
		/* What an ended berth has left in the terminal is there at once. */
		siginfo_t ended = {0};
		waitid(P_PID, (id_t)person->pid, &ended, WEXITED | WNOWAIT | WNOHANG);
		if (!look(person, 1000))
			cr_assert_eq(ended.si_pid, 0, "'%s' is not shown before the end, but: %s", text, person->shown);
		clock_gettime(CLOCK_MONOTONIC, &now);
		cr_assert_lt((now.tv_sec - start.tv_sec) * 1000, HANG_BOUND_MS, "'%s' is not shown, but: %s", text,
			     person->shown);
	}
	found += strlen(text);
	person->n -= (size_t)(found - person->shown);
	memmove(person->shown, found, person->n + 1);
}

/* Types again and again, until whoever is to react to it is there, and text is shown. */
static void type_until(struct person *person, const char *keys, const char *text)
{
	for (int tries = 0; !strstr(person->shown, text); tries++) {
		cr_assert_lt(tries, HANG_BOUND_MS / 200, "'%s' is not shown, but: %s", text, person->shown);
		type(person, keys);
		for (int i = 0; i < 20 && !strstr(person->shown, text); i++)
			look(person, 10);
	}
	see(person, text);
}

/* Waits for berth's end: its exit status, or 128 + signal. */
static int leave(struct person *person)
{
	int status;
	/* Reads on, so that berth is never held up by a full terminal. */
	for (int i = 0; waitpid(person->pid, &status, WNOHANG) == 0; i++) {
		cr_assert_lt(i, HANG_BOUND_MS / 10, "berth does not end; shown: %s", person->shown);
		look(person, 10);
	}
	person->pid = 0;
	while (look(person, 0))
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void person_release(struct person *person)
{
	if (person->pid > 0) {
		kill(person->pid, SIGKILL);
		waitpid(person->pid, NULL, 0);
	}
	close(person->terminal);
	close(person->behind);
}
#define cleanup_person __attribute__((cleanup(person_release)))

static bool is_raw(const struct person *person)
{
	struct termios now;
	cr_assert_eq(tcgetattr(person->behind, &now), 0);
	return !(now.c_lflag & (ICANON | ECHO | ISIG));
}

static void expect_restored(const struct person *person)
{
	struct termios now;
	cr_assert_eq(tcgetattr(person->behind, &now), 0);
	cr_expect_eq(now.c_lflag, person->before.c_lflag, "local modes: %x", now.c_lflag);
	cr_expect_eq(now.c_iflag, person->before.c_iflag, "input modes: %x", now.c_iflag);
	cr_expect_eq(now.c_oflag, person->before.c_oflag, "output modes: %x", now.c_oflag);
	cr_expect_eq(memcmp(now.c_cc, person->before.c_cc, sizeof(now.c_cc)), 0, "control characters");
}

static const char *const shell[] = {"run", "-t", "--", "bash", "--norc", "--noprofile", "-i", NULL};

Test(cli_tty, shell_with_its_status)
{
	cleanup_person struct person person;
	sit_down(&person, shell);
	see(&person, "prompt> ");
	cr_expect(is_raw(&person));
	type(&person, "tty; echo is $((20 + 3)) $(id -u)\n");
	see(&person, "/dev/pts/0");
	see(&person, "is 23 0");
	see(&person, "prompt> ");
	type(&person, "exit 7\n");
	cr_expect_eq(leave(&person), 7);
	expect_restored(&person);
}

Test(cli_tty, job_control)
{
	cleanup_person struct person person;
	sit_down(&person, shell);
	see(&person, "prompt> ");
	type(&person, "set -m; sleep 1000\n");
	/* Ctrl-Z has an effect once sleep has the terminal: asked of the kernel, in the container's own terms. */
	see(&person, "sleep 1000\r\n");
	type_until(&person, "\032", "Stopped");
	see(&person, "prompt> ");
	type(&person, "jobs; echo listed\n");
	see(&person, "Stopped");
	see(&person, "sleep 1000");
	see(&person, "listed\r\n");
	see(&person, "prompt> ");
	type(&person, "bg; echo in the background\n");
	see(&person, "in the background\r\n");
	see(&person, "prompt> ");
	type(&person, "fg\n");
	see(&person, "sleep 1000\r\n");
	type_until(&person, "\003", "prompt> ");
	type(&person, "\nexit 4\n");
	cr_expect_eq(leave(&person), 4);
	expect_restored(&person);
}

Test(cli_tty, window_size)
{
	cleanup_person struct person person;
	const struct winsize larger = {.ws_row = 55, .ws_col = 166};
	SIT_DOWN(&person, "run", "-t", "--", "bash", "--norc", "--noprofile", "-c",
		 "stty size; trap 'stty size; exit 3' WINCH; echo ready; while :; do read -t 1 line; done");
	see(&person, "30 100\r\n");
	see(&person, "ready\r\n");
	cr_assert_eq(ioctl(person.terminal, TIOCSWINSZ, &larger), 0);
	see(&person, "55 166\r\n");
	cr_expect_eq(leave(&person), 3);
	expect_restored(&person);
}

Test(cli_tty, interrupt_and_end_of_file_are_typed)
{
	cleanup_person struct person person, eof;
	SIT_DOWN(&person, "run", "-t", "--", "sh", "-c",
		 "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.05; done");
	see(&person, "ready\r\n");
	type(&person, "\003");
	see(&person, "interrupted\r\n");
	cr_expect_eq(leave(&person), 9);
	expect_restored(&person);

	SIT_DOWN(&eof, "run", "-t", "--", "sh", "-c", "echo ready; cat; echo over");
	see(&eof, "ready\r\n");
	type(&eof, "one line\n\004");
	see(&eof, "one line\r\none line\r\n");
	see(&eof, "over\r\n");
	cr_expect_eq(leave(&eof), 0);
	expect_restored(&eof);
}

/* Ctrl-C on a terminal that only berth has: one signal for the command, not one from the kernel and one from berth. */
Test(cli_tty, interrupt_without_a_terminal_inside_comes_once)
{
	cleanup_person struct person person;
	enum { TIMES = 10 };
	SIT_DOWN(&person, "run", "--", payload_path("catch"));
	see(&person, "ready\r\n");
	cr_expect(!is_raw(&person));
	for (int i = 0; i < TIMES; i++) {
		type(&person, "\003");
		see(&person, "signal 2\r\n");
	}
	cr_assert_eq(kill(person.pid, SIGUSR2), 0);
	cr_expect_eq(leave(&person), 0);
	/* As many were seen as were typed: one too many stands here. */
	cr_expect(!strstr(person.shown, "signal 2\r\n"), "%s", person.shown);
}

Test(cli_tty, restored_after_signals)
{
	static const struct {
		int signal, status;
	} ways[] = {{SIGTERM, 143}, {SIGHUP, 129}, {SIGINT, 130}, {SIGUSR1, 138}};
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		cleanup_person struct person person;
		SIT_DOWN(&person, "run", "-t", "--", "sh", "-c", "echo ready; exec sleep 1000");
		see(&person, "ready\r\n");
		cr_expect(is_raw(&person));
		cr_assert_eq(kill(person.pid, ways[i].signal), 0);
		cr_expect_eq(leave(&person), ways[i].status, "signal %d", ways[i].signal);
		expect_restored(&person);
	}
}

Test(cli_tty, restored_after_kill_and_timeout)
{
	cleanup_person struct person killed, late;
	cleanup_job struct job job;
	SIT_DOWN(&killed, "run", "-t", "-n", "box", "--", "sh", "-c", "echo ready; exec sleep 1000");
	see(&killed, "ready\r\n");
	BERTH(&job, "kill", "box");
	expect_status(&job, 0);
	cr_expect_eq(leave(&killed), 137);
	expect_restored(&killed);
	cr_expect(strstr(killed.shown, "killed"), "%s", killed.shown);

	SIT_DOWN(&late, "run", "-t", "--timeout", "200ms", "--", "sleep", "1000");
	cr_expect_eq(leave(&late), 124);
	expect_restored(&late);
}

/* Launches that fail never touch the mode. */
Test(cli_tty, restored_after_a_failed_launch)
{
	cleanup_person struct person person;
	SIT_DOWN(&person, "run", "-t", "--", "/no/such/command");
	cr_expect_eq(leave(&person), 127);
	expect_restored(&person);
	cr_expect(strstr(person.shown, "/no/such/command"), "%s", person.shown);
}

/* Stopped from outside, berth gives the terminal back until it goes on. */
Test(cli_tty, stop_and_continue)
{
	cleanup_person struct person person;
	int status;
	sit_down(&person, shell);
	see(&person, "prompt> ");
	cr_assert_eq(kill(person.pid, SIGTSTP), 0);
	cr_assert_eq(waitpid(person.pid, &status, WUNTRACED), person.pid);
	cr_assert(WIFSTOPPED(status));
	expect_restored(&person);
	cr_assert_eq(kill(person.pid, SIGCONT), 0);
	type(&person, "echo back $((1 + 1))\n");
	see(&person, "back 2\r\n");
	cr_expect(is_raw(&person));
	type(&person, "exit\n");
	cr_expect_eq(leave(&person), 0);
	expect_restored(&person);
}

/* More than any buffer on the way holds, in both directions, complete and in order. */
Test(cli_tty, much_data)
{
	cleanup_person struct person person;
	size_t lines = 0, expected = 1;
	SIT_DOWN(&person, "run", "-t", "--", "sh", "-c", "seq 1 20000; echo last");
	for (bool last = false; !last;) {
		cr_assert(look(&person, HANG_BOUND_MS), "it stops after line %zu", lines);
		char *line = person.shown, *end;
		while ((end = strstr(line, "\r\n"))) {
			*end = '\0';
			last = strcmp(line, "last") == 0;
			cr_assert(last || strtoul(line, NULL, 10) == expected++, "line %zu: %s", lines, line);
			lines++;
			line = end + 2;
		}
		person.n = strlen(line);
		memmove(person.shown, line, person.n + 1);
	}
	cr_expect_eq(lines, 20001);
	cr_expect_eq(leave(&person), 0);
}

Test(cli_tty, exec)
{
	cleanup_job struct job run, remove;
	cleanup_person struct person person;
	BERTH(&run, "run", "-d", "-n", "box", "sleep", "1000");
	expect_status(&run, 0);
	SIT_DOWN(&person, "exec", "-t", "-e", "PS1", "-e", "TERM", "box", "--", "bash", "--norc", "--noprofile", "-i");
	see(&person, "prompt> ");
	cr_expect(is_raw(&person));
	type(&person, "stty size; cat /proc/1/comm; tty\n");
	see(&person, "30 100\r\n");
	see(&person, "berth-init\r\n");
	see(&person, "/dev/pts/");
	type(&person, "exit 12\n");
	cr_expect_eq(leave(&person), 12);
	expect_restored(&person);
	BERTH(&remove, "rm", "-f", "box");
	expect_status(&remove, 0);
}

/* Without a person: input from a pipe ends as if Ctrl-D had been typed, output goes to a pipe. */
Test(cli_tty, with_pipes)
{
	cleanup_job struct job job;
	BERTH_START(&job, "run", "-t", "--", "sh", "-c", "stty -echo; echo ready; cat; test -t 0 && echo a terminal");
	job_await_output(&job, "ready\r\n");
	cr_assert_eq(write(job.in, "typed\n", 6), 6);
	job_finish(&job);
	expect_status(&job, 0);
	cr_expect_str_eq(job.out_text, "ready\r\ntyped\r\na terminal\r\n");
}

/* All inside have closed the terminal for a while: berth neither spins nor gives up. */
Test(cli_tty, closed_and_opened_again)
{
	cleanup_person struct person person;
	SIT_DOWN(&person, "run", "-t", "--", "sh", "-c",
		 "t=$(tty); echo first; exec <&- >&- 2>&-; sleep 0.3; exec >$t; echo second");
	see(&person, "first\r\n");
	see(&person, "second\r\n");
	cr_expect_eq(leave(&person), 0);
}

/* The person is gone: the window was closed. */
Test(cli_tty, hang_up)
{
	struct person person;
	int status;
	sit_down(&person, shell);
	see(&person, "prompt> ");
	close(person.behind);
	close(person.terminal);
	/* The kernel sends SIGHUP to the session; the shell inside is told and leaves. */
	for (int i = 0; waitpid(person.pid, &status, WNOHANG) == 0; i++) {
		if (i == HANG_BOUND_MS / 10)
			kill(person.pid, SIGKILL);
		poll(NULL, 0, 10);
	}
	cr_expect(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
}
