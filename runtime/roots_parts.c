/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's files for a container that an ordinary user launches. In a user namespace the kernel lets nobody look
 * under the mounts there are, and so gives no overlay of a directory with mounts below: each directory without gets a
 * layer of its own, and those above are made anew. mount_namespaces(7), "Restrictions on mount namespaces"
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/mountinfo.h"
#include "runtime/compile.h"
#include "runtime/host_mounts.h"

struct parts {
	const struct berth *berth;
	const struct spec *spec;
	struct plan *plan;
	struct error *error;
	struct mount_table table;
	struct host_mounts mounts; /* those of the table that containers see */
	size_t layers;
};

static void parts_release(struct parts *parts)
{
	mount_table_free(&parts->table);
	host_mounts_free(&parts->mounts);
}
#define cleanup_parts __attribute__((cleanup(parts_release)))

static int compile_directory(struct parts *parts, const char *path);

static bool has_mounts_below(const struct mount_table *table, const char *path)
{
	size_t length = strlen(path);
	for (size_t i = 0; i < table->count; i++)
		if (strncmp(table->entries[i].point, path, length) == 0 && table->entries[i].point[length] == '/')
			return true;
	return false;
}

static bool is_mount_point(const struct mount_table *table, const char *path)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->entries[i].point, path) == 0)
			return true;
	return false;
}

static const struct host_mount *mount_at(const struct host_mounts *mounts, const char *path)
{
	for (size_t i = 0; i < mounts->count; i++)
		if (strcmp(mounts->entries[i].path, path) == 0)
			return &mounts->entries[i];
	return NULL;
}

static int compile_link(struct parts *parts, int directory, const char *name, const char *path)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(directory, name, target, sizeof target - 1);
	if (length < 0)
		return errno == ENOENT ? 0 : error_errno(parts->error, errno, "read the link %s", path);
	target[length] = '\0';
	plan_add_symlink(parts->plan, true, target, path);
	return 0;
}

/* name: an entry of the directory, whose path is path. */
static int compile_entry(struct parts *parts, int directory, const char *name, const char *path)
{
	struct stat look;
	if (fstatat(directory, name, &look, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* gone, or not for this user to see */
	if (S_ISLNK(look.st_mode))
		return compile_link(parts, directory, name, path);
	const struct host_mount *mount = mount_at(&parts->mounts, path);
	/* Proc, sysfs and the like: a container has its own, or none. */
	bool left_out = !mount && is_mount_point(&parts->table, path);
	if (!S_ISDIR(look.st_mode)) {
		if (left_out || !(S_ISREG(look.st_mode) || mount))
			return 0;
		plan_add_file(parts->plan, true, path);
		plan_add_host_bind(parts->plan, path);
		return 0;
	}
	plan_add_mkdir(parts->plan, true, path, look.st_mode & 07777);
	if (left_out)
		return 0;
	if (has_mounts_below(&parts->table, path))
		return compile_directory(parts, path);
	if (mount && mount->bind_read_only) {
		plan_add_host_bind(parts->plan, path);
		return 0;
	}
	int code = compile_layer(parts->berth, parts->spec, parts->layers++, path, &look, true, path, parts->plan,
				 parts->error);
	/* In a directory like /tmp much comes and goes. */
	plan_optional(parts->plan);
	return code;
}

static int compile_directory(struct parts *parts, const char *path)
{
	cleanup_dir DIR *stream = opendir(path);
	/* What this user may not list it may not see. */
	if (!stream)
		return errno == EACCES || errno == ENOENT ? 0 : error_errno(parts->error, errno, "read %s", path);
	for (const struct dirent *entry; (entry = readdir(stream));) {
		cleanup_free char *below = NULL;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&below, "%s/%s", path[1] ? path : "", entry->d_name) < 0)
			return below = NULL, error_errno(parts->error, ENOMEM, "build the plan of the root");
		int code = compile_entry(parts, dirfd(stream), entry->d_name, below);
		if (code < 0)
			return code;
	}
	return 0;
}

int compile_host_parts(const struct berth *berth, const struct spec *spec, struct plan *plan, struct error *error)
{
	cleanup_parts struct parts parts = {.berth = berth, .spec = spec, .plan = plan, .error = error};
	cleanup_free char *root = NULL;
	int code = mount_table_read(NULL, &parts.table, error);
	if (code == 0)
		code = host_mounts_read(berth, &parts.mounts, error);
	if (code < 0)
		return code;
	if (asprintf(&root, "%s/root", berth->stage) < 0)
		return root = NULL, error_errno(error, ENOMEM, "build the plan of the root");
	plan_add_mount(plan, false, "tmpfs", berth->stage, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		       (const char *const[]){"mode=700", NULL});
	plan_add_mkdir(plan, false, root, 0755);
	plan_add_mount(plan, false, "tmpfs", root, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		       (const char *const[]){"mode=755", NULL});
	plan_add_root(plan, root);
	return compile_directory(&parts, "/");
}
