/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces made ready, and steps that use one. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/file.h"
#include "nsutil/userns.h"
#include "tests/nsutil/fixture.h"

static const struct id_maps maps = {
	.uids = {.ranges = {{0, 100000, 1000}, {5000, 300000, 1}}, .count = 2},
	.gids = {.ranges = {{0, 200000, 1000}}, .count = 1},
};

Test(id_map, shifts)
{
	uint32_t outside = 7;
	cr_expect(id_map_outside(&maps.uids, 999, &outside) && outside == 100999);
	cr_expect(id_map_outside(&maps.uids, 5000, &outside) && outside == 300000);
	cr_expect_not(id_map_outside(&maps.uids, 1000, &outside));
	cr_expect_not(id_map_outside(&maps.uids, UINT32_MAX, &outside));
	cr_expect_eq(outside, 300000u, "what is not found leaves it alone");
	cr_expect_eq(id_map_shift(&maps.gids, 5), 200005u);
	cr_expect_eq(id_map_shift(&maps.gids, 1000), 1000u);
	const struct id_map last = {.ranges = {{0, UINT32_MAX - 1, 1}}, .count = 1};
	cr_expect_eq(id_map_shift(&last, 0), UINT32_MAX - 1);
	char text[64];
	cr_expect_eq(id_map_format(&maps.uids, "u ", text, sizeof text), 32);
	cr_expect_str_eq(text, "u 0 100000 1000\nu 5000 300000 1\n");
	for (size_t size = 0; size <= 33; size++)
		cr_expect_eq(id_map_format(&maps.uids, "u ", text, size), size > 32 ? 32 : -ENOSPC, "%zu", size);
}

SPAWN_TEST(userns, is_made_and_released)
{
	char before[4096], after[4096], text[256], path[64], ours[64];
	struct error error = {0};
	fds_list(before);
	struct userns userns;
	int code = userns_make(&maps, CLONE_NEWUTS, &userns, &error);
	cr_assert_eq(code, 0, "%s", error.text);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", userns.pidfd);
	cr_assert_gt(file_read(AT_FDCWD, path, text, sizeof text), 0);
	const char *line = strstr(text, "\nPid:");
	cr_assert_not_null(line);
	int pid = 0;
	sscanf(line, "\nPid: %d", &pid);
	snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
	cr_assert_gt(file_read(AT_FDCWD, path, text, sizeof text), 0);
	cr_expect(strstr(text, "     100000       1000\n"), "%s", text);
	snprintf(path, sizeof path, "/proc/%d/ns/uts", pid);
	ssize_t length = readlink(path, text, sizeof text - 1);
	cr_assert_gt(length, 0);
	text[length] = '\0';
	length = readlink("/proc/self/ns/uts", ours, sizeof ours - 1);
	ours[length > 0 ? length : 0] = '\0';
	cr_expect_str_neq(text, ours, "what it is to hold is new");
	userns_release(&userns);
	cr_expect_lt(kill(pid, 0), 0, "its holder is gone");
	cr_expect_not(has_children());
	cr_expect_str_eq(fds_list(after), before);
	/* Twice does no harm. */
	userns_release(&userns);
}

SPAWN_TEST(userns, of_bad_maps_leaves_nothing)
{
	static const struct id_maps bad = {
		.uids = {.ranges = {{0, 1000, 10}, {5, 2000, 10}}, .count = 2},
		.gids = {.ranges = {{0, 1000, 10}}, .count = 1},
	};
	char before[4096], after[4096];
	struct error error = {0};
	struct userns userns;
	fds_list(before);
	cr_expect_eq(userns_make(&bad, 0, &userns, &error), -EINVAL);
	cr_expect(strstr(error.text, "uid_map"), "%s", error.text);
	cr_expect_not(has_children());
	cr_expect_str_eq(fds_list(after), before);
}

/* From root outside to root inside, and what was made on the way is the latter's. */
SPAWN_TEST(userns, is_entered_last)
{
	struct error error = {0};
	cleanup_userns struct userns userns = USERNS_INIT;
	cr_assert_eq(userns_make(&maps, 0, &userns, &error), 0, "%s", error.text);
	cleanup_plan struct plan *plan = plan_new();
	plan_add_owner(plan, 100000, 200000);
	plan_add_mkdir(plan, false, scratch("made"), 0755);
	plan_add_owned_mkdir(plan, false, scratch("owned"), 0755, 3, 4);
	plan_add_mkdir(plan, false, scratch("owned/below"), 0700);
	plan_add_setns(plan, CLONE_NEWUSER);
	FINISH(plan, fixture.look);
	struct run run = RUN_INIT;
	run.namespaces_fd = userns.pidfd;
	run_plan(&run, plan);
	cr_expect_str_eq(told(&run, "uid"), "0");
	cr_expect_str_eq(told(&run, "gid"), "0");
	struct stat status;
	cr_assert_eq(stat(scratch("made"), &status), 0);
	cr_expect(status.st_uid == 100000 && status.st_gid == 200000, "%u:%u", status.st_uid, status.st_gid);
	cr_assert_eq(stat(scratch("owned"), &status), 0);
	cr_expect(status.st_uid == 3 && status.st_gid == 4, "%u:%u", status.st_uid, status.st_gid);
	/* The rights over files stay root's: a directory of another is written to. */
	cr_expect_eq(stat(scratch("owned/below"), &status), 0);
}

SPAWN_TEST(userns, of_a_plan_without_one)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_setns(plan, CLONE_NEWUSER);
	FINISH(plan, "true");
	struct run run = RUN_INIT;
	run_start(&run, plan);
	cr_expect_eq(run.code, -EBADF);
	cr_expect(strstr(run.error.text, "enter namespaces user"), "%s", run.error.text);
}
