/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record: one file for all that a launch has to note, and nothing around it, since each file or directory more
 * costs a launch 5 to 10 us.
 *
 *     struct head | what record_pack made | JSON | environment, NUL-terminated strings
 *
 * The head's numbers are the machine's own. What is written into it later has its place from the beginning, so that the
 * end of a container can be noted on a file system that is full by then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/record.h"

enum {
	PART_LIMIT = 32 << 20,
	FALLBACKS_SIZE = 320,
	DETAIL_SIZE = 256,
	PAGE_BYTES = 4096,
	AT_ONCE = 4096, /* what one read takes of a record: nearly all of what is needed at first */
};

static const char magic[8] = "berth 3";

/* Each written in one piece; what says that it is there comes last in memory, and so is copied last. */
struct process {
	char fallbacks[FALLBACKS_SIZE];
	struct state_process process;
};

struct reason {
	char detail[DETAIL_SIZE];
	int32_t reason; /* 0: none */
	int32_t reserved;
};

struct end {
	struct berth_end end;
	uint32_t ended; /* 1: end is there */
	uint32_t reserved;
};

struct note {
	uint32_t made; /* 1: what follows counts */
	uint32_t reserved;
	char bytes[STATE_NOTE_SIZE];
};

struct head {
	char magic[8];
	uint32_t packed_size, json_size, environment_size, reserved;
	struct process process;
	struct reason reason;
	struct end end;
	struct note note;
};

/* ---- As a whole ---- */

static int bytes_write(int file, const char *bytes, size_t size, off_t offset)
{
	ssize_t written = pwrite(file, bytes, size, offset);
	return written < 0 ? -errno : (size_t)written == size ? 0 : -ENOSPC;
}

int state_write_record(int file, const struct record *record, const char *json, size_t json_size,
		       char *const *environment)
{
	size_t environment_size = 0;
	for (size_t i = 0; environment[i]; i++)
		environment_size += strlen(environment[i]) + 1;
	if (record->packed_size > PART_LIMIT || json_size > PART_LIMIT || environment_size > PART_LIMIT)
		return -E2BIG;
	struct head head = {
		.packed_size = (uint32_t)record->packed_size,
		.json_size = (uint32_t)json_size,
		.environment_size = (uint32_t)environment_size,
	};
	memcpy(head.magic, magic, sizeof magic);
	size_t size = sizeof head + record->packed_size + json_size + environment_size;
	cleanup_free char *bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	char *next = mempcpy(bytes, &head, sizeof head);
	next = mempcpy(next, record->packed, record->packed_size);
	next = mempcpy(next, json, json_size);
	for (size_t i = 0; environment[i]; i++)
		next = stpcpy(next, environment[i]) + 1;
	/* Who reads meanwhile sees a page as a whole. Of what is more the head comes last. */
	if (size <= PAGE_BYTES)
		return bytes_write(file, bytes, size, 0);
	int code = bytes_write(file, bytes + sizeof head, size - sizeof head, sizeof head);
	return code < 0 ? code : bytes_write(file, bytes, sizeof head, 0);
}

static int head_check(const struct head *head, ssize_t length)
{
	if (length < 0)
		return -errno;
	if (length == 0 || (length >= (ssize_t)sizeof *head && !head->magic[0]))
		return -ENOENT;
	if (length < (ssize_t)sizeof *head || memcmp(head->magic, magic, sizeof magic) != 0 ||
	    head->packed_size > PART_LIMIT || head->json_size > PART_LIMIT || head->environment_size > PART_LIMIT)
		return -EBADMSG;
	return 0;
}

static int head_read(int file, struct head *head)
{
	return head_check(head, pread(file, head, sizeof *head, 0));
}

/* size bytes of the file, malloc'ed and NUL-terminated; have, n_have of them, are known already. 0 or -errno. */
static int part_read(int file, off_t offset, size_t size, const char *have, size_t n_have, char **part)
{
	cleanup_free char *bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	if (n_have > size)
		n_have = size;
	memcpy(bytes, have, n_have);
	ssize_t length = n_have < size ? pread(file, bytes + n_have, size - n_have, offset + (off_t)n_have) : 0;
	if (length < 0 || (size_t)length != size - n_have)
		return length < 0 ? -errno : -EBADMSG;
	bytes[size] = '\0';
	*part = steal_pointer(&bytes);
	return 0;
}

static ssize_t text_read(int file, bool is_environment, char **part)
{
	struct head head;
	int code = head_read(file, &head);
	if (code < 0)
		return code;
	off_t offset = (off_t)sizeof head + head.packed_size + (is_environment ? head.json_size : 0);
	size_t size = is_environment ? head.environment_size : head.json_size;
	code = part_read(file, offset, size, "", 0, part);
	return code < 0 ? code : (ssize_t)size;
}

ssize_t state_read_json(int file, char **json)
{
	return text_read(file, false, json);
}

ssize_t state_read_environment(int file, char **environment)
{
	return text_read(file, true, environment);
}

