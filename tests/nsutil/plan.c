/* SPDX-License-Identifier: Apache-2.0 */
/* Building: what goes into a plan is what a reader of the sealed memfd finds. */
#include "nsutil/plan.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/nsutil/fixture.h"

/* The sealed plan, mapped as init maps it. */
struct image {
	const struct plan_header *plan;
	size_t size;
};

static struct image image_of(const struct plan *plan)
{
	struct error error;
	cleanup_fd int fd = plan_seal(plan, &error);
	cr_assert_geq(fd, 0, "%s", error.text);
	struct stat status;
	cr_assert_eq(fstat(fd, &status), 0);
	void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	cr_assert_neq(data, MAP_FAILED);
	return (struct image){data, (size_t)status.st_size};
}

static const char *nth_of_list(const struct plan_header *plan, const struct plan_step *step, size_t n)
{
	cr_assert_lt(n, step->list_count);
	const char *text = plan_text(plan, step->list);
	while (n--)
		text += strlen(text) + 1;
	return text;
}

Test(plan, steps_keep_their_order_and_arguments)
{
	cleanup_plan struct plan *plan = plan_new();
	const char *const options[] = {"mode=755", "size=64k", NULL};
	const char *const argv[] = {"echo", "hello", NULL};
	const gid_t groups[] = {4, 4294967294};
	plan_add_private(plan);
	plan_add_mount(plan, true, "tmpfs", "/dev", MOUNT_ATTR_NOSUID, options);
	plan_add_bind(plan, true, "/srv/data", "/data", MOUNT_ATTR_RDONLY, true);
	plan_add_attributes(plan, false, "/mnt", MOUNT_ATTR_RDONLY, false);
	plan_add_owned_mkdir(plan, true, "/home", 0750, 1000, 100);
	plan_add_mknod(plan, true, "/dev/null", S_IFCHR | 0666, 1, 3);
	plan_add_symlink(plan, true, "pts/ptmx", "/dev/ptmx");
	plan_add_rlimit(plan, 7, 1024, UINT64_MAX);
	plan_add_user(plan, 1000, 100, groups, 2, true);
	plan_add_tty(plan, 65535, 1);
	plan_add_fork(plan, true);
	plan_add_exec(plan, "echo", "/bin", argv);
	cr_assert_eq(plan_count(plan), 12);

	struct image image = image_of(plan);
	const struct plan_step *step = plan_steps(image.plan);
	cr_assert_eq(plan_check(image.plan, image.size), 0);
	cr_assert_eq(image.plan->n_steps, 12);
	cr_expect_eq(step[0].op, PLAN_PRIVATE);

	cr_expect_eq(step[1].op, PLAN_MOUNT);
	cr_expect_eq(step[1].flags, PLAN_IN_ROOT);
	cr_expect_str_eq(plan_text(image.plan, step[1].text), "tmpfs");
	cr_expect_str_eq(plan_text(image.plan, step[1].text2), "/dev");
	cr_expect_eq(step[1].n[0], MOUNT_ATTR_NOSUID);
	cr_assert_eq(step[1].list_count, 2);
	cr_expect_str_eq(nth_of_list(image.plan, &step[1], 0), "mode=755");
	cr_expect_str_eq(nth_of_list(image.plan, &step[1], 1), "size=64k");

	cr_expect_eq(step[2].flags, PLAN_IN_ROOT | PLAN_RECURSIVE);
	cr_expect_str_eq(plan_text(image.plan, step[2].text), "/srv/data");
	cr_expect_eq(step[2].n[0], MOUNT_ATTR_RDONLY);
	cr_expect_eq(step[3].flags, 0);
	cr_expect(step[4].n[0] == 0750 && step[4].n[1] == 1000 && step[4].n[2] == 100);
	cr_expect(step[5].n[0] == (S_IFCHR | 0666) && step[5].n[1] == 1 && step[5].n[2] == 3);
	cr_expect_str_eq(plan_text(image.plan, step[6].text), "pts/ptmx");
	cr_expect_str_eq(plan_text(image.plan, step[6].text2), "/dev/ptmx");
	cr_expect(step[7].n[0] == 7 && step[7].n[1] == 1024 && step[7].n[2] == UINT64_MAX);
	cr_expect(step[8].n[0] == 1000 && step[8].n[1] == 100 && step[8].n[2] == 2);
	cr_expect_arr_eq(plan_text(image.plan, step[8].text), groups, sizeof groups);
	cr_expect_eq(step[8].flags, PLAN_KEEP_CAPABILITIES);
	cr_expect(step[9].n[0] == 65535 && step[9].n[1] == 1);
	cr_expect_eq(step[10].flags, PLAN_JOIN);
	cr_expect_eq(step[11].op, PLAN_EXEC);
	cr_expect_str_eq(plan_text(image.plan, step[11].text2), "/bin");
}

Test(plan, keeps_empty_strings_in_lists_and_elsewhere)
{
	cleanup_plan struct plan *plan = plan_new();
	const char *const argv[] = {"", "a", "", "", "b", "", NULL};
	const char *const none[] = {NULL};
	plan_add_environment(plan, none);
	plan_add_chdir(plan, "");
	plan_add_exec(plan, "", "", argv);
	struct image image = image_of(plan);
	const struct plan_step *step = plan_steps(image.plan);
	cr_assert_eq(plan_check(image.plan, image.size), 0);
	cr_expect_eq(step[0].list_count, 0);
	cr_expect_str_eq(plan_text(image.plan, step[1].text), "");
	cr_assert_eq(step[2].list_count, 6);
	for (size_t i = 0; i < 6; i++)
		cr_expect_str_eq(nth_of_list(image.plan, &step[2], i), argv[i], "argument %zu", i);
}

