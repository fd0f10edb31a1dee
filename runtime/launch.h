/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include "runtime/spec.h"

/*
 * Takes in a launch's options, and requires of the context, and of the cgroups delegated, what it needs. *archive, to
 * be closed when the container is on record, is that of archive_hold. 0 or -errno; the spec is the caller's to free in
 * any case.
 */
int launch_check(struct berth *berth, const struct berth_options *options, struct spec *spec, int *archive,
		 struct error *error);

#endif
