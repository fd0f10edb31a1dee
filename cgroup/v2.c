/* SPDX-License-Identifier: Apache-2.0 */
/* What a v2 hierarchy does its own way: cgroup-v2.rst. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

/* ---- Controllers, enabled from the top down ---- */

/* Those of the controllers that the file RELATIVE/FILE does not list. 0 or -errno. */
static int missing_from(const struct cgroup_hierarchy *hierarchy, const char *relative, const char *file,
			unsigned int controllers, unsigned int *missing)
{
	cleanup_free char *path = NULL;
	char list[1026] = " ";
	if (asprintf(&path, "%s/%s", relative, file) < 0)
		return -ENOMEM;
	ssize_t length = file_read(hierarchy->fd, path, list + 1, sizeof list - 2);
	if (length < 0)
		return (int)length;
	list[strcspn(list, "\n")] = '\0';
	strcat(list, " ");
	*missing = 0;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		char word[32];
		if (!(controllers & CGROUP_BIT(i)) || !cgroup_controller_table[i].v2)
			continue;
		snprintf(word, sizeof word, " %s ", cgroup_controller_table[i].v2);
		if (!strstr(list, word))
			*missing |= CGROUP_BIT(i);
	}
	return 0;
}

static int enable_error(struct error *error, int code, const char *controller, const char *path)
{
	int result = error_errno(error, code, "enable the %s controller for the cgroups below %s", controller, path);
	if (code == EBUSY)
		error_hint(error,
			   "(processes are in that directory, and cgroup v2 wants them in leaves: choose another "
			   "parent, or move them into a directory of their own)");
	else if (code == ENOENT)
		error_hint(error, "(that directory does not have it: add it to cgroup.subtree_control above)");
	else if (code == EOPNOTSUPP)
		error_hint(error, "(that directory is of a threaded type: choose another parent)");
	else if (code == EACCES || code == EPERM)
		error_hint(error, "(root, or a delegated parent directory, is needed)");
	return result;
}

/* Lets the children of the directory at relative have the controllers. */
static int enable_below(const struct cgroup_hierarchy *hierarchy, const char *relative, unsigned int controllers,
			struct error *error)
{
	cleanup_free char *file = NULL, *path = NULL;
	bool top = strcmp(relative, ".") == 0;
	if (asprintf(&file, "%s/cgroup.subtree_control", relative) < 0 ||
	    asprintf(&path, "%s%s%s", hierarchy->point, top ? "" : "/", top ? "" : relative) < 0)
		return error_errno(error, ENOMEM, "enable controllers below %s", relative);
	unsigned int missing;
	int result = missing_from(hierarchy, relative, "cgroup.subtree_control", controllers, &missing);
	if (result < 0)
		return error_errno(error, -result, "read %s/cgroup.subtree_control", path);
	/* One write each, so that a refusal has a name. */
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (!(missing & CGROUP_BIT(i)))
			continue;
		char text[32];
		snprintf(text, sizeof text, "+%s", cgroup_controller_table[i].v2);
		result = file_write(hierarchy->fd, file, text);
		if (result < 0)
			return enable_error(error, -result, cgroup_controller_table[i].v2, path);
	}
	return 0;
}

/* Once enabled they stay so, so this is one read for all but the first container of a parent. */
static int v2_prepare(const struct cgroup_hierarchy *hierarchy, const char *relative, unsigned int controllers,
		      bool leaf, struct error *error)
{
	unsigned int missing = 0;
	if (!leaf)
		return 0;
	int result = missing_from(hierarchy, relative, "cgroup.controllers", controllers, &missing);
	if (result < 0)
		return error_errno(error, -result, "read %s/%s/cgroup.controllers", hierarchy->point, relative);
	if (!missing)
		return 0;
	cleanup_free char *path = strdup(relative);
	if (!path)
		return error_errno(error, ENOMEM, "enable controllers above %s", relative);
	result = enable_below(hierarchy, ".", controllers, error);
	for (char *slash = strchr(path, '/'); slash && result == 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		result = enable_below(hierarchy, path, controllers, error);
		*slash = '/';
	}
	return result;
}

static int v2_entry_add(int top, const char *relative, struct cgroup_entry *entry)
{
	entry->into = openat(top, relative, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (entry->into < 0)
		return -errno;
	entry->into_procs = cgroup_file_open(top, relative, "cgroup.procs");
	return entry->into_procs < 0 ? entry->into_procs : 0;
}

/* ---- Events ---- */

/* Waits until the key of cgroup.events has the value. The kernel wakes a poll for POLLPRI at each change. */
static int event_wait(int directory, const char *key, uint64_t value, int64_t deadline)
{
	cleanup_fd int fd = openat(directory, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (;;) {
		char text[256];
		uint64_t now;
		ssize_t length = pread(fd, text, sizeof text - 1, 0);
		if (length < 0)
			return -errno;
		text[length] = '\0';
		if (file_keyed_u64(text, key, &now) < 0)
			return -EOPNOTSUPP;
		if (now == value)
			return 0;
		int left = cgroup_deadline_left(deadline);
		if (left == 0)
			return -ETIMEDOUT;
		struct pollfd waited = {.fd = fd, .events = POLLPRI};
		if (poll(&waited, 1, left) < 0 && errno != EINTR)
			return -errno;
	}
}

static int v2_wait_empty(int directory, int64_t deadline)
{
	return event_wait(directory, "populated", 0, deadline);
}

static int v2_freeze(const struct cgroup_directory *directory, bool freeze, struct error *error)
{
	return cgroup_directory_write(directory, "cgroup.freeze", freeze ? "1" : "0", error);
}

static int v2_frozen(const struct cgroup_directory *directory)
{
	char text[256];
	uint64_t frozen;
	ssize_t length = cgroup_directory_read(directory, "cgroup.events", text, sizeof text);
	if (length < 0)
		return (int)length;
	return file_keyed_u64(text, "frozen", &frozen) == 0 && frozen == 1;
}

static int v2_freeze_wait(int directory, bool freeze, int64_t deadline)
{
	return event_wait(directory, "frozen", freeze, deadline);
}

/* Frozen ones included, descendants included, forks included; Linux 5.14, and before that one by one. */
static int v2_kill(int directory, unsigned int controllers)
{
	(void)controllers;
	return file_write(directory, "cgroup.kill", "1") < 0 ? -EOPNOTSUPP : 0;
}

const struct cgroup_version_operations cgroup_v2_operations = {
	.prepare = v2_prepare,
	.entry_add = v2_entry_add,
	.kill = v2_kill,
	.wait_empty = v2_wait_empty,
	.freeze = v2_freeze,
	.frozen = v2_frozen,
	.freeze_wait = v2_freeze_wait,
};
