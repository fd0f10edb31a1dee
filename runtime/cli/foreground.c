/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/foreground.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/cli/tty.h"

/* What a user or another program sends berth and means for the command. */
static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF};

/* What berth handles itself. SIGPIPE comes from its own writes; SIGTSTP, SIGCONT and SIGWINCH concern its terminal. */
static const int own_all[] = {SIGWINCH, SIGPIPE};
static const int own_tty[] = {SIGTSTP, SIGCONT};

#define N(array) (sizeof(array) / sizeof(*(array)))

static void signals_add(sigset_t *set, const int *signals, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sigaddset(set, signals[i]);
}

static void signals_fill(sigset_t *set, int tty)
{
	sigemptyset(set);
	/* What berth was told to ignore, as by nohup, it does not pass on; blocked it would be seen nevertheless. */
	for (size_t i = 0; i < N(passed_on); i++) {
		struct sigaction action;
		if (sigaction(passed_on[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(set, passed_on[i]);
	}
	signals_add(set, own_all, N(own_all));
	if (tty >= 0)
		signals_add(set, own_tty, N(own_tty));
}

void foreground_block_signals(void)
{
	sigset_t set;
	signals_fill(&set, -1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int fail(struct berth_error *error, const char *what)
{
	int code = errno;
	error->code = code;
	error->exit_status = 125;
	snprintf(error->text, sizeof(error->text), "%s: %s", what, strerror(code));
	return -code;
}

/* One signal that has come in. */
static void signal_handle(const struct foreground *foreground, struct tty *tty, int signal)
{
	struct berth_error ignored;
	switch (signal) {
	case SIGPIPE:
		break;
	case SIGWINCH:
		if (tty)
			tty_resize(tty);
		else
			foreground->signal(foreground->target, signal, &ignored);
		break;
	case SIGTSTP:
		/* Not typed, since raw mode makes Ctrl-Z a character: somebody asked berth itself to stop. */
		tty_restore(tty);
		raise(SIGSTOP);
		tty_raw(tty);
		tty_resize(tty);
		break;
	case SIGCONT:
		/* After SIGSTOP the shell has set its own mode in between. */
		tty_raw(tty);
		tty_resize(tty);
		break;
	default:
		/* It may have ended this moment, which the pidfd tells. */
		foreground->signal(foreground->target, signal, &ignored);
	}
}

static int timer_start(uint64_t ns)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	const struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)}};

	if (fd >= 0 && timerfd_settime(fd, 0, &when, NULL) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int loop(const struct foreground *foreground, int signals, int timer, struct tty *tty, struct berth_error *error)
{
	enum { PIDFD, SIGNALS, TIMER, MONITOR, REFUSALS, TTY };
	int attend_ms = -1;
	for (;;) {
		struct pollfd polls[TTY + 3] = {
			{.fd = foreground->pidfd, .events = POLLIN},
			{.fd = signals, .events = POLLIN},
			{.fd = timer, .events = POLLIN},
			{.fd = foreground->monitor, .events = POLLIN},
			{.fd = foreground->refusals ? foreground->refusals->fd : -1, .events = POLLIN},
		};
		struct signalfd_siginfo info;
		uint64_t expirations;
		int timeout_ms = attend_ms;
		size_t n_tty = tty ? tty_poll_prepare(tty, polls + TTY, &timeout_ms) : 0;

		if (poll(polls, TTY + n_tty, timeout_ms) < 0 && errno != EINTR)
			return fail(error, "wait for the command: poll");
		if (polls[PIDFD].revents)
			return 0;
		if (polls[SIGNALS].revents && read(signals, &info, sizeof(info)) == sizeof(info))
			signal_handle(foreground, tty, (int)info.ssi_signo);
		if (foreground->monitor >= 0 && (polls[MONITOR].revents || attend_ms >= 0))
			foreground->attend(foreground->target, &attend_ms);
		if (polls[REFUSALS].revents)
			refusals_tell(foreground->refusals);
		if (polls[TIMER].revents && read(timer, &expirations, sizeof(expirations)) > 0) {
			int result = foreground->expire(foreground->target, error);
			if (result < 0)
				return result;
		}
		if (tty)
			tty_poll_done(tty, polls + TTY, n_tty);
	}
}

int foreground_run(const struct foreground *foreground, struct berth_error *error)
{
	cleanup_fd int signals = -1;
	cleanup_fd int timer = -1;
	struct tty tty;
	sigset_t set;
	signals_fill(&set, foreground->tty);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return fail(error, "wait for signals: signalfd");
	if (foreground->timeout_ns) {
		timer = timer_start(foreground->timeout_ns);
		if (timer < 0)
			return fail(error, "keep the time limit: timerfd");
	}
	if (foreground->tty < 0)
		return loop(foreground, signals, timer, NULL, error);

	int result = tty_open(&tty, foreground->tty);
	if (result < 0) {
		errno = -result;
		tty_restore(&tty);
		return fail(error, "connect the terminal");
	}
	result = loop(foreground, signals, timer, &tty, error);
	tty_close(&tty);
	return result;
}
