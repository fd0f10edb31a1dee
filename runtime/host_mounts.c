/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/host_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/mountinfo.h"

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

/* Interfaces of the kernel, not files: a container has its own or none. */
static bool is_kernel_interface(const char *type)
{
	static const char *const types[] = {
		"proc",    "sysfs",      "devtmpfs", "devpts",      "cgroup",   "cgroup2",   "mqueue",    "debugfs",
		"tracefs", "securityfs", "bpf",      "pstore",      "configfs", "fusectl",   "hugetlbfs", "autofs",
		"nsfs",    "rpc_pipefs", "nfsd",     "binfmt_misc", "efivarfs", "selinuxfs", "resctrl",   NULL};
	return is_one_of(type, types);
}

/* File systems that overlay refuses as a lower layer (their names hash in ways of their own), or that are never
 * written. */
static bool is_no_lower_layer(const char *type)
{
	static const char *const types[] = {"vfat",    "msdos", "exfat",    "ntfs3", "cifs",    "smb3",
					    "iso9660", "udf",   "squashfs", "erofs", "overlay", NULL};
	return is_one_of(type, types) || strncmp(type, "fuse", 4) == 0;
}

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);
	return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool is_left_out(const struct berth *berth, const struct mount_entry *entry)
{
	return is_kernel_interface(entry->type) || is_below(entry->point, "/proc") || is_below(entry->point, "/sys") ||
	       is_below(entry->point, "/dev") || is_below(entry->point, berth->state_root) ||
	       is_below(entry->point, berth->data_root);
}

/* Whether the mount is some framework's root, ours or of another data root: DATA_ROOT/roots/ID/root, its layer beside
 * it in layers. */
static bool is_framework_root(const struct mount_entry *entry)
{
	const char *upper = strcmp(entry->type, "overlay") == 0 ? strstr(entry->super, "upperdir=") : NULL;
	upper = upper ? upper + strlen("upperdir=") : NULL;
	const char *layers = upper ? strstr(upper, "/layers/") : NULL;
	size_t length = layers ? (size_t)(layers - upper) : 0;
	return length && strncmp(entry->point, upper, length) == 0 && strcmp(entry->point + length, "/root") == 0;
}

/* What is mounted there is the host's once more, and comes and goes with executors. */
static bool is_in_framework_root(const struct mount_table *table, size_t i)
{
	for (size_t j = 0; j <= i; j++)
		if (is_below(table->entries[i].point, table->entries[j].point) && is_framework_root(&table->entries[j]))
			return true;
	return false;
}

/* Whether the path leads to this mount, and not to one that covers it; *status is of its root then. */
static bool is_visible(const struct mount_entry *entry, struct statx *status)
{
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
	return statx(AT_FDCWD, entry->point, flags, STATX_BASIC_STATS | STATX_MNT_ID, status) == 0 &&
	       status->stx_mnt_id == (uint64_t)entry->id;
}

int host_mounts_read(const struct berth *berth, struct host_mounts *mounts, struct error *error)
{
	*mounts = (struct host_mounts){0};
	cleanup_mount_table struct mount_table table;
	int code = mount_table_read(NULL, &table, error);
	if (code < 0)
		return code;
	mounts->entries = calloc(table.count + 1, sizeof *mounts->entries);
	if (!mounts->entries)
		return error_errno(error, ENOMEM, "list the host's mounts");
	for (size_t i = 0; i < table.count; i++) {
		const struct mount_entry *entry = &table.entries[i];
		struct statx status;
		if (strcmp(entry->point, "/") == 0 || is_left_out(berth, entry) || is_in_framework_root(&table, i) ||
		    !is_visible(entry, &status))
			continue;
		struct host_mount *mount = &mounts->entries[mounts->count];
		*mount = (struct host_mount){
			.path = strdup(entry->point),
			.is_file = !S_ISDIR(status.stx_mode),
			.mode = status.stx_mode & 07777,
			.uid = status.stx_uid,
			.gid = status.stx_gid,
		};
		if (!mount->path) {
			host_mounts_free(mounts);
			return error_errno(error, ENOMEM, "list the host's mounts");
		}
		mount->bind_read_only = mount->is_file || is_no_lower_layer(entry->type) ||
					mount_option_has(entry->options, "ro") || mount_option_has(entry->super, "ro");
		mounts->count++;
	}
	return 0;
}

void host_mounts_free(struct host_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++)
		free(mounts->entries[i].path);
	free(mounts->entries);
	*mounts = (struct host_mounts){0};
}
