/* SPDX-License-Identifier: Apache-2.0 */
/* What lxc-execute does while its container lives: signals passed on, memory requests of others attended to. */
#ifndef RUNTIME_LXC_FOREGROUND_H
#define RUNTIME_LXC_FOREGROUND_H

#include "runtime/lxc/tool.h"

/* Blocks the signals that are passed on, so that none is lost half-way: before the launch. */
void foreground_prepare(void);

/*
 * berth_launch, but where the name is in use by a container that is just ending, its end is awaited, for at most ten
 * seconds: a slave may launch the next executor while it still stops the last. -EEXIST if it runs on.
 */
int foreground_launch(struct tool *tool, struct berth *berth, const struct berth_options *options,
		      struct berth_container **container, struct berth_error *error);

/* Returns when the container's init has ended. */
int foreground_attend(struct tool *tool, struct berth_container *container, struct berth_error *error);

#endif
