/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include "runtime/spec.h"

/* The controllers a container gets: those its limits need and, unless BERTH_FEW_CGROUPS, those that watch it where they
 * are mounted. */
unsigned int launch_controllers(const struct berth *berth, const struct spec *spec);

#endif
