/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/timing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Parts of one name are one, at the place of the first. */
static void add(struct timing *timing, const char *name, uint64_t until)
{
	struct timing_part *part = timing->parts;
	while (part < timing->parts + timing->n_parts && strcmp(part->name, name) != 0)
		part++;
	if (part == timing->parts + TIMING_PARTS_MOST)
		return;
	if (part == timing->parts + timing->n_parts)
		timing->parts[timing->n_parts++] = (struct timing_part){.name = name};
	part->count++;
	part->ns += until > timing->last ? until - timing->last : 0;
	timing->last = until;
}

void timing_start(struct timing *timing, const struct berth_options *options)
{
	/* A caller that was built before there was such a thing has less of the struct. */
	if (options->size < offsetof(struct berth_options, timing_data) + sizeof options->timing_data)
		return;
	timing->report = options->timing;
	timing->data = options->timing_data;
	if (timing->report)
		timing->last = monotonic_ns();
}

void timing_part(struct timing *timing, const char *name)
{
	if (timing->report)
		add(timing, name, monotonic_ns());
}

int timing_plan(struct timing *timing, struct plan *plan)
{
	if (!timing->report)
		return 0;
	plan_time(plan);
	timing->steps = calloc(plan_count(plan), sizeof *timing->steps);
	return timing->steps ? 0 : -ENOMEM;
}

void timing_steps(struct timing *timing, const struct plan *plan)
{
	if (!timing->report)
		return;
	uint64_t end = monotonic_ns();
	add(timing, "clone", timing->steps[0]);
	for (size_t i = 0; i < plan_count(plan); i++)
		add(timing, plan_word(plan, i), i + 1 < plan_count(plan) ? timing->steps[i + 1] : end);
}

void timing_report(const struct timing *timing)
{
	for (size_t i = 0; i < timing->n_parts; i++)
		timing->report(timing->data, timing->parts[i].name, timing->parts[i].count, timing->parts[i].ns);
}

void timing_free(struct timing *timing)
{
	free(timing->steps);
}
