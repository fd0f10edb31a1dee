/* SPDX-License-Identifier: Apache-2.0 */
/* Which cgroup controllers a container gets, and where. */
#ifndef RUNTIME_CONTROLLERS_H
#define RUNTIME_CONTROLLERS_H

#include "runtime/spec.h"

/* The controllers a container gets: those its limits need and, unless BERTH_FEW_CGROUPS, those that watch it where they
 * are mounted. */
unsigned int controllers_wanted(const struct berth *berth, const struct spec *spec);

/*
 * Those of them that init enters when it has set up all the rest, so that their v1 cgroups are made, and their limits
 * written, meanwhile; in v2 the limits are all there is to do. With init alone: what executes the command itself may do
 * so while its parent is suspended. Whatever the limits are, or none that was prepared without them would suit.
 */
unsigned int controllers_later(const struct berth *berth, const struct spec *spec);

/*
 * For an ordinary user's container: puts the spec's cgroups where they are delegated to the user, and without that
 * refuses limits. enter: also makes room there, where it takes that. 0 or -errno.
 */
int controllers_delegate(const struct berth *berth, struct spec *spec, bool enter, struct error *error);

#endif
