/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes, tmpfs and read-only roots. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(volumes, .init = rt_init, .fini = rt_fini);

/* rt_options with volumes; each call's stay for the test. */
static struct berth_options with(struct berth_options options, const struct berth_volume *volumes, size_t count)
{
	options.volumes = volumes;
	options.n_volumes = count;
	return options;
}

Test(volumes, written_and_read_only)
{
	rt_write("one/file", "one\n");
	rt_write("two/file", "two\n");
	char one[128], two[128];
	strcpy(one, rt_path("one"));
	strcpy(two, rt_path("two"));
	const struct berth_volume volumes[] = {{one, "/vol/one", false}, {two, "/vol/two", true}};
	struct berth_options options =
		RT_OPTIONS("act", "read", "/vol/one/file", "write", "/vol/one/new", "x", "read", "/vol/two/file",
			   "write", "/vol/two/new", "x", "write", "/vol/two/file", "x");
	options = with(options, volumes, 2);
	const char *text = rt_output(&options);
	rt_expect_line(text, "read /vol/one/file=one");
	rt_expect_line(text, "write /vol/one/new=ok");
	rt_expect_line(text, "read /vol/two/file=two");
	rt_expect_line(text, "write /vol/two/new=EROFS");
	rt_expect_line(text, "write /vol/two/file=EROFS");
	cr_expect_str_eq(rt_read(rt_path("one/new")), "x");
	/* The source itself stays writable on the host. */
	rt_write("two/file", "still\n");
}

Test(volumes, nested)
{
	rt_write("outer/file", "outer\n");
	rt_write("inner/file", "inner\n");
	char outer[128], inner[128];
	strcpy(outer, rt_path("outer"));
	strcpy(inner, rt_path("inner"));
	const struct berth_volume volumes[] = {{outer, "/a", false}, {inner, "/a/deep/b", true}};
	struct berth_options options = RT_OPTIONS("act", "read", "/a/file", "read", "/a/deep/b/file", "write", "/a/x",
						  "x", "write", "/a/deep/b/x", "x");
	options = with(options, volumes, 2);
	const char *text = rt_output(&options);
	rt_expect_line(text, "read /a/file=outer");
	rt_expect_line(text, "read /a/deep/b/file=inner");
	rt_expect_line(text, "write /a/x=ok");
	rt_expect_line(text, "write /a/deep/b/x=EROFS");
}

/* What is mounted below a volume's source comes along, and is read-only with it. */
Test(volumes, mounts_below_the_source)
{
	rt_write("source/file", "x\n");
	cr_assert_eq(mkdir(rt_path("source/mounted"), 0755), 0);
	cr_assert_eq(mount("tmpfs", rt_path("source/mounted"), "tmpfs", 0, NULL), 0);
	rt_write("source/mounted/file", "below\n");
	char source[128];
	strcpy(source, rt_path("source"));
	const struct berth_volume volumes[] = {{source, "/v", true}};
	struct berth_options options = RT_OPTIONS("act", "read", "/v/mounted/file", "write", "/v/mounted/file", "x");
	options = with(options, volumes, 1);
	const char *text = rt_output(&options);
	rt_expect_line(text, "read /v/mounted/file=below");
	rt_expect_line(text, "write /v/mounted/file=EROFS");
	cr_assert_eq(umount2(rt_path("source/mounted"), MNT_DETACH), 0);
}

Test(volumes, single_file)
{
	char file[128];
	strcpy(file, rt_write("file", "content\n"));
	const struct berth_volume volumes[] = {{file, "/etc/made/here", true}, {file, "/etc/group", false}};
	struct berth_options options = RT_OPTIONS("act", "read", "/etc/made/here", "write", "/etc/made/here", "x",
						  "read", "/etc/group", "write", "/etc/group", "changed");
	options = with(options, volumes, 2);
	const char *text = rt_output(&options);
	rt_expect_line(text, "read /etc/made/here=content");
	rt_expect_line(text, "write /etc/made/here=EROFS");
	rt_expect_line(text, "read /etc/group=content");
	rt_expect_line(text, "write /etc/group=ok");
	cr_expect_str_eq(rt_read(file), "changed");
	cr_expect(strncmp(rt_read(rt_path("root/etc/group")), "root:", 5) == 0);
}

