/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built lxc-* commands, run as a slave runs them. Each test has a directory, a state root, a data root, a
 * configuration file and a cgroup parent of its own; at its end nothing may be left in them, and all is removed.
 */
#ifndef TESTS_LXC_FIXTURE_H
#define TESTS_LXC_FIXTURE_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/berth.h"

struct lx {
	char base[64]; /* all below is in it */
	char state[80], data[80], conf[80];
	char parent[48];    /* cgroup parent */
	char commands[512]; /* the directory of the lxc-* commands, first on PATH */
	char payloads[512];
};
extern struct lx lx;

/* For TestSuite(..., .init = lx_init, .fini = lx_fini). Skips the test where it isn't run as root. */
void lx_init(void);
void lx_fini(void);
/* The test ends with something left on purpose. */
void lx_expect_debris(void);

/* Milliseconds; only a hang takes so long. */
int lx_patience(void);

/* lx.base/name; the last 8 results stay. */
const char *lx_path(const char *name);
const char *lx_write(const char *name, const char *text);
/* Content of a file on the host, "" if there is none; the last 4 results stay. */
const char *lx_read(const char *path);
/* Puts lines behind those in the configuration file for all. */
void lx_configure(const char *lines);
/* Path of a payload. */
const char *lx_payload(const char *name);

/* A program that runs, found on PATH, and what it has written. Killed and freed in lx_fini at the latest. */
struct lx_run {
	pid_t pid;
	int pidfd, in, out, err;
	char *said, *complained; /* standard output, standard error */
	size_t n_said, n_complained;
	int status; /* once finished: exit status, or 1000 + signal */
	bool finished;
};

#define LX_START(...) lx_start((const char *const[]){__VA_ARGS__, NULL})
struct lx_run *lx_start(const char *const *argv);
/* Waits until it has written this. */
void lx_await(struct lx_run *run, const char *text);
void lx_await_complaint(struct lx_run *run, const char *text);
/* Closes its input, waits for its end; its status. */
int lx_finish(struct lx_run *run);
/* The same, but its input stays open. */
int lx_await_end(struct lx_run *run);
/* lx_start, lx_finish. */
#define LX(...) lx_whole((const char *const[]){__VA_ARGS__, NULL})
struct lx_run *lx_whole(const char *const *argv);
/* `sh -c TEXT`, as popen(3) and system(3) do. */
struct lx_run *lx_shell(const char *text);

#define lx_expect_status(run, expected)                                                                                \
	do {                                                                                                           \
		const struct lx_run *run_ = (run);                                                                     \
		cr_assert_eq(run_->status, (expected), "status %d, not %d; it said: %s; it complained: %s",            \
			     run_->status, (int)(expected), run_->said, run_->complained);                             \
	} while (0)
#define lx_expect_said(run, text)                                                                                      \
	do {                                                                                                           \
		const struct lx_run *said_ = (run);                                                                    \
		cr_assert(strstr(said_->said, (text)), "'%s' is not in: %s; it complained: %s", (text), said_->said,   \
			  said_->complained);                                                                          \
	} while (0)
#define lx_expect_complaint(run, text)                                                                                 \
	do {                                                                                                           \
		const struct lx_run *run_ = (run);                                                                     \
		cr_assert(strstr(run_->complained, (text)), "'%s' is not in: %s", (text), run_->complained);           \
	} while (0)

/* Whether a container of this name is recorded. */
bool lx_is_there(const char *name);
/* How many directories the cgroup parent holds, all hierarchies taken together; entries of the state root. */
size_t lx_cgroups(void);
size_t lx_records(void);
/* Waits until a process of the host is gone. */
void lx_await_gone(pid_t pid);
/* Skips the test where no hierarchy has the controller; returns the version of the one that has, 1 or 2. */
int lx_require_controller(const char *name);

#endif
