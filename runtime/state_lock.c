/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a record: an exclusive flock(2) on it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/container.h"
#include "runtime/state.h"

enum {
	LOCKS_LIMIT = 64 << 20,
	DEAD_PATIENCE_MS = 10000, /* a process that a dead owner was about to start: until it has closed its copies */
	/* The same, where it can't be seen who holds the lock: looks, a millisecond each. Not a time, in which a
	 * machine that stood still may have had but one. */
	UNKNOWN_LOOKS = 200,
};

static void pause_ms(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

bool state_is_owned(int file)
{
	if (flock(file, LOCK_SH | LOCK_NB) < 0)
		return true;
	flock(file, LOCK_UN);
	return false;
}

int state_lock(int file)
{
	if (flock(file, LOCK_EX | LOCK_NB) == 0)
		return 0;
	/* An owner keeps the lock for good; somebody who only looks, for a moment. Only the latter is worth a second
	 * try. */
	for (int tries = 0; tries < 100 && flock(file, LOCK_SH | LOCK_NB) == 0; tries++) {
		if (flock(file, LOCK_EX | LOCK_NB) == 0)
			return 0;
		flock(file, LOCK_UN);
		pause_ms();
	}
	return -EBUSY;
}

void state_unlock(int file)
{
	flock(file, LOCK_UN);
}

/* The process that took the lock, as /proc/locks has it; 0 where that does not tell. proc_locks(5) */
static pid_t lock_taker(int file)
{
	struct stat status;
	cleanup_free char *locks = NULL;
	if (fstat(file, &status) < 0 || file_read_all(AT_FDCWD, "/proc/locks", LOCKS_LIMIT, &locks) < 0)
		return 0;
	char *rest = locks, *line;
	while ((line = strsep(&rest, "\n"))) {
		int pid;
		unsigned int device_major, device_minor;
		uintmax_t inode;
		if (sscanf(line, "%*d: FLOCK ADVISORY WRITE %d %x:%x:%ju", &pid, &device_major, &device_minor,
			   &inode) == 4 &&
		    inode == status.st_ino && device_major == major(status.st_dev) &&
		    device_minor == minor(status.st_dev))
			return pid > 0 ? pid : 0;
	}
	return 0;
}

static bool process_is_dead(pid_t pid)
{
	cleanup_fd int pidfd = pidfd_open(pid, 0);
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	return pidfd < 0 ? errno == ESRCH : poll(&ended, 1, 0) == 1;
}

int state_lock_of_dead(int file)
{
	uint64_t start = monotonic_ms();
	for (unsigned int untold = 0;;) {
		if (state_lock(file) == 0)
			return 0;
		pid_t taker = lock_taker(file);
		if (taker && !process_is_dead(taker))
			return -EBUSY;
		/* A look at /proc/locks while others lock and unlock may miss it: that tells nothing new. */
		untold = taker ? 0 : untold + 1;
		if (monotonic_ms() - start >= DEAD_PATIENCE_MS || untold == UNKNOWN_LOOKS)
			return -EBUSY;
		pause_ms();
	}
}
