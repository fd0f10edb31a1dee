/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framework roots: DATA_ROOT/roots/ID/ holds lower (a link to what the root was made over), layers (upper and work
 * directories, one pair for each file system of the lower tree) and root, where all is mounted, on the host, as long as
 * the machine is up. Two mounts of one upper directory would corrupt each other, so executors share this one.
 */
#ifndef RUNTIME_FRAMEWORK_H
#define RUNTIME_FRAMEWORK_H

#include "runtime/spec.h"

/* DATA_ROOT/roots/ENCODED_ID/part, malloc'ed; NULL without memory. Part may be "". */
char *framework_path(const struct berth *berth, const char *id, const char *part);

/*
 * Opens DATA_ROOT/roots/ID, locked: one process at a time makes, mounts or removes it. make: make it where it is
 * missing. The descriptor, the caller's to close, or -errno.
 */
int framework_lock(const struct berth *berth, const char *id, bool make, struct error *error);

/* Whether something is mounted at the path; false with *error set if that can't be told. */
bool framework_is_mounted(const char *path, struct error *error);

/*
 * Makes and mounts the spec's framework root where it isn't yet. -EINVAL if it was made over another lower directory.
 * On failure what this call mounted is unmounted.
 */
int framework_mount(const struct berth *berth, const struct spec *spec, struct error *error);

#endif
