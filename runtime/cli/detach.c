/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/footprint.h"
#include "runtime/cli/cli.h"

/* What the monitor tells the caller over the pipe, followed by a text to its end: the name (0) or the error. */
struct report {
	int exit_status;
};

/* The descriptor of the pipe in the monitor, above its standard three. */
enum { REPORT_FD = 3 };

enum { FAILED_MS = 200 };

/* False when the caller is gone. Both parts fit into an empty pipe. */
static bool report_send(int exit_status, const char *text)
{
	const struct report report = {exit_status};
	size_t length = strlen(text);
	sigset_t pipe_signal;
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pipe_signal, NULL);
	return write(REPORT_FD, &report, sizeof(report)) == sizeof(report) &&
	       write(REPORT_FD, text, length) == (ssize_t)length;
}

static int complain_errno(const char *what)
{
	cli_complain("%s: %s", what, strerror(errno));
	return ERROR_STATUS_FAILED;
}

/* Lets go of everything of the caller's but its directory, which the launch may use. */
static void monitor_detach(int report, int log)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* Out of the way of 0 to 4. */
	report = fcntl(report, F_DUPFD_CLOEXEC, 5);
	log = log >= 0 ? fcntl(log, F_DUPFD_CLOEXEC, 5) : log;

	setsid();
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	dup3(report, REPORT_FD, O_CLOEXEC);
	if (log >= 0)
		dup3(log, REPORT_FD + 1, O_CLOEXEC);
	close_range(log >= 0 ? REPORT_FD + 2 : REPORT_FD + 1, UINT_MAX, 0);
}

static uint64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Milliseconds until then, as poll(2) takes them; one that is too far is waited for in parts. 0: never. */
static int time_left(uint64_t until_ns)
{
	uint64_t now = clock_ns();
	uint64_t left_ms = now < until_ns ? (until_ns - now + 999999) / 1000000 : 0;
	if (!until_ns)
		return -1;
	return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* Attends to the container until it ends, or its time is up. */
static void monitor_wait(struct berth_container *container, uint64_t timeout_ns)
{
	struct berth_end end = BERTH_END_INIT;
	uint64_t until_ns = timeout_ns ? clock_ns() + timeout_ns : 0;
	/* Without a monitor a lowered memory limit is the asker's own work. */
	struct pollfd polls[] = {
		{.fd = berth_container_pidfd(container), .events = POLLIN},
		{.fd = berth_container_monitor(container, NULL), .events = POLLIN},
	};
	int attend_ms = -1;

	while (!polls[0].revents) {
		int left_ms = time_left(until_ns);
		if (left_ms == 0) {
			berth_container_kill(container, BERTH_TIMEOUT, NULL);
			break;
		}
		/* While memory is made to fit there is no rest; the monitor's descriptor tells when a step is due. */
		if (attend_ms < 0)
			footprint_poll(polls, 2, left_ms);
		else
			poll(polls, 2, left_ms);
		/* What fails now may fail again at once. */
		if (polls[1].revents && berth_container_attend(container, &attend_ms, NULL) < 0)
			poll(polls, 1, FAILED_MS);
	}
	berth_container_wait(container, -1, &end, NULL);
}

/* The monitor's whole life. */
static int monitor(struct run_options *options, bool has_log)
{
	cleanup_berth struct berth *berth = NULL;
	cleanup_container struct berth_container *container = NULL;
	struct berth_error error = BERTH_ERROR_INIT;
	const int log = has_log ? REPORT_FD + 1 : -1;
	const int stdio[] = {-1, log, log};
	options->launch.flags |= BERTH_KEEP_RECORD;
	options->launch.stdio = stdio;
	if (cli_open(&berth, &error) < 0 || berth_launch(berth, &options->launch, &container, &error) < 0) {
		report_send(error.exit_status ? error.exit_status : ERROR_STATUS_FAILED, error.text);
		return ERROR_STATUS_FAILED;
	}
	/* No file system of the caller's is kept busy. */
	if (chdir("/") < 0)
		abort(); /* "/" is always there */
	if (has_log)
		close(log);
	if (!report_send(0, berth_container_name(container))) {
		/* The caller was interrupted and knows no name: it has launched nothing. */
		berth_container_kill(container, BERTH_KILLED, NULL);
		monitor_wait(container, 0);
		berth_container_remove(container, NULL);
		return ERROR_STATUS_FAILED;
	}
	close(REPORT_FD);
	monitor_wait(container, options->timeout_ns);
	return 0;
}

/* Reads the monitor's report. Returns the text (malloc'ed), or NULL when it died without one. */
static char *report_receive(int fd, int *exit_status)
{
	struct report report;
	cleanup_free char *text = NULL;
	size_t room = 0;
	cleanup_file FILE *stream = fdopen(fd, "r");
	if (!stream) {
		close(fd);
		return NULL;
	}
	if (fread(&report, sizeof(report), 1, stream) != 1 || getdelim(&text, &room, '\0', stream) < 0)
		return NULL;
	*exit_status = report.exit_status;
	return steal_pointer(&text);
}

int detach_run(struct run_options *options)
{
	cleanup_fd int log = -1;
	cleanup_fd int receiver = -1;
	cleanup_fd int sender = -1;
	int ends[2], exit_status, wait_status;
	if (options->log) {
		log = open(options->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
		if (log < 0) {
			cli_complain("--log: open '%s': %s", options->log, strerror(errno));
			return ERROR_STATUS_FAILED;
		}
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return complain_errno("make a pipe to the monitor");
	receiver = ends[0];
	sender = ends[1];

	pid_t pid = fork();
	if (pid < 0)
		return complain_errno("fork the monitor");
	if (pid == 0) {
		monitor_detach(sender, log);
		_exit(monitor(options, log >= 0));
	}
	close(steal_fd(&sender));
	cleanup_free char *text = report_receive(steal_fd(&receiver), &exit_status);
	if (!text) {
		if (waitpid(pid, &wait_status, 0) == pid && WIFSIGNALED(wait_status))
			cli_complain("the monitor was killed by signal %d before the container ran",
				     WTERMSIG(wait_status));
		else
			cli_complain("the monitor ended before the container ran");
		return ERROR_STATUS_FAILED;
	}
	if (exit_status) {
		cli_complain("%s", text);
		return exit_status;
	}
	puts(text);
	return 0;
}
