/* SPDX-License-Identifier: Apache-2.0 */
/* The set of a container's directories, and entering them. */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"

/* Whether each component is a name: none empty, "." or "..". */
static bool path_is_plain(const char *path)
{
	for (const char *at = path;; at++) {
		size_t length = strcspn(at, "/");
		if (length == 0 || (length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += length;
		if (!*at)
			return true;
	}
}

static int names_check(const char *parent, const char *name, struct error *error)
{
	if (!path_is_plain(parent))
		return error_set(error, EINVAL,
				 "cgroup parent \"%s\": want a path like a/b, without leading slash, \".\" or \"..\"",
				 parent);
	if (!path_is_plain(name) || strchr(name, '/'))
		return error_set(error, EINVAL, "cgroup name \"%s\": want one path component", name);
	return 0;
}

static int controllers_check(const struct cgroup_layout *layout, unsigned int wanted, struct error *error)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if ((wanted & CGROUP_BIT(i)) && layout->serving[i] < 0)
			return error_set(error, ENOENT,
					 "no mounted cgroup hierarchy has the %s controller: mount one that does, "
					 "or do without what needs it",
					 cgroup_controller_name((enum cgroup_controller)i));
	return 0;
}

/* Writes "A/B" at text; what lies behind it. */
static char *join(char *text, const char *a, const char *b)
{
	return stpcpy(stpcpy(stpcpy(text, a), "/"), b) + 1;
}

int cgroup_open(const struct cgroup_layout *layout, const char *parent, const char *name, unsigned int wanted,
		struct cgroup **cgroup, struct error *error)
{
	*cgroup = NULL;
	int result = names_check(parent, name, error);
	if (result == 0)
		result = controllers_check(layout, wanted, error);
	if (result < 0)
		return result;
	size_t relative = strlen(parent) + strlen(name) + 2, size = relative;
	for (size_t i = 0; i < layout->count; i++)
		size += strlen(layout->hierarchies[i].point) + 1 + relative;
	struct cgroup *made = malloc(sizeof *made + size);
	if (!made)
		return error_errno(error, ENOMEM, "cgroup %s/%s", parent, name);
	*made = (struct cgroup){.layout = layout, .controllers = wanted, .relative = made->texts};
	char *next = join(made->texts, parent, name);
	for (size_t i = 0; i < layout->count; i++) {
		const struct cgroup_hierarchy *hierarchy = &layout->hierarchies[i];
		unsigned int here = wanted & hierarchy->controllers;
		if (!here)
			continue;
		made->places[made->count++] = (struct cgroup_place){hierarchy, here, next};
		next = join(next, hierarchy->point, made->relative);
	}
	*cgroup = made;
	return 0;
}

void cgroup_free(struct cgroup *cgroup)
{
	free(cgroup);
}

unsigned int cgroup_controllers(const struct cgroup *cgroup)
{
	return cgroup->controllers;
}

const char *cgroup_path(const struct cgroup *cgroup, size_t i)
{
	return i < cgroup->count ? cgroup->places[i].path : NULL;
}

const char *cgroup_controller_path(const struct cgroup *cgroup, enum cgroup_controller controller)
{
	const struct cgroup_place *place = cgroup_place_find(cgroup, controller);
	return place ? place->path : NULL;
}

/* ---- Entering ---- */

int cgroup_places_enter(const struct cgroup *cgroup, size_t first, struct cgroup_entry *entry, struct error *error)
{
	*entry = (struct cgroup_entry){.into = -1, .into_procs = -1};
	for (size_t i = first; i < cgroup->count; i++) {
		const struct cgroup_place *place = &cgroup->places[i];
		int result = cgroup_version_operations(place->hierarchy->version)
				     ->entry_add(place->hierarchy->fd, cgroup->relative, entry);
		if (result < 0) {
			cgroup_entry_close(entry);
			return error_errno(error, -result, "open %s to enter it", place->path);
		}
	}
	return 0;
}

int cgroup_entry_open(const struct cgroup *cgroup, struct cgroup_entry *entry, struct error *error)
{
	return cgroup_places_enter(cgroup, 0, entry, error);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void cgroup_entry_close(struct cgroup_entry *entry)
{
	close_one(&entry->into);
	close_one(&entry->into_procs);
	for (size_t i = 0; i < entry->n_procs; i++)
		close_one(&entry->procs[i]);
	entry->n_procs = 0;
}

int cgroup_attach(const struct cgroup *cgroup, pid_t pid, struct error *error)
{
	char text[16];
	snprintf(text, sizeof text, "%d", pid);
	for (size_t i = 0; i < cgroup->count; i++) {
		const struct cgroup_place *place = &cgroup->places[i];
		cleanup_fd int fd = cgroup_place_open(cgroup, place);
		if (fd < 0)
			return error_errno(error, -fd, "move process %d into %s", pid, place->path);
		struct cgroup_directory directory = {.fd = fd, .relative = ".", .path = place->path};
		int result = cgroup_directory_write(&directory, "cgroup.procs", text, error);
		if (result < 0)
			return result;
	}
	return 0;
}
