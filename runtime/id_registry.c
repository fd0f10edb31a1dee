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

enum { NAME_SIZE = 80 };

/* A claim that is there: one range of each kind. */
struct claim {
	uint32_t start[2], length[2];
	bool shared;
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
	if (sscanf(name, "%" SCNu32 "+%" SCNu32 ",%" SCNu32 "+%" SCNu32 "%n", &claim->start[0], &claim->length[0],
		   &claim->start[1], &claim->length[1], &end) != 4)
		return false;
	claim->shared = name[end] == '@';
	return claim->shared || !name[end];
}

static void name_format(const struct id_maps *maps, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%" PRIu32 "+%" PRIu32 ",%" PRIu32 "+%" PRIu32, maps->uids.ranges[0].outside,
		 maps->uids.ranges[0].length, maps->gids.ranges[0].outside, maps->gids.ranges[0].length);
}

static void shared_name_format(const struct id_maps *maps, const struct stat *holder, char name[NAME_SIZE])
{
	name_format(maps, name);
	size_t length = strlen(name);
	snprintf(name + length, NAME_SIZE - length, "@%ju", (uintmax_t)holder->st_ino);
}

static struct id_maps maps_of(uint32_t uid, uint32_t n_uids, uint32_t gid, uint32_t n_gids)
{
	return (struct id_maps){
		.uids = {.ranges = {{0, uid, n_uids}}, .count = 1},
		.gids = {.ranges = {{0, gid, n_gids}}, .count = 1},
	};
}

/* ---- The directories ---- */

static int directory_open(const char *path, bool make)
{
	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid() || status.st_mode & 022)
		return -EPERM;
	return steal_fd(&fd);
}

/* Both, the lock held; -errno for one that can't be had. */
struct opened {
	int run, kept;
};
#define OPENED_INIT                                                                                                    \
	{                                                                                                              \
		.run = -1, .kept = -1                                                                                  \
	}

/* Not by closing alone: a process that is being cloned elsewhere in the program may hold a copy for a moment. */
static void registry_unlock(struct opened *opened)
{
	if (opened->kept >= 0)
		close(opened->kept);
	if (opened->run >= 0) {
		flock(opened->run, LOCK_UN);
		close(opened->run);
	}
}
#define cleanup_opened __attribute__((cleanup(registry_unlock)))

static void registry_lock(const struct id_registry *registry, bool make, bool make_kept, struct opened *opened)
{
	opened->run = directory_open(registry->path, make);
	while (opened->run >= 0 && flock(opened->run, LOCK_EX) < 0)
		if (errno != EINTR) {
			int code = -errno;
			close(opened->run);
			opened->run = code;
		}
	opened->kept = directory_open(registry->kept, make_kept);
}

static int require(const struct id_registry *registry, const struct opened *opened, bool kept, struct error *error)
{
	if (opened->run < 0)
		return error_errno(error, -opened->run, "open the register of user id ranges, %s", registry->path);
	/* One that is there must be believed, too: what it holds is taken. */
	if (opened->kept < 0 && (kept || opened->kept != -ENOENT))
		return error_errno(error, -opened->kept, "open the register of user id ranges, %s", registry->kept);
	return 0;
}

/* ---- Claims ---- */

