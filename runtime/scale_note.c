/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/scale_note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/state.h"

_Static_assert(sizeof(struct scale_note) <= STATE_NOTE_SIZE, "the record has room for a note");

/*
 * Opens the record once more: the lock is that descriptor's alone, and has nothing to do with flock(2), which is the
 * owner's. F_OFD_SETLK(2const)
 */
static int note_lock(int file, int patience_ms)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	/* Without a time limit it would wait for a process that is stopped. Whoever holds it takes one step. */
	while (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return -errno;
		if (patience_ms-- <= 0)
			return -EBUSY;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return steal_fd(&fd);
}

int scale_note_lock(int file, int patience_ms)
{
	int code = scale_note_make(file);
	return code < 0 ? code : note_lock(file, patience_ms);
}

int scale_note_look(int file, int patience_ms)
{
	return state_has_note(file) ? note_lock(file, patience_ms) : -ENOENT;
}

int scale_note_make(int file)
{
	return state_has_note(file) ? 0 : state_make_note(file);
}

bool scale_note_is_swap(const char *file)
{
	static const char *const prefixes[] = {"memory.memsw.", "memory.swap."};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(file, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

void scale_note_read(int file, struct scale_note *note)
{
	if (state_read_note(file, note, sizeof *note) < 0)
		memset(note, 0, sizeof *note);
}

int scale_note_write(int file, const struct scale_note *note)
{
	return state_write_note(file, note, sizeof *note);
}

uint64_t scale_note_token(void)
{
	uint64_t token = 0;
	while (!token)
		if (getrandom(&token, sizeof token, 0) != sizeof token)
			token = 0;
	return token;
}
