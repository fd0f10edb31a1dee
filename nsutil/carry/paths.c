/* SPDX-License-Identifier: Apache-2.0 */
/* Paths inside a root that may be hostile: every component is resolved by the kernel without leaving the root. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/carry/carry.h"

enum { RESOLVE_TRIES = 1000 };

/* The mount held that the path, as the plan has it, lies in; *inside is the path from there. -1: none */
static int held_find(const struct carrier *carrier, const char *path, const char **inside)
{
	for (uint32_t i = 0; i < carrier->n_held; i++) {
		size_t length = strlen(carrier->held[i].target);
		if (strncmp(path, carrier->held[i].target, length) == 0 && (path[length] == '/' || !path[length])) {
			*inside = path[length] ? path + length : "/";
			return carrier->held[i].fd;
		}
	}
	return -1;
}

static int open_below(const struct carrier *carrier, const struct plan_step *step, const char *path, uint64_t flags)
{
	int directory = AT_FDCWD;
	struct open_how how = {.flags = flags | O_PATH | O_CLOEXEC};
	if (step->flags & PLAN_IN_ROOT) {
		directory = carrier->root;
		/* A magic link (/proc/PID/root) would lead out of any root. */
		how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	}
	if (step->flags & PLAN_IN_HELD && (directory = held_find(carrier, path, &path)) < 0)
		return -EINVAL;
	int fd;
	/* EAGAIN: something on the machine was renamed or mounted while ".." was resolved; bounded, for it may be done
	 * to us on purpose. */
	for (int tries = 0; (fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how)) < 0; tries++)
		if (errno != EAGAIN || tries == RESOLVE_TRIES)
			return -errno;
	return fd;
}

/* Whether it is found at the same place from the mount held that it names. */
static bool is_where_it_says(const struct carrier *carrier, const struct plan_step *step, const char *path,
			     const struct stat *found)
{
	struct stat held;
	const struct plan_step inside = {.flags = step->flags | PLAN_IN_HELD};
	cleanup_fd int fd = open_below(carrier, &inside, path, 0);
	return fd >= 0 && fstat(fd, &held) == 0 && held.st_dev == found->st_dev && held.st_ino == found->st_ino;
}

bool path_strays(const struct carrier *carrier, const struct plan_step *step, const char *path, int place)
{
	struct stat found, held;
	if (!(step->flags & PLAN_IN_ROOT) || step->flags & PLAN_IN_HELD || fstat(place, &found) < 0)
		return false;
	for (uint32_t i = 0; i < carrier->n_held; i++)
		if (fstat(carrier->held[i].fd, &held) == 0 && held.st_dev == found.st_dev)
			return !is_where_it_says(carrier, step, path, &found);
	return false;
}

int path_open(const struct carrier *carrier, const struct plan_step *step, const char *path)
{
	return open_below(carrier, step, path, 0);
}

struct place path_place(const struct carrier *carrier, const struct plan_step *step, const char *path)
{
	const char *inside;
	int held = step->flags & PLAN_IN_HELD ? held_find(carrier, path, &inside) : -1;
	if (held >= 0)
		return (struct place){.fd = held, .name = inside + 1, .borrowed = true};
	return (struct place){.fd = path_open(carrier, step, path), .name = ""};
}

int path_open_unlinked(const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
	return fd < 0 ? -errno : fd;
}

static size_t without_slashes(const char *path, size_t length)
{
	while (length > 0 && path[length - 1] == '/')
		length--;
	return length;
}

/* How much of the first length bytes of path is left without their last component, and the slashes before it. */
static size_t without_component(const char *path, size_t length)
{
	length = without_slashes(path, length);
	while (length > 0 && path[length - 1] != '/')
		length--;
	return without_slashes(path, length);
}

/* Opens the directory that is named by the first length bytes of path. */
static int open_directory(const struct carrier *carrier, const struct plan_step *step, const char *path, size_t length,
			  char part[PATH_MAX])
{
	if (length == 0)
		return open_below(carrier, step, path[0] == '/' ? "/" : ".", O_DIRECTORY);
	memcpy(part, path, length);
	part[length] = '\0';
	return open_below(carrier, step, part, O_DIRECTORY);
}

/* The mount held whose root the path lies right in, with the path's last component copied to name; or -1. */
static int parent_held(const struct carrier *carrier, const struct plan_step *step, const char *path,
		       char name[NAME_MAX + 1])
{
	int held = step->flags & PLAN_IN_HELD ? held_find(carrier, path, &path) : -1;
	size_t length = held >= 0 ? strlen(path + 1) : 0;
	if (length == 0 || length > NAME_MAX || strchr(path + 1, '/'))
		return -1;
	memcpy(name, path + 1, length + 1);
	return held;
}

