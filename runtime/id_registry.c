/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/id_registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

enum { NAME_SIZE = 64 };

/* A claim that is there: one range of each kind. */
struct claim {
	uint32_t start[2], length[2];
};

struct claims {
	struct claim *items;
	size_t count;
};

static void claims_free(struct claims *claims)
{
	free(claims->items);
	*claims = (struct claims){0};
}
#define cleanup_claims __attribute__((cleanup(claims_free)))

static bool name_parse(const char *name, struct claim *claim)
{
	int end = 0;
	return sscanf(name, "%" SCNu32 "+%" SCNu32 ",%" SCNu32 "+%" SCNu32 "%n", &claim->start[0], &claim->length[0],
		      &claim->start[1], &claim->length[1], &end) == 4 &&
	       !name[end];
}

static void name_format(const struct id_maps *maps, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%" PRIu32 "+%" PRIu32 ",%" PRIu32 "+%" PRIu32, maps->uids.ranges[0].outside,
		 maps->uids.ranges[0].length, maps->gids.ranges[0].outside, maps->gids.ranges[0].length);
}

/* Opens the registry, made if missing, and locks it. */
static int registry_lock(const char *path, bool make)
{
	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid() || status.st_mode & 022)
		return -EPERM;
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return steal_fd(&fd);
}

/* Not by closing alone: a process that is being cloned elsewhere in the program may hold a copy for a moment. */
static void registry_unlock(int *fd)
{
	if (*fd >= 0) {
		flock(*fd, LOCK_UN);
		close(*fd);
	}
}
#define cleanup_registry __attribute__((cleanup(registry_unlock)))

/* Whether what took it is still there. */
static bool is_held(int registry, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(registry, name, target, sizeof target - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	char *path;
	uintmax_t inode = strtoumax(target, &path, 10);
	struct stat status;
	if (*path != ' ')
		return false;
	if (lstat(path + 1, &status) == 0)
		return status.st_ino == inode;
	/* Only what is known to be gone. */
	return errno != ENOENT && errno != ENOTDIR;
}

/* All claims; with sweep those whose holder is gone are removed instead. 0 or -errno. */
static int claims_read(int registry, bool sweep, struct claims *claims)
{
	cleanup_fd int fd = openat(registry, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream)
		return -errno;
	steal_fd(&fd);
	size_t room = 0;
	for (const struct dirent *entry; (entry = readdir(stream));) {
		struct claim claim;
		if (!name_parse(entry->d_name, &claim))
			continue;
		if (sweep && !is_held(registry, entry->d_name)) {
			unlinkat(registry, entry->d_name, 0);
			continue;
		}
		if (claims->count == room) {
			room = room ? room * 2 : 64;
			struct claim *grown = reallocarray(claims->items, room, sizeof *grown);
			if (!grown)
				return -ENOMEM;
			claims->items = grown;
		}
		claims->items[claims->count++] = claim;
	}
	return 0;
}

static int compare(const void *one, const void *other, void *kind)
{
	uint32_t a = ((const struct claim *)one)->start[*(size_t *)kind],
		 b = ((const struct claim *)other)->start[*(size_t *)kind];
	return (a > b) - (a < b);
}

/* The first gap of so many ids in the ranges, kind 0 being uids, 1 gids. Sorts the claims. */
static bool find_free(const struct id_map *ranges, uint32_t size, struct claims *claims, size_t kind, uint32_t *start)
{
	if (claims->count)
		qsort_r(claims->items, claims->count, sizeof *claims->items, compare, &kind);
	for (size_t i = 0; i < ranges->count; i++) {
		uint64_t candidate = ranges->ranges[i].outside, end = candidate + ranges->ranges[i].length;
		for (size_t j = 0; j < claims->count; j++) {
			uint64_t taken = claims->items[j].start[kind], past = taken + claims->items[j].length[kind];
			if (taken < candidate + size && candidate < past)
				candidate = past;
		}
		if (candidate + size <= end) {
			*start = (uint32_t)candidate;
			return true;
		}
	}
	return false;
}

static int claim_enter(int registry, const struct id_maps *maps, int holder, const char *path)
{
	char name[NAME_SIZE];
	struct stat status;
	cleanup_free char *target = NULL;
	if (fstat(holder, &status) < 0)
		return -errno;
	if (asprintf(&target, "%ju %s", (uintmax_t)status.st_ino, path) < 0)
		return target = NULL, -ENOMEM;
	name_format(maps, name);
	return symlinkat(target, registry, name) < 0 ? -errno : 0;
}

int id_registry_claim(const char *path, const struct id_map *uids, const struct id_map *gids, uint32_t size, int holder,
		      const char *holder_path, struct id_maps *claimed, struct error *error)
{
	cleanup_registry int registry = registry_lock(path, holder >= 0);
	/* Who only looks need not be let in: then the first range stands for the one it will be. */
	if (registry < 0 && holder >= 0)
		return error_errno(error, -registry, "open the register of user id ranges, %s", path);
	/* Those that are gone are looked for only when they are needed. */
	for (int sweep = 0; sweep <= 1; sweep++) {
		cleanup_claims struct claims claims = {0};
		int code = registry >= 0 ? claims_read(registry, sweep && holder >= 0, &claims) : 0;
		uint32_t uid, gid;
		if (code < 0)
			return error_errno(error, -code, "read the register of user id ranges, %s", path);
		if (!find_free(uids, size, &claims, 0, &uid) || !find_free(gids, size, &claims, 1, &gid))
			continue;
		*claimed = (struct id_maps){
			.uids = {.ranges = {{0, uid, size}}, .count = 1},
			.gids = {.ranges = {{0, gid, size}}, .count = 1},
		};
		code = holder >= 0 ? claim_enter(registry, claimed, holder, holder_path) : 0;
		return code < 0 ? error_errno(error, -code, "take a range of user ids in %s", path) : 0;
	}
	return error_set(error, ENOSPC, "no range of %u user ids is free: all that there are belong to containers",
			 size);
}

void id_registry_release(const char *path, const struct id_maps *claimed, int holder)
{
	char name[NAME_SIZE], target[PATH_MAX];
	if (claimed->uids.count != 1 || claimed->gids.count != 1)
		return;
	name_format(claimed, name);
	cleanup_registry int registry = registry_lock(path, false);
	ssize_t length = registry < 0 ? -1 : readlinkat(registry, name, target, sizeof target - 1);
	struct stat status;
	if (length <= 0 || fstat(holder, &status) < 0)
		return;
	target[length] = '\0';
	if (strtoumax(target, NULL, 10) == status.st_ino)
		unlinkat(registry, name, 0);
}
