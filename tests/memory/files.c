/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a cgroup by their v1 names, where v2 serves them: each value there and back. Driven on plain files in a
 * directory that a made-up mountinfo calls a cgroup2 mount; the kernel's own files are for the other tests.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "nsutil/base/cleanup.h"

static char base[64];
static struct cgroup_layout *layout;
static struct cgroup *cgroup;
static struct error error;

static void put(const char *name, const char *text)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", base, name);
	cleanup_file FILE *file = fopen(path, "we");
	cr_assert(file && fputs(text, file) >= 0, "%s: %s", path, strerror(errno));
}

static const char *get(const char *name)
{
	static char text[512];
	char path[200];
	snprintf(path, sizeof path, "%s/%s", base, name);
	cleanup_file FILE *file = fopen(path, "re");
	text[file ? fread(text, 1, sizeof text - 1, file) : 0] = '\0';
	return text;
}

static void make(const char *type, const char *super)
{
	char line[200], directory[100];
	snprintf(base, sizeof base, "/tmp/berth-test-memory-XXXXXX");
	cr_assert(mkdtemp(base), "%s", strerror(errno));
	snprintf(line, sizeof line, "1 0 0:1 / %s rw - %s %s %s\n", base, type, type, super);
	put("mountinfo", line);
	put("cgroup.controllers", "cpuset cpu io memory pids\n");
	snprintf(directory, sizeof directory, "%s/p", base);
	cr_assert_eq(mkdir(directory, 0755), 0);
	snprintf(directory, sizeof directory, "%s/p/c", base);
	cr_assert_eq(mkdir(directory, 0755), 0);
	snprintf(line, sizeof line, "%s/mountinfo", base);
	cr_assert_eq(cgroup_layout_open(line, &layout, &error), 0, "%s", error.text);
	unsigned int served = 0;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		served |= cgroup_layout_version(layout, (enum cgroup_controller)i) ? CGROUP_BIT((unsigned int)i) : 0;
	cr_assert_eq(cgroup_open(layout, "p", "c", served, &cgroup, &error), 0, "%s", error.text);
}

static void init_v2(void)
{
	make("cgroup2", "rw");
}

static void init_v1(void)
{
	make("cgroup", "rw,memory,cpu");
}

static void fini(void)
{
	static const char *const files[] = {"p/c/cpu.weight",    "p/c/cpu.max",           "p/c/cpu.stat",
					    "p/c/memory.max",    "p/c/memory.swap.max",   "p/c/memory.swap.current",
					    "p/c/memory.low",    "p/c/memory.current",    "p/c/memory.peak",
					    "p/c/memory.stat",   "p/c/pids.max",          "p/c/cgroup.freeze",
					    "p/c/cpu.shares",    "p/c/memory.swappiness", "mountinfo",
					    "cgroup.controllers"};
	char path[200];
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", base, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/p/c", base);
	rmdir(path);
	snprintf(path, sizeof path, "%s/p", base);
	rmdir(path);
	cr_expect_eq(rmdir(base), 0, "%s: %s", base, strerror(errno));
	cgroup_free(cgroup);
	cgroup_layout_free(layout);
}

TestSuite(memory_files, .init = init_v2, .fini = fini);
TestSuite(memory_files_v1, .init = init_v1, .fini = fini);

Test(memory_files, written)
{
	static const struct {
		const char *name, *value, *file, *before, *wanted;
	} known[] = {
		{"cpu.shares", "1024", "cpu.weight", "", "100"},
		{"cpu.shares", "10", "cpu.weight", "", "1"},
		{"cpu.shares", "262144", "cpu.weight", "", "10000"},
		{"cpu.cfs_quota_us", "50000", "cpu.max", "", "50000"},
		{"cpu.cfs_quota_us", "-1", "cpu.max", "", "max"},
		{"memory.limit_in_bytes", "209715200", "memory.max", "", "209715200"},
		{"memory.limit_in_bytes", "200M", "memory.max", "", "200M"},
		{"memory.limit_in_bytes", "-1", "memory.max", "", "max"},
		{"memory.soft_limit_in_bytes", "64M", "memory.low", "", "64M"},
		{"memory.memsw.limit_in_bytes", "-1", "memory.swap.max", "", "max"},
		{"memory.memsw.limit_in_bytes", "300M", "memory.swap.max", "", "104857600"},
		{"memory.memsw.limit_in_bytes", "209715200", "memory.swap.max", "", "0"},
		{"freezer.state", "FROZEN", "cgroup.freeze", "", "1"},
		{"freezer.state", "THAWED", "cgroup.freeze", "", "0"},
		{"pids.max", "17", "pids.max", "", "17"},
		/* v2 names stay as they are. */
		{"memory.max", "17", "memory.max", "", "17"},
		{"cpu.weight", "17", "cpu.weight", "", "17"},
		{"cpu.max", "17 100000", "cpu.max", "", "17 100000"},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		char file[64];
		snprintf(file, sizeof file, "p/c/%s", known[i].file);
		put("p/c/memory.max", "209715200\n");
		put(file, known[i].before);
		if (strcmp(known[i].file, "memory.max") == 0)
			put(file, "");
		int code = cgroup_file_write(cgroup, known[i].name, known[i].value, &error);
		cr_expect_eq(code, 0, "%s = %s: %s", known[i].name, known[i].value, error.text);
		cr_expect_str_eq(get(file), known[i].wanted, "%s = %s wrote '%s'", known[i].name, known[i].value,
				 get(file));
	}
}

