/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init: the small static program that carries out a plan inside the new namespaces and, as PID 1, stays to reap,
 * forward signals and end with the command. It decides nothing: what to do is in the plan, and a step that fails ends
 * it.
 */
#ifndef NSUTIL_INIT_INIT_H
#define NSUTIL_INIT_INIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "nsutil/plan_format.h"

struct held {
	int fd;             /* the mount's root, O_PATH */
	const char *target; /* where the plan has it */
};

struct init {
	const struct plan_header *plan;
	uint32_t current;                 /* the step under way */
	int root;                         /* the new root, O_PATH; -1 before PLAN_ROOT */
	struct held held[PLAN_HELD_MOST]; /* mounts with PLAN_HOLD */
	uint32_t n_held;
	mode_t umask;                   /* what the command is to have: init itself works with 0 */
	char **environment;             /* what the command is to have */
	const struct plan_step *filter; /* a SECCOMP step that waits for the exec; NULL: none */
};

/* Each carries out one step. 0 or -errno. */
typedef int step_function(struct init *init, const struct plan_step *step);

/* mounts.c */
step_function step_private, step_mount, step_bind, step_unmount, step_attributes, step_read_only, step_mask,
	step_device, step_root, step_pivot;
/* paths.c */
step_function step_mkdir, step_owner, step_file, step_symlink, step_mknod;
/* process.c */
step_function step_setns, step_hostname, step_loopback, step_die_with_parent, step_setsid, step_rlimit, step_bounding,
	step_user, step_capabilities, step_chdir, step_keyring, step_no_new_privileges;
/* seccomp.c */
step_function step_seccomp;
/* Loads the filter of a SECCOMP step. 0 or -errno. */
int seccomp_load(const struct init *init, const struct plan_step *step);
/* tty.c */
step_function step_tty;
/* exec.c */
step_function step_environment, step_exec;
/* reaper.c */
step_function step_fork;

/* The step's texts. */
static inline const char *step_text(const struct init *init, const struct plan_step *step)
{
	return plan_text(init->plan, step->text);
}

static inline const char *step_text2(const struct init *init, const struct plan_step *step)
{
	return plan_text(init->plan, step->text2);
}

/* The step's list as a NULL-terminated array that points into the plan; lives until exec. NULL without memory. */
char **step_list(const struct init *init, const struct plan_step *step);

/* O_PATH descriptor of a path on the host, or in the new root if the step says so. -errno. paths.c */
int path_open(const struct init *init, const struct plan_step *step, const char *path);
/* Whether a path that does not say so has led, by a link in the root, into one of the mounts held. */
bool path_strays(const struct init *init, const struct plan_step *step, const char *path, int place);

/* The same of a path on the host on whose way there may be no link. */
int path_open_unlinked(const char *path);

/* Tells the parent; passed: a descriptor to send along, or -1. 0 or -errno. main.c */
int report(const struct init *init, enum plan_report_kind kind, int error, int passed);

#endif
