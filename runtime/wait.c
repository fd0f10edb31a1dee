/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a container's end, and clearing up behind it. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/spawn.h"
#include "runtime/container.h"
#include "runtime/idmap.h"
#include "runtime/monitor.h"
#include "runtime/scale_note.h"

/* How long the processes of an ended container may take to be gone: it is the kernel's time, not theirs. */
enum { DESTROY_TIMEOUT_MS = 30000 };

uint64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Waits until PID 1 has ended, attending to the container meanwhile where it owns and monitors it. 0 or -ETIMEDOUT. */
static int wait_for_init(struct berth_container *container, uint64_t deadline)
{
	int attend_ms = -1;
	/* A parent that has nothing else to attend to need not be told before it reaps. */
	if (container->owner && !container->monitor && deadline == UINT64_MAX && container->pidfd >= 0 &&
	    spawned_reap(container->pidfd, &container->wait_status) == 0)
		return 0;
	while (container->pidfd >= 0) {
		struct error ignored;
		if (container->monitor)
			monitor_attend(container, &attend_ms, &ignored);
		uint64_t now = monotonic_ms(), left = now < deadline ? deadline - now : 0;
		int timeout_ms = deadline == UINT64_MAX ? -1 : left < INT_MAX ? (int)left : INT_MAX;
		if (attend_ms >= 0 && (timeout_ms < 0 || attend_ms < timeout_ms))
			timeout_ms = attend_ms;
		struct pollfd polled[] = {
			{.fd = container->pidfd, .events = POLLIN},
			{.fd = monitor_descriptor(container), .events = POLLIN},
		};
		if (poll(polled, 2, timeout_ms) < 0 && errno != EINTR)
			return -errno;
		if (polled[0].revents)
			return 0;
		if (monotonic_ms() >= deadline)
			return -ETIMEDOUT;
	}
	return 0;
}

/* The numbers of the end, while the cgroup is still there. */
static void read_numbers(const struct berth_container *container, struct evidence *evidence, struct berth_end *end)
{
	struct cgroup_stats stats = {0};
	cgroup_read(container->cgroup,
		    CGROUP_READ_CPU_USAGE | CGROUP_READ_MEMORY_PEAK | CGROUP_READ_MEMORY_LIMIT | CGROUP_READ_OOM,
		    &stats, NULL);
	end->memory_limit = BERTH_UNLIMITED;
	if (stats.known & CGROUP_BIT(CGROUP_MEMORY)) {
		end->memory_limit = stats.memory_limit;
		end->memory_peak = stats.memory_peak;
		evidence->oom_kills = stats.oom_kills;
	}
	struct scale_note note = {0};
	if (evidence->oom_kills)
		scale_note_read(container->file, &note);
	if (note.token && evidence->oom_kills > note.oom_kills) {
		evidence->scale_target = note.memory;
		evidence->scale_ms = monotonic_ms() - note.start_ms;
	}
	end->cpu_ns = stats.cpu_usage_ns;
}

/*
 * Whether the end is told with numbers. With BERTH_FEW_CGROUPS, for which to be quick is worth more, only where they
 * may explain something, or somebody will look at them later.
 */
static bool needs_numbers(const struct berth_container *container, const struct evidence *evidence)
{
	int status = evidence_status(evidence);
	bool explained = evidence->requested || (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return !explained || !(container->record.flags & BERTH_FEW_CGROUPS) ||
	       container->record.flags & BERTH_KEEP_RECORD;
}

/* Whether what init exited with can only be the command's own status: from 128 on it may stand for a signal. */
static bool tells_all(int wait_status)
{
	return wait_status >= 0 && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) < 128;
}

static int record_remove(const struct berth_container *container, struct error *error)
{
	monitor_unlink(container);
	return container->launched ? state_remove_launched(container->berth, container->file, &container->record, error)
				   : state_remove(container->berth, container->file, container->record.name, error);
}

int container_finish(struct berth_container *container, struct error *error)
{
	char detail[256] = "";
	struct evidence evidence = {
		.wait_status = container->wait_status,
		.command_status = -1,
		.no_init = container->record.flags & BERTH_NO_INIT,
		.detail = detail,
	};
	struct berth_end end = {
		.size = sizeof end,
		.started_ns = container->record.started_ns,
		.ended_ns = now_ns(),
	};
	if (!evidence.no_init && !tells_all(evidence.wait_status))
		state_read_exit(container->berth, container->file, &evidence.command_status);
	/* Of one that has ended by itself it doesn't matter that somebody wanted to kill it. */
	int status = evidence_status(&evidence);
	if (status < 0 || WIFSIGNALED(status)) {
		evidence.requested = state_read_reason(container->file, detail, sizeof detail);
		if (!evidence.requested)
			evidence.requested = container->requested;
	}
	if (!container->cgroup)
		end.memory_limit = BERTH_UNLIMITED;
	else if (needs_numbers(container, &evidence))
		read_numbers(container, &evidence, &end);
	end_conclude(&evidence, &end);
	/* Processes that joined from outside the PID namespace may outlive PID 1; and whatever has no PID 1 left. */
	if (container->cgroup && cgroup_destroy(container->cgroup, DESTROY_TIMEOUT_MS, error) < 0)
		return error_wrap(error, "clear up behind container '%s'", container->record.name);
	if (container->record.namespaces & CLONE_NEWUSER)
		idmap_release(container->berth, container->file);
	int code = state_write_end(container->file, &end, error);
	if (code < 0)
		return code;
	container->end = end;
	container->ended = true;
	if (!(container->record.flags & BERTH_KEEP_RECORD))
		code = record_remove(container, error);
	/* Others may be waiting for the record to be complete. */
	state_unlock(container->file);
	container->owner = false;
	return code;
}

