/* SPDX-License-Identifier: Apache-2.0 */
/* Limits as the executor feels them: they stand before it runs, they hold, and an end by memory says so. */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(limits, .init = rt_init, .fini = rt_fini);

#define MIB (UINT64_C(1) << 20)

static struct berth_stats stats_of(struct berth_container *container)
{
	struct berth_stats stats = BERTH_STATS_INIT;
	rt_ok(berth_container_stats(container, &stats, &rt.error));
	return stats;
}

/* They are written before the command is made; what runs can only confirm that they stand. */
Test(limits, stand_from_the_start)
{
	rt_require_controller("memory");
	rt_require_controller("cpu");
	rt_require_controller("pids");
	struct berth_options options = RT_OPTIONS("act", "children", "10", "hold");
	options.resources.cpus = 0.5;
	options.resources.memory = 64 * MIB;
	options.resources.pids = 7;
	struct rt_job *job = rt_job(&options);
	struct berth_stats stats = stats_of(job->container);
	cr_expect(stats.has_cpu && stats.has_memory && stats.has_processes);
	cr_expect_eq(stats.memory_limit, 64 * MIB);
	/* v2's weights are coarser than shares. */
	cr_expect(stats.cpu_shares >= 490 && stats.cpu_shares <= 530, "%llu", (unsigned long long)stats.cpu_shares);
	cr_expect_eq(stats.processes_limit, 7u);
	/* init, the command and five children; the sixth is refused. */
	rt_job_expect(job, "children 5=EAGAIN");
	cr_expect_eq(stats_of(job->container).processes, 7u);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

/* A limit the very first page would break, were it written after the launch. */
Test(limits, hold_for_the_first_instruction)
{
	rt_require_controller("pids");
	struct berth_options options = RT_OPTIONS("act", "children", "1");
	options.resources.pids = 1;
	/* init needs a second task for the command. */
	rt_launch_fails(&options, -EAGAIN, 125);
	cr_expect(strstr(rt.error.text, "fork"), "%s", rt.error.text);
	options.flags = BERTH_NO_INIT;
	rt_expect_line(rt_output(&options), "children 0=EAGAIN");
	rt_expect_nothing_left();
}

static void out_of_memory(unsigned int flags)
{
	struct berth_options options = RT_OPTIONS("eat", "200");
	options.flags = flags;
	options.resources.memory = 48 * MIB;
	options.resources.swap = BERTH_NO_SWAP;
	struct rt_job *job = rt_job(&options);
	struct berth_end end = rt_job_end(job);
	rt_expect_end(end, BERTH_OUT_OF_MEMORY, SIGKILL);
	cr_expect(rt_has_line(job->text, "eating") && !rt_has_line(job->text, "eaten"), "%s", job->text);
	cr_expect_eq(end.memory_limit, 48 * MIB);
	cr_expect(end.memory_peak > 40 * MIB && end.memory_peak <= 48 * MIB, "peak %llu",
		  (unsigned long long)end.memory_peak);
	cr_expect_geq(end.oom_kills, 1u);
	cr_expect(strstr(end.text, "out of memory") && strstr(end.text, "48.0 MiB") && strstr(end.text, "1 process"),
		  "%s", end.text);
	cr_expect_eq(berth_end_status(&end), 137);
}

/* Where there is swap but no accounting of it, swap can't be refused. */
static void require_swap_control(void)
{
	rt_require_controller("memory");
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.resources.memory = 48 * MIB;
	options.resources.swap = BERTH_NO_SWAP;
	struct berth_container *container = NULL;
	if (berth_launch(rt.berth, &options, &container, &rt.error) < 0)
		cr_skip_test("no control over swap: %s", rt.error.text);
	rt_end(rt_adopt(container));
}

Test(limits, out_of_memory)
{
	require_swap_control();
	out_of_memory(0);
}

Test(limits, out_of_memory_as_pid_1)
{
	require_swap_control();
	out_of_memory(BERTH_NO_INIT);
}

Test(limits, enough_memory)
{
	rt_require_controller("memory");
	struct berth_options options = RT_OPTIONS("eat", "30");
	options.resources.memory = 64 * MIB;
	struct rt_job *job = rt_job(&options);
	struct berth_end end = rt_job_end(job);
	rt_expect_end(end, BERTH_EXITED, 0);
	cr_expect(end.memory_peak >= 30 * MIB && end.memory_peak <= 64 * MIB, "peak %llu",
		  (unsigned long long)end.memory_peak);
	cr_expect_eq(end.oom_kills, 0u);
	cr_expect_eq(end.memory_limit, 64 * MIB);
}

/* Numbers take time, and BERTH_FEW_CGROUPS has none of the ends that need no explanation. */
Test(limits, numbers_of_ends_with_few_cgroups)
{
	rt_require_controller("memory");
	static const struct {
		const char *status; /* NULL: it is killed */
		unsigned int flags;
		bool told;
	} ends[] = {
		{"0", 0, false},
		{NULL, 0, false},
		{"3", 0, true},
		{"0", BERTH_KEEP_RECORD, true},
		{"3", BERTH_NO_INIT, true},
		{NULL, BERTH_NO_INIT, false},
	};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct berth_options options =
			ends[i].status ? RT_OPTIONS("act", "exit", ends[i].status) : RT_OPTIONS("act", "pause");
		options.flags = BERTH_FEW_CGROUPS | ends[i].flags;
		options.resources.memory = 64 * MIB;
		struct berth_container *container = rt_launch(&options);
		if (!ends[i].status)
			rt_ok(berth_container_kill(container, BERTH_KILLED, &rt.error));
		struct berth_end end = BERTH_END_INIT;
		rt_ok(berth_container_wait(container, rt_patience(), &end, &rt.error));
		cr_expect_eq(end.reason, ends[i].status ? BERTH_EXITED : BERTH_KILLED, "%zu: %s", i, end.text);
		cr_expect_eq(end.memory_limit, ends[i].told ? 64 * MIB : 0, "%zu", i);
		cr_expect_eq(end.memory_peak > 0, ends[i].told, "%zu", i);
		if (ends[i].flags & BERTH_KEEP_RECORD)
			rt_ok(berth_container_remove(container, &rt.error));
		rt_forget(container);
		berth_container_close(container);
	}
}

