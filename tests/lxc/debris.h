/* SPDX-License-Identifier: Apache-2.0 */
/* What tests leave behind when they fail, crash or are killed, told by the id of the process that ran them. */
#ifndef TESTS_LXC_DEBRIS_H
#define TESTS_LXC_DEBRIS_H

#include <sys/types.h>

#define DEBRIS_DIRECTORY "/tmp/berth-test-lxc-" /* PID-RANDOM */
#define DEBRIS_PARENT "berth-test-lxc-"         /* PID */

/* Kills what is in the cgroups of the process's tests, removes these, the mounts below base, and base. */
void debris_remove(pid_t pid, const char *base);
/* The same for all processes that are no more. */
void debris_remove_of_the_dead(void);

#endif
