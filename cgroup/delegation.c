/* SPDX-License-Identifier: Apache-2.0 */
/* What an ordinary user may do with cgroups. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

static const char launcher[] = "launcher";

static const struct cgroup_hierarchy *hierarchy_v2(const struct cgroup_layout *layout)
{
	for (size_t i = 0; i < layout->count; i++)
		if (layout->hierarchies[i].version == 2)
			return &layout->hierarchies[i];
	return NULL;
}

char *cgroup_own_parse(const char *text)
{
	const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return NULL;
	const char *path = strchr(line, ':') + 2;
	/* One that lies outside of what is mounted here begins with "..". cgroup_namespaces(7) */
	if (path[0] != '/' || strncmp(path, "/..", 3) == 0)
		return NULL;
	return strndup(path + 1, strcspn(path + 1, "\n"));
}

static char *own_cgroup(void)
{
	cleanup_free char *text = NULL;
	return file_read_all(AT_FDCWD, "/proc/self/cgroup", 1 << 20, &text) < 0 ? NULL : cgroup_own_parse(text);
}

/* Whether the directory is left to the caller: it may make cgroups in it, hand on controllers, move processes in. */
static bool is_delegated(const struct cgroup_hierarchy *hierarchy, const char *path)
{
	static const char *const files[] = {".", "cgroup.procs", "cgroup.subtree_control"};
	cleanup_fd int fd = openat(hierarchy->fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (fd < 0 || faccessat(fd, files[i], W_OK, AT_EACCESS) < 0)
			return false;
	return true;
}

/* How many processes are in the directory itself: 0, 1 (then *pid is it), or 2 for more. -errno. */
static int processes_in(const struct cgroup_hierarchy *hierarchy, const char *path, pid_t *pid)
{
	cleanup_free char *file = NULL, *text = NULL;
	if (asprintf(&file, "%s/cgroup.procs", path) < 0)
		return file = NULL, -ENOMEM;
	ssize_t length = file_read_all(hierarchy->fd, file, 1 << 20, &text);
	if (length <= 0)
		return (int)length;
	*pid = (pid_t)strtol(text, NULL, 10);
	return strchr(text, '\n') == text + length - 1 ? 1 : 2;
}

static unsigned int controllers_in(const struct cgroup_hierarchy *hierarchy, const char *path)
{
	cleanup_fd int fd = openat(hierarchy->fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : hierarchy->controllers & cgroup_v2_controllers(fd);
}

int cgroup_delegation_find(const struct cgroup_layout *layout, struct cgroup_delegation *delegation,
			   struct error *error)
{
	*delegation = (struct cgroup_delegation){0};
	const struct cgroup_hierarchy *hierarchy = hierarchy_v2(layout);
	cleanup_free char *path = hierarchy ? own_cgroup() : NULL;
	/* The top is nobody's to be left to. */
	for (bool own = true; path && *path && is_delegated(hierarchy, path); own = false) {
		pid_t pid = 0;
		int count = processes_in(hierarchy, path, &pid);
		if (count < 0)
			return error_errno(error, -count, "read %s/%s/cgroup.procs", hierarchy->point, path);
		bool moves = own && count == 1 && pid == getpid();
		unsigned int controllers = count == 0 || moves ? controllers_in(hierarchy, path) : 0;
		/* One further up only if it has more to offer. */
		if (controllers & ~delegation->controllers) {
			free(delegation->parent);
			*delegation = (struct cgroup_delegation){strdup(path), controllers, moves};
			if (!delegation->parent)
				return error_errno(error, ENOMEM, "find the cgroups that are left to this user");
		}
		char *slash = strrchr(path, '/');
		path[slash ? slash - path : 0] = '\0';
	}
	return 0;
}

int cgroup_delegation_enter(const struct cgroup_layout *layout, const struct cgroup_delegation *delegation,
			    struct error *error)
{
	const struct cgroup_hierarchy *hierarchy = hierarchy_v2(layout);
	cleanup_free char *path = NULL, *procs = NULL;
	if (!delegation->moves)
		return 0;
	if (asprintf(&path, "%s/%s", delegation->parent, launcher) < 0 || asprintf(&procs, "%s/cgroup.procs", path) < 0)
		return path = NULL, error_errno(error, ENOMEM, "make room in the caller's cgroup");
	if (mkdirat(hierarchy->fd, path, 0755) < 0 && errno != EEXIST)
		return error_errno(error, errno, "make the cgroup directory %s/%s", hierarchy->point, path);
	int code = file_write(hierarchy->fd, procs, "0");
	return code < 0 ? error_errno(error, -code, "move the caller into %s/%s", hierarchy->point, path) : 0;
}
