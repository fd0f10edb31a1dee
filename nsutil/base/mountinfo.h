/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/mountinfo, as proc_pid_mountinfo(5) describes it. */
#ifndef NSUTIL_BASE_MOUNTINFO_H
#define NSUTIL_BASE_MOUNTINFO_H

#include <stddef.h>

#include "nsutil/base/error.h"

/* One mount. Strings are NUL-terminated, octal escapes (\040) undone, and point into the table's own text. */
struct mount_entry {
	int id;
	int parent;
	unsigned int major, minor;
	char *root;    /* the directory of the file system that is mounted */
	char *point;   /* where, as the reading process sees it */
	char *options; /* per mount, comma-separated: "rw,nosuid" */
	char *type;    /* "ext4", "cgroup2" */
	char *source;
	char *super; /* per file system, comma-separated: "rw,cpu,cpuacct" */
};

struct mount_table {
	struct mount_entry *entries; /* in the kernel's order: a mount comes after the one it was mounted on */
	size_t count;
	char *text_; /* owns every string */
};

/* Reads path (NULL: /proc/self/mountinfo). The caller releases the table with mount_table_free. 0 or -errno. */
int mount_table_read(const char *path, struct mount_table *table, struct error *error);

/* Parses text, which it takes over (malloc'ed, NUL-terminated; freed with the table, or at once on failure). */
int mount_table_parse(char *text, struct mount_table *table, struct error *error);

void mount_table_free(struct mount_table *table);

/* Whether the comma-separated list holds the option as a whole word. */
int mount_option_has(const char *list, const char *option);

static inline void cleanup_mount_table_(struct mount_table *table)
{
	mount_table_free(table);
}
#define cleanup_mount_table __attribute__((cleanup(cleanup_mount_table_)))

#endif