/*
 * The directory that holds what path names, made if missing, and path's last component, without slashes, in name. A
 * link put in place of a component at any moment is followed inside the root at the most, and mkdirat does not follow
 * one. fd: -errno
 */
static struct place parent_open(const struct carrier *carrier, const struct plan_step *step, const char *path,
				char name[NAME_MAX + 1])
{
	int held = parent_held(carrier, step, path, name);
	if (held >= 0)
		return (struct place){.fd = held, .borrowed = true};
	size_t end = without_slashes(path, strlen(path));
	size_t parent = without_component(path, end);
	size_t start = parent + strspn(path + parent, "/");
	if (start == end)
		return (struct place){.fd = -EINVAL};
	if (end - start > NAME_MAX || parent >= PATH_MAX)
		return (struct place){.fd = -ENAMETOOLONG};
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';

	char part[PATH_MAX];
	size_t found = parent;
	int fd = open_directory(carrier, step, path, found, part);
	/* Back to what is there, then forth again. */
	for (; fd == -ENOENT && found > 0; fd = open_directory(carrier, step, path, found, part))
		found = without_component(path, found);
	while (fd >= 0 && found < parent) {
		size_t next = found + strspn(path + found, "/");
		found = next + strcspn(path + next, "/");
		memcpy(part, path, found);
		part[found] = '\0';
		int made = mkdirat(fd, part + next, 0755) < 0 && errno != EEXIST ? -errno : 0;
		close(fd);
		fd = made < 0 ? made : open_directory(carrier, step, path, found, part);
	}
	return (struct place){.fd = fd};
}

int step_mkdir(struct carrier *carrier, const struct plan_step *step)
{
	const char *path = step_text(carrier, step);
	char name[NAME_MAX + 1];
	/* What lies right in a mount held is made without a look: it is new, and mostly there is none yet. */
	cleanup_fd int there =
		parent_held(carrier, step, path, name) < 0 ? open_below(carrier, step, path, O_DIRECTORY) : -ENOENT;
	if (there >= 0)
		return 0;
	if (there != -ENOENT)
		return there;
	cleanup_place struct place parent = parent_open(carrier, step, path, name);
	if (parent.fd < 0)
		return parent.fd;
	if (mkdirat(parent.fd, name, (mode_t)step->n[0]) < 0)
		return errno == EEXIST ? 0 : -errno;
	uid_t owner = (uid_t)step->n[1];
	gid_t group = (gid_t)step->n[2];
	return step->flags & PLAN_OWNED && fchownat(parent.fd, name, owner, group, AT_SYMLINK_NOFOLLOW) < 0 ? -errno
													    : 0;
}

/*
 * A directory that is shown with ids shifted has no place for files of the host's root. The kernel takes the rights
 * over files away with fsuid 0, though not for good. capabilities(7), "Effect of user ID changes on capabilities"
 */
int step_owner(struct carrier *carrier, const struct plan_step *step)
{
	(void)carrier;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	setfsgid((gid_t)step->n[1]);
	setfsuid((uid_t)step->n[0]);
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted;
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int step_file(struct carrier *carrier, const struct plan_step *step)
{
	const char *path = step_text(carrier, step);
	cleanup_fd int there = open_below(carrier, step, path, 0);
	if (there >= 0)
		return 0;
	char name[NAME_MAX + 1];
	cleanup_place struct place parent = parent_open(carrier, step, path, name);
	if (parent.fd < 0)
		return parent.fd;
	cleanup_fd int fd = openat(parent.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 && errno != EEXIST ? -errno : 0;
}

int step_symlink(struct carrier *carrier, const struct plan_step *step)
{
	char name[NAME_MAX + 1];
	cleanup_place struct place parent = parent_open(carrier, step, step_text2(carrier, step), name);
	if (parent.fd < 0)
		return parent.fd;
	return symlinkat(step_text(carrier, step), parent.fd, name) < 0 ? -errno : 0;
}

int step_mknod(struct carrier *carrier, const struct plan_step *step)
{
	char name[NAME_MAX + 1];
	cleanup_place struct place parent = parent_open(carrier, step, step_text(carrier, step), name);
	if (parent.fd < 0)
		return parent.fd;
	dev_t device = makedev((unsigned int)step->n[1], (unsigned int)step->n[2]);
	return mknodat(parent.fd, name, (mode_t)step->n[0], device) < 0 ? -errno : 0;
}
