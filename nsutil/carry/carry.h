/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrying out a plan, step by step. One source, compiled twice: into init, and into the library, where a child does it
 * between clone and exec while it shares the caller's memory. So it makes system calls and nothing else: no heap, no
 * lock, no stdio, nothing static that is written to, stack by the kilobyte. It decides nothing: what to do is in the
 * plan, and a step that fails ends it.
 */
#ifndef NSUTIL_CARRY_CARRY_H
#define NSUTIL_CARRY_CARRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "nsutil/plan_format.h"

struct carrier;

/* Each carries out one step. 0 or -errno. */
typedef int step_function(struct carrier *carrier, const struct plan_step *step);

struct held {
	int fd;             /* the mount's root, O_PATH */
	const char *target; /* where the plan has it */
};

struct carrier {
	struct plan_view plan;
	char **slots;                        /* room for the command's argv and environment, plan_slots of them */
	step_function *fork, *enter, *await; /* how these are done here; NULL where no plan has them */
	int (*executing)(struct carrier *);  /* tells that the exec comes next, 0 or -errno; NULL: nobody asks */
	uint32_t current;                    /* the step under way, or that failed */
	uint64_t *times;                     /* when each step began, CLOCK_MONOTONIC in ns; NULL: nobody asks */
	int status;                          /* a socket to tell the parent by, close-on-exec; -1: no step needs one */
	int namespaces;                      /* the pidfd for SETNS; -1: none */
	int userns;                          /* the user namespace for binds that show ids shifted; -1: none */
	int blank;                           /* the empty mount namespace for PRIVATE; -1: none, this one is new */
	bool in_blank;                       /* since PRIVATE, in a copy of it */
	int *sources;                        /* room for plan_sources, where there is a blank one */
	uint32_t n_sources, n_taken;         /* opened while the host's tree was there, and taken since: fd or -errno */
	int root;                            /* the new root, O_PATH; -1 before PLAN_ROOT */
	struct held held[PLAN_HELD_MOST];    /* mounts with PLAN_HOLD */
	uint32_t n_held;
	int null, empty;    /* what files and directories are masked with, until PLAN_PIVOT; -1: nothing was yet */
	mode_t umask;       /* what the command is to have: the steps work with 0 */
	char **environment; /* what the command is to have */
	const struct plan_step *filter; /* a SECCOMP step that waits for the exec; NULL: none */
	bool filtered;                  /* one has been loaded, which may refuse what no step has to do */
};

/* Carries the plan out from carrier->current on. Does not return but with -errno of that step. */
int carry_out(struct carrier *carrier);

/* Sends the parent what there is to tell of the current step, and, with EXECUTING, the times; passed: a descriptor to
 * go along, or -1. 0 or -errno. */
int carry_report(const struct carrier *carrier, enum plan_report_kind kind, int error, int passed);

/* mounts.c */
step_function step_private, step_mount, step_bind, step_unmount, step_attributes, step_read_only, step_mask,
	step_device, step_root, step_pivot;
/* paths.c */
step_function step_mkdir, step_owner, step_file, step_symlink, step_mknod;
/* process.c */
step_function step_setns, step_unshare, step_hostname, step_loopback, step_die_with_parent, step_setsid, step_rlimit,
	step_oom_score, step_bounding, step_user, step_capabilities, step_chdir, step_keyring, step_no_new_privileges;
/* seccomp.c */
step_function step_seccomp;
/* Loads the filter of a SECCOMP step. 0 or -errno. */
int filter_load(const struct carrier *carrier, const struct plan_step *step);
/* tty.c */
step_function step_tty;
/* exec.c */
step_function step_environment, step_exec;

/* What lies in the plan's bytes. */
static inline const char *carry_bytes(const struct carrier *carrier, uint32_t offset)
{
	return carrier->plan.strings + offset;
}

static inline const char *step_text(const struct carrier *carrier, const struct plan_step *step)
{
	return carry_bytes(carrier, step->text);
}

static inline const char *step_text2(const struct carrier *carrier, const struct plan_step *step)
{
	return carry_bytes(carrier, step->text2);
}

/* Where a path leads: a directory and a name in it, or, with "", the descriptor's own. */
struct place {
	int fd; /* -errno */
	const char *name;
	bool borrowed; /* it is a mount held */
};

static inline void place_release(struct place *place)
{
	if (place->fd >= 0 && !place->borrowed)
		close(place->fd);
}
#define cleanup_place __attribute__((cleanup(place_release)))

/*
 * That of a path in the root. One inside a mount held is told by name, which takes no descriptor: what is held is the
 * kernel's files or new ones, and nobody else is in this mount namespace to put a link there. paths.c
 */
struct place path_place(const struct carrier *carrier, const struct plan_step *step, const char *path);
/* O_PATH descriptor of a path on the host, or in the new root if the step says so. -errno. paths.c */
int path_open(const struct carrier *carrier, const struct plan_step *step, const char *path);
/* The same of a path on the host on whose way there may be no link. */
int path_open_unlinked(const char *path);
/* Whether a path has led into one of the mounts held, by a link, to where it does not say. */
bool path_strays(const struct carrier *carrier, const struct plan_step *step, const char *path, int place);

#endif
