/* SPDX-License-Identifier: Apache-2.0 */
/* The user's terminal while berth stands between it and a container's. */
#ifndef RUNTIME_CLI_TTY_H
#define RUNTIME_CLI_TTY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>

/* Bytes on their way from one descriptor to another. */
struct tty_buffer {
	char bytes[4096];
	size_t start, end;
};

struct tty {
	int in, out; /* the user's; out may be a descriptor of our own */
	int master;  /* the container's; not ours to close */
	bool in_open;
	bool end_due; /* input is over, and the container's side has not been told yet */
	bool hung_up; /* nobody inside has the terminal open */
	bool out_owned, raw;
	struct termios saved;
	struct tty_buffer to_container, to_user;
};

/* Size of the terminal on descriptor 0, 1 or 2: false when none is one. */
bool tty_size(unsigned short *rows, unsigned short *columns);

/* Connects descriptors 0 and 1 with `master`, and puts a terminal on 0 into raw mode. Returns 0 or a negative errno. */
int tty_open(struct tty *tty, int master);

/* Gives the user's terminal its own mode back; does nothing the second time. */
void tty_restore(struct tty *tty);
/* Puts it into raw mode (again). Returns 0 or a negative errno. */
int tty_raw(struct tty *tty);
/* Passes the size of the user's terminal on. */
void tty_resize(const struct tty *tty);

/* The descriptors to poll, at most three. Returns how many; *timeout_ms is lowered when a look is due without event. */
size_t tty_poll_prepare(const struct tty *tty, struct pollfd polls[3], int *timeout_ms);
/* Moves what can be moved, after poll. */
void tty_poll_done(struct tty *tty, const struct pollfd *polls, size_t n);

/* Once the command has ended: prints what is left, restores, releases. */
void tty_close(struct tty *tty);

#endif
