/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the built berth program as a user would. The program is $BERTH, else the one built beside this suite. Each
 * test has a world of its own: a directory, a state root in it, and a cgroup parent, all gone afterwards, whatever
 * happened.
 */
#ifndef TESTS_CLI_HARNESS_H
#define TESTS_CLI_HARNESS_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/support/job.h"

struct world {
	char directory[64];     /* "/tmp/berth-test-cli-PID" */
	char state[80];         /* $BERTH_STATE_ROOT */
	char cgroup_parent[48]; /* for --cgroup-parent */
	const char *program;
};
extern struct world world;

/* Fixtures. world_init skips the test without root. */
void world_init(void);
void world_fini(void);
/* For tests that need no root: they launch nothing. */
void world_init_unprivileged(void);

#define WORLD_TEST(suite, name) Test(suite, name, .init = world_init, .fini = world_fini)

/* Starts berth with a NULL-terminated list of arguments; "run" and "plan" get --cgroup-parent of the world put behind.
 */
void berth_start(struct job *job, const char *const *arguments);
/* Starts with these words, and waits for the end with an empty standard input. Release *job. */
void berth_words(struct job *job, const char *const *arguments);
#define BERTH(job, ...) berth_words(job, (const char *const[]){__VA_ARGS__, NULL})
#define BERTH_START(job, ...) berth_start(job, (const char *const[]){__VA_ARGS__, NULL})

/* One line on standard error, "berth COMMAND: sentence", with `part` in it, and nothing on standard output. */
void expect_complaint(const struct job *job, const char *part);

/* Status 0, and nothing printed. */
void expect_quiet(const struct job *job);

/* The JSON that a command with status 0 printed; fails the test when it is none. The caller owns it. */
json_t *json_of(const struct job *job);
/* A member of an object, or of its member `group` where that isn't NULL; fails the test when it is no integer. */
json_int_t integer_at(const json_t *object, const char *group, const char *key);

/* Lines of text. */
size_t count_lines(const char *text);

/*
 * What berth could have left on this machine: entries of the state root, cgroup directories below the parent,
 * mounts that name the world. malloc'ed text, for comparison.
 */
char *world_snapshot(void);

/* Waits until pid (host) is gone. */
void await_gone(pid_t pid);

/* A file of the world: returns its path in a static buffer that holds the last four. */
const char *world_path(const char *name);
void world_write(const char *name, const char *text, mode_t mode);
/* malloc'ed; fails the test when it can't be read. */
char *world_read(const char *name);

/* The static program tests/payload/NAME.c, built beside this suite; skips the test where it isn't. Static buffer. */
const char *payload_path(const char *name);

/* Waits until a file of the world holds `text`. */
void await_written(const char *name, const char *text);

/* berth inspect's "pid" of a container. */
pid_t container_pid(const char *name);

#endif
