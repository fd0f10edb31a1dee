/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time of a launch goes: what `berth run --timing` tells, of many launches. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/bench.h"

enum { MOST_PARTS = 64 };

struct parts {
	struct part {
		char name[32];
		unsigned int count;
		struct samples us;
	} parts[MOST_PARTS];
	size_t count;
};

static void part_note(void *data, const char *name, unsigned int count, uint64_t ns)
{
	struct parts *parts = data;
	size_t i = 0;
	while (i < parts->count && strcmp(parts->parts[i].name, name) != 0)
		i++;
	if (i == MOST_PARTS)
		fail("a launch has more than %d parts", MOST_PARTS);
	struct part *part = &parts->parts[i];
	if (i == parts->count) {
		parts->count++;
		snprintf(part->name, sizeof part->name, "%s", name);
	}
	part->count = count;
	samples_add(&part->us, (double)ns / 1000);
}

void bench_parts(void)
{
	static const struct {
		enum job_kind kind;
		const char *group;
	} kinds[] = {{JOB_BARE, "parts of a launch, the limit's features"},
		     {JOB_DEFAULTS, "parts of a launch, defaults"}};
	static struct parts parts[2];
	struct berth *berth = bench_open();
	struct job jobs[2];
	for (int k = 0; k < 2; k++) {
		jobs[k] = job_make(kinds[k].kind, berth, NULL, NULL);
		job_run(&jobs[k]); /* doesn't count */
		jobs[k].options.timing = part_note;
		jobs[k].options.timing_data = &parts[k];
	}
	struct pace pace = {.rounds = 1500, .seconds = 10};
	while (pace_goes_on(&pace))
		for (int k = 0; k < 2; k++)
			job_run(&jobs[k]);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < parts[k].count; i++)
			figure_add(kinds[k].group, parts[k].parts[i].name, parts[k].parts[i].count, "us",
				   samples_summary(&parts[k].parts[i].us));
	berth_close(berth);
}
