/* SPDX-License-Identifier: Apache-2.0 */
/* How long a container may stay over its share: to the deadline, or longer while the host has memory to spare. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/memory_policy.h"
#include "tests/memory/mem.h"

TestSuite(memory_leniency, .init = mem_init, .fini = mem_fini);

enum { TRIES = 3, MOMENTS = 30, GRACE_MS = 300, FILL_STEP = 32 << 20 };

/* The seconds that a container which can't fit was given. */
static double given(int grace_ms)
{
	struct berth_options options = MEM_HOG(128, "hold", "48", "1000");
	options.memory_policy = mem_policy(grace_ms, 0);
	struct rt_job *job = mem_launch(options, "holding");
	mem_attend(job);
	struct berth_resources resources = {.size = sizeof resources, .memory = 24 * MIB};
	berth_container_update(mem_other(job), &resources, NULL);
	struct berth_end end = mem_join(job);
	cr_assert_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	return mem_seconds(&end);
}

/* By the engine's own clock; what a busy machine is late by is less than a tenth of a longer grace. */
static bool killed_within_a_tenth(int grace_ms)
{
	double wanted = grace_ms / 1000.0, seconds = given(grace_ms);
	cr_assert_geq(seconds, wanted - 0.05, "killed after %.1f s of %.1f", seconds, wanted);
	return seconds <= wanted * 1.1;
}

Test(memory_leniency, strict_is_killed_at_the_deadline)
{
	mem_within(killed_within_a_tenth, 2000);
}

/* Which takes a moment, where the machine has one. */
Test(memory_leniency, without_grace_there_is_one_try)
{
	double seconds = 0;
	for (int i = 0; i < MOMENTS; i++)
		if ((seconds = given(BERTH_NO_GRACE)) <= 0.2)
			return;
	cr_expect(false, "killed after %.1f s", seconds);
}

/* ---- While the host has memory to spare ---- */

struct seen {
	uint64_t lenient_ms; /* when it was told last that it would be over, but for the host's memory */
	bool done;
};

static void tell(const struct berth_scale *scale, void *data)
{
	struct seen *seen = data;
	if (scale->lenient)
		__atomic_store_n(&seen->lenient_ms, scale->elapsed_ms, __ATOMIC_RELAXED);
	seen->done = scale->done;
}

static struct rt_job *lenient(const struct berth_memory_policy *policy)
{
	struct berth_options options = MEM_HOG(128, "ask");
	options.memory_policy = policy;
	struct rt_job *job = mem_launch(options, "ready");
	dprintf(job->in, "take 48\n");
	rt_job_expect(job, "taken");
	mem_attend(job);
	return job;
}

static struct berth_memory_policy policy_with(int lenient_ms, uint64_t reserve)
{
	struct berth_memory_policy policy = *mem_policy(GRACE_MS, lenient_ms);
	policy.reserve = reserve;
	/* Others may be at work on this machine, and their waiting is not what this is about. */
	policy.pressure = 100;
	return policy;
}

static bool survived_to_the_second_deadline(int lenient_ms)
{
	struct berth_memory_policy policy = policy_with(lenient_ms, MIB);
	struct rt_job *job = lenient(&policy);
	struct seen seen = {0};
	rt_expect_error(berth_container_scale(mem_other(job), 24 * MIB, tell, &seen, &rt.error), ENOMEM);
	struct berth_end end = mem_join(job);
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	cr_expect_geq(mem_seconds(&end), lenient_ms / 1000.0 - 0.05, "%s", end.text);
	cr_log_info("grace 0.3 s, leniency %.1f s: %s", lenient_ms / 1000.0, end.text);
	return seen.lenient_ms > GRACE_MS;
}

Test(memory_leniency, survives_to_the_second_deadline)
{
	mem_within(survived_to_the_second_deadline, 1500);
}

struct scaler {
	pthread_t thread;
	struct berth_container *container;
	struct seen seen;
	int code;
};

