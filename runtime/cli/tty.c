/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often to look whether somebody inside has opened the terminal again after all had closed it: poll reports
 * a hang-up of the master without end, and no event for its end. */
enum { HUNG_UP_LOOK_MS = 50 };

bool tty_size(unsigned short *rows, unsigned short *columns)
{
	struct winsize size;
	for (int fd = 0; fd <= 2; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
			*rows = size.ws_row;
			*columns = size.ws_col;
			return true;
		}
	}
	return false;
}

int tty_raw(struct tty *tty)
{
	struct termios raw;
	if (!isatty(tty->in))
		return 0;
	if (!tty->raw && tcgetattr(tty->in, &tty->saved) < 0)
		return -errno;
	raw = tty->saved;
	cfmakeraw(&raw);
	if (tcsetattr(tty->in, TCSADRAIN, &raw) < 0)
		return -errno;
	tty->raw = true;
	return 0;
}

void tty_restore(struct tty *tty)
{
	if (tty->raw)
		tcsetattr(tty->in, TCSADRAIN, &tty->saved);
	tty->raw = false;
}

void tty_resize(const struct tty *tty)
{
	struct winsize size = {0};
	if (tty_size(&size.ws_row, &size.ws_col))
		ioctl(tty->master, TIOCSWINSZ, &size);
}

int tty_open(struct tty *tty, int master)
{
	struct stat status;
	int flags = fcntl(master, F_GETFL);
	*tty = (struct tty){.in = 0, .out = 1, .master = master, .in_open = true};
	if (flags < 0 || fcntl(master, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	/*
	 * A stopped terminal or a full pipe must not keep berth from its signals, but O_NONBLOCK on descriptor 1
	 * would change it for everyone who shares it: so an open file description of our own.
	 */
	if (fstat(1, &status) == 0 && (isatty(1) || S_ISFIFO(status.st_mode))) {
		int own = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (own >= 0) {
			tty->out = own;
			tty->out_owned = true;
		}
	}
	tty_resize(tty);
	return tty_raw(tty);
}

static bool is_empty(const struct tty_buffer *buffer)
{
	return buffer->start == buffer->end;
}

/* Reads into an empty buffer; as read(2). */
static ssize_t fill(struct tty_buffer *buffer, int fd)
{
	ssize_t n = read(fd, buffer->bytes, sizeof(buffer->bytes));
	buffer->start = 0;
	buffer->end = n > 0 ? (size_t)n : 0;
	return n;
}

/* Writes what it can; what can never be written is dropped, so that it holds nothing up. */
static void drain(struct tty_buffer *buffer, int fd)
{
	ssize_t n = write(fd, buffer->bytes + buffer->start, buffer->end - buffer->start);
	if (n > 0)
		buffer->start += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		buffer->start = buffer->end;
}

/* Whoever reads the terminal inside learns of the end of a piped input as of a typed one. */
static void end_send(struct tty *tty)
{
	struct termios inside;
	char eof = 4; /* Ctrl-D */

	if (tcgetattr(tty->master, &inside) == 0)
		eof = (char)inside.c_cc[VEOF];
	tty->to_container = (struct tty_buffer){.bytes = {eof}, .end = 1};
	tty->end_due = false;
}

size_t tty_poll_prepare(const struct tty *tty, struct pollfd polls[3], int *timeout_ms)
{
	size_t n = 0;
	if (tty->in_open && is_empty(&tty->to_container))
		polls[n++] = (struct pollfd){.fd = tty->in, .events = POLLIN};
	if (!is_empty(&tty->to_user))
		polls[n++] = (struct pollfd){.fd = tty->out, .events = POLLOUT};
	short events = (short)((is_empty(&tty->to_user) ? POLLIN : 0) |
			       (!is_empty(&tty->to_container) || tty->end_due ? POLLOUT : 0));
	if (tty->hung_up) {
		if (*timeout_ms < 0 || *timeout_ms > HUNG_UP_LOOK_MS)
			*timeout_ms = HUNG_UP_LOOK_MS;
	} else if (events) {
		polls[n++] = (struct pollfd){.fd = tty->master, .events = events};
	}
	return n;
}

void tty_poll_done(struct tty *tty, const struct pollfd *polls, size_t n)
{
	/* After a hang-up the master is looked at unasked. */
	bool master_due = tty->hung_up;

	for (size_t i = 0; i < n; i++) {
		if (!polls[i].revents)
			continue;
		if (polls[i].fd == tty->out && polls[i].events == POLLOUT)
			drain(&tty->to_user, tty->out);
		else if (polls[i].fd == tty->master)
			master_due = true;
		else if (polls[i].fd == tty->in) {
			ssize_t got = fill(&tty->to_container, tty->in);
			if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
				tty->in_open = false;
				tty->end_due = true;
			}
		}
	}
	if (!master_due)
		return;
	if (tty->end_due && is_empty(&tty->to_container))
		end_send(tty);
	if (!is_empty(&tty->to_container))
		drain(&tty->to_container, tty->master);
	if (is_empty(&tty->to_user)) {
		ssize_t got = fill(&tty->to_user, tty->master);
		tty->hung_up = got < 0 && errno == EIO;
	}
}

void tty_close(struct tty *tty)
{
	/* A user who stopped the output, or left, does not hold up the end for longer than this without progress. */
	const int patience_ms = 2000;

	for (;;) {
		if (is_empty(&tty->to_user) && fill(&tty->to_user, tty->master) <= 0)
			break;
		struct pollfd out = {.fd = tty->out, .events = POLLOUT};
		int ready = poll(&out, 1, patience_ms);
		if (ready == 0 || (ready < 0 && errno != EINTR))
			break;
		drain(&tty->to_user, tty->out);
	}
	tty_restore(tty);
	if (tty->out_owned)
		close(tty->out);
}