Test(plan, copies_what_it_is_given)
{
	cleanup_plan struct plan *plan = plan_new();
	char path[] = "/original";
	char argument[] = "original";
	const char *argv[] = {argument, NULL};
	plan_add_chdir(plan, path);
	plan_add_exec(plan, argument, path, argv);
	memset(path, 'x', sizeof path - 1);
	memset(argument, 'x', sizeof argument - 1);
	char text[64];
	plan_describe(plan, 0, text, sizeof text);
	cr_expect_str_eq(text, "change directory to /original");
	plan_describe(plan, 1, text, sizeof text);
	cr_expect_str_eq(text, "execute original");
}

Test(plan, grows_to_many_steps_and_long_strings)
{
	enum { STEPS = 100000, LONG = 1 << 20 };
	cleanup_plan struct plan *plan = plan_new();
	cleanup_free char *text = malloc(LONG + 1);
	memset(text, 'y', LONG);
	text[LONG] = '\0';
	for (int i = 0; i < STEPS; i++) {
		char path[32];
		snprintf(path, sizeof path, "/%d", i);
		plan_add_chdir(plan, path);
	}
	const char *const argv[] = {text, text, NULL};
	plan_add_exec(plan, text, "", argv);
	struct image image = image_of(plan);
	cr_assert_eq(plan_check(image.plan, image.size), 0);
	cr_assert_eq(image.plan->n_steps, STEPS + 1);
	const struct plan_step *step = plan_steps(image.plan);
	for (int i = 0; i < STEPS; i += 997) {
		char path[32];
		snprintf(path, sizeof path, "/%d", i);
		cr_expect_str_eq(plan_text(image.plan, step[i].text), path);
	}
	cr_expect_eq(strlen(nth_of_list(image.plan, &step[STEPS], 1)), LONG);
}

/* More strings than a plan takes: told once, at the end, and never by a crash in between. */
Test(plan, refuses_strings_without_measure)
{
	enum { TOO_LONG = (64 << 20) + 1 };
	cleanup_plan struct plan *plan = plan_new();
	cleanup_free char *text = malloc(TOO_LONG);
	memset(text, 'z', TOO_LONG - 1);
	text[TOO_LONG - 1] = '\0';
	const char *const argv[] = {"true", text, text, NULL};
	plan_add_chdir(plan, "/");
	plan_add_chdir(plan, text);
	plan_add_environment(plan, argv);
	plan_add_exec(plan, "true", "/bin", argv);
	char phrase[64];
	for (size_t i = 0; i < plan_count(plan); i++)
		plan_describe(plan, i, phrase, sizeof phrase);
	struct error error = {0};
	cr_expect_eq(plan_seal(plan, &error), -ENOMEM);
	cr_expect_eq(error.code, ENOMEM);
	cr_expect_not_null(strstr(error.text, "plan"), "%s", error.text);
}

Test(plan, an_empty_one_can_be_sealed_but_is_none)
{
	cleanup_plan struct plan *plan = plan_new();
	cr_expect_eq(plan_count(plan), 0);
	struct image image = image_of(plan);
	cr_expect_eq(plan_check(image.plan, image.size), -EINVAL);
}

Test(plan, tells_whether_one_continues_another)
{
	const char *const argv[] = {"true", NULL};
	cleanup_plan struct plan *waiting = plan_new(), *whole = plan_new(), *other = plan_new(), *nothing = plan_new();
	plan_add_hostname(waiting, "one");
	plan_add_setsid(waiting);
	plan_add_await(waiting);
	plan_add_hostname(whole, "one");
	plan_add_setsid(whole);
	plan_add_chdir(whole, "/tmp");
	plan_add_exec(whole, "true", "/bin", argv);
	plan_add_hostname(other, "two");
	plan_add_setsid(other);
	plan_add_exec(other, "true", "/bin", argv);
	plan_add_await(nothing);
	cr_expect(plan_continues(whole, waiting));
	cr_expect_not(plan_continues(other, waiting), "the texts differ");
	cr_expect(plan_continues(whole, nothing));
	cr_expect_not(plan_continues(nothing, waiting), "it is shorter");
	cr_expect(plan_continues(waiting, waiting));
}

Test(plan, tells_word_and_operation_of_a_step)
{
	cleanup_plan struct plan *plan = PLAN_OF("true");
	cr_expect_eq(plan_op(plan, 0), PLAN_ENVIRONMENT);
	cr_expect_str_eq(plan_word(plan, 0), "environment");
	cr_expect_eq(plan_op(plan, 1), PLAN_EXEC);
	cr_expect_str_eq(plan_word(plan, 1), "exec");
}

Test(plan, seals_the_failure_to_inject)
{
	cleanup_plan struct plan *plan = PLAN_OF("true");
	plan_inject_failure(plan, 1, EXDEV);
	struct image image = image_of(plan);
	cr_expect_eq(image.plan->fail_step, 2);
	cr_expect_eq(image.plan->fail_error, (uint32_t)EXDEV);
	cr_expect_eq(plan_check(image.plan, image.size), 0);
}
