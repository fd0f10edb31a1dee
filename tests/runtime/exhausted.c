/* SPDX-License-Identifier: Apache-2.0 */
/* Launches that fail for what is around them: a parent cgroup that is full, a place that is taken, a full disk. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/name.h"
#include "tests/runtime/fixture.h"

TestSuite(exhausted, .init = rt_init, .fini = rt_fini);

static const char *mount_point(enum cgroup_controller controller, int *version)
{
	static char path[200];
	struct cgroup_layout *layout;
	cr_assert_eq(cgroup_layout_open(NULL, &layout, NULL), 0);
	const char *point = cgroup_layout_mount_point(layout, controller);
	snprintf(path, sizeof path, "%s", point ? point : "");
	*version = cgroup_layout_version(layout, controller);
	cgroup_layout_free(layout);
	return path;
}

/* The parent directories, made by a container that runs. */
static struct berth_container *parent_made(void)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	options.name = "first";
	return rt_launch(&options);
}

/* The first of several hierarchies is as good as the last: what was made before must go. */
Test(exhausted, cgroup_name_is_taken)
{
	rt_require_controller("memory");
	int version;
	struct berth_container *first = parent_made();
	char path[400];
	snprintf(path, sizeof path, "%s/%s/second", mount_point(CGROUP_MEMORY, &version), rt.parent);
	cr_assert_eq(mkdir(path, 0755), 0);
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.name = "second";
	rt_launch_fails(&options, -EEXIST, 125);
	cr_expect(strstr(rt.error.text, path), "%s", rt.error.text);
	/* It isn't ours, so it stays; and nothing but it. */
	cr_expect_eq(rmdir(path), 0);
	rt_kill(first);
	rt_expect_nothing_left();
}

Test(exhausted, descendants_of_the_parent)
{
	int version;
	const char *point = mount_point(CGROUP_MEMORY, &version);
	if (version != 2)
		cr_skip_test("cgroup v1 has no limit on descendants");
	struct berth_container *first = parent_made();
	char path[400];
	snprintf(path, sizeof path, "%s/%s/cgroup.max.descendants", point, rt.parent);
	cr_assert_eq(file_write(AT_FDCWD, path, "1"), 0);
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.name = "second";
	rt_launch_fails(&options, -EAGAIN, 125);
	cr_expect(strstr(rt.error.text, rt.parent), "%s", rt.error.text);
	cr_expect_eq(rt_state_entries(), 1u);
	cr_assert_eq(file_write(AT_FDCWD, path, "max"), 0);
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 0);
	rt_kill(first);
}

Test(exhausted, processes_of_the_parent)
{
	rt_require_controller("pids");
	int version;
	struct berth_container *first = parent_made();
	char path[400];
	snprintf(path, sizeof path, "%s/%s/pids.max", mount_point(CGROUP_PIDS, &version), rt.parent);
	/* init and command run already. */
	cr_assert_eq(file_write(AT_FDCWD, path, "2"), 0);
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.name = "second";
	struct berth_container *container = NULL;
	int code = berth_launch(rt.berth, &options, &container, &rt.error);
	cr_expect_eq(code, -EAGAIN, "%d: %s", code, rt.error.text);
	if (code == 0)
		rt_end(rt_adopt(container));
	cr_expect_eq(rt_state_entries(), 1u);
	cr_assert_eq(file_write(AT_FDCWD, path, "max"), 0);
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 0);
	rt_kill(first);
}

Test(exhausted, memory_of_the_parent)
{
	rt_require_controller("memory");
	int version;
	struct berth_container *first = parent_made();
	char path[400];
	const char *point = mount_point(CGROUP_MEMORY, &version);
	snprintf(path, sizeof path, "%s/%s/%s", point, rt.parent,
		 version == 2 ? "memory.max" : "memory.limit_in_bytes");
	if (version == 1) {
		char hierarchy[400];
		snprintf(hierarchy, sizeof hierarchy, "%s/%s/memory.use_hierarchy",
			 mount_point(CGROUP_MEMORY, &version), rt.parent);
		if (rt_read(hierarchy)[0] != '1') {
			rt_kill(first);
			cr_skip_test("this v1 hierarchy does not count children in their parent");
		}
	}
	cr_assert_eq(file_write(AT_FDCWD, path, "33554432"), 0);
	/* The container's own limit is above what its parent leaves. */
	struct berth_options options = RT_OPTIONS("eat", "100");
	options.resources.memory = 200 << 20;
	options.stdio = (const int[]){-1, -1, -1};
	struct berth_end end = rt_end(rt_launch(&options));
	rt_expect_end(end, BERTH_OUT_OF_MEMORY, SIGKILL);
	rt_kill(first);
}

