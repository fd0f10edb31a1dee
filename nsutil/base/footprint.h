/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a process that waits, perhaps for weeks, beside a container. */
#ifndef NSUTIL_BASE_FOOTPRINT_H
#define NSUTIL_BASE_FOOTPRINT_H

/*
 * Gives back what the process needs no more or can have again: free heap, and the pages of its code and constants,
 * which the kernel reads anew from the page cache when they are next used. madvise(2), MADV_DONTNEED
 */
void footprint_trim(void);

#endif