int container_discard(struct berth_container *container, struct error *error)
{
	if (container->pidfd >= 0)
		pidfd_send_signal(container->pidfd, SIGKILL, NULL, 0);
	/* Only its parent can, and only then is it gone for good. */
	if (container->pidfd >= 0)
		spawned_reap(container->pidfd, &container->wait_status);
	if (container->cgroup && cgroup_destroy(container->cgroup, DESTROY_TIMEOUT_MS, error) < 0)
		return error_wrap(error, "clear up behind container '%s'", container->record.name);
	if (container->record.namespaces & CLONE_NEWUSER)
		idmap_release(container->berth, container->file);
	return record_remove(container, error);
}

/* One that came to nothing has been cleared up: the cgroups of its name may be another container's by now. */
static void leave_removed(struct berth_container *container)
{
	if (!state_is_removed(container->file))
		return;
	cgroup_free(container->cgroup);
	container->cgroup = NULL;
}

/*
 * Waits for the owner, who clears up, to be done or dead. 0: it has recorded the end; 1: the caller owns it now;
 * -EAGAIN: what was being started now runs; -ETIMEDOUT.
 */
static int wait_for_owner(struct berth_container *container, uint64_t deadline)
{
	for (;;) {
		if (flock(container->file, LOCK_SH | LOCK_NB) == 0) {
			if (state_read_end(container->file, &container->end) == 0) {
				state_unlock(container->file);
				return 0;
			}
			if (state_lock(container->file) == 0) {
				/* Another that waits may have come first, and be done. */
				if (state_read_end(container->file, &container->end) < 0) {
					leave_removed(container);
					return 1;
				}
				state_unlock(container->file);
				return 0;
			}
		}
		if (container->pidfd < 0) {
			container_look_again(container);
			if (container->pidfd >= 0)
				return -EAGAIN;
		}
		if (monotonic_ms() >= deadline)
			return -ETIMEDOUT;
		/* A lock has no event with a time limit; the owner is at work on this very end. */
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

static int not_yet(const struct berth_container *container, const char *what, struct error *error)
{
	return error_set(error, ETIMEDOUT, "container '%s' %s", container->record.name, what);
}

int container_wait(struct berth_container *container, int timeout_ms, struct error *error)
{
	uint64_t deadline = timeout_ms < 0 ? UINT64_MAX : monotonic_ms() + (uint64_t)timeout_ms;
	while (!container->ended) {
		int code = wait_for_init(container, deadline);
		if (code == -ETIMEDOUT)
			return not_yet(container, "is still running", error);
		if (code < 0)
			return error_errno(error, -code, "wait for container '%s'", container->record.name);
		if (!container->owner) {
			code = wait_for_owner(container, deadline);
			if (code == -EAGAIN)
				continue;
			if (code < 0)
				return not_yet(container, "has not been cleared up by its owner yet", error);
			container->ended = code == 0;
			container->owner = code == 1;
			continue;
		}
		if (container->pidfd >= 0 && container->wait_status < 0)
			spawned_reap(container->pidfd, &container->wait_status);
		code = container_finish(container, error);
		if (code < 0)
			return code;
	}
	return 0;
}

int berth_container_wait(struct berth_container *container, int timeout_ms, struct berth_end *end,
			 struct berth_error *error)
{
	struct error inner = {0};
	if (container_wait(container, timeout_ms, &inner) < 0)
		return error_export(&inner, error);
	if (end)
		struct_export(&container->end, sizeof container->end, end);
	return 0;
}

int berth_container_remove(struct berth_container *container, struct berth_error *error)
{
	struct error inner = {0};
	int code = container_wait(container, 0, &inner);
	if (code == -ETIMEDOUT)
		code = error_set(&inner, EBUSY, "container '%s' is still running: kill it first",
				 container->record.name);
	if (code == 0 && !container->owner && state_lock(container->file) < 0)
		code = error_set(&inner, EBUSY, "another process is at work on the record of container '%s'",
				 container->record.name);
	if (code == 0)
		code = state_remove(container->berth, container->file, container->record.name, &inner);
	return code < 0 ? error_export(&inner, error) : 0;
}
