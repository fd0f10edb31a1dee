/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives as roots. One is unpacked once, into DATA_ROOT/archives/NAME/root, which containers have layers over and
 * never write to; beside it lies source, a link to the archive's path. NAME is the archive's own and a hash of what
 * stat(2) tells of it, so an archive that has changed is another one. The directory is locked: shared by launches over
 * it, alone by who unpacks or removes it.
 */
#ifndef RUNTIME_ARCHIVE_H
#define RUNTIME_ARCHIVE_H

#include "runtime/spec.h"

/* Where a root's name begins with this it is an archive, for berth_root_remove. */
#define ARCHIVE_PREFIX "archive:"

/*
 * For a spec whose root is an archive: sets root_directory to where its tree is, or will be, and finds the user in it.
 * A framework's root that was made over an earlier state of the archive stays over that. Touches nothing; -ENOENT for a
 * user that can't be looked up yet.
 */
int archive_locate(const struct berth *berth, struct spec *spec, struct error *error);

/*
 * The same, for a launch: unpacks the archive if that has not been done. *lock is a descriptor to be closed when the
 * container, or its framework's root, is on record; -1 where there is nothing to lock. On failure nothing is left of
 * what was unpacked. What an archive tries to write elsewhere is refused, and so are devices outside dev/.
 */
int archive_hold(const struct berth *berth, struct spec *spec, int *lock, struct error *error);

/* Parts of berth_root_list and berth_root_remove; name is without the prefix. */
int archive_list(struct berth *berth, bool sizes, void (*tell)(const struct berth_root *root, void *data), void *data,
		 struct error *error);
int archive_remove(const struct berth *berth, const char *name, struct error *error);

#endif
