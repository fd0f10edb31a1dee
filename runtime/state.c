/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/file.h"
#include "runtime/name.h"
#include "runtime/record.h"

enum { CREATE_TRIES = 1000 }; /* a millisecond each, where somebody else has it */

/*
 * ---- Beside a record ----
 *
 * What is there already was beside one that somebody has removed by hand, and whose inode is this one's now.
 */

void state_beside_name(int file, enum state_beside what, char name[STATE_BESIDE_SIZE])
{
	static const char *const words[STATE_BESIDE] = {
		[STATE_EXIT] = "exit",
		[STATE_CONTROL] = "control",
		[STATE_SECCOMP] = "seccomp",
		[STATE_IDMAP] = "idmap",
	};
	struct stat status = {0};
	fstat(file, &status);
	snprintf(name, STATE_BESIDE_SIZE, ".%s-%jx", words[what], (uintmax_t)status.st_ino);
}

int state_create_exit(const struct berth *berth, int file)
{
	char name[STATE_BESIDE_SIZE];
	state_beside_name(file, STATE_EXIT, name);
	int fd = openat(berth->state_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int state_read_exit(const struct berth *berth, int file, int *wait_status)
{
	char name[STATE_BESIDE_SIZE];
	state_beside_name(file, STATE_EXIT, name);
	cleanup_fd int fd = openat(berth->state_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	return read(fd, wait_status, sizeof *wait_status) == sizeof *wait_status ? 0 : -ENODATA;
}

static int seccomp_create(const struct berth *berth, int file, const struct seccomp_choice *choice)
{
	if (!seccomp_is_kept(choice->name))
		return 0;
	char name[STATE_BESIDE_SIZE];
	size_t size;
	cleanup_free void *bytes = seccomp_choice_bytes(choice, &size);
	state_beside_name(file, STATE_SECCOMP, name);
	return bytes ? file_create(berth->state_fd, name, bytes, size) : -ENOMEM;
}

/* ---- The record ---- */

/* Removes what may be beside the record, and then the record, by its name. */
static int remove_all(const struct berth *berth, int file, const char *entry, unsigned int beside, struct error *error)
{
	for (int what = 0; what < STATE_BESIDE; what++) {
		char name[STATE_BESIDE_SIZE];
		if (!(beside & 1U << what))
			continue;
		state_beside_name(file, (enum state_beside)what, name);
		unlinkat(berth->state_fd, name, 0);
	}
	if (unlinkat(berth->state_fd, entry, 0) < 0 && errno != ENOENT)
		return error_errno(error, errno, "remove %s/%s", berth->state_root, entry);
	return 0;
}

static int fill(const struct berth *berth, int file, const struct spec *spec, const struct record *record)
{
	cleanup_json_text struct json_text json = {0};
	record_write(&json, spec, record->controllers, record->started_ns);
	if (json.failed)
		return -ENOMEM;
	int code = state_write_record(file, record, json.bytes, json.size, spec->env);
	return code < 0 ? code : seccomp_create(berth, file, &spec->seccomp);
}

/*
 * Makes the empty record, locked. Whoever clears up behind the dead may have seen it before it was, and remove it: then
 * it is made again. -EEXIST: the name is taken.
 */
static int create(const struct berth *berth, const char *entry)
{
	int code = -EBUSY;
	for (int tries = 0; code == -EBUSY && tries < CREATE_TRIES; tries++) {
		cleanup_fd int file =
			openat(berth->state_fd, entry, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (file < 0)
			return -errno;
		do
			code = state_lock(file);
		while (code == -EBUSY && ++tries < CREATE_TRIES && poll(NULL, 0, 1) == 0);
		if (code == 0 && !state_is_removed(file))
			return steal_fd(&file);
		code = code == 0 ? -EBUSY : code;
	}
	return code;
}

int state_create(const struct berth *berth, const struct spec *spec, const struct record *record, struct error *error)
{
	char encoded[NAME_ENCODED_SIZE];
	name_encode(spec->name, encoded);
	cleanup_fd int file = create(berth, encoded);
	if (file == -EEXIST)
		return error_set(error, EEXIST, "there is a container named '%s' already", spec->name);
	int code = file < 0 ? file : fill(berth, file, spec, record);
	if (code == 0)
		return steal_fd(&file);
	if (file >= 0)
		remove_all(berth, file, encoded, 1U << STATE_SECCOMP, NULL);
	return error_errno(error, -code, "record the container in %s", berth->state_root);
}

int state_open_entry(const struct berth *berth, const char *entry)
{
	int file = openat(berth->state_fd, entry, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return file < 0 ? -errno : file;
}

int state_open(const struct berth *berth, const char *name, struct error *error)
{
	if (context_require_state(berth, error) < 0 || name_check(name, "container's name", error) < 0)
		return -error->code;
	char encoded[NAME_ENCODED_SIZE];
	name_encode(name, encoded);
	int file = state_open_entry(berth, encoded);
	if (file == -ENOENT)
		return error_set(error, ENOENT, "there is no container named '%s'", name);
	return file < 0 ? error_errno(error, -file, "open the record of container '%s'", name) : file;
}

bool state_is_removed(int file)
{
	struct stat status;
	return fstat(file, &status) == 0 && status.st_nlink == 0;
}

int state_remove_entry(const struct berth *berth, int file, const char *entry, struct error *error)
{
	/* Removed before, the name may be another container's by now. */
	struct stat own, named;
	if (fstat(file, &own) < 0 || fstatat(berth->state_fd, entry, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    own.st_ino != named.st_ino || own.st_dev != named.st_dev)
		return 0;
	return remove_all(berth, file, entry, (1U << STATE_BESIDE) - 1, error);
}

int state_remove(const struct berth *berth, int file, const char *name, struct error *error)
{
	char encoded[NAME_ENCODED_SIZE];
	name_encode(name, encoded);
	return state_remove_entry(berth, file, encoded, error);
}

int state_remove_launched(const struct berth *berth, int file, const struct record *record, struct error *error)
{
	unsigned int beside = 0;
	char encoded[NAME_ENCODED_SIZE];
	name_encode(record->name, encoded);
	if (!(record->flags & BERTH_NO_INIT))
		beside |= 1U << STATE_EXIT;
	if (seccomp_is_kept(record->seccomp))
		beside |= 1U << STATE_SECCOMP;
	if (record->namespaces & CLONE_NEWUSER)
		beside |= 1U << STATE_IDMAP;
	return remove_all(berth, file, encoded, beside, error);
}
