/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/framework.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/file.h"
#include "nsutil/base/mountinfo.h"
#include "nsutil/overlay_option.h"
#include "nsutil/plan.h"
#include "nsutil/userns.h"
#include "runtime/host_mounts.h"
#include "runtime/name.h"
#include "runtime/overlay.h"

char *framework_path(const struct berth *berth, const char *id, const char *part)
{
	char encoded[NAME_ENCODED_SIZE];
	name_encode(id, encoded);
	char *path = NULL;
	return asprintf(&path, "%s/roots/%s%s%s", berth->data_root, encoded, *part ? "/" : "", part) < 0 ? NULL : path;
}

static int make_directory(const char *path, mode_t mode, struct error *error)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return error_errno(error, errno, "make directory %s", path);
	return 0;
}

int framework_lock(const struct berth *berth, const char *id, bool make, struct error *error)
{
	cleanup_free char *roots = NULL;
	cleanup_free char *path = framework_path(berth, id, "");
	if (!path || asprintf(&roots, "%s/roots", berth->data_root) < 0)
		return error_errno(error, ENOMEM, "open framework root %s", id);
	if (make && (make_directory(berth->data_root, 0700, error) < 0 || make_directory(roots, 0700, error) < 0))
		return -error->code;
	struct stat held, there;
	for (;;) {
		if (make && make_directory(path, 0700, error) < 0)
			return -error->code;
		cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && make)
			continue;
		if (fd < 0)
			return error_errno(error, errno, "open framework root %s", id);
		if (flock(fd, LOCK_EX) < 0 || fstat(fd, &held) < 0)
			return error_errno(error, errno, "lock framework root %s", id);
		/* Who held the lock before may have removed it. */
		if (stat(path, &there) == 0 && there.st_dev == held.st_dev && there.st_ino == held.st_ino)
			return steal_fd(&fd);
	}
}

/* The ID itself: the directory's name may only hold its hash. */
static int record_id(int directory, const char *id, struct error *error)
{
	int code = faccessat(directory, "id", F_OK, 0) == 0 ? 0 : file_replace(directory, "id", id, strlen(id), 0600);
	return code < 0 ? error_errno(error, -code, "record framework root %s", id) : 0;
}

/* Remembers what the root lies over, or checks that it is the same as before. */
static int lower_check(int directory, const struct spec *spec, struct error *error)
{
	char before[PATH_MAX];
	ssize_t length = readlinkat(directory, "lower", before, sizeof before - 1);
	if (length < 0 && errno == ENOENT) {
		if (symlinkat(spec->root_directory, directory, "lower") < 0)
			return error_errno(error, errno, "record the lower directory of framework root %s",
					   spec->framework);
		return 0;
	}
	if (length < 0)
		return error_errno(error, errno, "read the lower directory of framework root %s", spec->framework);
	before[length] = '\0';
	if (strcmp(before, spec->root_directory) != 0)
		return error_set(error, EINVAL,
				 "framework root %s was made over %s, so it can't be used over %s: remove it first, or "
				 "name another",
				 spec->framework, before, spec->root_directory);
	return 0;
}

int framework_record(int directory, const struct spec *spec, struct error *error)
{
	int code = record_id(directory, spec->framework, error);
	return code < 0 ? code : lower_check(directory, spec, error);
}

bool framework_is_mounted(const char *path, struct error *error)
{
	cleanup_mount_table struct mount_table table;
	if (mount_table_read(NULL, &table, error) < 0)
		return false;
	for (size_t i = 0; i < table.count; i++)
		if (strcmp(table.entries[i].point, path) == 0)
			return true;
	return false;
}

