/* SPDX-License-Identifier: Apache-2.0 */
/* The builder's inside, shared by plan.c and plan_describe.c alone. */
#ifndef NSUTIL_PLAN_PRIVATE_H
#define NSUTIL_PLAN_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nsutil/plan_format.h"

struct plan {
	struct plan_step *steps;
	size_t n_steps, step_room;
	char *strings;
	size_t string_size, string_room;
	uint32_t fail_step, fail_error;
	uint32_t timed;
	bool failed; /* out of memory once: what was added since is lost */
};

#endif
