/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at containers and changing them: list, inspect, stats, update, pause, resume, plan. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "tests/runtime/fixture.h"

TestSuite(manage, .init = rt_init, .fini = rt_fini);

#define MIB (UINT64_C(1) << 20)

static void expect_list(const char *const *names)
{
	struct berth_container **all;
	ssize_t count = berth_list(rt.berth, &all, &rt.error);
	size_t wanted = 0;
	cr_assert_geq(count, 0, "%s", rt.error.text);
	for (; names[wanted]; wanted++) {
		bool found = false;
		for (ssize_t i = 0; i < count; i++)
			found |= strcmp(berth_container_name(all[i]), names[wanted]) == 0;
		cr_expect(found, "%s is not listed", names[wanted]);
	}
	cr_expect_eq((size_t)count, wanted);
	for (ssize_t i = 0; i < count; i++)
		berth_container_close(all[i]);
	free(all);
}

Test(manage, list)
{
	expect_list((const char *const[]){NULL});
	struct berth_options options = RT_OPTIONS("act", "pause");
	options.name = "a b";
	struct berth_container *one = rt_launch(&options);
	options.name = "/c";
	options.flags = BERTH_KEEP_RECORD;
	struct berth_container *two = rt_launch(&options);
	expect_list((const char *const[]){"a b", "/c", NULL});
	rt_kill(one);
	rt_ok(berth_container_kill(two, BERTH_KILLED, &rt.error));
	rt_ok(berth_container_wait(two, rt_patience(), NULL, &rt.error));
	expect_list((const char *const[]){"/c", NULL});
	rt_ok(berth_container_remove(two, &rt.error));
	expect_list((const char *const[]){NULL});
	rt_end(two);
}

Test(manage, find_what_is_not_there)
{
	struct berth_container *found;
	rt_expect_error(berth_container_find(rt.berth, "nobody", &found, &rt.error), ENOENT);
	cr_expect(strstr(rt.error.text, "nobody"), "%s", rt.error.text);
	rt_expect_error(berth_container_find(rt.berth, "", &found, &rt.error), EINVAL);
	rt_expect_error(berth_container_find(rt.berth, "..", &found, &rt.error), ENOENT);
	rt_expect_error(berth_container_find(rt.berth, ".stage", &found, &rt.error), ENOENT);
}

/* By another context, which knows of the cgroups only what the record or the mount table tells. */
static void expect_memory_limit(const char *name, const char *wanted)
{
	char limit[64] = "";
	struct berth *berth = rt_open();
	struct berth_container *found = NULL;
	rt_ok(berth_container_find(berth, name, &found, &rt.error));
	cr_expect_geq(berth_container_cgroup_read(found, "memory.limit_in_bytes", limit, sizeof limit, &rt.error), 0,
		      "%s", rt.error.text);
	cr_expect_str_eq(limit, wanted);
	berth_container_close(found);
	berth_close(berth);
}

Test(manage, cgroups_are_found_by_the_record_or_the_mount_table)
{
	rt_require_controller("memory");
	struct cgroup_layout *layout;
	struct berth_options options = RT_OPTIONS("act", "pause");
	options.name = "limited";
	options.resources.memory = 64 * MIB;
	struct berth_container *container = rt_launch(&options);
	char limit[32], point[200];
	snprintf(limit, sizeof limit, "%llu\n", (unsigned long long)(64 * MIB));
	cr_assert_eq(cgroup_layout_open(NULL, &layout, NULL), 0);
	snprintf(point, sizeof point, "%s", cgroup_layout_mount_point(layout, CGROUP_MEMORY));
	cgroup_layout_free(layout);

	/* An empty mount table: the record is enough. */
	cr_assert_eq(mount("/dev/null", "/proc/self/mountinfo", NULL, MS_BIND, NULL), 0);
	expect_memory_limit("limited", limit);
	cr_assert_eq(umount2("/proc/self/mountinfo", MNT_DETACH), 0);
	/* Mounted elsewhere since: the record is no good. */
	cr_assert_eq(mkdir(rt_path("moved"), 0755), 0);
	cr_assert_eq(mount(point, rt_path("moved"), NULL, MS_MOVE, NULL), 0);
	expect_memory_limit("limited", limit);
	cr_assert_eq(mount(rt_path("moved"), point, NULL, MS_MOVE, NULL), 0);
	rt_kill(container);
}

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : "";
}

