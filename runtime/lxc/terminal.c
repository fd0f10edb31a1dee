/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lxc/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* Moves what is there from one to the other; false at the end. */
static bool move(int from, int to)
{
	char bytes[4096];
	ssize_t n = read(from, bytes, sizeof(bytes));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	for (ssize_t done = 0; n > 0 && done < n;) {
		ssize_t written = write(to, bytes + done, (size_t)(n - done));
		if (written < 0 && errno != EINTR)
			return false;
		done += written > 0 ? written : 0;
	}
	return n > 0;
}

static void resize(int master, int signals)
{
	struct signalfd_siginfo info;
	struct winsize size;
	if (read(signals, &info, sizeof(info)) == sizeof(info) && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}

void terminal_relay(int master, int pidfd)
{
	enum { MASTER, PIDFD, INPUT, SIGNALS, N };
	struct termios saved, raw;
	sigset_t set;
	bool has_mode = tcgetattr(STDIN_FILENO, &saved) == 0;
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (has_mode) {
		raw = saved;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	struct pollfd polls[N] = {
		[MASTER] = {.fd = master, .events = POLLIN},
		[PIDFD] = {.fd = pidfd, .events = POLLIN},
		[INPUT] = {.fd = STDIN_FILENO, .events = POLLIN},
		[SIGNALS] = {.fd = signals, .events = POLLIN},
	};
	/* Once it has ended, what its terminal still holds is passed on without waiting for more. */
	for (bool ended = false;;) {
		int ready = poll(polls, N, ended ? 0 : -1);
		if (ready < 0 && errno != EINTR)
			break;
		if (ended && !(polls[MASTER].revents & POLLIN))
			break;
		if (polls[SIGNALS].revents)
			resize(master, signals);
		if (polls[INPUT].revents && !move(STDIN_FILENO, master))
			polls[INPUT].fd = -1;
		if (polls[MASTER].revents && !move(master, STDOUT_FILENO))
			polls[MASTER].fd = -1;
		if (polls[PIDFD].revents) {
			ended = true;
			polls[PIDFD].fd = polls[INPUT].fd = -1;
			polls[PIDFD].revents = polls[INPUT].revents = 0;
		}
	}
	if (has_mode)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	if (signals >= 0)
		close(signals);
}
