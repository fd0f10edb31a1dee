/* SPDX-License-Identifier: Apache-2.0 */
/* Launches that begin in an empty mount namespace end up in the same place as those that begin in a copy. */
#include "nsutil/blank.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/nsutil/fixture.h"

/* Mounts of its own, shared as most hosts have them, and a root with all the mount points that plans here need. */
static void world_make(void)
{
	static const char *const directories[] = {"root", "root/proc", "root/volume", "root/bin", "source", "stage"};
	static const char *const files[] = {"root/look", "root/null", "source/seen"};
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL), 0);
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		cr_assert_eq(mkdir(scratch(directories[i]), 0755), 0);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		close(open(scratch(files[i]), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

static int open_one(void)
{
	int fd = blank_open(scratch("stage"));
	cr_assert_geq(fd, 0, "%s", strerror(-fd));
	return fd;
}

static struct plan *plan_begin(void)
{
	struct plan *plan = plan_new();
	plan_add_private(plan);
	plan_add_bind(plan, false, scratch("root"), scratch("stage"), 0, true);
	plan_add_root(plan, scratch("stage"));
	plan_add_mount(plan, true, "proc", "/proc", MOUNT_ATTR_NOSUID, NULL);
	return plan;
}

static struct plan *plan_whole(void)
{
	struct plan *plan = plan_begin();
	plan_add_bind(plan, true, scratch("source"), "/volume", MOUNT_ATTR_RDONLY, true);
	plan_add_bind(plan, true, fixture.look, "/look", 0, false);
	plan_add_device(plan, "/dev/null", "/null", S_IFCHR, 1, 3);
	plan_add_pivot(plan, true);
	FINISH(plan, "/look");
	return plan;
}

SPAWN_TEST(blank, has_nothing_but_a_directory)
{
	world_make();
	cleanup_fd int blank = open_one();
	cr_expect(fcntl(blank, F_GETFD) & FD_CLOEXEC);
	cr_expect_not(has_children());
	int ends[2];
	cr_assert_eq(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		bool entered = setns(blank, CLONE_NEWNS) == 0;
		bool empty = access("/proc", F_OK) < 0 && access("/etc", F_OK) < 0;
		bool staged = access(scratch("stage"), F_OK) == 0;
		bool read_only = mkdir("/new", 0755) < 0 && errno == EROFS;
		dprintf(ends[1], "%d %d %d %d", entered, empty, staged, read_only);
		_exit(0);
	}
	char told[64] = "";
	close(ends[1]);
	read_text(ends[0], told, sizeof told, NULL);
	close(ends[0]);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_expect_str_eq(told, "1 1 1 1");
}

/* Whether each mount that one told of the other told of too. Their order is that of their making. */
static bool has_mounts_of(const struct run *run, const struct run *other)
{
	size_t count = 0;
	for (const char *line = other->output; (line = strstr(line, "mount=")); count++) {
		char wanted[1024];
		size_t length = strcspn(line, "\n") + 1;
		snprintf(wanted, sizeof wanted, "%.*s", (int)length, line);
		if (!strstr(run->output, wanted))
			return false;
		line += length;
	}
	return count > 0;
}

SPAWN_TEST(blank, leads_to_the_same_mounts_as_a_copy)
{
	world_make();
	cr_assert_eq(mount("over", scratch("source"), "tmpfs", 0, NULL), 0);
	cr_assert_eq(mkdir(scratch("source/below"), 0755), 0);
	cr_assert_eq(mount("below", scratch("source/below"), "tmpfs", 0, NULL), 0);
	cleanup_fd int blank = open_one();
	cleanup_plan struct plan *plan = plan_whole();
	cr_expect(blank_suits(plan));
	for (int way = 0; way < 2; way++) {
		struct run copy = RUN_INIT, run = RUN_INIT;
		copy.namespaces = run.namespaces = CLONE_NEWNS | CLONE_NEWPID;
		copy.untrusted = run.untrusted = way == 0;
		run.blank_fd = blank;
		run_plan(&copy, plan);
		run_plan(&run, plan);
		cr_expect_eq(run.wait_status, 0);
		cr_expect_not_null(strstr(copy.output, "mount=/volume/below tmpfs ro"), "%s", copy.output);
		cr_expect_not_null(strstr(copy.output, "mount=/null"), "%s", copy.output);
		cr_expect(has_mounts_of(&run, &copy) && has_mounts_of(&copy, &run), "%s\n%s", run.output, copy.output);
		cr_expect_str_eq(told(&run, "fd"), told(&copy, "fd"));
	}
	cr_expect_eq(umount2(scratch("source"), MNT_DETACH), 0); /* or the directory could not be removed */
}

/* Into all that there is on the host; the command is to come. */
static struct plan *plan_of_the_host(void)
{
	struct plan *plan = plan_new();
	plan_add_private(plan);
	plan_add_bind(plan, false, "/", scratch("stage"), 0, true);
	plan_add_root(plan, scratch("stage"));
	plan_add_pivot(plan, true);
	return plan;
}

/* A file system that is mounted on the host later, in what is shown, does not appear. */
SPAWN_TEST(blank, cuts_propagation)
{
	world_make();
	cleanup_fd int blank = open_one();
	cleanup_plan struct plan *plan = plan_of_the_host();
	FINISH(plan, "cat", "/proc/self/mountinfo");
	for (int with = 0; with < 2; with++) {
		struct run run = RUN_INIT;
		run.namespaces = CLONE_NEWNS;
		run.blank_fd = with ? blank : -1;
		run_plan(&run, plan);
		cr_expect_eq(run.wait_status, 0);
		cr_expect_not_null(strstr(run.output, " / "), "%s", run.output);
		cr_expect_null(strstr(run.output, "shared:"), "%s", run.output);
		cr_expect_null(strstr(run.output, "master:"), "%s", run.output);
	}
}

/* It is the namespace's own root: for user namespaces, which nobody makes in a chroot, for "..", and for who enters. */
SPAWN_TEST(blank, ends_in_a_root_that_is_no_chroot)
{
	world_make();
	cleanup_fd int blank = open_one();
	cleanup_plan struct plan *plan = plan_of_the_host();
	FINISH(plan, "sh", "-ec",
	       "unshare --user true; test / -ef /..; nsenter --mount=/proc/self/ns/mnt test -e \"$0\"; echo done",
	       scratch("source/seen"));
	for (int with = 0; with < 2; with++) {
		struct run run = RUN_INIT;
		run.namespaces = CLONE_NEWNS;
		run.blank_fd = with ? blank : -1;
		run_plan(&run, plan);
		cr_expect_str_eq(run.output, "done\n");
	}
}

/* An unbindable mount can't be taken along, but a copy of it can be bound: it is a copy then, as without. */
SPAWN_TEST(blank, is_left_alone_where_a_mount_is_unbindable)
{
	world_make();
	cr_assert_eq(mount("over", scratch("source"), "tmpfs", 0, NULL), 0);
	cr_assert_eq(mount(NULL, scratch("source"), NULL, MS_UNBINDABLE, NULL), 0);
	cleanup_fd int blank = open_one();
	cleanup_plan struct plan *plan = plan_whole();
	for (int way = 0; way < 2; way++) {
		struct run run = RUN_INIT;
		run.namespaces = CLONE_NEWNS | CLONE_NEWPID;
		run.untrusted = way == 0;
		run.blank_fd = blank;
		run_plan(&run, plan);
		cr_expect_eq(run.wait_status, 0);
		cr_expect_not_null(strstr(run.output, "mount=/volume tmpfs ro"), "%s", run.output);
	}
	cr_expect_eq(umount(scratch("source")), 0, "it is in use: %s", strerror(errno));
}

/* To mount a proc in another user namespace than the initial takes one that is seen. */
SPAWN_TEST(blank, is_not_made_in_a_user_namespace)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) < 0 ? 200 : -blank_open("/stage"));
	int status;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 200)
		cr_skip_test("no user namespace is to be had here");
	cr_expect_eq(WEXITSTATUS(status), EPERM);
}

