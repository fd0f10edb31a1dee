/* SPDX-License-Identifier: Apache-2.0 */
/* What the command is told to be: its environment, working directory and user. */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(command, .init = rt_init, .fini = rt_fini);

Test(command, environment_is_passed_on)
{
	setenv("BERTH_TEST_GIVEN", "from caller", 1);
	setenv("BERTH_TEST_EMPTY", "", 1);
	setenv("BERTH_TEST_CHANGED", "old", 1);
	struct berth_options options = RT_OPTIONS("look");
	options.env = (const char *const[]){"BERTH_TEST_CHANGED=new", "BERTH_TEST_ADDED=a=b",
					    "BERTH_TEST_BLANK=", "BERTH_TEST_UNSET", NULL};
	const char *text = rt_output(&options);
	rt_expect_line(text, "env=BERTH_TEST_GIVEN=from caller");
	rt_expect_line(text, "env=BERTH_TEST_EMPTY=");
	rt_expect_line(text, "env=BERTH_TEST_CHANGED=new");
	rt_expect_line(text, "env=BERTH_TEST_ADDED=a=b");
	rt_expect_line(text, "env=BERTH_TEST_BLANK=");
	cr_expect_eq(rt_count(text, "env=BERTH_TEST_CHANGED"), 1u);
	cr_expect_eq(rt_count(text, "env=BERTH_TEST_UNSET"), 0u);
	cr_expect_eq(rt_count(text, "env=PATH="), 1u);
	cr_expect_eq(rt_count(text, "env=TERM="), getenv("TERM") ? 1u : 0u);
}

