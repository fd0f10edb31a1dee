/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/memory/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

enum { OWNERS = 64, OTHERS = 128 };

static struct owner {
	struct rt_job *job;
	pthread_t thread;
	struct berth_end end;
	int code;
	struct berth_error error;
} owners[OWNERS];
static struct berth_container *others[OTHERS];

void mem_init(void)
{
	rt_init();
	rt_require_controller("memory");
	rt_require_controller("freezer");
}

void mem_fini(void)
{
	for (size_t i = 0; i < OWNERS; i++) {
		if (!owners[i].job)
			continue;
		berth_container_kill(owners[i].job->container, BERTH_KILLED, NULL);
		pthread_join(owners[i].thread, NULL);
		owners[i].job = NULL;
	}
	for (size_t i = 0; i < OTHERS; i++) {
		berth_container_close(others[i]);
		others[i] = NULL;
	}
	rt_fini();
}

int mem_slow(void)
{
	const char *text = getenv("BERTH_TEST_TIMEOUT");
	int factor = text ? atoi(text) / 120 : 1;
	return factor > 1 ? factor : 1;
}

/* ---- Launching ---- */

static void hog_install(void)
{
	char path[200], block[65536];
	snprintf(path, sizeof path, "%s/bin/hog", rt_root());
	if (access(path, F_OK) == 0)
		return;
	cleanup_fd int in = open(rt_payload("hog"), O_RDONLY | O_CLOEXEC);
	cleanup_fd int out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ssize_t length;
	while ((length = read(in, block, sizeof block)) > 0)
		cr_assert_eq(write(out, block, (size_t)length), length);
	cr_assert_eq(length, 0, "copy %s", rt_payload("hog"));
}

struct berth_options mem_hog(uint64_t limit_mib, const char *const *argv)
{
	static char names[64][32];
	static unsigned int next;
	struct berth_options options = rt_options(argv);
	hog_install();
	snprintf(names[next % 64], sizeof *names, "hog %u", next);
	options.name = names[next++ % 64];
	options.resources.memory = limit_mib * MIB;
	options.resources.swap = BERTH_NO_SWAP;
	/* v1 limits memory and swap together, and may swap out on the way down what has no place there in the end. */
	static const char *const unswapped[] = {"memory.swappiness=0", NULL};
	options.cgroup_files = mem_is_v1() ? unswapped : NULL;
	return options;
}

const struct berth_memory_policy *mem_policy(int grace_ms, int lenient_ms)
{
	static struct berth_memory_policy policies[8];
	static unsigned int next;
	struct berth_memory_policy *policy = &policies[next++ % 8];
	*policy = (struct berth_memory_policy)BERTH_MEMORY_POLICY_INIT;
	policy->grace_ms = grace_ms;
	policy->lenient_ms = lenient_ms;
	return policy;
}

struct rt_job *mem_launch(struct berth_options options, const char *said)
{
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, said);
	return job;
}

static void *owner_run(void *data)
{
	struct owner *owner = data;
	owner->code = berth_container_wait(owner->job->container, -1, &owner->end, &owner->error);
	return NULL;
}

void mem_attend(struct rt_job *job)
{
	struct owner *owner = owners;
	while (owner->job)
		cr_assert_lt(++owner, owners + OWNERS, "too many owners");
	rt_ok(berth_container_monitor(job->container, &rt.error));
	*owner = (struct owner){.job = job, .end = BERTH_END_INIT};
	cr_assert_eq(pthread_create(&owner->thread, NULL, owner_run, owner), 0);
}

struct berth_end mem_join(struct rt_job *job)
{
	struct owner *owner = owners;
	while (owner->job != job)
		cr_assert_lt(++owner, owners + OWNERS, "nobody attends to it");
	pthread_join(owner->thread, NULL);
	owner->job = NULL;
	cr_assert_eq(owner->code, 0, "wait: %s", owner->error.text);
	return rt_job_end(job);
}

struct berth_container *mem_other(const struct rt_job *job)
{
	struct berth_container *container;
	size_t slot = 0;
	rt_ok(berth_container_find(rt.berth, berth_container_name(job->container), &container, &rt.error));
	while (others[slot])
		cr_assert_lt(++slot, (size_t)OTHERS, "too many handles");
	return others[slot] = container;
}

/* ---- In time ---- */

void mem_set_in_vain(struct berth_container *container, uint64_t mib)
{
	const struct berth_resources resources = {.size = sizeof resources, .memory = mib * MIB};
	int code = berth_container_update(container, &resources, &rt.error);
	cr_assert(code == 0 || code == -ENOMEM, "%d: %s", code, rt.error.text);
}

void mem_within(bool (*act)(int grace_ms), int grace_ms)
{
	for (; !act(grace_ms); grace_ms *= 3)
		cr_assert_lt(grace_ms, rt_patience(), "too slow for a grace of %d ms", grace_ms);
}

bool mem_too_late(struct rt_job *job, uint64_t start_ms, int grace_ms)
{
	if (monotonic_ms() - start_ms < (uint64_t)grace_ms)
		return false;
	berth_container_kill(job->container, BERTH_KILLED, NULL);
	mem_join(job);
	return true;
}

/* ---- Looking ---- */

static uint64_t file_number(struct berth_container *container, const char *file)
{
	char text[64];
	if (berth_container_cgroup_read(container, file, text, sizeof text, NULL) < 0)
		return 0;
	return strtoull(text, NULL, 10);
}

uint64_t mem_limit(struct berth_container *container)
{
	return file_number(container, "memory.limit_in_bytes");
}

uint64_t mem_usage(struct berth_container *container)
{
	return file_number(container, "memory.usage_in_bytes");
}

uint64_t mem_oom_kills(struct berth_container *container)
{
	struct berth_stats stats = BERTH_STATS_INIT;
	return berth_container_stats(container, &stats, NULL) < 0 ? 0 : stats.oom_kills;
}

void mem_nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

bool mem_is_v1(void)
{
	cr_assert_eq(context_require_layout(rt.berth, NULL), 0);
	return cgroup_layout_version(rt.berth->layout, CGROUP_MEMORY) == 1;
}

double mem_seconds(const struct berth_end *end)
{
	const char *within = strstr(end->text, "within ");
	double seconds;
	return within && sscanf(within, "within %lf s", &seconds) == 1 ? seconds : -1;
}
