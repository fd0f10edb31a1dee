/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a process in a container's cgroups, with what the context keeps. */
#ifndef RUNTIME_START_H
#define RUNTIME_START_H

#include "nsutil/spawn.h"
#include "runtime/context.h"

/*
 * spawn. Of the options it fills in those that are the context's and the cgroup's to give: init_fd, blank_fd,
 * self_pidfd, cgroup_... cgroup: NULL for none. *spawned stays as it is where that can't be entered.
 */
int start_in_cgroup(struct berth *berth, const struct cgroup *cgroup, struct spawn_options *options,
		    struct spawned *spawned, int *wait_status, struct error *error);

#endif
