/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A limit that is hit is not always memory that has run out. While one is being lowered, it is one that nobody asked
 * for. And where a container's threads write to all of its pages all the time, Linux may find nothing to swap out for a
 * millisecond, and kill, with swap to spare: what it reclaims by are counters that it brings up to date every two
 * seconds (mm/vmscan.c, inactive_is_low). So an owner that attends asks the kernel to let who allocates wait (on v1; v2
 * has no such thing), and makes room.
 */
#ifndef RUNTIME_OOM_GUARD_H
#define RUNTIME_OOM_GUARD_H

#include "runtime/scale.h"

struct oom_guard {
	int event; /* to poll, once >= 0; it stays the same */
	bool held;
};
#define OOM_GUARD_INIT                                                                                                 \
	{                                                                                                              \
		.event = -1                                                                                            \
	}

/* Lets the kernel kill again, if it was asked not to. */
void oom_guard_free(struct oom_guard *guard, const struct berth_container *container);

/*
 * Whether the kernel is to leave killing to the owner: it is while a scale-down is under way, and as long as the
 * container has swap left. Called whenever that may have changed. True when guard->event has just been opened.
 */
bool oom_guard_update(struct oom_guard *guard, const struct berth_container *container, const struct scale *scale);

/* Makes room if somebody waits for it: by a step that is due now, or a scale-down back to the limit that was hit. */
void oom_guard_attend(struct oom_guard *guard, struct berth_container *container, struct scale *scale);

#endif
