/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration, a name and the slave's environment, put together to what libberth launches. */
#ifndef RUNTIME_LXC_APPLY_H
#define RUNTIME_LXC_APPLY_H

#include "runtime/lxc/config.h"

struct lxc_launch {
	struct berth_options options; /* points into the rest, the configuration, and argv */
	struct berth_volume *volumes;
	struct berth_tmpfs *tmpfs;
	char **owned; /* strings that the options point to */
	char **cap_add, **cap_drop;
	char *user;
	char *root;
	char **made; /* directories that were made for the work directory, the outermost first */
};

/*
 * Fills *launch. All it was given is borrowed until lxc_launch_free, which is due also after a failure.
 *
 * Where the root is not the host's file system itself, the slave's work directory is bound into it at its own path.
 * If it is missing it is made now, as the launcher inside would make it: binding an ancestor that exists would open
 * that, /tmp or /var/lib perhaps, to the framework.
 */
int lxc_apply(const struct lxc_config *config, const char *name, const char *const *argv, struct lxc_launch *launch,
	      struct berth_error *error);

/* After a launch that failed: removes the directories that lxc_apply made, if they are empty. */
void lxc_launch_undo(const struct lxc_launch *launch);
void lxc_launch_free(struct lxc_launch *launch);

/* The root of a container, as berth_options has it. malloc'ed; NULL without memory. */
char *lxc_root_text(const struct lxc_config *config, const char *name);

#endif
