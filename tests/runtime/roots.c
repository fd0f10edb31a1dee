/* SPDX-License-Identifier: Apache-2.0 */
/* The root kinds: what the command sees, where what it writes goes, and what of it stays. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(roots, .init = rt_init, .fini = rt_fini);

static const char *overlay_of_root(void)
{
	static char spec[120];
	snprintf(spec, sizeof spec, "overlay:%s", rt_root());
	return spec;
}

static bool exists(const char *path)
{
	struct stat status;
	return lstat(path, &status) == 0;
}

/* Below the test's own directory, so that a host-rw test can do no harm either. */
Test(roots, host_is_seen_and_never_written)
{
	const char *file = rt_write("host-file", "of the host\n"), *made = rt_path("made"),
		   *directory = rt_path("tree");
	rt_write("tree/leaf", "leaf\n");
	for (size_t i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS(
			"act", "read", file, "write", file, "changed", "read", file, "write", made, "x", "remove",
			rt_path("tree/leaf"), "remove", directory, "stat", directory, "write", "/usr/bin/berth-test",
			"x", "read", "/usr/bin/berth-test", "write", "/etc/passwd", "gone");
		options.root = i ? NULL : "host";
		options.flags = i ? BERTH_NO_INIT : 0;
		const char *text = rt_output(&options);
		char line[200];
		snprintf(line, sizeof line, "read %s=of the host", file);
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "read %s=changed", file);
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "write %s=ok", made);
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "stat %s=ENOENT", directory);
		rt_expect_line(text, line);
		rt_expect_line(text, "read /usr/bin/berth-test=x");
		rt_expect_line(text, "write /etc/passwd=ok");
		cr_expect_str_eq(rt_read(file), "of the host\n");
		cr_expect_str_eq(rt_read(rt_path("tree/leaf")), "leaf\n");
		cr_expect_not(exists(made));
		cr_expect_not(exists("/usr/bin/berth-test"));
		cr_expect(strncmp(rt_read("/etc/passwd"), "root:", 5) == 0);
	}
}

/* Each container has a layer of its own. */
Test(roots, host_layers_are_apart)
{
	const char *made = rt_path("made");
	struct berth_options options = RT_OPTIONS("act", "write", made, "one", "say", "written", "hold");
	options.root = "host";
	struct rt_job *one = rt_job(&options);
	rt_job_expect(one, "written");
	options = RT_OPTIONS("act", "read", made);
	options.root = "host";
	char line[200];
	snprintf(line, sizeof line, "read %s=ENOENT", made);
	rt_expect_line(rt_output(&options), line);
	rt_expect_end(rt_job_end(one), BERTH_EXITED, 0);
}

/* Overlay shows one file system at a time: what is mounted on the host must be there too, and be protected as well. */
Test(roots, host_mounts_are_seen_and_never_written)
{
	cr_assert_eq(mkdir(rt_path("mounted"), 0755), 0);
	cr_assert_eq(mount("tmpfs", rt_path("mounted"), "tmpfs", 0, "mode=750,uid=12,gid=34"), 0);
	rt_write("mounted/file", "in tmpfs\n");
	cr_assert_eq(mkdir(rt_path("mounted/ro"), 0755), 0);
	cr_assert_eq(mount("tmpfs", rt_path("mounted/ro"), "tmpfs", 0, NULL), 0);
	rt_write("mounted/ro/file", "in ro\n");
	cr_assert_eq(mount(NULL, rt_path("mounted/ro"), NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	rt_write("single", "a file\n");
	cr_assert_eq(mount("/etc/hostname", rt_path("single"), NULL, MS_BIND, NULL), 0);
	char first[64];
	snprintf(first, sizeof first, "%.*s", (int)strcspn(rt_read("/etc/hostname"), "\n"), rt_read("/etc/hostname"));

	struct berth_options options =
		RT_OPTIONS("act", "read", rt_path("mounted/file"), "write", rt_path("mounted/file"), "changed", "stat",
			   rt_path("mounted"), "read", rt_path("mounted/ro/file"), "write", rt_path("mounted/ro/file"),
			   "x", "read", rt_path("single"), "write", rt_path("single"), "x");
	options.root = "host";
	const char *text = rt_output(&options);
	char line[200];
	snprintf(line, sizeof line, "read %s=in tmpfs", rt_path("mounted/file"));
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "write %s=ok", rt_path("mounted/file"));
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "stat %s=d0750 12:34", rt_path("mounted"));
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "read %s=in ro", rt_path("mounted/ro/file"));
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "write %s=EROFS", rt_path("mounted/ro/file"));
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "read %s=%s", rt_path("single"), first);
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "write %s=EROFS", rt_path("single"));
	rt_expect_line(text, line);
	cr_expect_str_eq(rt_read(rt_path("mounted/file")), "in tmpfs\n");
	cr_assert_eq(umount2(rt_path("single"), MNT_DETACH), 0);
	cr_assert_eq(umount2(rt_path("mounted/ro"), MNT_DETACH), 0);
	cr_assert_eq(umount2(rt_path("mounted"), MNT_DETACH), 0);
}

