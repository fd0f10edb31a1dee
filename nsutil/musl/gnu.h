/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What berth uses of glibc's that musl 1.2.3 lacks. Sources don't include it: the Makefile does, before each that it
 * compiles with musl for berth's programs. All is declared as the man pages have it, so that a later musl may, too.
 */
#ifndef NSUTIL_MUSL_GNU_H
#define NSUTIL_MUSL_GNU_H

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <linux/mount.h>
#ifndef STATX_TYPE
#include <linux/stat.h>
#endif

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif
#ifndef W_EXITCODE
#define W_EXITCODE(status, signal) ((status) << 8 | (signal))
#endif

/* System calls. */
int close_range(unsigned int first, unsigned int last, int flags);
int fsopen(const char *type, unsigned int flags);
int fsconfig(int fd, unsigned int command, const char *key, const void *value, int number);
int fsmount(int fd, unsigned int flags, unsigned int attributes);
int mount_setattr(int directory, const char *path, unsigned int flags, struct mount_attr *attributes, size_t size);
int move_mount(int from, const char *from_path, int to, const char *to_path, unsigned int flags);
int open_tree(int directory, const char *path, unsigned int flags);
int pidfd_open(pid_t pid, unsigned int flags);
int pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned int flags);
int renameat2(int from, const char *from_path, int to, const char *to_path, unsigned int flags);
int statx(int directory, const char *path, int flags, unsigned int mask, struct statx *status);

/* NULL for what has none: strerror(3), strsignal(3). */
const char *sigabbrev_np(int signal);
const char *sigdescr_np(int signal);
const char *strerrordesc_np(int code);
const char *strerrorname_np(int code);

/* musl's free gives whole pages back by itself: nothing to do. */
int malloc_trim(size_t keep);

#endif