/* The inode that the link names, and the path; false where there is no such link. */
static bool target_read(int directory, const char *name, char target[PATH_MAX], uintmax_t *inode, char **path)
{
	ssize_t length = readlinkat(directory, name, target, PATH_MAX - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	*inode = strtoumax(target, path, 10);
	if (**path != ' ')
		return false;
	++*path;
	return true;
}

/* Whether what took it is still there. */
static bool is_held(int directory, const char *name)
{
	char target[PATH_MAX], *path;
	uintmax_t inode;
	struct stat status;
	if (!target_read(directory, name, target, &inode, &path))
		return false;
	if (lstat(path, &status) == 0)
		return status.st_ino == inode;
	/* Only what is known to be gone. */
	return errno != ENOENT && errno != ENOTDIR;
}

static bool is_holders(int directory, const char *name, int holder)
{
	char target[PATH_MAX], *path;
	uintmax_t inode;
	struct stat status;
	return target_read(directory, name, target, &inode, &path) && fstat(holder, &status) == 0 &&
	       status.st_ino == inode;
}

static DIR *stream_open(int directory)
{
	cleanup_fd int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	if (stream)
		steal_fd(&fd);
	return stream;
}

/* Adds all claims of a directory; with sweep those whose holder is gone are removed instead. 0 or -errno. */
static int claims_add(int directory, bool sweep, struct claims *claims)
{
	cleanup_dir DIR *stream = stream_open(directory);
	if (!stream)
		return -errno;
	size_t room = claims->count;
	for (const struct dirent *entry; (entry = readdir(stream));) {
		struct claim claim;
		if (!name_parse(entry->d_name, &claim))
			continue;
		if (sweep && !is_held(directory, entry->d_name)) {
			unlinkat(directory, entry->d_name, 0);
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

static int claims_read(const struct opened *opened, bool sweep, struct claims *claims)
{
	int code = opened->run >= 0 ? claims_add(opened->run, sweep, claims) : 0;
	return code == 0 && opened->kept >= 0 ? claims_add(opened->kept, sweep, claims) : code;
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

static int claim_enter(int directory, const char *name, const struct id_holder *holder)
{
	struct stat status;
	cleanup_free char *target = NULL;
	if (fstat(holder->fd, &status) < 0)
		return -errno;
	if (asprintf(&target, "%ju %s", (uintmax_t)status.st_ino, holder->path) < 0)
		return target = NULL, -ENOMEM;
	return symlinkat(target, directory, name) < 0 ? -errno : 0;
}

/* What the holder has in the directory already. */
static bool claim_find(int directory, const struct id_holder *holder, struct id_maps *claimed)
{
	cleanup_dir DIR *stream = stream_open(directory);
	for (const struct dirent *entry; stream && (entry = readdir(stream));) {
		struct claim claim;
		if (!name_parse(entry->d_name, &claim) || claim.shared ||
		    !is_holders(directory, entry->d_name, holder->fd))
			continue;
		*claimed = maps_of(claim.start[0], claim.length[0], claim.start[1], claim.length[1]);
		return true;
	}
	return false;
}

int id_registry_claim(const struct id_registry *registry, const struct id_map *uids, const struct id_map *gids,
		      uint32_t size, const struct id_holder *holder, struct id_maps *claimed, struct error *error)
{
	cleanup_opened struct opened opened = OPENED_INIT;
	bool kept = holder && holder->kept;
	registry_lock(registry, holder, kept, &opened);
	/* Who only looks need not be let in: then the first range stands for the one it will be. */
	int code = holder ? require(registry, &opened, kept, error) : 0;
	if (code < 0 || (kept && claim_find(opened.kept, holder, claimed)))
		return code;
	int directory = kept ? opened.kept : opened.run;
	const char *path = kept ? registry->kept : registry->path;
	/* Those that are gone are looked for only when they are needed. */
	for (int sweep = 0; sweep <= 1; sweep++) {
		cleanup_claims struct claims claims = {0};
		char name[NAME_SIZE];
		uint32_t uid, gid;
		code = claims_read(&opened, sweep && holder, &claims);
		if (code < 0)
			return error_errno(error, -code, "read the register of user id ranges, %s", path);
		if (!find_free(uids, size, &claims, 0, &uid) || !find_free(gids, size, &claims, 1, &gid))
			continue;
		*claimed = maps_of(uid, size, gid, size);
		name_format(claimed, name);
		code = holder ? claim_enter(directory, name, holder) : 0;
		return code < 0 ? error_errno(error, -code, "take a range of user ids in %s", path) : 0;
	}
	return error_set(error, ENOSPC,
			 "no range of %u user ids is free: all that there are belong to containers and framework roots",
			 size);
}

/* ---- Of framework roots ---- */

static bool is_taken(const struct claims *claims, const struct id_maps *maps)
{
	const struct id_range *const ranges[] = {&maps->uids.ranges[0], &maps->gids.ranges[0]};
	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *claim = &claims->items[i];
		bool same = true, overlap = false;
		for (size_t kind = 0; kind < 2; kind++) {
			uint64_t start = ranges[kind]->outside, length = ranges[kind]->length;
			uint64_t taken = claim->start[kind], taken_length = claim->length[kind];
			same &= start == taken && length == taken_length;
			overlap |= start < taken + taken_length && taken < start + length;
		}
		/* Who shares just this range is in the root. */
		if (overlap && !(same && claim->shared))
			return true;
	}
	return false;
}

int id_registry_keep(const struct id_registry *registry, const struct id_maps *claimed, const struct id_holder *holder,
		     struct error *error)
{
	char name[NAME_SIZE];
	name_format(claimed, name);
	{
		cleanup_fd int kept = directory_open(registry->kept, false);
		if (kept >= 0 && is_holders(kept, name, holder->fd) && is_held(kept, name))
			return 0;
	}
	/* The register was lost, or the root has come from elsewhere. */
	cleanup_opened struct opened opened = OPENED_INIT;
	cleanup_claims struct claims claims = {0};
	registry_lock(registry, true, true, &opened);
	int code = require(registry, &opened, true, error);
	if (code < 0)
		return code;
	code = claims_read(&opened, true, &claims);
	if (code == 0 && is_taken(&claims, claimed))
		return error_set(error, EBUSY, "others have the ids that it belongs to by now, %u-%u (see %s and %s)",
				 claimed->uids.ranges[0].outside,
				 claimed->uids.ranges[0].outside + claimed->uids.ranges[0].length - 1, registry->path,
				 registry->kept);
	if (code == 0)
		code = claim_enter(opened.kept, name, holder);
	return code < 0 ? error_errno(error, -code, "take a range of user ids in %s", registry->kept) : 0;
}

int id_registry_share(const struct id_registry *registry, const struct id_maps *claimed, const struct id_holder *holder,
		      struct error *error)
{
	cleanup_opened struct opened opened = OPENED_INIT;
	char name[NAME_SIZE];
	struct stat status;
	registry_lock(registry, true, false, &opened);
	int code = require(registry, &opened, false, error);
	if (code < 0)
		return code;
	code = fstat(holder->fd, &status) < 0 ? -errno : 0;
	if (code == 0) {
		shared_name_format(claimed, &status, name);
		/* Of one that has gone, whose record had the same number. */
		unlinkat(opened.run, name, 0);
		code = claim_enter(opened.run, name, holder);
	}
	return code < 0 ? error_errno(error, -code, "take a range of user ids in %s", registry->path) : 0;
}

void id_registry_release(const struct id_registry *registry, const struct id_maps *claimed,
			 const struct id_holder *holder)
{
	cleanup_opened struct opened opened = OPENED_INIT;
	char name[NAME_SIZE];
	struct stat status;
	if (claimed->uids.count != 1 || claimed->gids.count != 1 || fstat(holder->fd, &status) < 0)
		return;
	registry_lock(registry, false, false, &opened);
	int directory = holder->kept ? opened.kept : opened.run;
	name_format(claimed, name);
	if (directory >= 0 && is_holders(directory, name, holder->fd))
		unlinkat(directory, name, 0);
	else if (directory >= 0 && !holder->kept) {
		shared_name_format(claimed, &status, name);
		if (is_holders(directory, name, holder->fd))
			unlinkat(directory, name, 0);
	}
}
