/* SPDX-License-Identifier: Apache-2.0 */
/* Archives as roots: unpacked once, whole or not at all, and nowhere but where they belong. */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/tree.h"
#include "tests/runtime/fixture.h"

TestSuite(archives, .init = rt_init, .fini = rt_fini);

/* ---- Making them ---- */

/* An entry: a file with text, or what type says. link: a hard link's target, or a symbolic one's. */
struct item {
	const char *name;
	const char *text;
	unsigned int type; /* AE_IF...; 0: a file */
	const char *link;
	bool hard;
	mode_t mode; /* 0: 0755 */
	uid_t uid;
	const char *xattr; /* its name; its value is "value" */
	int64_t size;      /* more than text has, announced and not delivered */
};

static void item_write(struct archive *archive, const struct item *item, const char *data, size_t size)
{
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_pathname(entry, item->name);
	archive_entry_set_filetype(entry, item->type ? item->type : AE_IFREG);
	archive_entry_set_perm(entry, item->mode ? item->mode : 0755);
	archive_entry_set_uid(entry, item->uid);
	archive_entry_set_gid(entry, item->uid);
	archive_entry_set_uname(entry, "nobody");
	archive_entry_set_size(entry, item->size ? item->size : (int64_t)size);
	if (item->link && item->hard)
		archive_entry_set_hardlink(entry, item->link);
	else if (item->link)
		archive_entry_set_symlink(entry, item->link);
	if (item->xattr)
		archive_entry_xattr_add_entry(entry, item->xattr, "value", 5);
	if (item->type == AE_IFCHR)
		archive_entry_set_rdev(entry, makedev(1, 3));
	cr_assert_eq(archive_write_header(archive, entry), ARCHIVE_OK, "%s", archive_error_string(archive));
	if (size)
		cr_assert_eq(archive_write_data(archive, data, size), (la_ssize_t)size);
	archive_entry_free(entry);
}

static void payload_write(struct archive *archive)
{
	cleanup_file FILE *file = fopen(rt_payload("act"), "re");
	static char data[1 << 20];
	size_t size = file ? fread(data, 1, sizeof data, file) : 0;
	cr_assert(size > 0 && size < sizeof data);
	item_write(archive, &(struct item){.name = "./bin/act"}, data, size);
}

/* rt.base/name: the payload act, and the items, which end with one without a name. The suffix says how it is packed. */
static const char *make(const char *name, const struct item *items)
{
	const char *path = rt_path(name);
	struct archive *archive = archive_write_new();
	setlocale(LC_CTYPE, "C.UTF-8");
	archive_write_set_format_pax_restricted(archive);
	archive_write_set_bytes_per_block(archive, 0);
	if (strstr(name, ".gz"))
		archive_write_add_filter_gzip(archive);
	else if (strstr(name, ".xz"))
		archive_write_add_filter_xz(archive);
	else if (strstr(name, ".zst"))
		archive_write_add_filter_zstd(archive);
	else if (strstr(name, ".bz2"))
		archive_write_add_filter_bzip2(archive);
	cleanup_fd int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	cr_assert_eq(archive_write_open_fd(archive, file), ARCHIVE_OK, "%s", archive_error_string(archive));
	payload_write(archive);
	bool whole = true;
	for (; items && items->name; items++) {
		item_write(archive, items, items->text, items->text ? strlen(items->text) : 0);
		whole &= !items->size;
	}
	/* What was announced and is missing would be made up for with zeroes, if they could be written. */
	if (!whole)
		close(steal_fd(&file));
	archive_write_free(archive);
	return path;
}

#define MAKE(name, ...) make((name), (const struct item[]){__VA_ARGS__, {0}})

static const char *spec(const char *kind, const char *path)
{
	static char specs[4][200];
	static unsigned int next;
	char *text = specs[next++ % 4];
	snprintf(text, 200, "%s%s", kind, path);
	return text;
}

static const char *output(const char *root, const char *const *argv)
{
	struct berth_options options = rt_options(argv);
	options.root = root;
	return rt_output(&options);
}
#define OUTPUT(root, ...) output((root), (const char *const[]){"/bin/act", __VA_ARGS__, NULL})

/* ---- Looking ---- */

