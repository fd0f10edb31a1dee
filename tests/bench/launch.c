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
		{.name = "library, no init, few cgroups", .run = job_run, .data = &no_init},
		{.name = "library, defaults", .run = job_run, .data = &defaults},
		{.name = "prepared, the limit's features", .run = job_run_prepared, .data = &bare},
		{.name = "prepared, defaults", .run = job_run_prepared, .data = &defaults},
	};
	struct contender until[] = {
		{.name = "library, defaults", .run = job_execute, .data = &defaults},
		{.name = "prepared, defaults", .run = job_execute_prepared, .data = &defaults},
		{.name = "library, the limit's features", .run = job_execute, .data = &bare},
		{.name = "prepared, the limit's features", .run = job_execute_prepared, .data = &bare},
	};
	contenders_run(contenders, 6, (struct pace){.rounds = 3000, .seconds = 36});
	contenders_add("launch", 0, contenders, 6);
	/* Of those that are prepared the preparation would be among it. */
	contenders_add_cpu("launch, CPU time", contenders, 4);
	const struct summary *least = &contenders[0].summary, *most = &contenders[3].summary;
	target_ratio("launch, the limit's features, p50", "us", contenders[1].summary.p50, "limit", least->p50, AT_MOST,
		     1.15);
	target_ratio("launch, defaults, p50", "us", most->p50, "limit", least->p50, AT_MOST, 2.5);
	target_ratio("launch, defaults, p99", "us", most->p99, "limit", least->p99, AT_MOST, 2);
	contenders_run(until, 4, (struct pace){.rounds = 1000, .seconds = 8});
	contenders_add("launch, until the command is executed", 0, until, 4);
	berth_close(berth);
	limit_close(&limit, bench_parent);
}
