/* SPDX-License-Identifier: Apache-2.0 */
/* From what a container is to be (spec) to how it gets there (plan). */
#ifndef RUNTIME_COMPILE_H
#define RUNTIME_COMPILE_H

#include "nsutil/plan.h"
#include "runtime/spec.h"

/*
 * The whole plan of a container, ending in the exec of its command; reads the mount table for host roots, else
 * touches nothing. The caller frees *plan with plan_free.
 */
int compile_container(const struct berth *berth, const struct spec *spec, struct plan **plan, struct error *error);

/* The same up to where the command begins to matter, ending in plan_add_await; not for user namespaces. */
int compile_waiting(const struct berth *berth, const struct spec *spec, struct plan **plan, struct error *error);

/*
 * The plan of one more command in a container: into the namespaces of the process behind INIT_FD_NAMESPACES, then exec.
 * Of spec, the command's part is used: argv, env, workdir, user, terminal, seccomp, flags.
 */
int compile_exec(const struct spec *spec, uint64_t namespaces, struct plan **plan, struct error *error);

/* roots.c: the steps that make the root and name it (PLAN_ROOT). */
int compile_root(const struct berth *berth, const struct spec *spec, struct plan *plan, struct error *error);

/*
 * A throw-away layer, number i of the plan's, over lower, mounted at target, which is in the root or on the host; its
 * upper side lies in the stage's tmpfs. look: whose and with what mode the lower directory is.
 */
struct stat;
int compile_layer(const struct berth *berth, const struct spec *spec, size_t i, const char *lower,
		  const struct stat *look, bool in_root, const char *target, struct plan *plan, struct error *error);

/* roots_parts.c: ROOT_HOST as an ordinary user, below the stage's tmpfs. */
int compile_host_parts(const struct berth *berth, const struct spec *spec, struct plan *plan, struct error *error);

/*
 * Masks, or makes read-only, what the kernel offers root under /proc and /sys without asking for a capability: the
 * lists of the OCI runtimes. Both must be mounted. empty: as for plan_add_mask.
 */
void compile_kernel_files(struct plan *plan, const char *empty);

static inline void cleanup_plan_(struct plan **plan)
{
	plan_free(*plan);
}
#define cleanup_plan __attribute__((cleanup(cleanup_plan_)))

#endif
