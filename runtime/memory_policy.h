/* SPDX-License-Identifier: Apache-2.0 */
/* When a container that is to fit a lower memory limit may take longer, and when its time is up. */
#ifndef RUNTIME_MEMORY_POLICY_H
#define RUNTIME_MEMORY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "nsutil/base/error.h"
#include "runtime/berth.h"

/* Checks and completes a policy: every default is filled in. given may be NULL. */
int memory_policy_import(const struct berth_memory_policy *given, struct berth_memory_policy *policy,
			 struct error *error);

/* What the host has left: from /proc/meminfo and /proc/pressure/memory. */
struct host_memory {
	uint64_t total;     /* bytes */
	uint64_t available; /* bytes, MemAvailable of proc_meminfo(5) */
	double pressure; /* percent of the last 10 s in which some task waited for memory; 0 where the kernel does not
			    tell */
};
int host_memory_read(struct host_memory *memory, struct error *error);
/* Parses the two files' texts; pressure may be NULL. Pure. */
int host_memory_parse(const char *meminfo, const char *pressure, struct host_memory *memory);

/* Whether the host has memory to spare, as the policy has it. */
bool memory_policy_is_lenient(const struct berth_memory_policy *policy, const struct host_memory *memory);

/* Milliseconds that a scale-down may take in any case. */
uint64_t memory_policy_grace(const struct berth_memory_policy *policy);

/* Milliseconds from elapsed_ms to the next moment at which memory_policy_is_over may answer otherwise; 0: none. */
uint64_t memory_policy_left(const struct berth_memory_policy *policy, uint64_t elapsed_ms);

/*
 * Whether the time of a scale-down that began elapsed_ms ago is up; *lenient tells that it would be, but for the host
 * having memory to spare.
 */
bool memory_policy_is_over(const struct berth_memory_policy *policy, uint64_t elapsed_ms, bool host_has_spare,
			   bool *lenient);

#endif
