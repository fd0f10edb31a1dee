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
#include "tests/support/job.h"

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

/* Programs found on PATH; killed and freed in lx_fini at the latest. lx_whole: to the end, without input. */
#define LX_START(...) lx_start((const char *const[]){__VA_ARGS__, NULL})
struct job *lx_start(const char *const *argv);
#define LX(...) lx_whole((const char *const[]){__VA_ARGS__, NULL})
struct job *lx_whole(const char *const *argv);
/* `sh -c TEXT`, as popen(3) and system(3) do. */
struct job *lx_shell(const char *text);

#define lx_expect_status(run, expected)                                                                                \
	do {                                                                                                           \
		const struct job *run_ = (run);                                                                        \
		cr_assert_eq(run_->status, (expected), "status %d, not %d; it said: %s; it complained: %s",            \
			     run_->status, (int)(expected), run_->out_text, run_->err_text);                           \
	} while (0)
#define lx_expect_said(run, text)                                                                                      \
	do {                                                                                                           \
		const struct job *said_ = (run);                                                                       \
		cr_assert(strstr(said_->out_text, (text)), "'%s' is not in: %s; it complained: %s", (text),            \
			  said_->out_text, said_->err_text);                                                           \
	} while (0)
#define lx_expect_complaint(run, text)                                                                                 \
	do {                                                                                                           \
		const struct job *run_ = (run);                                                                        \
		cr_assert(strstr(run_->err_text, (text)), "'%s' is not in: %s", (text), run_->err_text);               \
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
