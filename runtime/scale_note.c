/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/scale_note.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

static int note_lock(int directory, int flags, int patience_ms)
{
	cleanup_fd int fd = openat(directory, "scale", O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (fd < 0)
		return -errno;
	/* flock(2) without a time limit would wait for a process that is stopped. Whoever holds it takes one step. */
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (patience_ms-- <= 0)
			return -EBUSY;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return steal_fd(&fd);
}

int scale_note_lock(int directory, int patience_ms)
{
	return note_lock(directory, O_CREAT, patience_ms);
}

int scale_note_look(int directory, int patience_ms)
{
	return note_lock(directory, 0, patience_ms);
}

int scale_note_make(int directory)
{
	cleanup_fd int fd = openat(directory, "scale", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : 0;
}

bool scale_note_is_swap(const char *file)
{
	static const char *const prefixes[] = {"memory.memsw.", "memory.swap."};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(file, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

void scale_note_read(int note_fd, struct scale_note *note)
{
	if (pread(note_fd, note, sizeof *note, 0) != sizeof *note)
		memset(note, 0, sizeof *note);
}

void scale_note_peek(int directory, struct scale_note *note)
{
	cleanup_fd int fd = openat(directory, "scale", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	scale_note_read(fd, note);
}

int scale_note_write(int note_fd, const struct scale_note *note)
{
	ssize_t written = pwrite(note_fd, note, sizeof *note, 0);
	return written < 0 ? -errno : written == sizeof *note ? 0 : -ENOSPC;
}

uint64_t scale_note_token(void)
{
	uint64_t token = 0;
	while (!token)
		if (getrandom(&token, sizeof token, 0) != sizeof token)
			token = 0;
	return token;
}
