/* SPDX-License-Identifier: Apache-2.0 */
/* Runs plans for real, and sees what they leave: a scratch directory of the test's own, and its descriptors. */
#ifndef TESTS_NSUTIL_FIXTURE_H
#define TESTS_NSUTIL_FIXTURE_H

#include <criterion/criterion.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "nsutil/plan.h"
#include "nsutil/spawn.h"

/* Longer than anything here takes on a loaded machine; what waits as long has found a hang. */
enum { HANG_BOUND_MS = 60000 };

struct fixture {
	char directory[64];                       /* made for the test, removed with all in it */
	char look[256], catch[256], orphans[256]; /* the payloads of these names */
	int init_fd;
};
extern struct fixture fixture;

/* fixture_init skips the test without root. */
void fixture_init(void);
void fixture_fini(void);
#define SPAWN_TEST(suite, name) Test(suite, name, .init = fixture_init, .fini = fixture_fini)

/* A path in the scratch directory, in one of four static buffers. */
const char *scratch(const char *name);
/* Whether there is something at the path, a dangling link included. */
bool is_there(const char *path);

static inline void cleanup_plan_(struct plan **plan)
{
	plan_free(*plan);
}
#define cleanup_plan __attribute__((cleanup(cleanup_plan_)))

/* A plan that does nothing but execute the words. */
struct plan *plan_of(const char *const *words);
#define PLAN_OF(...) plan_of((const char *const[]){__VA_ARGS__, NULL})
/* Puts the step that executes the words behind the others. */
void plan_finish(struct plan *plan, const char *const *words);
#define FINISH(plan, ...) plan_finish(plan, (const char *const[]){__VA_ARGS__, NULL})

/* What a process was started with, and what became of it. */
struct run {
	uint64_t namespaces;
	const int *stdio; /* NULL: /dev/null, and the output captured */
	int record_fd, namespaces_fd, blank_fd, self_pidfd, cgroup_into, cgroup_into_procs;
	const int *cgroup_procs;
	size_t n_cgroup_procs;
	bool untrusted; /* never in place */
	int (*later)(void *data, int cgroups[PLAN_ENTER_MOST], struct error *error);
	void *data;

	int code; /* of spawn */
	struct error error;
	struct spawned spawned;
	int wait_status;
	int output_fd; /* what it writes; -1 with stdio given */
	char output[65536];
};
#define RUN_INIT                                                                                                       \
	{                                                                                                              \
		.record_fd = -1, .namespaces_fd = -1, .blank_fd = -1, .self_pidfd = -1, .cgroup_into = -1,             \
		.cgroup_into_procs = -1, .output_fd = -1                                                               \
	}

/* The namespaces with which a plan without FORK is carried out by init, and in place, in the caller's memory. */
static const uint64_t by_init = 0, in_place = CLONE_NEWPID;
static const uint64_t both_ways[] = {0, CLONE_NEWPID};

/* Starts it. */
void run_start(struct run *run, const struct plan *plan);
/* Reads what it writes until `text` is in it. */
void run_await(struct run *run, const char *text);
/* Reads what it writes to the end and waits for its end; a spawn that failed is a failure of the test. */
void run_finish(struct run *run);
/* Both. */
void run_plan(struct run *run, const struct plan *plan);

/* What the payload `look` said of the key, values that are several separated by spaces; in one of four static buffers.
 */
const char *told(const struct run *run, const char *key);

/* Reads fd until `until` is in the text (NULL: until the end of file), behind what the buffer holds. */
void read_text(int fd, char *buffer, size_t size, const char *until);

/* The open descriptors of this process as text, "0 1 2 5". */
const char *fds_list(char buffer[4096]);

/* Whether this process has a child, dead or alive. */
bool has_children(void);

#endif
