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

struct level {
	dev_t device;
	ino_t inode;
	long position;
};

/*
 * The directories from the top to the one that is read: which each is, and where to go on in it. Neither descriptors
 * nor the stack grow with the depth, which is whoever's who wrote there.
 */
struct way {
	struct level *levels;
	size_t depth, room;
};

static bool way_push(struct way *way, DIR *stream)
{
	struct stat status;
	if (way->depth == way->room) {
		struct level *grown = reallocarray(way->levels, 2 * way->room + 64, sizeof *grown);
		if (!grown)
			return false;
		way->levels = grown;
		way->room = 2 * way->room + 64;
	}
	if (fstat(dirfd(stream), &status) < 0)
		return false;
	way->levels[way->depth++] = (struct level){status.st_dev, status.st_ino, 0};
	return true;
}

static void way_down(struct way *way, DIR **stream, const char *name)
{
	DIR *below = open_below(dirfd(*stream), name);
	long position = telldir(*stream);
	if (!below || !way_push(way, below)) {
		if (below)
			closedir(below);
		return;
	}
	way->levels[way->depth - 2].position = position;
	closedir(*stream);
	*stream = below;
}

/* Where a directory has been moved meanwhile, ".." leads elsewhere: then that is all. */
static bool way_up(struct way *way, DIR **stream)
{
	if (--way->depth == 0)
		return false;
	struct stat status;
	const struct level *level = &way->levels[way->depth - 1];
	DIR *above = open_below(dirfd(*stream), "..");
	closedir(*stream);
	*stream = above;
	if (!above || fstat(dirfd(above), &status) < 0 || status.st_dev != level->device ||
	    status.st_ino != level->inode)
		return false;
	seekdir(above, level->position);
	return true;
}

uint64_t tree_bytes(int parent, const char *name)
{
	struct stat status;
	if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	uint64_t bytes = (uint64_t)status.st_blocks * 512;
	struct way way = {0};
	cleanup_dir DIR *stream = S_ISDIR(status.st_mode) ? open_below(parent, name) : NULL;
	for (bool more = stream && way_push(&way, stream); more;) {
		const struct dirent *entry = readdir(stream);
		if (!entry) {
			more = way_up(&way, &stream);
		} else if (!is_dots(entry->d_name) &&
			   fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
			bytes += (uint64_t)status.st_blocks * 512;
			if (S_ISDIR(status.st_mode))
				way_down(&way, &stream, entry->d_name);
		}
	}
	free(way.levels);
	return bytes;
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
