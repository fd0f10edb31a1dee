/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering a running container's memory limit below what it uses: design and policy in berth.h, struct
 * berth_memory_policy. */
#ifndef RUNTIME_SCALE_H
#define RUNTIME_SCALE_H

#include "runtime/container.h"

/* Zero is "none under way". */
struct scale {
	bool active;
	uint64_t token;              /* of the request, see scale_note.h */
	struct cgroup_limits target; /* memory, and swap as it was before or is to be */
	uint64_t start_ms;           /* monotonic */
	uint64_t due_ms;             /* when the next step is worth trying */
	uint64_t lowest_usage;       /* so far */
	unsigned int killed_looks;   /* how often the kernel was seen to have killed meanwhile */
	bool lenient;
};

enum scale_result {
	SCALE_PENDING, /* call scale_step again when it is due */
	SCALE_DONE,    /* the limit is in force, or the container has ended */
	SCALE_KILLED,  /* time was up: the container has been killed for it */
};

/*
 * Changes the memory limit where that is a matter of writing it: it fits, and nothing else is under way, in whatever
 * process. Returns 1 when it is in force, 0 when it is one for scale_start, or -errno.
 */
int scale_at_once(struct berth_container *container, uint64_t memory, struct error *error);

/*
 * Begins to bring the container to these limits (memory, and optionally swap; memory 0: only swap, memory as it is or
 * is on its way to), replacing what was under way in this or another process, and takes the first step. A limit that
 * fits is in force at once. Returns an enum scale_result or -errno: -EINVAL for a limit no container could live with.
 * Where it fails before it has begun, scale->token is what it was, and what is under way goes on.
 */
int scale_start(struct berth_container *container, struct scale *scale, uint64_t memory, uint64_t swap,
		struct error *error);

/* Whether there is swap that the container may still use, more than a little. */
bool scale_swap_left(const struct berth_container *container);

/* For a container that waits for memory at its limit while there is swap: raises the limit by a little, and begins to
 * bring it back. As scale_start. */
int scale_relieve(struct berth_container *container, struct scale *scale, struct error *error);

/* One more step, if it is due. Likewise; -ECANCELED when another process's request has taken its place. */
int scale_step(struct berth_container *container, struct scale *scale, struct error *error);

/* Milliseconds until the next step is due; -1 where none is under way. */
int scale_timeout(const struct scale *scale);

/*
 * For a new owner: thaws what a scaler that died left frozen, and lets the kernel kill what it held. True with its
 * request in *memory and *swap, where it left that unfinished.
 */
bool scale_recover(struct berth_container *container, uint64_t *memory, uint64_t *swap);

/* How it stands, for those who wait. */
void scale_describe(const struct berth_container *container, const struct scale *scale, struct berth_scale *report);

#endif
