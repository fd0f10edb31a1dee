/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share: the layout's and the cgroup's insides, and small tools on cgroup directories. */
#ifndef CGROUP_INTERNAL_H
#define CGROUP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroup/cgroup.h"

/* One mounted cgroup tree that serves at least one controller. */
struct cgroup_hierarchy {
	int version; /* 1 or 2 */
	int fd;      /* O_PATH, the mount point */
	char *point;
	dev_t device; /* of the directory there, which with the inode tells it from every other */
	ino_t inode;
	unsigned int controllers; /* those it serves here */
	bool hierarchical;        /* a memory cgroup counts what is below it without being told to */
};

struct cgroup_layout {
	struct cgroup_hierarchy hierarchies[CGROUP_MAX_HIERARCHIES];
	size_t count;
	int serving[CGROUP_CONTROLLERS]; /* index into hierarchies, or -1 */
	bool mounted[3];                 /* [1] a v1 hierarchy with controllers, [2] a v2 hierarchy */
};

/* A cgroup's directory in one hierarchy. No descriptor: a slave keeps many containers. */
struct cgroup_place {
	const struct cgroup_hierarchy *hierarchy;
	unsigned int controllers; /* those of the cgroup that live here */
	const char *path;         /* absolute; the cgroup's */
};

struct cgroup {
	const struct cgroup_layout *layout;
	unsigned int controllers;
	const char *relative; /* "parent/name", the same in every hierarchy */
	struct cgroup_place places[CGROUP_MAX_HIERARCHIES];
	size_t count;
	size_t n_later; /* places behind those, which cgroup_complete makes */
	bool fresh;     /* made by cgroup_create, and no limits were applied since */
	char texts[];   /* relative and the paths */
};

/* ---- One directory ---- */

struct cgroup_directory {
	int fd;               /* O_PATH */
	const char *relative; /* where it is below fd: the path of a file costs less than opening a directory for two */
	const char *path;     /* for messages; both borrowed */
	bool fresh;           /* just made: no limit has been written to it */
};

/* Where the cgroup has the controller; NULL: it was made without. */
const struct cgroup_place *cgroup_place_find(const struct cgroup *cgroup, enum cgroup_controller controller);
/* The place's directory, by its path: nothing is opened. Borrows both. */
struct cgroup_directory cgroup_place_directory(const struct cgroup *cgroup, const struct cgroup_place *place);

/* As file_read_once and others of nsutil/base/file.h, for a file of the directory. */
ssize_t cgroup_directory_read(const struct cgroup_directory *directory, const char *file, char *buffer, size_t size);
ssize_t cgroup_directory_read_all(const struct cgroup_directory *directory, const char *file, size_t limit,
				  char **buffer);
int cgroup_directory_read_u64(const struct cgroup_directory *directory, const char *file, uint64_t *value);
bool cgroup_directory_has(const struct cgroup_directory *directory, const char *file);

/* cgroup_entry_open for the places from that one on. */
int cgroup_places_enter(const struct cgroup *cgroup, size_t first, struct cgroup_entry *entry, struct error *error);

/* Opens the cgroup's directory at the place. The descriptor (CLOEXEC, O_PATH), or -errno. */
int cgroup_place_open(const struct cgroup *cgroup, const struct cgroup_place *place);

/* Opens a file of the directory at relative for writing. The descriptor (CLOEXEC), or -errno. */
int cgroup_file_open(int top, const char *relative, const char *file);

/* Writes value into the directory's file; the error says which file, which value, and the kernel's answer. */
int cgroup_directory_write(const struct cgroup_directory *directory, const char *file, const char *value,
			   struct error *error);
/* The same for a number; CGROUP_UNLIMITED is written as `unlimited` ("max" or "-1"). */
int cgroup_directory_write_u64(const struct cgroup_directory *directory, const char *file, uint64_t value,
			       const char *unlimited, struct error *error);
/* The number in the file, or 0 where it can't be read. */
uint64_t cgroup_directory_u64(const struct cgroup_directory *directory, const char *file);

/* The directory and all below it, parents before children, as paths relative to it; the first is ".". */
struct cgroup_tree {
	char **paths;
	size_t count;
};
/* 0 or -errno; one descriptor is open at a time, however deep the tree. Free with cgroup_tree_free, also on failure. */
int cgroup_tree_read(int directory, struct cgroup_tree *tree);
void cgroup_tree_free(struct cgroup_tree *tree);

static inline void cleanup_cgroup_tree_(struct cgroup_tree *tree)
{
	cgroup_tree_free(tree);
}
#define cleanup_cgroup_tree __attribute__((cleanup(cleanup_cgroup_tree_)))

/* ---- Deadlines: CLOCK_MONOTONIC, milliseconds ---- */

int64_t cgroup_deadline(int timeout_ms);
/* Milliseconds until then, at least 0; for poll(2). */
int cgroup_deadline_left(int64_t deadline);

/*
 * Out of the text of /proc/self/cgroup: the caller's own v2 cgroup below the mount point, without leading slash;
 * malloc'ed. NULL where it can't be told.
 */
char *cgroup_own_parse(const char *text);

/* Sleeps *backoff_ms (no longer than the deadline) and doubles it up to 20: where the kernel has no event to wait on.
 */
void cgroup_backoff(int *backoff_ms, int64_t deadline);

#endif