/* The root is hostile: a link in it leads, for the kernel, to where it leads inside the root. */
Test(volumes, target_through_a_link)
{
	rt_root();
	rt_write("source/file", "x\n");
	rt_write("outside/file", "outside\n");
	cr_assert_eq(symlink(rt_path("outside"), rt_path("root/absolute")), 0);
	cr_assert_eq(symlink("../../../../../../../../etc", rt_path("root/relative")), 0);
	char source[128];
	strcpy(source, rt_path("source"));
	const struct berth_volume relative[] = {{source, "/relative/here", false}};
	struct berth_options options = RT_OPTIONS("act", "read", "/etc/here/file", "write", "/etc/here/new", "x");
	options = with(options, relative, 1);
	const char *text = rt_output(&options);
	rt_expect_line(text, "read /etc/here/file=x");
	cr_expect_neq(access("/etc/here", F_OK), 0);
	/* The same path does not exist inside: an error, or a directory inside, but nothing outside. */
	const struct berth_volume absolute[] = {{source, "/absolute/here", false}};
	options = with(RT_OPTIONS("act", "exit", "0"), absolute, 1);
	struct berth_container *container = NULL;
	if (berth_launch(rt.berth, &options, &container, &rt.error) == 0)
		rt_end(rt_adopt(container));
	else
		cr_expect(strstr(rt.error.text, "/absolute"), "%s", rt.error.text);
	cr_expect_neq(access(rt_path("outside/here"), F_OK), 0);
}

Test(volumes, target_that_is_in_the_way)
{
	rt_write("source/file", "x\n");
	char source[128];
	strcpy(source, rt_path("source"));
	const struct berth_volume on_file[] = {{source, "/etc/passwd", false}};
	struct berth_options options = with(RT_OPTIONS("act", "exit", "0"), on_file, 1);
	rt_launch_fails(&options, -ENOTDIR, 125);
	cr_expect(strstr(rt.error.text, "/etc/passwd"), "%s", rt.error.text);
	const struct berth_volume below_file[] = {{source, "/etc/passwd/x", false}};
	options = with(options, below_file, 1);
	rt_launch_fails(&options, -ENOTDIR, 125);
	rt_expect_nothing_left();
}

Test(volumes, target_forms)
{
	rt_write("source/file", "x\n");
	char source[128];
	strcpy(source, rt_path("source"));
	static const char *const forms[] = {"/v/", "//v", "/v/./", "/v/../v", "/tmp/../v//"};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		const struct berth_volume volumes[] = {{source, forms[i], false}};
		struct berth_options options = with(RT_OPTIONS("act", "read", "/v/file"), volumes, 1);
		rt_expect_line(rt_output(&options), "read /v/file=x");
	}
}

Test(volumes, of_bad_form)
{
	static const struct {
		struct berth_volume volume;
		int code;
	} table[] = {
		{{"/nowhere", "/v", false}, ENOENT}, {{"etc", "/v", false}, EINVAL}, {{"/etc", "v", false}, EINVAL},
		{{"/etc", "", false}, EINVAL},       {{"", "/v", false}, EINVAL},    {{"/etc", "/", false}, EINVAL},
		{{"/etc", "///", false}, EINVAL},    {{NULL, "/v", false}, EINVAL},  {{"/etc", NULL, false}, EINVAL},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct berth_options options = with(RT_OPTIONS("act", "exit", "0"), &table[i].volume, 1);
		rt_launch_fails(&options, -table[i].code, 125);
	}
	/* Roundabout names of / itself. */
	static const char *const roundabout[] = {"/.", "/..", "/etc/.."};
	for (size_t i = 0; i < 3; i++) {
		const struct berth_volume volume = {"/etc", roundabout[i], false};
		struct berth_options options = with(RT_OPTIONS("act", "exit", "0"), &volume, 1);
		rt_launch_fails(&options, -EINVAL, 125);
	}
	rt_expect_nothing_left();
}

