/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hundred executors of ten frameworks, launched, resized up and down at random, and ended in every way, by slaves in
 * several threads, while others resize them from outside. Nobody but who is meant may end, each with its reason, and
 * nothing may be left. For two minutes with BERTH_FULL_SOAK=1.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/memory/mem.h"

enum {
	EXECUTORS = 100,
	FRAMEWORKS = 10,
	SLAVES = 4,
	RESIZERS = 2,
	EACH = EXECUTORS / SLAVES,
	SHORT_MS = 12000,
	FULL_MS = 120000,
	GRACE_MS = 150,
	AGAIN_MS = 500, /* a request to shrink may have been replaced from outside */
	HELD_MIB = 4,
	POLLED = 3, /* descriptors of an executor */
	ACTS = 3,   /* between two looks */
};

enum fate { LIVES, STOPPED, TIMED_OUT, EXITS, SHRUNK, FATES };

struct executor {
	struct berth_container *container; /* NULL: none now */
	int in, out;
	bool holds;
	enum fate fate;
	uint64_t asked_ms; /* to shrink */
	int monitor, timeout_ms;
};

static struct executor executors[EXECUTORS];
static uint64_t deadline;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char wrong[4096];
static unsigned long launched, resized, resized_outside, ended[FATES];

/* Assertions are the main thread's. */
__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	pthread_mutex_lock(&lock);
	size_t length = strlen(wrong);
	vsnprintf(wrong + length, sizeof wrong - length, format, list);
	pthread_mutex_unlock(&lock);
	va_end(list);
}

static void count(unsigned long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void name_of(size_t i, char name[64])
{
	snprintf(name, 64, "mesos_executor_%zu_framework_%zu", i / FRAMEWORKS, i % FRAMEWORKS);
}

static uint64_t size_at_random(unsigned int *seed)
{
	return (uint64_t)(4 * HELD_MIB + rand_r(seed) % 64) * MIB;
}

/* The time is up, and there were as many as there are to be. */
static bool is_over(void)
{
	return monotonic_ms() >= deadline && __atomic_load_n(&launched, __ATOMIC_RELAXED) >= EXECUTORS;
}

/* ---- One executor ---- */

static void launch(struct executor *executor, unsigned int *seed, const char *root)
{
	size_t i = (size_t)(executor - executors);
	char name[64], framework[200];
	name_of(i, name);
	snprintf(framework, sizeof framework, "framework:F%zu:%s", i % FRAMEWORKS, root);
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0) {
		complain("pipe: %s\n", strerror(errno));
		return;
	}
	const char *const argv[] = {"/bin/hog", "hold", "4", "20000", NULL};
	struct berth_memory_policy policy = BERTH_MEMORY_POLICY_INIT;
	policy.grace_ms = GRACE_MS;
	struct berth_options options = BERTH_OPTIONS_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	options.name = name;
	options.root = framework;
	options.argv = argv;
	options.cgroup_parent = rt.parent;
	options.resources.memory = size_at_random(seed);
	options.resources.swap = BERTH_NO_SWAP;
	options.memory_policy = &policy;
	options.stdio = (const int[]){in[0], out[1], out[1]};
	*executor = (struct executor){.in = in[1], .out = out[0], .timeout_ms = -1};
	if (berth_launch(rt.berth, &options, &executor->container, &error) < 0 ||
	    (executor->monitor = berth_container_monitor(executor->container, &error)) < 0)
		complain("launch %s: %s\n", name, error.text);
	close(in[0]);
	close(out[1]);
	count(&launched);
}

static void shrink(struct executor *executor)
{
	struct berth_resources resources = {.size = sizeof resources, .memory = 2 * MIB};
	struct berth_error error = BERTH_ERROR_INIT;
	int code = berth_container_update(executor->container, &resources, &error);
	if (code < 0 && code != -ESRCH && code != -ENOMEM)
		complain("shrink %s: %s\n", berth_container_name(executor->container), error.text);
	executor->asked_ms = monotonic_ms();
}

