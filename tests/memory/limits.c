/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of the limits while memory is made to fit: swap, page cache, pausing, freezing, no OOM kill. */
#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "tests/memory/mem.h"

TestSuite(memory_limits, .init = mem_init, .fini = mem_fini);

enum { LONG_MS = 60000 };

static int set(struct berth_container *container, uint64_t mib)
{
	struct berth_resources resources = {.size = sizeof resources, .memory = mib * MIB};
	return berth_container_update(container, &resources, &rt.error);
}

/* ---- Steps ---- */

/* Hundreds of tries at what can't be had, with a container that is busy all over its memory. */
Test(memory_limits, steps_never_kill)
{
	struct berth_options options = MEM_HOG(400, "hold", "350");
	struct rt_job *job = mem_launch(options, "holding");
	const struct cgroup_limits target = {.memory = 200 * MIB, .swap = CGROUP_NO_SWAP};
	uint64_t before = 400 * MIB;
	for (int i = 0; i < 200; i++) {
		struct error error = {0};
		cr_assert_eq(cgroup_memory_shrink(job->container->cgroup, &target, &error), 0, "%s", error.text);
		uint64_t limit = mem_limit(job->container), usage = mem_usage(job->container);
		cr_assert(limit >= usage && limit <= before, "limit %llu, before %llu, usage %llu",
			  (unsigned long long)limit, (unsigned long long)before, (unsigned long long)usage);
		before = limit;
	}
	/* It has followed the usage down. */
	cr_expect_lt(before, 370 * MIB);
	cr_expect_eq(mem_oom_kills(job->container), 0);
	cr_expect_eq(berth_container_state(job->container), BERTH_RUNNING);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

Test(memory_limits, no_oom_kill_before_the_policys)
{
	struct berth_options options = MEM_HOG(400, "hold", "350");
	options.memory_policy = mem_policy(1000, 0);
	struct rt_job *job = mem_launch(options, "holding");
	mem_attend(job);
	mem_set_in_vain(mem_other(job), 200);
	struct berth_end end = mem_join(job);
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	cr_expect_eq(end.oom_kills, 0, "%s", end.text);
	cr_expect(strstr(end.text, " did not fit the new limit of 200.0 MiB within ") != NULL, "%s", end.text);
	cr_expect_geq(end.memory_peak, 350 * MIB);
}

/* One that takes a megabyte every 5 ms, has taken 60, and is to have 32. */
static struct rt_job *growing(void)
{
	struct berth_options options = MEM_HOG(400, "grow", "300", "1", "5");
	options.memory_policy = mem_policy(1500, 0);
	return mem_launch(options, "taken 60");
}

static void expect_did_not_shrink(const struct berth_end *end)
{
	cr_expect_eq(end->reason, BERTH_SCALE_DOWN, "%s", end->text);
	cr_expect(strstr(end->text, " did not fit the new limit of 32.0 MiB within ") != NULL, "%s", end->text);
	cr_expect_lt(end->memory_peak, 200 * MIB, "%s", end->text);
}

/* Whether the kernel does not kill there, but lets wait. */
static bool held(struct berth_container *container)
{
	char text[256];
	rt_ok(berth_container_cgroup_read(container, "memory.oom_control", text, sizeof text, &rt.error));
	return strstr(text, "oom_kill_disable 1") != NULL;
}

/*
 * While memory is to go down it can't grow back: the limit in force is close above what is in use. With v1 it waits for
 * what it asks for as long as the grace lasts, with v2 the kernel kills it; and both are for the scale-down's sake.
 */
Test(memory_limits, it_cant_grow_back)
{
	struct rt_job *job = growing();
	mem_attend(job);
	mem_set_in_vain(mem_other(job), 32);
	struct berth_end end = mem_join(job);
	expect_did_not_shrink(&end);
	if (mem_is_v1()) {
		/* It is not the kernel's doing; which may still kill one of those that are being killed. */
		cr_expect_null(strstr(end.text, " and more was asked for"), "%s", end.text);
		cr_expect_geq(mem_seconds(&end), 1.45, "%s", end.text);
	}
}

/* Where nobody attends the kernel does as ever, and the reason is the same. */
Test(memory_limits, it_cant_grow_back_with_nobody_attending)
{
	struct rt_job *job = growing();
	rt_expect_error(set(mem_other(job), 32), ENOMEM);
	struct berth_end end = rt_job_end(job);
	expect_did_not_shrink(&end);
	/* Where the first step takes as long as there is time, it is not the kernel's doing. */
	cr_expect_eq(end.oom_kills, strstr(end.text, " in use, and more was asked for, ") ? 1 : 0, "%s", end.text);
}

/* The kernel's killing is put off no longer than it must be. */
Test(memory_limits, out_of_memory_is_the_kernels_again)
{
	if (!mem_is_v1())
		cr_skip_test("v2 has no memory.oom_control");
	struct berth_options options = MEM_HOG(400, "ask");
	options.memory_policy = mem_policy(LONG_MS, 0);
	struct rt_job *job = mem_launch(options, "ready");
	dprintf(job->in, "take 64\n");
	rt_job_expect(job, "taken");
	mem_attend(job);
	struct berth_container *other = mem_other(job);
	cr_expect_not(held(other), "it may use no swap, and nothing is under way");
	rt_ok(set(other, 32));
	cr_expect(held(other));
	dprintf(job->in, "free\n");
	rt_job_expect(job, "freed");
	mem_until(mem_limit(other) == 32 * MIB);
	mem_until(!held(other));
	dprintf(job->in, "take 64\n");
	struct berth_end end = mem_join(job);
	cr_expect_eq(end.reason, BERTH_OUT_OF_MEMORY, "%s", end.text);
	cr_expect(strstr(end.text, "limit 32.0 MiB, ") != NULL, "%s", end.text);
}

/* ---- Page cache ---- */

/* What the container has read is given up at the first try, even by the strictest policy. */
Test(memory_limits, page_cache_goes_at_once)
{
	struct statfs status;
	cr_assert_eq(statfs(rt.base, &status), 0);
	const char *source = "/usr/lib";
	/* What is on a file system in memory is no page cache that could be dropped. */
	if (status.f_type != TMPFS_MAGIC) {
		static char block[MIB];
		char path[128];
		snprintf(path, sizeof path, "%s/big", rt.base);
		source = rt_path("big");
		FILE *file = fopen(path, "we");
		cr_assert(file != NULL);
		for (int i = 0; i < 100; i++)
			cr_assert_eq(fwrite(block, sizeof block, 1, file), 1U, "%s", strerror(errno));
		cr_assert(fflush(file) == 0 && fsync(fileno(file)) == 0);
		fclose(file);
	}
	struct berth_options options = MEM_HOG(256, "cache", "96", source);
	options.root = "host-rw";
	options.argv = (const char *const[]){rt_payload("hog"), "cache", "96", source, NULL};
	options.memory_policy = mem_policy(BERTH_NO_GRACE, 0);
	struct rt_job *job = mem_launch(options, "cached");
	if (mem_usage(job->container) < 64 * MIB) {
		rt_job_end(job);
		cr_skip_test("what it has read was not counted as its page cache");
	}
	struct berth_container *other = mem_other(job);
	mem_attend(job);
	rt_ok(berth_container_scale(other, 24 * MIB, NULL, NULL, &rt.error));
	cr_expect_eq(mem_limit(other), 24 * MIB);
	cr_expect_leq(mem_usage(other), 24 * MIB);
	cr_expect_eq(mem_oom_kills(other), 0);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

/* ---- Swap ---- */

static uint64_t swap_limit(struct berth_container *container)
{
	struct berth_stats stats = BERTH_STATS_INIT;
	rt_ok(berth_container_stats(container, &stats, &rt.error));
	return stats.swap_limit;
}

/* So much beyond memory as before: while it is under way, when it is done, when it is replaced. */
static void swap_stays(uint64_t swap, uint64_t wanted)
{
	struct berth_options options = MEM_HOG(128, "ask");
	options.resources.swap = swap;
	options.cgroup_files = NULL;
	options.memory_policy = mem_policy(LONG_MS, 0);
	struct rt_job *job = mem_launch(options, "ready");
	struct berth_container *other = mem_other(job);
	cr_assert_eq(swap_limit(other), wanted, "at launch: %llu", (unsigned long long)swap_limit(other));
	dprintf(job->in, "take 48\n");
	rt_job_expect(job, "taken");
	mem_attend(job);
	/* Some other test may have turned swap on: a limit that only frees can reach. */
	rt_ok(set(other, 100));
	cr_expect_eq(swap_limit(other), wanted);
	rt_ok(set(other, swap == BERTH_NO_SWAP ? 24 : 80));
	mem_until(mem_limit(other) <= 80 * MIB);
	/* v1 has two files for it, which are written, and read here, one after the other. */
	mem_until(swap_limit(other) == wanted);
	rt_ok(set(other, 96));
	cr_expect_eq(swap_limit(other), wanted, "replaced: %llu", (unsigned long long)swap_limit(other));
	rt_ok(set(other, 24));
	dprintf(job->in, "free\n");
	rt_job_expect(job, "freed");
	mem_until(mem_limit(other) == 24 * MIB);
	mem_until(swap_limit(other) == wanted);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

Test(memory_limits, no_swap_stays_none)
{
	swap_stays(BERTH_NO_SWAP, 0);
}

Test(memory_limits, the_swap_allowance_stays)
{
	swap_stays(32 * MIB, 32 * MIB);
}

Test(memory_limits, memory_and_swap_at_once)
{
	struct berth_options options = MEM_HOG(128, "ask");
	options.resources.swap = 32 * MIB;
	options.cgroup_files = NULL;
	struct rt_job *job = mem_launch(options, "ready");
	struct berth_container *other = mem_other(job);
	mem_attend(job);
	struct berth_resources resources = {.size = sizeof resources, .memory = 64 * MIB, .swap = 8 * MIB};
	rt_ok(berth_container_update(other, &resources, &rt.error));
	cr_expect_eq(mem_limit(other), 64 * MIB);
	cr_expect_eq(swap_limit(other), 8 * MIB);
	resources = (struct berth_resources){.size = sizeof resources, .memory = 96 * MIB, .swap = BERTH_NO_SWAP};
	rt_ok(berth_container_update(other, &resources, &rt.error));
	cr_expect_eq(mem_limit(other), 96 * MIB);
	cr_expect_eq(swap_limit(other), 0);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

/* ---- Paused, and frozen by the policy ---- */

static bool paused_meanwhile(int grace_ms, bool freeze)
{
	struct berth_options options = MEM_HOG(128, "hold", "48", "1000");
	struct berth_memory_policy policy = *mem_policy(grace_ms, 0);
	policy.freeze = freeze;
	options.memory_policy = &policy;
	struct rt_job *job = mem_launch(options, "holding");
	mem_attend(job);
	struct berth_container *other = mem_other(job);
	rt_ok(berth_container_pause(other, &rt.error));
	rt_ok(set(other, 200));
	cr_expect_eq(mem_limit(other), 200 * MIB);
	rt_ok(set(other, 64));
	cr_expect_eq(mem_limit(other), 64 * MIB);
	cr_expect_eq(berth_container_state(other), BERTH_PAUSED, "lowering its limit has resumed it");
	uint64_t start = monotonic_ms();
	int down = set(other, 24);
	mem_until(mem_limit(other) < 64 * MIB);
	int up = set(other, 80);
	if (mem_too_late(job, start, grace_ms))
		return false;
	cr_expect(down == 0 && up == 0, "%d, %d", down, up);
	cr_expect_eq(berth_container_state(other), BERTH_PAUSED, "lowering its limit has resumed it");
	/* Time goes on for it. */
	mem_set_in_vain(other, 24);
	struct berth_end end = mem_join(job);
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	return true;
}

static bool paused(int grace_ms)
{
	return paused_meanwhile(grace_ms, false);
}

static bool paused_and_frozen(int grace_ms)
{
	return paused_meanwhile(grace_ms, true);
}

Test(memory_limits, one_that_is_paused)
{
	mem_within(paused, 700);
	mem_within(paused_and_frozen, 700);
}

struct watch {
	pthread_t thread;
	struct berth_container *container;
	volatile bool stop;
	int frozen, running; /* changes seen */
};

static void *watch_run(void *data)
{
	struct watch *watch = data;
	enum berth_state before = BERTH_RUNNING;
	while (!watch->stop) {
		enum berth_state state = berth_container_state(watch->container);
		if (state != before) {
			watch->frozen += state == BERTH_PAUSED;
			watch->running += state == BERTH_RUNNING;
		}
		before = state;
	}
	return NULL;
}

static struct rt_job *freezing(int grace_ms, struct watch *watch)
{
	struct berth_options options = MEM_HOG(128, "ask");
	struct berth_memory_policy policy = *mem_policy(grace_ms, 0);
	policy.freeze = true;
	options.memory_policy = &policy;
	struct rt_job *job = mem_launch(options, "ready");
	dprintf(job->in, "take 48\n");
	rt_job_expect(job, "taken");
	mem_attend(job);
	*watch = (struct watch){.container = mem_other(job)};
	cr_assert_eq(pthread_create(&watch->thread, NULL, watch_run, watch), 0);
	return job;
}

static void watch_end(struct watch *watch)
{
	watch->stop = true;
	pthread_join(watch->thread, NULL);
}

/* Frozen while something is reclaimed, and no longer: it can free memory itself in between. */
Test(memory_limits, frozen_and_thawed_when_it_fits)
{
	struct watch watch;
	struct rt_job *job = freezing(LONG_MS, &watch);
	struct berth_container *other = mem_other(job);
	rt_ok(set(other, 24));
	mem_until(watch.frozen >= 2);
	mem_until(watch.running >= 2);
	dprintf(job->in, "free\n");
	rt_job_expect(job, "freed");
	mem_until(mem_limit(other) == 24 * MIB);
	mem_until(berth_container_state(other) == BERTH_RUNNING);
	watch_end(&watch);
	dprintf(job->in, "take 1\n");
	rt_job_expect(job, "taken");
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

static bool seen_frozen_and_killed(int grace_ms)
{
	struct watch watch;
	struct rt_job *job = freezing(grace_ms, &watch);
	mem_set_in_vain(mem_other(job), 24);
	struct berth_end end = mem_join(job);
	watch_end(&watch);
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	return watch.frozen > 0;
}

Test(memory_limits, frozen_and_killed)
{
	mem_within(seen_frozen_and_killed, 2000);
}

Test(memory_limits, frozen_and_replaced)
{
	struct watch watch;
	struct rt_job *job = freezing(LONG_MS, &watch);
	struct berth_container *other = mem_other(job);
	rt_ok(set(other, 24));
	mem_until(watch.frozen >= 1);
	rt_ok(set(other, 100));
	cr_expect_eq(berth_container_state(other), BERTH_RUNNING);
	watch_end(&watch);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

Test(memory_limits, frozen_and_killed_on_request)
{
	struct watch watch;
	struct rt_job *job = freezing(LONG_MS, &watch);
	struct berth_container *other = mem_other(job);
	rt_ok(set(other, 24));
	mem_until(watch.frozen >= 1);
	rt_ok(berth_container_kill(other, BERTH_KILLED, &rt.error));
	rt_expect_end(mem_join(job), BERTH_KILLED, SIGKILL);
	watch_end(&watch);
}

/* ---- Without a note ---- */

static bool is_noted(const char *name)
{
	cleanup_fd int file = state_open(rt.berth, name, NULL);
	cr_assert_geq(file, 0);
	return state_has_note(file);
}

/* What is a matter of writing it leaves no trace; what is more is noted, and then seen by the next. */
Test(memory_limits, at_once_or_noted)
{
	struct berth_options options = MEM_HOG(128, "ask");
	options.name = "hog";
	options.resources.swap = 0;
	options.cgroup_files = NULL;
	options.memory_policy = mem_policy(LONG_MS, 0);
	struct rt_job *job = mem_launch(options, "ready");
	rt_ok(set(job->container, 96));
	rt_ok(set(job->container, 160));
	cr_expect(!is_noted("hog"));
	cr_expect_eq(mem_limit(job->container), 160 * MIB);
	dprintf(job->in, "take 48\n");
	rt_job_expect(job, "taken");
	struct berth_container *other = mem_other(job);
	mem_attend(job);
	rt_ok(set(other, 24));
	cr_expect(is_noted("hog"), "a limit below what is in use was not noted");
	/* A newer one replaces it, though it is a matter of writing it. */
	rt_ok(set(other, 128));
	cr_expect_eq(mem_limit(other), 128 * MIB);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

/* The container's swap keeps to its limit though another than the one who set it lowers the memory. */
Test(memory_limits, swap_set_by_file_is_seen)
{
	struct berth_options options = MEM_HOG(128, "ask");
	options.resources.swap = 0;
	options.cgroup_files = NULL;
	if (!mem_is_v1())
		cr_skip_test("on v2 swap is limited apart from memory");
	struct rt_job *job = mem_launch(options, "ready");
	rt_ok(berth_container_cgroup_write(job->container, "memory.memsw.limit_in_bytes", "134217728", &rt.error));
	rt_ok(set(job->container, 64));
	cr_expect_eq(swap_limit(job->container), 0, "%llu", (unsigned long long)swap_limit(job->container));
	rt_job_close_input(job);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}