Test(manage, inspect)
{
	rt_require_controller("memory");
	struct berth_options options = RT_OPTIONS("act", "pause", "\xff\xfe");
	options.name = "looked \"at\"\n";
	options.flags = BERTH_KEEP_RECORD | BERTH_READ_ONLY;
	options.resources.memory = 64 * MIB;
	options.user = "4294967294:4294967293";
	options.hostname = "inside";
	options.env = (const char *const[]){"BERTH_TEST=\xff", NULL};
	options.volumes = &(const struct berth_volume){"/etc", "/v", true};
	options.n_volumes = 1;
	options.tmpfs = &(const struct berth_tmpfs){"/t", 4096};
	options.n_tmpfs = 1;
	options.rlimits = &(const struct berth_rlimit){RLIMIT_CORE, 0, 0};
	options.n_rlimits = 1;
	struct berth_container *container = rt_launch(&options);
	json_t *json = rt_inspect(container);
	cr_expect_str_eq(text_of(json, "name"), options.name);
	cr_expect_str_eq(text_of(json, "state"), "running");
	cr_expect_str_eq(text_of(json, "root"), rt.root);
	cr_expect_str_eq(text_of(json, "hostname"), "inside");
	cr_expect_str_eq(text_of(json, "user"), options.user);
	cr_expect_str_eq(text_of(json, "workdir"), "/");
	cr_expect_eq(json_integer_value(json_object_get(json, "uid")), INT64_C(4294967294));
	cr_expect_eq(json_integer_value(json_object_get(json, "gid")), INT64_C(4294967293));
	cr_expect_eq(json_integer_value(json_object_get(json, "pid")), berth_container_pid(container));
	cr_expect_eq((uint64_t)json_integer_value(json_object_get(json, "started_ns")),
		     berth_container_started(container));
	cr_expect(json_is_true(json_object_get(json, "owned")));
	cr_expect(json_is_null(json_object_get(json, "end")));
	cr_expect_eq(json_array_size(json_object_get(json, "fallbacks")), 0u);
	const json_t *command = json_object_get(json, "command");
	cr_expect_eq(json_array_size(command), 3u);
	cr_expect_str_eq(text_of(json_array_get(command, 2), "hex"), "fffe");
	const json_t *paths = json_object_get(json_object_get(json, "cgroup"), "paths");
	cr_expect_gt(json_array_size(paths), 0u);
	for (size_t i = 0; i < json_array_size(paths); i++)
		cr_expect_eq(access(json_string_value(json_array_get(paths, i)), F_OK), 0);
	cr_expect_eq((uint64_t)json_integer_value(json_object_get(json_object_get(json, "limits"), "memory")),
		     64 * MIB);
	const json_t *now = json_object_get(json, "limits_in_force");
	cr_expect_eq((uint64_t)json_integer_value(json_object_get(now, "memory")), 64 * MIB);
	cr_expect(json_is_null(json_object_get(now, "scale_down")));
	const json_t *rlimit = json_array_get(json_object_get(json, "rlimits"), 0);
	cr_expect(json_is_integer(json_object_get(rlimit, "soft")), "a limit of 0 is a limit");
	bool has_hex = false;
	const json_t *env = json_object_get(json, "env");
	for (size_t i = 0; i < json_array_size(env); i++)
		has_hex |= strcmp(text_of(json_array_get(env, i), "hex"), "42455254485f544553543dff") == 0;
	cr_expect(has_hex);
	cr_expect_eq(json_array_size(json_object_get(json, "volumes")), 1u);
	cr_expect_eq(json_array_size(json_object_get(json, "tmpfs")), 1u);
	json_decref(json);

	/* What was asked for at launch stays on record; what was set since is beside it. */
	struct berth_resources resources = {.size = sizeof resources, .memory = 96 * MIB, .cpu_shares = 2048};
	rt_ok(berth_container_update(container, &resources, &rt.error));
	json = rt_inspect(container);
	cr_expect_eq((uint64_t)json_integer_value(json_object_get(json_object_get(json, "limits"), "memory")),
		     64 * MIB);
	now = json_object_get(json, "limits_in_force");
	cr_expect_eq((uint64_t)json_integer_value(json_object_get(now, "memory")), 96 * MIB);
	cr_expect(labs((long)json_integer_value(json_object_get(now, "cpu_shares")) - 2048) <= 5);
	json_decref(json);

	rt_ok(berth_container_kill(container, BERTH_TIMEOUT, &rt.error));
	rt_ok(berth_container_wait(container, rt_patience(), NULL, &rt.error));
	json = rt_inspect(container);
	cr_expect_str_eq(text_of(json, "state"), "ended");
	cr_expect(json_is_null(json_object_get(json, "limits_in_force")));
	const json_t *end = json_object_get(json, "end");
	cr_expect_str_eq(text_of(end, "reason"), "timeout");
	cr_expect_eq(json_integer_value(json_object_get(end, "exit_status")), 124);
	json_decref(json);
	rt_ok(berth_container_remove(container, &rt.error));
	rt_end(container);
}

