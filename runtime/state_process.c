/* SPDX-License-Identifier: Apache-2.0 */
/* A container's PID 1 by its record: a pid alone may be another process's by now. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/state.h"

#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446 /* Linux 6.9 */
#endif

uint64_t state_ticks_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	return (uint64_t)now.tv_sec * ticks + (uint64_t)now.tv_nsec / (1000000000 / ticks);
}

void state_identify(struct berth *berth, int pidfd, pid_t pid, uint64_t earliest, struct state_process *process)
{
	*process = (struct state_process){.pid = pid, .earliest = earliest, .latest = state_ticks_now()};
	struct statfs system;
	struct stat status;
	/* Inodes are numbered anew with each boot. */
	const char *boot = context_boot_id(berth);
	if (!*boot || fstatfs(pidfd, &system) < 0 || system.f_type != PID_FS_MAGIC || fstat(pidfd, &status) < 0)
		return;
	process->inode = status.st_ino;
	memcpy(process->boot, boot, sizeof process->boot);
}

/* Field 22 of /proc/PID/stat, counted behind the command's name, which may hold anything. proc_pid_stat(5) */
static int start_time(pid_t pid, uint64_t *ticks)
{
	char path[32], text[4096];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	ssize_t length = file_read(AT_FDCWD, path, text, sizeof text);
	if (length < 0)
		return (int)length;
	const char *field = strrchr(text, ')');
	for (int number = 2; field && number < 22; number++)
		field = strchr(field + 1, ' ');
	return field && sscanf(field, "%" SCNu64, ticks) == 1 ? 0 : -EPROTO;
}

/* 0 where the process that the pidfd stands for, which has that pid, is the one recorded; -ESRCH: it is not. */
static int check_recorded(struct berth *berth, const struct state_process *process, int pidfd)
{
	struct stat status;
	if (process->inode && memcmp(process->boot, context_boot_id(berth), sizeof process->boot) == 0) {
		if (fstat(pidfd, &status) < 0)
			return -errno;
		return status.st_ino == process->inode ? 0 : -ESRCH;
	}
	uint64_t started;
	int code = start_time(process->pid, &started);
	if (code < 0)
		return code == -ENOENT ? -ESRCH : code;
	return started >= process->earliest && started <= process->latest ? 0 : -ESRCH;
}

int state_open_process(struct berth *berth, const struct state_process *process)
{
	if (process->pid <= 0)
		return process->pid ? -EBADMSG : -ENOENT;
	cleanup_fd int pidfd = pidfd_open(process->pid, 0);
	if (pidfd < 0)
		return -errno;
	/* A process that waits to be reaped, as it may for ever where PID 1 does not, has ended all the same. */
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	int code = check_recorded(berth, process, pidfd);
	if (code == 0 && poll(&ended, 1, 0) != 0)
		code = -ESRCH;
	return code < 0 ? code : steal_fd(&pidfd);
}
