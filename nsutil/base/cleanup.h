/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound ownership. A variable declared with one of these attributes owns what it holds and
 * releases it when it goes out of scope; ownership leaves it only through a visible steal.
 */
#ifndef NSUTIL_BASE_CLEANUP_H
#define NSUTIL_BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Each release keeps errno, so that an error can be reported after the scope has been left. */
static inline void cleanup_fd_(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
}

static inline void cleanup_free_(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_file_(FILE **file)
{
	if (*file) {
		int saved = errno;
		fclose(*file);
		errno = saved;
	}
}

static inline void cleanup_dir_(DIR **dir)
{
	if (*dir) {
		int saved = errno;
		closedir(*dir);
		errno = saved;
	}
}

#define cleanup_fd __attribute__((cleanup(cleanup_fd_)))
#define cleanup_free __attribute__((cleanup(cleanup_free_)))
#define cleanup_file __attribute__((cleanup(cleanup_file_)))
#define cleanup_dir __attribute__((cleanup(cleanup_dir_)))

/* Takes the descriptor out of its owner, which is left holding none. */
static inline int steal_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

/* Takes the pointer out of its owner, which is left holding NULL. */
#define steal_pointer(owner)                                                                                           \
	({                                                                                                             \
		__auto_type taken_ = *(owner);                                                                         \
		*(owner) = NULL;                                                                                       \
		taken_;                                                                                                \
	})

#endif
