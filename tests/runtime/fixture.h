/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place of its own for each test: state root, data root, a root directory with the payloads, a cgroup parent. At the
 * test's end nothing may be left of what it launched: no state, cgroup, mount, descriptor, process; whatever is left
 * fails the test, and is removed.
 */
#ifndef TESTS_RUNTIME_FIXTURE_H
#define TESTS_RUNTIME_FIXTURE_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "runtime/berth.h"

struct rt {
	char base[64]; /* all below is in it */
	char state[80];
	char data[80];
	char root[80];   /* a directory to be a root: see rt_root */
	char parent[48]; /* options.cgroup_parent */
	struct berth *berth;
	struct berth_error error; /* of the last call */
};
extern struct rt rt;

/* For TestSuite(..., .init = rt_init, .fini = rt_fini). Skips the test where it isn't run as root. */
void rt_init(void);
void rt_fini(void);
/* A directory to work in, and a context, but no root needed. */
void rt_init_unprivileged(void);

/* What to wait for anything at the most, milliseconds: only a hang takes so long. */
int rt_patience(void);

/* Opens another context on the test's state root, as another slave would. */
struct berth *rt_open(void);

/* The host's path of a payload. */
const char *rt_payload(const char *name);
/* Makes rt.root, on first use: /bin/PAYLOAD for each, /etc/passwd, /etc/group, /tmp, /empty. Returns its path. */
const char *rt_root(void);
/* rt.base/name; the last 128 results stay. */
const char *rt_path(const char *name);
/* Writes a file below rt.base, its directories made; returns its path, as rt_path. */
const char *rt_write(const char *name, const char *text);
/* The content of a file, "" where there is none; the last 4 results stay. */
const char *rt_read(const char *path);

/* A container, and what it has said. */
struct rt_job {
	struct berth_container *container;
	int in;  /* the writing end of its standard input; -1 once closed */
	int out; /* the reading end of its output and errors */
	char *text;
	size_t length;
	char *sought; /* what rt_job_expect has not looked at yet */
};

/*
 * Options for a command, whose arguments end with NULL: root rt.root and /bin/COMMAND for a payload's name (host roots
 * get its host path when rt_launch sees them).
 */
#define RT_OPTIONS(...) rt_options((const char *const[]){__VA_ARGS__, NULL})
struct berth_options rt_options(const char *const *argv);

/* Launches; the test fails where that fails. Ended and closed in rt_fini if the test doesn't. */
struct berth_container *rt_launch(const struct berth_options *options);
/* Launches, which must fail with this negative errno and exit status; and nothing may be left. rt.error tells. */
void rt_launch_fails(const struct berth_options *options, int code, int exit_status);
/* Waits for the end, no longer than rt_patience, and closes the handle. */
struct berth_end rt_end(struct berth_container *container);
/* The same after killing it. */
struct berth_end rt_kill(struct berth_container *container);
/* What berth_container_inspect tells; to be decref'd. */
json_t *rt_inspect(struct berth_container *container);
/* For handles that a test got in other ways: rt_fini closes them, after killing the container. */
struct berth_container *rt_adopt(struct berth_container *container);
/* The test closes it itself, or has handed it over. */
void rt_forget(const struct berth_container *container);

/* Launches with its input and output on pipes. */
struct rt_job *rt_job(struct berth_options *options);
/* Waits until the job has said this line, after those already expected. */
void rt_job_expect(struct rt_job *job, const char *line);
/* Waits until the job has said this line, whenever. */
void rt_job_await(struct rt_job *job, const char *line);
void rt_job_close_input(struct rt_job *job);
/* Reads to the end of its output, then rt_end. job->text is all that it said; freed in rt_fini. */
struct berth_end rt_job_end(struct rt_job *job);
struct berth_end rt_job_kill(struct rt_job *job);
/* rt_job and rt_job_end, which must be `exited 0`. What it said; freed in rt_fini. */
const char *rt_output(struct berth_options *options);

/* Whether text has this as a whole line. */
bool rt_has_line(const char *text, const char *line);
/* The rest of the first line that begins with "key=", in a static buffer; "" where there is none. */
const char *rt_value(const char *text, const char *key);
/* How many lines begin so. */
size_t rt_count(const char *text, const char *beginning);

/* Forks a child that runs body and exits with what it returns; killed and reaped in rt_fini at the latest. */
pid_t rt_fork(int (*body)(void *data), void *data);
/* Its wait status; the test fails where it does not end. */
int rt_wait_child(pid_t pid);
/* Waits until the process is gone (a zombie counts as gone). */
void rt_wait_gone(pid_t pid);

/* Polls the descriptor, which must become readable (or hung up) in time. */
void rt_wait_readable(int fd);

/* Fails the test, naming the place, where a state entry, cgroup or mount of the test's is left now. */
void rt_expect_nothing_left(void);
/* How many records the state root has, unfinished ones included. */
size_t rt_state_entries(void);

/* Skips the test where this kernel can't show the test's directory with ids shifted: tmpfs before Linux 6.3. */
void rt_require_idmapped(void);

/* Skips the test where no hierarchy has this controller ("memory"). */
void rt_require_controller(const char *name);

#define rt_ok(call) cr_assert_geq((call), 0, "%s: %s", #call, rt.error.text)
#define rt_expect_error(call, wanted)                                                                                  \
	do {                                                                                                           \
		int got_ = (int)(call);                                                                                \
		cr_expect_eq(got_, -(wanted), "%s gave %d (%s), not -%s", #call, got_, rt.error.text, #wanted);        \
	} while (0)
#define rt_expect_end(ended, wanted_reason, wanted_code)                                                               \
	do {                                                                                                           \
		struct berth_end end_ = (ended);                                                                       \
		cr_expect(end_.reason == (wanted_reason) && end_.code == (wanted_code),                                \
			  "the end is '%s' (%s, %d), not %s %d", end_.text, berth_reason_name(end_.reason), end_.code, \
			  berth_reason_name(wanted_reason), (int)(wanted_code));                                       \
	} while (0)
#define rt_expect_line(said, line)                                                                                     \
	do {                                                                                                           \
		const char *said_ = (said);                                                                            \
		cr_expect(rt_has_line(said_, (line)), "'%s' is not in:\n%s", (line), said_);                           \
	} while (0)
#define rt_expect_value(said, key, value)                                                                              \
	do {                                                                                                           \
		const char *said_ = (said);                                                                            \
		cr_expect_str_eq(rt_value(said_, (key)), (value), "%s is '%s', not '%s'", (key),                       \
				 rt_value(said_, (key)), (value));                                                     \
	} while (0)

#endif