struct found {
	size_t archives, used;
	char name[300], path[300]; /* the last one's */
};

static void find(const struct berth_root *root, void *data)
{
	struct found *found = data;
	if (!root->archive)
		return;
	found->archives++;
	found->used += root->used;
	snprintf(found->name, sizeof found->name, "%s", root->framework);
	snprintf(found->path, sizeof found->path, "%s", root->path);
}

static struct found found(void)
{
	struct found all = {0};
	rt_ok(berth_root_list(rt.berth, false, find, &all, &rt.error));
	return all;
}

static size_t entries(const char *directory)
{
	size_t count = 0;
	cleanup_dir DIR *stream = opendir(directory);
	while (stream && readdir(stream))
		count++;
	return count < 2 ? 0 : count - 2;
}

/* ---- Good ones ---- */

Test(archives, however_packed)
{
	static const char *const names[] = {"a.tar", "a.tar.gz", "a.tar.xz", "a.tar.zst", "a.tar.bz2", "with any name"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *path = MAKE(names[i], {.name = "etc/text", .text = names[i]});
		char line[64];
		snprintf(line, sizeof line, "read /etc/text=%s", names[i]);
		rt_expect_line(OUTPUT(spec("overlay:", path), "read", "/etc/text"), line);
	}
	cr_expect_eq(found().archives, sizeof names / sizeof *names);
}

Test(archives, are_never_written_to)
{
	const char *path = MAKE("a.tar.gz", {.name = "etc/text", .text = "one"});
	/* Bare, too. */
	rt_expect_line(OUTPUT(path, "write", "/etc/text", "two", "read", "/etc/text"), "read /etc/text=two");
	rt_expect_line(OUTPUT(path, "read", "/etc/text"), "read /etc/text=one");
	cr_expect_eq(found().archives, 1, "it was unpacked once");
}

