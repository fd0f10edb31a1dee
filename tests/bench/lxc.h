/* SPDX-License-Identifier: Apache-2.0 */
/* A container of LXC's own, to compare with what stays beside it and with how it is managed. */
#ifndef BENCH_LXC_H
#define BENCH_LXC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct lxc_waiting {
	pid_t pid; /* lxc-execute's */
};
/* Whether lxc-execute can be used here; why not. */
bool lxc_works(char *why, size_t size);
/* Returns when its payload is there. */
struct lxc_waiting lxc_start(void);
void lxc_stop(const struct lxc_waiting *lxc);

#endif