/* ---- The process ---- */

int state_write_process(int file, const struct state_process *process, const char *fallbacks, struct error *error)
{
	struct process part = {.process = *process};
	snprintf(part.fallbacks, sizeof part.fallbacks, "%s", fallbacks);
	if (pwrite(file, &part, sizeof part, offsetof(struct head, process)) < 0)
		return error_errno(error, errno, "record the container's process");
	return 0;
}

int state_read_process(int file, struct state_process *process)
{
	struct head head;
	int code = head_read(file, &head);
	if (code < 0)
		return code;
	*process = head.process.process;
	return process->pid < 0 ? -EBADMSG : process->pid ? 0 : -ENOENT;
}

void state_read_fallbacks(int file, char *fallbacks, size_t size)
{
	struct head head;
	bool known = head_read(file, &head) == 0;
	snprintf(fallbacks, size, "%.*s", known ? FALLBACKS_SIZE - 1 : 0, known ? head.process.fallbacks : "");
}

/* ---- Why it was killed ---- */

int state_write_reason(int file, enum berth_reason reason, const char *detail)
{
	struct reason part = {.reason = (int32_t)reason};
	snprintf(part.detail, sizeof part.detail, "%s", detail);
	struct reason before;
	ssize_t length = pread(file, &before, sizeof before, offsetof(struct head, reason));
	if (length == sizeof before && !before.reason)
		length = pwrite(file, &part, sizeof part, offsetof(struct head, reason));
	return length < 0 ? -errno : length == sizeof part ? 0 : -EBADMSG;
}

int state_read_reason(int file, char *detail, size_t size)
{
	struct reason part;
	detail[0] = '\0';
	if (pread(file, &part, sizeof part, offsetof(struct head, reason)) != sizeof part ||
	    part.reason < BERTH_EXITED || part.reason > BERTH_LOST)
		return 0;
	snprintf(detail, size, "%.*s", (int)strnlen(part.detail, sizeof part.detail), part.detail);
	return part.reason;
}

/* ---- The end ---- */

int state_write_end(int file, const struct berth_end *end, struct error *error)
{
	struct end part = {.end = *end, .ended = 1};
	if (pwrite(file, &part, sizeof part, offsetof(struct head, end)) < 0)
		return error_errno(error, errno, "record the container's end");
	return 0;
}

static int end_take(const struct head *head, struct berth_end *end)
{
	if (!head->end.ended)
		return -ENODATA;
	/* Exit statuses have eight bits, signals seven. wait(2) */
	const struct berth_end *found = &head->end.end;
	int most = found->reason == BERTH_EXITED ? 255 : 127;
	if (found->reason < BERTH_EXITED || found->reason > BERTH_LOST || found->code < 0 || found->code > most)
		return -EBADMSG;
	*end = *found;
	end->text[sizeof end->text - 1] = '\0';
	return 0;
}

int state_read_end(int file, struct berth_end *end)
{
	struct head head;
	int code = head_read(file, &head);
	return code < 0 ? code : end_take(&head, end);
}

/* ---- The note ---- */

bool state_has_note(int file)
{
	uint32_t made;
	return pread(file, &made, sizeof made, offsetof(struct head, note.made)) == sizeof made && made;
}

int state_make_note(int file)
{
	static const uint32_t made = 1;
	return pwrite(file, &made, sizeof made, offsetof(struct head, note.made)) < 0 ? -errno : 0;
}

int state_write_note(int file, const void *note, size_t size)
{
	return pwrite(file, note, size, offsetof(struct head, note.bytes)) < 0 ? -errno : 0;
}

int state_read_note(int file, void *note, size_t size)
{
	ssize_t length = pread(file, note, size, offsetof(struct head, note.bytes));
	return length < 0 ? -errno : (size_t)length == size ? 0 : -EBADMSG;
}

/* ---- All that is needed at first ---- */

/* By one read of the file. */
static int head_and_record_read(int file, struct head *head, struct record *record)
{
	char bytes[AT_ONCE];
	ssize_t length = pread(file, bytes, sizeof bytes, 0);
	if (length >= (ssize_t)sizeof *head)
		memcpy(head, bytes, sizeof *head);
	int code = head_check(head, length);
	if (code < 0)
		return code;
	char *packed;
	code = part_read(file, sizeof *head, head->packed_size, bytes + sizeof *head, (size_t)length - sizeof *head,
			 &packed);
	return code < 0 ? code : record_unpack(packed, head->packed_size, record);
}

int state_read(int file, struct state *state, struct error *error)
{
	struct head head;
	*state = (struct state){0};
	int code = head_and_record_read(file, &head, &state->record);
	if (code == -EBADMSG)
		return error_set(error, EBADMSG, "the container's record is damaged, or another version's of berth");
	if (code < 0)
		return error_errno(error, -code, "read the container's record");
	state->process = head.process.process;
	state->ended = end_take(&head, &state->end) == 0;
	return 0;
}
