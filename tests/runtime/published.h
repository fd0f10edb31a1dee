/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles of the size and the shape of those that Docker and Podman publish: the same members, conditions, kinds of
 * arguments and conflicts of rules, over the system calls that libseccomp knows.
 */
#ifndef TESTS_RUNTIME_PUBLISHED_H
#define TESTS_RUNTIME_PUBLISHED_H

/* JSON, malloc'ed. */
char *published_docker(void);
char *published_podman(void);

#endif
