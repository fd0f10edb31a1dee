/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a cgroup: killing what is inside, waiting for it to be dead, removing the directories. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"

enum {
	BATCH = 64,    /* processes killed at a time, a descriptor each */
	SLICE_MS = 50, /* of waiting, before looking for new processes again */
};

/* ---- Removing ---- */

static int place_remove_tree(const struct cgroup *cgroup, const struct cgroup_place *place)
{
	cleanup_fd int directory = cgroup_place_open(cgroup, place);
	if (directory < 0)
		return directory == -ENOENT ? 0 : directory;
	cleanup_cgroup_tree struct cgroup_tree tree = {0};
	int result = cgroup_tree_read(directory, &tree);
	if (result < 0)
		return result;
	/* Children come after their parents; ".", the first, has no name to be removed by. */
	for (size_t i = tree.count - 1; i > 0; i--)
		if (unlinkat(directory, tree.paths[i], AT_REMOVEDIR) < 0 && errno != ENOENT)
			return -errno;
	return unlinkat(place->hierarchy->fd, cgroup->relative, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* 0 when the directory is gone; -EBUSY when something is alive inside (the kernel removes none then) or dies just now.
 */
static int place_remove(const struct cgroup *cgroup, const struct cgroup_place *place)
{
	if (unlinkat(place->hierarchy->fd, cgroup->relative, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return errno == EBUSY ? place_remove_tree(cgroup, place) : -errno;
}

static int remove_all(const struct cgroup *cgroup, struct error *error)
{
	int result = 0;
	for (size_t i = 0; i < cgroup->count; i++) {
		int one = place_remove(cgroup, &cgroup->places[i]);
		if (one < 0 && one != -EBUSY)
			return error_errno(error, -one, "remove %s", cgroup->places[i].path);
		if (one < 0)
			result = error_errno(error, -one, "remove %s", cgroup->places[i].path);
	}
	return result;
}

/* ---- Killing one by one ---- */

/* Processes being killed: their ids, and pidfds on which poll(2) shows their death, whoever's children they are. */
struct batch {
	pid_t pids[BATCH];
	struct pollfd waits[BATCH];
	size_t count;
};

static void batch_drop(struct batch *batch, size_t i)
{
	close(batch->waits[i].fd);
	batch->count--;
	batch->pids[i] = batch->pids[batch->count];
	batch->waits[i] = batch->waits[batch->count];
}

static void batch_close(struct batch *batch)
{
	while (batch->count > 0)
		batch_drop(batch, 0);
}

static void batch_drop_dead(struct batch *batch, int timeout_ms)
{
	if (poll(batch->waits, batch->count, timeout_ms) <= 0)
		return;
	for (size_t i = batch->count; i-- > 0;)
		if (batch->waits[i].revents)
			batch_drop(batch, i);
}

/* Opens the first of these that are alive; *taken says how many ids that used up. */
static int batch_open(struct batch *batch, const pid_t *pids, size_t count, size_t *taken, struct error *error)
{
	for (*taken = 0; *taken < count && batch->count < BATCH; ++*taken) {
		pid_t pid = pids[*taken];
		int fd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (fd >= 0) {
			batch->pids[batch->count] = pid;
			batch->waits[batch->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
		} else if ((errno == EMFILE || errno == ENFILE) && batch->count > 0) {
			break; /* the rest next time */
		} else if (errno != ESRCH) {
			return error_errno(error, errno, "pidfd_open of process %d", pid);
		}
	}
	/* Before Linux 5.2 v1 lists dead processes that nobody has reaped. */
	batch_drop_dead(batch, 0);
	return 0;
}

static int pid_compare(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
	return (left > right) - (left < right);
}

/*
 * Sends SIGKILL to those of the batch that are still inside, and drops the others. A pid that was read may be another
 * process's by now; but one that is inside again after its pidfd was opened is that pidfd's process, or that is dead.
 */
static int batch_kill(const struct cgroup *cgroup, struct batch *batch, struct error *error)
{
	cleanup_free pid_t *inside = NULL;
	ssize_t count = cgroup_processes(cgroup, &inside, error);
	if (count < 0)
		return (int)count;
	for (size_t i = batch->count; i-- > 0;) {
		if (!inside || !bsearch(&batch->pids[i], inside, (size_t)count, sizeof *inside, pid_compare))
			batch_drop(batch, i);
		else if (syscall(SYS_pidfd_send_signal, batch->waits[i].fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
			return error_errno(error, errno, "kill process %d", batch->pids[i]);
	}
	return 0;
}

/* Kills all of the processes; some that were alive are left in waiting, to be waited for. */
static int kill_round(const struct cgroup *cgroup, const pid_t *pids, size_t count, struct batch *waiting,
		      struct error *error)
{
	int result = 0;
	for (size_t taken; count > 0 && result == 0; pids += taken, count -= taken) {
		struct batch batch = {.count = 0};
		result = batch_open(&batch, pids, count, &taken, error);
		if (result == 0 && batch.count > 0)
			result = batch_kill(cgroup, &batch, error);
		if (waiting->count == 0)
			*waiting = batch;
		else
			batch_close(&batch);
	}
	return result;
}

static int kill_one_by_one(const struct cgroup *cgroup, int64_t deadline, struct error *error)
{
	for (;;) {
		cleanup_free pid_t *pids = NULL;
		struct batch waiting = {.count = 0};
		ssize_t count = cgroup_processes(cgroup, &pids, error);
		if (count <= 0)
			return (int)count;
		int result = kill_round(cgroup, pids, (size_t)count, &waiting, error);
		bool alive = waiting.count > 0;
		/* By event; but what was forked meanwhile isn't in the batch, and one that hangs must not hide it. */
		int64_t slice = cgroup_deadline(SLICE_MS);
		for (int left = 1; result == 0 && waiting.count > 0 && left > 0;) {
			left = cgroup_deadline_left(slice < deadline ? slice : deadline);
			batch_drop_dead(&waiting, left);
		}
		batch_close(&waiting);
		if (result < 0 || !alive || cgroup_deadline_left(deadline) == 0)
			return result;
	}
}

/* ---- Ending ---- */

static int self_check(const struct cgroup *cgroup, struct error *error)
{
	cleanup_free pid_t *pids = NULL;
	pid_t self = getpid();
	ssize_t count = cgroup_processes(cgroup, &pids, error);
	if (count > 0 && bsearch(&self, pids, (size_t)count, sizeof *pids, pid_compare))
		return error_set(error, EBUSY, "remove cgroup %s: the calling process is inside: move it out first",
				 cgroup->relative);
	return count < 0 ? (int)count : 0;
}

static int end_processes(const struct cgroup *cgroup, int64_t deadline, struct error *error)
{
	int result = self_check(cgroup, error);
	bool one_by_one = false;
	for (size_t i = 0; result == 0 && i < cgroup->count; i++) {
		const struct cgroup_hierarchy *hierarchy = cgroup->places[i].hierarchy;
		cleanup_fd int directory = cgroup_place_open(cgroup, &cgroup->places[i]);
		if (directory >= 0 &&
		    cgroup_version_operations(hierarchy->version)->kill(directory, hierarchy->controllers) < 0)
			one_by_one = true;
	}
	if (result == 0 && one_by_one)
		result = kill_one_by_one(cgroup, deadline, error);
	for (size_t i = 0; result == 0 && i < cgroup->count; i++) {
		const struct cgroup_version_operations *operations =
			cgroup_version_operations(cgroup->places[i].hierarchy->version);
		cleanup_fd int directory = cgroup_place_open(cgroup, &cgroup->places[i]);
		/* Its failure is no news: removing will tell. */
		if (directory >= 0 && operations->wait_empty)
			operations->wait_empty(directory, deadline);
	}
	return result;
}

static int busy_error(const struct cgroup *cgroup, int timeout_ms, struct error *error)
{
	cleanup_free pid_t *pids = NULL;
	ssize_t count = cgroup_processes(cgroup, &pids, NULL);
	char text[256] = "";
	size_t used = 0;
	for (ssize_t i = 0; i < count && used < sizeof text - 16; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, " %d", pids[i]);
	if (count > 0)
		return error_set(error, EBUSY,
				 "remove cgroup %s: %zd processes are still alive inside %d ms after they were "
				 "killed:%s",
				 cgroup->relative, count, timeout_ms, text);
	return error_set(error, EBUSY, "remove cgroup %s: still busy after %d ms, though no process shows inside",
			 cgroup->relative, timeout_ms);
}

int cgroup_destroy(const struct cgroup *cgroup, int timeout_ms, struct error *error)
{
	/* The usual end: all are dead already. */
	int result = remove_all(cgroup, error);
	if (result != -EBUSY)
		return result;
	int64_t deadline = cgroup_deadline(timeout_ms);
	for (int backoff = 1;;) {
		result = end_processes(cgroup, deadline, error);
		if (result < 0)
			return result;
		result = remove_all(cgroup, error);
		if (result != -EBUSY)
			return result;
		if (cgroup_deadline_left(deadline) == 0)
			return busy_error(cgroup, timeout_ms, error);
		/* Dead tasks on their way out keep a v1 directory busy for a moment, and no event tells its end. */
		cgroup_backoff(&backoff, deadline);
	}
}
