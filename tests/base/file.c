/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/file.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

static char directory_path[] = "/tmp/berth-file-XXXXXX";
static int directory = -1;

static void enter(void)
{
	cr_assert_not_null(mkdtemp(directory_path));
	directory = open(directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(directory, 0);
}

static int is_name(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* How many files the directory holds; the name of one of them. */
static int count(char name[256])
{
	struct dirent **entries;
	int found = scandir(directory_path, &entries, is_name, alphasort);
	cr_assert_geq(found, 0);
	for (int i = 0; i < found; i++) {
		if (name)
			strcpy(name, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return found;
}

static void leave(void)
{
	char name[256];
	while (count(name) > 0)
		if (unlinkat(directory, name, 0) < 0)
			break;
	close(directory);
	rmdir(directory_path);
}

static void put(const char *name, const char *text)
{
	cr_assert_eq(file_replace(directory, name, text, strlen(text), 0600), 0);
}

TestSuite(file, .init = enter, .fini = leave);

Test(file, read_terminates_and_tells_the_length)
{
	char buffer[8];
	put("f", "1234567");
	cr_assert_eq(file_read(directory, "f", buffer, sizeof buffer), 7);
	cr_assert_str_eq(buffer, "1234567");
	put("f", "");
	cr_assert_eq(file_read(directory, "f", buffer, sizeof buffer), 0);
	cr_assert_str_eq(buffer, "");
}

Test(file, read_refuses_what_does_not_fit)
{
	char buffer[8];
	put("f", "12345678");
	cr_assert_eq(file_read(directory, "f", buffer, sizeof buffer), -EFBIG);
	cr_assert_eq(file_read(directory, "missing", buffer, sizeof buffer), -ENOENT);
	cr_assert_eq(file_read(AT_FDCWD, "/", buffer, sizeof buffer), -EISDIR);
}

Test(file, read_all_grows_and_keeps_its_limit)
{
	enum { SIZE = 10000 };
	cleanup_free char *text = malloc(SIZE + 1);
	cr_assert_not_null(text);
	/* Round the first buffer's size, where the end of file and the buffer's meet. */
	static const int lengths[] = {0, 1, 4095, 4096, 4097, 8192, SIZE};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		int length = lengths[i];
		memset(text, 'x', (size_t)length);
		text[length] = '\0';
		put("f", text);
		cleanup_free char *read = NULL;
		cr_assert_eq(file_read_all(directory, "f", SIZE, &read), length);
		cr_assert_str_eq(read, text);
	}
	char *untouched = NULL;
	cr_assert_eq(file_read_all(directory, "f", SIZE - 1, &untouched), -EFBIG);
	cr_assert_eq(file_read_all(directory, "missing", SIZE, &untouched), -ENOENT);
	cr_assert_null(untouched);
	cleanup_free char *status = NULL;
	cr_assert_gt(file_read_all(AT_FDCWD, "/proc/self/status", 1 << 20, &status), 0, "a file without a size");
	cr_assert_eq(strncmp(status, "Name:", 5), 0);
}

Test(file, numbers)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"42\n", 0, 42},
		{"18446744073709551615\n", 0, UINT64_MAX},
		{"max\n", 0, UINT64_MAX},
		{"max", 0, UINT64_MAX},
		{"100 200\n", 0, 100},
		{"18446744073709551616", -ERANGE, 0},
		{"-1", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"\n", -EINVAL, 0},
		{"12k", -EINVAL, 0},
		{"maximum", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t value = 0;
		put("n", cases[i].text);
		cr_expect_eq(file_read_u64(directory, "n", &value), cases[i].result, "\"%s\"", cases[i].text);
		if (cases[i].result == 0)
			cr_expect_eq(value, cases[i].value, "\"%s\"", cases[i].text);
	}
	uint64_t value;
	cr_expect_eq(file_read_u64(directory, "missing", &value), -ENOENT);
}

Test(file, keyed_numbers)
{
	static const char text[] = "oom 3\noom_kill 5\nlow -1\nbig 18446744073709551616\nempty\nlast 9";
	uint64_t value = 0;
	cr_expect_eq(file_keyed_u64(text, "oom", &value), 0);
	cr_expect_eq(value, 3);
	cr_expect_eq(file_keyed_u64(text, "oom_kill", &value), 0);
	cr_expect_eq(value, 5);
	cr_expect_eq(file_keyed_u64(text, "last", &value), 0);
	cr_expect_eq(value, 9);
	cr_expect_eq(file_keyed_u64(text, "kill", &value), -ENOENT, "the end of another key");
	cr_expect_eq(file_keyed_u64(text, "oom_", &value), -ENOENT, "the beginning of another key");
	cr_expect_eq(file_keyed_u64(text, "empty", &value), -ENOENT);
	cr_expect_eq(file_keyed_u64(text, "low", &value), -EINVAL);
	cr_expect_eq(file_keyed_u64(text, "big", &value), -ERANGE);
	cr_expect_eq(file_keyed_u64("", "oom", &value), -ENOENT);
	cr_expect_eq(file_keyed_u64("\n\noom 1\n", "oom", &value), 0, "after empty lines");
	cr_expect_eq(value, 1);
}

Test(file, write_creates_nothing)
{
	char buffer[16];
	put("f", "old content");
	cr_assert_eq(file_write(directory, "f", "new"), 0);
	cr_assert_gt(file_read(directory, "f", buffer, sizeof buffer), 0);
	cr_assert_str_eq(buffer, "new content", "one write at the start, as for a cgroup file");
	cr_assert_eq(file_write(directory, "missing", "x"), -ENOENT);
	cr_assert_eq(count(NULL), 1);
	cr_assert_eq(file_write(AT_FDCWD, "/dev/full", "x"), -ENOSPC);
}

Test(file, replace_leaves_no_temporary_file)
{
	char buffer[16];
	struct stat before, after;
	put("f", "old");
	cr_assert_eq(fstatat(directory, "f", &before, 0), 0);
	cr_assert_eq(before.st_mode & 0777, 0600u);
	put("f", "newer");
	cr_assert_eq(fstatat(directory, "f", &after, 0), 0);
	cr_assert_neq(before.st_ino, after.st_ino, "a reader of the old file keeps the old content");
	cr_assert_eq(file_read(directory, "f", buffer, sizeof buffer), 5);
	cr_assert_eq(count(NULL), 1);
}

Test(file, replace_failing_leaves_the_old_state)
{
	cr_assert_eq(mkdirat(directory, "d", 0700), 0);
	cr_expect_eq(file_replace(directory, "d", "x", 1, 0600), -EISDIR);
	cr_expect_eq(count(NULL), 1, "no temporary file");
	cr_assert_eq(unlinkat(directory, "d", AT_REMOVEDIR), 0);
	char name[300];
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	cr_expect_eq(file_replace(directory, name, "x", 1, 0600), -ENAMETOOLONG);
	/* A link planted where the temporary file goes is not followed. */
	put("victim", "precious");
	cr_assert_eq(symlinkat("victim", directory, ".f.new"), 0);
	cr_expect_eq(file_replace(directory, "f", "x", 1, 0600), -ELOOP);
	char buffer[16];
	cr_assert_gt(file_read(directory, "victim", buffer, sizeof buffer), 0);
	cr_expect_str_eq(buffer, "precious");
}
