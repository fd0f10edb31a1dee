/* SPDX-License-Identifier: Apache-2.0 */
/* `berth run --seccomp-log`: what the filter would refuse, told once per call. */
#ifndef RUNTIME_CLI_REFUSALS_H
#define RUNTIME_CLI_REFUSALS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/berth.h"

struct refusals {
	struct berth_container *container;
	int fd; /* poll it for POLLIN; -1: nothing more comes */
	uint64_t told[512];
	size_t n_told;
};

/* Tells of the call that waits, if it is the first of its kind, and lets it go on. */
void refusals_tell(struct refusals *refusals);

#endif