/* A period goes beside the quota that is there. */
Test(memory_files, period_written)
{
	put("p/c/cpu.max", "max 100000\n");
	cr_assert_eq(cgroup_file_write(cgroup, "cpu.cfs_period_us", "50000", &error), 0, "%s", error.text);
	cr_expect_eq(strncmp(get("p/c/cpu.max"), "max 50000", 9), 0, "%s", get("p/c/cpu.max"));
	put("p/c/cpu.max", "20000 100000\n");
	cr_assert_eq(cgroup_file_write(cgroup, "cpu.cfs_period_us", "250000", &error), 0, "%s", error.text);
	cr_expect_eq(strncmp(get("p/c/cpu.max"), "20000 250000", 12), 0, "%s", get("p/c/cpu.max"));
}

Test(memory_files, refused)
{
	static const struct {
		const char *name, *value;
		int code;
	} known[] = {
		{"cpu.shares", "many", EINVAL},
		{"cpu.shares", "-5", EINVAL},
		{"cpu.shares", "", EINVAL},
		{"cpu.shares", " 5", EINVAL},
		{"cpu.shares", "99999999999999999999", EINVAL},
		{"cpu.cfs_quota_us", "half", EINVAL},
		{"cpu.cfs_period_us", "-1", EINVAL},
		{"cpuacct.usage", "0", EINVAL}, /* v1 takes that, v2 has nothing to reset */
		{"memory.usage_in_bytes", "0", EINVAL},
		{"memory.memsw.limit_in_bytes", "100M", EINVAL}, /* below memory's own */
		{"memory.memsw.limit_in_bytes", "300X", EINVAL},
		{"memory.memsw.limit_in_bytes", "300MB", EINVAL},
		{"freezer.state", "COLD", EINVAL},
		{"memory.swappiness", "10", ENOTSUP},
		{"memory.oom_control", "1", ENOTSUP},
		{"cpu.rt_runtime_us", "1", ENOTSUP},
		{"blkio.weight", "100", ENOTSUP},
		{"devices.allow", "a", ENOTSUP},
		{"net_cls.classid", "1", ENOENT},
		{"tasks", "1", ENOENT},
		{"", "1", ENOENT},
		{"..", "1", EINVAL},
		{"memory./../x", "1", EINVAL},
	};
	put("p/c/memory.max", "209715200\n");
	put("p/c/memory.swap.max", "max\n");
	put("p/c/cpu.max", "max 100000\n");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		error = (struct error){0};
		int code = cgroup_file_write(cgroup, known[i].name, known[i].value, &error);
		cr_expect_eq(code, -known[i].code, "%s = %s: %d, %s", known[i].name, known[i].value, code, error.text);
		cr_expect(error.text[0] && strstr(error.text, known[i].name), "%s", error.text);
	}
	cr_expect_str_eq(get("p/c/memory.swap.max"), "max\n");
}

