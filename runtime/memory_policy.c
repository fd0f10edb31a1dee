/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/memory_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nsutil/base/file.h"
#include "runtime/context.h"

enum { GRACE_MS = 10000, RESERVE_FRACTION = 8 };
static const double pressure_percent = 10;

int memory_policy_import(const struct berth_memory_policy *given, struct berth_memory_policy *policy,
			 struct error *error)
{
	*policy = (struct berth_memory_policy)BERTH_MEMORY_POLICY_INIT;
	int code = given ? struct_import(policy, sizeof *policy, given, error, "berth_memory_policy") : 0;
	if (code < 0)
		return code;
	policy->size = sizeof *policy;
	if (policy->grace_ms < BERTH_NO_GRACE || policy->lenient_ms < 0)
		return error_set(error, EINVAL, "a memory policy's times can't be negative");
	if (!(policy->pressure >= 0 && policy->pressure <= 100))
		return error_set(error, EINVAL, "a memory policy's pressure is a percentage, not %g", policy->pressure);
	if (policy->grace_ms == 0)
		policy->grace_ms = GRACE_MS;
	if (policy->pressure == 0)
		policy->pressure = pressure_percent;
	return 0;
}

/* "Key:   123 kB" */
static bool meminfo_find(const char *text, const char *key, uint64_t *bytes)
{
	size_t length = strlen(key);
	const char *line = text;
	while (line && strncmp(line, key, length) != 0)
		line = (line = strchr(line, '\n')) ? line + 1 : NULL;
	if (!line)
		return false;
	uint64_t kib;
	int end = 0;
	const char *number = line + length + strspn(line + length, " ");
	if (*number < '0' || *number > '9' || sscanf(number, "%" SCNu64 " kB%n", &kib, &end) != 1 || !end ||
	    kib > UINT64_MAX >> 10)
		return false;
	*bytes = kib << 10;
	return true;
}

int host_memory_parse(const char *meminfo, const char *pressure, struct host_memory *memory)
{
	*memory = (struct host_memory){0};
	if (!meminfo_find(meminfo, "MemTotal:", &memory->total) ||
	    !meminfo_find(meminfo, "MemAvailable:", &memory->available))
		return -EINVAL;
	/* "some avg10=0.00 avg60=..." Documentation/accounting/psi.rst */
	if (pressure && (sscanf(pressure, "some avg10=%lf", &memory->pressure) != 1 ||
			 !(memory->pressure >= 0 && memory->pressure <= 100)))
		return -EINVAL;
	return 0;
}

int host_memory_read(struct host_memory *memory, struct error *error)
{
	char meminfo[8192], pressure[512];
	ssize_t length = file_read(AT_FDCWD, "/proc/meminfo", meminfo, sizeof meminfo);
	if (length < 0)
		return error_errno(error, (int)-length, "read /proc/meminfo");
	/* Kernels without PSI, or with it turned off, say nothing: then available memory alone decides. */
	bool known = file_read(AT_FDCWD, "/proc/pressure/memory", pressure, sizeof pressure) > 0;
	if (host_memory_parse(meminfo, known ? pressure : NULL, memory) < 0)
		return error_set(error, EPROTO,
				 "/proc/meminfo or /proc/pressure/memory is not as proc(5) describes it");
	return 0;
}

bool memory_policy_is_lenient(const struct berth_memory_policy *policy, const struct host_memory *memory)
{
	uint64_t reserve = policy->reserve ? policy->reserve : memory->total / RESERVE_FRACTION;
	return memory->available > reserve && memory->pressure < policy->pressure;
}

uint64_t memory_policy_grace(const struct berth_memory_policy *policy)
{
	return policy->grace_ms == BERTH_NO_GRACE ? 0 : (uint64_t)policy->grace_ms;
}

uint64_t memory_policy_left(const struct berth_memory_policy *policy, uint64_t elapsed_ms)
{
	uint64_t grace = memory_policy_grace(policy), lenient = (uint64_t)policy->lenient_ms;
	return elapsed_ms < grace ? grace - elapsed_ms : elapsed_ms < lenient ? lenient - elapsed_ms : 0;
}

bool memory_policy_is_over(const struct berth_memory_policy *policy, uint64_t elapsed_ms, bool host_has_spare,
			   bool *lenient)
{
	*lenient = false;
	if (elapsed_ms < memory_policy_grace(policy))
		return false;
	*lenient = host_has_spare && elapsed_ms < (uint64_t)policy->lenient_ms;
	return !*lenient;
}
