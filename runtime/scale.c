/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/scale.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/memory_policy.h"
#include "runtime/scale_note.h"

enum {
	FLOOR_BYTES = 256 << 10,    /* less than init and the kernel's own pages for one process take */
	PROGRESS_BYTES = 256 << 10, /* what a step must win to count; less is noise */
	RETRY_MS = 100,             /* after a step that won nothing */
	BUSY_MS = 10,               /* after one that found another process at work */
	FREEZE_TIMEOUT_MS = 1000,
	START_PATIENCE_MS = 5000,
	ENDING_LOOKS = 100,        /* so long apart, for init to see that the command was killed, and to end */
	SWAP_LEFT_BYTES = 8 << 20, /* less is as good as none */
	RELIEF_BYTES = 4 << 20,    /* enough for what waits to go on with until the limit is reached again */
};

/* ---- One at a time ---- */

static void note_finish(int note_fd, struct scale *scale)
{
	scale->active = false;
	scale_note_write(note_fd, &(struct scale_note){.memory = scale->target.memory});
}

static void thaw_left_behind(const struct berth_container *container, int note_fd, struct scale_note *note)
{
	/* Who freezes holds the lock until it has thawed: it can't be alive. */
	if (!note->frozen)
		return;
	cgroup_freeze(container->cgroup, false, FREEZE_TIMEOUT_MS, NULL);
	note->frozen = 0;
	scale_note_write(note_fd, note);
}

bool scale_recover(struct berth_container *container, uint64_t *memory, uint64_t *swap)
{
	if (!container->cgroup || !container_is_running(container))
		return false;
	cleanup_fd int note_fd = scale_note_look(container->file, START_PATIENCE_MS);
	struct scale_note note;
	if (note_fd < 0)
		return false;
	scale_note_read(note_fd, &note);
	thaw_left_behind(container, note_fd, &note);
	cgroup_oom_hold(container->cgroup, false);
	if (!note.token || (note.pid != getpid() && (kill(note.pid, 0) == 0 || errno != ESRCH)))
		return false;
	*memory = note.memory;
	*swap = note.swap;
	return true;
}

/* ---- One step ---- */

bool scale_swap_left(const struct berth_container *container)
{
	struct sysinfo host;
	struct cgroup_stats now = {0};
	char swappiness[16];
	/* First what is cheap, and mostly says no. */
	if (sysinfo(&host) < 0 || (uint64_t)host.freeswap * host.mem_unit < SWAP_LEFT_BYTES)
		return false;
	/* Of a cgroup with a swappiness of 0 nothing is swapped out: cgroup-v1/memory.rst, "swappiness". */
	return cgroup_file_read(container->cgroup, "memory.swappiness", swappiness, sizeof swappiness, NULL) > 0 &&
	       strtoul(swappiness, NULL, 10) > 0 &&
	       cgroup_read(container->cgroup,
			   CGROUP_READ_MEMORY_SPLIT | CGROUP_READ_SWAP_LIMIT | CGROUP_READ_MEMORY_LIMIT, &now,
			   NULL) == 0 &&
	       now.memory_limit != CGROUP_UNLIMITED &&
	       (now.swap_limit == UINT64_MAX || now.swap_limit >= now.swap_usage + SWAP_LEFT_BYTES);
}

/*
 * One step of reclaim. With the policy's freeze, or where there is swap, the container is frozen meanwhile, so that it
 * can't fault back what is being reclaimed: v1 goes on, within one write, as long as it gets hold of pages, which may
 * be the same ones again and again. Not longer: where nothing can be reclaimed, the container itself must be able to
 * free memory. One that somebody else has frozen stays as it is.
 */
