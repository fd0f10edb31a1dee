/* SPDX-License-Identifier: Apache-2.0 */
/* Launches from a slave that is large, under many mounts, and from several threads at once. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum { ASK_LIMIT, ASK_BARE, ASK_DEFAULTS, ASK_FORK };

static struct limit limit;
static struct job bare, defaults;

static void prepare_jobs(void)
{
	int code = limit_open(&limit, bench_parent, ROOT, idle_argv);
	if (code < 0)
		fail("the limit: %s", strerror(-code));
	struct berth *berth = bench_open();
	bare = job_make(JOB_BARE, berth, &limit, NULL);
	defaults = job_make(JOB_DEFAULTS, berth, &limit, NULL);
}

static double fork_us(void)
{
	double start = now_us();
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		fail("fork: %m");
	return now_us() - start;
}

static double serve(int what)
{
	switch (what) {
	case ASK_LIMIT:
		return job_run_limit(&bare);
	case ASK_BARE:
		return job_run(&bare);
	case ASK_DEFAULTS:
		return job_run(&defaults);
	default:
		return fork_us();
	}
}

enum { KINDS = 3 };
static const int kinds[KINDS] = {ASK_LIMIT, ASK_BARE, ASK_DEFAULTS};
static const char *const kind_names[KINDS] = {"limit", "library, the limit's features", "library, defaults"};

/* Asks all workers in turn for a launch of each kind. summaries[worker][kind] */
static void ask_all(struct worker *workers, size_t count, struct pace pace, struct summary (*summaries)[KINDS])
{
	struct samples samples[4][KINDS] = {{{0}}};
	size_t asked = count * KINDS;
	for (size_t i = 0; i < asked; i++) /* that doesn't count */
		worker_ask(&workers[i / KINDS], kinds[i % KINDS]);
	for (size_t first = 0; pace_goes_on(&pace); first++)
		for (size_t i = 0; i < asked; i++) {
			size_t at = (first + i) % asked, worker = at / KINDS, kind = at % KINDS;
			samples_add(&samples[worker][kind], worker_ask(&workers[worker], kinds[kind]));
		}
	for (size_t i = 0; i < asked; i++)
		summaries[i / KINDS][i % KINDS] = samples_summary(&samples[i / KINDS][i % KINDS]);
}

static void occupy(double gigabytes)
{
	prepare_jobs();
	size_t size = (size_t)(gigabytes * 1073741824);
	if (!size)
		return;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || madvise(memory, size, MADV_NOHUGEPAGE) < 0)
		fail("can't have %g GiB: %m", gigabytes);
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = 1;
}

void bench_resident(void)
{
	static const double sizes[] = {0, 0.25, 1, 4};
	static const char group[] = "GiB resident in the slave", full[] = "launch from a slave with 4 GiB resident";
	struct summary summaries[4][KINDS], forks[4];
	struct worker workers[4];
	long available = sysconf(_SC_AVPHYS_PAGES) / 1024 * (sysconf(_SC_PAGESIZE) / 1024); /* MiB */
	size_t count = available > 7168 ? 4 : available > 3072 ? 3 : 2;
	for (size_t i = 0; i < count; i++)
		worker_start(&workers[i], occupy, serve, sizes[i]);
	ask_all(workers, count, (struct pace){.rounds = 400, .seconds = 18}, summaries);
	/* What a launcher that forks would pay before anything else. */
	struct samples samples[4] = {{0}};
	for (int i = 0; i < 7; i++)
		for (size_t w = 0; w < count; w++)
			samples_add(&samples[w], worker_ask(&workers[w], ASK_FORK));
	for (size_t i = 0; i < count; i++) {
		forks[i] = samples_summary(&samples[i]);
		for (int k = 0; k < KINDS; k++)
			figure_add_ratio(group, kind_names[k], sizes[i], "us", summaries[i][k], "0 GiB",
					 i ? summaries[0][k] : (struct summary){0});
		figure_add_ratio(group, "a plain fork, exit and wait", sizes[i], "us", forks[i], "0 GiB",
				 i ? forks[0] : (struct summary){0});
		worker_stop(&workers[i]);
	}
	if (count == 4) {
		target_ratio(full, "us", summaries[3][1].p50, "0 GiB", summaries[0][1].p50, AT_MOST, 1.1);
		target_ratio("launch from a slave with 4 GiB, defaults", "us", summaries[3][2].p50, "0 GiB",
			     summaries[0][2].p50, AT_MOST, 1.1);
	} else {
		target_unmeasured(full, "less than 7 GiB of memory are free");
	}
}

