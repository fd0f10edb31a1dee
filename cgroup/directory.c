/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/internal.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

const struct cgroup_place *cgroup_place_find(const struct cgroup *cgroup, enum cgroup_controller controller)
{
	for (size_t i = 0; i < cgroup->count; i++)
		if (cgroup->places[i].controllers & CGROUP_BIT(controller))
			return &cgroup->places[i];
	return NULL;
}

struct cgroup_directory cgroup_place_directory(const struct cgroup *cgroup, const struct cgroup_place *place)
{
	return (struct cgroup_directory){
		.fd = place->hierarchy->fd,
		.relative = cgroup->relative,
		.path = place->path,
		.fresh = cgroup->fresh,
	};
}

int cgroup_place_open(const struct cgroup *cgroup, const struct cgroup_place *place)
{
	int fd = openat(place->hierarchy->fd, cgroup->relative, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* One that is too long is one that is not there. */
static const char *path_join(const char *relative, const char *file, char buffer[PATH_MAX])
{
	size_t length = strlen(relative), rest = strlen(file) + 1;
	if (length + rest >= PATH_MAX)
		return ""; /* openat(2): ENOENT */
	char *next = mempcpy(buffer, relative, length);
	*next = '/';
	memcpy(next + 1, file, rest);
	return buffer;
}

/* The path of a file of the directory, relative to its fd. */
static const char *file_path(const struct cgroup_directory *directory, const char *file, char buffer[PATH_MAX])
{
	return path_join(directory->relative, file, buffer);
}

int cgroup_file_open(int top, const char *relative, const char *file)
{
	char path[PATH_MAX];
	int fd = openat(top, path_join(relative, file, path), O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

ssize_t cgroup_directory_read(const struct cgroup_directory *directory, const char *file, char *buffer, size_t size)
{
	char path[PATH_MAX];
	return file_read_once(directory->fd, file_path(directory, file, path), buffer, size);
}

ssize_t cgroup_directory_read_all(const struct cgroup_directory *directory, const char *file, size_t limit,
				  char **buffer)
{
	char path[PATH_MAX];
	return file_read_all(directory->fd, file_path(directory, file, path), limit, buffer);
}

int cgroup_directory_read_u64(const struct cgroup_directory *directory, const char *file, uint64_t *value)
{
	char path[PATH_MAX];
	return file_read_u64(directory->fd, file_path(directory, file, path), value);
}

bool cgroup_directory_has(const struct cgroup_directory *directory, const char *file)
{
	char path[PATH_MAX];
	return faccessat(directory->fd, file_path(directory, file, path), F_OK, 0) == 0;
}

int cgroup_directory_write(const struct cgroup_directory *directory, const char *file, const char *value,
			   struct error *error)
{
	char buffer[PATH_MAX];
	const char *path = file_path(directory, file, buffer);
	int result;
	do
		/* v1 gives up reclaiming for a memory limit when a signal arrives; it has been handled by now. */
		result = file_write(directory->fd, path, value);
	while (result == -EINTR);
	if (result == 0)
		return 0;
	error_errno(error, -result, "write %s to %s/%s", *value ? value : "\"\"", directory->path, file);
	if (result == -ENOENT && cgroup_directory_has(directory, "cgroup.procs"))
		error_hint(error, "(this kernel was built or booted without that file)");
	return result;
}

int cgroup_directory_write_u64(const struct cgroup_directory *directory, const char *file, uint64_t value,
			       const char *unlimited, struct error *error)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64, value);
	return cgroup_directory_write(directory, file, value == CGROUP_UNLIMITED ? unlimited : text, error);
}

uint64_t cgroup_directory_u64(const struct cgroup_directory *directory, const char *file)
{
	uint64_t value = 0;
	return cgroup_directory_read_u64(directory, file, &value) == 0 ? value : 0;
}

/* ---- The tree below a directory ---- */

static int tree_add(struct cgroup_tree *tree, char *path)
{
	if (!path)
		return -ENOMEM;
	/* Room doubles at each power of two. */
	if ((tree->count & (tree->count - 1)) == 0) {
		char **grown = reallocarray(tree->paths, tree->count ? tree->count * 2 : 1, sizeof *grown);
		if (!grown) {
			free(path);
			return -ENOMEM;
		}
		tree->paths = grown;
	}
	tree->paths[tree->count++] = path;
	return 0;
}

static bool entry_is_directory(int directory, const struct dirent *entry)
{
	if (entry->d_name[0] == '.' && (!entry->d_name[1] || (entry->d_name[1] == '.' && !entry->d_name[2])))
		return false;
	struct stat status;
	if (entry->d_type == DT_UNKNOWN)
		return fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
	return entry->d_type == DT_DIR;
}

static int tree_add_children(int directory, const char *path, struct cgroup_tree *tree)
{
	cleanup_fd int fd = openat(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	cleanup_dir DIR *stream = fdopendir(fd);
	if (!stream)
		return -errno;
	steal_fd(&fd);
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(stream);
		if (!entry)
			return errno == ENOENT ? 0 : -errno;
		if (!entry_is_directory(dirfd(stream), entry))
			continue;
		char *child = NULL;
		if (asprintf(&child, "%s/%s", path, entry->d_name) < 0)
			child = NULL;
		int result = tree_add(tree, child);
		if (result < 0)
			return result;
	}
}

int cgroup_tree_read(int directory, struct cgroup_tree *tree)
{
	*tree = (struct cgroup_tree){0};
	int result = tree_add(tree, strdup("."));
	for (size_t i = 0; result == 0 && i < tree->count; i++)
		result = tree_add_children(directory, tree->paths[i], tree);
	return result;
}

void cgroup_tree_free(struct cgroup_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		free(tree->paths[i]);
	free(tree->paths);
	*tree = (struct cgroup_tree){0};
}

/* ---- Time ---- */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t cgroup_deadline(int timeout_ms)
{
	return now_ms() + (timeout_ms > 0 ? timeout_ms : 0);
}

int cgroup_deadline_left(int64_t deadline)
{
	int64_t left = deadline - now_ms();
	return left > 0 ? (int)left : 0;
}

void cgroup_backoff(int *backoff_ms, int64_t deadline)
{
	int left = cgroup_deadline_left(deadline);
	poll(NULL, 0, *backoff_ms < left ? *backoff_ms : left);
	*backoff_ms = *backoff_ms < 10 ? *backoff_ms * 2 : 20;
}
