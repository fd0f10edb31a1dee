/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted: which hierarchy serves which controller. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "nsutil/base/mountinfo.h"

/* ---- Which mounts can be reached ---- */

static const struct mount_entry *entry_by_id(const struct mount_table *table, int id)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entries[i].id == id)
			return &table->entries[i];
	return NULL;
}

static bool path_is_within(const char *path, const char *directory)
{
	size_t length = strlen(directory);
	if (length == 1)
		return true; /* "/" */
	return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Whether the mount stands on the one given; NULL: on none of the table, as the root does. */
static bool entry_stands_on(const struct mount_table *table, const struct mount_entry *entry,
			    const struct mount_entry *parent)
{
	if (parent)
		return entry->parent == parent->id && entry != parent;
	return entry->parent == entry->id || !entry_by_id(table, entry->parent);
}

/* The mount that a walk along path comes into next, from the mount `from`, or NULL: it ends in `from`. */
static const struct mount_entry *walk_step(const struct mount_table *table, const struct mount_entry *from,
					   const char *path)
{
	const struct mount_entry *next = NULL;
	for (size_t i = 0; i < table->count; i++) {
		const struct mount_entry *entry = &table->entries[i];
		if (entry_stands_on(table, entry, from) && path_is_within(path, entry->point) &&
		    (!next || strlen(entry->point) <= strlen(next->point)))
			next = entry;
	}
	return next;
}

/* Whether another mount lies over this one, or over a directory on the way to it. */
static bool entry_is_covered(const struct mount_table *table, const struct mount_entry *entry)
{
	const struct mount_entry *at = NULL;
	/* Bounded by the table: a file that isn't the kernel's could hold a circle. */
	for (size_t steps = 0; steps < table->count; steps++) {
		const struct mount_entry *next = walk_step(table, at, entry->point);
		if (!next)
			break;
		at = next;
	}
	return at != entry;
}

static bool entry_is_readonly(const struct mount_entry *entry)
{
	return mount_option_has(entry->options, "ro") || mount_option_has(entry->super, "ro");
}

/* ---- Which controllers live where ---- */

static unsigned int controllers_v1(const struct mount_entry *entry)
{
	unsigned int controllers = 0;
	/* An old cpuset mount: its files lack the "cpuset." prefix. */
	if (mount_option_has(entry->super, "noprefix"))
		return 0;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (mount_option_has(entry->super, cgroup_controller_table[i].name))
			controllers |= CGROUP_BIT(i);
	return controllers;
}

static bool list_has_word(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = list; (at = strstr(at, word)); at += length)
		if ((at == list || at[-1] == ' ') && strchr(" \n", at[length])) /* strchr finds the NUL too */
			return true;
	return false;
}

unsigned int cgroup_v2_controllers(int fd)
{
	char list[1024];
	if (file_read(fd, "cgroup.controllers", list, sizeof list) < 0)
		return 0;
	unsigned int controllers = 0;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		const struct cgroup_controller_entry *entry = &cgroup_controller_table[i];
		if (entry->v2_always || (entry->v2 && list_has_word(list, entry->v2)))
			controllers |= CGROUP_BIT(i);
	}
	return controllers;
}

static unsigned int layout_served(const struct cgroup_layout *layout)
{
	unsigned int served = 0;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (layout->serving[i] >= 0)
			served |= CGROUP_BIT(i);
	return served;
}

/* Takes in the hierarchy that is mounted at the point, where fd is, and the descriptor. */
static int layout_take(struct cgroup_layout *layout, int version, unsigned int controllers, const char *point, int *fd)
{
	struct stat status;
	if (layout->count == CGROUP_MAX_HIERARCHIES)
		return -E2BIG;
	if (fstat(*fd, &status) < 0)
		return -errno;
	char *copy = strdup(point);
	if (!copy)
		return -ENOMEM;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (controllers & CGROUP_BIT(i))
			layout->serving[i] = (int)layout->count;
	layout->mounted[version] = true;
	layout->hierarchies[layout->count++] = (struct cgroup_hierarchy){
		.version = version,
		.fd = steal_fd(fd),
		.point = copy,
		.device = status.st_dev,
		.inode = status.st_ino,
		.controllers = controllers,
	};
	return 0;
}

