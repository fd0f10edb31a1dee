/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts are made apart from the tree and then moved onto a descriptor, so that no path is walked twice: fsopen(2),
 * open_tree(2), move_mount(2). */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/carry/carry.h"
#include "nsutil/overlay_option.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* From <sys/mount.h>, which does not go together with <linux/mount.h>. */
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
#define MNT_DETACH 2
#define UMOUNT_NOFOLLOW 8

static int set_attributes(int fd, uint64_t attributes, int recursive)
{
	struct mount_attr set = {.attr_set = attributes};
	int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
	return attributes && syscall(SYS_mount_setattr, fd, "", flags, &set, sizeof set) < 0 ? -errno : 0;
}

/* A link is not followed. */
static int attach_to(int mount, int directory, const char *name)
{
	int flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
	return syscall(SYS_move_mount, mount, "", directory, name, flags) < 0 ? -errno : 0;
}

static int attach(const struct carrier *carrier, const struct plan_step *step, int mount, const char *target)
{
	cleanup_fd int place = path_open(carrier, step, target);
	if (place < 0)
		return place;
	return path_strays(carrier, step, target, place) ? -ELOOP : attach_to(mount, place, "");
}

/* At text2. Keeps the mount, if the step says so. */
static int attach_and_hold(struct carrier *carrier, const struct plan_step *step, int *mount)
{
	int code = attach(carrier, step, *mount, step_text2(carrier, step));
	if (code < 0 || !(step->flags & PLAN_HOLD))
		return code;
	if (carrier->n_held == PLAN_HELD_MOST)
		return -E2BIG;
	carrier->held[carrier->n_held++] = (struct held){steal_fd(mount), step_text2(carrier, step)};
	return 0;
}

static int propagation_cut(int directory, const char *path, int flags)
{
	struct mount_attr private = {.propagation = MS_PRIVATE};
	return syscall(SYS_mount_setattr, directory, path, flags, &private, sizeof private) < 0 ? -errno : 0;
}

/* option: "key=value" or "flag" */
static int configure(int fs, const char *option, struct overlay_held *held)
{
	const char *equals = strchr(option, '=');
	if (!equals)
		return syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option, NULL, 0) < 0 ? -errno : 0;
	/* No heap: musl would map a page for it and unmap it again. */
	char key[64] = "";
	if ((size_t)(equals - option) >= sizeof key)
		return -EINVAL;
	memcpy(key, option, (size_t)(equals - option));
	if (overlay_option_is_path(key))
		return overlay_option_set(fs, key, equals + 1, held);
	return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, equals + 1, 0) < 0 ? -errno : 0;
}

static int make_mount(struct carrier *carrier, const struct plan_step *step)
{
	cleanup_fd int fs = (int)syscall(SYS_fsopen, step_text(carrier, step), FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	/* What mount tables and df(1) show for the device. */
	syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", step_text(carrier, step), 0);
	cleanup_overlay_held struct overlay_held held = {.count = 0};
	const char *option = carry_bytes(carrier, step->list);
	for (uint32_t i = 0; i < step->list_count; i++, option += strlen(option) + 1) {
		int code = configure(fs, option, &held);
		if (code < 0)
			return code;
	}
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	cleanup_fd int mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned int)step->n[0]);
	if (mount < 0)
		return -errno;
	return attach_and_hold(carrier, step, &mount);
}

/* The attributes that mount(2) knows by the same bits, and sets for the mount alone, not for its file system. */
enum { FLAGS_TOO = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
_Static_assert(FLAGS_TOO == (MS_NOSUID | MS_NODEV | MS_NOEXEC), "attributes are other bits than flags");

/* mount(2) takes two thirds of the time that a new mount takes else, but a path: for where no name leads elsewhere. */
static bool mounts_by_name(const struct plan_step *step)
{
	return step->flags & PLAN_IN_HELD && !(step->flags & PLAN_HOLD) && !(step->n[0] & ~(uint64_t)FLAGS_TOO);
}

static int make_mount_by_name(const struct carrier *carrier, const struct plan_step *step)
{
	cleanup_place struct place place = path_place(carrier, step, step_text2(carrier, step));
	if (place.fd < 0 || fchdir(place.fd) < 0)
		return place.fd < 0 ? place.fd : -errno;
	char options[256] = "";
	size_t used = 0;
	const char *option = carry_bytes(carrier, step->list), *type = step_text(carrier, step);
	for (uint32_t i = 0; i < step->list_count; i++, option += strlen(option) + 1) {
		size_t length = strlen(option);
		if (used + 1 + length >= sizeof options)
			return -E2BIG;
		if (i > 0)
			options[used++] = ',';
		memcpy(options + used, option, length + 1);
		used += length;
	}
	return mount(type, place.name, type, step->n[0], used ? options : NULL) < 0 ? -errno : 0;
}

int step_mount(struct carrier *carrier, const struct plan_step *step)
{
	int code = mounts_by_name(step) ? make_mount_by_name(carrier, step) : make_mount(carrier, step);
	return code == -ENOENT && step->flags & PLAN_OPTIONAL ? 0 : code;
}

static int shift_ids(const struct carrier *carrier, int tree, int recursive)
{
	struct mount_attr set = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)carrier->userns};
	int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
	return syscall(SYS_mount_setattr, tree, "", flags, &set, sizeof set) < 0 ? -errno : 0;
}

