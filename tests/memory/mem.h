/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of memory share: hogs, their owners, and looking at limits. Built on the runtime suite's fixture. */
#ifndef TESTS_MEMORY_MEM_H
#define TESTS_MEMORY_MEM_H

#include "runtime/container.h"
#include "tests/runtime/fixture.h"

#define MIB (1024ULL * 1024)

/* For TestSuite: as rt_init and rt_fini, on a machine with a memory controller. */
void mem_init(void);
void mem_fini(void);

/* 1, or more on a machine that is known to be slow (BERTH_TEST_TIMEOUT says so): what times in tests are multiplied by.
 */
int mem_slow(void);

/*
 * Options for the payload hog with these arguments, a memory limit in MiB, no swap (other tests may have turned some
 * on), and a name of its own.
 */
#define MEM_HOG(limit_mib, ...) mem_hog(limit_mib, (const char *const[]){"/bin/hog", __VA_ARGS__, NULL})
struct berth_options mem_hog(uint64_t limit_mib, const char *const *argv);
/* The default policy with these times, in ms. The last 8 results stay. */
const struct berth_memory_policy *mem_policy(int grace_ms, int lenient_ms);

/* Launches the hog and waits until it has said that. */
struct rt_job *mem_launch(struct berth_options options, const char *said);

/*
 * Its owner attends to it from now on, in a thread of its own that waits for its end; the handle is the thread's until
 * mem_join, which also ends the job: reads all that it said.
 */
void mem_attend(struct rt_job *job);
struct berth_end mem_join(struct rt_job *job);

/* A handle as another process would have it; closed in mem_fini. */
struct berth_container *mem_other(const struct rt_job *job);

/* In force now, and in use; bytes. 0 where the container is gone. */
uint64_t mem_limit(struct berth_container *container);
uint64_t mem_usage(struct berth_container *container);
uint64_t mem_oom_kills(struct berth_container *container);

/* Polls until the condition holds, no longer than rt_patience: for what the kernel has no event for. */
#define mem_until(condition)                                                                                           \
	do {                                                                                                           \
		int left_ = rt_patience();                                                                             \
		while (!(condition) && left_-- > 0)                                                                    \
			mem_nap();                                                                                     \
		cr_assert(left_ > 0, "in vain: %s", #condition);                                                       \
	} while (0)
void mem_nap(void);

/* Whether memory is limited by cgroup v1 here. */
bool mem_is_v1(void);

/* Sets a limit that can't be met; the time may be up before that is accepted, where the first step alone takes so long.
 */
void mem_set_in_vain(struct berth_container *container, uint64_t mib);

/*
 * For what has to be done before a container's time is up: does it with a grace of so many ms, and with a longer one as
 * long as it says, by false, that it came too late for that on this machine.
 */
void mem_within(bool (*act)(int grace_ms), int grace_ms);
/* Whether the grace that began then at the earliest may be over; if so, makes an end of the container that is attended
 * to. */
bool mem_too_late(struct rt_job *job, uint64_t start_ms, int grace_ms);

/* The number before " s" at the end of a scale-down's sentence; -1 where there is none. */
double mem_seconds(const struct berth_end *end);

#endif
