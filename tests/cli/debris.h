/* SPDX-License-Identifier: Apache-2.0 */
/* What containers leave on a machine when something goes wrong: seen, and removed after a test. */
#ifndef TESTS_CLI_DEBRIS_H
#define TESTS_CLI_DEBRIS_H

#include <stdio.h>
#include <sys/types.h>

/* Followed by the pid of the test. */
#define DEBRIS_DIRECTORY "/tmp/berth-test-cli-"
#define DEBRIS_PARENT "berth-test-cli-"

/* Lists the entries of a state root, the directories below a cgroup parent, and the host's mounts that name either. */
void debris_list(const char *state, const char *cgroup_parent, FILE *out);

/* Kills what lives in the cgroups of a test, removes these and its directory. */
void debris_remove(pid_t test);
/* The same for every test that has ended. */
void debris_remove_of_the_dead(void);

#endif
