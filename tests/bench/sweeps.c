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
	int code = limit_open(&limit, PARENT, ROOT, idle_argv);
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

/* Asks all workers in turn for each of the things, rounds times. samples[worker][what] */
static void ask_all(struct worker *workers, size_t count, const int *whats, size_t n_whats, size_t rounds,
		    struct samples samples[][4])
{
	double start = now_us();
	for (size_t round = 0; round_goes_on((int)round, (int)rounds + 1, start); round++)
		for (size_t i = 0; i < count * n_whats; i++) {
			size_t at = (round + i) % (count * n_whats), worker = at / n_whats;
			double us = worker_ask(&workers[worker], whats[at % n_whats]);
			if (round > 0) /* the first doesn't count */
				samples_add(&samples[worker][whats[at % n_whats]], us);
		}
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
	static const int whats[] = {ASK_LIMIT, ASK_BARE, ASK_DEFAULTS};
	struct samples samples[4][4] = {{{0}}};
	struct worker workers[4];
	long available = sysconf(_SC_AVPHYS_PAGES) / 1024 * (sysconf(_SC_PAGESIZE) / 1024); /* MiB */
	size_t count = available > 8192 ? 4 : available > 3072 ? 3 : 2;
	for (size_t i = 0; i < count; i++)
		worker_start(&workers[i], occupy, serve, sizes[i]);
	ask_all(workers, count, whats, 3, quick ? 40 : 400, samples);
	/* What a launcher that forks would pay before anything else. */
	for (int i = 0; i < 7; i++)
		for (size_t w = 0; w < count; w++)
			samples_add(&samples[w][ASK_FORK], worker_ask(&workers[w], ASK_FORK));
	double base = samples_quantile(&samples[0][ASK_BARE], 0.5);
	double base_defaults = samples_quantile(&samples[0][ASK_DEFAULTS], 0.5);
	double base_fork = samples_quantile(&samples[0][ASK_FORK], 0.5);
	for (size_t i = 0; i < count; i++) {
		result_add("GiB resident in the slave", "limit", sizes[i], "us", &samples[i][ASK_LIMIT], "", 0, 0);
		result_add("GiB resident in the slave", "library, the limit's features", sizes[i], "us",
			   &samples[i][ASK_BARE], "0 GiB", base, i == 3 ? 1.1 : 0);
		result_add("GiB resident in the slave", "library, defaults", sizes[i], "us", &samples[i][ASK_DEFAULTS],
			   "0 GiB", base_defaults, i == 3 ? 1.1 : 0);
		result_add("GiB resident in the slave", "a plain fork, exit and wait", sizes[i], "us",
			   &samples[i][ASK_FORK], "0 GiB", base_fork, 0);
		worker_stop(&workers[i]);
	}
}

static void mount_many(double count)
{
	if (unshare(CLONE_NEWNS) < 0 || mkdir("/run/bench/mounts", 0755) < 0 ||
	    mount("tmpfs", "/run/bench/mounts", "tmpfs", 0, NULL) < 0)
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
	static const int whats[] = {ASK_LIMIT, ASK_BARE, ASK_DEFAULTS};
	static const char group[] = "mounts on the host";
	struct samples samples[3][4] = {{{0}}};
	struct worker workers[3];
	for (size_t i = 0; i < 3; i++) {
		worker_start(&workers[i], mount_many, serve, counts[i]);
		worker_ask(&workers[i], ASK_FORK); /* its mounts are made */
		rmdir("/run/bench/mounts");
	}
	ask_all(workers, 3, whats, 3, quick ? 30 : 200, samples);
	for (size_t i = 0; i < 3; i++) {
		double base = samples_quantile(&samples[i][ASK_LIMIT], 0.5);
		result_add(group, "limit", counts[i], "us", &samples[i][ASK_LIMIT], "", 0, 0);
		result_add(group, "library, the limit's features", counts[i], "us", &samples[i][ASK_BARE], "limit",
			   base, 1.15);
		result_add(group, "library, defaults", counts[i], "us", &samples[i][ASK_DEFAULTS], "limit", base, 0);
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
	static const char group[] = "threads launching at once";
	prepare_jobs();
	struct crew crews[] = {{.run = job_run_limit}, {.run = job_run}, {.run = job_run}};
	static const char *const names[] = {"limit", "library, the limit's features", "library, defaults"};
	for (int c = 0; c < 3; c++) {
		crews[c].launches = 10;
		for (int i = 0; i < MOST_THREADS; i++)
			crews[c].jobs[i] = job_make(c == 2 ? JOB_DEFAULTS : JOB_BARE, bare.berth, &limit, NULL);
	}
	struct samples samples[3][3] = {{{0}}};
	double start = now_us();
	for (int round = 0; round_goes_on(round, quick ? 5 : 25, start); round++)
		for (int t = 0; t < 3; t++)
			for (int i = 0; i < 3; i++) {
				int c = (round + i) % 3;
				samples_add(&samples[t][c], crew_work(&crews[c], threads[t]));
			}
	for (int t = 0; t < 3; t++) {
		double base = samples_quantile(&samples[t][0], 0.5);
		for (int c = 0; c < 3; c++)
			result_add(group, names[c], threads[t], "launches/s", &samples[t][c], "limit", c ? base : 0,
				   c == 1 ? 0.85 : 0);
	}
	berth_close(bare.berth);
	limit_close(&limit, PARENT);
}
