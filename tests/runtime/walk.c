/* SPDX-License-Identifier: Apache-2.0 */
/* Going through all containers one by one. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/runtime/fixture.h"

TestSuite(walk, .init = rt_init, .fini = rt_fini);

enum { MANY = 24, THREADS = 3 };

static void launch_many(void)
{
	for (int i = 0; i < MANY; i++) {
		char name[16];
		struct berth_options options = RT_OPTIONS("act", "pause");
		snprintf(name, sizeof name, "%d", i);
		options.name = name;
		options.flags = BERTH_NO_INIT | BERTH_FEW_CGROUPS;
		rt_launch(&options);
	}
}

struct tour {
	struct berth_walk *walk;
	atomic_int seen[MANY]; /* how often */
	atomic_int failures;
};

static void *go(void *data)
{
	struct tour *tour = data;
	struct berth_container *container;
	int code;
	while ((code = berth_walk_next(tour->walk, &container, NULL)) > 0) {
		int number = atoi(berth_container_name(container));
		tour->seen[number % MANY]++;
		tour->failures += berth_container_state(container) != BERTH_RUNNING;
		berth_container_close(container);
	}
	tour->failures += code < 0 || container;
	return NULL;
}

static void expect_each_once(const struct tour *tour)
{
	cr_expect_eq(tour->failures, 0);
	for (int i = 0; i < MANY; i++)
		cr_expect_eq(tour->seen[i], 1, "%d was seen %d times", i, tour->seen[i]);
}

Test(walk, by_several_threads)
{
	struct tour tour = {0};
	pthread_t threads[THREADS];
	launch_many();
	rt_ok(berth_walk_open(rt.berth, &tour.walk, &rt.error));
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, go, &tour), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect_each_once(&tour);
	/* And it stays at its end. */
	struct berth_container *container;
	cr_expect_eq(berth_walk_next(tour.walk, &container, &rt.error), 0);
	berth_walk_close(tour.walk);
}

/* Where a list of all can't be had. */
Test(walk, with_few_descriptors)
{
	struct tour tour = {0};
	struct berth_container **all;
	launch_many();
	struct rlimit before, few;
	cleanup_fd int next = dup(0);
	cr_assert(next >= 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
	few = before;
	few.rlim_cur = (rlim_t)next + 8;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	rt_expect_error(berth_list(rt.berth, &all, &rt.error), EMFILE);
	rt_ok(berth_walk_open(rt.berth, &tour.walk, &rt.error));
	go(&tour);
	berth_walk_close(tour.walk);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect_each_once(&tour);
}

Test(walk, goes_on_behind_one_that_fails)
{
	struct tour tour = {0};
	struct berth_container *container;
	launch_many();
	struct rlimit before, none;
	rt_ok(berth_walk_open(rt.berth, &tour.walk, &rt.error));
	cleanup_fd int next = dup(0);
	cr_assert(next >= 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
	none = before;
	none.rlim_cur = (rlim_t)next + 1;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	rt_expect_error(berth_walk_next(tour.walk, &container, &rt.error), EMFILE);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	cr_expect(strstr(rt.error.text, rt.state), "%s", rt.error.text);
	int seen = 0;
	go(&tour);
	for (int i = 0; i < MANY; i++)
		seen += tour.seen[i];
	cr_expect_eq(tour.failures, 0);
	cr_expect_eq(seen, MANY - 1);
	berth_walk_close(tour.walk);
	berth_walk_close(NULL);
}

Test(walk, of_none)
{
	struct berth_walk *walk;
	struct berth_container *container;
	rt_ok(berth_walk_open(rt.berth, &walk, &rt.error));
	cr_expect_eq(berth_walk_next(walk, &container, &rt.error), 0);
	cr_expect_null(container);
	berth_walk_close(walk);
}
