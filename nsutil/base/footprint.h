/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a process that waits, perhaps for weeks, beside a container. */
#ifndef NSUTIL_BASE_FOOTPRINT_H
#define NSUTIL_BASE_FOOTPRINT_H

#include <poll.h>

/*
 * poll(2) for who expects to wait for long: first gives back what the process needs no more or can have again, that is
 * free heap, unused stack, and the pages of its code and constants, which the kernel reads anew from the page cache
 * when they are next used. For the main thread alone: other stacks may have something below them. madvise(2),
 * MADV_DONTNEED
 */
int footprint_poll(struct pollfd *polls, nfds_t count, int timeout_ms);

#endif
