/* SPDX-License-Identifier: Apache-2.0 */
/* The directory that a slave tells its executors to work in, which is to be the same inside and outside. */
#ifndef RUNTIME_LXC_WORKDIR_H
#define RUNTIME_LXC_WORKDIR_H

#include <stddef.h>

#include "runtime/berth.h"

enum { WORKDIRS_MOST = 4 };

/*
 * The work directories that the environment names (MESOS_WORK_DIRECTORY, MESOS_DIRECTORY, and the same with NEXUS_),
 * none of them inside another. Left out are those that can't be bound: relative, with "..", the root itself, or in
 * /proc, /sys or /dev. Returns how many; they point into the environment.
 */
size_t lxc_workdirs(const char *directories[WORKDIRS_MOST]);

/* Makes a directory with its ancestors, mode 0755, where they are missing, and appends those it made to *made. */
int lxc_workdir_make(const char *path, char ***made, struct berth_error *error);

#endif