static int mount_overlay(const struct overlay_options *options, const char *target)
{
	cleanup_fd int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0); /* only what mount tables show */
	cleanup_overlay_held struct overlay_held held = {.count = 0};
	for (char *const *option = options->list; *option; option++) {
		char *equals = strchr(*option, '=');
		cleanup_free char *key = strndup(*option, (size_t)(equals - *option));
		int code = key ? overlay_option_set(fs, key, equals + 1, &held) : -ENOMEM;
		if (code < 0)
			return code;
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	cleanup_fd int mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return mount < 0 || move_mount(mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* The directory, whole or not at all: with the owner and mode of what it lies over. */
static int make_upper(const char *upper, const char *lower, const struct host_mount *look, struct error *error)
{
	if (access(upper, F_OK) == 0)
		return 0;
	cleanup_free char *unfinished = NULL;
	if (asprintf(&unfinished, "%s.new", upper) < 0)
		return unfinished = NULL, error_errno(error, ENOMEM, "make directory %s", upper);
	int code = make_directory(unfinished, 0700, error);
	if (code == 0 && (chown(unfinished, look->uid, look->gid) < 0 || chmod(unfinished, look->mode) < 0))
		code = error_errno(error, errno, "give %s the owner and mode of %s", unfinished, lower);
	if (code == 0 && rename(unfinished, upper) < 0)
		code = error_errno(error, errno, "rename %s to %s", unfinished, upper);
	return code;
}

/* Mounts the framework's layer over lower, which is to be seen at shown, at target. The layer is found by lower's name,
 * so it is the same after a reboot. */
static int mount_layer(const struct berth *berth, const char *id, const char *lower, const char *shown,
		       const struct host_mount *look, const char *target, struct error *error)
{
	char name[NAME_ENCODED_SIZE];
	name_encode(lower, name);
	cleanup_free char *layers = framework_path(berth, id, "layers");
	cleanup_free char *layer = NULL, *upper = NULL, *work = NULL;
	if (!layers || asprintf(&layer, "%s/%s", layers, name) < 0 || asprintf(&upper, "%s/upper", layer) < 0 ||
	    asprintf(&work, "%s/work", layer) < 0)
		return error_errno(error, ENOMEM, "mount framework root %s", id);
	if (make_directory(layers, 0700, error) < 0 || make_directory(layer, 0700, error) < 0 ||
	    make_directory(work, 0700, error) < 0 || make_upper(upper, lower, look, error) < 0)
		return -error->code;
	struct overlay_options options;
	if (overlay_options_make(shown, upper, work, false, &options) < 0)
		return error_errno(error, ENOMEM, "mount framework root %s", id);
	int code = mount_overlay(&options, target);
	overlay_options_free(&options);
	return code < 0 ? error_errno(error, -code, "mount the layer of framework root %s over %s", id, lower) : 0;
}

static int bind_host(const char *id, const char *path, const char *target, struct error *error)
{
	cleanup_fd int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &read_only, sizeof read_only) < 0 ||
	    move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(error, errno, "bind %s into framework root %s", path, id);
	return 0;
}

static int mount_host_below(const struct berth *berth, const char *id, const char *root, struct error *error)
{
	cleanup_host_mounts struct host_mounts mounts;
	int code = host_mounts_read(berth, &mounts, error);
	for (size_t i = 0; i < mounts.count && code == 0; i++) {
		const struct host_mount *mount = &mounts.entries[i];
		cleanup_free char *target = NULL;
		if (asprintf(&target, "%s%s", root, mount->path) < 0)
			return error_errno(error, ENOMEM, "mount framework root %s", id);
		code = mount->bind_read_only ? bind_host(id, mount->path, target, error)
					     : mount_layer(berth, id, mount->path, mount->path, mount, target, error);
		/* One that has gone since the mounts were listed is done without. */
		if (code == -ENOENT && access(mount->path, F_OK) < 0)
			code = 0;
	}
	return code;
}

static void unmount_all(const char *path)
{
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
}

/* What the root lies over, with its ids shifted, at shown. */
static int show_shifted(const struct spec *spec, const char *shown, struct error *error)
{
	cleanup_userns struct userns userns = USERNS_INIT;
	if (make_directory(shown, 0700, error) < 0 || userns_make(&spec->maps, 0, &userns, error) < 0)
		return -error->code;
	struct mount_attr shift = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns.fd};
	cleanup_fd int tree = open_tree(AT_FDCWD, spec->root_directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &shift, sizeof shift) < 0) {
		error_errno(error, errno, "show %s with its ids shifted", spec->root_directory);
		if (error->code == EINVAL)
			plan_hint_idmapped(spec->root_directory, error);
		return -error->code;
	}
	/* What a launch that was killed left. */
	unmount_all(shown);
	if (move_mount(tree, "", AT_FDCWD, shown, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(error, errno, "mount %s on %s", spec->root_directory, shown);
	return 0;
}

/* All of the root's mounts, at root. */
static int mount_root(const struct berth *berth, const struct spec *spec, const char *root, struct error *error)
{
	const char *id = spec->framework, *lower = spec->root_directory;
	bool host = strcmp(lower, "/") == 0, shifted = spec_is_shifted(spec) && !host;
	struct stat status;
	if (make_directory(root, 0755, error) < 0)
		return -error->code;
	if (stat(lower, &status) < 0)
		return error_errno(error, errno, "look at %s", lower);
	struct host_mount look = {.mode = status.st_mode & 07777, .uid = status.st_uid, .gid = status.st_gid};
	cleanup_free char *shown = shifted ? framework_path(berth, id, "lower.shown") : NULL;
	if (shifted && !shown)
		return error_errno(error, ENOMEM, "mount framework root %s", id);
	if (shifted) {
		look.uid = id_map_shift(&spec->maps.uids, look.uid);
		look.gid = id_map_shift(&spec->maps.gids, look.gid);
	}
	int code = shifted ? show_shifted(spec, shown, error) : 0;
	if (code == 0)
		code = mount_layer(berth, id, lower, shifted ? shown : lower, &look, root, error);
	/* The overlay has a mount of its own of it. */
	if (shifted)
		unmount_all(shown);
	if (code == 0 && host)
		code = mount_host_below(berth, id, root, error);
	if (code < 0)
		umount2(root, MNT_DETACH);
	return code;
}

/* A file that is there while mounts are being made tells of a launch that died in between: then they are made anew. */
static const char mounting[] = "mounting";

static int mount_once(const struct berth *berth, int directory, const struct spec *spec, const char *root,
		      struct error *error)
{
	bool half_done = faccessat(directory, mounting, F_OK, 0) == 0;
	error->code = 0;
	if (!half_done && framework_is_mounted(root, error))
		return 0;
	if (error->code)
		return -error->code;
	if (half_done)
		unmount_all(root);
	int code = half_done ? 0 : file_create(directory, mounting, NULL, 0);
	if (code < 0)
		return error_errno(error, -code, "mount framework root %s", spec->framework);
	code = mount_root(berth, spec, root, error);
	unlinkat(directory, mounting, 0);
	return code;
}

int framework_mount(const struct berth *berth, const struct spec *spec, struct error *error)
{
	const char *id = spec->framework;
	cleanup_fd int directory = framework_lock(berth, id, true, error);
	if (directory < 0)
		return directory;
	int code = framework_record(directory, spec, error);
	if (code == 0)
		code = framework_ids_settle(directory, spec, error);
	if (code < 0)
		return code;
	cleanup_free char *root = framework_path(berth, id, "root");
	if (!root)
		return error_errno(error, ENOMEM, "mount framework root %s", id);
	return mount_once(berth, directory, spec, root, error);
}
