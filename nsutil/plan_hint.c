/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about a step that failed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/mountinfo.h"
#include "nsutil/plan.h"
#include "nsutil/plan_private.h"

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);
	return length == 1 || (strncmp(path, directory, length) == 0 && (path[length] == '/' || !path[length]));
}

/* What the path is on: the last mount that covers it, for later ones lie over earlier ones. */
static const char *file_system_of(const struct mount_table *table, const char *path)
{
	const char *type = "unknown";
	size_t longest = 0;
	for (size_t i = 0; i < table->count; i++) {
		size_t length = strlen(table->entries[i].point);
		if (length < longest || !is_below(path, table->entries[i].point))
			continue;
		longest = length;
		type = table->entries[i].type;
	}
	return type;
}

void plan_hint_idmapped(const char *source, struct error *error)
{
	cleanup_mount_table struct mount_table table = {0};
	cleanup_free char *real = realpath(source, NULL);
	if (!real || mount_table_read(NULL, &table, NULL) < 0)
		return;
	error_hint(
		error,
		"(its file system, %s, or one mounted below it, can't be shown with ids shifted for a user namespace: "
		"use one that can, as ext4, xfs, btrfs and, since Linux 6.3, tmpfs, or no user namespace)",
		file_system_of(&table, real));
}

void plan_hint_cgroups(struct error *error)
{
	/* RT_GROUP_SCHED: scheduler/sched-rt-group.rst */
	if (error && error->code == EINVAL)
		error_hint(error, "(a cpu cgroup of v1 takes no real-time process unless it has a cpu.rt_runtime_us: "
				  "launch from one with a normal scheduling policy)");
}

void plan_hint(const struct plan *plan, size_t i, struct error *error)
{
	const struct plan_step *step = &plan->steps[i];
	if (!error)
		return;
	if (error->code == ENOSYS && *plan_calls(plan, i))
		error_hint(error, "(the kernel, or a sandbox around berth, lacks one of the system calls: %s)",
			   plan_calls(plan, i));
	else if (error->code == EBUSY && step->op == PLAN_SECCOMP)
		error_hint(error, "(somebody watches what berth itself calls: there can be one such listener alone)");
	else if (error->code == EACCES && step->op == PLAN_OOM_SCORE)
		error_hint(error, "(lower than the caller's own it can be set with CAP_SYS_RESOURCE alone)");
	else if (error->code == EPERM && step->op == PLAN_RLIMIT)
		error_hint(error, "(a hard limit above the caller's own can be set with CAP_SYS_RESOURCE alone)");
	else if (error->code == EINVAL && step->op == PLAN_BIND && step->flags & PLAN_IDMAPPED)
		plan_hint_idmapped(plan->strings + step->text, error);
	else if (step->op == PLAN_ENTER)
		plan_hint_cgroups(error);
}
