/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/mountinfo.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int parse(const char *text, struct mount_table *table, struct error *error)
{
	char *owned = strdup(text);
	cr_assert_not_null(owned);
	return mount_table_parse(owned, table, error);
}

Test(mountinfo, one_line_has_every_field)
{
	cleanup_mount_table struct mount_table table;
	cr_assert_eq(
		parse("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n", &table, NULL),
		0);
	cr_assert_eq(table.count, 1);
	const struct mount_entry *entry = table.entries;
	cr_expect_eq(entry->id, 36);
	cr_expect_eq(entry->parent, 35);
	cr_expect_eq(entry->major, 98);
	cr_expect_eq(entry->minor, 0);
	cr_expect_str_eq(entry->root, "/mnt1");
	cr_expect_str_eq(entry->point, "/mnt2");
	cr_expect_str_eq(entry->options, "rw,noatime");
	cr_expect_str_eq(entry->type, "ext3");
	cr_expect_str_eq(entry->source, "/dev/root");
	cr_expect_str_eq(entry->super, "rw,errors=continue");
}

Test(mountinfo, optional_fields_may_be_none_or_many)
{
	cleanup_mount_table struct mount_table table;
	cr_assert_eq(parse("1 0 0:1 / / rw - tmpfs tmpfs rw\n"
			   "2 1 0:2 / /a rw shared:1 master:2 propagate_from:3 unbindable - proc proc rw",
			   &table, NULL),
		     0);
	cr_assert_eq(table.count, 2, "the last line needs no newline");
	cr_expect_str_eq(table.entries[0].type, "tmpfs");
	cr_expect_str_eq(table.entries[1].type, "proc");
	cr_expect_str_eq(table.entries[1].point, "/a");
}

Test(mountinfo, escapes_are_undone)
{
	cleanup_mount_table struct mount_table table;
	cr_assert_eq(
		parse("1 0 0:1 /a\\134040b /sp\\040ace\\011tab\\012line\\134back rw - fuse.my\\040fs my\\040dev rw\n"
		      "2 1 0:2 / /odd\\08\\9\\ rw - t s rw\n",
		      &table, NULL),
		0);
	cr_expect_str_eq(table.entries[0].root, "/a\\040b", "undone once, not twice");
	cr_expect_str_eq(table.entries[0].point, "/sp ace\ttab\nline\\back");
	cr_expect_str_eq(table.entries[0].type, "fuse.my fs");
	cr_expect_str_eq(table.entries[0].source, "my dev");
	cr_expect_str_eq(table.entries[1].point, "/odd\\08\\9\\", "what is no escape stays");
}

Test(mountinfo, an_empty_source_is_kept)
{
	/* mount("", ...) leaves two spaces together. */
	cleanup_mount_table struct mount_table table;
	cr_assert_eq(parse("1 0 0:1 / /x rw - tmpfs  rw,size=4k\n", &table, NULL), 0);
	cr_expect_str_eq(table.entries[0].source, "");
	cr_expect_str_eq(table.entries[0].super, "rw,size=4k");
}

Test(mountinfo, no_mounts)
{
	cleanup_mount_table struct mount_table table;
	cr_assert_eq(parse("", &table, NULL), 0);
	cr_assert_eq(table.count, 0);
}

Test(mountinfo, malformed_lines_are_refused_by_number)
{
	static const char *const bad[] = {
		"x",
		"\n",
		"1 0 0:1 / /a rw",
		"1 0 0:1 / /a rw shared:1",
		"1 0 0:1 / /a rw -",
		"1 0 0:1 / /a rw - tmpfs",
		"1 0 0:1 / /a rw - tmpfs none",
		"one 0 0:1 / /a rw - tmpfs none rw",
		"1 zero 0:1 / /a rw - tmpfs none rw",
		"1 0 01 / /a rw - tmpfs none rw",
		"1 0 a:b / /a rw - tmpfs none rw",
		"1 0 0:1  /a rw - tmpfs none rw",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[256];
		snprintf(text, sizeof text, "1 0 0:1 / / rw - tmpfs tmpfs rw\n%s\n", bad[i]);
		struct mount_table table;
		struct error error = {0};
		cr_expect_eq(parse(text, &table, &error), -EINVAL, "\"%s\"", bad[i]);
		cr_expect_eq(error.code, EINVAL);
		cr_expect_not_null(strstr(error.text, "line 2 "), "\"%s\": %s", bad[i], error.text);
		cr_expect_null(table.entries, "nothing is left to free");
		cr_expect_null(table.text_);
	}
}

Test(mountinfo, this_process)
{
	cleanup_mount_table struct mount_table table;
	struct error error = {0};
	cr_assert_eq(mount_table_read(NULL, &table, &error), 0, "%s", error.text);
	int proc = 0;
	for (size_t i = 0; i < table.count; i++) {
		cr_expect_eq(table.entries[i].point[0], '/');
		proc |= strcmp(table.entries[i].point, "/proc") == 0 && strcmp(table.entries[i].type, "proc") == 0;
	}
	cr_expect(proc, "/proc, which this was read from, is in the table");
}

Test(mountinfo, a_missing_file_is_named)
{
	cleanup_mount_table struct mount_table table;
	struct error error = {0};
	cr_assert_eq(mount_table_read("/nonexistent/mountinfo", &table, &error), -ENOENT);
	cr_expect_str_eq(error.text, "read /nonexistent/mountinfo: No such file or directory");
}

Test(mountinfo, options_are_whole_words)
{
	cr_expect(mount_option_has("rw,cpu,cpuacct", "rw"));
	cr_expect(mount_option_has("rw,cpu,cpuacct", "cpu"));
	cr_expect(mount_option_has("rw,cpu,cpuacct", "cpuacct"));
	cr_expect(mount_option_has("memory", "memory"));
	cr_expect_not(mount_option_has("rw,cpuacct", "cpu"));
	cr_expect_not(mount_option_has("rw,xcpu", "cpu"));
	cr_expect_not(mount_option_has("rw", "memory"));
	cr_expect_not(mount_option_has("", "rw"));
	cr_expect_not(mount_option_has("rw,name=cpu", "cpu"));
}
