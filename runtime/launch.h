/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include "runtime/spec.h"

/* The controllers a container gets: those its limits need and, unless BERTH_FEW_CGROUPS, those that watch it where they
 * are mounted. */
unsigned int launch_controllers(const struct berth *berth, const struct spec *spec);

/*
 * Takes in a launch's options, and requires of the context, and of the cgroups delegated, what it needs. *archive, to
 * be closed when the container is on record, is that of archive_hold. 0 or -errno; the spec is the caller's to free in
 * any case.
 */
int launch_check(struct berth *berth, const struct berth_options *options, struct spec *spec, int *archive,
		 struct error *error);

/*
 * For an ordinary user's container: puts the spec's cgroups where they are delegated to the user, and without that
 * refuses limits. enter: also makes room there, where it takes that. 0 or -errno.
 */
int launch_delegate(const struct berth *berth, struct spec *spec, bool enter, struct error *error);

#endif