/* Takes the mount in if it serves a controller that none before it does. */
static int layout_add(struct cgroup_layout *layout, const struct mount_entry *entry, int version)
{
	unsigned int controllers = version == 1 ? controllers_v1(entry) : 0;
	if (version == 1 && !controllers)
		return 0;
	/* The one beside v1 hierarchies that serve all there is. */
	if (version == 2 && layout_served(layout) == CGROUP_BIT(CGROUP_CONTROLLERS) - 1) {
		layout->mounted[2] = true;
		return 0;
	}
	cleanup_fd int fd = open(entry->point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		/* Not for us to enter, or gone since: the same hierarchy may be mounted elsewhere too. */
		return errno == ENOMEM || errno == EMFILE || errno == ENFILE ? -errno : 0;
	if (version == 2)
		controllers = cgroup_v2_controllers(fd);
	layout->mounted[version] |= controllers != 0;
	controllers &= ~layout_served(layout);
	if (!controllers)
		return 0;
	int result = layout_take(layout, version, controllers, entry->point, &fd);
	if (result < 0)
		return result;
	struct cgroup_hierarchy *added = &layout->hierarchies[layout->count - 1];
	/* What is set at the top holds for all below; since Linux 5.11 it always is. */
	const struct cgroup_directory top = {.fd = added->fd, .relative = "."};
	added->hierarchical = version == 2 || !(controllers & CGROUP_BIT(CGROUP_MEMORY)) ||
			      cgroup_directory_u64(&top, "memory.use_hierarchy") == 1;
	return 0;
}

static int layout_scan(struct cgroup_layout *layout, const struct mount_table *table, struct error *error)
{
	static const char *const types[] = {NULL, "cgroup", "cgroup2"};
	/* v1 first: a controller can live in one version only, but v2 has cpuacct's and the freezer's work always. */
	for (int version = 1; version <= 2; version++) {
		/* Of several mounts of a hierarchy one that can be written is worth more. */
		for (int readonly = 0; readonly <= 1; readonly++) {
			for (size_t i = 0; i < table->count; i++) {
				const struct mount_entry *entry = &table->entries[i];
				if (strcmp(entry->type, types[version]) != 0 || entry_is_readonly(entry) != readonly ||
				    entry_is_covered(table, entry))
					continue;
				int result = layout_add(layout, entry, version);
				if (result < 0)
					return error_errno(error, -result, "open the cgroup hierarchy at %s",
							   entry->point);
			}
		}
	}
	return 0;
}

static struct cgroup_layout *layout_new(void)
{
	struct cgroup_layout *made = calloc(1, sizeof *made);
	for (int i = 0; made && i < CGROUP_CONTROLLERS; i++)
		made->serving[i] = -1;
	return made;
}

int cgroup_layout_open(const char *mountinfo, struct cgroup_layout **layout, struct error *error)
{
	*layout = NULL;
	cleanup_mount_table struct mount_table table = {0};
	int result = mount_table_read(mountinfo, &table, error);
	if (result < 0)
		return result;
	struct cgroup_layout *made = layout_new();
	if (!made)
		return error_errno(error, ENOMEM, "read the cgroup mounts");
	result = layout_scan(made, &table, error);
	if (result < 0) {
		cgroup_layout_free(made);
		return result;
	}
	*layout = made;
	return 0;
}

void cgroup_layout_free(struct cgroup_layout *layout)
{
	if (!layout)
		return;
	for (size_t i = 0; i < layout->count; i++) {
		close(layout->hierarchies[i].fd);
		free(layout->hierarchies[i].point);
	}
	free(layout);
}

/* ---- Handing it on ---- */

/* One hierarchy, and behind it the mount point, NUL-terminated. */
struct packed {
	uint64_t device, inode;
	uint32_t version, controllers;
};

size_t cgroup_layout_pack(const struct cgroup_layout *layout, void *packed)
{
	size_t size = 0;
	for (size_t i = 0; i < layout->count; i++) {
		const struct cgroup_hierarchy *hierarchy = &layout->hierarchies[i];
		size_t length = strlen(hierarchy->point) + 1;
		const struct packed one = {
			.device = hierarchy->device,
			.inode = hierarchy->inode,
			.version = (uint32_t)hierarchy->version,
			.controllers = hierarchy->controllers,
		};
		if (packed)
			memcpy(mempcpy((char *)packed + size, &one, sizeof one), hierarchy->point, length);
		size += sizeof one + length;
	}
	return size;
}

static int layout_recall(struct cgroup_layout *layout, const struct packed *one, const char *point)
{
	if ((one->version != 1 && one->version != 2) || one->controllers >= CGROUP_BIT(CGROUP_CONTROLLERS))
		return -EBADMSG;
	cleanup_fd int fd = open(point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int result = layout_take(layout, (int)one->version, one->controllers, point, &fd);
	if (result < 0)
		return result;
	const struct cgroup_hierarchy *taken = &layout->hierarchies[layout->count - 1];
	return taken->device == one->device && taken->inode == one->inode ? 0 : -ESTALE;
}

int cgroup_layout_unpack(const void *packed, size_t size, struct cgroup_layout **layout)
{
	const char *next = packed, *end = next + size;
	struct cgroup_layout *made = layout_new();
	int result = !made ? -ENOMEM : !size ? -ENODATA : 0;
	while (result == 0 && next < end) {
		struct packed one;
		size_t left = (size_t)(end - next);
		const char *nul = left > sizeof one ? memchr(next + sizeof one, '\0', left - sizeof one) : NULL;
		if (!nul) {
			result = -EBADMSG;
			break;
		}
		memcpy(&one, next, sizeof one);
		result = layout_recall(made, &one, next + sizeof one);
		next = nul + 1;
	}
	if (result == 0)
		*layout = made;
	else
		cgroup_layout_free(made);
	return result;
}

/* ---- What it tells ---- */

static const struct cgroup_hierarchy *layout_hierarchy(const struct cgroup_layout *layout,
						       enum cgroup_controller controller)
{
	int index = layout->serving[controller];
	return index < 0 ? NULL : &layout->hierarchies[index];
}

int cgroup_layout_version(const struct cgroup_layout *layout, enum cgroup_controller controller)
{
	const struct cgroup_hierarchy *hierarchy = layout_hierarchy(layout, controller);
	return hierarchy ? hierarchy->version : 0;
}

const char *cgroup_layout_name(const struct cgroup_layout *layout)
{
	if (layout->mounted[1])
		return layout->mounted[2] ? "hybrid" : "v1";
	return layout->mounted[2] ? "v2" : "none";
}

const char *cgroup_layout_mount_point(const struct cgroup_layout *layout, enum cgroup_controller controller)
{
	const struct cgroup_hierarchy *hierarchy = layout_hierarchy(layout, controller);
	return hierarchy ? hierarchy->point : NULL;
}