Test(roots, host_rw_is_the_host)
{
	const char *file = rt_write("host-file", "of the host\n");
	struct berth_options options = RT_OPTIONS("act", "read", file, "write", file, "changed");
	options.root = "host-rw";
	const char *text = rt_output(&options);
	char line[200];
	snprintf(line, sizeof line, "read %s=of the host", file);
	rt_expect_line(text, line);
	cr_expect_str_eq(rt_read(file), "changed");
	options.root = "/";
	options.argv = (const char *const[]){rt_payload("act"), "write", file, "again", NULL};
	rt_output(&options);
	cr_expect_str_eq(rt_read(file), "again");
}

/* Nor can what it mounts reach the host; it has no right to mount, so its set-up is what would. */
Test(roots, host_rw_mounts_stay_inside)
{
	char before[8192];
	snprintf(before, sizeof before, "%s", rt_read("/proc/self/mountinfo"));
	struct berth_options options = RT_OPTIONS("act", "hold");
	options.root = "host-rw";
	options.tmpfs = &(const struct berth_tmpfs){rt_path("inner"), 0};
	options.n_tmpfs = 1;
	struct rt_job *job = rt_job(&options);
	cr_expect(!strstr(rt_read("/proc/self/mountinfo"), rt.base));
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	cr_expect(access("/proc/1/status", F_OK) == 0);
}

/* The records and layers of other containers are not to be seen. */
Test(roots, state_is_hidden)
{
	static const char *const kinds[] = {"host", "host-rw", "framework:F", "overlay:/"};
	rt_write("data/secret", "x");
	struct stat top, base;
	cr_assert(stat("/", &top) == 0 && stat(rt.base, &base) == 0);
	for (size_t i = 0; i < 4; i++) {
		struct berth_options options = RT_OPTIONS("act");
		const char *const argv[] = {rt_payload("act"),  "list", rt.state, "list", rt.data, "write",
					    rt_path("state/x"), "x",    NULL};
		options.root = kinds[i];
		options.argv = argv;
		const char *text = rt_output(&options);
		/* A layer over / is one over that file system alone. */
		bool absent = strcmp(kinds[i], "overlay:/") == 0 && top.st_dev != base.st_dev;
		char line[200];
		snprintf(line, sizeof line, "list %s=%s", rt.state, absent ? "ENOENT" : "");
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "list %s=%s", rt.data, absent ? "ENOENT" : "");
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "write %s=%s", rt_path("state/x"), absent ? "ENOENT" : "EROFS");
		rt_expect_line(text, line);
	}
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

Test(roots, directory_is_written_to)
{
	struct berth_options options =
		RT_OPTIONS("act", "list", "/", "write", "/made", "x", "stat", "/..", "list", "/..");
	const char *text = rt_output(&options);
	rt_expect_line(text, "list /=bin dev empty etc proc sys tmp");
	rt_expect_line(text, "list /..=bin dev empty etc made proc sys tmp");
	cr_expect_str_eq(rt_read(rt_path("root/made")), "x");
}

Test(roots, directory_through_a_link_and_relative)
{
	rt_root();
	cr_assert_eq(symlink("root", rt_path("link")), 0);
	struct berth_options options = RT_OPTIONS("act", "write", "/made", "x");
	options.root = rt_path("link");
	rt_output(&options);
	cr_expect_str_eq(rt_read(rt_path("root/made")), "x");
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(chdir(rt.base), 0);
	options.root = "./root";
	options.argv = (const char *const[]){"/bin/act", "write", "/made", "relative", NULL};
	rt_output(&options);
	cr_expect_str_eq(rt_read(rt_path("root/made")), "relative");
	cr_assert_eq(fchdir(here), 0);
	close(here);
}

/* Names that overlay would read as separators and escapes, and what mountinfo escapes. */
Test(roots, directories_of_any_name)
{
	static const char *const names[] = {"a:b", "a\\b", "a,b", "a b", "a=b", "\\:,", "\xff"};
	rt_root();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char spec[200];
		cr_assert_eq(rename(rt.root, rt_path(names[i])), 0);
		struct berth_options options = BERTH_OPTIONS_INIT;
		options.argv = (const char *const[]){"/bin/act", "write", "/made", "x", "read", "/etc/group", NULL};
		options.cgroup_parent = rt.parent;
		snprintf(spec, sizeof spec, "overlay:%s", rt_path(names[i]));
		options.root = spec;
		rt_expect_line(rt_output(&options), "read /etc/group=root:x:0:");
		char made[200];
		snprintf(made, sizeof made, "%s/made", rt_path(names[i]));
		cr_expect_not(exists(made), "%s", names[i]);
		options.root = rt_path(names[i]);
		rt_expect_line(rt_output(&options), "read /etc/group=root:x:0:");
		cr_expect(exists(made), "%s", names[i]);
		cr_assert_eq(unlink(made), 0);
		snprintf(spec, sizeof spec, "framework:F%zu:%s", i, rt_path(names[i]));
		options.root = spec;
		rt_expect_line(rt_output(&options), "read /etc/group=root:x:0:");
		cr_expect_not(exists(made), "%s", names[i]);
		char id[8];
		snprintf(id, sizeof id, "F%zu", i);
		rt_ok(berth_root_remove(rt.berth, id, &rt.error));
		cr_assert_eq(rename(rt_path(names[i]), rt.root), 0);
	}
}

