/* SPDX-License-Identifier: Apache-2.0 */
/* Framework roots: made on first use, shared, kept, removed, and refused removal while used. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(frameworks, .init = rt_init, .fini = rt_fini);

/* "framework:ID:rt.root" */
static const char *over_root(const char *id)
{
	static char specs[4][200];
	static unsigned int next;
	char *spec = specs[next++ % 4];
	snprintf(spec, 200, "framework:%s:%s", id, rt_root());
	return spec;
}

Test(frameworks, shared_by_its_executors)
{
	struct berth_options options =
		RT_OPTIONS("act", "write", "/shared", "one", "say", "written", "hold", "read", "/answer");
	options.root = over_root("F");
	struct rt_job *one = rt_job(&options);
	rt_job_expect(one, "written");
	options = RT_OPTIONS("act", "read", "/shared", "write", "/answer", "two", "list", "/");
	options.root = over_root("F");
	const char *text = rt_output(&options);
	rt_expect_line(text, "read /shared=one");
	rt_job_close_input(one);
	rt_job_expect(one, "read /answer=two");
	rt_expect_end(rt_job_end(one), BERTH_EXITED, 0);
	cr_expect_neq(access(rt_path("root/shared"), F_OK), 0, "it was written to the lower directory");
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

Test(frameworks, kept_between_executors)
{
	struct berth_options options = RT_OPTIONS("act", "write", "/kept", "x", "remove", "/bin/text");
	options.root = over_root("F");
	rt_output(&options);
	options = RT_OPTIONS("act", "read", "/kept", "stat", "/bin/text");
	options.root = over_root("F");
	const char *text = rt_output(&options);
	rt_expect_line(text, "read /kept=x");
	rt_expect_line(text, "stat /bin/text=ENOENT");
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
	/* A new start. */
	text = rt_output(&options);
	rt_expect_line(text, "read /kept=ENOENT");
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

/* As after a reboot: the layers are there, the mount is not. */
Test(frameworks, kept_when_unmounted)
{
	struct berth_options options = RT_OPTIONS("act", "write", "/kept", "x");
	options.root = over_root("F");
	rt_output(&options);
	cr_assert_eq(umount2(rt_path("data/roots/F/root"), MNT_DETACH), 0);
	options = RT_OPTIONS("act", "read", "/kept");
	options.root = over_root("F");
	rt_expect_line(rt_output(&options), "read /kept=x");
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

/* Whoever mounted it died in between: some of its mounts are there. */
Test(frameworks, mounted_anew_where_that_was_not_finished)
{
	const char *root = rt_path("data/roots/F/root");
	struct berth_options options = RT_OPTIONS("act", "write", "/kept", "x");
	options.root = over_root("F");
	rt_output(&options);
	cr_assert_eq(umount2(root, MNT_DETACH), 0);
	cr_assert_eq(mount("tmpfs", root, "tmpfs", 0, NULL), 0);
	rt_write("data/roots/F/mounting", "");
	options = RT_OPTIONS("act", "read", "/kept");
	options.root = over_root("F");
	rt_expect_line(rt_output(&options), "read /kept=x");
	cr_expect_lt(access(rt_path("data/roots/F/mounting"), F_OK), 0);
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

Test(frameworks, apart_from_each_other)
{
	struct berth_options options = RT_OPTIONS("act", "write", "/mine", "x");
	options.root = over_root("F");
	rt_output(&options);
	options = RT_OPTIONS("act", "read", "/mine");
	options.root = over_root("G");
	rt_expect_line(rt_output(&options), "read /mine=ENOENT");
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
	rt_ok(berth_root_remove(rt.berth, "G", &rt.error));
}

Test(frameworks, over_the_host)
{
	const char *file = rt_write("host-file", "of the host\n");
	struct berth_options options =
		RT_OPTIONS("act", "read", file, "write", file, "changed", "write", "/usr/bin/berth-test", "x");
	options.root = "framework:F";
	const char *text = rt_output(&options);
	char line[200];
	snprintf(line, sizeof line, "read %s=of the host", file);
	rt_expect_line(text, line);
	cr_expect_str_eq(rt_read(file), "of the host\n");
	cr_expect_neq(access("/usr/bin/berth-test", F_OK), 0);
	options = RT_OPTIONS("act", "read", file, "read", "/usr/bin/berth-test");
	options.root = "framework:F:host";
	text = rt_output(&options);
	snprintf(line, sizeof line, "read %s=changed", file);
	rt_expect_line(text, line);
	rt_expect_line(text, "read /usr/bin/berth-test=x");
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
	cr_expect_str_eq(rt_read(file), "of the host\n");
}

Test(frameworks, busy_while_used)
{
	struct berth_options options = RT_OPTIONS("act", "hold");
	options.root = over_root("F");
	options.name = "user of F";
	struct rt_job *job = rt_job(&options);
	rt_expect_error(berth_root_remove(rt.berth, "F", &rt.error), EBUSY);
	cr_expect(strstr(rt.error.text, "user of F") && strstr(rt.error.text, "F"), "%s", rt.error.text);
	/* Also for another slave. */
	struct berth *other = rt_open();
	rt_expect_error(berth_root_remove(other, "F", &rt.error), EBUSY);
	berth_close(other);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

Test(frameworks, removed_while_a_record_is_kept)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.root = over_root("F");
	options.flags = BERTH_KEEP_RECORD;
	struct berth_container *container = rt_launch(&options);
	struct berth_end end = BERTH_END_INIT;
	rt_ok(berth_container_wait(container, rt_patience(), &end, &rt.error));
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
	rt_ok(berth_container_remove(container, &rt.error));
	rt_end(container);
}

Test(frameworks, that_are_not_there)
{
	rt_expect_error(berth_root_remove(rt.berth, "F", &rt.error), ENOENT);
	rt_expect_error(berth_root_remove(rt.berth, "", &rt.error), EINVAL);
	rt_expect_error(berth_root_remove(rt.berth, "..", &rt.error), ENOENT);
	rt_expect_error(berth_root_remove(rt.berth, "../../root", &rt.error), ENOENT);
}

Test(frameworks, over_another_lower_directory)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.root = over_root("F");
	rt_output(&options);
	options.root = "framework:F";
	rt_launch_fails(&options, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, rt.root), "%s", rt.error.text);
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

Test(frameworks, ids_of_any_bytes)
{
	static char long_id[301];
	memset(long_id, 'F', 300);
	const char *const ids[] = {"a b", "../x", "..", "a/b", "(x)", "\xff", "%", long_id};
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct berth_options options = RT_OPTIONS("act", "write", "/made", "x");
		char spec[600];
		snprintf(spec, sizeof spec, "framework:%s:%s", ids[i], rt_root());
		options.root = spec;
		rt_output(&options);
		rt_ok(berth_root_remove(rt.berth, ids[i], &rt.error));
		cr_expect_neq(access(rt_path("root/made"), F_OK), 0);
	}
}

/* What an executor mounted over or linked can't make removal reach further. */
Test(frameworks, removal_stays_inside)
{
	rt_write("outside/file", "x");
	struct berth_options options =
		RT_OPTIONS("act", "mkdir", "/deep", "mkdir", "/deep/er", "write", "/deep/er/file", "x");
	options.root = over_root("F");
	rt_output(&options);
	cr_assert_eq(symlink(rt_path("outside"), rt_path("data/roots/F/root/link")), 0);
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
	cr_expect_str_eq(rt_read(rt_path("outside/file")), "x");
	cr_expect_neq(access(rt_path("data/roots/F"), F_OK), 0);
}
