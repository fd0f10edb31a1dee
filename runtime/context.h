/* SPDX-License-Identifier: Apache-2.0 */
/* struct berth, and what crosses the library's edge: errors and sized structs. */
#ifndef RUNTIME_CONTEXT_H
#define RUNTIME_CONTEXT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroup/cgroup.h"
#include "nsutil/base/error.h"
#include "nsutil/self.h"
#include "runtime/berth.h"
#include "runtime/id_registry.h"

enum { BOOT_ID_SIZE = 36 };

/*
 * Read-only once open, so that threads may share it; but for what not every command needs, and is made for the first
 * that does. What requires it may be called by any number of threads, and read it afterwards.
 */
struct berth {
	char *state_root;            /* absolute */
	char *data_root;             /* absolute */
	struct id_registry ids;      /* which ranges of user ids are taken */
	const char *subuid, *subgid; /* the files; tests have others */
	char *stage;  /* a directory below the state root to mount new roots on, inside each mount namespace: empty */
	int state_fd; /* state_root */
	uid_t uid;    /* who opened the context */
	pthread_mutex_t lock;           /* of what follows, while it is made */
	int init_fd;                    /* init's program: context_require_init; -1: not made */
	bool staged;                    /* stage is there: context_require_stage */
	struct cgroup_layout *layout;   /* context_require_layout; NULL: not made */
	struct cgroup_layout *recorded; /* context_layout_of; NULL: not made */
	void *recorded_packed;
	size_t recorded_size;
	bool has_launched;
	int blank_fd;              /* context_kept; negative: not made */
	struct self self;          /* context_kept */
	bool self_is_useless;      /* context_drop_self */
	uint64_t bounding;         /* context_bounding; 0: not looked at */
	int oom_score_fd;          /* context_oom_score; negative: not open */
	struct prepared *prepared; /* containers that wait for their command, prepare.c; the lock is held briefly */
	char boot_id[BOOT_ID_SIZE + 1];
	/* Tests: the step to fail, counted from 1, and how; see context_inject_failure. */
	size_t fail_step;
	int fail_error;
};

/* 0 or -errno. */
int context_require_init(struct berth *berth, struct error *error);
int context_require_stage(struct berth *berth, struct error *error);
int context_require_layout(struct berth *berth, struct error *error);

/*
 * The layout for a container's cgroups, from what its record holds: commands that look at one container can do without
 * reading what is mounted. The context's own once it has that, or where the record's does not hold here. 0 or -errno.
 */
int context_layout_of(struct berth *berth, const void *packed, size_t size, const struct cgroup_layout **layout,
		      struct error *error);

/* What tells this boot of the machine from others, BOOT_ID_SIZE characters; "" where that can't be read. */
const char *context_boot_id(struct berth *berth);

/* -EPERM for a caller without the state root. */
int context_require_state(const struct berth *berth, struct error *error);

/*
 * What launches leave for those after them, kept by the context: the empty mount namespace to begin in, nsutil/blank.h,
 * which is made for who wants it, and this process's pidfd, for spawn_options.self_pidfd. Negative for the first, as
 * they are as dear as what they save, and many who launch do it once; and where they can't be made: then the launch can
 * do without, or knows better what it lacks. With them context_oom_score's descriptor is opened.
 */
struct context_kept {
	int blank_fd, self_pidfd;
};
struct context_kept context_kept(struct berth *berth, bool wants_blank);
/* The pidfd has turned out to be of no use here. */
void context_drop_self(struct berth *berth);

/*
 * The caller's bounding set, as the first launch that wants all of it found it: it takes a system call for each
 * capability, and can't grow.
 */
uint64_t context_bounding(struct berth *berth);

/* As oom_score_own, by a descriptor that the second launch leaves. */
int context_oom_score(struct berth *berth);

/* Hands an inner error out. Returns inner's code, negative. */
int error_export(const struct error *inner, struct berth_error *outer);

/*
 * Copies a caller's struct of *size bytes (its first member) into one of known_size, zeroing what it lacks. -E2BIG if
 * it has unknown parts that are not zero, -EINVAL if its size is nonsense.
 */
int struct_import(void *known, size_t known_size, const void *given, struct error *error, const char *name);

/* Copies as much of known as the caller's struct, which begins with its size, has room for; the size stays. */
void struct_export(const void *known, size_t known_size, void *given);

/* Nanoseconds of CLOCK_REALTIME. */
uint64_t now_ns(void);

/* Tests: other files than /etc/subuid and /etc/subgid (borrowed), and a register of ids of their own: at id_registry,
 * and at the same name with "-kept" behind. */
int context_use_ids(struct berth *berth, const char *subuid, const char *subgid, const char *id_registry);

/* Tests: in the launches to come, step (from 1; 0: none) of the plan fails with this errno. Not thread-safe. */
void context_inject_failure(struct berth *berth, size_t step, int code);

#endif
