/* SPDX-License-Identifier: Apache-2.0 */
/* One path option of an overlay, for init and for the library alike. */
#ifndef NSUTIL_OVERLAY_OPTION_H
#define NSUTIL_OVERLAY_OPTION_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#include "nsutil/base/cleanup.h"

enum {
	OVERLAY_OPTION_MAX = 255, /* what fsconfig(2) takes as a string */
	OVERLAY_OPTION_STRING =
		1, /* FSCONFIG_SET_STRING, by a name that both <linux/mount.h> and <sys/mount.h> allow */
};

/* Whether the key names a directory of an overlay. */
static inline bool overlay_option_is_path(const char *key)
{
	return strcmp(key, "lowerdir") == 0 || strcmp(key, "upperdir") == 0 || strcmp(key, "workdir") == 0;
}

/* Descriptors that options stand for; kernels before 6.5 look at them only when the file system is made. */
struct overlay_held {
	int fds[3];
	size_t count;
};

static inline void overlay_held_close(struct overlay_held *held)
{
	int saved = errno;
	while (held->count > 0)
		close(held->fds[--held->count]);
	errno = saved;
}
#define cleanup_overlay_held __attribute__((cleanup(overlay_held_close)))

/* "/proc/self/fd/N", without stdio, which a child that shares its parent's memory must not use. */
static inline void overlay_descriptor_path(int fd, char path[32])
{
	static const char directory[] = "/proc/self/fd/";
	char digits[12];
	size_t count = 0;
	for (unsigned int rest = (unsigned int)fd; rest || count == 0; rest /= 10)
		digits[count++] = (char)('0' + rest % 10);
	memcpy(path, directory, sizeof directory - 1);
	path += sizeof directory - 1;
	while (count > 0)
		*path++ = digits[--count];
	*path = '\0';
}

/*
 * Sets lowerdir, upperdir or workdir of the file system context. A path that is too long, or holds what overlayfs or
 * older kernels' option parser read as separators and escapes, goes by its descriptor, which must be held until the
 * file system has been made. 0 or -errno.
 */
static inline int overlay_option_set(int fs, const char *key, const char *path, struct overlay_held *held)
{
	char by_descriptor[32];
	if (strlen(path) > OVERLAY_OPTION_MAX || strpbrk(path, ":,\\")) {
		if (held->count == sizeof held->fds / sizeof *held->fds)
			return -E2BIG;
		int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		held->fds[held->count++] = fd;
		overlay_descriptor_path(fd, by_descriptor);
		path = by_descriptor;
	}
	return syscall(SYS_fsconfig, fs, OVERLAY_OPTION_STRING, key, path, 0) < 0 ? -errno : 0;
}

#endif
