/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal inside: its size, its session, its owner, and a real shell driven through it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(terminal, .init = rt_init, .fini = rt_fini);

/* What the terminal has shown so far; reset by a test that starts another. */
static char shown[65536];
static size_t length;

/* Reads until the text has been shown, or, for NULL, until the other side is gone. */
static void expect(int tty, const char *text)
{
	while (!text || !strstr(shown, text)) {
		rt_wait_readable(tty);
		ssize_t got = read(tty, shown + length, sizeof shown - 1 - length);
		/* EIO: nobody has the other side open any more. */
		if (got <= 0) {
			cr_assert(!text, "'%s' was never shown, but:\n%s", text, shown);
			return;
		}
		length += (size_t)got;
		shown[length] = '\0';
	}
	/* What comes next is sought behind it. */
	char *end = strstr(shown, text) + strlen(text);
	length -= (size_t)(end - shown);
	memmove(shown, end, length + 1);
}

static void type(int tty, const char *text)
{
	cr_assert_eq(write(tty, text, strlen(text)), (ssize_t)strlen(text));
}

static struct berth_container *shell(struct berth_options options)
{
	static const char *const argv[] = {"/bin/sh", "-i", NULL};
	static const char *const env[] = {"PS1=READY> ", "ENV=", "HISTFILE=", NULL};
	options.argv = argv;
	options.env = env;
	options.root = "host";
	options.workdir = "/";
	options.flags |= BERTH_TTY;
	length = 0;
	shown[0] = '\0';
	struct berth_container *container = rt_launch(&options);
	cr_assert_geq(berth_container_tty(container), 0);
	cr_expect(fcntl(berth_container_tty(container), F_GETFD) & FD_CLOEXEC);
	expect(berth_container_tty(container), "READY> ");
	return container;
}

Test(terminal, job_control_of_a_shell)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS("act");
		options.flags = i ? BERTH_NO_INIT : 0;
		struct berth_container *container = shell(options);
		int tty = berth_container_tty(container);
		cr_expect_not(strstr(shown, "job control"), "%s", shown);
		type(tty, "tty; echo sum $((40 + 2))\n");
		expect(tty, "/dev/pts/0");
		expect(tty, "sum 42");
		/* Ctrl-C ends what is in the foreground, not the shell. What speaks is in the foreground already. */
		type(tty, "sh -c 'echo wait\"\"ing; exec sleep 1000'\n");
		expect(tty, "waiting");
		type(tty, "\003");
		expect(tty, "READY> ");
		type(tty, "echo status $?\n");
		expect(tty, "status 130");
		/* Ctrl-Z stops it, fg goes on with it. */
		type(tty, "sh -c 'echo run''ning; kill -STOP $$; echo go''es on'\n");
		expect(tty, "running");
		expect(tty, "READY> ");
		type(tty, "fg\n");
		expect(tty, "goes on");
		type(tty, "exit 17\n");
		expect(tty, NULL);
		rt_expect_end(rt_end(container), BERTH_EXITED, 17);
	}
}

Test(terminal, size)
{
	struct berth_options options = RT_OPTIONS("act");
	struct berth_container *container = shell(options);
	int tty = berth_container_tty(container);
	type(tty, "stty size\n");
	expect(tty, "24 80");
	struct winsize size = {.ws_row = 33, .ws_col = 111};
	cr_assert_eq(ioctl(tty, TIOCSWINSZ, &size), 0);
	type(tty, "stty size\n");
	expect(tty, "33 111");
	type(tty, "exit\n");
	expect(tty, NULL);
	rt_end(container);
	options.tty_rows = 10;
	options.tty_columns = 300;
	container = shell(options);
	tty = berth_container_tty(container);
	type(tty, "stty size\n");
	expect(tty, "10 300");
	rt_kill(container);
}

Test(terminal, end_of_input)
{
	struct berth_container *container = shell(RT_OPTIONS("act"));
	type(berth_container_tty(container), "\004");
	expect(berth_container_tty(container), NULL);
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
}

/* The terminal belongs to its user, who may open it anew: what `echo >/dev/stderr` does. */
Test(terminal, of_another_user)
{
	struct berth_options options = RT_OPTIONS("act");
	options.user = "65534";
	struct berth_container *container = shell(options);
	int tty = berth_container_tty(container);
	type(tty, "echo stand''ard >/dev/stdout; echo err''or >/dev/stderr; echo t''ty >/dev/tty\n");
	expect(tty, "standard");
	expect(tty, "error");
	expect(tty, "tty");
	rt_kill(container);
}

/* One that is hung up ends, as under any terminal. */
Test(terminal, hung_up)
{
	struct berth_options options = RT_OPTIONS("act");
	options.name = "hung up";
	struct berth_container *container = shell(options);
	struct berth_container *other;
	rt_ok(berth_container_find(rt.berth, "hung up", &other, &rt.error));
	rt_adopt(other);
	cr_expect_eq(berth_container_tty(other), -1);
	/* Closing the owner's handle closes the terminal's only master, and leaves the container without an owner. */
	rt_forget(container);
	berth_container_close(container);
	struct berth_end end = rt_end(other);
	cr_expect((end.reason == BERTH_SIGNALED && end.code == SIGHUP) || end.reason == BERTH_EXITED, "%s", end.text);
}

Test(terminal, of_a_joining_command)
{
	struct berth_options options = RT_OPTIONS("act");
	options.argv = (const char *const[]){rt_payload("act"), "pause", NULL};
	options.root = "host";
	options.stdio = (const int[]){-1, -1, 2};
	struct berth_container *container = rt_launch(&options);
	for (unsigned int i = 0; i < 2; i++) {
		struct berth_exec_options exec = BERTH_EXEC_OPTIONS_INIT;
		exec.argv = (const char *const[]){"/bin/sh", "-i", NULL};
		exec.env = (const char *const[]){"PS1=READY> ", "ENV=", NULL};
		exec.flags = BERTH_TTY;
		exec.user = i ? "65534" : NULL;
		exec.tty_rows = 7;
		exec.tty_columns = 77;
		struct berth_process *process;
		rt_ok(berth_container_exec(container, &exec, &process, &rt.error));
		int tty = berth_process_tty(process);
		length = 0;
		shown[0] = '\0';
		cr_assert_geq(tty, 0);
		expect(tty, "READY> ");
		cr_expect_not(strstr(shown, "job control"));
		type(tty, "stty size; echo err''or >/dev/stderr\n");
		expect(tty, "7 77");
		expect(tty, "error");
		type(tty, "sh -c 'echo wait\"\"ing; exec sleep 1000'\n");
		expect(tty, "waiting");
		type(tty, "\003");
		expect(tty, "READY> ");
		type(tty, "exit 3\n");
		expect(tty, NULL);
		int status;
		rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 3, "status %#x", status);
		berth_process_close(process);
	}
	rt_kill(container);
}

Test(terminal, none_without_asking)
{
	struct berth_options options = RT_OPTIONS("act", "write", "/dev/tty", "x");
	struct rt_job *job = rt_job(&options);
	cr_expect_eq(berth_container_tty(job->container), -1);
	rt_job_end(job);
	rt_expect_line(job->text, "write /dev/tty=ENXIO");
}