Test(volumes, in_every_root)
{
	char source[128], overlay[128];
	rt_write("source/file", "x\n");
	strcpy(source, rt_path("source"));
	snprintf(overlay, sizeof overlay, "overlay:%s", rt_root());
	const char *const roots[] = {"host", overlay, "framework:F", rt.root};
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		const struct berth_volume volumes[] = {{source, "/tmp/berth test/v", true}};
		struct berth_options options = with(RT_OPTIONS("act", "read", "/tmp/berth test/v/file"), volumes, 1);
		options.root = roots[i];
		rt_expect_line(rt_output(&options), "read /tmp/berth test/v/file=x");
		cr_expect_neq(access("/tmp/berth test", F_OK), 0);
	}
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

Test(volumes, tmpfs)
{
	const struct berth_tmpfs tmpfs[] = {{"/scratch/a", 65536}, {"/etc", 0}};
	struct berth_options options = RT_OPTIONS("act", "fill", "/scratch/a/x", "1000000", "stat", "/scratch/a",
						  "list", "/etc", "write", "/etc/x", "x");
	options.tmpfs = tmpfs;
	options.n_tmpfs = 2;
	const char *text = rt_output(&options);
	rt_expect_line(text, "fill /scratch/a/x=ENOSPC 65536");
	rt_expect_line(text, "stat /scratch/a=d1777 0:0");
	rt_expect_line(text, "list /etc=");
	rt_expect_line(text, "write /etc/x=ok");
	cr_expect(strncmp(rt_read(rt_path("root/etc/group")), "root:", 5) == 0);
	options.tmpfs = &(const struct berth_tmpfs){"/", 0};
	options.n_tmpfs = 1;
	rt_launch_fails(&options, -EINVAL, 125);
	options.tmpfs = &(const struct berth_tmpfs){"relative", 0};
	rt_launch_fails(&options, -EINVAL, 125);
}

Test(volumes, read_only_root)
{
	char source[128], overlay[128];
	rt_write("source/file", "x\n");
	strcpy(source, rt_path("source"));
	snprintf(overlay, sizeof overlay, "overlay:%s", rt_root());
	const char *const roots[] = {"host", overlay, "framework:F", rt.root, "host-rw"};
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		/* Mount points may be missing, and lie in one another. */
		char volume[128], scratch[128], inner[160];
		snprintf(volume, sizeof volume, "%s/points/v", rt.base);
		snprintf(scratch, sizeof scratch, "%s/points/t", rt.base);
		snprintf(inner, sizeof inner, "%s/inner", scratch);
		const struct berth_volume volumes[] = {{source, volume, false}, {source, inner, true}};
		const struct berth_tmpfs tmpfs[] = {{scratch, 0}};
		char made[160], in_scratch[160], in_volume[160], in_inner[200];
		snprintf(made, sizeof made, "%s/made", rt.base);
		snprintf(in_scratch, sizeof in_scratch, "%s/x", scratch);
		snprintf(in_volume, sizeof in_volume, "%s/x", volume);
		snprintf(in_inner, sizeof in_inner, "%s/x", inner);
		struct berth_options options = RT_OPTIONS("act", "write", "/made", "x", "write", made, "x", "write",
							  in_scratch, "x", "write", in_volume, "x", "write", in_inner,
							  "x", "write", "/dev/shm/x", "x", "write", "/etc/group", "x");
		options = with(options, volumes, 2);
		options.tmpfs = tmpfs;
		options.n_tmpfs = 1;
		options.flags = BERTH_READ_ONLY | (i % 2 ? BERTH_NO_INIT : 0);
		options.root = roots[i];
		const char *text = rt_output(&options);
		rt_expect_line(text, "write /made=EROFS");
		rt_expect_line(text, "write /etc/group=EROFS");
		rt_expect_line(text, "write /dev/shm/x=ok");
		char line[240];
		snprintf(line, sizeof line, "write %s=ok", in_scratch);
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "write %s=ok", in_volume);
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "write %s=EROFS", in_inner);
		rt_expect_line(text, line);
		if (i == 4)
			cr_expect_neq(access(made, F_OK), 0);
	}
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
	/* The host's own mounts have not become read-only. */
	rt_write("writable", "x");
}
