/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/start.h"

#include <string.h>
#include <unistd.h>

#include "nsutil/blank.h"

_Static_assert((int)CGROUP_MAX_HIERARCHIES <= (int)PLAN_ENTER_MOST, "room for every hierarchy there may be");

struct completion {
	struct cgroup *cgroup;
	const struct cgroup_limits *limits;
};

/* spawn_options.later */
static int complete(void *data, int cgroups[PLAN_ENTER_MOST], struct error *error)
{
	const struct completion *completion = data;
	struct cgroup_entry entry;
	int code = cgroup_complete(completion->cgroup, &entry, error);
	if (code == 0 && (code = cgroup_apply(completion->cgroup, completion->limits, error)) < 0)
		cgroup_entry_close(&entry);
	if (code < 0)
		return code;
	memcpy(cgroups, entry.procs, entry.n_procs * sizeof *cgroups);
	return (int)entry.n_procs;
}

int start_in_cgroup(struct berth *berth, struct cgroup *cgroup, const struct cgroup_limits *later,
		    struct spawn_options *options, struct spawned *spawned, int *wait_status, struct error *error)
{
	struct completion completion = {cgroup, later};
	struct cgroup_entry entry = {.into = -1, .into_procs = -1};
	int code = cgroup ? cgroup_entry_open(cgroup, &entry, error) : 0;
	if (code < 0)
		return code;
	bool is_root = geteuid() == 0;
	struct context_kept kept = context_kept(berth, is_root && blank_suits(options->plan));
	options->init_fd = berth->init_fd;
	options->cgroup_into = entry.into;
	options->cgroup_into_procs = entry.into_procs;
	options->cgroup_procs = entry.procs;
	options->n_cgroup_procs = entry.n_procs;
	options->later = complete;
	options->data = &completion;
	options->blank_fd = kept.blank_fd;
	options->self_pidfd = is_root ? kept.self_pidfd : -1;
	code = spawn(options, spawned, wait_status, error);
	cgroup_entry_close(&entry);
	if (spawned->copied)
		context_drop_self(berth);
	return code;
}
