/* SPDX-License-Identifier: Apache-2.0 */
/* A launch that fails at each single step of its plan in turn: the error names the step, and nothing is left. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/context.h"
#include "tests/runtime/fixture.h"

TestSuite(inject, .init = rt_init, .fini = rt_fini);

/* The plan's phrases, as berth_plan tells them. To be decref'd. */
static json_t *plan_of(const struct berth_options *options)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	cr_assert(stream != NULL);
	rt_ok(berth_plan(rt.berth, options, true, stream, &rt.error));
	fclose(stream);
	json_t *plan = json_loads(text, 0, NULL);
	free(text);
	cr_assert(plan != NULL);
	return plan;
}

static bool in_userns;

/* With all that adds steps. */
static void fail_each_step(const char *root, unsigned int flags)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	const char *const on_host[] = {rt_payload("act"), "exit", "0", NULL};
	if (strncmp(root, "host", 4) == 0 || strcmp(root, "framework:F") == 0)
		options.argv = on_host;
	char target[120];
	snprintf(target, sizeof target, "%s/inside", rt.base);
	/* The test's own: what can be shown with ids shifted. */
	const char *file = rt_write("volume/hostname", "inside\n");
	const struct berth_volume volumes[] = {{rt_path("volume"), target, true}, {file, "/etc/hostname", true}};
	options.root = root;
	options.name = "fails";
	options.flags = flags;
	options.hostname = "inside";
	options.user = "1:2";
	options.volumes = volumes;
	options.n_volumes = 2;
	options.tmpfs = &(const struct berth_tmpfs){target, 0};
	options.n_tmpfs = 1;
	options.rlimits = &(const struct berth_rlimit){RLIMIT_CORE, 0, 0};
	options.n_rlimits = 1;
	options.uid_map = &(const struct berth_id_range){0, 100000, 65536};
	options.n_uid_map = in_userns;
	json_t *plan = plan_of(&options), *steps = json_object_get(plan, "steps");
	size_t count = json_array_size(steps);
	cr_assert_gt(count, (size_t)20);
	for (size_t i = 0; i < count; i++) {
		const json_t *step = json_array_get(steps, i);
		const char *word = json_string_value(json_object_get(step, "step"));
		const char *phrase = json_string_value(json_object_get(step, "text"));
		struct berth_container *container = NULL;
		/* An errno that no step gives by itself. */
		context_inject_failure(rt.berth, i + 1, EUCLEAN);
		int code = berth_launch(rt.berth, &options, &container, &rt.error);
		context_inject_failure(rt.berth, 0, 0);
		if (code == 0)
			rt_adopt(container);
		cr_assert_eq(code, -EUCLEAN, "step %zu, %s: %d, %s", i, phrase, code, rt.error.text);
		cr_expect(strstr(rt.error.text, phrase), "step %zu is '%s', not: %s", i, phrase, rt.error.text);
		cr_expect(strstr(rt.error.text, strerror(EUCLEAN)), "%s", rt.error.text);
		cr_expect_eq(rt.error.exit_status, strcmp(word, "exec") == 0 ? 126 : 125, "%s", phrase);
		cr_expect_eq(rt_state_entries(), 0u, "step %zu, %s, left a state entry", i, phrase);
		siginfo_t info;
		cr_expect_lt(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), 0, "step %zu, %s, left a child", i,
			     phrase);
	}
	json_decref(plan);
	/* And without a failure it works, under the same name. */
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 0);
}

static const unsigned int all = BERTH_READ_ONLY | BERTH_NET_NONE | BERTH_TTY | BERTH_DIE_WITH_THREAD;

Test(inject, host)
{
	fail_each_step("host", all);
	rt_expect_nothing_left();
	fail_each_step("host", BERTH_NO_INIT);
}

Test(inject, host_rw)
{
	fail_each_step("host-rw", all & ~(unsigned int)BERTH_READ_ONLY);
	rt_expect_nothing_left();
	fail_each_step("host-rw", BERTH_NO_INIT | BERTH_READ_ONLY);
}

Test(inject, directory)
{
	fail_each_step(rt_root(), all);
	rt_expect_nothing_left();
	fail_each_step(rt_root(), all | BERTH_NO_INIT);
}

Test(inject, overlay)
{
	char root[120];
	snprintf(root, sizeof root, "overlay:%s", rt_root());
	fail_each_step(root, all);
	rt_expect_nothing_left();
	fail_each_step(root, BERTH_NO_INIT);
}

/* The framework's root itself is kept, whatever becomes of the launch that made it. */
Test(inject, framework)
{
	char root[120];
	snprintf(root, sizeof root, "framework:G:%s", rt_root());
	fail_each_step(root, all);
	fail_each_step("framework:F", BERTH_NO_INIT);
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
	rt_ok(berth_root_remove(rt.berth, "G", &rt.error));
}

Test(inject, user_namespace)
{
	rt_require_idmapped();
	char root[120];
	snprintf(root, sizeof root, "overlay:%s", rt_root());
	in_userns = true;
	fail_each_step(root, all);
	rt_expect_nothing_left();
	fail_each_step(rt.root, BERTH_NO_INIT);
	rt_expect_nothing_left();
	fail_each_step("host", all);
	snprintf(root, sizeof root, "framework:G:%s", rt_root());
	fail_each_step(root, all);
	rt_ok(berth_root_remove(rt.berth, "G", &rt.error));
}
