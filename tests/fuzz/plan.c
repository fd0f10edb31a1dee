/* SPDX-License-Identifier: Apache-2.0 */
/* The plan as init gets it: one that plan_check lets through is followed as init follows it. */
#include <linux/filter.h>

#include "nsutil/plan_format.h"
#include "tests/fuzz/fuzz.h"

static volatile size_t touched;

static void touch(const char *text)
{
	touched += strlen(text);
}

static void touch_list(const struct plan_header *plan, const struct plan_step *step)
{
	const char *text = plan_text(plan, step->list);
	for (uint32_t i = 0; i < step->list_count; i++, text += strlen(text) + 1)
		touch(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size ? size : 1);
	fuzz_require(bytes);
	memcpy(bytes, data, size);
	if (plan_check(bytes, size) == 0) {
		const struct plan_header *plan = (const void *)bytes;
		const struct plan_step *steps = plan_steps(plan);
		uint32_t held = 0;
		for (uint32_t i = 0; i < plan->n_steps; i++) {
			touch(plan_text(plan, steps[i].text2));
			if (steps[i].op == PLAN_SECCOMP) {
				const struct sock_filter *filters = (const void *)plan_text(plan, steps[i].text);
				for (uint64_t k = 0; k < steps[i].n[0] / sizeof *filters; k++)
					touched += filters[k].code;
			} else if (steps[i].op == PLAN_USER) {
				const uint32_t *groups = (const void *)plan_text(plan, steps[i].text);
				for (uint64_t k = 0; k < steps[i].n[2]; k++)
					touched += groups[k];
			} else {
				touch(plan_text(plan, steps[i].text));
			}
			touch_list(plan, &steps[i]);
			held += (steps[i].flags & PLAN_HOLD) != 0;
		}
		fuzz_require(held <= PLAN_HELD_MOST);
		fuzz_require(plan_op_is_last(steps[plan->n_steps - 1].op));
		const struct plan_view view = {.steps = steps, .n_steps = plan->n_steps};
		touched += plan_slots(&view);
	}
	free(bytes);
	return 0;
}