static struct berth_stats stats_of(struct berth_container *container)
{
	struct berth_stats stats = BERTH_STATS_INIT;
	rt_ok(berth_container_stats(container, &stats, &rt.error));
	return stats;
}

Test(manage, stats)
{
	rt_require_controller("memory");
	struct berth_options options = RT_OPTIONS("eat", "20", "hold");
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "eaten");
	struct berth_stats stats = stats_of(job->container);
	cr_expect(stats.has_memory);
	cr_expect(stats.memory_usage >= 20 * MIB && stats.memory_usage < 40 * MIB, "%llu",
		  (unsigned long long)stats.memory_usage);
	cr_expect(stats.memory_rss >= 20 * MIB && stats.memory_rss < 40 * MIB);
	cr_expect_geq(stats.memory_peak, 20 * MIB);
	cr_expect_eq(stats.memory_limit, BERTH_UNLIMITED);
	cr_expect_eq(stats.oom_kills, 0u);
	if (stats.has_cpu)
		cr_expect_gt(stats.cpu_usage_ns, 0u);
	if (stats.has_processes) {
		cr_expect_eq(stats.processes, 2u);
		cr_expect_eq(stats.processes_limit, BERTH_UNLIMITED);
	}
	/* An older program's struct. */
	struct berth_stats older;
	memset(&older, 0x5a, sizeof older);
	older.size = offsetof(struct berth_stats, memory_rss);
	rt_ok(berth_container_stats(job->container, &older, &rt.error));
	cr_expect_geq(older.memory_usage, 20 * MIB);
	cr_expect_eq(older.memory_rss, UINT64_C(0x5a5a5a5a5a5a5a5a));
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