/* Who may not change its root may not enter one. */
SPAWN_TEST(blank, is_left_alone_without_the_capability_to_enter_it)
{
	world_make();
	cleanup_fd int blank = open_one();
	cleanup_plan struct plan *plan = plan_whole();
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	cr_assert_eq(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~(1U << CAP_SYS_CHROOT);
	data[0].permitted &= ~(1U << CAP_SYS_CHROOT);
	cr_assert_eq(syscall(SYS_capset, &header, data), 0);
	struct run run = RUN_INIT;
	run.namespaces = CLONE_NEWNS | CLONE_NEWPID;
	run.blank_fd = blank;
	run_plan(&run, plan);
	cr_expect_eq(run.wait_status, 0);
	cr_expect_not_null(strstr(run.output, "mount=/volume "), "%s", run.output);
}

SPAWN_TEST(blank, tells_which_source_is_missing)
{
	world_make();
	cleanup_fd int blank = open_one();
	cleanup_plan struct plan *plan = plan_begin();
	plan_add_bind(plan, true, scratch("source"), "/volume", 0, false);
	plan_add_bind(plan, true, scratch("missing"), "/volume", 0, false);
	plan_add_pivot(plan, true);
	FINISH(plan, "/look");
	for (int way = 0; way < 2; way++) {
		struct run copy = RUN_INIT, run = RUN_INIT;
		copy.namespaces = run.namespaces = CLONE_NEWNS | CLONE_NEWPID;
		copy.untrusted = run.untrusted = way == 0;
		run.blank_fd = blank;
		run_start(&copy, plan);
		run_start(&run, plan);
		cr_expect_eq(run.code, -ENOENT);
		cr_expect_not_null(strstr(run.error.text, scratch("missing")), "%s", run.error.text);
		cr_expect_str_eq(run.error.text, copy.error.text);
	}
	cr_expect_not(has_children());
}

SPAWN_TEST(blank, leaves_out_what_is_optional)
{
	world_make();
	cleanup_fd int blank = open_one();
	cleanup_plan struct plan *plan = plan_begin();
	plan_add_bind(plan, true, scratch("missing"), "/volume", 0, false);
	plan_optional(plan);
	plan_add_bind(plan, true, fixture.look, "/look", 0, false);
	plan_add_pivot(plan, true);
	FINISH(plan, "/look");
	struct run run = RUN_INIT;
	run.namespaces = CLONE_NEWNS | CLONE_NEWPID;
	run.blank_fd = blank;
	run_plan(&run, plan);
	cr_expect_eq(run.wait_status, 0);
	cr_expect_null(strstr(run.output, "mount=/volume"), "%s", run.output);
}

/* What lies on the host, and is not bound, would be looked for in vain. */
SPAWN_TEST(blank, does_not_suit_a_plan_that_needs_the_host)
{
	static const char *const layers[] = {"lowerdir=/", NULL};
	for (int i = 0; i < 6; i++) {
		cleanup_plan struct plan *plan = plan_begin();
		switch (i) {
		case 0:
			plan_add_mkdir(plan, false, "/run/here", 0755);
			break;
		case 1:
			plan_add_mount(plan, false, "tmpfs", "/run/here", 0, NULL);
			break;
		case 2:
			plan_add_mount(plan, true, "overlay", "/volume", 0, layers);
			break;
		case 3:
			plan_add_unmount(plan, "/run/here");
			break;
		case 4:
			plan_add_chdir(plan, "/");
			break;
		default:
			plan_add_symlink(plan, true, "here", "/there");
		}
		plan_add_pivot(plan, true);
		FINISH(plan, "true");
		cr_expect_eq(blank_suits(plan), i == 5, "%d", i);
	}
	/* One that leaves no root behind. */
	cleanup_plan struct plan *plan = plan_begin();
	FINISH(plan, "true");
	cr_expect_not(blank_suits(plan));
}