static void doom(struct executor *executor, enum fate fate)
{
	executor->fate = fate;
	if (fate == STOPPED)
		berth_container_kill(executor->container, BERTH_KILLED, NULL);
	else if (fate == TIMED_OUT)
		berth_container_kill(executor->container, BERTH_TIMEOUT, NULL);
	else if (fate == SHRUNK)
		shrink(executor);
	if (fate == EXITS) {
		close(executor->in);
		executor->in = -1;
	}
}

static void resize(const struct executor *executor, unsigned int *seed)
{
	struct berth_resources resources = {.size = sizeof resources, .memory = size_at_random(seed)};
	struct berth_error error = BERTH_ERROR_INIT;
	int code = berth_container_update(executor->container, &resources, &error);
	if (code < 0 && code != -ESRCH)
		complain("resize %s: %s\n", berth_container_name(executor->container), error.text);
	count(&resized);
}

static void reap(struct executor *executor)
{
	static const enum berth_reason reasons[] = {[STOPPED] = BERTH_KILLED,
						    [TIMED_OUT] = BERTH_TIMEOUT,
						    [EXITS] = BERTH_EXITED,
						    [SHRUNK] = BERTH_SCALE_DOWN};
	struct berth_end end = BERTH_END_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	const char *name = berth_container_name(executor->container);
	if (berth_container_wait(executor->container, -1, &end, &error) < 0)
		complain("wait for %s: %s\n", name, error.text);
	else if (end.reason != reasons[executor->fate] || (end.reason == BERTH_EXITED && end.code) || end.oom_kills)
		complain("%s, whose fate was %d, ended: %s (%llu OOM kills)\n", name, executor->fate, end.text,
			 (unsigned long long)end.oom_kills);
	count(&ended[executor->fate]);
	berth_container_close(executor->container);
	if (executor->in >= 0)
		close(executor->in);
	close(executor->out);
	executor->container = NULL;
}

/* ---- A slave ---- */

static void act(struct executor *executor, unsigned int *seed, const char *root)
{
	bool over = is_over();
	if (!executor->container && !over)
		launch(executor, seed, root);
	else if (!executor->container || !executor->holds)
		return;
	else if (executor->fate == SHRUNK && monotonic_ms() - executor->asked_ms > AGAIN_MS)
		shrink(executor);
	else if (executor->fate == LIVES && (over || rand_r(seed) % 8 == 0))
		doom(executor, (enum fate)(STOPPED + rand_r(seed) % (FATES - STOPPED)));
	else if (executor->fate == LIVES)
		resize(executor, seed);
}

static void serve(struct executor *executor, const struct pollfd *polled)
{
	struct berth_error error = BERTH_ERROR_INIT;
	char said[64];
	if (polled[2].revents && !executor->holds && read(executor->out, said, sizeof said) > 0)
		executor->holds = true;
	if (berth_container_attend(executor->container, &executor->timeout_ms, &error) < 0)
		complain("attend to %s: %s\n", berth_container_name(executor->container), error.text);
	if (polled[0].revents)
		reap(executor);
}

static void *slave_run(void *data)
{
	struct executor *mine = data;
	unsigned int seed = (unsigned int)(mine - executors) + 1;
	char root[100];
	snprintf(root, sizeof root, "%s", rt.root);
	for (;;) {
		struct pollfd polled[EACH * POLLED];
		int alive = 0;
		for (size_t i = 0; i < EACH; i++) {
			const struct executor *executor = &mine[i];
			bool there = executor->container != NULL;
			alive += there;
			const int fds[POLLED] = {
				there ? berth_container_pidfd(executor->container) : -1,
				there ? executor->monitor : -1,
				there && !executor->holds ? executor->out : -1,
			};
			for (size_t j = 0; j < POLLED; j++)
				polled[i * POLLED + j] = (struct pollfd){.fd = fds[j], .events = POLLIN};
		}
		if (!alive && is_over())
			return NULL;
		poll(polled, EACH * POLLED, 5);
		for (size_t i = 0; i < EACH; i++)
			if (mine[i].container)
				serve(&mine[i], &polled[i * POLLED]);
		for (int i = 0; i < ACTS; i++)
			act(&mine[rand_r(&seed) % EACH], &seed, root);
		if (is_over())
			for (size_t i = 0; i < EACH; i++)
				act(&mine[i], &seed, root);
	}
}

