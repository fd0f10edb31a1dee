/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels and sandboxes that lack a system call, played by a seccomp filter in a child of the test: a fallback that is
 * taken can be seen, and what has none fails by name and leaves nothing.
 */
#include <errno.h>
#include <jansson.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(missing, .init = rt_init, .fini = rt_fini);

static void fail_calls(const char *const *calls, uint16_t error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int code = filter ? 0 : -ENOMEM;
	/* Root may do without no_new_privs, which would show inside. */
	if (code == 0)
		code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	for (; code == 0 && *calls; calls++)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), seccomp_syscall_resolve_name(*calls), 0);
	if (code == 0)
		code = seccomp_load(filter);
	seccomp_release(filter);
	if (code < 0) {
		fprintf(stderr, "seccomp: %s\n", strerror(-code));
		_exit(101);
	}
}

static void forbid(const char *const *calls)
{
	fail_calls(calls, ENOSYS);
}

static int complain(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, rt.error.text);
	return 1;
}

/* ---- clone3 ---- */

static bool fallback_is_told(struct berth_container *container)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	if (!stream || berth_container_inspect(container, stream, &rt.error) < 0)
		return false;
	fclose(stream);
	json_t *json = json_loads(text, 0, NULL);
	free(text);
	const json_t *fallbacks = json_object_get(json, "fallbacks");
	bool told =
		json_array_size(fallbacks) == 1 && strstr(json_string_value(json_array_get(fallbacks, 0)), "clone3");
	json_decref(json);
	return told;
}

static int launch_without_clone3(void *data)
{
	forbid((const char *const[]){"clone3", NULL});
	struct berth_options *options = data;
	struct berth_container *container;
	struct berth_end end = BERTH_END_INIT;
	struct berth_stats stats = BERTH_STATS_INIT;
	struct berth *berth = rt_open();
	if (berth_launch(berth, options, &container, &rt.error) < 0)
		return complain("launch");
	pid_t *pids;
	ssize_t inside = berth_container_processes(container, &pids, &rt.error);
	if (inside < 1)
		return complain("it is not in its cgroup");
	free(pids);
	if (berth_container_stats(container, &stats, &rt.error) < 0)
		return complain("stats");
	if (!fallback_is_told(container))
		return complain("inspect does not tell of the fallback");
	if (berth_container_kill(container, BERTH_KILLED, &rt.error) < 0 ||
	    berth_container_wait(container, rt_patience(), &end, &rt.error) < 0)
		return complain("wait");
	berth_container_close(container);
	berth_close(berth);
	return end.reason == BERTH_KILLED ? 0 : 2;
}

Test(missing, clone3_falls_back)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	cr_expect_eq(rt_wait_child(rt_fork(launch_without_clone3, &options)), 0);
	options.flags = BERTH_NO_INIT;
	cr_expect_eq(rt_wait_child(rt_fork(launch_without_clone3, &options)), 0);
}

Test(missing, no_fallback_is_told_where_none_was_taken)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	struct berth_container *container = rt_launch(&options);
	cr_expect_not(fallback_is_told(container));
	rt_kill(container);
}

/* ---- What has no fallback ---- */

struct lack {
	const char *call;
	const char *named; /* must be in the error */
	struct berth_options options;
};

static int launch_lacking(void *data)
{
	const struct lack *lack = data;
	forbid((const char *const[]){lack->call, NULL});
	struct berth_container *container;
	struct berth *berth = rt_open();
	int code = berth_launch(berth, &lack->options, &container, &rt.error);
	if (code == 0)
		return complain("it was launched");
	if (code != -ENOSYS || rt.error.exit_status != 125)
		return complain("wrong code");
	if (!strstr(rt.error.text, lack->named))
		return complain("it does not say what is missing");
	berth_close(berth);
	return 0;
}

Test(missing, what_has_no_fallback_fails_by_name)
{
	static const char *const calls[] = {"openat2",    "fsopen",    "fsconfig",      "fsmount",
					    "move_mount", "open_tree", "mount_setattr", "pivot_root"};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct lack lack = {calls[i], calls[i], RT_OPTIONS("act", "exit", "0")};
		lack.options.name = calls[i];
		lack.options.volumes = &(const struct berth_volume){"/etc", "/v", true};
		lack.options.n_volumes = 1;
		cr_expect_eq(rt_wait_child(rt_fork(launch_lacking, &lack)), 0, "%s", calls[i]);
		rt_expect_nothing_left();
	}
}

static int launch_without_memory(void *data)
{
	struct berth_container *container;
	struct berth *berth = rt_open();
	if (berth_prepare(berth, data, 1, &rt.error) < 0)
		return complain("prepare");
	fail_calls((const char *const[]){"sendmsg", NULL}, ENOMEM);
	/* The one that was prepared, and one that is new. */
	if (berth_launch(berth, data, &container, &rt.error) != -ENOMEM ||
	    !strstr(rt.error.text, "give the command to the process that waits for it"))
		return complain("wrong error");
	if (berth_launch(berth, data, &container, &rt.error) != -ENOMEM ||
	    !strstr(rt.error.text, "have the new process enter its cgroups"))
		return complain("wrong error");
	berth_close(berth);
	return 0;
}

