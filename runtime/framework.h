/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framework roots: DATA_ROOT/roots/ID/ holds lower (a link to what the root was made over), idmap (the maps of its user
 * namespace, where it has one), layers (upper and work directories, one pair for each file system of the lower tree)
 * and root, where all is mounted, on the host, as long as the machine is up; while that is being done, a file mounting.
 * Two mounts of one upper directory would corrupt each other, so executors share this one.
 *
 * An overlay can't be shown with ids shifted, but be made over a directory that is. With a user namespace a directory
 * or archive is shown so below the layer, while the root is being mounted in lower.shown; the host's own tree is not,
 * as in every host root. What executors leave in the layer has the ids outside, so that all need the same maps.
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

/* Notes in the directory, locked, whose it is and what it lies over. -EINVAL if that is another directory. */
int framework_record(int directory, const struct spec *spec, struct error *error);

/* Whether something is mounted at the path; false with *error set if that can't be told. */
bool framework_is_mounted(const char *path, struct error *error);

/*
 * Makes and mounts the spec's framework root where it isn't yet. -EINVAL if it was made over another lower directory,
 * or with other ids. On failure what this call mounted is unmounted.
 */
int framework_mount(const struct berth *berth, const struct spec *spec, struct error *error);

/* ---- Ids: framework_ids.c ---- */

/* In the directory, locked: notes the spec's maps, or none, or sees that they are those noted; -EINVAL where not. */
int framework_ids_settle(int directory, const struct spec *spec, struct error *error);

/*
 * For USERNS_AUTO: sets the spec's maps to those of its root, which is made if need be, with the first size ids of
 * those given that are free: its own from then until it is removed. A root that was made by this call is gone if it
 * fails.
 */
int framework_ids_claim(const struct berth *berth, struct spec *spec, uint32_t size, const struct id_maps *given,
			struct error *error);

/* Only looks: 1 with the spec's maps set to those of its root, 0 where it has none yet, -EINVAL where it never will. */
int framework_ids_look(const struct berth *berth, struct spec *spec, struct error *error);

#endif