Test(archives, keep_owners_modes_attributes_and_links)
{
	/* Before Linux 6.6 a tmpfs, as /tmp may be, has no attributes of users. */
	bool marks = setxattr(rt.base, "user.mark", "x", 1, 0) == 0;
	const char *path = MAKE(
		"a.tar",
		{.name = "set-user-id", .text = "x", .mode = 04751, .uid = 1234, .xattr = marks ? "user.mark" : NULL},
		{.name = "trusted", .text = "x", .xattr = "trusted.overlay.opaque"},
		{.name = "symlink", .type = AE_IFLNK, .link = "/set-user-id"},
		{.name = "hard link", .link = "set-user-id", .hard = true}, {.name = "fifo", .type = AE_IFIFO},
		{.name = "n\xc3\xa4m\xc3\xa9", .text = "x"}, {.name = "dev/null", .type = AE_IFCHR});
	OUTPUT(path, "say", "unpacked");
	const char *tree = found().path;
	char name[400], value[16];
	struct stat status, other;
	snprintf(name, sizeof name, "%s/set-user-id", tree);
	cr_assert_eq(stat(name, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 04751);
	cr_expect_eq(status.st_uid, 1234);
	cr_expect_eq(status.st_gid, 1234);
	if (marks && getxattr(name, "user.mark", value, sizeof value) != 5)
		cr_expect_fail("user.mark: %s", strerror(errno));
	snprintf(name, sizeof name, "%s/hard link", tree);
	cr_expect(stat(name, &other) == 0 && other.st_ino == status.st_ino);
	snprintf(name, sizeof name, "%s/trusted", tree);
	cr_expect_lt(getxattr(name, "trusted.overlay.opaque", value, sizeof value), 0, "it is for overlayfs to say");
	snprintf(name, sizeof name, "%s/fifo", tree);
	cr_expect(lstat(name, &status) == 0 && S_ISFIFO(status.st_mode));
	snprintf(name, sizeof name, "%s/n\xc3\xa4m\xc3\xa9", tree);
	cr_expect_eq(access(name, F_OK), 0);
	snprintf(name, sizeof name, "%s/dev/null", tree);
	cr_expect_neq(access(name, F_OK), 0, "a device of the archive's was made");
}

Test(archives, users_are_those_inside)
{
	struct berth_options options = RT_OPTIONS("/bin/act", "say", "x");
	options.root = MAKE("a.tar.gz", {.name = "etc/passwd", .text = "app:x:1234:1235::/:/bin/sh\n"});
	options.user = "app";
	/* Nothing is unpacked for a plan, so there is nobody to be found yet. */
	cleanup_free char *text = NULL;
	size_t size;
	cleanup_file FILE *out = open_memstream(&text, &size);
	rt_expect_error(berth_plan(rt.berth, &options, false, out, &rt.error), ENOENT);
	cr_expect_eq(found().archives, 0);
	struct berth_container *container = rt_launch(&options);
	rt_end(container);
	rt_ok(berth_plan(rt.berth, &options, false, out, &rt.error));
	fflush(out);
	cr_expect(strstr(text, "1234") != NULL, "%s", text);
	options.user = "nobody else";
	rt_expect_error(berth_launch(rt.berth, &options, &container, &rt.error), ENOENT);
}

/* ---- Changed ones, and frameworks' ---- */

Test(archives, changed_means_another)
{
	const char *path = MAKE("a.tar", {.name = "text", .text = "one"});
	rt_expect_line(OUTPUT(path, "read", "/text"), "read /text=one");
	rt_expect_line(OUTPUT(spec("framework:F:", path), "read", "/text", "write", "/text", "F's"), "read /text=one");
	MAKE("a.tar", {.name = "text", .text = "two"});
	rt_expect_line(OUTPUT(path, "read", "/text"), "read /text=two");
	cr_expect_eq(found().archives, 2);
	/* A framework's root stays over what it was made over; a new one gets what is there now. */
	rt_expect_line(OUTPUT(spec("framework:F:", path), "read", "/text"), "read /text=F's");
	rt_expect_line(OUTPUT(spec("framework:G:", path), "read", "/text"), "read /text=two");
	struct found all = found();
	cr_expect_eq(all.used, 2, "below a framework's root each");
	rt_expect_error(berth_root_remove(rt.berth, all.name, &rt.error), EBUSY);
	cr_expect(strstr(rt.error.text, "below the root of framework") != NULL, "%s", rt.error.text);
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
	rt_ok(berth_root_remove(rt.berth, "G", &rt.error));
	for (size_t left = 2; left > 0; left--) {
		all = found();
		cr_expect_eq(all.archives, left);
		cr_expect_eq(all.used, 0);
		rt_ok(berth_root_remove(rt.berth, all.name, &rt.error));
	}
	cr_expect_eq(entries(rt_path("data/archives")), 0);
}

Test(archives, used_ones_stay)
{
	struct berth_options options = RT_OPTIONS("/bin/act", "say", "ready", "hold");
	options.root = MAKE("a.tar", {.name = "text", .text = "one"});
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "ready");
	struct found all = found();
	cr_expect_eq(all.used, 1);
	rt_expect_error(berth_root_remove(rt.berth, all.name, &rt.error), EBUSY);
	cr_expect(strstr(rt.error.text, berth_container_name(job->container)) != NULL, "%s", rt.error.text);
	rt_job_close_input(job);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	rt_ok(berth_root_remove(rt.berth, all.name, &rt.error));
	rt_expect_error(berth_root_remove(rt.berth, all.name, &rt.error), ENOENT);
	rt_expect_error(berth_root_remove(rt.berth, "archive:../roots", &rt.error), ENOENT);
	rt_expect_error(berth_root_remove(rt.berth, "archive:", &rt.error), ENOENT);
}

/* data: the options but for the name; what makes those is no thread's to call. */
static void *launch_one(void *data)
{
	struct berth_options options = *(const struct berth_options *)data;
	struct berth_container *container;
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth *berth = rt_open();
	static _Atomic int number;
	char name[16];
	snprintf(name, sizeof name, "c%d", number++);
	options.name = name;
	struct berth_end end = BERTH_END_INIT;
	int code = berth_launch(berth, &options, &container, &error);
	if (code == 0)
		code = berth_container_wait(container, -1, &end, &error);
	cr_expect(code == 0 && end.reason == BERTH_EXITED && end.code == 0, "%s%s", error.text, end.text);
	if (code == 0)
		berth_container_close(container);
	berth_close(berth);
	return NULL;
}