static void *scaler_run(void *data)
{
	struct scaler *scaler = data;
	scaler->code = berth_container_scale(scaler->container, 24 * MIB, tell, &scaler->seen, NULL);
	return NULL;
}

Test(memory_leniency, survives_and_gets_there)
{
	struct berth_memory_policy policy = policy_with(60000, MIB);
	struct rt_job *job = lenient(&policy);
	struct scaler scaler = {.container = mem_other(job)};
	cr_assert_eq(pthread_create(&scaler.thread, NULL, scaler_run, &scaler), 0);
	mem_until(__atomic_load_n(&scaler.seen.lenient_ms, __ATOMIC_RELAXED) > GRACE_MS);
	dprintf(job->in, "free\n");
	pthread_join(scaler.thread, NULL);
	cr_expect_eq(scaler.code, 0, "%d", scaler.code);
	cr_expect(scaler.seen.done);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

/* The host has nothing to spare from the beginning. */
Test(memory_leniency, a_host_that_is_short_is_strict)
{
	struct berth_memory_policy policy = policy_with(60000, UINT64_MAX);
	struct rt_job *job = lenient(&policy);
	struct seen seen = {0};
	rt_expect_error(berth_container_scale(mem_other(job), 24 * MIB, tell, &seen, &rt.error), ENOMEM);
	struct berth_end end = mem_join(job);
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	cr_expect_lt(mem_seconds(&end), 30.0, "%s", end.text);
	cr_expect_eq(seen.lenient_ms, 0);
}

/* Takes the host's memory until it is killed, or there is so little left that the machine needs it. */
static int fill(void *data)
{
	uint64_t leave = *(const uint64_t *)data;
	struct host_memory host;
	while (host_memory_read(&host, NULL) == 0 && host.available > leave) {
		char *memory = mmap(NULL, FILL_STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			break;
		for (size_t i = 0; i < FILL_STEP; i += 4096)
			memcpy(memory + i, &i, sizeof i);
	}
	pause();
	return 0;
}

/* With so much memory to spare it survives, and is killed when somebody else takes that. False: others did. */
static bool host_gets_short(void)
{
	struct host_memory host;
	struct error error;
	cr_assert_eq(host_memory_read(&host, &error), 0, "%s", error.text);
	uint64_t spare = 1024 * MIB < host.available / 4 ? 1024 * MIB : host.available / 4;
	struct berth_memory_policy policy = policy_with(120000, host.available - spare);
	struct rt_job *job = lenient(&policy);
	struct scaler scaler = {.container = mem_other(job)};
	cr_assert_eq(pthread_create(&scaler.thread, NULL, scaler_run, &scaler), 0);
	mem_until(__atomic_load_n(&scaler.seen.lenient_ms, __ATOMIC_RELAXED) > 2 * (uint64_t)GRACE_MS ||
		  berth_container_state(scaler.container) == BERTH_ENDED);
	bool survived = __atomic_load_n(&scaler.seen.lenient_ms, __ATOMIC_RELAXED) > 2 * (uint64_t)GRACE_MS;
	uint64_t leave = (host.available - spare) / 2;
	pid_t filler = survived ? rt_fork(fill, &leave) : 0;
	struct berth_end end = mem_join(job);
	pthread_join(scaler.thread, NULL);
	if (filler) {
		kill(filler, SIGKILL);
		rt_wait_child(filler);
	}
	cr_expect_eq(scaler.code, -ENOMEM);
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	cr_expect_lt(mem_seconds(&end), 120.0, "%s", end.text);
	cr_log_info("grace 0.3 s, leniency 120 s, %.1f GiB to spare: it lived for %.1f s, then the host got short: %s",
		    (double)spare / (1024 * MIB), (double)scaler.seen.lenient_ms / 1000, end.text);
	return survived;
}

Test(memory_leniency, the_host_gets_short)
{
	bool survived = false;
	for (int i = 0; i < TRIES && !survived; i++)
		survived = host_gets_short();
	cr_expect(survived, "it never outlived its grace");
}