/* Each of what may be asked for is read, and nothing else. */
Test(manage, stats_of_some_only)
{
	rt_require_controller("cpu");
	rt_require_controller("memory");
	rt_require_controller("pids");
	static const struct {
		unsigned int only;
		size_t field;
	} parts[] = {
		{BERTH_STATS_CPU_USAGE, offsetof(struct berth_stats, cpu_usage_ns)},
		{BERTH_STATS_CPU_SHARES, offsetof(struct berth_stats, cpu_shares)},
		{BERTH_STATS_MEMORY_USAGE, offsetof(struct berth_stats, memory_usage)},
		{BERTH_STATS_MEMORY_PEAK, offsetof(struct berth_stats, memory_peak)},
		{BERTH_STATS_MEMORY_LIMIT, offsetof(struct berth_stats, memory_limit)},
		{BERTH_STATS_PROCESSES, offsetof(struct berth_stats, processes)},
		{BERTH_STATS_OOM_KILLS, 0}, /* none to be seen, as for I/O */
		{BERTH_STATS_IO, 0},
	};
	struct berth_options options = RT_OPTIONS("eat", "20", "hold");
	options.resources.memory = 64 * MIB;
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "eaten");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		struct berth_stats stats = BERTH_STATS_INIT;
		stats.only = parts[i].only;
		rt_ok(berth_container_stats(job->container, &stats, &rt.error));
		cr_expect_eq(stats.only, parts[i].only);
		cr_expect_eq(stats.has_cpu, (parts[i].only & (BERTH_STATS_CPU_USAGE | BERTH_STATS_CPU_SHARES)) != 0);
		cr_expect_eq(stats.has_processes, parts[i].only == BERTH_STATS_PROCESSES);
		static const size_t fields[] = {
			offsetof(struct berth_stats, cpu_usage_ns), offsetof(struct berth_stats, cpu_shares),
			offsetof(struct berth_stats, memory_usage), offsetof(struct berth_stats, memory_peak),
			offsetof(struct berth_stats, memory_limit), offsetof(struct berth_stats, processes)};
		for (size_t j = 0; j < sizeof fields / sizeof *fields; j++) {
			uint64_t value = *(const uint64_t *)((const char *)&stats + fields[j]);
			cr_expect_eq(value != 0, fields[j] == parts[i].field, "asked for %#x: field %zu is %llu",
				     parts[i].only, j, (unsigned long long)value);
		}
	}
	/* All of these are what brief is. */
	struct berth_stats brief = BERTH_STATS_INIT, all = BERTH_STATS_INIT;
	brief.brief = true;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		all.only |= parts[i].only;
	rt_ok(berth_container_stats(job->container, &brief, &rt.error));
	rt_ok(berth_container_stats(job->container, &all, &rt.error));
	cr_expect(all.has_cpu == brief.has_cpu && all.has_memory == brief.has_memory &&
		  all.has_processes == brief.has_processes && all.has_io == brief.has_io);
	cr_expect(all.cpu_shares == brief.cpu_shares && all.memory_limit == 64 * MIB &&
		  brief.memory_limit == 64 * MIB && all.memory_peak == brief.memory_peak && all.processes == 2);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

