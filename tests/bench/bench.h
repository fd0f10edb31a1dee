/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks share: interleaved measuring, the results, and the place they launch in. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/berth.h"
#include "tests/bench/limit.h"

#define PARENT "berth-bench"   /* cgroup parent of all that is launched here */
#define ROOT "/run/bench/root" /* on the tmpfs that this program alone sees on /run */

extern bool quick; /* few rounds: a look rather than a measurement */

/* Ends the program with a sentence: a figure of which a part failed is no figure. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

double now_us(void);

/* ---- Measuring ---- */

/*
 * Whether to do another round of so many: fewer where the machine is so slow, or so busy, that they would take longer
 * than a group's share of five minutes (one, when quick).
 */
bool round_goes_on(int round, int rounds, double start_us);

struct samples {
	double *values;
	size_t count, room;
};
void samples_add(struct samples *samples, double value);
void samples_free(struct samples *samples);
/* Sorts; part: 0.5 for the median. */
double samples_quantile(struct samples *samples, double part);

/* One way to do the thing. run returns microseconds: by timed(), or by a clock of its own. */
struct contender {
	const char *name;
	double (*run)(void *data);
	void *data;
	struct samples samples;
	struct samples cpu; /* CPU time of each run, of this process and its children: what other load hardly changes */
};

/* Runs all of them rounds times in turn, each turn beginning with another, so that drift and noise hit all alike. */
void contenders_run(struct contender *contenders, size_t count, size_t rounds);

/* ---- Results ---- */

/* Prints and keeps one figure; x is the sweep's variable; base: the median that the ratio is to (0: none), which
 * `against` names; target: the ratio to reach (0: none). Takes the samples over. */
void result_add(const char *group, const char *name, double x, const char *unit, struct samples *samples,
		const char *against, double base, double target);
/* A single number rather than a distribution. */
void result_add_value(const char *group, const char *name, double x, const char *unit, double value,
		      const char *against, double base, double target);
/* Adds every contender with its ratio to the first. targets may be NULL. */
void result_add_all(const char *group, double x, struct contender *contenders, size_t count, const double *targets);
/* The same of their CPU time. */
void result_add_cpu(const char *group, double x, struct contender *contenders, size_t count);
void result_write(const char *path);
int result_compare(const char *old_path, const char *new_path);

/* ---- Launching ---- */

/* What a library contender launches with. */
struct job {
	struct berth *berth;
	struct berth_options options;
	struct limit *limit;
	int number; /* the limit's */
	char name[32];
};

enum job_kind { JOB_BARE, JOB_NO_INIT, JOB_DEFAULTS };
/* A job of that kind that launches the idle payload; argv NULL: one that ends at once. */
struct job job_make(enum job_kind kind, struct berth *berth, struct limit *limit, const char *const *argv);
/* A launch to its end and removal, in microseconds. */
double job_run(void *job);
double job_run_limit(void *job);
/* Launches and returns the handle. */
struct berth_container *job_start(struct job *job);
/* Kills, waits, closes. */
void job_stop(struct berth_container *container);
struct berth *bench_open(void);
extern const char *const idle_argv[];

/* ---- Workers: processes of their own, that measure when told to ---- */

struct worker {
	pid_t pid;
	int to, from;
};
/* prepare is called in the new process once; then serve for each call of worker_ask. */
void worker_start(struct worker *worker, void (*prepare)(double size), double (*serve)(int what), double size);
double worker_ask(struct worker *worker, int what);
void worker_stop(struct worker *worker);

/* ---- The groups ---- */

void bench_launch(void);
void bench_resident(void);
void bench_mounts(void);
void bench_threads(void);
void bench_crowd(void);
void bench_update(void);
void bench_kill(void);
void bench_memory(void);
void bench_programs(void);

#endif
