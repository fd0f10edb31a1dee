/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering a running container's memory limit below what it uses: design and policy in berth.h, struct
 * berth_memory_policy. */
#ifndef RUNTIME_SCALE_H
#define RUNTIME_SCALE_H

#include "runtime/container.h"

/* Zero is "none under way". */
struct scale {
	bool active;
	struct cgroup_limits target; /* memory, and swap as it was before or is to be */
	uint64_t start_ms;           /* monotonic */
	uint64_t due_ms;             /* when the next step is worth trying */
	uint64_t last_usage;
	bool lenient;
	bool frozen; /* by us */
};

enum scale_result {
	SCALE_PENDING, /* call scale_step again when it is due */
	SCALE_DONE,    /* the limit is in force, or the container has ended */
	SCALE_KILLED,  /* time was up: the container has been killed for it */
};

/*
 * Begins to bring the container to these limits (memory, and optionally swap), replacing what was under way, and takes
 * the first step. A limit that fits is in force at once. Returns an enum scale_result or -errno: -EINVAL for a limit no
 * container could live with.
 */
int scale_start(struct berth_container *container, struct scale *scale, uint64_t memory, uint64_t swap,
		struct error *error);

/* One more step, if it is due. Likewise. */
int scale_step(struct berth_container *container, struct scale *scale, struct error *error);

/* Milliseconds until the next step is due; -1 where none is under way. */
int scale_timeout(const struct scale *scale);

/* Drops what is under way: the limit stays where it has got to. */
void scale_cancel(struct berth_container *container, struct scale *scale);

/* How it stands, for those who wait. */
void scale_describe(const struct berth_container *container, const struct scale *scale, struct berth_scale *report);

#endif
