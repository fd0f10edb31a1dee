/* SPDX-License-Identifier: Apache-2.0 */
/* What tests leave behind when they fail, crash or are killed, told by the id of the process that ran them. */
#ifndef TESTS_RUNTIME_DEBRIS_H
#define TESTS_RUNTIME_DEBRIS_H

#include <sys/types.h>

#define DEBRIS_DIRECTORY "/tmp/berth-test-suite-" /* PID-RANDOM */
#define DEBRIS_PARENT "berth-test-suite-"         /* PID */

/* Kills the containers recorded below base, then removes the process's cgroups, mounts below base, and base. */
void debris_remove(pid_t pid, const char *base);
/* The same for all processes that are no more. */
void debris_remove_of_the_dead(void);

#endif
