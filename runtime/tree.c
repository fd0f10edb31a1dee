/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

uint64_t tree_bytes(int parent, const char *name)
{
	struct stat status;
	if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	uint64_t bytes = (uint64_t)status.st_blocks * 512;
	if (!S_ISDIR(status.st_mode))
		return bytes;
	cleanup_fd int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_dir DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream)
		return bytes;
	int directory = steal_fd(&fd);
	for (const struct dirent *entry; (entry = readdir(stream));)
		if (!is_dots(entry->d_name))
			bytes += tree_bytes(directory, entry->d_name);
	return bytes;
}

static DIR *open_below(int parent, const char *name)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	cleanup_fd int fd = (int)syscall(SYS_openat2, parent, name, &how, sizeof how);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	if (stream)
		steal_fd(&fd);
	return stream;
}

/* 1: gone; 0: a directory with something in it; -errno. */
static int remove_one(int directory, const char *name)
{
	if (unlinkat(directory, name, 0) == 0 || errno == ENOENT)
		return 1;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(directory, name, AT_REMOVEDIR) == 0)
		return 1;
	return errno == ENOTEMPTY || errno == EEXIST ? 0 : -errno;
}

/* Empties top/name: what is a full directory itself goes up into top, under a number, so that nothing is ever deep. */
static int flatten(int top, const char *name, unsigned long *next)
{
	cleanup_dir DIR *stream = open_below(top, name);
	if (!stream)
		return -errno;
	for (const struct dirent *entry; (entry = readdir(stream));) {
		if (is_dots(entry->d_name))
			continue;
		int code = remove_one(dirfd(stream), entry->d_name);
		while (code == 0) {
			char number[32];
			snprintf(number, sizeof number, ".berth-%lu", ++*next);
			if (renameat2(dirfd(stream), entry->d_name, top, number, RENAME_NOREPLACE) == 0)
				code = 1;
			else if (errno != EEXIST)
				code = -errno;
		}
		if (code < 0)
			return code;
	}
	return unlinkat(top, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int tree_remove_at(int parent, const char *name)
{
	cleanup_dir DIR *top = open_below(parent, name);
	if (!top)
		return errno == ENOENT ? 0 : -errno;
	unsigned long next = 0;
	for (bool any = true; any;) {
		any = false;
		rewinddir(top);
		for (const struct dirent *entry; (entry = readdir(top));) {
			if (is_dots(entry->d_name))
				continue;
			any = true;
			int code = remove_one(dirfd(top), entry->d_name);
			if (code == 0)
				code = flatten(dirfd(top), entry->d_name, &next);
			if (code < 0)
				return code;
		}
	}
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int tree_remove(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	cleanup_free char *parent = strndup(path, (size_t)(name - path));
	cleanup_fd int directory = parent ? open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (!parent)
		return -ENOMEM;
	return directory < 0 ? -errno : tree_remove_at(directory, name);
}