static void mount_many(double count)
{
	/* The directory stays: a mount point that is removed in another namespace is unmounted here. rmdir(2) */
	if (unshare(CLONE_NEWNS) < 0 || mount("tmpfs", "/run/bench/mounts", "tmpfs", 0, NULL) < 0)
		fail("can't mount: %m");
	FILE *table = fopen("/proc/self/mountinfo", "re");
	int have = 0;
	for (int c; table && (c = getc(table)) != EOF;)
		have += c == '\n';
	if (table)
		fclose(table);
	for (; have < (int)count; have++) {
		char path[64];
		snprintf(path, sizeof path, "/run/bench/mounts/%d", have);
		if (mkdir(path, 0755) < 0 || mount(ROOT, path, NULL, MS_BIND, NULL) < 0)
			fail("can't mount on %s: %m", path);
	}
	prepare_jobs();
}

void bench_mounts(void)
{
	static const double counts[] = {30, 300, 3000};
	static const char *const whats[] = {"launch under 30 mounts", "launch under 300 mounts",
					    "launch under 3000 mounts"};
	struct summary summaries[3][KINDS];
	struct worker workers[3];
	if (mkdir("/run/bench/mounts", 0755) < 0)
		fail("can't make a directory for mounts: %m");
	for (size_t i = 0; i < 3; i++) {
		worker_start(&workers[i], mount_many, serve, counts[i]);
		worker_ask(&workers[i], ASK_FORK); /* its mounts are made */
	}
	ask_all(workers, 3, (struct pace){.rounds = 400, .seconds = 18}, summaries);
	for (size_t i = 0; i < 3; i++) {
		for (int k = 0; k < KINDS; k++)
			figure_add_ratio("mounts on the host", kind_names[k], counts[i], "us", summaries[i][k], "limit",
					 k ? summaries[i][0] : (struct summary){0});
		target_ratio(whats[i], "us", summaries[i][1].p50, "limit", summaries[i][0].p50, AT_MOST, 1.15);
		worker_stop(&workers[i]);
	}
}

/* ---- Threads ---- */

enum { MOST_THREADS = 4 };

struct crew {
	struct job jobs[MOST_THREADS];
	double (*run)(void *job);
	int launches;
};

struct hand {
	struct crew *crew;
	int number;
};

static void *hand_work(void *data)
{
	struct hand *hand = data;
	for (int i = 0; i < hand->crew->launches; i++)
		hand->crew->run(&hand->crew->jobs[hand->number]);
	return NULL;
}

/* Launches per second of so many threads together. */
static double crew_work(struct crew *crew, int threads)
{
	pthread_t ids[MOST_THREADS];
	struct hand hands[MOST_THREADS];
	double start = now_us();
	for (int i = 0; i < threads; i++) {
		hands[i] = (struct hand){crew, i};
		if (pthread_create(&ids[i], NULL, hand_work, &hands[i]) != 0)
			fail("can't start a thread");
	}
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return (double)threads * crew->launches * 1e6 / (now_us() - start);
}

void bench_threads(void)
{
	static const int threads[] = {1, 2, 4};
	static const char *const whats[] = {"launches from 1 thread", "launches from 2 threads",
					    "launches from 4 threads"};
	prepare_jobs();
	struct crew crews[KINDS] = {{.run = job_run_limit}, {.run = job_run}, {.run = job_run}};
	for (int c = 0; c < KINDS; c++) {
		crews[c].launches = 10;
		for (int i = 0; i < MOST_THREADS; i++)
			crews[c].jobs[i] = job_make(c == 2 ? JOB_DEFAULTS : JOB_BARE, bare.berth, &limit, NULL);
	}
	struct samples samples[3][KINDS] = {{{0}}};
	struct pace pace = {.rounds = 120, .seconds = 20};
	for (int first = 0; pace_goes_on(&pace); first++)
		for (int t = 0; t < 3; t++)
			for (int i = 0; i < KINDS; i++) {
				int c = (first + i) % KINDS;
				samples_add(&samples[t][c], crew_work(&crews[c], threads[t]));
			}
	for (int t = 0; t < 3; t++) {
		struct summary summaries[KINDS];
		for (int c = 0; c < KINDS; c++) {
			summaries[c] = samples_summary(&samples[t][c]);
			figure_add_ratio("threads launching at once", kind_names[c], threads[t], "launches/s",
					 summaries[c], "limit", c ? summaries[0] : (struct summary){0});
		}
		target_ratio(whats[t], "launches/s", summaries[1].p50, "limit", summaries[0].p50, AT_LEAST, 0.85);
	}
	berth_close(bare.berth);
	limit_close(&limit, bench_parent);
}
