/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroups that are made while init is at work: entered like the others, and no other's when they can't be made. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "runtime/container.h"
#include "runtime/controllers.h"
#include "tests/runtime/fixture.h"

TestSuite(controllers, .init = rt_init, .fini = rt_fini);

/* The cgroup of that name, with all that a container has by default. */
static struct cgroup *cgroup_named(const char *name)
{
	static const enum cgroup_controller watched[] = {CGROUP_CPU,     CGROUP_CPUACCT, CGROUP_MEMORY, CGROUP_PIDS,
							 CGROUP_FREEZER, CGROUP_IO,      CGROUP_DEVICES};
	struct error error;
	struct cgroup *cgroup = NULL;
	unsigned int wanted = 0;
	cr_assert_eq(context_require_layout(rt.berth, &error), 0, "%s", error.text);
	for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
		if (cgroup_layout_version(rt.berth->layout, watched[i]))
			wanted |= CGROUP_BIT(watched[i]);
	if (!wanted)
		cr_skip_test("no cgroup hierarchy is mounted");
	cr_assert_eq(cgroup_open(rt.berth->layout, rt.parent, name, wanted, &cgroup, &error), 0, "%s", error.text);
	return cgroup;
}

static void all_entered(unsigned int flags)
{
	struct berth_options options = RT_OPTIONS("act", "hold");
	options.name = "entered";
	options.flags = flags;
	struct berth_container *container = rt_launch(&options);
	struct cgroup *cgroup = cgroup_named("entered");
	for (size_t i = 0; cgroup_path(cgroup, i); i++) {
		char path[256], pid[16];
		snprintf(path, sizeof path, "%s/cgroup.procs", cgroup_path(cgroup, i));
		snprintf(pid, sizeof pid, "%d", berth_container_pid(container));
		const char *processes = rt_read(path);
		cr_expect(rt_has_line(processes, pid), "%s: %s", path, processes);
		cr_expect_eq(rt_count(processes, ""), flags & BERTH_NO_INIT ? 1u : 2u, "%s: %s", path, processes);
	}
	cgroup_free(cgroup);
	rt_kill(container);
}

Test(controllers, all_are_entered)
{
	all_entered(0);
	all_entered(BERTH_NO_INIT);
}

/* Each in turn is in the way: its cgroup, and the process in it, stay; nothing else does. */
Test(controllers, a_directory_in_the_way)
{
	struct cgroup *cgroup = cgroup_named("way");
	for (size_t i = 0; cgroup_path(cgroup, i); i++) {
		const char *path = cgroup_path(cgroup, i);
		char parent[256];
		snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
		cr_assert(mkdir(parent, 0755) == 0 || errno == EEXIST, "%s", parent);
		cr_assert_eq(mkdir(path, 0755), 0, "%s", path);
		for (unsigned int flags = 0; flags <= BERTH_NO_INIT; flags += BERTH_NO_INIT) {
			struct berth_options options = RT_OPTIONS("act", "exit", "0");
			struct berth_container *container = NULL;
			options.name = "way";
			options.flags = flags;
			rt_expect_error(berth_launch(rt.berth, &options, &container, &rt.error), EEXIST);
			cr_expect(strstr(rt.error.text, path), "%s: %s", path, rt.error.text);
			for (size_t k = 0; cgroup_path(cgroup, k); k++)
				cr_expect_eq(access(cgroup_path(cgroup, k), F_OK) == 0, k == i, "%s with %s in the way",
					     cgroup_path(cgroup, k), path);
		}
		cr_assert_eq(rmdir(path), 0);
		rmdir(parent);
	}
	cgroup_free(cgroup);
	rt_ok((int)berth_collect(rt.berth, rt.parent, false, &rt.error));
	rt_expect_nothing_left();
}

/* What a file by name is of is there before init is, with the limits, which the file may change. */
Test(controllers, those_with_files_are_not_later)
{
	static const char *const files[] = {"pids.max=9", NULL};
	struct error error;
	struct spec spec;
	struct berth_options options = RT_OPTIONS("act", "hold");
	rt_require_controller("pids");
	cr_assert_eq(context_require_layout(rt.berth, &error), 0, "%s", error.text);
	options.root = rt_root();
	options.resources.pids = 5;
	for (int with_files = 0; with_files <= 1; with_files++) {
		options.cgroup_files = with_files ? files : NULL;
		cr_assert_eq(spec_from_options(rt.berth, &options, &spec, &error), 0, "%s", error.text);
		cr_expect_eq((controllers_later(rt.berth, &spec) & CGROUP_BIT(CGROUP_PIDS)) != 0, !with_files);
		cr_expect_eq(controllers_later(rt.berth, &spec) & CGROUP_BIT(CGROUP_MEMORY), 0u);
		spec.flags |= BERTH_NO_INIT;
		cr_expect_eq(controllers_later(rt.berth, &spec), 0u);
		spec_free(&spec);
	}
	struct rt_job *job = rt_job(&options);
	struct berth_stats stats = BERTH_STATS_INIT;
	rt_ok(berth_container_stats(job->container, &stats, &rt.error));
	cr_expect_eq(stats.processes_limit, 9u, "the file is written behind the limit");
	rt_job_kill(job);
}