static int reclaim(struct berth_container *container, const struct scale *scale, int note_fd, struct error *error)
{
	struct cgroup_stats now = {0};
	cgroup_read_memory(container->cgroup, &now, NULL);
	const struct berth_memory_policy *policy = &container->record.memory_policy;
	bool wanted = policy->freeze || scale_swap_left(container);
	/* What waits for memory in the kernel can't be frozen. */
	if (!wanted || now.memory_usage <= scale->target.memory || now.oom_waits ||
	    cgroup_frozen(container->cgroup) != 0)
		return cgroup_memory_shrink(container->cgroup, &scale->target, error);
	struct scale_note note;
	scale_note_read(note_fd, &note);
	/* No signal may end this process in between; against SIGKILL there is the note. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	note.frozen = 1;
	scale_note_write(note_fd, &note);
	bool frozen = cgroup_freeze(container->cgroup, true, FREEZE_TIMEOUT_MS, NULL) == 0;
	int code = cgroup_memory_shrink(container->cgroup, &scale->target, error);
	if (frozen)
		cgroup_freeze(container->cgroup, false, FREEZE_TIMEOUT_MS, NULL);
	note.frozen = 0;
	scale_note_write(note_fd, &note);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* Time is up: the reason, with its numbers, goes on record before the kill. */
static int give_up(struct berth_container *container, const struct scale *scale, struct error *error)
{
	struct cgroup_stats now = {0};
	cgroup_read(container->cgroup, CGROUP_READ_MEMORY_USAGE | CGROUP_READ_MEMORY_SPLIT, &now, NULL);
	char limit[32], used[32], swapped[32], detail[200];
	bytes_format(scale->target.memory, limit, sizeof limit);
	bytes_format(now.memory_usage, used, sizeof used);
	bytes_format(now.swap_usage, swapped, sizeof swapped);
	snprintf(detail, sizeof detail,
		 "memory scale-down failed: %s in use%s%s%s did not fit the new limit of %s within %.1f s", used,
		 now.swap_usage ? " (and " : "", now.swap_usage ? swapped : "", now.swap_usage ? " in swap)" : "",
		 limit, (double)(monotonic_ms() - scale->start_ms) / 1000);
	int code = container_kill_with_detail(container, BERTH_SCALE_DOWN, detail, error);
	return code < 0 ? code : SCALE_KILLED;
}

static bool host_has_spare(const struct berth_memory_policy *policy)
{
	struct host_memory memory;
	return policy->lenient_ms && host_memory_read(&memory, NULL) == 0 && memory_policy_is_lenient(policy, &memory);
}

/* What comes after a step that has not reached the limit. */
static int judge(struct berth_container *container, struct scale *scale, struct error *error)
{
	const struct berth_memory_policy *policy = &container->record.memory_policy;
	struct cgroup_stats now = {0};
	cgroup_read_memory(container->cgroup, &now, NULL);
	uint64_t time = monotonic_ms(), elapsed = time - scale->start_ms;
	bool winning = now.memory_usage + PROGRESS_BYTES <= scale->lowest_usage;
	if (winning)
		scale->lowest_usage = now.memory_usage;
	/* Where there is no grace there still is one try, and that takes as many steps as it needs. */
	bool trying = winning && policy->grace_ms == BERTH_NO_GRACE;
	if (!trying && elapsed >= memory_policy_grace(policy) &&
	    memory_policy_is_over(policy, elapsed, host_has_spare(policy), &scale->lenient))
		return container_is_running(container) ? give_up(container, scale, error) : SCALE_DONE;
	uint64_t left = memory_policy_left(policy, elapsed);
	scale->due_ms = winning ? time : time + (left < RETRY_MS ? left : RETRY_MS);
	return SCALE_PENDING;
}

/*
 * The limit may fit only because the kernel has killed somebody at the one on the way to it. If that was the command,
 * the container is about to end, and for this: it is waited for with the request still noted.
 */
static bool is_ending(const struct berth_container *container, struct scale *scale, int note_fd)
{
	struct scale_note note;
	struct cgroup_stats now = {0};
	scale_note_read(note_fd, &note);
	cgroup_read_memory(container->cgroup, &now, NULL);
	if (now.oom_kills <= note.oom_kills)
		return false;
	scale->due_ms = monotonic_ms() + BUSY_MS;
	/* Not a time, which a machine with other things to do may let pass without a turn for init. */
	return scale->killed_looks++ < ENDING_LOOKS;
}

static int step(struct berth_container *container, struct scale *scale, int note_fd, struct error *error)
{
	int code = container_is_running(container) ? reclaim(container, scale, note_fd, error) : SCALE_DONE;
	if (!container_is_running(container)) {
		/* The note stays: it is what the container ended for, if the kernel has killed it meanwhile. */
		struct scale_note note;
		struct cgroup_stats now = {0};
		scale->active = false;
		scale_note_read(note_fd, &note);
		cgroup_read_memory(container->cgroup, &now, NULL);
		return now.oom_kills > note.oom_kills ? SCALE_KILLED : SCALE_DONE;
	}
	if (code > 0)
		code = is_ending(container, scale, note_fd) ? SCALE_PENDING : SCALE_DONE;
	else if (code == 0)
		code = judge(container, scale, error);
	if (code != SCALE_PENDING)
		note_finish(note_fd, scale);
	return code;
}

int scale_step(struct berth_container *container, struct scale *scale, struct error *error)
{
	if (!scale->active)
		return SCALE_DONE;
	if (monotonic_ms() < scale->due_ms)
		return SCALE_PENDING;
	cleanup_fd int note_fd = scale_note_lock(container->file, 0);
	if (note_fd == -EBUSY) {
		scale->due_ms = monotonic_ms() + BUSY_MS;
		return SCALE_PENDING;
	}
	struct scale_note note = {0};
	if (note_fd >= 0)
		scale_note_read(note_fd, &note);
	if (note_fd >= 0 && note.token == scale->token)
		return step(container, scale, note_fd, error);
	scale->active = false;
	if (!container_is_running(container))
		return SCALE_DONE;
	return note_fd < 0 ? error_errno(error, -note_fd, "go on lowering the memory limit of container '%s'",
					 container->record.name)
			   : error_set(error, ECANCELED, "another memory limit took its place");
}

/* ---- Beginning ---- */

/* Whether a limit of memory can be written without a note, for there is none, or nothing in it. */
static bool is_undisturbed(int note_fd)
{
	struct scale_note note;
	if (note_fd < 0)
		return note_fd == -ENOENT;
	scale_note_read(note_fd, &note);
	return !note.token && !note.frozen;
}

int scale_at_once(struct berth_container *container, uint64_t memory, struct error *error)
{
	cleanup_fd int note_fd = scale_note_look(container->file, 0);
	if (memory < FLOOR_BYTES || !is_undisturbed(note_fd))
		return 0;
	const struct cgroup_memory_known known = {
		.limit = container->memory_limit,
		.no_swap_limit = note_fd == -ENOENT,
	};
	int result = cgroup_memory_fit(container->cgroup, memory, &known, error);
	container->memory_limit = result > 0 ? memory : 0;
	/* That it has ended is no failure. */
	return result < 0 && !container_is_running(container) ? 1 : result;
}

/* How much swap beyond memory the container may use, to keep that as it is while the memory limit moves. */
static uint64_t swap_now(const struct berth_container *container)
{
	struct cgroup_stats stats = {0};
	if (cgroup_read(container->cgroup, CGROUP_READ_SWAP_LIMIT | CGROUP_READ_MEMORY_LIMIT, &stats, NULL) < 0 ||
	    stats.swap_limit == UINT64_MAX || stats.memory_limit == CGROUP_UNLIMITED)
		return 0;
	return stats.swap_limit ? stats.swap_limit : CGROUP_NO_SWAP;
}

/* Completes the request from what is under way, or in force. */
static void target_complete(const struct berth_container *container, const struct scale_note *note,
			    struct cgroup_limits *target)
{
	if (!target->memory && note->token)
		target->memory = note->memory;
	/* On v1 swap is limited as memory and swap together, and without a memory limit not at all. */
	if (!target->swap && target->memory != CGROUP_UNLIMITED)
		target->swap = note->token ? note->swap : swap_now(container);
}

/* Killed because it did not fit a limit, it may take a moment to end: the note stays that limit's. */
static bool is_doomed(const struct berth_container *container)
{
	char detail[256];
	return state_read_reason(container->file, detail, sizeof detail) == BERTH_SCALE_DOWN;
}

int scale_start(struct berth_container *container, struct scale *scale, uint64_t memory, uint64_t swap,
		struct error *error)
{
	if (memory < FLOOR_BYTES && (memory || !swap))
		return error_set(error, EINVAL,
				 "a memory limit of %" PRIu64
				 " bytes can never be met: no container lives on less than %d",
				 memory, FLOOR_BYTES);
	cleanup_fd int note_fd = scale_note_lock(container->file, START_PATIENCE_MS);
	struct cgroup_stats now = {0};
	int code = note_fd < 0 ? error_errno(error, -note_fd, "begin to change the memory limit of container '%s'",
					     container->record.name)
			       : cgroup_read_memory(container->cgroup, &now, error);
	if (!container_is_running(container) || is_doomed(container))
		return SCALE_DONE;
	if (code < 0)
		return code;
	struct scale_note note;
	scale_note_read(note_fd, &note);
	thaw_left_behind(container, note_fd, &note);
	struct cgroup_limits target = {.memory = memory, .swap = swap};
	target_complete(container, &note, &target);
	if (!target.memory) {
		code = cgroup_apply(container->cgroup, &target, error);
		return code < 0 ? code : SCALE_DONE;
	}
	*scale = (struct scale){
		.active = true,
		.token = scale_note_token(),
		.target = target,
		.start_ms = monotonic_ms(),
		.lowest_usage = now.memory_usage,
	};
	note = (struct scale_note){.token = scale->token,
				   .memory = target.memory,
				   .swap = target.swap,
				   .pid = getpid(),
				   .start_ms = scale->start_ms,
				   .oom_kills = now.oom_kills};
	code = scale_note_write(note_fd, &note);
	if (code < 0) {
		scale->active = false;
		return error_errno(error, -code, "note the new memory limit of container '%s'", container->record.name);
	}
	return step(container, scale, note_fd, error);
}

int scale_relieve(struct berth_container *container, struct scale *scale, struct error *error)
{
	struct cgroup_stats now = {0};
	int code = cgroup_read_memory(container->cgroup, &now, error);
	/* What may be swapped keeps its distance from the limit, up and down again. */
	struct cgroup_limits raised = {.memory = now.memory_limit + RELIEF_BYTES};
	if (code == 0)
		code = cgroup_apply(container->cgroup, &raised, error);
	return code < 0 ? code : scale_start(container, scale, now.memory_limit, 0, error);
}

int scale_timeout(const struct scale *scale)
{
	if (!scale->active)
		return -1;
	uint64_t now = monotonic_ms();
	return now < scale->due_ms ? (int)(scale->due_ms - now) : 0;
}

void scale_describe(const struct berth_container *container, const struct scale *scale, struct berth_scale *report)
{
	struct cgroup_stats now = {0};
	cgroup_read_memory(container->cgroup, &now, NULL);
	*report = (struct berth_scale){
		.size = sizeof *report,
		.target = scale->target.memory,
		.usage = now.memory_usage,
		.limit = now.memory_limit,
		.elapsed_ms = monotonic_ms() - scale->start_ms,
		.lenient = scale->lenient,
		.done = !scale->active,
	};
}