/* That this process has none for its part of a launch is not for the container's limit. */
Test(missing, memory_of_the_caller)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	rt_require_controller("memory");
	options.resources.memory = 64 << 20;
	options.resources.pids = 10;
	cr_expect_eq(rt_wait_child(rt_fork(launch_without_memory, &options)), 0);
	rt_expect_nothing_left();
}

/* A container that is found by its pid needs pidfd_open; nobody may take the lack of it for the container's end. */
static int find_without_pidfd_open(void *data)
{
	forbid((const char *const[]){"pidfd_open", NULL});
	struct berth *berth = rt_open();
	struct berth_container *container, **all;
	if (berth_container_find(berth, data, &container, &rt.error) != -ENOSYS)
		return complain("find");
	if (!strstr(rt.error.text, "pidfd_open"))
		return complain("find does not say what is missing");
	if (berth_recover(berth, &all, &rt.error) >= 0)
		return complain("recover");
	berth_close(berth);
	return 0;
}

static int launch_and_leave(void *data)
{
	struct berth_container *container;
	struct berth *berth = rt_open();
	return berth_launch(berth, data, &container, &rt.error) < 0 ? complain("launch") : 0;
}

Test(missing, pidfd_open)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	options.name = "found";
	cr_assert_eq(rt_wait_child(rt_fork(launch_and_leave, &options)), 0);
	cr_expect_eq(rt_wait_child(rt_fork(find_without_pidfd_open, (void *)"found")), 0);
	struct berth_container **all;
	cr_assert_eq(berth_recover(rt.berth, &all, &rt.error), 1, "%s", rt.error.text);
	struct berth_container *container = rt_adopt(all[0]);
	free(all);
	cr_expect_eq(berth_container_state(container), BERTH_RUNNING);
	rt_expect_end(rt_kill(container), BERTH_KILLED, SIGKILL);
}

/* Nor the lack of a free descriptor. */
static int recover_without_descriptors(void *data)
{
	(void)data;
	struct berth *berth = rt_open();
	struct berth_container **all;
	for (int spare = 0; spare < 6; spare++) {
		int used = dup(0);
		close(used);
		struct rlimit limit = {(rlim_t)(used + spare), (rlim_t)(used + 100)};
		setrlimit(RLIMIT_NOFILE, &limit);
		ssize_t count = berth_recover(berth, &all, &rt.error);
		if (count == 1) {
			if (berth_container_state(all[0]) != BERTH_RUNNING)
				return complain("it is not running");
			berth_container_close(all[0]);
			free(all);
		} else if (count != -EMFILE) {
			fprintf(stderr, "%zd with %d descriptors: %s\n", count, spare, rt.error.text);
			return 1;
		}
	}
	return 0;
}

Test(missing, descriptors_for_recovery)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	cr_assert_eq(rt_wait_child(rt_fork(launch_and_leave, &options)), 0);
	cr_expect_eq(rt_wait_child(rt_fork(recover_without_descriptors, NULL)), 0);
	struct berth_container **all;
	cr_assert_eq(berth_recover(rt.berth, &all, &rt.error), 1, "%s", rt.error.text);
	struct berth_container *container = rt_adopt(all[0]);
	free(all);
	cr_expect_eq(berth_container_state(container), BERTH_RUNNING);
	rt_expect_end(rt_kill(container), BERTH_KILLED, SIGKILL);
}

/* A launch that runs out of descriptors, at whatever point, leaves nothing. */
static int launch_without_descriptors(void *data)
{
	struct berth *berth = rt_open();
	int used = dup(0);
	close(used);
	for (int spare = 0; spare < 40; spare++) {
		struct berth_container *container;
		struct rlimit limit = {(rlim_t)(used + spare), (rlim_t)(used + 100)};
		setrlimit(RLIMIT_NOFILE, &limit);
		int code = berth_launch(berth, data, &container, &rt.error);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		if (code == 0) {
			struct berth_end end = BERTH_END_INIT;
			if (berth_container_wait(container, rt_patience(), &end, &rt.error) < 0 ||
			    end.reason != BERTH_EXITED)
				return complain("wait");
			berth_container_close(container);
			berth_close(berth);
			return spare < 5;
		}
		if (code != -EMFILE)
			return complain("wrong code");
		if (rt_state_entries())
			return complain("it left a state entry");
	}
	return complain("it never worked");
}

Test(missing, descriptors_for_a_launch)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.stdio = (const int[]){-1, -1, -1};
	cr_expect_eq(rt_wait_child(rt_fork(launch_without_descriptors, &options)), 0);
	options.flags = BERTH_TTY;
	cr_expect_eq(rt_wait_child(rt_fork(launch_without_descriptors, &options)), 0);
}
