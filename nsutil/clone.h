/* SPDX-License-Identifier: Apache-2.0 */
/* clone3(2) into a function on a stack of its own, which the C library keeps to itself. */
#ifndef NSUTIL_CLONE_H
#define NSUTIL_CLONE_H

#include <linux/sched.h>
#include <stddef.h>

/*
 * In the child calls run(argument) and exits with what it returns; in the parent returns the child's pid or -errno.
 * args must name a stack. -ENOSYS where clone3 is missing, or berth knows no assembly for the architecture.
 */
long clone3_call(struct clone_args *args, size_t size, int (*run)(void *argument), void *argument);

#endif
