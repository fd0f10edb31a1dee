/* SPDX-License-Identifier: Apache-2.0 */
/* Handles: making, finding, listing, releasing. */
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/monitor.h"

struct berth_container *container_new(struct berth *berth)
{
	struct berth_container *container = calloc(1, sizeof *container);
	if (!container)
		return NULL;
	container->berth = berth;
	container->wait_status = -1;
	container->file = container->pidfd = container->tty = container->seccomp_log = -1;
	return container;
}

void berth_container_close(struct berth_container *container)
{
	if (!container)
		return;
	monitor_free(container->monitor, container);
	cgroup_free(container->cgroup);
	if (container->pidfd >= 0)
		close(container->pidfd);
	if (container->tty >= 0)
		close(container->tty);
	if (container->seccomp_log >= 0)
		close(container->seccomp_log);
	if (container->file >= 0)
		close(container->file);
	record_free(&container->record);
	free(container);
}

int container_load(struct berth_container *container, int file, struct error *error)
{
	container->file = file;
	struct state state;
	int code = state_read(file, &state, error);
	if (code < 0)
		return code;
	const struct record *record = &container->record;
	container->record = state.record;
	container->end = state.end;
	container->ended = state.ended;
	if (record->controllers) {
		const struct cgroup_layout *layout;
		code = context_layout_of(container->berth, record->layout, record->layout_size, &layout, error);
		if (code == 0)
			code = cgroup_open(layout, record->cgroup_parent, record->cgroup_name, record->controllers,
					   &container->cgroup, error);
		if (code < 0)
			return code;
	}
	if (container->ended)
		return 0;
	container->pid = state.process.pid;
	container->pidfd = state_open_process(container->berth, &state.process);
	switch (container->pidfd) {
	case -ESRCH:   /* ended */
	case -ENOENT:  /* not started yet */
	case -EBADMSG: /* never will be */
		return 0;
	default:
		/* Whether it lives can't be told: nobody may take that for its end. */
		return container->pidfd >= 0
			       ? 0
			       : error_errno(error, -container->pidfd,
					     "open the process of container '%s' (pidfd_open)", record->name);
	}
}

void container_look_again(struct berth_container *container)
{
	struct state_process process;
	int code = state_read_process(container->file, &process);
	if (code == 0)
		code = state_open_process(container->berth, &process);
	bool known = code >= 0 || code == -ESRCH;
	/* What can't be told, for a lack of descriptors perhaps, is asked again. */
	container->pidfd = known || code == -EBADMSG ? code : -ENOENT;
	if (known)
		container->pid = process.pid;
}

bool container_is_gone(int code)
{
	/* The last two: a socket, a FIFO. */
	return code == -ENOENT || code == -EISDIR || code == -ELOOP || code == -EBADMSG || code == -ENXIO ||
	       code == -ESPIPE;
}

/* A handle on the entry of the state root, or NULL with *error set. */
static struct berth_container *open_entry(const struct berth *berth, const char *entry, struct error *error)
{
	struct berth_container *container = container_new((struct berth *)berth);
	cleanup_fd int file = state_open_entry(berth, entry);
	int code = !container ? error_errno(error, ENOMEM, "open a container")
		   : file < 0 ? error_errno(error, -file, "open %s/%s", berth->state_root, entry)
			      : container_load(container, steal_fd(&file), error);
	if (code == 0)
		return container;
	berth_container_close(container);
	return NULL;
}

int berth_container_find(struct berth *berth, const char *name, struct berth_container **container,
			 struct berth_error *error)
{
	struct error inner = {0};
	int file = state_open(berth, name, &inner);
	if (file < 0)
		return error_export(&inner, error);
	struct berth_container *found = container_new(berth);
	if (!found) {
		close(file);
		error_errno(&inner, ENOMEM, "open container '%s'", name);
		return error_export(&inner, error);
	}
	int code = container_load(found, file, &inner);
	/* The second test: another name could share the encoding's hash. */
	if (code == -ENOENT || (code == 0 && strcmp(found->record.name, name) != 0))
		code = error_set(&inner, ENOENT, "there is no container named '%s'", name);
	if (code < 0) {
		berth_container_close(found);
		return error_export(&inner, error);
	}
	*container = found;
	return 0;
}

