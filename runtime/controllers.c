/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/controllers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"

unsigned int controllers_wanted(const struct berth *berth, const struct spec *spec)
{
	static const enum cgroup_controller watched[] = {CGROUP_CPU,  CGROUP_CPUACCT, CGROUP_MEMORY,
							 CGROUP_PIDS, CGROUP_FREEZER, CGROUP_IO};
	unsigned int controllers = cgroup_limits_controllers(&spec->limits);
	for (size_t i = 0; spec->cgroup_files && spec->cgroup_files[i]; i++)
		controllers |= cgroup_file_controllers(berth->layout, spec->cgroup_files[i]);
	if (spec->flags & BERTH_FEW_CGROUPS)
		return controllers;
	for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
		if (spec->rootless ? spec->cgroup_controllers & CGROUP_BIT(watched[i])
				   : cgroup_layout_version(berth->layout, watched[i]) != 0)
			controllers |= CGROUP_BIT(watched[i]);
	return controllers;
}

unsigned int controllers_later(const struct berth *berth, const struct spec *spec)
{
	/* Not memory, nor where that and the CPUs are: init's pages are to be the container's. */
	static const unsigned int can_wait = CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_CPUACCT) |
					     CGROUP_BIT(CGROUP_FREEZER) | CGROUP_BIT(CGROUP_IO) |
					     CGROUP_BIT(CGROUP_DEVICES) | CGROUP_BIT(CGROUP_PIDS);
	if (spec->flags & BERTH_NO_INIT)
		return 0;
	unsigned int later = controllers_wanted(berth, spec) & can_wait;
	for (size_t i = 0; spec->cgroup_files && spec->cgroup_files[i]; i++)
		later &= ~cgroup_file_controllers(berth->layout, spec->cgroup_files[i]);
	return later;
}

static int no_delegation(unsigned int lacking, const char *parent, struct error *error)
{
	char list[128] = "";
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (lacking & CGROUP_BIT(i))
			snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? ", " : "",
				 cgroup_controller_name((enum cgroup_controller)i));
	if (parent)
		return error_set(
			error, EPERM,
			"an ordinary user's limits need the cgroup controllers %s delegated; cgroup %s has not "
			"all of them: with systemd, set Delegate= of user@.service",
			list, parent);
	return error_set(
		error, EPERM,
		"an ordinary user's limits (%s) need a cgroup v2 that is delegated to the user: start berth with "
		"`systemd-run --user --scope -p Delegate=yes', or have root chown a cgroup directory, its "
		"cgroup.procs and cgroup.subtree_control to the user, and start berth in a directory below",
		list);
}

int controllers_delegate(const struct berth *berth, struct spec *spec, bool enter, struct error *error)
{
	if (!spec->rootless)
		return 0;
	cleanup_delegation struct cgroup_delegation delegation = {0};
	int code = cgroup_delegation_find(berth->layout, &delegation, error);
	if (code < 0)
		return code;
	spec->cgroup_controllers = delegation.controllers;
	unsigned int wanted = controllers_wanted(berth, spec), lacking = wanted & ~delegation.controllers;
	if (lacking)
		return no_delegation(lacking, delegation.parent, error);
	if (!delegation.parent)
		return 0;
	char *parent = NULL;
	if (asprintf(&parent, "%s/%s", delegation.parent, spec->cgroup_parent) < 0)
		return error_errno(error, ENOMEM, "find the cgroups");
	free(spec->cgroup_parent);
	spec->cgroup_parent = parent;
	return enter ? cgroup_delegation_enter(berth->layout, &delegation, error) : 0;
}
