/* SPDX-License-Identifier: Apache-2.0 */
/* Ways back to the host's root, and at what lies below what covers: by root inside, with more and more in its hands. */
#include <stdio.h>
#include <string.h>

#include "tests/attack/attack.h"

TestSuite(attack_ways, .init = attack_init, .fini = rt_fini);

static const char *const ways[] = {"dotdot", "descriptor", "setns", "umount", "pivot", "move"};
enum { WAYS = sizeof ways / sizeof *ways };

static void expect_no_way(const char *text, const char *with)
{
	for (size_t i = 0; i < WAYS; i++) {
		const char *result = rt_value(text, ways[i]);
		cr_expect(*result && strcmp(result, "ok") != 0, "with %s, %s gave '%s':\n%s", with, ways[i], result,
			  text);
	}
}

/* Each way first out of the root of a runtime that leaves it open. */
Test(attack_ways, back_to_the_old_root)
{
	const char *text =
		attack_at_fault(ATTACK_CHROOT, (const char *const[]){"/bin/leave", "return", attack_secret, NULL});
	cr_assert_str_eq(rt_value(text, "descriptor"), "ok", "%s", text);
	cr_assert_str_eq(rt_value(text, "setns"), "ok", "%s", text);
	text = attack_at_fault(ATTACK_OLD_ROOT_LEFT,
			       (const char *const[]){"/bin/leave", "return", attack_secret, NULL});
	cr_assert_str_eq(rt_value(text, "dotdot"), "ok", "%s", text);
	cr_assert_str_eq(rt_value(text, "pivot"), "ok", "%s", text);

	static const char *const one[] = {"SYS_ADMIN", NULL};
	/* The old root of a layer is the host's, of a directory, after the first launch, the empty namespace's. */
	char layer[1100];
	snprintf(layer, sizeof layer, "overlay:%s", rt_root());
	for (int i = 0; i < 4; i++) {
		struct berth_options options = RT_OPTIONS("leave", "return", attack_secret);
		options.flags = i & 1 ? BERTH_NO_INIT : 0;
		options.root = i & 2 ? layer : options.root;
		text = rt_output(&options);
		expect_no_way(text, "the defaults");
		rt_expect_value(text, "setns", "EPERM");
		rt_expect_value(text, "umount", "EPERM");
		rt_expect_value(text, "pivot", "EPERM");
		struct berth_options admin = options;
		admin.cap_add = one;
		expect_no_way(rt_output(&admin), "SYS_ADMIN");
		/* Whoever may do all of it finds that there is no old root: it has been detached. */
		attack_unguarded(&options);
		text = rt_output(&options);
		expect_no_way(text, "everything");
		rt_expect_value(text, "dotdot", "ENOENT");
		rt_expect_value(text, "descriptor", "ENOENT");
		rt_expect_value(text, "setns", "ENOENT");
		rt_expect_value(text, "pivot", "ENOENT");
	}
}

/* By chroot(2) alone, which root inside may. */
Test(attack_ways, out_of_a_directory)
{
	char line[300];
	const char *text = attack_at_fault(
		ATTACK_CHROOT, (const char *const[]){"/bin/act", "chroot-out", "read", attack_secret, NULL});
	snprintf(line, sizeof line, "read %s=the host's", attack_secret);
	rt_expect_line(text, line);
	struct berth_options options = RT_OPTIONS("act", "chroot-out", "read", attack_secret);
	text = rt_output(&options);
	rt_expect_line(text, "chroot-out =ok");
	snprintf(line, sizeof line, "read %s=ENOENT", attack_secret);
	rt_expect_line(text, line);
}

static size_t count_of(const char *text, const char *key)
{
	size_t count = 1000;
	cr_assert_eq(sscanf(rt_value(text, key), "%zu", &count), 1, "%s is not in:\n%s", key, text);
	return count;
}

/* Everything that is read-only or masked in /proc and /sys. With SYS_ADMIN root inside rules the mounts, as the manual
 * says, unless it is root of a user namespace alone. */
Test(attack_ways, below_what_covers)
{
	struct berth_options options = RT_OPTIONS("leave", "covers");
	struct berth_options admin = options;
	admin.cap_add = (const char *const[]){"SYS_ADMIN", NULL};
	const char *text = rt_output(&admin);
	size_t covers = count_of(text, "covers");
	cr_assert_gt(covers, 5, "%s", text);
	cr_expect_eq(count_of(text, "opened"), covers, "%s", text);
	cr_expect_eq(count_of(text, "uncovered"), covers, "%s", text);

	for (size_t i = 0; i < 2; i++) {
		options.seccomp = i ? "unconfined" : "default";
		text = rt_output(&options);
		cr_expect_eq(count_of(text, "covers"), covers, "%s", text);
		cr_expect_eq(count_of(text, "opened"), 0, "%s", text);
		cr_expect_eq(count_of(text, "uncovered"), 0, "%s", text);
	}
}

Test(attack_ways, below_what_covers_in_a_user_namespace)
{
	rt_require_idmapped();
	static const struct berth_id_range range = {0, 100000, 65536};
	struct berth_options options = RT_OPTIONS("leave", "covers", "return", attack_secret);
	options.uid_map = &range;
	options.n_uid_map = 1;
	attack_unguarded(&options);
	/* The second begins in the empty mount namespace. */
	for (int i = 0; i < 2; i++) {
		const char *text = rt_output(&options);
		cr_expect_gt(count_of(text, "covers"), 5, "%s", text);
		cr_expect_eq(count_of(text, "opened"), 0, "%s", text);
		cr_expect_eq(count_of(text, "uncovered"), 0, "%s", text);
		expect_no_way(text, "everything");
	}
	char stage[256];
	snprintf(stage, sizeof stage, "%s/.stage", rt.state);
	options.argv = (const char *const[]){"/bin/leave", "return", stage, NULL};
	expect_no_way(rt_output(&options), "everything, for the stage");
	options.argv = (const char *const[]){"/bin/leave", "own-users", "return", stage, NULL};
	expect_no_way(rt_output(&options), "everything, for the stage, with users of its own");
}

/*
 * The root of a context's later launches lies over that of an empty mount namespace, where there is but the stage that
 * they all begin on. It is not to be found, neither by root of a user namespace made inside, which has a copy of the
 * mounts, nor by who rules them.
 *
 * Undone: root_stays_covered, always true. With SYS_ADMIN, umount gave 'ok'.
 */
Test(attack_ways, below_the_root)
{
	struct berth_options first = RT_OPTIONS("act", "exit", "0");
	rt_output(&first);
	char stage[256];
	snprintf(stage, sizeof stage, "%s/.stage", rt.state);
	struct berth_options options = RT_OPTIONS("leave", "own-users", "return", stage, "covers");
	options.seccomp = "unconfined";
	const char *text = rt_output(&options);
	expect_no_way(text, "a user namespace");
	rt_expect_value(text, "own-users", "ok");
	rt_expect_value(text, "umount", "EINVAL");
	rt_expect_value(text, "move", "EINVAL");
	cr_expect_gt(count_of(text, "covers"), 5, "%s", text);
	cr_expect_eq(count_of(text, "opened"), 0, "%s", text);
	cr_expect_eq(count_of(text, "uncovered"), 0, "%s", text);
	struct berth_options admin = RT_OPTIONS("leave", "return", stage);
	attack_unguarded(&admin);
	text = rt_output(&admin);
	expect_no_way(text, "everything");
	rt_expect_value(text, "umount", "ENOENT");
}
