/* SPDX-License-Identifier: Apache-2.0 */
/* The calling process itself, for its children to fetch descriptors from: pidfd_getfd(2). */
#ifndef NSUTIL_SELF_H
#define NSUTIL_SELF_H

#include <stdbool.h>

struct self {
	int pidfd;           /* -1: none */
	unsigned char *page; /* not zero in this process, zero in one that was forked from it */
};

#define SELF_NONE                                                                                                      \
	{                                                                                                              \
		.pidfd = -1                                                                                            \
	}

/* Opens it, where it can be; without it children have a copy of all. */
void self_open(struct self *self);
void self_close(struct self *self);

/* Whether it was opened, by this process. */
bool self_is_this(const struct self *self);

/* The pidfd, or -1: there is none, or it is that of the process which this one was forked from. */
int self_pidfd(const struct self *self);

#endif
