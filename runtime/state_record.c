/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record: one file for what a launch has to note, since each file more costs a launch 10 us.
 *
 *     struct head | JSON | environment, NUL-terminated strings
 *
 * The head's numbers are the machine's own. What is written into it later has its place from the beginning, so that the
 * end of a container can be noted on a file system that is full by then.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/state.h"

enum { RECORD_LIMIT = 32 << 20, FALLBACKS_SIZE = 320 };

static const char magic[8] = "berth 1";

/* Each written in one piece; what says that it is there comes last in memory, and so is copied last. */
struct process {
	uint64_t earliest, latest;
	char fallbacks[FALLBACKS_SIZE];
	int32_t pid; /* 0: none yet */
	int32_t reserved;
};

struct head {
	char magic[8];
	uint32_t json_size, environment_size;
	struct process process;
	struct berth_end end;
	uint32_t ended; /* 1: end is there */
	uint32_t reserved;
};

/* ---- As a whole ---- */

int state_create_record(int directory, const char *json, size_t json_size, char *const *environment)
{
	size_t environment_size = 0;
	for (size_t i = 0; environment[i]; i++)
		environment_size += strlen(environment[i]) + 1;
	if (json_size > RECORD_LIMIT / 2 || environment_size > RECORD_LIMIT / 2)
		return -E2BIG;
	struct head head = {.json_size = (uint32_t)json_size, .environment_size = (uint32_t)environment_size};
	memcpy(head.magic, magic, sizeof magic);
	size_t size = sizeof head + json_size + environment_size;
	cleanup_free char *bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, &head, sizeof head);
	memcpy(bytes + sizeof head, json, json_size);
	char *next = bytes + sizeof head + json_size;
	for (size_t i = 0; environment[i]; i++)
		next = stpcpy(next, environment[i]) + 1;
	return file_create(directory, "record", bytes, size);
}

/* One of the parts behind the head, of which size bytes are skipped; its size or -errno. */
static ssize_t part_read(int directory, bool is_environment, char **part)
{
	struct head head;
	cleanup_fd int fd = openat(directory, "record", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	ssize_t length = read(fd, &head, sizeof head);
	if (length < 0)
		return -errno;
	if (length != sizeof head || memcmp(head.magic, magic, sizeof magic) != 0)
		return -EBADMSG;
	size_t size = is_environment ? head.environment_size : head.json_size;
	off_t offset = (off_t)sizeof head + (is_environment ? head.json_size : 0);
	if (size > RECORD_LIMIT)
		return -EBADMSG;
	cleanup_free char *bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	length = pread(fd, bytes, size, offset);
	if (length < 0 || (size_t)length != size)
		return length < 0 ? -errno : -EBADMSG;
	bytes[size] = '\0';
	*part = steal_pointer(&bytes);
	return length;
}

ssize_t state_read_json(int directory, char **json)
{
	return part_read(directory, false, json);
}

ssize_t state_read_environment(int directory, char **environment)
{
	return part_read(directory, true, environment);
}

static int head_write(int directory, const void *data, size_t size, size_t offset)
{
	cleanup_fd int fd = openat(directory, "record", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || pwrite(fd, data, size, (off_t)offset) < 0)
		return -errno;
	return 0;
}

/* ---- The process ---- */

int state_write_init(int directory, pid_t pid, uint64_t earliest, const char *fallbacks, struct error *error)
{
	struct process process = {.earliest = earliest, .latest = state_ticks_now(), .pid = pid};
	snprintf(process.fallbacks, sizeof process.fallbacks, "%s", fallbacks);
	int code = head_write(directory, &process, sizeof process, offsetof(struct head, process));
	return code < 0 ? error_errno(error, -code, "record the container's process") : 0;
}

static int process_read(int directory, struct process *process)
{
	cleanup_fd int fd = openat(directory, "record", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	ssize_t length = pread(fd, process, sizeof *process, offsetof(struct head, process));
	if (length < 0)
		return -errno;
	if (length != sizeof *process || process->pid < 0)
		return -EBADMSG;
	process->fallbacks[sizeof process->fallbacks - 1] = '\0';
	return process->pid > 0 ? 0 : -ENOENT;
}

int state_read_init(int directory, pid_t *pid, uint64_t *earliest, uint64_t *latest)
{
	struct process process;
	int code = process_read(directory, &process);
	if (code < 0)
		return code;
	*pid = process.pid;
	*earliest = process.earliest;
	*latest = process.latest;
	return 0;
}

void state_read_fallbacks(int directory, char *fallbacks, size_t size)
{
	struct process process;
	snprintf(fallbacks, size, "%s", process_read(directory, &process) == 0 ? process.fallbacks : "");
}

/* ---- The end ---- */

int state_write_end(int directory, const struct berth_end *end, struct error *error)
{
	struct {
		struct berth_end end;
		uint32_t ended, reserved;
	} part = {.end = *end, .ended = 1};
	_Static_assert(offsetof(struct head, ended) - offsetof(struct head, end) == sizeof part.end,
		       "they lie side by side");
	int code = head_write(directory, &part, sizeof part, offsetof(struct head, end));
	return code < 0 ? error_errno(error, -code, "record the container's end") : 0;
}

int state_open_end(int directory)
{
	int fd = openat(directory, "record", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int state_read_end(int end_fd, struct berth_end *end)
{
	struct head head;
	ssize_t length = pread(end_fd, &head, sizeof head, 0);
	if (length < 0)
		return -errno;
	if (length != sizeof head || memcmp(head.magic, magic, sizeof magic) != 0)
		return -EBADMSG;
	if (!head.ended)
		return -ENODATA;
	/* Exit statuses have eight bits, signals seven. wait(2) */
	int most = head.end.reason == BERTH_EXITED ? 255 : 127;
	if (head.end.reason < BERTH_EXITED || head.end.reason > BERTH_LOST || head.end.code < 0 || head.end.code > most)
		return -EBADMSG;
	*end = head.end;
	end->text[sizeof end->text - 1] = '\0';
	return 0;
}
