/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts of other machines: mountinfo files over temporary directories. No root needed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"

static char base[64];
static FILE *table;
static int next_id;
static struct cgroup_layout *layout;

static void init(void)
{
	strcpy(base, "/tmp/berth-test-XXXXXX");
	cr_assert(mkdtemp(base));
	char path[128];
	snprintf(path, sizeof path, "%s/mountinfo", base);
	cr_assert(table = fopen(path, "w"));
	fprintf(table, "1 0 0:1 / / rw - ext4 /dev/root rw\n");
	next_id = 2;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(path);
}

static void fini(void)
{
	cgroup_layout_free(layout);
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A mount on directory BASE/point, which stands on the mount `on`; returns its id. */
static int mount_add(int on, const char *point, const char *flags, const char *type, const char *super)
{
	char path[256] = "";
	snprintf(path, sizeof path, "%s%s", base, point);
	for (char *slash = path + strlen(base); (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	mkdir(path, 0755);
	fprintf(table, "%d %d 0:%d / %s %s shared:7 - %s none %s\n", next_id, on, next_id, path, flags, type, super);
	return next_id++;
}

static void controllers_write(const char *point, const char *list)
{
	char path[256];
	snprintf(path, sizeof path, "%s%s/cgroup.controllers", base, point);
	FILE *file = fopen(path, "w");
	cr_assert(file);
	fputs(list, file);
	fclose(file);
}

static void layout_read(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/mountinfo", base);
	fclose(table);
	struct error error;
	cr_assert_eq(cgroup_layout_open(path, &layout, &error), 0, "%s", error.text);
}

static void expect(enum cgroup_controller controller, int version, const char *point)
{
	cr_expect_eq(cgroup_layout_version(layout, controller), version, "%s has version %d, not %d",
		     cgroup_controller_name(controller), cgroup_layout_version(layout, controller), version);
	const char *found = cgroup_layout_mount_point(layout, controller);
	if (!point) {
		cr_expect_null(found);
		return;
	}
	char path[256];
	snprintf(path, sizeof path, "%s%s", base, point);
	cr_expect_str_eq(found, path);
}

TestSuite(layout, .init = init, .fini = fini);

Test(layout, nothing_mounted)
{
	layout_read();
	cr_expect_str_eq(cgroup_layout_name(layout), "none");
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		expect((enum cgroup_controller)i, 0, NULL);
	struct cgroup *cgroup = NULL;
	struct error error;
	cr_expect_eq(cgroup_create(layout, "a", "b", CGROUP_BIT(CGROUP_MEMORY), &cgroup, &error), -ENOENT);
	cr_expect_null(cgroup);
	cr_expect(strstr(error.text, "memory"), "%s", error.text);
}

Test(layout, v1_apart_and_together)
{
	int tmpfs = mount_add(1, "/sys/fs/cgroup", "rw", "tmpfs", "rw");
	mount_add(tmpfs, "/sys/fs/cgroup/cpu,cpuacct", "rw", "cgroup", "rw,cpu,cpuacct");
	mount_add(tmpfs, "/sys/fs/cgroup/memory", "rw", "cgroup", "rw,memory");
	mount_add(tmpfs, "/sys/fs/cgroup/systemd", "rw", "cgroup", "rw,xattr,name=systemd");
	mount_add(tmpfs, "/sys/fs/cgroup/net", "rw", "cgroup", "rw,net_cls,net_prio");
	mount_add(tmpfs, "/sys/fs/cgroup/blkio", "rw", "cgroup", "rw,blkio");
	layout_read();
	cr_expect_str_eq(cgroup_layout_name(layout), "v1");
	expect(CGROUP_CPU, 1, "/sys/fs/cgroup/cpu,cpuacct");
	expect(CGROUP_CPUACCT, 1, "/sys/fs/cgroup/cpu,cpuacct");
	expect(CGROUP_MEMORY, 1, "/sys/fs/cgroup/memory");
	expect(CGROUP_IO, 1, "/sys/fs/cgroup/blkio");
	expect(CGROUP_CPUSET, 0, NULL);
	expect(CGROUP_FREEZER, 0, NULL);

	struct cgroup *cgroup;
	unsigned int wanted = CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_CPUACCT) | CGROUP_BIT(CGROUP_MEMORY);
	cr_assert_eq(cgroup_open(layout, "p/q", "name", wanted, &cgroup, NULL), 0);
	char cpu[256], memory[256];
	snprintf(cpu, sizeof cpu, "%s/sys/fs/cgroup/cpu,cpuacct/p/q/name", base);
	snprintf(memory, sizeof memory, "%s/sys/fs/cgroup/memory/p/q/name", base);
	cr_expect_str_eq(cgroup_controller_path(cgroup, CGROUP_CPU), cpu);
	cr_expect_str_eq(cgroup_controller_path(cgroup, CGROUP_CPUACCT), cpu);
	cr_expect_str_eq(cgroup_controller_path(cgroup, CGROUP_MEMORY), memory);
	cr_expect_null(cgroup_controller_path(cgroup, CGROUP_IO));
	cr_expect_null(cgroup_path(cgroup, 2), "two hierarchies, two directories");
	cr_expect_eq(cgroup_controllers(cgroup), wanted);
	cgroup_free(cgroup);
}

Test(layout, v1_all_on_one_mount)
{
	mount_add(1, "/cgroup", "rw,relatime", "cgroup", "rw,cpuset,cpu,cpuacct,blkio,memory,devices,freezer,pids");
	layout_read();
	cr_expect_str_eq(cgroup_layout_name(layout), "v1");
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		expect((enum cgroup_controller)i, 1, "/cgroup");
}

Test(layout, v2_alone)
{
	mount_add(1, "/sys/fs/cgroup", "rw", "cgroup2", "rw,nsdelegate");
	controllers_write("/sys/fs/cgroup", "cpuset cpu io memory hugetlb pids rdma misc\n");
	layout_read();
	cr_expect_str_eq(cgroup_layout_name(layout), "v2");
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		expect((enum cgroup_controller)i, 2, "/sys/fs/cgroup");
}

Test(layout, v2_words_are_whole)
{
	mount_add(1, "/sys/fs/cgroup", "rw", "cgroup2", "rw");
	controllers_write("/sys/fs/cgroup", "cpuset hugetlb rdmaio\n");
	layout_read();
	expect(CGROUP_CPUSET, 2, "/sys/fs/cgroup");
	expect(CGROUP_CPU, 0, NULL);
	expect(CGROUP_IO, 0, NULL);
	expect(CGROUP_CPUACCT, 2, "/sys/fs/cgroup");
}

Test(layout, hybrid_uses_each_where_it_lives)
{
	int tmpfs = mount_add(1, "/sys/fs/cgroup", "rw", "tmpfs", "rw");
	/* v2 first in the table: order must not decide. */
	mount_add(tmpfs, "/sys/fs/cgroup/unified", "rw", "cgroup2", "rw");
	controllers_write("/sys/fs/cgroup/unified", "memory pids\n");
	mount_add(tmpfs, "/sys/fs/cgroup/cpu", "rw", "cgroup", "rw,cpu,cpuacct");
	mount_add(tmpfs, "/sys/fs/cgroup/freezer", "rw", "cgroup", "rw,freezer");
	layout_read();
	cr_expect_str_eq(cgroup_layout_name(layout), "hybrid");
	expect(CGROUP_MEMORY, 2, "/sys/fs/cgroup/unified");
	expect(CGROUP_PIDS, 2, "/sys/fs/cgroup/unified");
	expect(CGROUP_CPU, 1, "/sys/fs/cgroup/cpu");
	expect(CGROUP_CPUACCT, 1, "/sys/fs/cgroup/cpu");
	expect(CGROUP_FREEZER, 1, "/sys/fs/cgroup/freezer");
	expect(CGROUP_IO, 0, NULL);
}

Test(layout, only_a_named_v1_hierarchy_beside_v2)
{
	mount_add(1, "/sys/fs/cgroup", "rw", "cgroup2", "rw");
	controllers_write("/sys/fs/cgroup", "cpu memory\n");
	mount_add(1, "/mnt/systemd", "rw", "cgroup", "rw,xattr,name=systemd");
	layout_read();
	cr_expect_str_eq(cgroup_layout_name(layout), "v2");
	expect(CGROUP_FREEZER, 2, "/sys/fs/cgroup");
}

Test(layout, covered_mounts_do_not_count)
{
	int old = mount_add(1, "/sys/fs/cgroup", "rw", "tmpfs", "rw");
	mount_add(old, "/sys/fs/cgroup/memory", "rw", "cgroup", "rw,memory");
	mount_add(old, "/sys/fs/cgroup/pids", "rw", "cgroup", "rw,pids");
	/* Another tmpfs over the first, with the memory hierarchy alone, mounted where pids was before. */
	int new = mount_add(old, "/sys/fs/cgroup", "rw", "tmpfs", "rw");
	int memory = mount_add(new, "/sys/fs/cgroup/pids", "rw", "cgroup", "rw,memory");
	layout_read();
	expect(CGROUP_MEMORY, 1, "/sys/fs/cgroup/pids");
	expect(CGROUP_PIDS, 0, NULL);
	cr_expect_gt(memory, new);
}

Test(layout, later_mount_at_the_same_point_counts)
{
	int cpu = mount_add(1, "/cgroup", "rw", "cgroup", "rw,cpu");
	mount_add(cpu, "/cgroup", "rw", "cgroup", "rw,memory");
	layout_read();
	expect(CGROUP_CPU, 0, NULL);
	expect(CGROUP_MEMORY, 1, "/cgroup");
}

Test(layout, duplicate_mounts_first_usable)
{
	mount_add(1, "/gone", "rw", "cgroup", "rw,memory");
	mount_add(1, "/readonly", "ro", "cgroup", "rw,memory");
	mount_add(1, "/first", "rw", "cgroup", "rw,memory");
	mount_add(1, "/second", "rw", "cgroup", "rw,memory");
	mount_add(1, "/only-readonly", "ro", "cgroup", "rw,pids");
	char path[128];
	snprintf(path, sizeof path, "%s/gone", base);
	rmdir(path);
	layout_read();
	expect(CGROUP_MEMORY, 1, "/first");
	expect(CGROUP_PIDS, 1, "/only-readonly");
}

Test(layout, handed_on)
{
	mount_add(1, "/sys/fs/cgroup/cpu", "rw", "cgroup", "rw,cpu,cpuacct");
	mount_add(1, "/sys/fs/cgroup/unified", "rw", "cgroup2", "rw");
	controllers_write("/sys/fs/cgroup/unified", "memory\n");
	layout_read();
	char packed[1024];
	size_t size = cgroup_layout_pack(layout, NULL);
	cr_assert_lt(size, sizeof packed);
	cr_assert_eq(cgroup_layout_pack(layout, packed), size);
	cgroup_layout_free(layout);
	cr_assert_eq(cgroup_layout_unpack(packed, size, &layout), 0);
	expect(CGROUP_CPU, 1, "/sys/fs/cgroup/cpu");
	expect(CGROUP_CPUACCT, 1, "/sys/fs/cgroup/cpu");
	expect(CGROUP_MEMORY, 2, "/sys/fs/cgroup/unified");
	expect(CGROUP_FREEZER, 2, "/sys/fs/cgroup/unified");
	expect(CGROUP_IO, 0, NULL);

	struct cgroup_layout *other = NULL;
	cr_expect_eq(cgroup_layout_unpack(packed, 0, &other), -ENODATA);
	cr_expect_eq(cgroup_layout_unpack(packed, 1, &other), -EBADMSG);
	cr_expect_eq(cgroup_layout_unpack(packed, size - 1, &other), -EBADMSG);
	/* Another directory at a mount point, and none. */
	char point[128], aside[128];
	snprintf(point, sizeof point, "%s/sys/fs/cgroup/cpu", base);
	snprintf(aside, sizeof aside, "%s/aside", base);
	cr_assert_eq(rename(point, aside), 0);
	cr_expect_eq(cgroup_layout_unpack(packed, size, &other), -ENOENT);
	cr_assert_eq(mkdir(point, 0755), 0);
	cr_expect_eq(cgroup_layout_unpack(packed, size, &other), -ESTALE);
	cr_expect_null(other);
}

Test(layout, names_are_checked)
{
	mount_add(1, "/cgroup", "rw", "cgroup", "rw,memory");
	layout_read();
	static const struct {
		const char *parent, *name;
	} bad[] = {{"", "n"},    {"/a", "n"}, {"a/", "n"}, {"a//b", "n"}, {"..", "n"},  {"a/../b", "n"}, {".", "n"},
		   {"a/.", "n"}, {"a", ""},   {"a", "."},  {"a", ".."},   {"a", "b/c"}, {"a", "/b"}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct cgroup *cgroup = NULL;
		struct error error = {0};
		cr_expect_eq(
			cgroup_create(layout, bad[i].parent, bad[i].name, CGROUP_BIT(CGROUP_MEMORY), &cgroup, &error),
			-EINVAL, "\"%s\" \"%s\"", bad[i].parent, bad[i].name);
		cr_expect_null(cgroup);
		cr_expect(*error.text);
	}
	struct cgroup *cgroup;
	cr_expect_eq(cgroup_open(layout, "a/..b/c..", "...", CGROUP_BIT(CGROUP_MEMORY), &cgroup, NULL), 0);
	cgroup_free(cgroup);
}

Test(layout, unreadable_mountinfo)
{
	fclose(table);
	struct error error;
	cr_expect_eq(cgroup_layout_open("/nonexistent/mountinfo", &layout, &error), -ENOENT);
	cr_expect_null(layout);
	cr_expect(strstr(error.text, "/nonexistent/mountinfo"));
}
