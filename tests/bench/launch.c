/* SPDX-License-Identifier: Apache-2.0 */
/* A launch to its end and removal: the limit, and berth from the least it can do to every default. */
#include "tests/bench/bench.h"

void bench_launch(void)
{
	struct limit limit;
	if (limit_open(&limit, bench_parent, ROOT, idle_argv) < 0)
		fail("the limit: there is no cpu and memory controller below /sys/fs/cgroup");
	struct berth *berth = bench_open();
	struct job bare = job_make(JOB_BARE, berth, &limit, NULL);
	struct job no_init = job_make(JOB_NO_INIT, berth, &limit, NULL);
	struct job defaults = job_make(JOB_DEFAULTS, berth, &limit, NULL);
	struct contender contenders[] = {
		{.name = "limit", .run = job_run_limit, .data = &bare},
		{.name = "library, the limit's features", .run = job_run, .data = &bare},
		{.name = "library, no init", .run = job_run, .data = &no_init},
		{.name = "library, defaults", .run = job_run, .data = &defaults},
	};
	contenders_run(contenders, 4, (struct pace){.rounds = 3000, .seconds = 24});
	contenders_add("launch", 0, contenders, 4);
	contenders_add_cpu("launch, CPU time", contenders, 4);
	const struct summary *least = &contenders[0].summary, *most = &contenders[3].summary;
	target_ratio("launch, the limit's features, p50", "us", contenders[1].summary.p50, "limit", least->p50, AT_MOST,
		     1.15);
	target_ratio("launch, defaults, p50", "us", most->p50, "limit", least->p50, AT_MOST, 2.5);
	target_ratio("launch, defaults, p99", "us", most->p99, "limit", least->p99, AT_MOST, 2);
	berth_close(berth);
	limit_close(&limit, bench_parent);
}

/* ---- What each layer of the hardening costs ---- */

enum { SECCOMP = 1, CAPABILITIES = 2, NO_NEW_PRIVILEGES = 4 };

/* The defaults without some of the layers. */
static struct job layer_less(struct berth *berth, int without)
{
	struct job job = job_make(JOB_DEFAULTS, berth, NULL, NULL);
	if (without & SECCOMP)
		job.options.seccomp = "unconfined";
	if (without & CAPABILITIES)
		job.options.cap_add = own_capabilities();
	if (without & NO_NEW_PRIVILEGES)
		job.options.flags |= BERTH_NEW_PRIVILEGES;
	return job;
}

/* The defaults with a user namespace, which is none of them. */
static struct job layer_userns(struct berth *berth)
{
	static const struct berth_id_range map = {0, 100000, 65536};
	struct job job = job_make(JOB_DEFAULTS, berth, NULL, NULL);
	job.options.uid_map = &map;
	job.options.n_uid_map = 1;
	return job;
}

/* One layer after the other is taken away. Seccomp is the first, as its filter depends on the capabilities. */
void bench_layers(void)
{
	static const struct {
		const char *name;
		int without;
	} layers[] = {
		{"defaults", 0},
		{"less seccomp", SECCOMP},
		{"and less cut capabilities", SECCOMP | CAPABILITIES},
		{"and less no_new_privs", SECCOMP | CAPABILITIES | NO_NEW_PRIVILEGES},
	};
	enum { COUNT = sizeof layers / sizeof *layers };
	static const char more[] = "defaults and a user namespace";
	struct berth *berth = bench_open();
	struct job jobs[COUNT + 1];
	struct contender contenders[COUNT + 1] = {{0}};
	for (size_t i = 0; i < COUNT; i++) {
		jobs[i] = layer_less(berth, layers[i].without);
		contenders[i] = (struct contender){.name = layers[i].name, .run = job_run, .data = &jobs[i]};
	}
	size_t count = COUNT;
	struct berth_error error = BERTH_ERROR_INIT;
	jobs[COUNT] = layer_userns(berth);
	if (job_works(&jobs[COUNT], &error))
		contenders[count++] = (struct contender){.name = more, .run = job_run, .data = &jobs[COUNT]};
	else
		figure_left_out(more, error.text);
	contenders_run(contenders, count, (struct pace){.rounds = 2000, .seconds = 24});
	contenders_add("hardening taken away", 0, contenders, count);
	contenders_add_cpu("hardening taken away, CPU time", contenders, count);
	target_value("hardening, p50 with all less p50 with none", "us",
		     contenders[0].summary.p50 - contenders[COUNT - 1].summary.p50, AT_MOST, 250);
	berth_close(berth);
}
