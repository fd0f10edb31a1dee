/* SPDX-License-Identifier: Apache-2.0 */
/* Launchers as whole processes, each with its usual defaults over the same root and, where it has such, the same
 * limits. */
#ifndef BENCH_PROGRAMS_H
#define BENCH_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Starts a program with output to the descriptor; -1: to nowhere. */
pid_t program_start(const char *const *argv, int output);
/* Runs it to its end, which must be a good one; in microseconds. */
double program_run(void *argv);
/* Runs it once, and says why it can't be measured here: false. */
bool program_works(const char *const *argv, char *why, size_t size);
/* Whether there is such a program where Debian has them. */
bool program_found(const char *name);

struct launcher {
	const char *name;
	const char *argv[24];
	double v1_bound, v2_bound; /* the most that `berth run` may take of it; 0: no bound is set */
};
/* berth first; the rest as they come. Writes what configuration they need, once. Strings live for ever. */
const struct launcher *launchers(size_t *count);
/* That one, by name, with a payload that waits to be killed; LXC's with the name "bench-waiting". */
struct launcher launcher_waiting(const char *name);
/* build/NAME, absolute. */
const char *program_built(const char *name);

#endif
