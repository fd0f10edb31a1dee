/* SPDX-License-Identifier: Apache-2.0 */
/* Small files, read and written whole: cgroup files, /proc entries, state files. */
#ifndef NSUTIL_BASE_FILE_H
#define NSUTIL_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads the file at path, relative to directory (AT_FDCWD for plain paths), into buffer and
 * NUL-terminates it. Returns its length, or -errno; -EFBIG when size - 1 bytes do not hold it.
 */
ssize_t file_read(int directory, const char *path, char *buffer, size_t size);

/* The same with one read(2), for files whose content the kernel gives in one piece: most of cgroupfs. */
ssize_t file_read_once(int directory, const char *path, char *buffer, size_t size);

/* As file_read, into a buffer it allocates; the caller frees *buffer. Refuses more than limit bytes with -EFBIG. */
ssize_t file_read_all(int directory, const char *path, size_t limit, char **buffer);

/* Reads one decimal number. "max" reads as UINT64_MAX, as cgroup v2 means it. Returns 0 or -errno; -EINVAL for other
 * text. */
int file_read_u64(int directory, const char *path, uint64_t *value);

/*
 * Finds the line "KEY VALUE" in a flat keyed file held in text (memory.stat, cpu.stat,
 * memory.events, memory.oom_control) and stores VALUE. Returns 0, or -ENOENT where there is no such line.
 */
int file_keyed_u64(const char *text, const char *key, uint64_t *value);

/* Writes text with one write(2), which is what cgroup and proc files want, without creating the file. 0 or -errno. */
int file_write(int directory, const char *path, const char *text);
/* Makes a file of the bytes, of mode 0600, for its owner alone; an old one is overwritten. 0 or -errno; -ELOOP for a
 * link. */
int file_create(int directory, const char *path, const void *data, size_t size);

/* Writes a file so that a reader sees the old or the new content, never a part: a temporary file, then rename(2). 0 or
 * -errno. */
int file_replace(int directory, const char *path, const void *data, size_t size, mode_t mode);

#endif