/* A mount of its own of what a BIND or DEVICE shows. -errno */
static int source_open(const struct carrier *carrier, const struct plan_step *step)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	const char *path = step_text(carrier, step);
	int tree;
	if (step->op == PLAN_DEVICE) {
		struct stat status;
		cleanup_fd int node = path_open_unlinked(path);
		if (node < 0 || fstat(node, &status) < 0)
			return node < 0 ? node : -errno;
		if ((status.st_mode & S_IFMT) != step->n[0] ||
		    status.st_rdev != makedev((unsigned int)step->n[1], (unsigned int)step->n[2]))
			return -ENODEV;
		tree = (int)syscall(SYS_open_tree, node, "", flags | AT_EMPTY_PATH);
	} else {
		flags |= step->flags & PLAN_RECURSIVE ? AT_RECURSIVE : 0;
		tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, flags);
	}
	return tree < 0 ? -errno : tree;
}

static int source_take(struct carrier *carrier, const struct plan_step *step)
{
	return carrier->n_taken < carrier->n_sources ? carrier->sources[carrier->n_taken++]
						     : source_open(carrier, step);
}

/* Opens those of all steps up to the pivot. -EINVAL: one is in a mount that is unbindable. */
static int sources_open(struct carrier *carrier)
{
	const struct plan_step *step = &carrier->plan.steps[carrier->current];
	for (; step->op != PLAN_PIVOT && !plan_op_is_last(step->op); step++) {
		if (step->op != PLAN_BIND && step->op != PLAN_DEVICE)
			continue;
		int tree = source_open(carrier, step);
		if (tree == -ENOENT && step->flags & PLAN_OPTIONAL) {
			carrier->sources[carrier->n_sources++] = tree;
			continue;
		}
		int code = tree < 0 ? tree : propagation_cut(tree, "", AT_EMPTY_PATH | AT_RECURSIVE);
		if (code < 0) {
			/* It is that step which failed. */
			carrier->current = (uint32_t)(step - carrier->plan.steps);
			return code;
		}
		carrier->sources[carrier->n_sources++] = tree;
	}
	return 0;
}

/*
 * A clone's mount namespace is a copy of its parent's: of mounts that are all unmounted again, be they 30 or 3000. So
 * what is needed of them is taken along, each in a mount of its own, into a copy of one that is empty.
 */
static int leave_for_blank(struct carrier *carrier)
{
	uint32_t current = carrier->current;
	int code = sources_open(carrier);
	/* Unbindable mounts can be bound once they are private, in a copy. mount_namespaces(7) */
	if (code < 0 && code != -EINVAL)
		return code;
	/* setns(2) asks for CAP_SYS_CHROOT too. */
	bool copies = code < 0 || setns(carrier->blank, CLONE_NEWNS) < 0;
	if (copies) {
		carrier->current = current;
		while (carrier->n_sources > 0)
			close(carrier->sources[--carrier->n_sources]);
	}
	close(carrier->blank);
	carrier->in_blank = !copies;
	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	return copies ? propagation_cut(AT_FDCWD, "/", AT_RECURSIVE) : 0;
}

int step_private(struct carrier *carrier, const struct plan_step *step)
{
	(void)step;
	return carrier->blank >= 0 ? leave_for_blank(carrier) : propagation_cut(AT_FDCWD, "/", AT_RECURSIVE);
}

int step_bind(struct carrier *carrier, const struct plan_step *step)
{
	int recursive = step->flags & PLAN_RECURSIVE;
	cleanup_fd int tree = source_take(carrier, step);
	int code = tree < 0 ? tree : set_attributes(tree, step->n[0], recursive);
	if (code == 0 && step->flags & PLAN_IDMAPPED)
		code = shift_ids(carrier, tree, recursive);
	if (code == 0)
		code = attach_and_hold(carrier, step, &tree);
	return code == -ENOENT && step->flags & PLAN_OPTIONAL ? 0 : code;
}

