/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for a slave of 0.9 to 0.12 with --isolation=lxc: what its isolation module does, call by call, and the
 * little that the rest of the slave does around it. Its times are a tenth of the real ones, or these in
 * BERTH_TEST_FULL_LENGTH=1.
 */
#ifndef TESTS_SLAVE_SLAVE_H
#define TESTS_SLAVE_SLAVE_H

#include "tests/lxc/fixture.h"

struct executor {
	char id[128], framework[64];
	char container[256]; /* its name, in the way of 2012 */
	char directory[512];
	char errors[512]; /* the file with what lxc-execute writes to standard error */
	pid_t pid;        /* of lxc-execute; 0 once reaped */
	int status;       /* as waitpid(2) gives it */
	int connection;   /* with the executor; -1 before it has registered */
	bool registered;
	int tasks;
	long mb; /* what its tasks have requested */
	char line[256];
	size_t length;
	void (*hear)(struct executor *executor, const char *message);
	void *data;
};

struct slave {
	int listener, port;
	char work[256];
	int64_t reaped_ms;
	int runs;
	struct executor *executors[128];
	int resizes_failed;
};

/* For TestSuite: a fixture, and a slave that has started: the check of lxc-version, and of being root. */
void slave_init(void);
void slave_fini(void);
extern struct slave slave;

int64_t slave_now_ms(void);
/* A time of the real slave's, as it is here. */
int slave_ms(int real_ms);

/*
 * Launches `command`, which finds the payload "executor" in its working directory, under the container's name: fork,
 * close every descriptor but 0, 1 and 2, the launcher's environment, execvp.
 */
struct executor *slave_launch(const char *framework, const char *id, const char *command);
/* Launches one again, under the same name, with a new run directory. */
void slave_relaunch(struct executor *executor, const char *command);

/* What changes with a task: the counts, and then the two lxc-cgroup in a row, the second only after the first has
 * worked. */
void slave_task_add(struct executor *executor, long mb);
void slave_task_remove(struct executor *executor, long mb);
/* The same two at any other time. False when one of them failed. */
bool slave_resize(const struct executor *executor);
/* popen("lxc-stop -n NAME"), unquoted. Its status. */
int slave_stop(const struct executor *executor);
/* Sends a line to the executor. */
void slave_tell(const struct executor *executor, const char *text);

/*
 * Attends to connections, and looks for ended executors once a second, which are then stopped, for that long at most.
 * Returns early once *until is true, which may be NULL.
 */
void slave_run(int64_t ms, const bool *until);
/* Runs until the executor has registered; has been reaped. */
void slave_await_registered(struct executor *executor);
void slave_await_reaped(struct executor *executor);

#endif