Test(exhausted, controller_that_is_not_there)
{
	static const enum cgroup_controller any[] = {CGROUP_CPU, CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPUSET};
	for (size_t i = 0; i < sizeof any / sizeof *any; i++) {
		int version;
		mount_point(any[i], &version);
		if (version)
			continue;
		struct berth_options options = RT_OPTIONS("act", "exit", "0");
		options.resources.cpus = any[i] == CGROUP_CPU;
		options.resources.memory = any[i] == CGROUP_MEMORY ? 64 << 20 : 0;
		options.resources.pids = any[i] == CGROUP_PIDS ? 10 : 0;
		options.resources.cpuset = any[i] == CGROUP_CPUSET ? "0" : NULL;
		rt_launch_fails(&options, -ENOENT, 125);
		cr_expect(strstr(rt.error.text, cgroup_controller_name(any[i])), "%s", rt.error.text);
		return;
	}
	/* They are all there: hide one. The test's mounts are its own. */
	int version;
	const char *point = mount_point(CGROUP_PIDS, &version);
	if (version != 1)
		cr_skip_test("this machine has every controller, in one hierarchy");
	cr_assert_eq(umount2(point, MNT_DETACH), 0);
	struct berth *berth = rt_open();
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.resources.pids = 10;
	struct berth_container *container = NULL;
	cr_expect_eq(berth_launch(berth, &options, &container, &rt.error), -ENOENT, "%s", rt.error.text);
	cr_expect(strstr(rt.error.text, "pids"), "%s", rt.error.text);
	/* Others work. */
	options.resources.pids = 0;
	options.resources.cpus = 0.5;
	rt_ok(berth_launch(berth, &options, &container, &rt.error));
	rt_expect_end(rt_end(rt_adopt(container)), BERTH_EXITED, 0);
	berth_close(berth);
}

Test(exhausted, no_cgroups_mounted_at_all)
{
	/* From the last mounted back, so that what is below goes first. */
	for (int i = 0; i < 64; i++) {
		char point[200] = "", line[4096];
		cleanup_file FILE *file = fopen("/proc/self/mountinfo", "re");
		while (fgets(line, sizeof line, file))
			if (strstr(line, " - cgroup "))
				sscanf(line, "%*s %*s %*s %*s %199s", point);
			else if (strstr(line, " - cgroup2 "))
				sscanf(line, "%*s %*s %*s %*s %199s", point);
		if (!point[0])
			break;
		cr_assert_eq(umount2(point, MNT_DETACH), 0, "%s", point);
	}
	struct berth *berth = rt_open();
	cr_expect_str_eq(berth_cgroup_layout(berth), "none");
	struct berth_options options = RT_OPTIONS("act", "exit", "3");
	struct berth_container *container = NULL;
	rt_ok(berth_launch(berth, &options, &container, &rt.error));
	rt_expect_end(rt_end(rt_adopt(container)), BERTH_EXITED, 3);
	options.resources.memory = 64 << 20;
	cr_expect_eq(berth_launch(berth, &options, &container, &rt.error), -ENOENT, "%s", rt.error.text);
	cr_expect(strstr(rt.error.text, "memory"), "%s", rt.error.text);
	berth_close(berth);
}

/* What a context makes when it is first needed fails as clearly then, and is made once it can be. */
Test(exhausted, no_descriptors_for_what_a_launch_needs_first)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "3");
	struct berth *berth = rt_open();
	cleanup_fd int lowest = dup(0);
	struct rlimit limit, none;
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = limit.rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct berth_container *container = NULL;
	int code = berth_launch(berth, &options, &container, &rt.error);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(code, -EMFILE, "%s", rt.error.text);
	cr_expect(strstr(rt.error.text, "mountinfo"), "%s", rt.error.text);
	rt_ok(berth_launch(berth, &options, &container, &rt.error));
	rt_expect_end(rt_end(rt_adopt(container)), BERTH_EXITED, 3);
	berth_close(berth);
}

