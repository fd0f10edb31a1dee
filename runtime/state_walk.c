/* SPDX-License-Identifier: Apache-2.0 */
/* Going through all containers of a state root. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

int state_entries_open(const struct berth *berth, struct state_entries *entries, struct error *error)
{
	if (context_require_state(berth, error) < 0)
		return -error->code;
	entries->stream = open_state_root(berth);
	if (!entries->stream)
		return error_errno(error, errno, "read %s", berth->state_root);
	pthread_mutex_init(&entries->lock, NULL);
	return 0;
}

void state_entries_close(struct state_entries *entries)
{
	pthread_mutex_destroy(&entries->lock);
	closedir(entries->stream);
}

bool state_entries_next(struct state_entries *entries, char entry[STATE_ENTRY_SIZE])
{
	pthread_mutex_lock(&entries->lock);
	const struct dirent *found;
	do
		found = readdir(entries->stream);
	while (found && found->d_name[0] == '.'); /* as no encoded name begins */
	if (found)
		strcpy(entry, found->d_name);
	pthread_mutex_unlock(&entries->lock);
	return found;
}

int state_each(const struct berth *berth, int (*visit)(const struct berth *berth, const char *entry, void *data),
	       void *data, struct error *error)
{
	struct state_entries entries;
	char entry[STATE_ENTRY_SIZE];
	int code = state_entries_open(berth, &entries, error);
	if (code < 0)
		return code;
	while (code >= 0 && state_entries_next(&entries, entry))
		code = visit(berth, entry, data);
	state_entries_close(&entries);
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
