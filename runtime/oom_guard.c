/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/oom_guard.h"

#include <unistd.h>

#include "runtime/scale_note.h"

static void hold(struct oom_guard *guard, const struct berth_container *container, bool wanted)
{
	if (guard->held == wanted)
		return;
	/* Should this owner die, the note tells the next that there is something to undo. */
	if (wanted && scale_note_make(container->file) < 0)
		return;
	if (cgroup_oom_hold(container->cgroup, wanted) == 0)
		guard->held = wanted;
}

bool oom_guard_update(struct oom_guard *guard, const struct berth_container *container, const struct scale *scale)
{
	bool opened = false;
	if (!container->cgroup || !container_is_running(container))
		return false;
	bool wanted = scale->active || scale_swap_left(container);
	if (wanted && guard->event < 0) {
		guard->event = cgroup_oom_watch(container->cgroup);
		opened = guard->event >= 0;
	}
	/* Nobody is to wait unheard. */
	hold(guard, container, wanted && guard->event >= 0);
	return opened;
}

void oom_guard_free(struct oom_guard *guard, const struct berth_container *container)
{
	hold(guard, container, false);
	if (guard->event >= 0)
		close(guard->event);
	guard->event = -1;
}

void oom_guard_attend(struct oom_guard *guard, struct berth_container *container, struct scale *scale)
{
	uint64_t count;
	if (guard->event < 0 || read(guard->event, &count, sizeof count) != sizeof count)
		return;
	if (scale->active)
		scale->due_ms = 0;
	else if (!scale_swap_left(container) || scale_relieve(container, scale, NULL) < 0)
		hold(guard, container, false);
}
