/* SPDX-License-Identifier: Apache-2.0 */
/* A launch to its end and removal: the limit, and berth from the least it can do to every default. */
#include "tests/bench/bench.h"

void bench_launch(void)
{
	struct limit limit;
	if (limit_open(&limit, PARENT, ROOT, idle_argv) < 0)
		fail("the limit: no cgroups");
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
	static const double targets[] = {0, 1.15, 0, 2.5};
	contenders_run(contenders, 4, quick ? 300 : 3000);
	result_add_all("launch", 0, contenders, 4, targets);
	result_add_cpu("launch, CPU time", 0, contenders, 4);
	berth_close(berth);
	limit_close(&limit, PARENT);
}
