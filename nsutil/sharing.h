/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Around a clone(2) with CLONE_VM and CLONE_VFORK: while a child has the caller's memory, no handler of the caller's
 * runs in it, the thread that waits for it is not cancelled, and nobody may look into that memory by the child.
 */
#ifndef NSUTIL_SHARING_H
#define NSUTIL_SHARING_H

#include <signal.h>

struct sharing {
	sigset_t signals;
	int cancel_state;
};

/* Each begin has its end, in the same thread. */
void sharing_begin(struct sharing *sharing);
void sharing_end(const struct sharing *sharing);

#endif