Test(archives, many_at_once_unpack_it_once)
{
	pthread_t threads[12];
	struct berth_options options = RT_OPTIONS("/bin/act", "say", "x");
	options.root = MAKE("a.tar.gz", {.name = "text", .text = "one"});
	for (size_t i = 0; i < 12; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, launch_one, &options), 0);
	for (size_t i = 0; i < 12; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(found().archives, 1);
}

/* ---- Bad ones ---- */

/* It can't be launched over, for this reason, and leaves nothing. */
static void refused(const char *path, const char *why)
{
	struct berth_options options = RT_OPTIONS("/bin/act", "say", "x");
	options.root = path;
	rt_launch_fails(&options, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, path) != NULL && strstr(rt.error.text, why) != NULL, "%s", rt.error.text);
	cr_expect_eq(entries(rt_path("data/archives")), 0, "it left something");
}

Test(archives, that_write_elsewhere)
{
	char outside[200], inside[240];
	snprintf(outside, sizeof outside, "%s", rt_path("outside"));
	cr_assert_eq(mkdir(outside, 0777), 0);
	snprintf(inside, sizeof inside, "%s/evil", outside);
	refused(MAKE("1.tar", {.name = "../evil", .text = "x"}), "../evil: Path contains '..'");
	refused(MAKE("2.tar", {.name = "a/../../evil", .text = "x"}), "Path contains '..'");
	refused(MAKE("3.tar", {.name = inside, .text = "x"}), "Path is absolute");
	refused(MAKE("4.tar", {.name = "a", .type = AE_IFLNK, .link = outside}, {.name = "a/evil", .text = "x"}),
		"through symlink");
	refused(MAKE("5.tar", {.name = "a", .type = AE_IFLNK, .link = ".."}, {.name = "a/evil", .text = "x"}),
		"through symlink");
	refused(MAKE("6.tar", {.name = "a", .link = "/etc/passwd", .hard = true}), "Path is absolute");
	refused(MAKE("7.tar", {.name = "a", .link = "../../../../../../etc/passwd", .hard = true}),
		"Path contains '..'");
	refused(MAKE("8.tar", {.name = "a", .type = AE_IFLNK, .link = "/etc"},
		     {.name = "b", .link = "a/passwd", .hard = true}),
		"through symlink");
	cr_expect_eq(entries(outside), 0);
	/* A name can't hide what is wrong with it. */
	refused(MAKE("9.tar", {.name = "a\x1b[1m\nb/../../evil", .text = "x"}),
		"a?[1m?b/../../evil: Path contains '..'");
}

