/* SPDX-License-Identifier: Apache-2.0 */
/* While many containers live: launching one more, listing and counting them all, and taking them over. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum { ASK_LIMIT = -1, ASK_BARE = -2, ASK_DEFAULTS = -3, ASK_LIST = -4, ASK_STATS = -5, MOST = 1000 };

static const char group[] = "containers that live";
static struct limit limit;
static struct job bare, defaults, staying;
static struct berth_container *crowd[MOST];
static int crowd_size;

static void prepare(double unused)
{
	static const char *const argv[] = {"/idle", "1", NULL};
	(void)unused;
	int code = limit_open(&limit, PARENT, ROOT, idle_argv);
	if (code < 0)
		fail("the limit: %s", strerror(-code));
	struct berth *berth = bench_open();
	bare = job_make(JOB_BARE, berth, &limit, NULL);
	defaults = job_make(JOB_DEFAULTS, berth, &limit, NULL);
	staying = job_make(JOB_DEFAULTS, berth, &limit, argv);
	/* No shares to speak of, for they only wait. */
	staying.options.resources.cpu_shares = 2;
	static const int nowhere[] = {-1, -1, -1};
	staying.options.stdio = nowhere;
}

static double list_us(void)
{
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_container **all = NULL;
	double start = now_us();
	ssize_t count = berth_list(bare.berth, &all, &error);
	for (ssize_t i = 0; i < count; i++)
		berth_container_close(all[i]);
	double taken = now_us() - start;
	free(all);
	if (count != crowd_size)
		fail("%zd of %d containers listed: %s", count, crowd_size, error.text);
	return taken;
}

static double stats_us(void)
{
	double start = now_us();
	for (int i = 0; i < crowd_size; i++) {
		struct berth_error error = BERTH_ERROR_INIT;
		struct berth_stats stats = BERTH_STATS_INIT;
		if (berth_container_stats(crowd[i], &stats, &error) < 0)
			fail("%s", error.text);
	}
	return now_us() - start;
}

/* A size: that many live from now on. */
static double serve(int what)
{
	switch (what) {
	case ASK_LIMIT:
		return job_run_limit(&bare);
	case ASK_BARE:
		return job_run(&bare);
	case ASK_DEFAULTS:
		return job_run(&defaults);
	case ASK_LIST:
		return list_us();
	case ASK_STATS:
		return stats_us();
	default:
		while (crowd_size < what)
			crowd[crowd_size++] = job_start(&staying);
		return crowd_size;
	}
}

/* Takes over what the dead worker left, and ends all of it. */
static void recover(void)
{
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_container **all = NULL;
	struct berth *berth = bench_open();
	double start = now_us();
	ssize_t count = berth_recover(berth, &all, &error);
	double taken = now_us() - start;
	if (count != MOST)
		fail("%zd of %d containers taken over: %s", count, MOST, error.text);
	result_add_value("re-adopting 1000 containers", "each", MOST, "us", taken / MOST, "0.2 ms", 200, 1);
	for (ssize_t i = 0; i < count; i++)
		if (berth_container_kill(all[i], BERTH_KILLED, &error) < 0)
			fail("%s", error.text);
	for (ssize_t i = 0; i < count; i++) {
		struct berth_end end = BERTH_END_INIT;
		if (berth_container_wait(all[i], -1, &end, &error) < 0)
			fail("%s", error.text);
		berth_container_close(all[i]);
	}
	free(all);
	berth_close(berth);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

void bench_crowd(void)
{
	static const int sizes[] = {0, 10, 100, MOST};
	static const int whats[] = {ASK_LIMIT, ASK_BARE, ASK_DEFAULTS};
	static const char *const names[] = {"limit", "library, the limit's features", "library, defaults"};
	double base[3] = {0};
	struct worker growing;
	worker_start(&growing, prepare, serve, 0);
	for (size_t s = 0; s < 4; s++) {
		struct samples samples[3] = {{0}}, list = {0}, stats = {0};
		worker_ask(&growing, sizes[s]);
		double start = now_us();
		for (int round = 0; round_goes_on(round, quick ? 31 : 201, start); round++)
			for (int i = 0; i < 3; i++) {
				double us = worker_ask(&growing, whats[i]);
				if (round > 0)
					samples_add(&samples[i], us);
			}
		for (int round = 0; round < 5 && sizes[s]; round++) {
			samples_add(&list, worker_ask(&growing, ASK_LIST) / sizes[s]);
			samples_add(&stats, worker_ask(&growing, ASK_STATS) / sizes[s]);
		}
		for (int i = 0; i < 3; i++) {
			if (s == 0)
				base[i] = samples_quantile(&samples[i], 0.5);
			result_add(group, names[i], sizes[s], "us", &samples[i], "none living", base[i],
				   i && s == 3 ? 1.3 : 0);
		}
		if (s > 0) {
			result_add(group, "listing, each", sizes[s], "us", &list, "30 us", 30, 1);
			result_add(group, "statistics, each", sizes[s], "us", &stats, "30 us", 30, 1);
		}
	}
	worker_stop(&growing);
	recover();
}
