/* SPDX-License-Identifier: Apache-2.0 */
/* What a v1 hierarchy does its own way: readying a directory, entering, freezing, ending. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

enum { LIST_SIZE = 4096 }; /* "0-3,7": the kernel gives a page for it */

/* ---- A fresh directory ---- */

/* Reads RELATIVE/FILE without its newline. Its length, or -errno. */
static ssize_t list_read(int directory, const char *relative, const char *file, char *list)
{
	cleanup_free char *path = NULL;
	if (asprintf(&path, "%s/%s", relative, file) < 0)
		return -ENOMEM;
	ssize_t length = file_read(directory, path, list, LIST_SIZE);
	if (length > 0 && list[length - 1] == '\n')
		list[--length] = '\0';
	return length;
}

/*
 * No process can enter a cpuset without CPUs or memory nodes, and a fresh one has none: it gets its parent's, which
 * gets its own parent's first where that is empty too (cgroup-v1/cpusets.rst).
 */
static int cpuset_fill(const struct cgroup_hierarchy *hierarchy, const char *relative, const char *file,
		       struct error *error)
{
	char list[LIST_SIZE];
	cleanup_free char *path = NULL, *above = strdup(relative);
	if (!above || asprintf(&path, "%s/%s", hierarchy->point, relative) < 0)
		return error_errno(error, ENOMEM, "prepare cpuset %s", relative);
	ssize_t length = list_read(hierarchy->fd, relative, file, list);
	if (length > 0)
		return 0;
	char *slash = strrchr(above, '/');
	if (slash)
		*slash = '\0';
	if (length == 0)
		length = list_read(hierarchy->fd, slash ? above : ".", file, list);
	if (length == 0 && slash) {
		int result = cpuset_fill(hierarchy, above, file, error);
		if (result < 0)
			return result;
		length = list_read(hierarchy->fd, above, file, list);
	}
	if (length < 0)
		return error_errno(error, (int)-length, "read %s of %s or of the directory above", file, path);
	cleanup_fd int fd = openat(hierarchy->fd, relative, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(error, errno, "open %s", path);
	struct cgroup_directory directory = {.fd = fd, .relative = ".", .path = path};
	return cgroup_directory_write(&directory, file, list, error);
}

/* Before Linux 5.11 a memory cgroup does not count what is below it unless told so before it has children. */
static int memory_make_hierarchical(const struct cgroup_hierarchy *hierarchy, const char *relative, struct error *error)
{
	static const char file[] = "memory.use_hierarchy";
	cleanup_fd int fd = openat(hierarchy->fd, relative, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(error, errno, "open %s/%s", hierarchy->point, relative);
	uint64_t value;
	if (file_read_u64(fd, file, &value) < 0 || value != 0)
		return 0;
	cleanup_free char *path = NULL;
	if (asprintf(&path, "%s/%s", hierarchy->point, relative) < 0)
		return error_errno(error, ENOMEM, "prepare %s", relative);
	struct cgroup_directory directory = {.fd = fd, .relative = ".", .path = path};
	return cgroup_directory_write(&directory, file, "1", error);
}

static int v1_prepare(const struct cgroup_hierarchy *hierarchy, const char *relative, unsigned int controllers,
		      bool leaf, struct error *error)
{
	(void)leaf;
	/* What is mounted together shows in each directory, wanted or not, and an empty cpuset can't be entered. */
	controllers = hierarchy->controllers;
	int result = 0;
	if (controllers & CGROUP_BIT(CGROUP_CPUSET))
		result = cpuset_fill(hierarchy, relative, "cpuset.cpus", error);
	if (result == 0 && (controllers & CGROUP_BIT(CGROUP_CPUSET)))
		result = cpuset_fill(hierarchy, relative, "cpuset.mems", error);
	if (result == 0 && (controllers & CGROUP_BIT(CGROUP_MEMORY)) && !hierarchy->hierarchical)
		result = memory_make_hierarchical(hierarchy, relative, error);
	return result;
}

static int v1_entry_add(int top, const char *relative, struct cgroup_entry *entry)
{
	/*
	 * Not cgroup.procs: a process of one thread that moves itself by writing 0 to tasks is moved without the lock
	 * on all thread groups, for which the kernel waits 5 to 20 ms (an RCU grace period) unless somebody had it
	 * lately.
	 */
	int fd = cgroup_file_open(top, relative, "tasks");
	if (fd < 0)
		return fd;
	entry->procs[entry->n_procs++] = fd;
	return 0;
}

/* ---- Freezing: cgroup-v1/freezer-subsystem.rst ---- */

static int v1_freeze(const struct cgroup_directory *directory, bool freeze, struct error *error)
{
	return cgroup_directory_write(directory, "freezer.state", freeze ? "FROZEN" : "THAWED", error);
}

static int v1_frozen(const struct cgroup_directory *directory)
{
	char state[32];
	ssize_t length = cgroup_directory_read(directory, "freezer.state", state, sizeof state);
	if (length < 0)
		return (int)length;
	return strcmp(state, "FROZEN\n") == 0;
}

/* There is no event: the state goes from FREEZING to FROZEN when it is read and all tasks have stopped. */
static int v1_freeze_wait(int directory, bool freeze, int64_t deadline)
{
	for (int backoff = 1;;) {
		char state[32];
		ssize_t length = file_read(directory, "freezer.state", state, sizeof state);
		if (length < 0)
			return (int)length;
		if (strcmp(state, freeze ? "FROZEN\n" : "THAWED\n") == 0)
			return 0;
		if (cgroup_deadline_left(deadline) == 0)
			return -ETIMEDOUT;
		cgroup_backoff(&backoff, deadline);
	}
}

/* ---- Ending ---- */

/*
 * v1 has no kill of its own. A frozen task dies only when it is thawed, so directories the container froze inside
 * are thawed too; and without new processes the killing comes to an end.
 */
static int v1_kill(int directory, unsigned int controllers)
{
	if (controllers & CGROUP_BIT(CGROUP_PIDS))
		file_write(directory, "pids.max", "0");
	cleanup_cgroup_tree struct cgroup_tree tree = {0};
	if (controllers & CGROUP_BIT(CGROUP_FREEZER))
		cgroup_tree_read(directory, &tree);
	for (size_t i = 0; i < tree.count; i++) {
		cleanup_free char *file = NULL;
		if (asprintf(&file, "%s/freezer.state", tree.paths[i]) >= 0)
			file_write(directory, file, "THAWED");
	}
	return -EOPNOTSUPP;
}

const struct cgroup_version_operations cgroup_v1_operations = {
	.prepare = v1_prepare,
	.entry_add = v1_entry_add,
	.kill = v1_kill,
	.freeze = v1_freeze,
	.frozen = v1_frozen,
	.freeze_wait = v1_freeze_wait,
};