/* A header of ustar, and what is behind it, filled up to whole blocks. tar(5) */
static void block_write(FILE *file, char type, const char *content)
{
	char block[512] = {0}, data[512] = {0};
	unsigned int sum = 0;
	snprintf(block, 100, "%s", type == 'x' ? "pax" : "sparse");
	snprintf(block + 100, 8, "%07o", 0644);
	snprintf(block + 108, 8, "%07o", 0);
	snprintf(block + 116, 8, "%07o", 0);
	snprintf(block + 124, 12, "%011o", (unsigned int)strlen(content) & 07777);
	snprintf(block + 136, 12, "%011o", 0);
	memset(block + 148, ' ', 8);
	block[156] = type;
	memcpy(block + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof block; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
	memcpy(data, content, strlen(content));
	cr_assert(fwrite(block, sizeof block, 1, file) == 1 && fwrite(data, sizeof data, 1, file) == 1);
}

/* A sparse file of GNU's whose map is none. */
static const char *damaged_sparse(const char *name)
{
	const char *path = rt_write(name, "");
	cleanup_file FILE *file = fopen(path, "we");
	block_write(file, 'x',
		    "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n35 GNU.sparse.realsize=90000000000\n"
		    "26 GNU.sparse.name=sparse\n");
	block_write(file, '0', "no map\n");
	return path;
}

/* The root directory itself; and what libarchive finds no words for. */
Test(archives, that_are_made_to_mislead)
{
	refused(MAKE("1.tar", {.name = ".", .type = AE_IFLNK, .link = "/etc"}, {.name = "passwd", .text = "x"}),
		"Can't replace existing directory");
	refused(MAKE("2.tar", {.name = "a", .type = AE_IFDIR}, {.name = "a/b", .text = "x"},
		     {.name = "a", .type = AE_IFLNK, .link = "/etc"}, {.name = "a/passwd", .text = "x"}),
		"Can't replace existing directory");
	refused(damaged_sparse("3.tar"), "it is damaged");
}

Test(archives, with_devices)
{
	refused(MAKE("1.tar", {.name = "null", .type = AE_IFCHR}), "null is a device");
	refused(MAKE("2.tar", {.name = "development/null", .type = AE_IFCHR}), "is a device");
	refused(MAKE("3.tar", {.name = "./srv/disk", .type = AE_IFBLK}), "is a device");
}

Test(archives, that_are_none)
{
	refused(rt_write("empty", ""), "it is no tar archive");
	refused(rt_write("text", "no archive at all\n"), "it is no tar archive");
	struct berth_options options = RT_OPTIONS("/bin/act", "say", "x");
	options.root = "/dev/null";
	rt_launch_fails(&options, -ENOTDIR, 125);
	options.root = spec("framework:F:", rt_path("text"));
	rt_launch_fails(&options, -EINVAL, 125);
}

Test(archives, that_end_too_early)
{
	static const char *const names[] = {"a.tar", "a.tar.gz", "a.tar.xz", "a.tar.zst"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *path = MAKE(names[i], {.name = "text", .text = "one"});
		struct stat status;
		cr_assert(stat(path, &status) == 0 && truncate(path, status.st_size / 2) == 0);
		/* The words are libarchive's, by way of compression. */
		refused(path, "");
	}
}

Test(archives, that_are_too_large)
{
	/* Announced; a file of so many bytes need not be there for it. */
	refused(MAKE("a.tar", {.name = "huge", .text = "x", .size = 1LL << 50}), "there is not enough room");
}

/* As deep as no path can name it: the beginning of it is unpacked, and must go again. */
Test(archives, deep_ones_go_again)
{
	static char name[12000];
	for (size_t i = 0; i + 2 < sizeof name; i += 2)
		memcpy(name + i, "d/", 3);
	memcpy(name + sizeof name - 2, "d", 2);
	refused(MAKE("a.tar", {.name = name, .text = "x"}, {.name = "../evil", .text = "x"}), "");
}

/* ---- Trees ---- */

Test(archives, trees_are_removed_however_deep)
{
	cleanup_fd int top = open(rt_path("."), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(mkdirat(top, "tree", 0755), 0);
	cleanup_fd int at = openat(top, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3000; i++) {
		cr_assert_eq(mkdirat(at, "a directory", 0755), 0);
		cleanup_fd int file = openat(at, ".berth-1", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		int below = openat(at, "a directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cr_assert_geq(below, 0);
		close(at);
		at = below;
	}
	cr_assert_eq(symlinkat("/etc", at, "link"), 0);
	cr_expect_eq(tree_remove_at(top, "tree"), 0);
	cr_expect_neq(faccessat(top, "tree", F_OK, 0), 0);
	cr_expect_eq(access("/etc/passwd", F_OK), 0);
	cr_expect_eq(tree_remove_at(top, "tree"), 0, "none there is none to remove");
}

/* The data root often is on a file system of its own. What is mounted in the tree itself is not to be emptied. */
Test(archives, trees_on_another_file_system)
{
	rt_write("disk/tree/file", "x");
	const char *disk = rt_path("disk"), *inner = rt_path("disk/tree/inner");
	cr_assert_eq(mount("tmpfs", disk, "tmpfs", 0, "mode=700"), 0, "%s", strerror(errno));
	rt_write("disk/tree/file", "x");
	cr_assert_eq(mkdir(inner, 0755), 0);
	cr_assert_eq(mount("tmpfs", inner, "tmpfs", 0, "mode=700"), 0, "%s", strerror(errno));
	const char *kept = rt_write("disk/tree/inner/kept", "x");
	cr_expect_lt(tree_remove(rt_path("disk/tree")), 0);
	cr_expect_eq(access(kept, F_OK), 0);
	cr_assert_eq(umount(inner), 0);
	cr_expect_eq(tree_remove(rt_path("disk/tree")), 0);
	cr_expect_neq(access(rt_path("disk/tree"), F_OK), 0);
	cr_assert_eq(umount(disk), 0);
}
