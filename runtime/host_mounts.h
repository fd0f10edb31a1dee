/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted on the host, as a root laid over the host must deal with it: overlay shows one file system, not those
 * mounted on it. */
#ifndef RUNTIME_HOST_MOUNTS_H
#define RUNTIME_HOST_MOUNTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsutil/base/error.h"
#include "runtime/context.h"

struct host_mount {
	char *path;
	bool bind_read_only; /* shown as it is, read-only: it can't be, or needn't be, a layer's lower side */
	bool is_file;
	mode_t mode; /* of the mount's root directory, and its owner: a layer over it must look the same */
	uid_t uid;
	gid_t gid;
};

struct host_mounts {
	struct host_mount *entries; /* parents before children; "/" is not among them */
	size_t count;
};

/*
 * Lists the host's visible mounts but for what a container has of its own (/proc, /sys, /dev) or must not see (berth's
 * own directories), and for kernel interfaces. Free with host_mounts_free.
 */
int host_mounts_read(const struct berth *berth, struct host_mounts *mounts, struct error *error);
void host_mounts_free(struct host_mounts *mounts);

#define cleanup_host_mounts __attribute__((cleanup(host_mounts_free)))

#endif