Test(roots, overlay_is_thrown_away)
{
	struct berth_options options = RT_OPTIONS("act", "write", "/made", "x", "write", "/etc/group", "y", "remove",
						  "/bin/text", "list", "/", "read", "/etc/group");
	options.root = overlay_of_root();
	for (size_t i = 0; i < 2; i++) {
		const char *text = rt_output(&options);
		rt_expect_line(text, "remove /bin/text=ok");
		rt_expect_line(text, "list /=bin dev empty etc made proc sys tmp");
		rt_expect_line(text, "read /etc/group=y");
		cr_expect_not(exists(rt_path("root/made")));
		cr_expect_not(exists(rt_path("root/proc")), "mount points of an overlay belong in its upper layer");
		cr_expect(exists(rt_path("root/bin/text")));
		cr_expect(strncmp(rt_read(rt_path("root/etc/group")), "root:", 5) == 0);
	}
}

Test(roots, owner_and_mode_of_the_root_stay)
{
	rt_root();
	cr_assert_eq(chmod(rt.root, 0711), 0);
	cr_assert_eq(chown(rt.root, 21, 22), 0);
	struct berth_options options = RT_OPTIONS("act", "stat", "/");
	options.root = overlay_of_root();
	rt_expect_line(rt_output(&options), "stat /=d0711 21:22");
	char spec[120];
	snprintf(spec, sizeof spec, "framework:F:%s", rt.root);
	options.root = spec;
	rt_expect_line(rt_output(&options), "stat /=d0711 21:22");
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

/* A hostile root: where mounts go, links lead back into it. */
Test(roots, links_in_the_root_stay_inside)
{
	rt_root();
	rt_write("outside/untouched", "x");
	cr_assert_eq(symlink(rt_path("outside"), rt_path("root/proc")), 0);
	cr_assert_eq(symlink("../../../../../../..", rt_path("root/sys")), 0);
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	/* /proc leads to a place that the root does not have. */
	struct berth_container *container = NULL;
	options.name = "hostile";
	int code = berth_launch(rt.berth, &options, &container, &rt.error);
	cr_expect_lt(code, 0);
	if (code == 0)
		rt_kill(rt_adopt(container));
	cr_expect_not(exists(rt_path("outside/1")));
	cr_expect_eq(rt_count(rt_read("/proc/self/mountinfo"), rt.base), 0u);
	cr_assert_eq(unlink(rt_path("root/proc")), 0);
	cr_assert_eq(unlink(rt_path("root/sys")), 0);
	/* And one that leads to a place inside, though it looks like one outside. */
	cr_assert_eq(symlink("/etc/devices", rt_path("root/dev")), 0);
	cr_assert_eq(mkdir(rt_path("root/etc/devices"), 0755), 0);
	options.name = NULL;
	options.argv = (const char *const[]){"/bin/act", "stat", "/etc/devices/null", NULL};
	rt_expect_line(rt_output(&options), "stat /etc/devices/null=c0666 0:0 1,3");
	cr_expect_not(exists("/etc/devices"));
}

Test(roots, of_bad_form)
{
	rt_root();
	static const struct {
		const char *root;
		int code;
	} table[] = {{"", EINVAL},
		     {"hosts", EINVAL},
		     {"/nowhere", ENOENT},
		     {"/dev/null", ENOTDIR},
		     {"overlay:", ENOENT},
		     {"overlay:/nowhere", ENOENT},
		     {"overlay:/dev/null", ENOTDIR},
		     {"framework:", EINVAL},
		     {"framework::/", EINVAL},
		     {"framework:F:/nowhere", ENOENT},
		     {"framework:F:", ENOENT}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct berth_options options = RT_OPTIONS("act", "exit", "0");
		options.root = table[i].root;
		rt_launch_fails(&options, -table[i].code, 125);
	}
	struct berth_options options = RT_OPTIONS("/bin/act", "exit", "0");
	options.root = rt_path("root/empty");
	rt_launch_fails(&options, -ENOENT, 127);
	rt_expect_nothing_left();
}