Test(exhausted, no_proc_to_find_the_cgroups_by)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "3");
	struct berth *berth = rt_open();
	struct berth_container *container = NULL;
	cr_assert_eq(mount("tmpfs", "/proc", "tmpfs", 0, NULL), 0);
	cr_expect_str_eq(berth_cgroup_layout(berth), "unknown");
	cr_expect_eq(berth_launch(berth, &options, &container, &rt.error), -ENOENT, "%s", rt.error.text);
	cr_expect(strstr(rt.error.text, "/proc/self/mountinfo"), "%s", rt.error.text);
	cr_assert_eq(umount2("/proc", MNT_DETACH), 0);
	rt_ok(berth_launch(berth, &options, &container, &rt.error));
	rt_expect_end(rt_end(rt_adopt(container)), BERTH_EXITED, 3);
	berth_close(berth);
}

Test(exhausted, state_root_is_full)
{
	berth_close(rt.berth);
	cr_assert_eq(mount("tmpfs", rt.state, "tmpfs", 0, "size=8k,mode=700"), 0);
	rt.berth = rt_open();
	static const char filling[4096];
	cleanup_fd int filler = open(rt_path("state/.filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(filler, filling, sizeof filling) > 0)
		;
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	rt_launch_fails(&options, -ENOSPC, 125);
	cr_expect(strstr(rt.error.text, "record"), "%s", rt.error.text);
	berth_close(rt.berth);
	cr_assert_eq(umount2(rt.state, MNT_DETACH), 0);
	rt.berth = rt_open();
}

/* Else how the command ended would be told wrongly: what init exits with does not tell all. */
Test(exhausted, state_root_has_no_room_for_the_end)
{
	berth_close(rt.berth);
	/* For the directory itself, the stage and the record. */
	cr_assert_eq(mount("tmpfs", rt.state, "tmpfs", 0, "nr_inodes=3,mode=700"), 0);
	rt.berth = rt_open();
	struct berth_options options = RT_OPTIONS("act", "raise", "15");
	rt_launch_fails(&options, -ENOSPC, 125);
	cr_expect(strstr(rt.error.text, "end of container"), "%s", rt.error.text);
	cr_expect_eq(rt_state_entries(), 0u);
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	rt_launch_fails(&options, -ENOSPC, 125);
	cr_expect_eq(rt_state_entries(), 0u);
	const char *const argv[] = {"/bin/act", "exit", "3", NULL};
	options.flags = BERTH_NO_INIT;
	options.argv = argv;
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 3);
	berth_close(rt.berth);
	cr_assert_eq(umount2(rt.state, MNT_DETACH), 0);
	rt.berth = rt_open();
}

Test(exhausted, state_roots_of_bad_form)
{
	struct berth *berth;
	struct berth_config config = {.size = sizeof config, .data_root = rt.data};
	config.state_root = rt_path("nowhere/state");
	rt_expect_error(berth_open(&config, &berth, &rt.error), ENOENT);
	config.state_root = rt_write("file", "");
	rt_expect_error(berth_open(&config, &berth, &rt.error), ENOTDIR);
	cr_assert_eq(symlink(rt.state, rt_path("link")), 0);
	config.state_root = rt_path("link");
	int code = berth_open(&config, &berth, &rt.error);
	cr_expect(code == -ENOTDIR || code == -ELOOP, "%d: %s", code, rt.error.text);
	cr_assert_eq(mkdir(rt_path("open"), 0777), 0);
	cr_assert_eq(chmod(rt_path("open"), 0777), 0);
	config.state_root = rt_path("open");
	rt_expect_error(berth_open(&config, &berth, &rt.error), EPERM);
	cr_assert_eq(chmod(rt_path("open"), 0700), 0);
	cr_assert_eq(chown(rt_path("open"), 1, 1), 0);
	rt_expect_error(berth_open(&config, &berth, &rt.error), EPERM);
	config.size = 3;
	rt_expect_error(berth_open(&config, &berth, &rt.error), EINVAL);
}
