/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is recorded of a container: STATE_ROOT/ENCODED_NAME/, made complete and renamed into place, so that a name has
 * one owner. Its files:
 *
 *     record           what it is, a head, JSON and its environment: written once, before anything else is made; in the
 *                      head its process, once it runs, and in the end how it ended. state_record.c
 *     seccomp          its filter of system calls, where that is neither the default nor none; binary
 *     idmap            the maps of its user namespace, where it has one: "u INSIDE OUTSIDE LENGTH", "g ...", a line
 *     exit             the command's wait status as init saw it, an int in native order; init, where there is one,
 *                      holds it open
 *     reason           why it was killed, if somebody asked for that: the reason's number, a line of detail
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

/* What the record says that is needed to use the container. */
struct record {
	char *name;
	char **argv;
	char *framework;      /* NULL: none */
	char *root_directory; /* as in struct spec; NULL: none */
	char *workdir;
	char *user;    /* NULL: root */
	char *seccomp; /* seccomp_choice.name; NULL: default */
	char *cgroup_parent;
	char *cgroup_name;
	unsigned int controllers;
	unsigned int flags;
	uint64_t namespaces;
	uint64_t capabilities, ambient;
	struct id_maps maps; /* with CLONE_NEWUSER in namespaces */
	int oom_score_adj;
	struct berth_memory_policy memory_policy;
	uint64_t started_ns;
};

void record_free(struct record *record);

/*
 * Reserves the spec's name: makes its directory, locked, with the record and an empty exit. Returns the directory's
 * descriptor; -EEXIST if the name is taken. controllers: those of the cgroup that will be made.
 */
int state_create(const struct berth *berth, const struct spec *spec, unsigned int controllers, uint64_t started_ns,
		 struct error *error);

/* Opens the directory of a container, or -errno; -ENOENT if there is none. Not locked. */
int state_open(const struct berth *berth, const char *name, struct error *error);

/* Reads the record. The caller frees with record_free. -ENOENT: the directory is being removed. */
int state_read(int directory, struct record *record, struct error *error);

/* CLOCK_BOOTTIME in the unit of a process's start time, proc_pid_stat(5). */
uint64_t state_ticks_now(void);

/* For state_create: the record, with room for what comes later. 0 or -errno. */
int state_create_record(int directory, const char *json, size_t json_size, char *const *environment);

/* The record's parts, malloc'ed, NUL-terminated; their size or -errno. The environment as /proc/PID/environ has it. */
ssize_t state_read_json(int directory, char **json);
ssize_t state_read_environment(int directory, char **environment);

/*
 * The process. earliest: state_ticks_now before it was made; later than now it can't have been. fallbacks: a line for
 * each that was taken, or "". state_read_init gives -ENOENT while there is none.
 */
int state_write_init(int directory, pid_t pid, uint64_t earliest, const char *fallbacks, struct error *error);
int state_read_init(int directory, pid_t *pid, uint64_t *earliest, uint64_t *latest);
void state_read_fallbacks(int directory, char *fallbacks, size_t size);

/*
 * A pidfd on the process recorded, or -ESRCH if it has ended: the pid may be another's by now, which its start time
 * tells. /proc/PID/stat, proc_pid_stat(5)
 */
int state_open_init(int directory, pid_t *pid);

/* Opens the exit file for init to write to. -errno. */
int state_open_exit(int directory);
/* What init wrote: a wait status. -ENODATA if it did not get to that. */
int state_read_exit(int directory, int *wait_status);

/*
 * First come, first kept: later reasons don't count. detail: one line, may be "". state_read_reason answers 0 for none,
 * else copies the detail.
 */
int state_write_reason(int directory, enum berth_reason reason, const char *detail);
int state_read_reason(int directory, char *detail, size_t size);

int state_write_end(int directory, const struct berth_end *end, struct error *error);
/*
 * Opens the record for its end, which then can be read even when it has been removed. state_read_end gives -ENODATA
 * while there is no end.
 */
int state_open_end(int directory);
int state_read_end(int end_fd, struct berth_end *end);

/* Removes the record; the name is free afterwards. The directory must be owned. */
int state_remove(const struct berth *berth, int directory, const char *name, struct error *error);
/* The same by the directory's own name, for those that hold no readable record. */
int state_remove_entry(const struct berth *berth, int directory, const char *entry, struct error *error);

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
