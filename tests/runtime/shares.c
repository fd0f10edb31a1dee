/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU shares, measured: containers bound to one CPU compete for it, and the time each gets is read from its cgroup.
 * Other things run on the machine, so a measurement that misses is repeated, up to twenty times.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(shares, .init = rt_init, .fini = rt_fini);

enum { TRIES = 20 };

/* A busy container on the last CPU that this process may use. */
static struct rt_job *spin(uint64_t cpu_shares)
{
	static char cpu[16];
	cpu_set_t allowed;
	CPU_ZERO(&allowed);
	cr_assert_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &allowed))
			snprintf(cpu, sizeof cpu, "%d", i);
	struct berth_options options = RT_OPTIONS("spin");
	options.resources.cpu_shares = cpu_shares;
	options.resources.cpuset = cpu;
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "spinning");
	return job;
}

static double cpu_seconds(const struct rt_job *job)
{
	struct berth_stats stats = BERTH_STATS_INIT;
	rt_ok(berth_container_stats(job->container, &stats, &rt.error));
	return (double)stats.cpu_usage_ns / 1e9;
}

static double now_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void require_cpu(void)
{
	rt_require_controller("cpu");
	rt_require_controller("cpuacct");
	rt_require_controller("cpuset");
}

/* A measurement is a span of time; nothing is waited for. */
static void measure_for(double seconds)
{
	struct timespec span = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	while (nanosleep(&span, &span) < 0)
		;
}

Test(shares, one_to_three)
{
	require_cpu();
	struct rt_job *one = spin(256), *three = spin(768);
	double ratio = 0;
	for (int i = 0; i < TRIES; i++) {
		double before_one = cpu_seconds(one), before_three = cpu_seconds(three);
		measure_for(1.5);
		double got_one = cpu_seconds(one) - before_one, got_three = cpu_seconds(three) - before_three;
		ratio = got_one > 0 ? got_three / got_one : 0;
		cr_log_info("1:3 measured as %.3f s : %.3f s = 1:%.2f", got_one, got_three, ratio);
		if (ratio > 2.7 && ratio < 3.3)
			break;
	}
	cr_expect(ratio > 2.7 && ratio < 3.3, "1:3 was measured as 1:%.2f", ratio);
	rt_job_kill(one);
	rt_job_kill(three);
}

/* A share is what counts among busy neighbours; without any, even the smallest gets all that is there. */
Test(shares, alone_it_gets_all)
{
	require_cpu();
	double part = 0;
	for (int i = 0; i < TRIES && part < 0.85; i++) {
		/* What others on the machine take at this very time is seen by a measure with a normal share. */
		struct rt_job *plain = spin(1024);
		double cpu = cpu_seconds(plain), wall = now_seconds();
		measure_for(0.5);
		double there = (cpu_seconds(plain) - cpu) / (now_seconds() - wall);
		rt_job_kill(plain);
		struct rt_job *tiny = spin(2);
		cpu = cpu_seconds(tiny);
		wall = now_seconds();
		measure_for(0.5);
		double got = (cpu_seconds(tiny) - cpu) / (now_seconds() - wall);
		rt_job_kill(tiny);
		part = got / (there < 1 ? there : 1);
		cr_log_info("the smallest share alone got %.2f of a CPU, a normal one %.2f", got, there);
	}
	cr_expect_geq(part, 0.85, "alone, the smallest share got %.2f of what there was", part);
}

/* An update of a running container takes effect on the running. */
Test(shares, changed_while_running)
{
	require_cpu();
	struct rt_job *one = spin(1024), *other = spin(1024);
	struct berth_resources resources = BERTH_RESOURCES_INIT;
	resources.cpu_shares = 4096;
	rt_ok(berth_container_update(one->container, &resources, &rt.error));
	double ratio = 0;
	for (int i = 0; i < TRIES; i++) {
		double before = cpu_seconds(one), before_other = cpu_seconds(other);
		measure_for(0.7);
		double got = cpu_seconds(one) - before, got_other = cpu_seconds(other) - before_other;
		ratio = got_other > 0 ? got / got_other : 0;
		if (ratio > 3.2 && ratio < 4.8)
			break;
	}
	cr_expect(ratio > 3.2 && ratio < 4.8, "4:1 was measured as %.2f:1", ratio);
	rt_job_kill(one);
	rt_job_kill(other);
}