Test(memory_files, read)
{
	static const struct {
		const char *file, *text, *name, *wanted;
	} known[] = {
		{"cpu.weight", "100\n", "cpu.shares", "1024\n"},
		{"cpu.weight", "1\n", "cpu.shares", "10\n"},
		{"cpu.max", "max 100000\n", "cpu.cfs_quota_us", "-1\n"},
		{"cpu.max", "50000 200000\n", "cpu.cfs_quota_us", "50000\n"},
		{"cpu.max", "50000 200000\n", "cpu.cfs_period_us", "200000\n"},
		{"cpu.stat", "usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n", "cpuacct.usage", "1234567000\n"},
		{"memory.max", "max\n", "memory.limit_in_bytes", "9223372036854771712\n"},
		{"memory.max", "209715200\n", "memory.limit_in_bytes", "209715200\n"},
		{"memory.swap.max", "max\n", "memory.memsw.limit_in_bytes", "9223372036854771712\n"},
		{"memory.swap.max", "1048576\n", "memory.memsw.limit_in_bytes", "210763776\n"},
		{"memory.swap.current", "4096\n", "memory.memsw.usage_in_bytes", "12288\n"},
		{"memory.current", "8192\n", "memory.usage_in_bytes", "8192\n"},
		{"memory.peak", "8192\n", "memory.max_usage_in_bytes", "8192\n"},
		{"memory.low", "max\n", "memory.soft_limit_in_bytes", "9223372036854771712\n"},
		{"memory.stat", "anon 1\nfile 2\n", "memory.stat", "anon 1\nfile 2\n"},
		{"cgroup.freeze", "1\n", "freezer.state", "FROZEN\n"},
		{"cgroup.freeze", "0\n", "freezer.state", "THAWED\n"},
		{"pids.max", "max\n", "pids.max", "max\n"},
		{"memory.max", "max\n", "memory.max", "max\n"},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		char file[64], text[512];
		snprintf(file, sizeof file, "p/c/%s", known[i].file);
		put("p/c/memory.max", "209715200\n");
		put("p/c/memory.current", "8192\n");
		put(file, known[i].text);
		ssize_t length = cgroup_file_read(cgroup, known[i].name, text, sizeof text, &error);
		cr_assert_geq(length, 0, "%s: %s", known[i].name, error.text);
		cr_expect_str_eq(text, known[i].wanted, "%s of '%s' reads '%s'", known[i].name, known[i].text, text);
		cr_expect_eq((size_t)length, strlen(text));
	}
}

Test(memory_files, unreadable)
{
	char text[64];
	cr_expect_eq(cgroup_file_read(cgroup, "memory.failcnt", text, sizeof text, &error), -ENOTSUP);
	cr_expect(strstr(error.text, "memory.failcnt") != NULL, "%s", error.text);
	cr_expect_eq(cgroup_file_read(cgroup, "devices.list", text, sizeof text, &error), -ENOTSUP);
	cr_expect_eq(cgroup_file_read(cgroup, "../mountinfo", text, sizeof text, &error), -EINVAL);
	put("p/c/cpu.weight", "nonsense\n");
	cr_expect_eq(cgroup_file_read(cgroup, "cpu.shares", text, sizeof text, &error), -ENOTSUP);
	/* Buffers that are too small are never overrun. */
	put("p/c/memory.max", "max\n");
	for (size_t size = 1; size < 24; size++) {
		memset(text, '#', sizeof text);
		ssize_t length = cgroup_file_read(cgroup, "memory.limit_in_bytes", text, size, &error);
		cr_expect_eq(length, size > 20 ? 20 : -EFBIG, "size %zu gave %zd", size, length);
		cr_expect_eq(text[size], '#', "size %zu", size);
	}
}

Test(memory_files_v1, nothing_is_translated)
{
	char text[64];
	put("p/c/cpu.shares", "");
	put("p/c/memory.swappiness", "60\n");
	cr_expect_eq(cgroup_file_write(cgroup, "cpu.shares", "10", &error), 0, "%s", error.text);
	cr_expect_str_eq(get("p/c/cpu.shares"), "10");
	cr_expect_eq(cgroup_file_read(cgroup, "memory.swappiness", text, sizeof text, &error), 3);
	cr_expect_eq(cgroup_file_read(cgroup, "memory.max", text, sizeof text, &error), -ENOENT);
	cr_expect_eq(cgroup_file_read(cgroup, "pids.max", text, sizeof text, &error), -ENOENT);
}

Test(memory_files, controllers_by_name)
{
	cr_expect_eq(cgroup_file_controllers(layout, "memory.limit_in_bytes"), CGROUP_BIT(CGROUP_MEMORY));
	cr_expect_eq(cgroup_file_controllers(layout, "memory.limit_in_bytes=64M"), CGROUP_BIT(CGROUP_MEMORY));
	cr_expect_eq(cgroup_file_controllers(layout, "cpuset.cpus=0-3"), CGROUP_BIT(CGROUP_CPUSET));
	cr_expect_eq(cgroup_file_controllers(layout, "devices.allow=a"), CGROUP_BIT(CGROUP_DEVICES));
	cr_expect_eq(cgroup_file_controllers(layout, "memory"), 0);
	cr_expect_eq(cgroup_file_controllers(layout, "=memory.x"), 0);
	cr_expect_eq(cgroup_file_controllers(layout, ""), 0);
}
