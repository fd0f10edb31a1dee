/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/archive.h"

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
#include "runtime/framework.h"
#include "runtime/name.h"
#include "runtime/tree.h"
#include "runtime/unpack.h"
#include "runtime/users.h"

enum { NAME_PART = 64 }; /* of the archive's own name; the hash tells them apart */

static char *archives_path(const struct berth *berth, const char *name, const char *part)
{
	char *path = NULL;
	return asprintf(&path, "%s/archives%s%s%s%s", berth->data_root, *name ? "/" : "", name, *part ? "/" : "",
			part) < 0
		       ? NULL
		       : path;
}

static int no_memory(struct error *error)
{
	return error_errno(error, ENOMEM, "find the tree of the archive");
}

/* FNV-1a: it tells states of files apart, and withstands nobody who makes files to be taken for others. */
static uint64_t hash(uint64_t seed, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		seed = (seed ^ ((const unsigned char *)data)[i]) * 0x100000001b3;
	return seed;
}

static char *archive_name(const char *path, const struct stat *status)
{
	const uint64_t state[] = {status->st_dev,
				  status->st_ino,
				  (uint64_t)status->st_size,
				  (uint64_t)status->st_mtim.tv_sec,
				  (uint64_t)status->st_mtim.tv_nsec,
				  (uint64_t)status->st_ctim.tv_sec,
				  (uint64_t)status->st_ctim.tv_nsec};
	uint64_t key = hash(hash(0xcbf29ce484222325, path, strlen(path)), state, sizeof state);
	char part[NAME_PART + 1], encoded[NAME_ENCODED_SIZE];
	snprintf(part, sizeof part, "%s", strrchr(path, '/') + 1);
	name_encode(part, encoded);
	char *name = NULL;
	return asprintf(&name, "%s-%016" PRIx64, encoded, key) < 0 ? NULL : name;
}

/* ---- Locating ---- */

/* The archive that the tree at path came from, malloc'ed; NULL for another's. */
static char *source_of(const struct berth *berth, const char *tree)
{
	cleanup_free char *archives = archives_path(berth, "", "");
	size_t length = archives ? strlen(archives) : 0;
	if (!archives || strncmp(tree, archives, length) != 0 || tree[length] != '/')
		return NULL;
	cleanup_free char *link = NULL;
	const char *end = strrchr(tree, '/');
	if (asprintf(&link, "%.*s/source", (int)(end - tree), tree) < 0)
		return link = NULL, NULL;
	char source[PATH_MAX];
	ssize_t got = readlink(link, source, sizeof source - 1);
	return got < 0 ? NULL : strndup(source, (size_t)got);
}

/* What the framework's root lies over already, if it came from the same archive; malloc'ed, else NULL. */
static char *framework_tree(const struct berth *berth, const struct spec *spec)
{
	cleanup_free char *link =
		spec->root_kind == ROOT_FRAMEWORK ? framework_path(berth, spec->framework, "lower") : NULL;
	char lower[PATH_MAX];
	ssize_t length = link ? readlink(link, lower, sizeof lower - 1) : -1;
	if (length < 0)
		return NULL;
	lower[length] = '\0';
	cleanup_free char *source = source_of(berth, lower);
	return source && strcmp(source, spec->archive) == 0 && access(lower, F_OK) == 0 ? strdup(lower) : NULL;
}

static int set_directory(struct spec *spec, char *directory, struct error *error)
{
	if (!directory)
		return no_memory(error);
	free(spec->root_directory);
	spec->root_directory = directory;
	return 0;
}

static int find_user(struct spec *spec, struct error *error)
{
	return users_resolve(spec->root_directory, spec->user, &spec->uid, &spec->gid, &spec->groups, &spec->n_groups,
			     error);
}

/* Owners can be kept by root alone. */
static int require_root(const struct spec *spec, struct error *error)
{
	return spec->rootless
		       ? error_set(error, EPERM,
				   "only root can use an archive as a root: unpack %s to a directory, and name that",
				   spec->archive)
		       : 0;
}

int archive_locate(const struct berth *berth, struct spec *spec, struct error *error)
{
	if (!spec->archive)
		return 0;
	if (require_root(spec, error) < 0)
		return -error->code;
	struct stat status;
	if (stat(spec->archive, &status) < 0)
		return error_errno(error, errno, "root %s", spec->archive);
	char *tree = framework_tree(berth, spec);
	cleanup_free char *name = tree ? NULL : archive_name(spec->archive, &status);
	int code = set_directory(spec, tree ? tree : name ? archives_path(berth, name, "root") : NULL, error);
	if (code < 0)
		return code;
	if (access(spec->root_directory, F_OK) < 0 && spec->user)
		return error_set(error, ENOENT,
				 "user '%s' can't be looked up in %s before it has been unpacked, which a launch does",
				 spec->user, spec->archive);
	return find_user(spec, error);
}

