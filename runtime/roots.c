/* SPDX-License-Identifier: Apache-2.0 */
/* The root kinds, each as steps of a plan. */
#include <errno.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/compile.h"
#include "runtime/framework.h"
#include "runtime/host_mounts.h"
#include "runtime/overlay.h"

static int no_memory(struct error *error)
{
	return error_errno(error, ENOMEM, "build the plan of the root");
}

/* What one bind makes: the directory with all that is mounted below, on the stage. */
static void compile_bound(const struct berth *berth, const char *directory, bool shifted, struct plan *plan)
{
	(shifted ? plan_add_idmapped_bind : plan_add_bind)(plan, false, directory, berth->stage, 0, true);
	plan_add_root(plan, berth->stage);
}

/* The host's own tree, but for what the container gets anew: the host's would be there still, under the container's. */
static int compile_host_rw(const struct berth *berth, struct plan *plan, struct error *error)
{
	static const char *const anew[] = {"proc", "sys", "dev"};
	plan_add_bind(plan, false, "/", berth->stage, 0, true);
	for (size_t i = 0; i < sizeof anew / sizeof *anew; i++) {
		cleanup_free char *path = NULL;
		if (asprintf(&path, "%s/%s", berth->stage, anew[i]) < 0)
			return no_memory(error);
		plan_add_unmount(plan, path);
	}
	plan_add_root(plan, berth->stage);
	return 0;
}

/* The directory that is to look as the lower one does. */
static void compile_upper(const struct spec *spec, const char *upper, const struct stat *look, struct plan *plan)
{
	/* Root inside has it all: who owns the lower one is nobody there. */
	if (spec->rootless || (!look->st_uid && !look->st_gid && !spec_is_shifted(spec)))
		plan_add_mkdir(plan, false, upper, look->st_mode & 07777);
	else
		plan_add_owned_mkdir(plan, false, upper, look->st_mode & 07777, look->st_uid, look->st_gid);
}

int compile_layer(const struct berth *berth, const struct spec *spec, size_t i, const char *lower,
		  const struct stat *look, bool in_root, const char *target, struct plan *plan, struct error *error)
{
	cleanup_free char *upper = NULL, *work = NULL;
	if (asprintf(&upper, "%s/upper%zu", berth->stage, i) < 0 || asprintf(&work, "%s/work%zu", berth->stage, i) < 0)
		return no_memory(error);
	struct overlay_options options;
	if (overlay_options_make(lower, upper, work, spec->rootless, &options) < 0)
		return no_memory(error);
	compile_upper(spec, upper, look, plan);
	plan_add_mkdir(plan, false, work, 0700);
	plan_add_mount(plan, in_root, "overlay", target, 0, (const char *const *)options.list);
	overlay_options_free(&options);
	return 0;
}

/* The same for what is mounted on the host: overlay shows one file system at a time. */
static int compile_host_mounts(const struct berth *berth, const struct spec *spec, struct plan *plan,
			       struct error *error)
{
	cleanup_host_mounts struct host_mounts mounts;
	int code = host_mounts_read(berth, &mounts, error);
	for (size_t i = 0; i < mounts.count && code == 0; i++) {
		const struct host_mount *mount = &mounts.entries[i];
		struct stat look = {.st_mode = mount->mode, .st_uid = mount->uid, .st_gid = mount->gid};
		if (mount->bind_read_only)
			plan_add_host_bind(plan, mount->path);
		else
			code = compile_layer(berth, spec, i + 1, mount->path, &look, true, mount->path, plan, error);
	}
	return code;
}

/* shifted: what is below is shown by a mount of its own, for overlay can't shift ids itself. */
static int compile_throw_away(const struct berth *berth, const struct spec *spec, const char *directory, bool shifted,
			      struct plan *plan, struct error *error)
{
	struct stat look = {.st_mode = S_IFDIR | 0755};
	/* A plan may be made before an archive has been unpacked. */
	if (stat(directory, &look) < 0 && !(spec->archive && errno == ENOENT))
		return error_errno(error, errno, "root %s", directory);
	cleanup_free char *root = NULL, *lower = NULL;
	if (asprintf(&root, "%s/root", berth->stage) < 0 || asprintf(&lower, "%s/lower", berth->stage) < 0)
		return no_memory(error);
	plan_add_mount(plan, false, "tmpfs", berth->stage, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		       (const char *const[]){"mode=700", NULL});
	plan_add_mkdir(plan, false, root, 0755);
	if (shifted) {
		plan_add_mkdir(plan, false, lower, 0700);
		plan_add_idmapped_bind(plan, false, directory, lower, 0, false);
		look.st_uid = id_map_shift(&spec->maps.uids, look.st_uid);
		look.st_gid = id_map_shift(&spec->maps.gids, look.st_gid);
	}
	int code = compile_layer(berth, spec, 0, shifted ? lower : directory, &look, false, root, plan, error);
	plan_add_root(plan, root);
	return code;
}

/* The records and layers of others are nobody's business inside a root that shows where they are on the host. */
static void compile_own_mask(const struct spec *spec, const char *own, struct plan *plan)
{
	const char *shown = spec_root_is_host(spec) ? "/" : spec->root_directory;
	size_t length = shown ? strlen(shown) : 0;
	while (length > 0 && shown[length - 1] == '/')
		length--;
	if (shown && strncmp(own, shown, length) == 0 && own[length] == '/')
		plan_add_mask(plan, own + length, NULL);
}

int compile_root(const struct berth *berth, const struct spec *spec, struct plan *plan, struct error *error)
{
	int code = 0;
	switch (spec->root_kind) {
	case ROOT_HOST:
		if (spec->rootless) {
			code = compile_host_parts(berth, spec, plan, error);
			break;
		}
		code = compile_throw_away(berth, spec, "/", false, plan, error);
		if (code == 0)
			code = compile_host_mounts(berth, spec, plan, error);
		break;
	case ROOT_HOST_RW:
		code = compile_host_rw(berth, plan, error);
		break;
	case ROOT_DIRECTORY:
		compile_bound(berth, spec->root_directory, spec_is_shifted(spec), plan);
		break;
	case ROOT_OVERLAY:
		code = compile_throw_away(berth, spec, spec->root_directory, spec_is_shifted(spec), plan, error);
		break;
	case ROOT_FRAMEWORK: {
		cleanup_free char *root = framework_path(berth, spec->framework, "root");
		if (!root)
			return no_memory(error);
		compile_bound(berth, root, false, plan);
		break;
	}
	}
	if (code == 0) {
		compile_own_mask(spec, berth->state_root, plan);
		compile_own_mask(spec, berth->data_root, plan);
	}
	return code;
}
