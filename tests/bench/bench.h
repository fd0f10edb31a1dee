/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks share: interleaved measuring, the place they launch in, and what is launched. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/berth.h"
#include "tests/bench/figures.h"
#include "tests/bench/limit.h"

extern bool quick; /* few rounds: a look rather than a measurement */

/* ---- The place ---- */

#define ROOT "/run/bench/root" /* on the tmpfs that this program alone sees on /run */

/* The cgroup directory below which all that is launched here lies, of a name that no other process has. */
extern char bench_parent[32];

/*
 * Runs the function in a process that is PID 1 of a namespace of its own, with mounts of its own, and ends with its
 * status. Whatever becomes of it, also by SIGINT, SIGTERM or SIGHUP, nothing it started, mounted or made below
 * bench_parent is left.
 */
int place_run(int (*run)(void *data), void *data, const char *payload);

/* ---- Measuring ---- */

double now_us(void);

/* How long something is measured: so many rounds, less where they would take longer. A sixth of it when quick. */
struct pace {
	int rounds;
	double seconds;
	double start_us; /* set by the first pace_goes_on */
	int round;
};
bool pace_goes_on(struct pace *pace);

/* One way to do the thing. run returns microseconds: by timed(), or by a clock of its own. */
struct contender {
	const char *name;
	double (*run)(void *data);
	void *data;
	struct samples samples;
	struct samples cpu; /* CPU time of each run, of this process and its children: what other load hardly changes */
	struct summary summary, cpu_summary; /* of these, when contenders_run has returned */
};

/* Runs all of them in turn, each turn beginning with another, so that drift and noise hit all alike. */
void contenders_run(struct contender *contenders, size_t count, struct pace pace);
/* Adds the figure of every contender, with its ratio to the first, in us; the same of their CPU time. */
void contenders_add(const char *group, double x, const struct contender *contenders, size_t count);
void contenders_add_cpu(const char *group, const struct contender *contenders, size_t count);

/* ---- Launching ---- */

/* What a library contender launches with. */
struct job {
	struct berth *berth;
	struct berth_options options;
	struct limit *limit;
	int number; /* the limit's */
};

enum job_kind { JOB_BARE, JOB_NO_INIT, JOB_DEFAULTS };
/* A job of that kind that launches the idle payload; argv NULL: one that ends at once. */
struct job job_make(enum job_kind kind, struct berth *berth, struct limit *limit, const char *const *argv);
/* Whether it can be launched here; if not, *error says why. */
bool job_works(struct job *job, struct berth_error *error);
/* A launch to its end and removal, in microseconds. */
double job_run(void *job);
double job_run_limit(void *job);
/* The same of a container that was prepared before the time began. */
double job_run_prepared(void *job);
/* Until berth_launch returns. */
double job_execute(void *job);
double job_execute_prepared(void *job);
/* Launches and returns the handle. */
struct berth_container *job_start(struct job *job);
/* Kills, waits, closes. */
void job_stop(struct berth_container *container);
struct berth *bench_open(void);
/* For cap_add, where none are dropped. */
extern const char *const all_capabilities[];
extern const char *const idle_argv[];    /* a payload that ends at once */
extern const char *const waiting_argv[]; /* one that waits to be killed */
extern const int nowhere[3];             /* a payload's stdio */

/* A launch in the limit's root with a /sys and a /dev/null, without cgroups; with: the kernel's files masked. */
struct masked;
struct masked *masked_make(bool with);
void masked_free(struct masked *masked);
double masked_run(void *masked);

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
void bench_layers(void);
void bench_resident(void);
void bench_mounts(void);
void bench_threads(void);
void bench_crowd(void);
void bench_update(void);
void bench_lxc_cgroup(void);
void bench_kill(void);
void bench_memory(void);
void bench_programs(void);
void bench_parts(void);

#endif