Test(command, environment_cleared)
{
	setenv("BERTH_TEST_GIVEN", "from caller", 1);
	struct berth_options options = RT_OPTIONS("look");
	options.flags = BERTH_ENV_CLEAR;
	options.env = (const char *const[]){"A=1", "BERTH_TEST_GIVEN", "EMPTY=", NULL};
	const char *text = rt_output(&options);
	rt_expect_line(text, "env=A=1");
	rt_expect_line(text, "env=EMPTY=");
	/* A bare name takes the caller's value, also into a cleared environment. */
	rt_expect_line(text, "env=BERTH_TEST_GIVEN=from caller");
	rt_expect_line(text, "env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	cr_expect_eq(rt_count(text, "env="), 4u, "%s", text);
}

Test(command, environment_of_bad_form)
{
	struct berth_options options = RT_OPTIONS("look");
	options.env = (const char *const[]){"=x", NULL};
	rt_launch_fails(&options, -EINVAL, 125);
	options.env = (const char *const[]){"", NULL};
	rt_launch_fails(&options, -EINVAL, 125);
}

Test(command, working_directory)
{
	char *here = getcwd(NULL, 0);
	struct berth_options options = RT_OPTIONS("look");
	rt_expect_value(rt_output(&options), "cwd", "/");
	options.workdir = "/etc/../empty/";
	rt_expect_value(rt_output(&options), "cwd", "/empty");
	/* The caller's own, in the host's tree. */
	cr_assert_eq(chdir("/usr/lib"), 0);
	options.workdir = NULL;
	options.root = "host";
	rt_expect_value(rt_output(&options), "cwd", "/usr/lib");
	options.root = "host-rw";
	rt_expect_value(rt_output(&options), "cwd", "/usr/lib");
	options.workdir = "/";
	rt_expect_value(rt_output(&options), "cwd", "/");
	cr_assert_eq(chdir(here), 0);
	free(here);
}

Test(command, working_directory_of_bad_form)
{
	struct berth_options options = RT_OPTIONS("look");
	options.workdir = "empty";
	rt_launch_fails(&options, -EINVAL, 125);
	options.workdir = "";
	rt_launch_fails(&options, -EINVAL, 125);
	options.workdir = "/nowhere";
	rt_launch_fails(&options, -ENOENT, 125);
	cr_expect(strstr(rt.error.text, "/nowhere"), "%s", rt.error.text);
	options.workdir = "/etc/passwd";
	rt_launch_fails(&options, -ENOTDIR, 125);
	rt_expect_nothing_left();
}

static const struct {
	const char *user, *uid, *gid, *groups;
} users[] = {
	{NULL, "0", "0", ""},
	{"root", "0", "0", ""},
	{"0:0", "0", "0", ""},
	{"alice", "1234", "100", "500,501"},
	{"1234", "1234", "100", "500,501"},
	{"alice:club", "1234", "501", ""},
	{"alice:77", "1234", "77", ""},
	{"bob", "2345", "2345", "500"},
	{"4321", "4321", "4321", ""},
	{"4321:4322", "4321", "4322", ""},
	{"4321:team", "4321", "500", ""},
	{"4294967294:4294967294", "-2", "-2", ""},
};

Test(command, user)
{
	for (size_t i = 0; i < 2 * sizeof users / sizeof *users; i++) {
		struct berth_options options = RT_OPTIONS("look");
		options.flags = i % 2 ? BERTH_NO_INIT : 0;
		options.user = users[i / 2].user;
		const char *text = rt_output(&options);
		rt_expect_value(text, "uid", users[i / 2].uid);
		rt_expect_value(text, "euid", users[i / 2].uid);
		rt_expect_value(text, "gid", users[i / 2].gid);
		rt_expect_value(text, "egid", users[i / 2].gid);
		rt_expect_value(text, "groups", users[i / 2].groups);
		if (strcmp(users[i / 2].uid, "0") != 0)
			rt_expect_value(text, "CapEff", "0000000000000000");
	}
}

/* What groups the slave is in is none of the command's business. */
Test(command, groups_of_the_caller_stay_out)
{
	gid_t groups[] = {4711, 4712}, before[64];
	int count = getgroups(64, before);
	cr_assert_geq(count, 0);
	cr_assert_eq(setgroups(2, groups), 0);
	cr_assert_eq(setegid(4713), 0);
	struct berth_options options = RT_OPTIONS("look");
	const char *text = rt_output(&options);
	cr_assert_eq(setegid(0), 0);
	cr_assert_eq(setgroups((size_t)count, before), 0);
	rt_expect_value(text, "groups", "");
	rt_expect_value(text, "gid", "0");
	rt_expect_value(text, "egid", "0");
}

Test(command, user_that_is_not_there)
{
	static const struct {
		const char *user;
		int code;
	} table[] = {
		{"carol", ENOENT},      {"alice:nogroup", ENOENT},
		{"", EINVAL},           {":100", EINVAL},
		{"alice:", EINVAL},     {"-1", ENOENT},
		{"4294967295", ENOENT}, {"99999999999999999999", ENOENT},
		{"1234x", ENOENT},      {"1234:4294967295", ENOENT},
		{" alice", ENOENT},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct berth_options options = RT_OPTIONS("look");
		options.user = table[i].user;
		rt_launch_fails(&options, -table[i].code, 125);
	}
	rt_expect_nothing_left();
}

/* The user files are the container's own, and a link out of its root leads back into it. */
Test(command, user_files_are_the_roots_own)
{
	rt_root();
	cr_assert_eq(unlink(rt_path("root/etc/passwd")), 0);
	rt_write("root/etc/elsewhere", "dora:x:42:43::/:/\n");
	cr_assert_eq(symlink("/etc/elsewhere", rt_path("root/etc/passwd")), 0);
	struct berth_options options = RT_OPTIONS("look");
	options.user = "dora";
	const char *text = rt_output(&options);
	rt_expect_value(text, "uid", "42");
	rt_expect_value(text, "gid", "43");
	/* No files at all: numbers work, names don't. */
	cr_assert_eq(unlink(rt_path("root/etc/passwd")), 0);
	cr_assert_eq(unlink(rt_path("root/etc/group")), 0);
	rt_launch_fails(&options, -ENOENT, 125);
	options.user = "7:8";
	rt_expect_value(rt_output(&options), "gid", "8");
}

/* A directory only root may enter is still a working directory for the user. */
Test(command, user_in_a_closed_directory)
{
	rt_root();
	cr_assert_eq(mkdir(rt_path("root/closed"), 0700), 0);
	struct berth_options options = RT_OPTIONS("look");
	options.user = "alice";
	options.workdir = "/closed";
	rt_expect_value(rt_output(&options), "cwd", "/closed");
}
