/* SPDX-License-Identifier: Apache-2.0 */
/* What each layer of the hardening costs: launches with it, and without. */
#include <stdio.h>

#include "tests/bench/bench.h"

/* Those that are set by default; without the whole set of cgroups they must be asked for. */
static const char *const device_rules[] = {
	"devices.deny=a",           "devices.allow=c 1:3 rwm",
	"devices.allow=c 1:5 rwm",  "devices.allow=c 1:7 rwm",
	"devices.allow=c 1:8 rwm",  "devices.allow=c 1:9 rwm",
	"devices.allow=c 5:0 rwm",  "devices.allow=c 5:2 rwm",
	"devices.allow=c 136:* rw", NULL,
};

static const struct berth_id_range map = {0, 100000, 65536};

enum change {
	NO_SECCOMP = 1,
	NO_CUT = 2, /* of capabilities */
	NEW_PRIVILEGES = 4,
	FEW_CGROUPS = 8,
	DEVICE_RULES = 16,
	USER_NAMESPACE = 32,
	HOST_CGROUP = 64,
};

static const struct layer {
	const char *name;
	unsigned int with, without; /* what is changed of the defaults */
	bool by_default;
} layers[] = {
	{"seccomp", 0, NO_SECCOMP, true},
	/* The filter depends on the capabilities: they are cut without one. */
	{"capabilities", NO_SECCOMP, NO_SECCOMP | NO_CUT, true},
	{"no_new_privs", NO_SECCOMP | NO_CUT, NO_SECCOMP | NO_CUT | NEW_PRIVILEGES, true},
	{"device rules", FEW_CGROUPS | DEVICE_RULES, FEW_CGROUPS, true},
	{"cgroup namespace", 0, HOST_CGROUP, true},
	{"user namespace, not a default", USER_NAMESPACE, 0, false},
};
enum { LAYERS = sizeof layers / sizeof *layers, MOST = LAYERS + 1 };
static const struct layer masks = {"masked and read-only files", 0, 0, true};

static struct job job_changed(struct berth *berth, unsigned int change)
{
	struct job job = job_make(JOB_DEFAULTS, berth, NULL, NULL);
	if (change & NO_SECCOMP)
		job.options.seccomp = "unconfined";
	if (change & NO_CUT)
		job.options.cap_add = all_capabilities;
	if (change & NEW_PRIVILEGES)
		job.options.flags |= BERTH_NEW_PRIVILEGES;
	if (change & FEW_CGROUPS)
		job.options.flags |= BERTH_FEW_CGROUPS;
	if (change & DEVICE_RULES)
		job.options.cgroup_files = device_rules;
	if (change & HOST_CGROUP)
		job.options.flags |= BERTH_HOST_CGROUP;
	if (change & USER_NAMESPACE) {
		job.options.uid_map = &map;
		job.options.n_uid_map = 1;
	}
	return job;
}

void bench_layers(void)
{
	struct berth *berth = bench_open();
	struct job jobs[LAYERS][2];
	struct masked *masked[] = {masked_make(true), masked_make(false)};
	struct contender contenders[MOST * 2] = {{0}};
	char names[MOST * 2][64];
	const struct layer *measured[MOST];
	size_t count = 0;
	for (size_t i = 0; i < LAYERS; i++) {
		struct berth_error error = BERTH_ERROR_INIT;
		jobs[i][0] = job_changed(berth, layers[i].with);
		jobs[i][1] = job_changed(berth, layers[i].without);
		if (!job_works(&jobs[i][0], &error) || !job_works(&jobs[i][1], &error)) {
			figure_left_out(layers[i].name, error.text);
			continue;
		}
		for (size_t side = 0; side < 2; side++)
			contenders[count * 2 + side] = (struct contender){.run = job_run, .data = &jobs[i][side]};
		measured[count++] = &layers[i];
	}
	for (size_t side = 0; side < 2; side++)
		contenders[count * 2 + side] = (struct contender){.run = masked_run, .data = masked[side]};
	measured[count++] = &masks;
	for (size_t i = 0; i < count * 2; i++) {
		snprintf(names[i], sizeof names[i], "%s %s", i % 2 ? "without" : "with", measured[i / 2]->name);
		contenders[i].name = names[i];
	}
	contenders_run(contenders, count * 2, (struct pace){.rounds = 1200, .seconds = 30});
	for (size_t i = 0; i < count * 2; i++)
		figure_add("layers of the hardening", contenders[i].name, 0, "us", contenders[i].summary);
	for (size_t i = 0; i < count * 2; i++)
		figure_add("layers of the hardening, CPU time", contenders[i].name, 0, "us", contenders[i].cpu_summary);
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		if (measured[i]->by_default)
			sum += contenders[i * 2].summary.p50 - contenders[i * 2 + 1].summary.p50;
	target_value("hardening, sum of its layers, p50", "us", sum, AT_MOST, 250);
	masked_free(masked[0]);
	masked_free(masked[1]);
	berth_close(berth);
}