/* The caller must survive, whatever size is too small for the executor, and is told. */
Test(limits, too_small_to_start)
{
	require_swap_control();
	size_t too_small = 0, started = 0;
	for (uint64_t i = 0; i < 20; i++) {
		uint64_t size = 4096 << i / 2;
		struct berth_options options = RT_OPTIONS("act", "exit", "0");
		/* Without init it is in the caller's memory that the launch runs out of its own. */
		options.flags = i % 2 ? BERTH_NO_INIT : 0;
		options.resources.memory = size;
		options.resources.swap = BERTH_NO_SWAP;
		struct berth_container *container = NULL;
		int code = berth_launch(rt.berth, &options, &container, &rt.error);
		if (code == 0) {
			struct berth_end end = rt_end(rt_adopt(container));
			cr_expect(end.reason == BERTH_OUT_OF_MEMORY || (end.reason == BERTH_EXITED && end.code == 0),
				  "%llu: %s", (unsigned long long)size, end.text);
			started++;
			continue;
		}
		cr_expect(code == -ENOMEM || code == -EINVAL, "%llu: %d, %s", (unsigned long long)size, code,
			  rt.error.text);
		cr_expect(strstr(rt.error.text, "too small"), "%llu: %s", (unsigned long long)size, rt.error.text);
		cr_expect_eq(rt_state_entries(), 0u);
		too_small++;
	}
	cr_expect(too_small > 0 && started > 0, "%zu too small, %zu started", too_small, started);
}

Test(limits, of_bad_form)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.resources.cpus = -1;
	rt_launch_fails(&options, -EINVAL, 125);
	options.resources.cpus = NAN;
	rt_launch_fails(&options, -EINVAL, 125);
	options.resources.cpus = INFINITY;
	rt_launch_fails(&options, -EINVAL, 125);
	options.resources.cpus = 0;
	options.resources.cpu_shares = 1;
	rt_launch_fails(&options, -EINVAL, 125);
	options.resources.cpu_shares = 262145;
	rt_launch_fails(&options, -EINVAL, 125);
	options.resources.cpu_shares = 0;
	options.resources.cpu_limit = 0.001;
	rt_launch_fails(&options, -EINVAL, 125);
	options.resources.cpu_limit = -0.5;
	rt_launch_fails(&options, -EINVAL, 125);
	options.resources.cpu_limit = 0;
	static const char *const lists[] = {"", "a", "1-", "3-1", "0,", "99999"};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		options.resources.cpuset = lists[i];
		struct berth_container *container = NULL;
		int code = berth_launch(rt.berth, &options, &container, &rt.error);
		cr_expect_lt(code, 0, "cpuset '%s'", lists[i]);
		if (code == 0)
			rt_end(rt_adopt(container));
	}
	rt_expect_nothing_left();
}

static int launch_in_real_time(void *data)
{
	struct berth_container *container;
	struct berth *berth = rt_open();
	const struct sched_param priority = {.sched_priority = 1};
	if (sched_setscheduler(0, SCHED_FIFO, &priority) < 0)
		return 2;
	int code = berth_launch(berth, data, &container, &rt.error);
	if (code == 0) {
		berth_container_wait(container, rt_patience(), NULL, &rt.error);
		berth_container_close(container);
	}
	berth_close(berth);
	fprintf(stderr, "%s\n", rt.error.text);
	return code == 0 ? 2 : !strstr(rt.error.text, "real-time");
}

Test(limits, a_real_time_slave_is_told_why_its_child_is_refused)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.resources.cpus = 1;
	rt_root();
	int status = rt_wait_child(rt_fork(launch_in_real_time, &options));
	if (status == 2 << 8)
		cr_skip_test("here cgroups take real-time processes, or there can be none");
	cr_expect_eq(status, 0);
}

Test(limits, cpu_cap)
{
	rt_require_controller("cpu");
	rt_require_controller("cpuacct");
	struct berth_options options = RT_OPTIONS("spin");
	options.resources.cpu_limit = 0.2;
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "spinning");
	/* A CPU-bound process that is held back shows it in the count of what it was denied. */
	for (int waited = 0; stats_of(job->container).cpu_throttled_ns < 300000000 && waited < rt_patience();
	     waited += 20)
		usleep(20000);
	struct berth_stats stats = stats_of(job->container);
	cr_expect_geq(stats.cpu_throttled_ns, 300000000u);
	rt_expect_end(rt_job_kill(job), BERTH_KILLED, SIGKILL);
}

Test(limits, cgroup_parent_forms)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	char parent[100];
	snprintf(parent, sizeof parent, "/%s/deep/er", rt.parent);
	options.cgroup_parent = parent;
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 0);
	static const char *const bad[] = {"..", "../x", "a/../b", "a/..", "."};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct berth_container *container = NULL;
		options.cgroup_parent = bad[i];
		int code = berth_launch(rt.berth, &options, &container, &rt.error);
		cr_expect_lt(code, 0, "parent '%s'", bad[i]);
		if (code == 0)
			rt_end(rt_adopt(container));
	}
	cr_expect_eq(berth_collect(rt.berth, parent, false, &rt.error), 0);
}
