/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, through the table; and who is inside. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

enum { PROCS_LIMIT = 128 << 20 };

/* False where the place should have had some of the fields, and none could be read. */
static bool place_read(const struct cgroup *cgroup, const struct cgroup_place *place, unsigned int fields,
		       struct cgroup_stats *stats)
{
	const struct cgroup_directory directory = cgroup_place_directory(cgroup, place);
	unsigned int asked = 0;
	for (int c = 0; c < CGROUP_CONTROLLERS; c++) {
		const struct cgroup_controller_entry *entry = &cgroup_controller_table[c];
		if (!(place->controllers & CGROUP_BIT(c)) || !(fields & entry->fields))
			continue;
		asked |= CGROUP_BIT(c);
		if (entry->operations[place->hierarchy->version].read(&directory, fields, stats))
			stats->known |= CGROUP_BIT(c);
	}
	return !asked || stats->known & asked;
}

int cgroup_read(const struct cgroup *cgroup, unsigned int fields, struct cgroup_stats *stats, struct error *error)
{
	int code = 0;
	*stats = (struct cgroup_stats){0};
	for (size_t i = 0; i < cgroup->count; i++) {
		const struct cgroup_place *place = &cgroup->places[i];
		if (place_read(cgroup, place, fields, stats))
			continue;
		/* It may be without what is read; whether it is there at all tells its directory. */
		const struct cgroup_directory directory = cgroup_place_directory(cgroup, place);
		if (!cgroup_directory_has(&directory, "cgroup.procs"))
			code = error_errno(error, ENOENT, "read the counters of %s", place->path);
	}
	return code;
}

int cgroup_read_memory(const struct cgroup *cgroup, struct cgroup_stats *stats, struct error *error)
{
	if (!(cgroup->controllers & CGROUP_BIT(CGROUP_MEMORY)))
		return error_set(error, ENOENT, "cgroup %s was made without the memory controller", cgroup->relative);
	return cgroup_read(
		cgroup, CGROUP_READ_MEMORY_USAGE | CGROUP_READ_MEMORY_PEAK | CGROUP_READ_MEMORY_LIMIT | CGROUP_READ_OOM,
		stats, error);
}

/* ---- Processes ---- */

struct pid_list {
	pid_t *pids;
	size_t count, room;
};

static int pid_list_add(struct pid_list *list, pid_t pid)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		pid_t *grown = reallocarray(list->pids, room, sizeof *grown);
		if (!grown)
			return -ENOMEM;
		list->pids = grown;
		list->room = room;
	}
	list->pids[list->count++] = pid;
	return 0;
}

static int procs_add(int directory, const char *path, struct pid_list *list)
{
	cleanup_free char *file = NULL, *text = NULL;
	if (asprintf(&file, "%s/cgroup.procs", path) < 0) {
		file = NULL;
		return -ENOMEM;
	}
	ssize_t length = file_read_all(directory, file, PROCS_LIMIT, &text);
	/* Gone meanwhile; or a threaded directory, whose processes show at the one above. */
	if (length == -ENOENT || length == -ENODEV || length == -EOPNOTSUPP)
		return 0;
	if (length < 0)
		return (int)length;
	for (char *at = text, *end; *at; at = *end ? end + 1 : end) {
		pid_t pid = (pid_t)strtol(at, &end, 10);
		if (end == at)
			return -EPROTO;
		/* 0: a process of a PID namespace that can't be seen from here. */
		int result = pid > 0 ? pid_list_add(list, pid) : 0;
		if (result < 0)
			return result;
	}
	return 0;
}

static int place_processes(const struct cgroup *cgroup, const struct cgroup_place *place, struct pid_list *list)
{
	cleanup_fd int directory = cgroup_place_open(cgroup, place);
	if (directory < 0)
		return directory == -ENOENT ? 0 : directory;
	cleanup_cgroup_tree struct cgroup_tree tree = {0};
	int result = cgroup_tree_read(directory, &tree);
	for (size_t i = 0; result == 0 && i < tree.count; i++)
		result = procs_add(directory, tree.paths[i], list);
	return result;
}

static int pid_compare(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
	return (left > right) - (left < right);
}

ssize_t cgroup_processes(const struct cgroup *cgroup, pid_t **pids, struct error *error)
{
	struct pid_list list = {0};
	*pids = NULL;
	for (size_t i = 0; i < cgroup->count; i++) {
		int result = place_processes(cgroup, &cgroup->places[i], &list);
		if (result < 0) {
			free(list.pids);
			return error_errno(error, -result, "read the processes of %s", cgroup->places[i].path);
		}
	}
	if (list.count == 0)
		return 0;
	/* A process shows once in each hierarchy, and v1 may list one twice. */
	qsort(list.pids, list.count, sizeof *list.pids, pid_compare);
	size_t unique = 1;
	for (size_t i = 1; i < list.count; i++)
		if (list.pids[i] != list.pids[unique - 1])
			list.pids[unique++] = list.pids[i];
	*pids = list.pids;
	return (ssize_t)unique;
}
