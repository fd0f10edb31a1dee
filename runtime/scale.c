/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/scale.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/memory_policy.h"

enum {
	FLOOR_BYTES = 256 << 10, /* less than init and the kernel's own pages for one process take */
	RETRY_MS = 100,          /* after a step that won nothing */
	FREEZE_TIMEOUT_MS = 1000,
};

static void thaw(struct berth_container *container, struct scale *scale)
{
	if (scale->frozen)
		cgroup_freeze(container->cgroup, false, FREEZE_TIMEOUT_MS, NULL);
	scale->frozen = false;
}

void scale_cancel(struct berth_container *container, struct scale *scale)
{
	thaw(container, scale);
	*scale = (struct scale){0};
}

static int finish(struct berth_container *container, struct scale *scale, enum scale_result result)
{
	thaw(container, scale);
	scale->active = false;
	return result;
}

/* Time is up: the reason, with its numbers, goes on record before the kill. */
static int give_up(struct berth_container *container, struct scale *scale, uint64_t usage, struct error *error)
{
	char limit[32], used[32], detail[200];
	bytes_format(scale->target.memory, limit, sizeof limit);
	bytes_format(usage, used, sizeof used);
	snprintf(detail, sizeof detail,
		 "memory scale-down failed: %s in use did not fit the new limit of %s within %.1f s", used, limit,
		 (double)(monotonic_ms() - scale->start_ms) / 1000);
	int code = container_kill_with_detail(container, BERTH_SCALE_DOWN, detail, error);
	finish(container, scale, SCALE_KILLED);
	return code < 0 ? code : SCALE_KILLED;
}

static bool host_has_spare(const struct berth_memory_policy *policy)
{
	struct host_memory memory;
	return policy->lenient_ms && host_memory_read(&memory, NULL) == 0 && memory_policy_is_lenient(policy, &memory);
}

static int step(struct berth_container *container, struct scale *scale, struct error *error)
{
	const struct berth_memory_policy *policy = &container->record.memory_policy;
	if (!container_is_running(container))
		return finish(container, scale, SCALE_DONE);
	int code = cgroup_memory_shrink(container->cgroup, &scale->target, error);
	if (code < 0 && !container_is_running(container))
		return finish(container, scale, SCALE_DONE);
	if (code < 0)
		return finish(container, scale, SCALE_PENDING), code;
	if (code > 0)
		return finish(container, scale, SCALE_DONE);
	struct cgroup_stats now = {0};
	cgroup_read_memory(container->cgroup, &now, NULL);
	uint64_t time = monotonic_ms();
	bool winning = now.memory_usage < scale->last_usage;
	scale->due_ms = winning ? time : time + RETRY_MS;
	scale->last_usage = now.memory_usage;
	if (!memory_policy_is_over(policy, time - scale->start_ms, host_has_spare(policy), &scale->lenient))
		return SCALE_PENDING;
	return give_up(container, scale, now.memory_usage, error);
}

/* How much swap beyond memory the container may use, to keep that as it is while the memory limit moves. */
static uint64_t swap_now(const struct berth_container *container)
{
	struct cgroup_stats stats = {0};
	if (cgroup_read(container->cgroup, &stats, NULL) < 0 || stats.swap_limit == UINT64_MAX ||
	    stats.memory_limit == CGROUP_UNLIMITED)
		return 0;
	return stats.swap_limit ? stats.swap_limit : CGROUP_NO_SWAP;
}

int scale_start(struct berth_container *container, struct scale *scale, uint64_t memory, uint64_t swap,
		struct error *error)
{
	if (memory < FLOOR_BYTES)
		return error_set(error, EINVAL,
				 "a memory limit of %" PRIu64
				 " bytes can never be met: no container lives on less than %d",
				 memory, FLOOR_BYTES);
	struct cgroup_stats now = {0};
	int code = cgroup_read_memory(container->cgroup, &now, error);
	if (code < 0)
		return code;
	/* What a request under way took for the container's swap still holds. */
	uint64_t kept = scale->active ? scale->target.swap : swap_now(container);
	scale_cancel(container, scale);
	*scale = (struct scale){
		.active = true,
		.target = {.memory = memory, .swap = swap ? swap : kept},
		.start_ms = monotonic_ms(),
		.last_usage = now.memory_usage,
	};
	if (container->record.memory_policy.freeze && now.memory_usage > memory)
		scale->frozen = cgroup_freeze(container->cgroup, true, FREEZE_TIMEOUT_MS, NULL) == 0;
	return step(container, scale, error);
}

int scale_step(struct berth_container *container, struct scale *scale, struct error *error)
{
	if (!scale->active)
		return SCALE_DONE;
	return monotonic_ms() < scale->due_ms ? SCALE_PENDING : step(container, scale, error);
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