int step_unmount(struct carrier *carrier, const struct plan_step *step)
{
	/* Mounts may be stacked; EINVAL says that the last is gone. */
	while (umount2(step_text(carrier, step), MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	return errno == EINVAL || errno == ENOENT ? 0 : -errno;
}

int step_attributes(struct carrier *carrier, const struct plan_step *step)
{
	cleanup_fd int place = path_open(carrier, step, step_text(carrier, step));
	return place < 0 ? place : set_attributes(place, step->n[0], step->flags & PLAN_RECURSIVE);
}

/* A mount of its own of what is there, with the attributes, laid over the place. */
static int cover(int directory, const char *name, uint64_t attributes, const struct place *place)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH | AT_NO_AUTOMOUNT |
			     AT_SYMLINK_NOFOLLOW;
	cleanup_fd int tree = (int)syscall(SYS_open_tree, directory, name, flags);
	if (tree < 0)
		return -errno;
	int code = set_attributes(tree, attributes, 1);
	return code < 0 ? code : attach_to(tree, place->fd, place->name);
}

int step_read_only(struct carrier *carrier, const struct plan_step *step)
{
	cleanup_place struct place place = path_place(carrier, step, step_text(carrier, step));
	int code = place.fd < 0 ? place.fd : cover(place.fd, place.name, MOUNT_ATTR_RDONLY, &place);
	return code == -ENOENT ? 0 : code;
}

/* The null device that files are masked with, looked at once: nothing else may be put over a secret. */
static int null_hold(struct carrier *carrier, const struct plan_step *step)
{
	if (carrier->null >= 0)
		return 0;
	struct stat status;
	cleanup_fd int null = path_open(carrier, step, "/dev/null");
	if (null < 0 || fstat(null, &status) < 0)
		return null < 0 ? null : -errno;
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
		return -ENODEV;
	carrier->null = steal_fd(&null);
	return 0;
}

/*
 * Lays the directory over it that the plan names. Where that names none: over the first one a file system that is made
 * for this, and over those after it the same one.
 */
static int mask_directory(struct carrier *carrier, const struct plan_step *step, const struct place *place)
{
	const char *empty = step_text2(carrier, step);
	if (*empty) {
		cleanup_place struct place there = path_place(carrier, step, empty);
		return there.fd < 0 ? there.fd : cover(there.fd, there.name, 0, place);
	}
	if (carrier->empty >= 0)
		return cover(carrier->empty, "", 0, place);
	cleanup_fd int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", "tmpfs", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", "4k", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	unsigned int attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	cleanup_fd int mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
	int code = mount < 0 ? -errno : attach_to(mount, place->fd, place->name);
	if (code == 0)
		carrier->empty = steal_fd(&mount);
	return code;
}

int step_mask(struct carrier *carrier, const struct plan_step *step)
{
	struct stat status;
	cleanup_place struct place place = path_place(carrier, step, step_text(carrier, step));
	int flags = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW;
	int code = place.fd < 0 || fstatat(place.fd, place.name, &status, flags) == 0 ? place.fd : -errno;
	if (code < 0)
		return code == -ENOENT ? 0 : code;
	if (S_ISDIR(status.st_mode))
		return mask_directory(carrier, step, &place);
	code = null_hold(carrier, step);
	return code < 0 ? code : cover(carrier->null, "", 0, &place);
}

/* Read-only, so that nobody inside changes the owner or mode of the host's node: that keeps no device from being
 * written. */
int step_device(struct carrier *carrier, const struct plan_step *step)
{
	cleanup_fd int tree = source_take(carrier, step);
	int code = tree < 0 ? tree : set_attributes(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0);
	return code < 0 ? code : attach(carrier, step, tree, step_text2(carrier, step));
}

int step_root(struct carrier *carrier, const struct plan_step *step)
{
	carrier->root = open(step_text(carrier, step), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return carrier->root < 0 ? -errno : 0;
}

/*
 * Over the root of the empty namespace, which may stay: there is nothing in it. Its place is the root of what it
 * covers, so no ".." leads out of the new root, not even from outside of a chroot; and who enters the namespace gets
 * there. The usual way waits for all processors when the old root is detached, and pivot_root(2) looks at every task
 * there is.
 */
static int cover_root(void)
{
	return syscall(SYS_move_mount, AT_FDCWD, ".", AT_FDCWD, "/", 0) < 0 || chroot(".") < 0 ? -errno : 0;
}

/* With both arguments ".", the old root ends up mounted over the new one, and the cwd is in it. pivot_root(2), NOTES */
static int exchange_root(void)
{
	return syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ? -errno : 0;
}

int step_pivot(struct carrier *carrier, const struct plan_step *step)
{
	bool covers = carrier->in_blank && step->flags & PLAN_COVER;
	while (carrier->n_held > 0)
		close(carrier->held[--carrier->n_held].fd);
	cleanup_fd_(&carrier->null);
	cleanup_fd_(&carrier->empty);
	carrier->null = carrier->empty = -1;
	int code = fchdir(carrier->root) < 0 ? -errno : covers ? cover_root() : exchange_root();
	return code == 0 && chdir("/") < 0 ? -errno : code;
}
