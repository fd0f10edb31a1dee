/* SPDX-License-Identifier: Apache-2.0 */
/* Going through all containers of a state root. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "runtime/state.h"

static DIR *open_state_root(const struct berth *berth)
{
	cleanup_fd int fd = openat(berth->state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	if (stream)
		steal_fd(&fd);
	return stream;
}

static int entry_add(struct state_entries *entries, const char *name, size_t *room)
{
	size_t length = strlen(name) + 1;
	if (*room - entries->size < length) {
		*room = (*room + length) * 2;
		char *grown = realloc(entries->names, *room);
		if (!grown)
			return -ENOMEM;
		entries->names = grown;
	}
	memcpy(entries->names + entries->size, name, length);
	entries->size += length;
	return 0;
}

int state_entries_read(const struct berth *berth, struct state_entries *entries, struct error *error)
{
	*entries = (struct state_entries){0};
	if (context_require_state(berth, error) < 0)
		return -error->code;
	cleanup_dir DIR *stream = open_state_root(berth);
	if (!stream)
		return error_errno(error, errno, "read %s", berth->state_root);
	size_t room = 0;
	for (const struct dirent *entry; (entry = readdir(stream));) {
		/* No encoded name begins with a dot. */
		if (entry->d_name[0] == '.' || entry_add(entries, entry->d_name, &room) == 0)
			continue;
		state_entries_free(entries);
		return error_errno(error, ENOMEM, "read %s", berth->state_root);
	}
	return 0;
}

void state_entries_free(struct state_entries *entries)
{
	free(entries->names);
	entries->names = NULL;
}

const char *state_entries_next(struct state_entries *entries)
{
	size_t at = atomic_load(&entries->taken);
	while (at < entries->size) {
		const char *entry = entries->names + at;
		if (atomic_compare_exchange_weak(&entries->taken, &at, at + strlen(entry) + 1))
			return entry;
	}
	return NULL;
}

int state_each(const struct berth *berth, int (*visit)(const struct berth *berth, const char *entry, void *data),
	       void *data, struct error *error)
{
	struct state_entries entries;
	const char *entry;
	int code = state_entries_read(berth, &entries, error);
	while (code >= 0 && (entry = state_entries_next(&entries)))
		code = visit(berth, entry, data);
	state_entries_free(&entries);
	return code < 0 ? code : 0;
}

struct root_search {
	const char *framework, *directory; /* one of them; the other is NULL */
	struct error *error;
};

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static int check_root(const struct berth *berth, const char *entry, void *data)
{
	const struct root_search *search = data;
	struct state state;
	cleanup_fd int file = state_open_entry(berth, entry);
	struct error ignored;
	if (file < 0 || state_read(file, &state, &ignored) < 0)
		return 0;
	int code = 0;
	const struct record *record = &state.record;
	bool found = same(record->framework, search->framework) || same(record->root_directory, search->directory);
	if (found && !state.ended)
		code = error_set(search->error, EBUSY, "%s %s is used by container '%s'",
				 search->framework ? "framework root" : "root",
				 search->framework ? search->framework : search->directory, record->name);
	record_free(&state.record);
	return code;
}

int state_framework_in_use(const struct berth *berth, const char *framework, struct error *error)
{
	struct root_search search = {.framework = framework, .error = error};
	return state_each(berth, check_root, &search, error);
}

int state_directory_in_use(const struct berth *berth, const char *directory, struct error *error)
{
	struct root_search search = {.directory = directory, .error = error};
	return state_each(berth, check_root, &search, error);
}
