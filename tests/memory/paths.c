/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering a container's memory limit, by every way there is: from outside or by the owner, who attends or doesn't. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/scale_note.h"
#include "tests/memory/mem.h"

TestSuite(memory_paths, .init = mem_init, .fini = mem_fini);

enum { LONG_MS = 60000 }; /* a grace that no test waits for */

static struct berth_resources memory(uint64_t mib)
{
	return (struct berth_resources){.size = sizeof(struct berth_resources), .memory = mib * MIB};
}

static int set(struct berth_container *container, uint64_t mib)
{
	struct berth_resources resources = memory(mib);
	return berth_container_update(container, &resources, &rt.error);
}

static struct rt_job *holding(uint64_t limit_mib, const char *mib, int grace_ms, int lenient_ms)
{
	struct berth_options options = MEM_HOG(limit_mib, "hold", mib, "1000");
	options.memory_policy = mem_policy(grace_ms, lenient_ms);
	return mem_launch(options, "holding");
}

static void expect_scale_down(struct berth_end end, const char *limit)
{
	char tail[64];
	snprintf(tail, sizeof tail, " did not fit the new limit of %s within ", limit);
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	cr_expect_eq(end.code, SIGKILL);
	cr_expect_eq(berth_end_status(&end), 128 + SIGKILL);
	cr_expect(strncmp(end.text, "memory scale-down failed: ", 26) == 0, "%s", end.text);
	cr_expect(strstr(end.text, " MiB in use") != NULL && strstr(end.text, tail) != NULL, "%s", end.text);
	cr_expect_eq(end.oom_kills, 0, "%s", end.text);
}

/* ---- Somebody attends ---- */

