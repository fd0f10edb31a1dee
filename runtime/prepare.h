/* SPDX-License-Identifier: Apache-2.0 */
/* Containers made ahead of their launch: berth_prepare. */
#ifndef RUNTIME_PREPARE_H
#define RUNTIME_PREPARE_H

#include "nsutil/plan.h"
#include "nsutil/spawn.h"
#include "runtime/spec.h"

/* One that waits for its command: a process in its namespaces, root and cgroups. */
struct prepared {
	struct prepared *next;
	pid_t maker;       /* whose child its process is: one forked from that has a copy of this, and no more */
	struct plan *plan; /* what it has carried out; ends with plan_add_await */
	struct spawned spawned;
	uint64_t earliest; /* state_ticks_now before it was made */
	struct cgroup *cgroup;
	char *cgroup_parent, *cgroup_name;
	unsigned int controllers;
	uint64_t namespaces; /* those it was cloned into */
	struct cgroup_device_rule *rules;
	size_t n_rules;
	struct prepared_source *sources; /* of what it shows of the host, as it was then */
	size_t n_sources;
};

/* One that suits a launch of this spec, by this plan, taken out of the context; NULL: there is none. */
struct prepared *prepared_take(struct berth *berth, const struct spec *spec, const struct plan *plan,
			       unsigned int controllers);
/* Puts it back, untouched. NULL is allowed. */
void prepared_return(struct berth *berth, struct prepared *prepared);
/* Ends what it still has: its process, its cgroups. NULL is allowed. */
void prepared_end(struct prepared *prepared);
void prepared_end_all(struct berth *berth);

/* Whether a cgroup directory has the name of one that was prepared, by a process that is dead. */
bool prepared_is_left(const char *name);

#endif
