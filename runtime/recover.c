/* SPDX-License-Identifier: Apache-2.0 */
/* What dead owners left: taking it over, or clearing it away. */
#include "runtime/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/container.h"
#include "runtime/name.h"
#include "runtime/prepare.h"
#include "runtime/scale.h"

/* Its end is noted, and nobody wanted to keep that. */
static bool is_to_go(const struct berth_container *container)
{
	return container->ended && !(container->record.flags & BERTH_KEEP_RECORD);
}

/*
 * Takes over the container in the entry of the state root: *adopted. It is NULL where there is a living owner, or was
 * nothing to speak of (unreadable or half made), which has been cleared away. A failure is one of this process, such as
 * a lack of descriptors.
 */
static int adopt(struct berth *berth, const char *entry, struct berth_container **adopted, struct error *error)
{
	*adopted = NULL;
	cleanup_fd int file = state_open_entry(berth, entry);
	if (file < 0)
		return container_is_gone(file) ? 0 : error_errno(error, -file, "open %s/%s", berth->state_root, entry);
	if (state_lock_of_dead(file) < 0 || state_is_removed(file))
		return 0;
	struct berth_container *container = container_new(berth);
	if (!container)
		return error_errno(error, ENOMEM, "take over %s", entry);
	struct error ignored;
	int code = container_load(container, steal_fd(&file), error);
	container->owner = true;
	/* Its owner died with nothing left to do but that. */
	if (code == 0 && is_to_go(container))
		state_remove_entry(berth, container->file, entry, &ignored);
	if (code == 0 && (container->ended || container->pidfd >= 0 || container->pidfd == -ESRCH)) {
		/* It may have died while lowering the memory limit, with the container frozen for that. */
		uint64_t memory, swap;
		scale_recover(container, &memory, &swap);
		*adopted = container;
		return 0;
	}
	if (code == 0) {
		/* Its owner died between recording it and recording its process. */
		container_discard(container, &ignored);
	} else if (container_is_gone(code)) {
		/* Damaged, or its owner died while it made it: it names nothing that could be cleared up. */
		state_remove_entry(berth, container->file, entry, &ignored);
		code = 0;
	}
	berth_container_close(container);
	return code;
}

struct walk {
	struct container_list list;
	struct error *error;
};

static int adopt_entry(const struct berth *berth, const char *entry, void *data)
{
	struct walk *walk = data;
	struct berth_container *container;
	int code = adopt((struct berth *)berth, entry, &container, walk->error);
	return container ? container_list_add(&walk->list, container) : code;
}

ssize_t berth_recover(struct berth *berth, struct berth_container ***containers, struct berth_error *error)
{
	struct error inner = {0};
	struct walk walk = {.error = &inner};
	int code = state_each(berth, adopt_entry, &walk, &inner);
	if (code < 0) {
		container_list_free(&walk.list);
		if (!inner.code)
			error_errno(&inner, -code, "take over the containers");
		return error_export(&inner, error);
	}
	*containers = walk.list.items;
	return (ssize_t)walk.list.count;
}

bool recover_name(struct berth *berth, const char *name)
{
	char encoded[NAME_ENCODED_SIZE];
	name_encode(name, encoded);
	struct error ignored = {0};
	struct berth_container *container;
	adopt(berth, encoded, &container, &ignored);
	if (!container)
		return faccessat(berth->state_fd, encoded, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
	/* Learns how it ended; a record that was to be kept stays with that. */
	bool freed = container->pidfd < 0 && container_wait(container, 0, &ignored) == 0 &&
		     !(container->record.flags & BERTH_KEEP_RECORD) &&
		     state_remove(berth, container->file, name, &ignored) == 0;
	berth_container_close(container);
	return freed;
}

struct sweep {
	bool kill_running;
	ssize_t removed;
	struct error *error;
};

static int sweep_entry(const struct berth *berth, const char *entry, void *data)
{
	struct sweep *sweep = data;
	bool was_there = faccessat(berth->state_fd, entry, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	struct berth_container *container;
	int code = adopt((struct berth *)berth, entry, &container, sweep->error);
	if (code < 0)
		return code;
	if (!container) {
		bool is_there = faccessat(berth->state_fd, entry, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		sweep->removed += was_there && !is_there;
		return 0;
	}
	/* Removed by now. */
	sweep->removed += is_to_go(container);
	if (container->pidfd >= 0 && sweep->kill_running)
		code = container_kill(container, BERTH_KILLED, sweep->error);
	if (code == 0 && !container->ended && (container->pidfd < 0 || sweep->kill_running)) {
		code = container_wait(container, -1, sweep->error);
		sweep->removed += code == 0;
	}
	berth_container_close(container);
	return code;
}

ssize_t berth_collect(struct berth *berth, const char *cgroup_parent, bool kill_running, struct berth_error *error)
{
	struct error inner = {0};
	struct sweep sweep = {.kill_running = kill_running, .error = &inner};
	if (state_each(berth, sweep_entry, &sweep, &inner) < 0)
		return error_export(&inner, error);
	if (context_require_layout(berth, &inner) < 0)
		return error_export(&inner, error);
	if (!cgroup_parent)
		cgroup_parent = "berth";
	/* As in berth_options, with leading slashes or without. */
	cgroup_parent += strspn(cgroup_parent, "/");
	cgroup_remove_left(berth->layout, cgroup_parent, prepared_is_left);
	cgroup_remove_parent(berth->layout, cgroup_parent);
	return sweep.removed;
}