Test(memory_paths, update_returns_when_the_owner_has_accepted)
{
	struct rt_job *job = holding(128, "64", LONG_MS, 0);
	mem_attend(job);
	struct berth_container *other = mem_other(job);
	rt_ok(set(other, 32));
	/* It has not been reached, and is being worked on. */
	cr_expect_gt(mem_limit(other), 64 * MIB);
	cr_expect_eq(berth_container_state(other), BERTH_RUNNING);
	mem_until(mem_limit(other) < 72 * MIB);
	/* And everybody can see what it is on its way to. */
	cleanup_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	rt_ok(berth_container_inspect(other, out, &rt.error));
	fclose(out);
	const char *way = strstr(text, "\"scale_down\": {");
	cr_expect(way && strstr(way, "\"memory\": 33554432,"), "%s", text);
	/* Once the memory is freed, the limit gets there. */
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

Test(memory_paths, the_limit_is_reached_when_memory_is_freed)
{
	struct berth_options options = MEM_HOG(128, "ask");
	options.memory_policy = mem_policy(LONG_MS, 0);
	struct rt_job *job = mem_launch(options, "ready");
	dprintf(job->in, "take 64\n");
	rt_job_expect(job, "taken");
	mem_attend(job);
	struct berth_container *other = mem_other(job);
	rt_ok(set(other, 32));
	dprintf(job->in, "free\n");
	rt_job_expect(job, "freed");
	mem_until(mem_limit(other) == 32 * MIB);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

Test(memory_paths, time_is_up)
{
	struct rt_job *job = holding(128, "64", 500, 0);
	mem_attend(job);
	mem_set_in_vain(mem_other(job), 32);
	struct berth_end end = mem_join(job);
	expect_scale_down(end, "32.0 MiB");
	cr_expect_geq(mem_seconds(&end), 0.5, "%s", end.text);
}

Test(memory_paths, a_limit_that_fits_is_in_force_at_once)
{
	struct rt_job *job = holding(128, "16", LONG_MS, 0);
	mem_attend(job);
	struct berth_container *other = mem_other(job);
	rt_ok(set(other, 64));
	cr_expect_eq(mem_limit(other), 64 * MIB);
	rt_ok(set(other, 200));
	cr_expect_eq(mem_limit(other), 200 * MIB);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

static bool up_under_way_down(int grace_ms)
{
	struct rt_job *job = holding(128, "64", grace_ms, 0);
	mem_attend(job);
	struct berth_container *other = mem_other(job);
	uint64_t start = monotonic_ms();
	int down = set(other, 32), up = set(other, 256);
	if (mem_too_late(job, start, grace_ms))
		return false;
	cr_expect(down == 0 && up == 0, "%d, %d", down, up);
	cr_expect_eq(mem_limit(other), 256 * MIB);
	/* And the old request is forgotten, its deadline too. */
	poll(NULL, 0, grace_ms + 500);
	cr_expect_eq(mem_limit(other), 256 * MIB);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
	return true;
}

Test(memory_paths, scaling_up_is_immediate_also_under_way_down)
{
	mem_within(up_under_way_down, 1000);
}

Test(memory_paths, no_limit_at_all_lifts_it)
{
	struct rt_job *job = holding(128, "64", LONG_MS, 0);
	mem_attend(job);
	struct berth_container *other = mem_other(job);
	struct berth_resources resources = memory(0);
	resources.memory = BERTH_UNLIMITED;
	rt_ok(berth_container_update(other, &resources, &rt.error));
	cr_expect_gt(mem_limit(other), 1ULL << 50);
	rt_ok(set(other, 32));
	rt_ok(berth_container_cgroup_write(other, "memory.limit_in_bytes", "-1", &rt.error));
	cr_expect_gt(mem_limit(other), 1ULL << 50);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

Test(memory_paths, what_can_never_be_met_is_refused)
{
	struct rt_job *job = holding(128, "16", LONG_MS, 0);
	struct berth_container *other = mem_other(job);
	struct berth_resources resources = memory(0);
	resources.memory = 4096;
	for (int attended = 0; attended < 2; attended++) {
		rt_expect_error(berth_container_update(other, &resources, &rt.error), EINVAL);
		cr_expect(strstr(rt.error.text, "4096") != NULL, "%s", rt.error.text);
		rt_expect_error(berth_container_scale(other, 4096, NULL, NULL, &rt.error), EINVAL);
		rt_expect_error(berth_container_scale(other, 0, NULL, NULL, &rt.error), EINVAL);
		rt_expect_error(berth_container_cgroup_write(other, "memory.limit_in_bytes", "0", &rt.error), EINVAL);
		rt_expect_error(berth_container_cgroup_write(other, "memory.limit_in_bytes", "much", &rt.error),
				EINVAL);
		rt_expect_error(berth_container_cgroup_write(other, "memory.limit_in_bytes", "-2", &rt.error), EINVAL);
		cr_expect_eq(mem_limit(other), 128 * MIB);
		if (!attended)
			mem_attend(job);
	}
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

static bool refused_under_way(int grace_ms)
{
	struct rt_job *job = holding(128, "64", grace_ms, 0);
	mem_attend(job);
	struct berth_container *other = mem_other(job);
	uint64_t start = monotonic_ms();
	int code = set(other, 32), refused = berth_container_scale(other, 1, NULL, NULL, &rt.error);
	if (mem_too_late(job, start, grace_ms))
		return false;
	cr_expect_eq(code, 0, "%d", code);
	cr_expect_eq(refused, -EINVAL, "%d: %s", refused, rt.error.text);
	expect_scale_down(mem_join(job), "32.0 MiB");
	return true;
}

/* A refused request leaves the one under way alone. */
Test(memory_paths, a_refusal_replaces_nothing)
{
	mem_within(refused_under_way, 500);
}

/* ---- Waiting for it ---- */

struct told {
	int count;
	struct berth_scale first, last;
};

static void tell(const struct berth_scale *scale, void *data)
{
	struct told *told = data;
	if (!told->count++)
		told->first = *scale;
	told->last = *scale;
}

/* One that scales in a thread of its own. */
struct scaler {
	pthread_t thread;
	struct berth_container *container;
	uint64_t mib;
	int code;
	struct told told;
	struct berth_error error;
};

static void *scaler_run(void *data)
{
	struct scaler *scaler = data;
	scaler->code = berth_container_scale(scaler->container, scaler->mib * MIB, tell, &scaler->told, &scaler->error);
	return NULL;
}

static struct scaler *scaler_start(struct scaler *scaler, struct berth_container *container, uint64_t mib)
{
	*scaler = (struct scaler){.container = container, .mib = mib};
	cr_assert_eq(pthread_create(&scaler->thread, NULL, scaler_run, scaler), 0);
	return scaler;
}

static int scaler_join(const struct scaler *scaler)
{
	pthread_join(scaler->thread, NULL);
	return scaler->code;
}

static void expect_told(const struct told *told, uint64_t target_mib, bool done)
{
	cr_expect_geq(told->count, 1 + done);
	cr_expect_eq(told->first.target, target_mib * MIB);
	cr_expect_gt(told->first.usage, 0);
	cr_expect_not(told->first.done && done && told->count > 1);
	cr_expect_eq(told->last.done, done);
	cr_expect(!done || told->last.limit == target_mib * MIB, "limit %llu", (unsigned long long)told->last.limit);
}

/* attended: from outside, while the owner attends; or from outside, while nobody does. */
static void scale_to_the_end(bool attended)
{
	struct berth_options options = MEM_HOG(128, "ask");
	options.memory_policy = mem_policy(LONG_MS, 0);
	struct rt_job *job = mem_launch(options, "ready");
	dprintf(job->in, "take 64\n");
	rt_job_expect(job, "taken");
	struct berth_container *other = mem_other(job), *another = mem_other(job);
	if (attended)
		mem_attend(job);
	struct scaler scaler;
	scaler_start(&scaler, other, 32);
	mem_until(mem_limit(another) < 72 * MIB);
	dprintf(job->in, "free\n");
	rt_job_expect(job, "freed");
	cr_expect_eq(scaler_join(&scaler), 0, "%s", scaler.error.text);
	cr_expect_eq(mem_limit(another), 32 * MIB);
	expect_told(&scaler.told, 32, true);
	rt_job_close_input(job);
	rt_expect_end(attended ? mem_join(job) : rt_job_end(job), BERTH_EXITED, 0);
}

Test(memory_paths, scale_waits_and_tells)
{
	scale_to_the_end(true);
}

Test(memory_paths, scale_waits_and_tells_with_nobody_attending)
{
	scale_to_the_end(false);
}

Test(memory_paths, scale_of_what_fits_tells_once)
{
	struct rt_job *job = holding(128, "16", LONG_MS, 0);
	struct berth_container *other = mem_other(job);
	for (int attended = 0; attended < 2; attended++) {
		struct told told = {0};
		rt_ok(berth_container_scale(other, 64 * MIB, tell, &told, &rt.error));
		cr_expect_eq(told.count, 1);
		cr_expect(told.last.done);
		cr_expect_eq(told.last.limit, 64 * MIB);
		if (!attended)
			mem_attend(job);
	}
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

static bool waited_for_the_kill(int grace_ms)
{
	struct rt_job *job = holding(128, "64", grace_ms, 0);
	mem_attend(job);
	struct berth_container *other = mem_other(job);
	struct told told = {0};
	rt_expect_error(berth_container_scale(other, 32 * MIB, tell, &told, &rt.error), ENOMEM);
	cr_expect(strstr(rt.error.text, "killed") != NULL, "%s", rt.error.text);
	expect_scale_down(mem_join(job), "32.0 MiB");
	/* The first step was the last. */
	if (!told.count)
		return false;
	expect_told(&told, 32, false);
	return true;
}

Test(memory_paths, who_waits_learns_of_the_kill)
{
	mem_within(waited_for_the_kill, 700);
}

struct setter {
	pthread_t thread;
	struct berth_container *container;
	int code;
	struct berth_error error;
};

static void *setter_run(void *data)
{
	struct setter *setter = data;
	struct berth_resources resources = memory(32);
	setter->code = berth_container_update(setter->container, &resources, &setter->error);
	return NULL;
}

/* The owner answers after its first step, which may have been the container's end. */
static struct berth_error asked_for_32(uint64_t killed_for_mib)
{
	struct rt_job *job = holding(128, "64", LONG_MS, 0);
	int monitor = berth_container_monitor(job->container, &rt.error);
	rt_ok(monitor);
	struct setter setter = {.container = mem_other(job)};
	cr_assert_eq(pthread_create(&setter.thread, NULL, setter_run, &setter), 0);
	rt_wait_readable(monitor);
	struct error error;
	const struct scale_note note = {.memory = killed_for_mib * MIB};
	cr_assert_eq(scale_note_make(job->container->file), 0);
	cr_assert_eq(scale_note_write(job->container->file, &note), 0);
	cr_assert_eq(container_kill_with_detail(job->container, BERTH_SCALE_DOWN, "it did not fit", &error), 0);
	pthread_join(setter.thread, NULL);
	cr_expect_eq(setter.code, -setter.error.code);
	cr_expect_eq(rt_job_end(job).reason, BERTH_SCALE_DOWN);
	return setter.error;
}

Test(memory_paths, who_asks_learns_of_the_kill_before_the_owner_answers)
{
	struct berth_error error = asked_for_32(32);
	cr_expect_eq(error.code, ENOMEM, "%s", error.text);
	cr_expect(strstr(error.text, "killed") != NULL, "%s", error.text);
	/* For what somebody else wanted. */
	error = asked_for_32(24);
	cr_expect_eq(error.code, 0, "%s", error.text);
}

/* A kill takes a moment, in which a newer request would be met as the memory goes. */
Test(memory_paths, what_it_was_killed_for_is_not_replaced)
{
	struct rt_job *job = holding(128, "64", LONG_MS, 0);
	struct berth_container *other = mem_other(job);
	char detail[256];
	struct scale_note note = {.memory = 24 * MIB};
	cr_assert_eq(scale_note_make(other->file), 0);
	cr_assert_eq(scale_note_write(other->file, &note), 0);
	cr_assert_eq(state_write_reason(other->file, BERTH_SCALE_DOWN, "it did not fit"), 0);
	rt_ok(berth_container_scale(other, 100 * MIB, NULL, NULL, &rt.error));
	scale_note_read(other->file, &note);
	cr_expect_eq(note.memory, 24 * MIB);
	cr_expect_eq(state_read_reason(other->file, detail, sizeof detail), BERTH_SCALE_DOWN);
	cr_expect_eq(rt_job_kill(job).reason, BERTH_SCALE_DOWN);
}

Test(memory_paths, nobody_attends_and_time_is_up)
{
	struct rt_job *job = holding(128, "64", 500, 0);
	rt_expect_error(set(mem_other(job), 32), ENOMEM);
	struct berth_end end = rt_job_end(job);
	expect_scale_down(end, "32.0 MiB");
}

Test(memory_paths, an_owner_that_does_not_attend_does_it_itself)
{
	struct rt_job *job = holding(128, "64", 500, 0);
	rt_ok(set(job->container, 96));
	cr_expect_eq(mem_limit(job->container), 96 * MIB);
	rt_expect_error(set(job->container, 32), ENOMEM);
	expect_scale_down(rt_job_end(job), "32.0 MiB");
}

/* Without grace there is one try. */
Test(memory_paths, strict)
{
	struct rt_job *job = holding(128, "64", BERTH_NO_GRACE, 0);
	mem_attend(job);
	struct berth_container *other = mem_other(job);
	rt_expect_error(berth_container_scale(other, 32 * MIB, NULL, NULL, &rt.error), ENOMEM);
	/* Who hears that may count on its being gone. */
	cr_expect_eq(berth_container_state(other), BERTH_ENDED);
	struct berth_end end = mem_join(job);
	expect_scale_down(end, "32.0 MiB");
	cr_expect_lt(mem_seconds(&end), 5.0, "%s", end.text);
}

/* ---- Within the owner ---- */

/* Drives the container as a slave's loop does, until it has ended or the condition holds. */
#define drive_until(container, monitor, condition)                                                                     \
	do {                                                                                                           \
		int timeout_ms_ = 0;                                                                                   \
		while (!(condition)) {                                                                                 \
			struct pollfd polled_[] = {                                                                    \
				{.fd = berth_container_pidfd(container), .events = POLLIN},                            \
				{.fd = (monitor), .events = POLLIN},                                                   \
			};                                                                                             \
			cr_assert_neq(poll(polled_, 2, timeout_ms_ < 0 ? rt_patience() : timeout_ms_) + timeout_ms_,   \
				      -1, "nothing came");                                                             \
			rt_ok(berth_container_attend(container, &timeout_ms_, &rt.error));                             \
			if (polled_[0].revents)                                                                        \
				break;                                                                                 \
		}                                                                                                      \
	} while (0)

Test(memory_paths, the_owner_asks_itself)
{
	struct rt_job *job = holding(128, "64", 800, 0);
	int monitor = berth_container_monitor(job->container, &rt.error);
	rt_ok(monitor);
	cr_expect_eq(berth_container_monitor(job->container, &rt.error), monitor, "the same again");
	int code = set(job->container, 32);
	cr_expect(code == 0 ? mem_limit(job->container) > 32 * MIB : code == -ENOMEM, "%d: update waited", code);
	drive_until(job->container, monitor, false);
	expect_scale_down(rt_job_end(job), "32.0 MiB");
}

/* The descriptor alone is enough: it is readable when a step is due, for loops that keep no time. */
Test(memory_paths, the_descriptor_wakes_for_steps)
{
	struct rt_job *job = holding(128, "64", 800, 0);
	int monitor = berth_container_monitor(job->container, &rt.error), ignored;
	mem_set_in_vain(job->container, 32);
	for (;;) {
		struct pollfd polled[] = {{.fd = berth_container_pidfd(job->container), .events = POLLIN},
					  {.fd = monitor, .events = POLLIN}};
		cr_assert_gt(poll(polled, 2, rt_patience()), 0, "it never woke");
		if (polled[0].revents)
			break;
		rt_ok(berth_container_attend(job->container, &ignored, &rt.error));
	}
	expect_scale_down(rt_job_end(job), "32.0 MiB");
}

static bool owner_waited(int grace_ms)
{
	struct rt_job *job = holding(128, "64", grace_ms, 0);
	rt_ok(berth_container_monitor(job->container, &rt.error));
	struct told told = {0};
	rt_ok(berth_container_scale(job->container, 96 * MIB, tell, &told, &rt.error));
	cr_expect_eq(told.count, 1);
	cr_expect(told.last.done && told.last.target == 96 * MIB && told.last.limit == 96 * MIB);
	cr_expect_eq(mem_limit(job->container), 96 * MIB);
	told = (struct told){0};
	rt_expect_error(berth_container_scale(job->container, 32 * MIB, tell, &told, &rt.error), ENOMEM);
	expect_scale_down(rt_job_end(job), "32.0 MiB");
	if (!told.count)
		return false;
	expect_told(&told, 32, false);
	return true;
}

Test(memory_paths, the_owner_waits_for_its_own)
{
	mem_within(owner_waited, 700);
}

static void *set_64(void *data)
{
	/* Once the owner is at work on 32. */
	mem_until(mem_limit(data) < 128 * MIB);
	set(data, 200);
	return NULL;
}

Test(memory_paths, the_owners_own_is_replaced_from_outside)
{
	struct rt_job *job = holding(128, "64", LONG_MS, 0);
	rt_ok(berth_container_monitor(job->container, &rt.error));
	pthread_t thread;
	cr_assert_eq(pthread_create(&thread, NULL, set_64, mem_other(job)), 0);
	struct berth_error error = BERTH_ERROR_INIT;
	int code = berth_container_scale(job->container, 32 * MIB, NULL, NULL, &error);
	cr_expect_eq(code, -ECANCELED, "%d: %s", code, error.text);
	pthread_join(thread, NULL);
	cr_expect_eq(mem_limit(job->container), 200 * MIB);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

Test(memory_paths, only_the_owner_attends)
{
	struct rt_job *job = holding(128, "16", LONG_MS, 0);
	rt_expect_error(berth_container_monitor(mem_other(job), &rt.error), EPERM);
	int timeout_ms = 7;
	rt_ok(berth_container_attend(job->container, &timeout_ms, &rt.error));
	cr_expect_eq(timeout_ms, -1);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

/* ---- A newer request ---- */

static void replaced(bool attended)
{
	struct rt_job *job = holding(128, "64", LONG_MS, 0);
	struct berth_container *first = mem_other(job), *second = mem_other(job);
	if (attended)
		mem_attend(job);
	struct scaler scaler;
	scaler_start(&scaler, first, 32);
	mem_until(mem_limit(second) < 72 * MIB);
	rt_ok(set(second, 96));
	cr_expect_eq(mem_limit(second), 96 * MIB);
	cr_expect_eq(scaler_join(&scaler), -ECANCELED, "%d: %s", scaler.code, scaler.error.text);
	cr_expect(strstr(scaler.error.text, "another") != NULL, "%s", scaler.error.text);
	cr_expect_eq(mem_limit(second), 96 * MIB, "the one replaced still works on it");
	rt_job_close_input(job);
	rt_expect_end(attended ? mem_join(job) : rt_job_end(job), BERTH_EXITED, 0);
}

Test(memory_paths, a_newer_request_replaces)
{
	replaced(true);
}

/* With nobody attending, those who ask do the work, each in a process of its own. */
Test(memory_paths, a_newer_request_replaces_with_nobody_attending)
{
	replaced(false);
}

static bool down_under_way_down(int grace_ms)
{
	struct rt_job *job = holding(128, "64", grace_ms, 0);
	mem_attend(job);
	struct berth_container *first = mem_other(job), *second = mem_other(job);
	struct scaler scaler;
	uint64_t start = monotonic_ms();
	scaler_start(&scaler, first, 32);
	mem_until(mem_limit(second) < 72 * MIB);
	int code = set(second, 24), replaced = scaler_join(&scaler);
	/* The second has a grace of its own. */
	if (replaced != -ECANCELED && mem_too_late(job, start, grace_ms))
		return false;
	cr_expect(code == 0 || code == -ENOMEM, "%d", code);
	cr_expect_eq(replaced, -ECANCELED, "%d", replaced);
	expect_scale_down(mem_join(job), "24.0 MiB");
	return true;
}

Test(memory_paths, a_newer_request_down_replaces_one_down)
{
	mem_within(down_under_way_down, 600);
}

/* The owner takes to attending while somebody who found nobody is at work. */
Test(memory_paths, the_owner_begins_to_attend_in_between)
{
	struct rt_job *job = holding(128, "64", LONG_MS, 0);
	struct berth_container *first = mem_other(job), *second = mem_other(job);
	struct scaler scaler;
	scaler_start(&scaler, first, 32);
	mem_until(mem_limit(second) < 72 * MIB);
	mem_attend(job);
	rt_ok(set(second, 100));
	cr_expect_eq(scaler_join(&scaler), -ECANCELED);
	cr_expect_eq(mem_limit(second), 100 * MIB);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

/* ---- A container that ends meanwhile ---- */

static void ends_meanwhile(bool attended)
{
	struct rt_job *job = holding(128, "64", LONG_MS, 0);
	struct berth_container *first = mem_other(job), *second = mem_other(job);
	if (attended)
		mem_attend(job);
	struct scaler scaler;
	scaler_start(&scaler, first, 32);
	mem_until(mem_limit(second) < 72 * MIB);
	rt_job_close_input(job);
	cr_expect_eq(scaler_join(&scaler), 0, "%d: %s", scaler.code, scaler.error.text);
	rt_expect_end(attended ? mem_join(job) : rt_job_end(job), BERTH_EXITED, 0);
}

Test(memory_paths, ending_meanwhile_is_no_error)
{
	ends_meanwhile(true);
}

Test(memory_paths, ending_meanwhile_is_no_error_with_nobody_attending)
{
	ends_meanwhile(false);
}

Test(memory_paths, killed_on_request_meanwhile)
{
	struct rt_job *job = holding(128, "64", LONG_MS, 0);
	mem_attend(job);
	struct berth_container *first = mem_other(job), *second = mem_other(job);
	struct scaler scaler;
	scaler_start(&scaler, first, 32);
	mem_until(mem_limit(second) < 72 * MIB);
	rt_ok(berth_container_kill(second, BERTH_KILLED, &rt.error));
	cr_expect_eq(scaler_join(&scaler), 0, "%d: %s", scaler.code, scaler.error.text);
	rt_expect_end(mem_join(job), BERTH_KILLED, SIGKILL);
}

Test(memory_paths, one_that_has_ended_is_told_so)
{
	struct berth_options options = MEM_HOG(64, "hold", "1");
	options.flags |= BERTH_KEEP_RECORD;
	struct rt_job *job = mem_launch(options, "holding");
	struct berth_container *other = mem_other(job), *late = NULL;
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	rt_ok(berth_container_find(rt.berth, options.name, &late, &rt.error));
	rt_expect_error(set(late, 32), ESRCH);
	/* This handle was opened before. */
	int code = set(other, 32);
	cr_expect(code == 0 || code == -ESRCH, "%d: %s", code, rt.error.text);
	rt_ok(berth_container_remove(late, &rt.error));
	berth_container_close(late);
}

/* It ends by itself at the very deadline, from a little before to a little after: one reason, and the right one. */
Test(memory_paths, exit_at_the_deadline)
{
	int exits = 0, kills = 0;
	for (int i = 0; i < 12; i++) {
		struct rt_job *job = holding(64, "24", 100, 0);
		mem_attend(job);
		struct berth_container *other = mem_other(job);
		/* Where the first step alone takes so long, it is killed at once. */
		int code = set(other, 12);
		cr_assert(code == 0 || code == -ENOMEM, "%s", rt.error.text);
		poll(NULL, 0, 94 + i);
		rt_job_close_input(job);
		struct berth_end end = mem_join(job);
		if (end.reason == BERTH_EXITED)
			exits++;
		else
			kills++;
		cr_expect((end.reason == BERTH_EXITED && end.code == 0 && strcmp(end.text, "exited 0") == 0) ||
				  (end.reason == BERTH_SCALE_DOWN && end.code == SIGKILL && mem_seconds(&end) > 0),
			  "%s, %s", berth_reason_name(end.reason), end.text);
	}
	cr_log_info("%d exited, %d killed", exits, kills);
}
