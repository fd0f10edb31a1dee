/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit: a launch by just the system calls that it can't do without, as fast as this kernel gives one. No state, no
 * report of what failed where, no defence against what is inside. What berth is measured against.
 */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* What it does, in order: each ends where the next begins. */
enum limit_step {
	LIMIT_MAKE,    /* the cgroups, and their limits */
	LIMIT_CLONE,   /* until the child runs */
	LIMIT_ENTER,   /* the cgroups, on v1 */
	LIMIT_PRIVATE, /* no propagation of mounts */
	LIMIT_BIND,
	LIMIT_PIVOT,
	LIMIT_DETACH,
	LIMIT_PROC,
	LIMIT_EXEC, /* until the parent goes on */
	LIMIT_WAIT,
	LIMIT_REMOVE,
	LIMIT_STEPS,
};
extern const char *const limit_step_names[LIMIT_STEPS];

struct limit {
	bool v2;
	int trees[2]; /* directory below which cgroups are made: cpu and memory; on v2 only the first */
	const char *root;
	const char *const *argv;
	struct timespec *ends; /* NULL, or LIMIT_STEPS + 1: the begin, then when each step was over */
};

/*
 * Finds the cgroup trees and makes the directory parent in each. root and argv are borrowed for as long as it is used.
 * 0 or -errno.
 */
int limit_open(struct limit *limit, const char *parent, const char *root, const char *const *argv);
/* Closes the trees and removes the directory parent where it is empty. */
void limit_close(struct limit *limit, const char *parent);

/* A launch under the name of a number, which no other running launch may have. *pid is to be waited for. 0 or -errno.
 */
int limit_start(const struct limit *limit, int number, pid_t *pid);
/* Waits for it and removes its cgroups. 0 or -errno; -ECHILD when it didn't exit with 0 (or by SIGKILL). */
int limit_end(const struct limit *limit, int number, pid_t pid);

#endif
