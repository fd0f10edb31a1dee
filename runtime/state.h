/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is recorded of a container: STATE_ROOT/ENCODED_NAME/, made complete and renamed into place, so that a name has
 * one owner. Its files:
 *
 *     record           what it is, a head, what the library needs of it, JSON and its environment: written once, before
 *                      anything else is made; in the head its process, once it runs, why it was killed, if somebody
 *                      asked for that, and in the end how it ended. state_record.c
 *     seccomp          its filter of system calls, where that is neither the default nor none; binary
 *     idmap            the maps of its user namespace, where it has one: "u INSIDE OUTSIDE LENGTH", "g ...", a line
 *     exit             the command's wait status as init saw it, an int in native order; init, where there is one,
 *                      holds it open
 *     control          the socket of an owner that attends to it
 *     scale            a lowering of its memory limit that is under way, scale_note.h; binary
 *
 * Beside them, for all: .stage (context.h), .seccomp (seccomp_cache.h).
 *
 * Ownership is an exclusive flock(2) on the directory: it ends with the owner, however that ends.
 */
#ifndef RUNTIME_STATE_H
#define RUNTIME_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/spec.h"

/* What the library needs of the record to use the container. The strings lie in packed, record.h. */
struct record {
	void *packed;
	size_t packed_size;
	const char *name;
	const char **argv;          /* the array is the record's own */
	const char *framework;      /* NULL: none */
	const char *root_directory; /* as in struct spec; NULL: none */
	const char *workdir;
	const char *user;    /* NULL: root */
	const char *seccomp; /* seccomp_choice.name */
	const char *cgroup_parent;
	const char *cgroup_name;
	unsigned int controllers;
	const void *layout; /* cgroup_layout_pack's: where the cgroups are */
	size_t layout_size;
	unsigned int flags;
	uint64_t namespaces;
	uint64_t capabilities, ambient;
	int oom_score_adj;
	struct berth_memory_policy memory_policy;
	uint64_t started_ns;
};

void record_free(struct record *record);

/*
 * Reserves the spec's name: makes its directory, locked, with the record, which is the spec's, and an empty exit.
 * Returns the directory's descriptor; -EEXIST if the name is taken.
 */
int state_create(const struct berth *berth, const struct spec *spec, const struct record *record, struct error *error);

/* Opens the directory of a container, or -errno; -ENOENT if there is none. Not locked. */
int state_open(const struct berth *berth, const char *name, struct error *error);

/* The container's PID 1. */
struct state_process {
	uint64_t earliest, latest; /* state_ticks_now before it was made and when it was there */
	uint64_t inode;            /* of its pidfds; 0: the kernel gives all of them the same */
	char boot[BOOT_ID_SIZE];   /* the boot in which it was given */
	pid_t pid;                 /* 0: none yet */
};

/* What one reading of a record's file tells. */
struct state {
	struct record record;
	struct state_process process;
	bool ended;
	struct berth_end end;
	int file; /* the file, for state_read_end and state_read_reason, also when it has been removed */
};

/* Reads the record. The caller releases what it got. -ENOENT: the directory is being removed. */
int state_read(int directory, struct state *state, struct error *error);
void state_release(struct state *state);

/* CLOCK_BOOTTIME in the unit of a process's start time, proc_pid_stat(5). */
uint64_t state_ticks_now(void);

/* For state_create: the record, with room for what comes later. 0 or -errno. */
int state_create_record(int directory, const struct record *record, const char *json, size_t json_size,
			char *const *environment);

/* Opens the record's file: for reading, or also for state_write_end. The descriptor or -errno. */
int state_open_record(int directory, bool writes);

/* The record's parts, malloc'ed, NUL-terminated; their size or -errno. The environment as /proc/PID/environ has it. */
ssize_t state_read_json(int directory, char **json);
ssize_t state_read_environment(int directory, char **environment);

/* fallbacks: a line for each that was taken, or "". state_read_process gives -ENOENT while there is none. */
int state_write_process(int directory, const struct state_process *process, const char *fallbacks, struct error *error);
int state_read_process(int directory, struct state_process *process);
void state_read_fallbacks(int directory, char *fallbacks, size_t size);

/* What will tell the process apart from others of its pid. Made since earliest. */
void state_identify(struct berth *berth, int pidfd, pid_t pid, uint64_t earliest, struct state_process *process);
/*
 * A pidfd on the process recorded, or -ESRCH if it has ended: the pid may be another's by now. That tells the inode,
 * which no other process has until the next boot; without one the start time, proc_pid_stat(5).
 */
int state_open_process(struct berth *berth, const struct state_process *process);

/* Opens the exit file for init to write to. -errno. */
int state_open_exit(int directory);
/* What init wrote: a wait status. -ENODATA if it did not get to that. */
int state_read_exit(int directory, int *wait_status);

/*
 * First come, first kept: later reasons don't count; of two at the same moment one does. detail: one line, may be "".
 * state_read_reason answers 0 for none, else copies the detail.
 */
int state_write_reason(int file, enum berth_reason reason, const char *detail);
int state_read_reason(int file, char *detail, size_t size);

int state_write_end(int file, const struct berth_end *end, struct error *error);
/* -ENODATA while there is no end. */
int state_read_end(int file, struct berth_end *end);

/* Removes the record; the name is free afterwards. The directory must be owned; it may have been removed before. */
int state_remove(const struct berth *berth, int directory, const char *name, struct error *error);
/* The same by the directory's own name, for those that hold no readable record. */
int state_remove_entry(const struct berth *berth, int directory, const char *entry, struct error *error);

/* The same for one that has been owned ever since it had the name. */
int state_remove_ended(const struct berth *berth, int directory, const struct record *record, struct error *error);

/* Whether somebody owns the directory now. */
bool state_is_owned(int directory);
/* Becomes the owner. -EBUSY if somebody else is. */
int state_lock(int directory);
/*
 * As state_lock, but it also waits while the lock is held for an owner who is dead: by a process that the owner was
 * starting when it was killed, and that has a copy of all its descriptors until it comes to close them.
 */
int state_lock_of_dead(int directory);
void state_unlock(int directory);

/* Calls visit for each entry of the state root that holds, or held, a container; a negative return ends the walk and is
 * returned. */
int state_each(const struct berth *berth, int (*visit)(const struct berth *berth, const char *entry, void *data),
	       void *data, struct error *error);
/* Directories of launches that died before they had a name. */
void state_sweep_unfinished(const struct berth *berth);

/* 0: no container uses the framework's root; -EBUSY with the container's name in the error; or another -errno. */
int state_framework_in_use(const struct berth *berth, const char *framework, struct error *error);
/* The same for a directory that roots lie over. */
int state_directory_in_use(const struct berth *berth, const char *directory, struct error *error);

#endif