/* ---- Others ---- */

static void *resizer_run(void *data)
{
	unsigned int seed = 1000 + *(const unsigned int *)data;
	while (!is_over()) {
		char name[64];
		name_of((size_t)rand_r(&seed) % EXECUTORS, name);
		struct berth_container *container;
		struct berth_error error = BERTH_ERROR_INIT;
		if (berth_container_find(rt.berth, name, &container, &error) < 0) {
			poll(NULL, 0, 1);
			continue;
		}
		struct berth_resources resources = {.size = sizeof resources, .memory = size_at_random(&seed)};
		int code = berth_container_update(container, &resources, &error);
		/* It may be being made, or have ended; and its slave, which has others to see to, be slow to answer. */
		bool slow = code == -ETIMEDOUT && mem_slow() > 1;
		if (code < 0 && code != -ESRCH && code != -ENOENT && code != -EAGAIN && !slow)
			complain("resize %s from outside: %d, %s\n", name, code, error.text);
		berth_container_close(container);
		count(&resized_outside);
	}
	return NULL;
}

TestSuite(memory_soak, .init = mem_init, .fini = mem_fini);

Test(memory_soak, a_hundred_executors)
{
	const char *full = getenv("BERTH_FULL_SOAK");
	bool is_full = full && *full && strcmp(full, "0") != 0;
	struct berth_options unused = MEM_HOG(1, "hold"); /* makes the root with the hog in it */
	(void)unused;
	deadline = monotonic_ms() + (is_full ? FULL_MS : SHORT_MS);
	pthread_t slaves[SLAVES], resizers[RESIZERS];
	unsigned int numbers[RESIZERS];
	for (size_t i = 0; i < SLAVES; i++)
		cr_assert_eq(pthread_create(&slaves[i], NULL, slave_run, &executors[i * EACH]), 0);
	for (size_t i = 0; i < RESIZERS; i++) {
		numbers[i] = (unsigned int)i;
		cr_assert_eq(pthread_create(&resizers[i], NULL, resizer_run, &numbers[i]), 0);
	}
	for (size_t i = 0; i < SLAVES; i++)
		pthread_join(slaves[i], NULL);
	for (size_t i = 0; i < RESIZERS; i++)
		pthread_join(resizers[i], NULL);
	cr_expect_str_empty(wrong, "%s", wrong);
	cr_expect_geq(launched, EXECUTORS);
	unsigned long sum = 0;
	for (int fate = STOPPED; fate < FATES; fate++) {
		cr_expect_gt(ended[fate], 0, "nobody had fate %d", fate);
		sum += ended[fate];
	}
	cr_expect_eq(ended[LIVES], 0);
	cr_expect_eq(sum, launched);
	cr_expect_gt(resized_outside, 0);
	cr_log_info("%lu launched; %lu stopped, %lu timed out, %lu exited, %lu killed for their memory; "
		    "resized %lu times by their owners, %lu times from outside",
		    launched, ended[STOPPED], ended[TIMED_OUT], ended[EXITS], ended[SHRUNK], resized, resized_outside);
	for (int i = 0; i < FRAMEWORKS; i++) {
		char framework[8];
		snprintf(framework, sizeof framework, "F%d", i);
		rt_ok(berth_root_remove(rt.berth, framework, &rt.error));
	}
	/* State, cgroups and mounts here; processes and descriptors in fini. */
	rt_expect_nothing_left();
}
