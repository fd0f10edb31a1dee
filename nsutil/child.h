/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside spawn: the child between clone and exec, in the caller's memory while the caller's thread waits. It lays out
 * its descriptors and enters its cgroups; then it either executes init, or carries out the plan itself.
 */
#ifndef NSUTIL_CHILD_H
#define NSUTIL_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsutil/base/error.h"
#include "nsutil/carry/carry.h"
#include "nsutil/spawn.h"

enum { CHILD_CGROUPS_MOST = 20 };

/* What the child did last, told through the memory it shares with the suspended parent. */
enum child_stage {
	CHILD_USERNS,
	CHILD_CLONE,
	CHILD_FETCHING,
	CHILD_DESCRIPTORS,
	CHILD_CGROUPS,
	CHILD_INIT,
	CHILD_PLAN,
	CHILD_EXECUTING
};

/* The child's descriptors: the caller's numbers, before it lays them out. */
struct child_descriptors {
	int stdio[3]; /* -1: leave it as it is */
	int init_fd, plan, status, record, namespaces, userns, blank;
	int cgroups[CHILD_CGROUPS_MOST]; /* cgroup.procs files, the last being that of the v2 cgroup, if there is one */
	size_t n_cgroups;
	int self; /* the caller's pidfd, by which the child fetches those above it; -1: it has copies of all */
};

struct child {
	struct child_descriptors descriptors;
	int null;               /* /dev/null, where one of its stdio is that; closed by child_release */
	size_t n_cgroups;       /* how many of them it is to enter itself */
	struct carrier carrier; /* for a child that carries out the plan */
	char **slots;           /* the carrier's, allocated */
	int *sources;           /* likewise */
	enum child_stage stage;
	int error; /* errno of a stage that failed; 0: none */
};

#define CHILD_NONE                                                                                                     \
	{                                                                                                              \
		.descriptors = {.stdio = {-1, -1, -1},                                                                 \
				.init_fd = -1,                                                                         \
				.plan = -1,                                                                            \
				.status = -1,                                                                          \
				.record = -1,                                                                          \
				.namespaces = -1,                                                                      \
				.userns = -1,                                                                          \
				.blank = -1,                                                                           \
				.self = -1},                                                                           \
		.null = -1,                                                                                            \
	}

/* Closes what was opened, and frees what is allocated. */
void child_release(struct child *child);
#define cleanup_child __attribute__((cleanup(child_release)))

/* Takes the options' descriptors, and the plan's and the status's (or -1). 0 or -errno. */
int child_prepare(struct child *child, const struct spawn_options *options, int plan_fd, int status_fd);

/*
 * Clones it, every signal blocked, so that no handler of the caller's runs in it, and returns when it has executed
 * what it is to execute or failed to. Its pid or -errno.
 */
pid_t child_clone(struct child *child, const struct spawn_options *options, bool in_place, struct spawned *spawned);

#endif
