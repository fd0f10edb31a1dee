/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lxc/foreground.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "nsutil/base/footprint.h"

enum {
	ENDING_MS = 10000, /* how long the end of a container of the same name is awaited */
	RUNNING_MS = 3000, /* and how long one is looked at that shows no sign of ending: its kill may be on its way */
	LOOK_MS = 5,
	FAILED_MS = 200,
	SETTLED_MS = 100, /* what has run so long is worth giving memory back beside it */
	EXITING = 0x4,    /* PF_EXITING of the kernel's task flags, the ninth field of /proc/PID/stat */
};

static void signals_fill(sigset_t *set)
{
	static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPWR, SIGWINCH, SIGCONT};
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(*passed_on); i++)
		sigaddset(set, passed_on[i]);
}

void foreground_prepare(void)
{
	sigset_t set;
	signals_fill(&set);
	/* Standard error may be a pipe that nobody reads any more: no reason to end, and the container with it. */
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Ignored by the slave, it would be ignored here, and the kernel would take the container's status away. */
	signal(SIGCHLD, SIG_DFL);
}

/* ---- A name that is in use ---- */

/* Whether a process is on its way out: it has a SIGKILL to take yet, or has taken it. */
static bool is_exiting(pid_t pid)
{
	char path[64], line[512];
	unsigned long long pending = 0, flags = 0, shared = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	cleanup_file FILE *status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		sscanf(line, "SigPnd: %llx", &pending);
		sscanf(line, "ShdPnd: %llx", &shared);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	cleanup_file FILE *stat = fopen(path, "re");
	const char *behind_name = stat && fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;
	if (behind_name)
		sscanf(behind_name, ") %*c %*d %*d %*d %*d %*d %llu", &flags);
	return !stat || ((pending | shared) >> (SIGKILL - 1) & 1) || flags & EXITING;
}

/* How long to wait for the end of the container that has the name: 0 when there is none any more. */
static int name_patience(struct berth *berth, const char *name)
{
	cleanup_container struct berth_container *other = NULL;
	if (berth_container_find(berth, name, &other, NULL) < 0)
		return 0;
	const char *state = tool_state_name(other);
	if (strcmp(state, "RUNNING") != 0 && strcmp(state, "FROZEN") != 0)
		return ENDING_MS;
	return is_exiting(berth_container_pid(other)) ? ENDING_MS : RUNNING_MS;
}

int foreground_launch(struct tool *tool, struct berth *berth, const struct berth_options *options,
		      struct berth_container **container, struct berth_error *error)
{
	uint64_t start = tool_clock_ms();
	for (bool told = false;; told = true) {
		int code = berth_launch(berth, options, container, error);
		if (code == 0)
			/* The sooner it is there, the less others must do themselves; what is wrong with it is told
			 * later. */
			berth_container_monitor(*container, NULL);
		if (code != -EEXIST)
			return code;
		int patience = name_patience(berth, options->name);
		uint64_t waited = tool_clock_ms() - start;
		if (waited >= ENDING_MS || (patience && waited >= (uint64_t)patience))
			return code;
		if (!told)
			tool_log(tool, LEVEL_NOTICE, "a container of this name is still there: waiting for its end");
		poll(NULL, 0, LOOK_MS);
	}
}

/* ---- While it runs ---- */

static void signal_pass(struct tool *tool, struct berth_container *container, int signals)
{
	struct signalfd_siginfo info;
	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	tool_log(tool, LEVEL_NOTICE, "signal %u from process %u is passed on", info.ssi_signo, info.ssi_pid);
	/* It may have ended this moment, which the pidfd tells. */
	berth_container_signal(container, (int)info.ssi_signo, NULL);
}

int foreground_attend(struct tool *tool, struct berth_container *container, struct berth_error *error)
{
	enum { PIDFD, SIGNALS, MONITOR, N };
	sigset_t set;
	int timeout_ms = -1;
	signals_fill(&set);
	cleanup_fd int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	int monitor = berth_container_monitor(container, error);
	if (monitor < 0)
		return monitor;
	for (bool settled = false;;) {
		struct pollfd polls[N] = {
			[PIDFD] = {.fd = berth_container_pidfd(container), .events = POLLIN},
			[SIGNALS] = {.fd = signals, .events = POLLIN},
			[MONITOR] = {.fd = monitor, .events = POLLIN},
		};
		int ready = settled ? footprint_poll(polls, N, timeout_ms) : poll(polls, N, SETTLED_MS);
		if (polls[PIDFD].fd < 0 || polls[PIDFD].revents)
			return 0;
		if (polls[SIGNALS].revents)
			signal_pass(tool, container, signals);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0 && !settled) {
			settled = true;
			continue;
		}
		if ((ready == 0 || polls[MONITOR].revents) &&
		    berth_container_attend(container, &timeout_ms, error) < 0) {
			tool_log(tool, LEVEL_ERROR, "%s", error->text);
			/* What fails now may fail again at once. */
			poll(polls, 1, FAILED_MS);
		}
	}
}
