/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <string.h>

#include "nsutil/plan_format.h"

enum {
	KNOWN_FLAGS = PLAN_IN_ROOT | PLAN_RECURSIVE | PLAN_JOIN | PLAN_KEEP_CAPABILITIES | PLAN_OPTIONAL |
		      PLAN_AT_EXEC | PLAN_IDMAPPED | PLAN_OWNED | PLAN_KEEP_GROUPS | PLAN_RAISE | PLAN_HOLD |
		      PLAN_IN_HELD | PLAN_COVER
};

static int list_check(const char *strings, uint32_t size, uint32_t offset, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (offset >= size)
			return -EINVAL;
		/* The area ends with a NUL, so every string in it has one. */
		offset += (uint32_t)strlen(strings + offset) + 1;
	}
	return 0;
}

/* Whether count items of that size lie inside, and where they can be used in place. */
static int bytes_check(const struct plan_header *plan, uint32_t offset, uint64_t count, size_t size)
{
	return offset % PLAN_ALIGNMENT == 0 && count <= (plan->string_size - offset) / size ? 0 : -EINVAL;
}

static int groups_check(const struct plan_header *plan, const struct plan_step *step)
{
	if (step->n[2] == 0)
		return 0;
	return step->n[2] <= PLAN_GROUPS_MOST ? bytes_check(plan, step->text, step->n[2], sizeof(uint32_t)) : -EINVAL;
}

static int filter_check(const struct plan_header *plan, const struct plan_step *step)
{
	uint64_t count = step->n[0] / sizeof(struct sock_filter);
	bool whole = step->n[0] % sizeof(struct sock_filter) == 0 && count > 0 && count <= BPF_MAXINSNS;
	if (!whole || step->n[1] > UINT32_MAX)
		return -EINVAL;
	return bytes_check(plan, step->text, count, sizeof(struct sock_filter));
}

/* What is done inside a mount held comes after it, and no more are held than there is room for. */
static int held_check(const struct plan_header *plan, uint32_t i, uint32_t *held)
{
	const struct plan_step *step = &plan_steps(plan)[i];
	if (step->flags & PLAN_IN_HELD && !(step->flags & PLAN_IN_ROOT && *held > 0))
		return -EINVAL;
	if (!(step->flags & PLAN_HOLD))
		return 0;
	return (step->op == PLAN_MOUNT || step->op == PLAN_BIND) && ++*held <= PLAN_HELD_MOST ? 0 : -EINVAL;
}

int plan_check(const void *data, size_t size)
{
	const struct plan_header *plan = data;
	if (size < sizeof *plan || plan->magic != PLAN_MAGIC || plan->version != PLAN_VERSION || plan->size != size)
		return -EINVAL;
	/* An injected failure of no error, or of one that no errno is, would be a step left out without a word. */
	if (plan->timed > 1 || (plan->fail_step && (plan->fail_error == 0 || plan->fail_error > 4095)))
		return -EINVAL;
	if (plan->n_steps == 0 || plan->n_steps > size / sizeof(struct plan_step) || plan->string_size == 0)
		return -EINVAL;
	if (sizeof *plan + plan->n_steps * sizeof(struct plan_step) + plan->string_size != size)
		return -EINVAL;
	const char *strings = plan_text(plan, 0);
	if (strings[0] != '\0' || strings[plan->string_size - 1] != '\0')
		return -EINVAL;
	const struct plan_step *steps = plan_steps(plan);
	uint32_t held = 0;
	for (uint32_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *step = &steps[i];
		if (step->op >= PLAN_OP_COUNT || step->text >= plan->string_size || step->text2 >= plan->string_size ||
		    step->reserved || (step->flags & ~KNOWN_FLAGS) ||
		    list_check(strings, plan->string_size, step->list, step->list_count) < 0)
			return -EINVAL;
		if ((step->op == PLAN_SECCOMP && filter_check(plan, step) < 0) ||
		    (step->op == PLAN_USER && groups_check(plan, step) < 0))
			return -EINVAL;
		if (held_check(plan, i, &held) < 0)
			return -EINVAL;
		if (plan_op_is_last(step->op) != (i == plan->n_steps - 1))
			return -EINVAL;
	}
	return 0;
}
