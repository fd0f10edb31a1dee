/* SPDX-License-Identifier: Apache-2.0 */
/* The handle on a container, inside the library. */
#ifndef RUNTIME_CONTAINER_H
#define RUNTIME_CONTAINER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "runtime/context.h"
#include "runtime/state.h"

struct berth_container {
	struct berth *berth;
	struct record record;
	struct cgroup *cgroup;
	int file;             /* its record; locked while owner */
	atomic_int requested; /* enum berth_reason of that kill; 0: none */
	int pidfd;            /* PID 1; -1: had ended when the handle was made */
	int tty;
	int seccomp_log; /* the filter's listener, for who launched it with BERTH_SECCOMP_LOG; else -1 */
	pid_t pid;
	struct monitor *monitor; /* an owner that attends; else NULL */
	uint64_t memory_limit;   /* what this handle last put in force; 0: not known */
	int wait_status;         /* PID 1's, once reaped by an owner that is its parent; -1: not */
	bool owner;              /* waits for it and cleans up behind it */
	bool launched;           /* and has done so ever since it had its name */
	bool ended;              /* end is known */
	struct berth_end end;
};

/* An empty handle, to be freed with berth_container_close; NULL without memory. */
struct berth_container *container_new(struct berth *berth);

/*
 * Fills the handle from the record (which it takes over) that state_open gave: cgroup, pidfd, end. 0 or -errno.
 */
int container_load(struct berth_container *container, int file, struct error *error);
/* For a handle that was made while the container was being started: pidfd again, which still may be -ENOENT. */
void container_look_again(struct berth_container *container);
/* Whether this result of opening or loading an entry of the state root says that there is no (whole) container in it.
 */
bool container_is_gone(int code);

/*
 * For an owner, once PID 1 is gone or is to be: finds out how the container ended, kills what is left, removes its
 * cgroups, and records the end (or, without BERTH_KEEP_RECORD, removes the record). Where it fails
 * it may be called again.
 */
int container_finish(struct berth_container *container, struct error *error);

/* For an owner of a launch that never got a process, or lost its record of it: kills and removes all of it. */
int container_discard(struct berth_container *container, struct error *error);

/* A growing array of handles. */
struct container_list {
	struct berth_container **items;
	size_t count;
};
/* Takes the handle over; on -ENOMEM it has been closed. */
int container_list_add(struct container_list *list, struct berth_container *container);
void container_list_free(struct container_list *list);

/* Like the public ones, with inner errors. */
int container_wait(struct berth_container *container, int timeout_ms, struct error *error);
int container_kill(struct berth_container *container, enum berth_reason reason, struct error *error);
/* detail: the sentence that will say how it ended; "": the usual one. */
int container_kill_with_detail(struct berth_container *container, enum berth_reason reason, const char *detail,
			       struct error *error);
/* Whether PID 1 is alive; a zombie is not. */
bool container_is_running(const struct berth_container *container);
/*
 * -ESRCH for a container that has ended, -EAGAIN for one whose owner is still at it; a handle that was made meanwhile
 * learns of its process here.
 */
int container_require_process(struct berth_container *container, struct error *error);
/* -ESRCH for a container that has ended, -ENOTSUP for one without cgroups. */
int container_require_cgroup(struct berth_container *container, struct error *error);

/* reason.c: how a container ended, from what is known. */
struct evidence {
	int wait_status;    /* PID 1's; -1: unknown */
	int command_status; /* the command's, as init recorded it; -1: no record */
	bool no_init;       /* PID 1 was the command */
	int requested;      /* enum berth_reason a killer left; 0: none */
	const char *detail; /* the sentence it left; "": none */
	uint64_t oom_kills;
	/* A scale-down that was under way when processes were killed for memory, or nothing but zeroes. */
	uint64_t scale_target; /* bytes */
	uint64_t scale_ms;     /* since it had begun */
};
/* The wait status that counts for the container's end, or -1: unknown. */
int evidence_status(const struct evidence *evidence);
/* Sets end->reason, code and text from the evidence and the numbers that are in *end already. */
void end_conclude(const struct evidence *evidence, struct berth_end *end);

/* A number of bytes for people, "64.0 MiB"; BERTH_UNLIMITED is "none". */
void bytes_format(uint64_t bytes, char *buffer, size_t size);

/* Milliseconds of CLOCK_MONOTONIC, for deadlines. */
uint64_t monotonic_ms(void);

#endif
