/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/musl/gnu.h"

#include <malloc.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- System calls ---- */

int close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

int fsopen(const char *type, unsigned int flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

int fsconfig(int fd, unsigned int command, const char *key, const void *value, int number)
{
	return (int)syscall(SYS_fsconfig, fd, command, key, value, number);
}

int fsmount(int fd, unsigned int flags, unsigned int attributes)
{
	return (int)syscall(SYS_fsmount, fd, flags, attributes);
}

int mount_setattr(int directory, const char *path, unsigned int flags, struct mount_attr *attributes, size_t size)
{
	return (int)syscall(SYS_mount_setattr, directory, path, flags, attributes, size);
}

int move_mount(int from, const char *from_path, int to, const char *to_path, unsigned int flags)
{
	return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}

int open_tree(int directory, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, directory, path, flags);
}

int pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

int pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, info, flags);
}

int renameat2(int from, const char *from_path, int to, const char *to_path, unsigned int flags)
{
	return (int)syscall(SYS_renameat2, from, from_path, to, to_path, flags);
}

int statx(int directory, const char *path, int flags, unsigned int mask, struct statx *status)
{
	return (int)syscall(SYS_statx, directory, path, flags, mask, status);
}

/* ---- Names ---- */

static const char *const abbreviations[] = {
	[SIGHUP] = "HUP",       [SIGINT] = "INT",     [SIGQUIT] = "QUIT",     [SIGILL] = "ILL",   [SIGTRAP] = "TRAP",
	[SIGABRT] = "ABRT",     [SIGBUS] = "BUS",     [SIGFPE] = "FPE",       [SIGKILL] = "KILL", [SIGUSR1] = "USR1",
	[SIGSEGV] = "SEGV",     [SIGUSR2] = "USR2",   [SIGPIPE] = "PIPE",     [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
	[SIGCHLD] = "CHLD",     [SIGCONT] = "CONT",   [SIGSTOP] = "STOP",     [SIGTSTP] = "TSTP", [SIGTTIN] = "TTIN",
	[SIGTTOU] = "TTOU",     [SIGURG] = "URG",     [SIGXCPU] = "XCPU",     [SIGXFSZ] = "XFSZ", [SIGPROF] = "PROF",
	[SIGPOLL] = "POLL",     [SIGWINCH] = "WINCH", [SIGVTALRM] = "VTALRM", [SIGPWR] = "PWR",   [SIGSYS] = "SYS",
#ifdef SIGSTKFLT
	[SIGSTKFLT] = "STKFLT",
#endif
};
enum { N_ABBREVIATIONS = sizeof(abbreviations) / sizeof(*abbreviations) };

const char *sigabbrev_np(int signal)
{
	return signal > 0 && signal < N_ABBREVIATIONS ? abbreviations[signal] : NULL;
}

const char *sigdescr_np(int signal)
{
	return sigabbrev_np(signal) ? strsignal(signal) : NULL;
}

const char *strerrordesc_np(int code)
{
	return strerrorname_np(code) ? strerror(code) : NULL;
}

/* ---- Memory ---- */

int malloc_trim(size_t keep)
{
	(void)keep;
	return 0;
}