Test(manage, update)
{
	rt_require_controller("memory");
	rt_require_controller("cpu");
	rt_require_controller("pids");
	struct berth_options options = RT_OPTIONS("act", "hold", "children", "10");
	options.resources.memory = 64 * MIB;
	struct rt_job *job = rt_job(&options);
	struct berth_resources resources = BERTH_RESOURCES_INIT;
	resources.cpu_shares = 2048;
	rt_ok(berth_container_update(job->container, &resources, &rt.error));
	struct berth_stats stats = stats_of(job->container);
	cr_expect(stats.cpu_shares > 1950 && stats.cpu_shares < 2150, "%llu", (unsigned long long)stats.cpu_shares);
	cr_expect_eq(stats.memory_limit, 64 * MIB, "what was not named has changed");

	resources = (struct berth_resources)BERTH_RESOURCES_INIT;
	resources.memory = 128 * MIB;
	rt_ok(berth_container_update(job->container, &resources, &rt.error));
	cr_expect_eq(stats_of(job->container).memory_limit, 128 * MIB);
	resources.memory = 32 * MIB;
	rt_ok(berth_container_update(job->container, &resources, &rt.error));
	cr_expect_eq(stats_of(job->container).memory_limit, 32 * MIB);
	resources.memory = BERTH_UNLIMITED;
	rt_ok(berth_container_update(job->container, &resources, &rt.error));
	cr_expect_eq(stats_of(job->container).memory_limit, BERTH_UNLIMITED);

	resources = (struct berth_resources)BERTH_RESOURCES_INIT;
	resources.pids = 5;
	rt_ok(berth_container_update(job->container, &resources, &rt.error));
	cr_expect_eq(stats_of(job->container).processes_limit, 5u);
	resources = (struct berth_resources)BERTH_RESOURCES_INIT;
	resources.cpu_limit = 0.5;
	rt_ok(berth_container_update(job->container, &resources, &rt.error));
	resources.cpu_limit = BERTH_CPUS_UNLIMITED;
	rt_ok(berth_container_update(job->container, &resources, &rt.error));
	/* Through another handle. */
	struct berth_container *other;
	rt_ok(berth_container_find(rt.berth, berth_container_name(job->container), &other, &rt.error));
	resources = (struct berth_resources)BERTH_RESOURCES_INIT;
	resources.pids = 4;
	rt_ok(berth_container_update(other, &resources, &rt.error));
	berth_container_close(other);

	rt_job_close_input(job);
	rt_job_expect(job, "children 2=EAGAIN");
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

Test(manage, update_of_cpuset_and_swap)
{
	rt_require_controller("cpuset");
	rt_require_controller("memory");
	struct berth_options options =
		RT_OPTIONS("act", "hold", "grep", "/proc/self/status", "Cpus_allowed_list:\t0\n");
	options.resources.cpuset = "0";
	options.resources.memory = 64 * MIB;
	struct rt_job *job = rt_job(&options);
	struct berth_resources resources = BERTH_RESOURCES_INIT;
	resources.cpuset = "0";
	rt_ok(berth_container_update(job->container, &resources, &rt.error));
	resources.cpuset = "4000";
	int code = berth_container_update(job->container, &resources, &rt.error);
	cr_expect_lt(code, 0, "a CPU that is not there was taken");
	cr_expect(strstr(rt.error.text, "4000"), "%s", rt.error.text);
	resources = (struct berth_resources)BERTH_RESOURCES_INIT;
	resources.swap = 16 * MIB;
	code = berth_container_update(job->container, &resources, &rt.error);
	if (code == 0)
		cr_expect_eq(stats_of(job->container).swap_limit, 16 * MIB);
	else
		cr_expect(strstr(rt.error.text, "swap"), "%s", rt.error.text);
	rt_job_close_input(job);
	rt_job_expect(job, "grep /proc/self/status=yes");
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

Test(manage, update_of_bad_form)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	struct berth_container *container = rt_launch(&options);
	struct berth_resources resources = BERTH_RESOURCES_INIT;
	resources.cpus = -1;
	rt_expect_error(berth_container_update(container, &resources, &rt.error), EINVAL);
	resources = (struct berth_resources)BERTH_RESOURCES_INIT;
	resources.cpu_shares = 1;
	rt_expect_error(berth_container_update(container, &resources, &rt.error), EINVAL);
	resources = (struct berth_resources)BERTH_RESOURCES_INIT;
	resources.size = 3;
	rt_expect_error(berth_container_update(container, &resources, &rt.error), EINVAL);
	/* A controller it was launched without: known by name. */
	resources = (struct berth_resources)BERTH_RESOURCES_INIT;
	resources.cpuset = "0";
	rt_expect_error(berth_container_update(container, &resources, &rt.error), ENOTSUP);
	cr_expect(strstr(rt.error.text, "cpuset"), "%s", rt.error.text);
	rt_kill(container);
}

Test(manage, nothing_works_after_the_end)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	struct berth_container *container = rt_launch(&options);
	rt_ok(berth_container_wait(container, rt_patience(), NULL, &rt.error));
	struct berth_resources resources = BERTH_RESOURCES_INIT;
	resources.cpu_shares = 100;
	struct berth_stats stats = BERTH_STATS_INIT;
	pid_t *pids;
	rt_expect_error(berth_container_update(container, &resources, &rt.error), ESRCH);
	rt_expect_error(berth_container_stats(container, &stats, &rt.error), ESRCH);
	rt_expect_error(berth_container_processes(container, &pids, &rt.error), ESRCH);
	rt_expect_error(berth_container_pause(container, &rt.error), ESRCH);
	rt_expect_error(berth_container_resume(container, &rt.error), ESRCH);
	rt_end(container);
}

