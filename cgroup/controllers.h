/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that hold what differs between cgroup v1 and v2: per controller how its limits are written and its
 * counters read, per version how a directory is readied, entered, frozen and emptied.
 */
#ifndef CGROUP_CONTROLLERS_H
#define CGROUP_CONTROLLERS_H

#include "cgroup/internal.h"

struct cgroup_controller_operations {
	/* Writes those of the limits that are this controller's. NULL: it has none. */
	int (*apply)(const struct cgroup_directory *directory, const struct cgroup_limits *limits, struct error *error);
	/* Fills those of the controller's fields that are asked for, CGROUP_READ_*, some of them at least; false where
	 * its counters can't be read. NULL: it has none. */
	bool (*read)(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats);
	/* cgroup_memory_fit, and one step of cgroup_memory_shrink. NULL for all but memory. */
	int (*fit)(const struct cgroup_directory *directory, uint64_t memory, const struct cgroup_memory_known *known,
		   struct error *error);
	int (*shrink)(const struct cgroup_directory *directory, const struct cgroup_limits *target,
		      struct error *error);
};

struct cgroup_controller_entry {
	const char *name;    /* in v1's mount options and in messages */
	const char *v2;      /* in v2's cgroup.controllers; NULL: not a controller there */
	bool v2_always;      /* a v2 hierarchy has it without enabling anything */
	unsigned int fields; /* that its read fills, CGROUP_READ_* */
	struct cgroup_controller_operations operations[3]; /* [1] v1, [2] v2 */
};

extern const struct cgroup_controller_entry cgroup_controller_table[CGROUP_CONTROLLERS];

struct cgroup_version_operations {
	/*
	 * Called for each directory that was made, from the top down; leaf is the last. Makes it enterable and
	 * the controllers available in it.
	 */
	int (*prepare)(const struct cgroup_hierarchy *hierarchy, const char *relative, unsigned int controllers,
		       bool leaf, struct error *error);
	/* Adds to entry what a process needs to enter the directory, relative to top. 0 or -errno; what was added stays
	 * in entry. */
	int (*entry_add)(int top, const char *relative, struct cgroup_entry *entry);

	/*
	 * Kills everything inside, or does what must come before killing one by one and answers -EOPNOTSUPP.
	 * Best effort: whether it worked shows in who is still alive.
	 */
	int (*kill)(int directory, unsigned int controllers);
	/* Waits by event until nothing is alive inside. NULL: the kernel has no such event. 0, -ETIMEDOUT or -errno. */
	int (*wait_empty)(int directory, int64_t deadline);

	int (*freeze)(const struct cgroup_directory *directory, bool freeze, struct error *error);
	int (*frozen)(const struct cgroup_directory *directory); /* 1, 0 or -errno */
	int (*freeze_wait)(int directory, bool freeze, int64_t deadline);
};

/* The controllers that a v2 directory's cgroup.controllers lists, and those that need not be. */
unsigned int cgroup_v2_controllers(int directory);

extern const struct cgroup_version_operations cgroup_v1_operations, cgroup_v2_operations;
const struct cgroup_version_operations *cgroup_version_operations(int version);

/* cpuset's and pids' files are the same in both versions but for where the kernel checks; shared by v1 and v2. */
int cgroup_cpuset_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			struct error *error);
int cgroup_pids_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
		      struct error *error);
bool cgroup_pids_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats);
/* The sum of the numbers behind the key, over all devices. */
uint64_t cgroup_io_sum(const char *text, const char *key);

int cgroup_v1_cpu_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			struct error *error);
int cgroup_v1_memory_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			   struct error *error);
int cgroup_v1_memory_fit(const struct cgroup_directory *directory, uint64_t memory,
			 const struct cgroup_memory_known *known, struct error *error);
int cgroup_v2_memory_fit(const struct cgroup_directory *directory, uint64_t memory,
			 const struct cgroup_memory_known *known, struct error *error);
int cgroup_v1_memory_shrink(const struct cgroup_directory *directory, const struct cgroup_limits *target,
			    struct error *error);
int cgroup_v2_memory_shrink(const struct cgroup_directory *directory, const struct cgroup_limits *target,
			    struct error *error);
/* Whether a limit of memory and swap together is in force. */
bool cgroup_v1_swap_is_limited(const struct cgroup_directory *directory);
bool cgroup_v1_cpu_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats);
bool cgroup_v1_cpuacct_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats);
bool cgroup_v1_memory_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats);
bool cgroup_v1_io_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats);

int cgroup_v1_devices_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			    struct error *error);
int cgroup_v2_devices_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			    struct error *error);

int cgroup_v2_cpu_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			struct error *error);
int cgroup_v2_cpuset_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			   struct error *error);
int cgroup_v2_memory_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			   struct error *error);
bool cgroup_v2_cpu_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats);
bool cgroup_v2_cpuacct_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats);
bool cgroup_v2_memory_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats);
bool cgroup_v2_io_read(const struct cgroup_directory *directory, unsigned int fields, struct cgroup_stats *stats);

#endif
