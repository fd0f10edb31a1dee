/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a process in a container's cgroups, with what the context keeps. */
#ifndef RUNTIME_START_H
#define RUNTIME_START_H

#include "nsutil/spawn.h"
#include "runtime/context.h"

/*
 * spawn. Of the options it fills in those that are the context's and the cgroup's to give: init_fd, blank_fd,
 * self_pidfd, cgroup_..., later. cgroup: NULL for none; the plan has plan_add_enter where it is to be completed, which
 * later, limits that it gets then, is for. *spawned stays as it is where the cgroup can't be entered.
 */
int start_in_cgroup(struct berth *berth, struct cgroup *cgroup, const struct cgroup_limits *later,
		    struct spawn_options *options, struct spawned *spawned, int *wait_status, struct error *error);

#endif