/* ---- Unpacking ---- */

static int make_directory(const char *path, struct error *error)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(error, errno, "make directory %s", path);
	return 0;
}

/*
 * Opens and locks the archive's directory; made where missing if that is asked for. Whoever held the lock before may
 * have removed it.
 */
static int directory_lock(const char *path, bool make, int how, struct error *error)
{
	for (;;) {
		if (make && make_directory(path, error) < 0)
			return -error->code;
		cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && make)
			continue;
		struct stat held, there;
		if (fd < 0 || flock(fd, how) < 0 || fstat(fd, &held) < 0)
			return error_errno(error, errno, "open and lock %s", path);
		if (stat(path, &there) == 0 && there.st_dev == held.st_dev && there.st_ino == held.st_ino)
			return steal_fd(&fd);
	}
}

static bool same_state(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* With the directory locked alone: the tree grows under another name, and gets its own when it is whole. */
static int unpack_into(int directory, int file, const struct spec *spec, struct error *error)
{
	struct stat before, after;
	int code = tree_remove_at(directory, "new") < 0 || mkdirat(directory, "new", 0755) < 0 ? -errno : 0;
	cleanup_fd int tree = code < 0 ? -1 : openat(directory, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (code < 0 || tree < 0 || fstat(file, &before) < 0)
		return error_errno(error, code < 0 ? -code : errno, "make a directory for %s", spec->archive);
	code = unpack(file, tree, error);
	if (code < 0)
		return error_wrap(error, "unpack %s", spec->archive);
	if (fstat(file, &after) < 0 || !same_state(&before, &after))
		return error_set(error, EBUSY, "unpack %s: it was changed meanwhile: try again", spec->archive);
	unlinkat(directory, "source", 0);
	if (syncfs(tree) < 0 || symlinkat(spec->archive, directory, "source") < 0 ||
	    renameat(directory, "new", directory, "root") < 0)
		return error_errno(error, errno, "keep the tree of %s", spec->archive);
	return 0;
}

static int unpack_once(const char *path, int file, const struct spec *spec, struct error *error)
{
	cleanup_fd int directory = directory_lock(path, true, LOCK_EX, error);
	if (directory < 0)
		return directory;
	/* Who came first may have done it. */
	if (faccessat(directory, "root", F_OK, 0) == 0)
		return 0;
	int code = unpack_into(directory, file, spec, error);
	if (code < 0)
		tree_remove(path);
	return code;
}

/* The tree that is there already, or else a new one; *lock is held on it. */
static int tree_hold(const struct berth *berth, struct spec *spec, int *lock, struct error *error)
{
	cleanup_fd int file = open(spec->archive, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	if (file < 0 || fstat(file, &status) < 0)
		return error_errno(error, errno, "root %s", spec->archive);
	if (!S_ISREG(status.st_mode))
		return error_set(error, EINVAL, "root %s is neither a directory nor a file", spec->archive);
	cleanup_free char *name = archive_name(spec->archive, &status);
	cleanup_free char *all = archives_path(berth, "", "");
	cleanup_free char *path = name ? archives_path(berth, name, "") : NULL;
	if (!all || !path)
		return no_memory(error);
	int code = set_directory(spec, archives_path(berth, name, "root"), error);
	if (code < 0)
		return code;
	if (make_directory(berth->data_root, error) < 0 || make_directory(all, error) < 0)
		return -error->code;
	do {
		code = access(spec->root_directory, F_OK) < 0 ? unpack_once(path, file, spec, error) : 0;
		if (code == 0)
			*lock = directory_lock(path, false, LOCK_SH, error);
		/* Removed again before it was ours to hold. */
	} while (code == 0 && *lock == -ENOENT);
	return code < 0 ? code : *lock < 0 ? *lock : 0;
}

int archive_hold(const struct berth *berth, struct spec *spec, int *lock, struct error *error)
{
	*lock = -1;
	if (!spec->archive)
		return 0;
	if (require_root(spec, error) < 0)
		return -error->code;
	char *tree = framework_tree(berth, spec);
	/* The framework's root, where there is one, keeps what it lies over. */
	int code = tree ? set_directory(spec, tree, error) : tree_hold(berth, spec, lock, error);
	return code < 0 ? code : find_user(spec, error);
}
