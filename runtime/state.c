/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/file.h"
#include "runtime/name.h"
#include "runtime/record.h"

/* Directories under this prefix are not containers yet. */
static const char unfinished[] = ".new-";

static int seccomp_create(int directory, const struct seccomp_choice *choice)
{
	if (!seccomp_choice_kept(choice))
		return 0;
	size_t size;
	cleanup_free void *bytes = seccomp_choice_bytes(choice, &size);
	return bytes ? file_create(directory, "seccomp", bytes, size) : -ENOMEM;
}

static int fill(int directory, const struct spec *spec, const struct record *record)
{
	cleanup_json_text struct json_text json = {0};
	record_write(&json, spec, record->controllers, record->started_ns);
	if (json.failed)
		return -ENOMEM;
	int code = state_create_record(directory, record, json.bytes, json.size, spec->env);
	if (code == 0)
		code = seccomp_create(directory, &spec->seccomp);
	if (code == 0 && !(spec->flags & BERTH_NO_INIT))
		code = file_create(directory, "exit", NULL, 0);
	return code;
}

/* Empties the directory and removes it under the name; with_exit: it is likely to hold that file. 0 or -errno. */
static int directory_remove(int directory, int root, const char *name, bool with_exit)
{
	static const char *const rare[] = {"exit", "control", "scale", "seccomp", "idmap"};
	if (with_exit)
		unlinkat(directory, "exit", 0);
	unlinkat(directory, "record", 0);
	int code = unlinkat(root, name, AT_REMOVEDIR) < 0 ? -errno : 0;
	/* Most end without these: only then are they looked for. */
	for (size_t i = 0; i < sizeof rare / sizeof *rare && code == -ENOTEMPTY; i++)
		unlinkat(directory, rare[i], 0);
	if (code == -ENOTEMPTY)
		code = unlinkat(root, name, AT_REMOVEDIR) < 0 ? -errno : 0;
	return code == -ENOENT ? 0 : code;
}

int state_create(const struct berth *berth, const struct spec *spec, const struct record *record, struct error *error)
{
	static atomic_uint sequence;
	char temporary[64], encoded[NAME_ENCODED_SIZE];
	name_encode(spec->name, encoded);
	snprintf(temporary, sizeof temporary, "%s%d-%u", unfinished, getpid(), atomic_fetch_add(&sequence, 1));
	if (mkdirat(berth->state_fd, temporary, 0700) < 0)
		return error_errno(error, errno, "make a directory in %s", berth->state_root);
	cleanup_fd int directory = openat(berth->state_fd, temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int code = directory < 0 ? -errno : state_lock(directory);
	if (code == 0)
		code = fill(directory, spec, record);
	if (code == 0 && renameat2(berth->state_fd, temporary, berth->state_fd, encoded, RENAME_NOREPLACE) < 0)
		code = -errno;
	if (code == 0)
		return steal_fd(&directory);
	directory_remove(directory, berth->state_fd, temporary, true);
	if (code == -EEXIST)
		return error_set(error, EEXIST, "there is a container named '%s' already", spec->name);
	return error_errno(error, -code, "record the container in %s", berth->state_root);
}

int state_open(const struct berth *berth, const char *name, struct error *error)
{
	if (context_require_state(berth, error) < 0 || name_check(name, "container's name", error) < 0)
		return -error->code;
	char encoded[NAME_ENCODED_SIZE];
	name_encode(name, encoded);
	int directory = openat(berth->state_fd, encoded, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (directory >= 0)
		return directory;
	if (errno == ENOENT)
		return error_set(error, ENOENT, "there is no container named '%s'", name);
	return error_errno(error, errno, "open the record of container '%s'", name);
}

int state_open_exit(int directory)
{
	int fd = openat(directory, "exit", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int state_read_exit(int directory, int *wait_status)
{
	cleanup_fd int fd = openat(directory, "exit", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	return read(fd, wait_status, sizeof *wait_status) == sizeof *wait_status ? 0 : -ENODATA;
}

static int entry_remove(const struct berth *berth, int directory, const char *entry, bool with_exit,
			struct error *error)
{
	int code = directory_remove(directory, berth->state_fd, entry, with_exit);
	return code < 0 ? error_errno(error, -code, "remove %s/%s", berth->state_root, entry) : 0;
}

int state_remove_entry(const struct berth *berth, int directory, const char *entry, struct error *error)
{
	/* Removed before, the name may be another container's by now. */
	struct stat own, named;
	if (fstat(directory, &own) == 0 && fstatat(berth->state_fd, entry, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (own.st_ino != named.st_ino || own.st_dev != named.st_dev))
		return 0;
	return entry_remove(berth, directory, entry, true, error);
}

int state_remove(const struct berth *berth, int directory, const char *name, struct error *error)
{
	char encoded[NAME_ENCODED_SIZE];
	name_encode(name, encoded);
	return state_remove_entry(berth, directory, encoded, error);
}

int state_remove_ended(const struct berth *berth, int directory, const struct record *record, struct error *error)
{
	char encoded[NAME_ENCODED_SIZE];
	name_encode(record->name, encoded);
	return entry_remove(berth, directory, encoded, !(record->flags & BERTH_NO_INIT), error);
}
