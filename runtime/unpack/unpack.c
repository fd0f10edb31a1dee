/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacks an archive, standard input, into the empty directory that is descriptor 3. A program of its own, which the
 * library carries in itself and starts when a root is an archive: libarchive, with the libraries it needs, is not for
 * every launch to load, and what reads untrusted data should be able to write nowhere else.
 *
 * It is quiet, or fails with one sentence on standard error.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "nsutil/base/text.h"

enum { DIRECTORY = 3, BLOCK = 1 << 16, SPARE_FRACTION = 50, NAMES_SHOWN = 200 };

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	/* Who started this takes one line: a name in the archive may not end it. */
	text_make_plain(text);
	fputs(text, stderr);
	fflush(stderr);
	_exit(1);
}

/* libarchive has no word for some of what can be wrong. */
static const char *why(struct archive *archive)
{
	const char *text = archive_error_string(archive);
	return text ? text : "it is damaged";
}

/*
 * A mount of the directory that hangs nowhere is all that can be written to: its ".." leads nowhere, and the tree in
 * which absolute names are looked up is read-only. mount_setattr(2), open_tree(2)
 */
static void confine(void)
{
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	int tree = open_tree(DIRECTORY, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || fchdir(tree) < 0)
		fail("enter the directory: %s", strerror(errno));
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail("make a mount namespace: %s", strerror(errno));
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) < 0)
		fail("make everything else read-only: %s", strerror(errno));
	close(DIRECTORY);
}

/* An entry's name, for messages: as much of it as is good for anybody. */
static const char *shown(struct archive_entry *entry)
{
	static char text[NAMES_SHOWN + 4];
	const char *name = archive_entry_pathname(entry);
	snprintf(text, sizeof text, name && strlen(name) > NAMES_SHOWN ? "%.*s..." : "%.*s", NAMES_SHOWN,
		 name ? name : "?");
	return text;
}

/* Devices are made in a container's own /dev, so those that a whole system's tree brings there are left out. */
static bool is_wanted(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname(entry);
	if (!name || !*name)
		fail("an entry has no name that could be read");
	if (archive_entry_filetype(entry) != AE_IFBLK && archive_entry_filetype(entry) != AE_IFCHR)
		return true;
	while (strncmp(name, "./", 2) == 0)
		name += 2;
	if (strncmp(name, "dev/", 4) != 0)
		fail("%s is a device, and has no business outside dev/", shown(entry));
	return false;
}

/* What overlayfs keeps in attributes of its layers is not for an archive to say. */
static void drop_trusted_attributes(struct archive_entry *entry)
{
	struct archive_entry *copy = archive_entry_clone(entry);
	const char *name;
	const void *value;
	size_t size;
	if (!copy)
		fail("Cannot allocate memory");
	archive_entry_xattr_clear(entry);
	archive_entry_xattr_reset(copy);
	while (archive_entry_xattr_next(copy, &name, &value, &size) == ARCHIVE_OK)
		if (strncmp(name, "trusted.", 8) != 0)
			archive_entry_xattr_add_entry(entry, name, value, size);
	archive_entry_free(copy);
}

/* Stops before the file system is full: it is others' too. */
static void check_room(struct archive_entry *entry, int64_t more)
{
	struct statvfs status;
	if (statvfs(".", &status) < 0)
		fail("look at the file system: %s", strerror(errno));
	uint64_t free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
	uint64_t spare = (uint64_t)status.f_blocks * status.f_frsize / SPARE_FRACTION;
	if (more < 0 || free_bytes < spare || (uint64_t)more > free_bytes - spare)
		fail("%s: there is not enough room: %llu MiB are free, of which %llu are kept", shown(entry),
		     (unsigned long long)(free_bytes >> 20), (unsigned long long)(spare >> 20));
}

static void copy_data(struct archive *from, struct archive *to, struct archive_entry *entry)
{
	const void *block;
	size_t size;
	la_int64_t offset, checked = 0;
	int code;
	while ((code = archive_read_data_block(from, &block, &size, &offset)) == ARCHIVE_OK) {
		/* What was announced may be less than what comes. */
		if (offset >= checked) {
			checked = offset + (64 << 20);
			check_room(entry, 64 << 20);
		}
		if (archive_write_data_block(to, block, size, offset) != ARCHIVE_OK)
			fail("%s: %s", shown(entry), why(to));
	}
	if (code != ARCHIVE_EOF)
		fail("%s: %s", shown(entry), why(from));
}

static struct archive *reader_open(void)
{
	struct archive *from = archive_read_new();
	if (!from)
		fail("Cannot allocate memory");
	archive_read_support_format_tar(from);
	archive_read_support_filter_gzip(from);
	archive_read_support_filter_bzip2(from);
	archive_read_support_filter_xz(from);
	archive_read_support_filter_zstd(from);
	if (archive_read_open_fd(from, STDIN_FILENO, BLOCK) != ARCHIVE_OK)
		fail("it is no tar archive, plain or packed by gzip, bzip2, xz or zstd: %s", why(from));
	return from;
}

int main(void)
{
	/* With a slave that is killed there is nobody to hear how it went. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Names are bytes, mostly UTF-8; this locale is a part of glibc. */
	setlocale(LC_CTYPE, "C.UTF-8");
	umask(0);
	confine();
	struct archive *from = reader_open();
	struct archive *to = archive_write_disk_new();
	if (!to)
		fail("Cannot allocate memory");
	/* Owners are numbers: the names are of another system. */
	archive_write_disk_set_options(to, ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
						   ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR |
						   ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
						   ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
	struct archive_entry *entry;
	bool any = false;
	int code;
	while ((code = archive_read_next_header(from, &entry)) == ARCHIVE_OK) {
		any = true;
		if (!is_wanted(entry))
			continue;
		drop_trusted_attributes(entry);
		check_room(entry, archive_entry_size(entry));
		if (archive_write_header(to, entry) != ARCHIVE_OK)
			fail("%s: %s", shown(entry), why(to));
		copy_data(from, to, entry);
		if (archive_write_finish_entry(to) != ARCHIVE_OK)
			fail("%s: %s", shown(entry), why(to));
	}
	if (code != ARCHIVE_EOF)
		fail("%s", why(from));
	if (!any)
		fail("there is nothing in it");
	if (archive_write_close(to) != ARCHIVE_OK)
		fail("%s", why(to));
	_exit(0);
}
