/* SPDX-License-Identifier: Apache-2.0 */
/* While many containers live: launching one more, listing and counting them all, and taking them over. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/programs.h"

enum {
	ASK_LIMIT = -1,
	ASK_BARE = -2,
	ASK_DEFAULTS = -3,
	ASK_LIST = -4,
	ASK_STATS = -5,
	ASK_ADOPT = -6,
	ASK_END = -7,
	ASK_STEPS = -8,
	ASK_COUNTERS = -9,
	ASK_STEP = -100 /* and below: how long that step took */
};
enum { MOST = 1000, KINDS = 3, SIZES = 4, WARM_UP = 50 };

static struct limit limit;
static struct job bare, defaults, staying;
static struct berth_container *crowd[MOST];
static int crowd_size;

static void prepare(double unused)
{
	(void)unused;
	int code = limit_open(&limit, bench_parent, ROOT, idle_argv);
	if (code < 0)
		fail("the limit: %s", strerror(-code));
	struct berth *berth = bench_open();
	bare = job_make(JOB_BARE, berth, &limit, NULL);
	defaults = job_make(JOB_DEFAULTS, berth, &limit, NULL);
	staying = job_make(JOB_DEFAULTS, berth, &limit, waiting_argv);
	/* No shares to speak of, for they only wait. */
	staying.options.resources.cpu_shares = 2;
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
		stats.brief = true;
		if (berth_container_stats(crowd[i], &stats, &error) < 0)
			fail("%s", error.text);
	}
	return now_us() - start;
}

/* What a slave does first that was killed and started again. */
static double adopt_us(void)
{
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_container **all = NULL;
	double start = now_us();
	ssize_t count = berth_recover(bare.berth, &all, &error);
	double taken = now_us() - start;
	if (count != MOST)
		fail("%zd of %d containers taken over: %s", count, MOST, error.text);
	memcpy(crowd, all, sizeof crowd);
	crowd_size = MOST;
	free(all);
	return taken;
}

static double end_all(void)
{
	struct berth_error error = BERTH_ERROR_INIT;
	for (int i = 0; i < crowd_size; i++)
		if (berth_container_kill(crowd[i], BERTH_KILLED, &error) < 0)
			fail("%s", error.text);
	for (int i = 0; i < crowd_size; i++) {
		struct berth_end end = BERTH_END_INIT;
		if (berth_container_wait(crowd[i], -1, &end, &error) < 0)
			fail("%s", error.text);
		berth_container_close(crowd[i]);
	}
	crowd_size = 0;
	return 0;
}

/* The limit again, step by step. */
static struct timespec steps[LIMIT_STEPS + 1];

static double limit_by_steps(void)
{
	limit.ends = steps;
	double taken = job_run_limit(&bare);
	limit.ends = NULL;
	return taken;
}

static double step_us(int step)
{
	return (double)(steps[step + 1].tv_sec - steps[step].tv_sec) * 1e6 +
	       (double)(steps[step + 1].tv_nsec - steps[step].tv_nsec) / 1e3;
}

/* One counter of each: what all that is told of a container is made of. */
static double counters_us(void)
{
	char path[64], text[64];
	snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", limit.v2 ? "" : "/memory", bench_parent);
	double start = now_us();
	DIR *directory = opendir(path);
	for (const struct dirent *entry; directory && (entry = readdir(directory));) {
		char file[300];
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%s", entry->d_name,
			 limit.v2 ? "memory.current" : "memory.usage_in_bytes");
		int fd = openat(dirfd(directory), file, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof text) <= 0)
			fail("read %s/%s: %m", path, file);
		close(fd);
	}
	if (!directory)
		fail("open %s: %m", path);
	closedir(directory);
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
	case ASK_ADOPT:
		return adopt_us();
	case ASK_END:
		return end_all();
	case ASK_COUNTERS:
		return counters_us();
	case ASK_STEPS:
		return limit_by_steps();
	default:
		if (what <= ASK_STEP)
			return step_us(ASK_STEP - what);
		while (crowd_size < what)
			crowd[crowd_size++] = job_start(&staying);
		return crowd_size;
	}
}

static void launches_measure(struct worker *worker, double seconds, struct samples *samples)
{
	static const int kinds[KINDS] = {ASK_LIMIT, ASK_BARE, ASK_DEFAULTS};
	struct pace pace = {.rounds = 400, .seconds = seconds};
	/* They don't count: what else was measured before has left caches cold, and work for the kernel behind. */
	for (int i = 0; i < WARM_UP * KINDS; i++)
		worker_ask(worker, kinds[i % KINDS]);
	for (int first = 0; pace_goes_on(&pace); first++)
		for (int i = 0; i < KINDS; i++) {
			int kind = (first + i) % KINDS;
			samples_add(&samples[kind], worker_ask(worker, kinds[kind]));
		}
}

