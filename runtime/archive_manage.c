/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacked archives, for those who keep house. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/archive.h"
#include "runtime/state.h"
#include "runtime/tree.h"

/* Whether the root of a framework lies over the tree: 1, 0 or -errno; who says which. */
static int framework_over(const struct berth *berth, const char *tree, char *who, size_t size)
{
	cleanup_free char *roots = NULL;
	if (asprintf(&roots, "%s/roots", berth->data_root) < 0)
		return roots = NULL, -ENOMEM;
	cleanup_dir DIR *stream = opendir(roots);
	if (!stream)
		return errno == ENOENT ? 0 : -errno;
	for (const struct dirent *entry; (entry = readdir(stream));) {
		char link[NAME_MAX + sizeof "/lower"], lower[PATH_MAX];
		snprintf(link, sizeof link, "%s/lower", entry->d_name);
		ssize_t length = readlinkat(dirfd(stream), link, lower, sizeof lower - 1);
		if (length < 0)
			continue;
		lower[length] = '\0';
		if (strcmp(lower, tree) == 0)
			return snprintf(who, size, "%s", entry->d_name), 1;
	}
	return 0;
}

/* -EBUSY, and who, for a tree that a container or a framework's root needs. */
static int require_unused(const struct berth *berth, const char *name, const char *tree, struct error *error)
{
	char who[NAME_MAX + 1];
	int over = framework_over(berth, tree, who, sizeof who);
	if (over > 0)
		return error_set(error, EBUSY, "archive root %s lies below the root of framework %s: remove that first",
				 name, who);
	return over < 0 ? error_errno(error, -over, "look for what uses archive root %s", name)
			: state_directory_in_use(berth, tree, error);
}

int archive_remove(const struct berth *berth, const char *name, struct error *error)
{
	cleanup_free char *path = NULL, *tree = NULL;
	if (!*name || strchr(name, '/') || *name == '.')
		return error_set(error, ENOENT, "there is no archive root '%s': see berth root ls", name);
	if (asprintf(&path, "%s/archives/%s", berth->data_root, name) < 0 || asprintf(&tree, "%s/root", path) < 0)
		return error_errno(error, ENOMEM, "remove archive root %s", name);
	cleanup_fd int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return error_errno(error, errno, "open archive root %s", name);
	if (flock(directory, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, EBUSY, "archive root %s is being unpacked, or launched over", name);
	int code = require_unused(berth, name, tree, error);
	if (code < 0)
		return code;
	code = tree_remove(path);
	return code < 0 ? error_errno(error, -code, "remove %s", path) : 0;
}

static int tell_archive(const struct berth *berth, int parent, const char *name, bool sizes,
			void (*tell)(const struct berth_root *root, void *data), void *data, struct error *error)
{
	char link[NAME_MAX + sizeof "/source"], tree_name[NAME_MAX + sizeof "/root"], source[PATH_MAX],
		who[NAME_MAX + 1];
	snprintf(link, sizeof link, "%s/source", name);
	snprintf(tree_name, sizeof tree_name, "%s/root", name);
	ssize_t length = readlinkat(parent, link, source, sizeof source - 1);
	/* One that is being unpacked or removed is passed over. */
	if (length < 0 || faccessat(parent, tree_name, F_OK, 0) < 0)
		return 0;
	source[length] = '\0';
	cleanup_free char *id = NULL, *tree = NULL;
	if (asprintf(&id, ARCHIVE_PREFIX "%s", name) < 0 ||
	    asprintf(&tree, "%s/archives/%s/root", berth->data_root, name) < 0)
		return error_errno(error, ENOMEM, "list the archive roots");
	struct error ignored = {0};
	struct berth_root root = {
		.size = sizeof root,
		.framework = id,
		.lower = source,
		.path = tree,
		.used = state_directory_in_use(berth, tree, &ignored) == -EBUSY ||
			framework_over(berth, tree, who, sizeof who) > 0,
		.bytes = sizes ? tree_bytes(parent, tree_name) : UINT64_MAX,
		.archive = true,
	};
	tell(&root, data);
	return 0;
}

int archive_list(struct berth *berth, bool sizes, void (*tell)(const struct berth_root *root, void *data), void *data,
		 struct error *error)
{
	cleanup_free char *archives = NULL;
	if (asprintf(&archives, "%s/archives", berth->data_root) < 0)
		return archives = NULL, error_errno(error, ENOMEM, "list the archive roots");
	cleanup_dir DIR *stream = opendir(archives);
	if (!stream)
		return errno == ENOENT ? 0 : error_errno(error, errno, "read %s", archives);
	for (const struct dirent *entry; (entry = readdir(stream));)
		if (entry->d_name[0] != '.' &&
		    tell_archive(berth, dirfd(stream), entry->d_name, sizes, tell, data, error) < 0)
			return -error->code;
	return 0;
}
