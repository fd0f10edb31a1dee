/* SPDX-License-Identifier: Apache-2.0 */
/* Framework roots, for those who keep house: what there is, how large it is, away with it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/file.h"
#include "runtime/archive.h"
#include "runtime/framework.h"
#include "runtime/idmap.h"
#include "runtime/name.h"
#include "runtime/state.h"
#include "runtime/tree.h"

/*
 * The layers first: as long as there are any, what tells whose ids they have must be there. Physical, and never across
 * a mount: what is still mounted below is not ours to delete.
 */
static int remove_all(const struct berth *berth, int directory, const char *path)
{
	const struct id_holder holder = {.fd = directory, .kept = true};
	struct id_maps maps;
	bool mapped = idmap_read(directory, "idmap", &maps) == 0;
	int code = tree_remove_at(directory, "layers");
	if (code == 0)
		code = tree_remove(path);
	if (code == 0 && mapped)
		id_registry_release(&berth->ids, &maps, &holder);
	return code;
}

static int unmount_all(const char *path, struct error *error)
{
	while (umount2(path, MNT_DETACH) == 0)
		;
	return errno == EINVAL || errno == ENOENT ? 0 : error_errno(error, errno, "unmount %s", path);
}

int berth_root_remove(struct berth *berth, const char *framework, struct berth_error *error)
{
	struct error inner = {0};
	if (name_check(framework, "framework's ID", &inner) < 0)
		return error_export(&inner, error);
	if (strncmp(framework, ARCHIVE_PREFIX, strlen(ARCHIVE_PREFIX)) == 0)
		return archive_remove(berth, framework + strlen(ARCHIVE_PREFIX), &inner) < 0
			       ? error_export(&inner, error)
			       : 0;
	cleanup_fd int directory = framework_lock(berth, framework, false, &inner);
	cleanup_free char *root = framework_path(berth, framework, "root");
	cleanup_free char *shown = framework_path(berth, framework, "lower.shown");
	cleanup_free char *path = framework_path(berth, framework, "");
	if (directory >= 0 && (!root || !shown || !path)) {
		error_errno(&inner, ENOMEM, "remove framework root %s", framework);
		return error_export(&inner, error);
	}
	if (directory < 0 || state_framework_in_use(berth, framework, &inner) != 0)
		return error_export(&inner, error);
	if (unmount_all(root, &inner) < 0 || unmount_all(shown, &inner) < 0)
		return error_export(&inner, error);
	int code = remove_all(berth, directory, path);
	if (code < 0)
		error_errno(&inner, -code, "remove %s", path);
	return code < 0 ? error_export(&inner, error) : 0;
}

/* Tells of the framework root in the directory; one that is being made or removed is passed over. */
static int tell_root(struct berth *berth, int directory, bool sizes,
		     void (*tell)(const struct berth_root *root, void *data), void *data, struct error *error)
{
	char id[NAME_LIMIT + 1], lower[PATH_MAX];
	ssize_t length = readlinkat(directory, "lower", lower, sizeof lower - 1);
	if (length < 0 || file_read(directory, "id", id, sizeof id) < 0)
		return 0;
	lower[length] = '\0';
	cleanup_free char *path = framework_path(berth, id, "root");
	if (!path)
		return error_errno(error, ENOMEM, "list the framework roots");
	struct error ignored = {0};
	struct berth_root root = {
		.size = sizeof root,
		.framework = id,
		.lower = lower,
		.path = path,
		.mounted = framework_is_mounted(path, &ignored),
		.used = state_framework_in_use(berth, id, &ignored) == -EBUSY,
		.bytes = sizes ? tree_bytes(directory, "layers") : UINT64_MAX,
	};
	tell(&root, data);
	return 0;
}

static int list_frameworks(struct berth *berth, bool sizes, void (*tell)(const struct berth_root *root, void *data),
			   void *data, struct error *error)
{
	cleanup_free char *roots = NULL;
	if (asprintf(&roots, "%s/roots", berth->data_root) < 0)
		return roots = NULL, error_errno(error, ENOMEM, "list the framework roots");
	cleanup_dir DIR *stream = opendir(roots);
	if (!stream)
		return errno == ENOENT ? 0 : error_errno(error, errno, "read %s", roots);
	for (const struct dirent *entry; (entry = readdir(stream));) {
		cleanup_fd int directory =
			openat(dirfd(stream), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (directory >= 0 && entry->d_name[0] != '.' &&
		    tell_root(berth, directory, sizes, tell, data, error) < 0)
			return -error->code;
	}
	return 0;
}

int berth_root_list(struct berth *berth, bool sizes, void (*tell)(const struct berth_root *root, void *data),
		    void *data, struct berth_error *error)
{
	struct error inner = {0};
	int code = list_frameworks(berth, sizes, tell, data, &inner);
	if (code == 0)
		code = archive_list(berth, sizes, tell, data, &inner);
	return code < 0 ? error_export(&inner, error) : 0;
}
