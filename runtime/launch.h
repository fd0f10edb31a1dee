/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include "runtime/spec.h"

/* The controllers a container gets: those its limits need and, unless BERTH_FEW_CGROUPS, those that watch it where they
 * are mounted. */
unsigned int launch_controllers(const struct berth *berth, const struct spec *spec);

/*
 * For an ordinary user's container: puts the spec's cgroups where they are delegated to the user, and without that
 * refuses limits. enter: also makes room there, where it takes that. 0 or -errno.
 */
int launch_delegate(const struct berth *berth, struct spec *spec, bool enter, struct error *error);

#endif