/* ---- Pausing ---- */

static double cpu_ns(struct berth_container *container)
{
	return (double)stats_of(container).cpu_usage_ns;
}

Test(manage, pause_and_resume)
{
	rt_require_controller("freezer");
	rt_require_controller("cpuacct");
	struct berth_options options = RT_OPTIONS("spin");
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "spinning");
	for (int i = 0; i < 3; i++) {
		rt_ok(berth_container_pause(job->container, &rt.error));
		cr_expect_eq(berth_container_state(job->container), BERTH_PAUSED);
		double before = cpu_ns(job->container);
		usleep(50000);
		cr_expect_lt(cpu_ns(job->container) - before, 10e6, "it runs on");
		rt_ok(berth_container_pause(job->container, &rt.error));
		rt_ok(berth_container_resume(job->container, &rt.error));
		cr_expect_eq(berth_container_state(job->container), BERTH_RUNNING);
		before = cpu_ns(job->container);
		for (int waited = 0; cpu_ns(job->container) == before && waited < rt_patience(); waited += 5)
			usleep(5000);
		cr_expect_gt(cpu_ns(job->container), before, "it does not go on");
	}
	rt_ok(berth_container_resume(job->container, &rt.error));
	rt_expect_end(rt_job_kill(job), BERTH_KILLED, SIGKILL);
}

Test(manage, kill_while_paused)
{
	rt_require_controller("freezer");
	for (unsigned int i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS("act", "children", "5", "pause");
		options.flags = i ? BERTH_NO_INIT : 0;
		struct rt_job *job = rt_job(&options);
		rt_job_expect(job, "children 5=ok");
		rt_ok(berth_container_pause(job->container, &rt.error));
		rt_expect_end(rt_job_kill(job), BERTH_KILLED, SIGKILL);
	}
}

/* Killed by somebody else while frozen, its owner must not wait for ever for what can't die. */
Test(manage, killed_from_outside_while_paused)
{
	rt_require_controller("freezer");
	struct berth_options options = RT_OPTIONS("act", "pause");
	struct berth_container *container = rt_launch(&options);
	rt_ok(berth_container_pause(container, &rt.error));
	cr_assert_eq(kill(berth_container_pid(container), SIGKILL), 0);
	rt_ok(berth_container_resume(container, &rt.error));
	rt_expect_end(rt_end(container), BERTH_SIGNALED, SIGKILL);
}

/* ---- Plan ---- */

Test(manage, plan_does_nothing)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.name = "planned\xff";
	options.root = "framework:F\xff";
	options.resources.cpus = 0.5;
	options.resources.memory = 64 * MIB;
	for (unsigned int i = 0; i < 2; i++) {
		char *text = NULL;
		size_t size;
		FILE *stream = open_memstream(&text, &size);
		rt_ok(berth_plan(rt.berth, &options, i, stream, &rt.error));
		fclose(stream);
		cr_expect(strstr(text, "execute /bin/act"), "%s", text);
		cr_expect(strstr(text, "512 shares") && strstr(text, "67108864 bytes"), "%s", text);
		cr_expect(strstr(text, "mount the root of framework"), "%s", text);
		if (i) {
			json_t *json = json_loads(text, 0, NULL);
			cr_assert(json != NULL, "%s", text);
			cr_expect_gt(json_array_size(json_object_get(json, "steps")), 10u);
			const json_t *before = json_object_get(json, "prepare");
			for (size_t j = 0; j < json_array_size(before); j++)
				cr_expect(json_is_string(json_array_get(before, j)) ||
					  json_is_object(json_array_get(before, j)));
			json_decref(json);
		}
		free(text);
	}
	rt_expect_nothing_left();
	cr_expect_neq(access(rt.data, F_OK), 0);
}
