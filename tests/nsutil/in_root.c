/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root whose links lead out of it. Steps below the root resolve them inside, or fail; nothing outside is ever made,
 * mounted on or changed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/nsutil/fixture.h"

/* The scratch directory: root/ with the links, outside/ with a directory and a file they lead to, source/ to bind. */
static void make_world(void)
{
	char target[512];
	cr_assert_eq(mkdir(scratch("root"), 0755), 0);
	cr_assert_eq(mkdir(scratch("outside"), 0755), 0);
	cr_assert_eq(mkdir(scratch("outside/directory"), 0755), 0);
	cr_assert_eq(mkdir(scratch("source"), 0755), 0);
	close(open(scratch("outside/file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(open(scratch("source/seen"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	cr_assert_eq(mkdir(scratch("root/proc"), 0755), 0);
	cr_assert_eq(symlink(scratch("outside"), scratch("root/absolute")), 0);
	snprintf(target, sizeof target, "../../../../../../..%s", scratch("outside"));
	cr_assert_eq(symlink(target, scratch("root/upwards")), 0);
	cr_assert_eq(symlink("absolute", scratch("root/chained")), 0);
	snprintf(target, sizeof target, "/proc/self/root%s", scratch("outside"));
	cr_assert_eq(symlink(target, scratch("root/magic")), 0);
}

/* Every way to name what is outside: behind each of these comes "/directory" or "/file" or a new name. */
static const char *const ways[] = {
	"/absolute",         "/upwards",       "/chained",        "/magic", "/../../../../../../..%s",
	"/proc/self/root%s", "/proc/1/root%s", "/proc/self/cwd%s"};
enum { WAYS = sizeof ways / sizeof *ways };

static const char *way_path(size_t way, const char *rest)
{
	static char path[1024];
	if (strstr(ways[way], "%s")) {
		size_t length = strcspn(ways[way], "%");
		snprintf(path, sizeof path, "%.*s%s%s", (int)length, ways[way], scratch("outside"), rest);
	} else {
		snprintf(path, sizeof path, "%s%s", ways[way], rest);
	}
	return path;
}

/* Names, kinds, modes and times of what is outside. */
static void snapshot(char text[2048])
{
	static const char *const names[] = {"outside", "outside/directory", "outside/file"};
	size_t used = 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct stat status;
		cr_assert_eq(lstat(scratch(names[i]), &status), 0, "%s is gone", names[i]);
		used += (size_t)snprintf(text + used, 2048 - used, "%s %o %u:%u %lu %ld.%ld\n", names[i],
					 status.st_mode, status.st_uid, status.st_gid, (unsigned long)status.st_nlink,
					 status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
	}
	cleanup_dir DIR *directory = opendir(scratch("outside"));
	int count = 0;
	while (directory && readdir(directory))
		count++;
	snprintf(text + used, 2048 - used, "%d entries", count);
}

enum deed {
	MKDIR,
	FILE_,
	SYMLINK,
	MKNOD,
	DEVICE,
	TMPFS,
	BIND,
	BIND_FILE,
	ATTRIBUTES,
	READ_ONLY,
	MASK,
	MASK_FILE,
	DEEDS
};

static void add_deed(struct plan *plan, enum deed deed, size_t way)
{
	switch (deed) {
	case MKDIR:
		plan_add_owned_mkdir(plan, true, way_path(way, "/made/deeper"), 0700, 1000, 1000);
		break;
	case FILE_:
		plan_add_file(plan, true, way_path(way, "/made/file"));
		break;
	case SYMLINK:
		plan_add_symlink(plan, true, "/etc/passwd", way_path(way, "/made"));
		break;
	case MKNOD:
		plan_add_mknod(plan, true, way_path(way, "/made"), S_IFCHR | 0666, 1, 3);
		break;
	case DEVICE:
		plan_add_device(plan, "/dev/null", way_path(way, "/file"), S_IFCHR, 1, 3);
		break;
	case TMPFS:
		plan_add_mount(plan, true, "tmpfs", way_path(way, "/directory"), 0, NULL);
		break;
	case BIND:
		plan_add_bind(plan, true, scratch("source"), way_path(way, "/directory"), 0, true);
		break;
	case BIND_FILE:
		plan_add_bind(plan, true, scratch("source/seen"), way_path(way, "/file"), MOUNT_ATTR_RDONLY, false);
		break;
	case ATTRIBUTES:
		plan_add_attributes(plan, true, way_path(way, ""), MOUNT_ATTR_RDONLY, true);
		break;
	case READ_ONLY:
		plan_add_read_only(plan, way_path(way, "/directory"));
		break;
	case MASK:
		plan_add_mask(plan, way_path(way, "/directory"), NULL);
		break;
	case MASK_FILE:
		plan_add_mask(plan, way_path(way, "/file"), NULL);
		break;
	case DEEDS:
		break;
	}
}

/* Does the deed in a root; what comes out of it is the kernel's to say, but nothing is to happen outside. */
static void expect_confined(enum deed deed, size_t way)
{
	char before[2048], after[2048], phrase[1200];
	cleanup_plan struct plan *plan = plan_new();
	plan_add_private(plan);
	/* A mount that the deeds may change, as a container's root is one. */
	plan_add_bind(plan, false, scratch("root"), scratch("root"), 0, false);
	plan_add_root(plan, scratch("root"));
	plan_add_mount(plan, true, "proc", "/proc", 0, NULL);
	add_deed(plan, deed, way);
	plan_describe(plan, plan_count(plan) - 1, phrase, sizeof phrase);
	/* Not pivoted: so this is the view of the host, with all mounts the steps made. */
	FINISH(plan, "sh", "-c", "cat /proc/self/mountinfo; touch \"$0\" && rm \"$0\"",
	       scratch("outside/directory/writable"));
	snapshot(before);
	struct run run = RUN_INIT;
	run.namespaces = CLONE_NEWPID | CLONE_NEWNS;
	run_start(&run, plan);
	if (run.code == 0) {
		run_finish(&run);
		char mounted[600];
		snprintf(mounted, sizeof mounted, " %s", scratch("outside"));
		cr_expect_null(strstr(run.output, mounted), "'%s' mounted outside: %s", phrase, run.output);
		cr_expect_eq(run.wait_status, 0, "'%s' made what is outside unwritable", phrase);
	}
	/* The deeper directory's time changes by the touch: only that of `outside` and the names count. */
	snapshot(after);
	char *first = strchr(before, '\n'), *second = strchr(after, '\n');
	cr_expect_eq(strncmp(before, after, (size_t)(first - before)), 0, "'%s': %s became %s", phrase, before, after);
	cr_expect_eq(first - before, second - after);
	cr_expect_str_eq(strrchr(after, '\n'), strrchr(before, '\n'), "'%s'", phrase);
	struct stat status;
	cr_assert_eq(lstat(scratch("outside/file"), &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0600u);
}

SPAWN_TEST(in_root, links_never_lead_out)
{
	make_world();
	for (enum deed deed = MKDIR; deed < DEEDS; deed++)
		for (size_t way = 0; way < WAYS; way++)
			expect_confined(deed, way);
}

/* The same where the root holds, at the same place, something of its own for the links to lead to. */
SPAWN_TEST(in_root, links_lead_to_what_is_inside)
{
	make_world();
	char path[1100];
	snprintf(path, sizeof path, "mkdir -p %s/root%s/directory && : >%s/root%s/file", fixture.directory,
		 scratch("outside"), fixture.directory, scratch("outside"));
	cr_assert_eq(system(path), 0);
	for (enum deed deed = MKDIR; deed < DEEDS; deed++)
		for (size_t way = 0; way < WAYS; way++)
			expect_confined(deed, way);
	snprintf(path, sizeof path, "%s/root%s/made", fixture.directory, scratch("outside"));
	cr_expect(is_there(path), "%s was not made inside", path);
}

static int try_below_root(void (*add)(struct plan *plan), struct run *run)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_private(plan);
	plan_add_root(plan, scratch("root"));
	plan_add_mount(plan, true, "proc", "/proc", 0, NULL);
	add(plan);
	FINISH(plan, "/bin/true");
	*run = (struct run)RUN_INIT;
	run->namespaces = CLONE_NEWPID | CLONE_NEWNS;
	run_start(run, plan);
	if (run->code == 0)
		run_finish(run);
	return run->code;
}

static void add_magic(struct plan *plan)
{
	plan_add_mkdir(plan, true, "/proc/self/root/tmp/made", 0700);
}

static void add_dangling_mount(struct plan *plan)
{
	plan_add_mkdir(plan, true, "/absolute", 0700);
	plan_add_mount(plan, true, "tmpfs", "/absolute", 0, NULL);
}

static void add_dangling_file(struct plan *plan)
{
	plan_add_file(plan, true, "/absolute");
	plan_add_bind(plan, true, scratch("source/seen"), "/absolute", 0, false);
}

static void add_link_over_link(struct plan *plan)
{
	plan_add_symlink(plan, true, "elsewhere", "/absolute");
}

SPAWN_TEST(in_root, what_can_not_be_resolved_is_an_error)
{
	make_world();
	struct run run;
	cr_expect_eq(try_below_root(add_magic, &run), -ELOOP, "%s", run.error.text);
	cr_expect_eq(try_below_root(add_dangling_mount, &run), -ENOENT, "%s", run.error.text);
	cr_expect_eq(try_below_root(add_dangling_file, &run), -ENOENT, "%s", run.error.text);
	cr_expect_eq(try_below_root(add_link_over_link, &run), -EEXIST, "%s", run.error.text);
}

static void add_plain_ones(struct plan *plan)
{
	plan_add_mkdir(plan, true, "/a/b/c/", 0750);
	plan_add_mkdir(plan, true, "//d///e//", 0700);
	plan_add_mkdir(plan, true, "/a/b/c", 0700);
	plan_add_mkdir(plan, true, "/", 0700);
	plan_add_mkdir(plan, true, "/a/../f/.", 0700);
	plan_add_file(plan, true, "/a/b/file");
	plan_add_file(plan, true, "/a/b/file");
}

SPAWN_TEST(in_root, paths_may_be_written_in_any_way)
{
	make_world();
	struct run run;
	cr_assert_eq(try_below_root(add_plain_ones, &run), 0, "%s", run.error.text);
	static const char *const made[] = {"root/a/b/c", "root/d/e", "root/f", "root/a/b/file"};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		cr_expect(is_there(scratch(made[i])), "%s", made[i]);
	struct stat status;
	cr_assert_eq(stat(scratch("root/a/b/c"), &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0750u, "%o", status.st_mode);
}

static atomic_bool storm_over;

/* Renames as fast as it can: the kernel then gives up resolving "..", for a caller to try again. openat2(2), EAGAIN */
static void *rename_storm(void *argument)
{
	(void)argument;
	char one[512], two[512];
	snprintf(one, sizeof one, "%s/storm-1", fixture.directory);
	snprintf(two, sizeof two, "%s/storm-2", fixture.directory);
	mkdir(one, 0700);
	while (!storm_over) {
		rename(one, two);
		rename(two, one);
	}
	return NULL;
}

static void add_many_upwards(struct plan *plan)
{
	for (int i = 0; i < 3000; i++) {
		char path[64];
		snprintf(path, sizeof path, "/var/link/%d", i);
		plan_add_mkdir(plan, true, path, 0700);
	}
}

SPAWN_TEST(in_root, a_busy_machine_is_no_reason_to_fail)
{
	make_world();
	cr_assert_eq(mkdir(scratch("root/var"), 0755), 0);
	cr_assert_eq(mkdir(scratch("root/run"), 0755), 0);
	cr_assert_eq(symlink("../run", scratch("root/var/link")), 0);
	pthread_t storm;
	cr_assert_eq(pthread_create(&storm, NULL, rename_storm, NULL), 0);
	struct run run;
	int code = try_below_root(add_many_upwards, &run);
	storm_over = true;
	pthread_join(storm, NULL);
	cr_expect_eq(code, 0, "%s", run.error.text);
	cr_expect(is_there(scratch("root/run/2999")));
}
