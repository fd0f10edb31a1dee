/* SPDX-License-Identifier: Apache-2.0 */
/* Launchers as whole processes. */
#ifndef BENCH_PROGRAMS_H
#define BENCH_PROGRAMS_H

#include <sys/types.h>

/* Starts a program with output to the descriptor; -1: to nowhere. */
pid_t program_start(char *const *argv, int output);
/* Runs it to its end, which must be a good one; in microseconds. */
double program_run(void *argv);

/* Arguments of a launch in the background under the name bench-detached. */
void *program_berth_detached(void);
/* lxc-execute of a payload that waits, and its end; NULL without LXC. */
char *const *program_lxc_waiting(void);
void *program_lxc_stop(void);

#endif