int container_list_add(struct container_list *list, struct berth_container *container)
{
	struct berth_container **grown = reallocarray(list->items, list->count + 1, sizeof *grown);
	if (!grown) {
		berth_container_close(container);
		return -ENOMEM;
	}
	list->items = grown;
	grown[list->count++] = container;
	return 0;
}

void container_list_free(struct container_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		berth_container_close(list->items[i]);
	free(list->items);
	*list = (struct container_list){0};
}

/* ---- All of them ---- */

struct berth_walk {
	struct berth *berth;
	struct state_entries entries;
};

int berth_walk_open(struct berth *berth, struct berth_walk **walk, struct berth_error *error)
{
	struct error inner = {0};
	cleanup_free struct berth_walk *opened = malloc(sizeof *opened);
	if (!opened) {
		error_errno(&inner, ENOMEM, "look for containers");
		return error_export(&inner, error);
	}
	opened->berth = berth;
	if (state_entries_read(berth, &opened->entries, &inner) < 0)
		return error_export(&inner, error);
	*walk = steal_pointer(&opened);
	return 0;
}

int berth_walk_next(struct berth_walk *walk, struct berth_container **container, struct berth_error *error)
{
	const char *entry;
	while ((entry = state_entries_next(&walk->entries))) {
		struct error inner = {0};
		*container = open_entry(walk->berth, entry, &inner);
		if (*container)
			return 1;
		/* One that isn't there, or isn't whole, is being made or removed by its owner. */
		if (!container_is_gone(-inner.code))
			return error_export(&inner, error);
	}
	*container = NULL;
	return 0;
}

void berth_walk_close(struct berth_walk *walk)
{
	if (!walk)
		return;
	state_entries_free(&walk->entries);
	free(walk);
}

ssize_t berth_list(struct berth *berth, struct berth_container ***containers, struct berth_error *error)
{
	struct container_list list = {0};
	struct berth_walk *walk;
	struct berth_container *container;
	int code = berth_walk_open(berth, &walk, error);
	if (code < 0)
		return code;
	while ((code = berth_walk_next(walk, &container, error)) > 0)
		if (container_list_add(&list, container) < 0) {
			struct error inner = {0};
			error_errno(&inner, ENOMEM, "list the containers");
			code = error_export(&inner, error);
			break;
		}
	berth_walk_close(walk);
	if (code < 0) {
		container_list_free(&list);
		return code;
	}
	*containers = list.items;
	return (ssize_t)list.count;
}

const char *berth_container_name(const struct berth_container *container)
{
	return container->record.name;
}

pid_t berth_container_pid(const struct berth_container *container)
{
	return container->pid;
}

const char *const *berth_container_command(const struct berth_container *container)
{
	return (const char *const *)container->record.argv;
}

uint64_t berth_container_started(const struct berth_container *container)
{
	return container->record.started_ns;
}

int berth_container_pidfd(const struct berth_container *container)
{
	return container->pidfd < 0 ? -1 : container->pidfd;
}

int berth_container_tty(const struct berth_container *container)
{
	return container->tty;
}

bool berth_container_owned(struct berth_container *container)
{
	return container->owner || state_is_owned(container->file);
}

const char *berth_state_name(enum berth_state state)
{
	static const char *const names[] = {
		[BERTH_STARTING] = "starting",
		[BERTH_RUNNING] = "running",
		[BERTH_PAUSED] = "paused",
		[BERTH_ENDED] = "ended",
	};
	return state >= BERTH_STARTING && state <= BERTH_ENDED ? names[state] : "unknown";
}
