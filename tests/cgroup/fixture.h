/* SPDX-License-Identifier: Apache-2.0 */
/* A place of its own below the real hierarchies for one test: made on first use, emptied and removed in .fini. */
#ifndef TESTS_CGROUP_FIXTURE_H
#define TESTS_CGROUP_FIXTURE_H

#include <sys/types.h>

#include "cgroup/cgroup.h"

enum { FIXTURE_TIMEOUT_MS = 60000 };

struct fixture {
	struct cgroup_layout *layout;
	char parent[64];      /* "berth-test/PID" */
	char name[32];        /* its last component */
	unsigned int served;  /* the controllers this layout has */
	struct error error;   /* of the last call */
	pid_t children[1024]; /* ended and reaped in fini */
	size_t n_children;
};
extern struct fixture fixture;

/* The machine's layout. Skips the test where it is not run as root. */
void fixture_init(void);
/* Only what the machine has mounted of that type: "cgroup2" drives the v2 code on a hybrid machine. */
void fixture_init_only(const char *type);
void fixture_init_v2(void);
void fixture_fini(void);

/* Skips the test, by name, where the layout has not all of the controllers. */
void fixture_require(unsigned int controllers);

/* A cgroup NAME below the fixture's parent; the test fails where it can't be made. */
struct cgroup *fixture_create(const char *name, unsigned int controllers);

/* Whether PATH/FILE holds exactly text (a newline at the end apart). */
bool fixture_file_is(const char *path, const char *file, const char *text);
/* Whether the file is there. */
bool fixture_file_there(const char *path, const char *file);
void fixture_file_write(const char *path, const char *file, const char *text);

/* Forks a child that enters the cgroup, then runs body, then waits for a signal. Returns when it has entered. */
pid_t fixture_fork(const struct cgroup *cgroup, void (*body)(void));

/* Waits for the child's end; its wait status. Fails the test after FIXTURE_TIMEOUT_MS. */
int fixture_wait(pid_t pid);

/* Whether the process is dead (a zombie counts as dead). */
bool fixture_dead(pid_t pid);

#endif