/* What grows with the containers that live is the kernel's. */
static void steps_measure(struct worker *worker, int size)
{
	struct samples samples[LIMIT_STEPS] = {{0}};
	for (int round = 0; round < (quick ? 30 : 200); round++) {
		worker_ask(worker, ASK_STEPS);
		for (int i = 0; i < LIMIT_STEPS; i++)
			samples_add(&samples[i], worker_ask(worker, ASK_STEP - i));
	}
	for (int i = 0; i < LIMIT_STEPS; i++)
		figure_add("the limit's steps while N live", limit_step_names[i], size, "us",
			   samples_summary(&samples[i]));
}

/* Listing and counting of all, by library and by command, for each container. Returns the commands' medians. */
struct looking {
	double ps, stats;
};

static struct looking looking_measure(struct worker *worker, int size)
{
	static const char group[] = "telling of N containers, each";
	static const char *const names[] = {"berth_list", "berth_container_stats", "berth ps", "berth stats",
					    "raw read of one counter"};
	const char *ps[] = {program_built("berth"), "ps", NULL}, *stats[] = {ps[0], "stats", NULL};
	struct samples samples[5] = {{0}};
	struct summary summaries[5];
	for (int round = 0; round < (quick ? 3 : 11); round++) {
		samples_add(&samples[0], worker_ask(worker, ASK_LIST) / size);
		samples_add(&samples[1], worker_ask(worker, ASK_STATS) / size);
		samples_add(&samples[2], program_run(ps) / size);
		samples_add(&samples[3], program_run(stats) / size);
		samples_add(&samples[4], worker_ask(worker, ASK_COUNTERS) / size);
	}
	for (int i = 0; i < 5; i++) {
		summaries[i] = samples_summary(&samples[i]);
		figure_add(group, names[i], size, "us", summaries[i]);
	}
	return (struct looking){summaries[2].p50, summaries[3].p50};
}

static void crowd_adopt(struct worker *worker)
{
	struct samples samples = {0};
	for (int round = 0; round < (quick ? 3 : 7); round++) {
		worker_stop(worker);
		worker_start(worker, prepare, serve, 0);
		samples_add(&samples, worker_ask(worker, ASK_ADOPT) / MOST);
	}
	struct summary summary = samples_summary(&samples);
	figure_add("taking over 1000 containers", "berth_recover, each", MOST, "us", summary);
	target_value("taking over 1000 containers, each", "us", summary.p50, AT_MOST, 200);
}

void bench_crowd(void)
{
	static const int sizes[SIZES] = {0, 10, 100, MOST};
	static const char *const names[KINDS] = {"limit", "library, the limit's features", "library, defaults"};
	struct samples samples[SIZES][KINDS] = {{{0}}};
	struct summary none[KINDS], all[KINDS];
	struct looking looking[SIZES] = {{0}};
	struct worker worker;
	worker_start(&worker, prepare, serve, 0);
	for (int s = 0; s < SIZES; s++) {
		worker_ask(&worker, sizes[s]);
		launches_measure(&worker, 7, samples[s]);
		if (s == 0 || s == SIZES - 1)
			steps_measure(&worker, sizes[s]);
		if (sizes[s])
			looking[s] = looking_measure(&worker, sizes[s]);
	}
	crowd_adopt(&worker);
	worker_ask(&worker, ASK_END);
	/* Again with none, so that drift meanwhile does not count for, or against, the many. */
	launches_measure(&worker, 7, samples[0]);
	worker_stop(&worker);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		; /* whose slave was stopped became this process's children */
	for (int s = 0; s < SIZES; s++)
		for (int i = 0; i < KINDS; i++) {
			all[i] = samples_summary(&samples[s][i]);
			if (s == 0)
				none[i] = all[i];
			figure_add_ratio("launching while N live", names[i], sizes[s], "us", all[i], "none",
					 s ? none[i] : (struct summary){0});
		}
	target_ratio("launch while 1000 live", "us", all[1].p50, "none", none[1].p50, AT_MOST, 1.3);
	target_ratio("launch while 1000 live, defaults", "us", all[2].p50, "none", none[2].p50, AT_MOST, 1.3);
	target_value("berth ps of 1000, each", "us", looking[3].ps, AT_MOST, 30);
	target_value("berth stats of 1000, each", "us", looking[3].stats, AT_MOST, 30);
	target_ratio("berth ps of 1000, each: linear", "us", looking[3].ps, "of 100", looking[2].ps, AT_MOST, 1.25);
	target_ratio("berth stats of 1000, each: linear", "us", looking[3].stats, "of 100", looking[2].stats, AT_MOST,
		     1.25);
}
