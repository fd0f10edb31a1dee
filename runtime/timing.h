/* SPDX-License-Identifier: Apache-2.0 */
/* What a launch spends its time on, for who asks: berth_options.timing. */
#ifndef RUNTIME_TIMING_H
#define RUNTIME_TIMING_H

#include <stdint.h>

#include "nsutil/plan.h"
#include "runtime/berth.h"

enum { TIMING_PARTS_MOST = 16 + PLAN_OP_COUNT };

struct timing {
	void (*report)(void *data, const char *part, unsigned int count, uint64_t ns); /* NULL: nobody asks */
	void *data;
	uint64_t last;   /* when the part under way began */
	uint64_t *steps; /* when each step of the plan began; owned */
	struct timing_part {
		const char *name;
		unsigned int count;
		uint64_t ns;
	} parts[TIMING_PARTS_MOST];
	size_t n_parts;
};

/* The options as the caller gave them, of whatever size. */
void timing_start(struct timing *timing, const struct berth_options *options);
/* All since the last call was this part. */
void timing_part(struct timing *timing, const char *name);
/* Has the plan's steps timed. 0 or -ENOMEM. */
int timing_plan(struct timing *timing, struct plan *plan);
/* All since the last call was "clone" and the plan's steps. */
void timing_steps(struct timing *timing, const struct plan *plan);
void timing_report(const struct timing *timing);
void timing_free(struct timing *timing);
#define cleanup_timing __attribute__((cleanup(timing_free)))

#endif
