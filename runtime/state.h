/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is recorded of a container: the file STATE_ROOT/ENCODED_NAME, which only one can make, so that a name has one
 * owner. As long as it has no head, which is written last, it is none. It holds what the container is (a head, what the
 * library needs of it, JSON and its environment), written once, before anything else is made; in the head its process,
 * once it runs, why it was killed, if somebody asked for that, a lowering of its memory limit that is under way, and in
 * the end how it ended. state_record.c
 *
 * What only some have is in files that their owner makes beside it and removes before it. They are named by the
 * record's inode, so that whoever has the record open finds no other's:
 *
 *     .exit-INODE      the command's wait status as init saw it, an int in native order; init, where there is one,
 *                      holds it open
 *     .control-INODE   the socket of an owner that attends to it
 *     .seccomp-INODE   its filter of system calls, where that is neither the default nor none; binary
 *     .idmap-INODE     the maps of its user namespace, where it has one: "u INSIDE OUTSIDE LENGTH", "g ...", a line
 *
 * For all: .stage (context.h), .seccomp (seccomp_cache.h).
 *
 * Ownership is an exclusive flock(2) on the record: it ends with the owner, however that ends.
 */
#ifndef RUNTIME_STATE_H
#define RUNTIME_STATE_H

#include <stdatomic.h>
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
 * Reserves the spec's name: makes its record, locked. Returns the record's descriptor, for reading and writing as all
 * of them; -EEXIST if the name is taken.
 */
int state_create(const struct berth *berth, const struct spec *spec, const struct record *record, struct error *error);

/* Opens the record of a container, or -errno; -ENOENT if there is none. Not locked. */
int state_open(const struct berth *berth, const char *name, struct error *error);
/* The same by the name encoded, or -errno: what container_is_gone knows. */
int state_open_entry(const struct berth *berth, const char *entry);

/* The files beside a record. */
enum state_beside { STATE_EXIT, STATE_CONTROL, STATE_SECCOMP, STATE_IDMAP, STATE_BESIDE };
enum { STATE_BESIDE_SIZE = 40 };
/* The name of one, in the state root. */
void state_beside_name(int file, enum state_beside what, char name[STATE_BESIDE_SIZE]);

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
};

/* Reads the record, also one that has been removed. The caller frees its record. -ENOENT: it is being made. */
int state_read(int file, struct state *state, struct error *error);

/* CLOCK_BOOTTIME in the unit of a process's start time, proc_pid_stat(5). */
uint64_t state_ticks_now(void);

/* For state_create: fills the empty file, with room for what comes later. 0 or -errno. */
int state_write_record(int file, const struct record *record, const char *json, size_t json_size,
		       char *const *environment);

/* The record's parts, malloc'ed, NUL-terminated; their size or -errno. The environment as /proc/PID/environ has it. */
ssize_t state_read_json(int file, char **json);
ssize_t state_read_environment(int file, char **environment);

/* fallbacks: a line for each that was taken, or "". state_read_process gives -ENOENT while there is none. */
int state_write_process(int file, const struct state_process *process, const char *fallbacks, struct error *error);
int state_read_process(int file, struct state_process *process);
void state_read_fallbacks(int file, char *fallbacks, size_t size);

/* What will tell the process apart from others of its pid. Made since earliest. */
void state_identify(struct berth *berth, int pidfd, pid_t pid, uint64_t earliest, struct state_process *process);
/*
 * A pidfd on the process recorded, or -ESRCH if it has ended: the pid may be another's by now. That tells the inode,
 * which no other process has until the next boot; without one the start time, proc_pid_stat(5). Another -errno where it
 * can't be told.
 */
int state_open_process(struct berth *berth, const struct state_process *process);

/* Makes the exit file, open for init to write to. -errno. */
int state_create_exit(const struct berth *berth, int file);
/* What init wrote: a wait status. -ENODATA if it did not get to that. */
int state_read_exit(const struct berth *berth, int file, int *wait_status);

/* A place for scale_note.h's, and whether there is something in it. */
enum { STATE_NOTE_SIZE = 64 };
bool state_has_note(int file);
/* 0 or -errno. */
int state_make_note(int file);
int state_write_note(int file, const void *note, size_t size);
int state_read_note(int file, void *note, size_t size);

/*
 * First come, first kept: later reasons don't count; of two at the same moment one does. detail: one line, may be "".
 * state_read_reason answers 0 for none, else copies the detail.
 */
int state_write_reason(int file, enum berth_reason reason, const char *detail);
int state_read_reason(int file, char *detail, size_t size);

int state_write_end(int file, const struct berth_end *end, struct error *error);
/* -ENODATA while there is no end. */
int state_read_end(int file, struct berth_end *end);

/*
 * Removes the record and all that is beside it; the name is free afterwards. It must be owned; it may have been removed
 * before.
 */
int state_remove(const struct berth *berth, int file, const char *name, struct error *error);
/* The same by the entry of the state root, for those that hold nothing readable. */
int state_remove_entry(const struct berth *berth, int file, const char *entry, struct error *error);

/* The same for one that has been owned ever since it had the name, and whose control socket is gone. */
int state_remove_launched(const struct berth *berth, int file, const struct record *record, struct error *error);

/* Whether the record has been removed. */
bool state_is_removed(int file);

/* Whether somebody owns the record now. */
bool state_is_owned(int file);
/* Becomes the owner. -EBUSY if somebody else is. */
int state_lock(int file);
/*
 * As state_lock, but it also waits while the lock is held for an owner who is dead: by a process that the owner was
 * starting when it was killed, and that has a copy of all its descriptors until it comes to close them.
 */
int state_lock_of_dead(int file);
void state_unlock(int file);

/*
 * The entries of the state root that are, or were, records. Any number of threads may take them from one: what is read
 * at once needs no lock, behind which they would sleep while one of them reads the directory.
 */
struct state_entries {
	char *names; /* NUL-terminated, one behind the other */
	size_t size;
	atomic_size_t taken; /* so much of it */
};
/* 0 or -errno; to be freed. */
int state_entries_read(const struct berth *berth, struct state_entries *entries, struct error *error);
void state_entries_free(struct state_entries *entries);
/* One that nobody has taken yet, the entries' own; NULL: there is none. */
const char *state_entries_next(struct state_entries *entries);

/* Calls visit for each of them; a negative return ends the walk and is returned. */
int state_each(const struct berth *berth, int (*visit)(const struct berth *berth, const char *entry, void *data),
	       void *data, struct error *error);

/* 0: no container uses the framework's root; -EBUSY with the container's name in the error; or another -errno. */
int state_framework_in_use(const struct berth *berth, const char *framework, struct error *error);
/* The same for a directory that roots lie over. */
int state_directory_in_use(const struct berth *berth, const char *directory, struct error *error);

#endif
