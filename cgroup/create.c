/* SPDX-License-Identifier: Apache-2.0 */
/* Making a container's directories and the parents they need, and removing those parents. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"

/*
 * Parents that berth made carry this attribute (cgroupfs keeps them in both versions), so that those that
 * someone else made are never removed. Where it can't be set (no CAP_SYS_ADMIN) they just stay.
 */
static const char mark[] = "trusted.berth";

enum { RACES = 64 }; /* how often another's removal of an empty parent is met with a new attempt */

/* 0, or -errno for a caller that has not even a descriptor left. */
static int directory_mark(const struct cgroup_hierarchy *hierarchy, const char *relative)
{
	cleanup_fd int fd = openat(hierarchy->fd, relative, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		(void)!fsetxattr(fd, mark, "1", 1, 0);
	return fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM) ? -errno : 0;
}

static bool directory_is_marked(const struct cgroup_hierarchy *hierarchy, const char *relative)
{
	cleanup_fd int fd = openat(hierarchy->fd, relative, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fgetxattr(fd, mark, NULL, 0) >= 0;
}

static int mkdir_error(struct error *error, int code, const struct cgroup_hierarchy *hierarchy, const char *relative)
{
	int result = error_errno(error, code, "make the cgroup directory %s/%s", hierarchy->point, relative);
	if (code == EROFS)
		error_hint(error, "(cgroups are mounted read-only here)");
	else if (code == EACCES || code == EPERM)
		error_hint(error, "(root, or a delegated parent directory, is needed)");
	else if (code == EAGAIN)
		error_hint(error, "(cgroup.max.descendants or cgroup.max.depth of a directory above is reached)");
	return result;
}

/* Makes what is missing above relative, from the top. -ENOENT: another process removed a part meanwhile. */
static int make_parents(const struct cgroup_hierarchy *hierarchy, const char *relative, unsigned int controllers,
			struct error *error)
{
	cleanup_free char *path = strdup(relative);
	if (!path)
		return error_errno(error, ENOMEM, "make the cgroup directory %s/%s", hierarchy->point, relative);
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(hierarchy->fd, path, 0755) == 0) {
			int result = directory_mark(hierarchy, path);
			if (result < 0) {
				unlinkat(hierarchy->fd, path, AT_REMOVEDIR);
				return mkdir_error(error, -result, hierarchy, path);
			}
			result = cgroup_version_operations(hierarchy->version)
					 ->prepare(hierarchy, path, controllers, false, error);
			if (result < 0)
				return result == -ENODEV ? -ENOENT : result;
		} else if (errno != EEXIST) {
			return mkdir_error(error, errno, hierarchy, path);
		}
		*slash = '/';
	}
	return 0;
}

static int make_directory(const struct cgroup_hierarchy *hierarchy, const char *relative, unsigned int controllers,
			  struct error *error)
{
	int result = 0;
	/* The parents are nearly always there: they are looked at only when mkdir says otherwise. */
	for (int attempt = 0; mkdirat(hierarchy->fd, relative, 0755) < 0; attempt++) {
		if (errno == EEXIST) {
			result = mkdir_error(error, EEXIST, hierarchy, relative);
			error_hint(error, "(choose another name, or remove what is left of that one)");
			return result;
		}
		if (errno != ENOENT || attempt == RACES)
			return mkdir_error(error, errno, hierarchy, relative);
		result = make_parents(hierarchy, relative, controllers, error);
		if (result < 0 && (result != -ENOENT || attempt == RACES))
			return result;
	}
	result = cgroup_version_operations(hierarchy->version)->prepare(hierarchy, relative, controllers, true, error);
	if (result < 0)
		unlinkat(hierarchy->fd, relative, AT_REMOVEDIR);
	return result;
}

/* Makes the directories of those places, or none of them. */
static int make_places(const struct cgroup *cgroup, size_t first, size_t count, struct error *error)
{
	int result = 0;
	size_t done = 0;
	while (result == 0 && done < count) {
		const struct cgroup_place *place = &cgroup->places[first + done];
		result = make_directory(place->hierarchy, cgroup->relative, place->controllers, error);
		if (result == 0)
			done++;
	}
	while (result < 0 && done > 0)
		unlinkat(cgroup->places[first + --done].hierarchy->fd, cgroup->relative, AT_REMOVEDIR);
	return result;
}

/* Puts the places that are left for later behind the others. */
static void places_part(struct cgroup *cgroup, unsigned int later)
{
	struct cgroup_place left[CGROUP_MAX_HIERARCHIES];
	size_t now = 0;
	for (size_t i = 0; i < cgroup->count; i++) {
		const struct cgroup_place place = cgroup->places[i];
		if (place.hierarchy->version == 1 && !(place.controllers & ~later)) {
			left[cgroup->n_later++] = place;
			cgroup->controllers &= ~place.controllers;
		} else {
			cgroup->places[now++] = place;
		}
	}
	memcpy(&cgroup->places[now], left, cgroup->n_later * sizeof *left);
	cgroup->count = now;
}

int cgroup_begin(const struct cgroup_layout *layout, const char *parent, const char *name, unsigned int wanted,
		 unsigned int later, struct cgroup **cgroup, struct error *error)
{
	int result = cgroup_open(layout, parent, name, wanted, cgroup, error);
	if (result < 0)
		return result;
	places_part(*cgroup, later);
	(*cgroup)->fresh = true;
	result = make_places(*cgroup, 0, (*cgroup)->count, error);
	if (result == 0)
		return 0;
	cgroup_remove_parent(layout, parent);
	cgroup_free(steal_pointer(cgroup));
	return result;
}

int cgroup_create(const struct cgroup_layout *layout, const char *parent, const char *name, unsigned int wanted,
		  struct cgroup **cgroup, struct error *error)
{
	return cgroup_begin(layout, parent, name, wanted, 0, cgroup, error);
}

int cgroup_complete(struct cgroup *cgroup, struct cgroup_entry *entry, struct error *error)
{
	size_t first = cgroup->count, count = cgroup->n_later;
	cgroup->n_later = 0;
	int result = make_places(cgroup, first, count, error);
	if (result < 0)
		return result;
	cgroup->count += count;
	for (size_t i = first; i < cgroup->count; i++)
		cgroup->controllers |= cgroup->places[i].controllers;
	return cgroup_places_enter(cgroup, first, entry, error);
}

void cgroup_remove_parent(const struct cgroup_layout *layout, const char *parent)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct cgroup_hierarchy *hierarchy = &layout->hierarchies[i];
		cleanup_free char *path = strdup(parent);
		/* rmdir(2) of a cgroup fails while anything is inside. */
		while (path && *path && directory_is_marked(hierarchy, path) &&
		       unlinkat(hierarchy->fd, path, AT_REMOVEDIR) == 0) {
			char *slash = strrchr(path, '/');
			path[slash ? slash - path : 0] = '\0';
		}
	}
}

void cgroup_remove_left(const struct cgroup_layout *layout, const char *parent, bool (*is_left)(const char *name))
{
	for (size_t i = 0; i < layout->count; i++) {
		int fd = openat(layout->hierarchies[i].fd, parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		cleanup_dir DIR *stream = fd < 0 ? NULL : fdopendir(fd);
		if (!stream && fd >= 0)
			close(fd);
		for (const struct dirent *entry; stream && (entry = readdir(stream));)
			if (is_left(entry->d_name))
				unlinkat(fd, entry->d_name, AT_REMOVEDIR);
	}
}
