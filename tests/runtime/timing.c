/* SPDX-License-Identifier: Apache-2.0 */
/* What a launch spent its time on: every step of the plan is in it once, and the parts make up the whole. */
#include <string.h>
#include <time.h>

#include "runtime/context.h"
#include "tests/runtime/fixture.h"

TestSuite(timing, .init = rt_init, .fini = rt_fini);

struct heard {
	char names[64][24];
	unsigned int counts[64];
	size_t n;
	uint64_t total_ns;
};

static void hear(void *data, const char *part, unsigned int count, uint64_t ns)
{
	struct heard *heard = data;
	cr_assert_lt(heard->n, (size_t)64);
	snprintf(heard->names[heard->n], sizeof heard->names[0], "%s", part);
	heard->counts[heard->n++] = count;
	heard->total_ns += ns;
}

static unsigned int count_of(const struct heard *heard, const char *name)
{
	for (size_t i = 0; i < heard->n; i++)
		if (strcmp(heard->names[i], name) == 0)
			return heard->counts[i];
	return 0;
}

static uint64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct heard launch_timed(unsigned int flags)
{
	struct heard heard = {0};
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.flags = flags;
	options.timing = hear;
	options.timing_data = &heard;
	uint64_t start = clock_ns();
	struct berth_container *container = rt_launch(&options);
	uint64_t took = clock_ns() - start;
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
	static const char *const always[] = {"check", "record", "clone", "private", "pivot", "exec", "note"};
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		cr_expect_eq(count_of(&heard, always[i]), 1u, "%s: %u", always[i], count_of(&heard, always[i]));
	cr_expect_str_eq(heard.names[0], "check");
	cr_expect_str_eq(heard.names[heard.n - 1], "note");
	cr_expect(heard.total_ns > 0 && heard.total_ns <= took, "%llu of %llu ns", (unsigned long long)heard.total_ns,
		  (unsigned long long)took);
	return heard;
}

Test(timing, with_init)
{
	struct heard heard = launch_timed(0);
	cr_expect_eq(count_of(&heard, "fork"), 1u);
	cr_expect_gt(count_of(&heard, "mask"), 3u);
	cr_expect_eq(count_of(&heard, "cgroups"), 1u);
}

Test(timing, in_place)
{
	struct heard heard = launch_timed(BERTH_NO_INIT | BERTH_BARE_ROOT);
	cr_expect_eq(count_of(&heard, "fork"), 0u);
	cr_expect_eq(count_of(&heard, "mask"), 0u);
}

/* A program that was built before there was such an option has a smaller struct. */
Test(timing, is_not_read_from_a_smaller_struct)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.size = offsetof(struct berth_options, timing);
	options.timing = (void (*)(void *, const char *, unsigned int, uint64_t))8;
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 0);
}

/* Nothing is told of a launch that failed. */
Test(timing, of_a_failure)
{
	struct heard heard = {0};
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.timing = hear;
	options.timing_data = &heard;
	context_inject_failure(rt.berth, 5, 5);
	rt_launch_fails(&options, -5, 125);
	context_inject_failure(rt.berth, 0, 0);
	cr_expect_eq(heard.n, 0u);
}
