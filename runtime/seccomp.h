/* SPDX-License-Identifier: Apache-2.0 */
/* Which seccomp filter a container's commands get. */
#ifndef RUNTIME_SECCOMP_H
#define RUNTIME_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nsutil/base/error.h"

struct seccomp_choice {
	char *name; /* "default", "unconfined", the profile's path, or "default, opened for CAP_SYS_ADMIN" */
	const struct sock_filter *filters; /* NULL: unconfined */
	size_t count;
	uint32_t flags;          /* SECCOMP_FILTER_FLAG_* */
	struct sock_filter *own; /* filters, where the library does not bring them */
	struct sock_filter *log; /* seccomp_choice_log's; else NULL */
	size_t n_log;
};

/*
 * state_root: its descriptor, for the cache of compiled filters (seccomp_cache.h), or -1.
 * option: "default" or NULL, "unconfined", else a profile's path. capabilities: the container's. Reads the profile,
 * touches nothing
 * but that cache. -EINVAL and others with the file named. The caller frees with seccomp_choice_free, also on failure.
 */
int seccomp_choose(int state_root, const char *option, uint64_t capabilities, struct seccomp_choice *choice,
		   struct error *error);
void seccomp_choice_free(struct seccomp_choice *choice);

/*
 * Makes choice->log, for a filter that confines nothing but tells: to be loaded with SECCOMP_FILTER_FLAG_NEW_LISTENER,
 * it has all calls that the choice refuses wait for its listener. -EINVAL for unconfined.
 */
int seccomp_choice_log(struct seccomp_choice *choice, struct error *error);

/*
 * A filter of the container's own is kept beside its record (STATE_SECCOMP), for the commands that join it; one that
 * the library brings is known by its name.
 */
bool seccomp_is_kept(const char *name);
/* The file's bytes, malloc'ed; NULL without memory. */
void *seccomp_choice_bytes(const struct seccomp_choice *choice, size_t *size);
/* name: as recorded; NULL: default. file: of directory, where one is kept. */
int seccomp_choice_load(int directory, const char *file, const char *name, struct seccomp_choice *choice,
			struct error *error);

#endif
