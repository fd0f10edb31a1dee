/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/swap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/statfs.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

enum { MIB = 1 << 20, PATIENCE = 600, NAP_MS = 100 };

static struct {
	pid_t guard;
	int tell; /* closed: the guard's work is to be done */
	int loop; /* keeps the loop device, which goes with its last user */
	char file[128];
	char device[128]; /* what is swapped to: the file, or a loop device over it */
} swap = {.tell = -1, .loop = -1};

/* Waits for the test to end, or to be done with it, whichever comes first. */
static void guard_run(int parent, int told)
{
	setsid();
	struct pollfd either[] = {{.fd = parent, .events = POLLIN}, {.fd = told, .events = POLLIN}};
	while (poll(either, 2, -1) < 0 && errno == EINTR)
		;
	/* It fails for lack of memory where a container has no room for what it has there: until that has ended. */
	for (int i = 0; swapoff(swap.device) < 0 && (errno == ENOMEM || errno == EINTR) && i < PATIENCE; i++)
		poll(NULL, 0, NAP_MS);
	if (swap.loop >= 0)
		ioctl(swap.loop, LOOP_CLR_FD);
	unlink(swap.file);
	_exit(0);
}

static void guard_start(void)
{
	int told[2], parent = pidfd_open(getpid(), 0);
	cr_assert(parent >= 0 && pipe2(told, O_CLOEXEC) == 0, "%s", strerror(errno));
	swap.guard = fork();
	cr_assert_geq(swap.guard, 0);
	if (swap.guard == 0) {
		close(told[1]);
		/* Whoever waits for the end of the test's output must not wait for this one. */
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		guard_run(parent, told[0]);
	}
	close(parent);
	close(told[0]);
	swap.tell = told[1];
}

/* Its blocks must be there: swap has no use for holes. */
static bool file_fill(unsigned int mib)
{
	cleanup_fd int fd = open(swap.file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int code = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)mib * MIB);
	errno = code;
	return code == 0;
}

static bool loop_open(void)
{
	cleanup_fd int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	cleanup_fd int file = open(swap.file, O_RDWR | O_CLOEXEC);
	snprintf(swap.device, sizeof swap.device, "/dev/loop%d", number);
	swap.loop = number < 0 ? -1 : open(swap.device, O_RDWR | O_CLOEXEC);
	return swap.loop >= 0 && file >= 0 && ioctl(swap.loop, LOOP_SET_FD, file) == 0;
}

static bool swap_make(void)
{
	char command[200];
	snprintf(command, sizeof command, "mkswap %s >/dev/null 2>&1", swap.device);
	return system(command) == 0 && swapon(swap.device, 0) == 0;
}

void swap_on(const char *directory, unsigned int mib)
{
	snprintf(swap.file, sizeof swap.file, "%s/swap", directory);
	snprintf(swap.device, sizeof swap.device, "%s", swap.file);
	struct statfs status;
	cr_assert_eq(statfs(directory, &status), 0);
	/* Containers of whoever else is at work on this machine may take their part; memory there is less of. */
	if (status.f_type != TMPFS_MAGIC)
		mib *= 3;
	if ((uint64_t)status.f_bavail * (uint64_t)status.f_bsize < 2ULL * mib * MIB)
		cr_skip_test("no room for a swap file of %u MiB in %s", mib, directory);
	if (!file_fill(mib)) {
		unlink(swap.file);
		cr_skip_test("no swap file in %s: %s", directory, strerror(errno));
	}
	/* A file system in memory takes no swap file, but a loop device over it is one. */
	bool made = swap_make();
	if (!made && system("modprobe -q loop") >= 0 && loop_open())
		made = swap_make();
	guard_start();
	if (!made) {
		int code = errno;
		swap_off();
		cr_skip_test("this machine can't swap to a file in %s: %s", directory, strerror(code));
	}
}

void swap_off(void)
{
	if (!swap.guard)
		return;
	close(swap.tell);
	waitpid(swap.guard, NULL, 0);
	swap.guard = 0;
	if (swap.loop >= 0)
		close(swap.loop);
	swap.loop = -1;
}
