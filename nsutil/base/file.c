/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

static ssize_t read_fully(int fd, char *buffer, size_t size)
{
	size_t used = 0;
	while (used < size) {
		ssize_t got = read(fd, buffer + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

/* once: what one read(2) gives is all that is wanted. */
static ssize_t text_read(int directory, const char *path, char *buffer, size_t size, bool once)
{
	cleanup_fd int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	ssize_t length = once ? read(fd, buffer, size) : read_fully(fd, buffer, size);
	if (length < 0)
		return once ? -errno : length;
	if ((size_t)length == size)
		return -EFBIG;
	buffer[length] = '\0';
	return length;
}

ssize_t file_read(int directory, const char *path, char *buffer, size_t size)
{
	return text_read(directory, path, buffer, size, false);
}

ssize_t file_read_once(int directory, const char *path, char *buffer, size_t size)
{
	return text_read(directory, path, buffer, size, true);
}

ssize_t file_read_all(int directory, const char *path, size_t limit, char **buffer)
{
	cleanup_fd int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	cleanup_free char *text = NULL;
	size_t used = 0;
	/* Files of /proc have no size to ask for: grow until the end of file. */
	for (size_t room = 4096;; room *= 2) {
		char *grown = realloc(text, room);
		if (!grown)
			return -ENOMEM;
		text = grown;
		ssize_t got = read_fully(fd, text + used, room - used);
		if (got < 0)
			return got;
		used += (size_t)got;
		if (used > limit)
			return -EFBIG;
		if (used < room)
			break;
	}
	text[used] = '\0';
	*buffer = steal_pointer(&text);
	return (ssize_t)used;
}

static int parse_u64(const char *text, uint64_t *value)
{
	if (*text < '0' || *text > '9')
		return -EINVAL;
	char *end;
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno)
		return -errno;
	return *end == '\0' || *end == '\n' || *end == ' ' ? 0 : -EINVAL;
}

int file_read_u64(int directory, const char *path, uint64_t *value)
{
	char text[64];
	ssize_t length = file_read_once(directory, path, text, sizeof text);
	if (length < 0)
		return (int)length;
	if (strcmp(text, "max\n") == 0 || strcmp(text, "max") == 0) {
		*value = UINT64_MAX;
		return 0;
	}
	return parse_u64(text, value);
}

int file_keyed_u64(const char *text, const char *key, uint64_t *value)
{
	size_t length = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return parse_u64(line + length + 1, value);
	}
	return -ENOENT;
}

int file_write(int directory, const char *path, const char *text)
{
	cleanup_fd int fd = openat(directory, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	size_t length = strlen(text);
	ssize_t written = write(fd, text, length);
	if (written < 0)
		return -errno;
	return (size_t)written == length ? 0 : -EIO;
}

int file_create(int directory, const char *path, const void *data, size_t size)
{
	cleanup_fd int fd = openat(directory, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ssize_t written = size ? write(fd, data, size) : 0;
	if (written < 0)
		return -errno;
	return (size_t)written == size ? 0 : -ENOSPC;
}

int file_replace(int directory, const char *path, const void *data, size_t size, mode_t mode)
{
	char temporary[256];
	if ((size_t)snprintf(temporary, sizeof temporary, ".%s.new", path) >= sizeof temporary)
		return -ENAMETOOLONG;
	cleanup_fd int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, data, size);
	int code = written < 0 ? errno : (size_t)written != size ? ENOSPC : 0;
	if (!code && renameat(directory, temporary, directory, path) < 0)
		code = errno;
	if (code)
		unlinkat(directory, temporary, 0);
	return -code;
}
