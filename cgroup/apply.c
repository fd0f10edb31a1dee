/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: what they need, whether they can be, and writing them through the table. */
#include <errno.h>
#include <inttypes.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"

unsigned int cgroup_limits_controllers(const struct cgroup_limits *limits)
{
	unsigned int controllers = 0;
	if (limits->cpu_shares || limits->cpu_quota_us || limits->cpu_period_us)
		controllers |= CGROUP_BIT(CGROUP_CPU);
	if (limits->cpuset_cpus || limits->cpuset_mems)
		controllers |= CGROUP_BIT(CGROUP_CPUSET);
	if (limits->memory || limits->swap)
		controllers |= CGROUP_BIT(CGROUP_MEMORY);
	if (limits->pids)
		controllers |= CGROUP_BIT(CGROUP_PIDS);
	if (limits->n_devices)
		controllers |= CGROUP_BIT(CGROUP_DEVICES);
	return controllers;
}

struct cgroup_limits cgroup_limits_of(const struct cgroup_limits *limits, unsigned int controllers)
{
	struct cgroup_limits some = {0};
	if (controllers & CGROUP_BIT(CGROUP_CPU)) {
		some.cpu_shares = limits->cpu_shares;
		some.cpu_quota_us = limits->cpu_quota_us;
		some.cpu_period_us = limits->cpu_period_us;
	}
	if (controllers & CGROUP_BIT(CGROUP_CPUSET)) {
		some.cpuset_cpus = limits->cpuset_cpus;
		some.cpuset_mems = limits->cpuset_mems;
	}
	if (controllers & CGROUP_BIT(CGROUP_MEMORY)) {
		some.memory = limits->memory;
		some.swap = limits->swap;
	}
	if (controllers & CGROUP_BIT(CGROUP_PIDS))
		some.pids = limits->pids;
	if (controllers & CGROUP_BIT(CGROUP_DEVICES)) {
		some.devices = limits->devices;
		some.n_devices = limits->n_devices;
	}
	return some;
}

static int range_check(const char *what, uint64_t value, uint64_t least, uint64_t most, struct error *error)
{
	if (value == 0 || (value >= least && value <= most))
		return 0;
	return error_set(error, EINVAL, "%s %" PRIu64 " is out of range: want %" PRIu64 " to %" PRIu64, what, value,
			 least, most);
}

/* The kernel's ranges, checked here because it clamps some and refuses others, in each version differently. */
static int limits_check(const struct cgroup_limits *limits, struct error *error)
{
	int result = range_check("CPU shares", limits->cpu_shares, 2, 262144, error);
	if (result == 0 && limits->cpu_quota_us != CGROUP_UNLIMITED)
		result = range_check("CPU quota (microseconds)", limits->cpu_quota_us, 1000, INT64_MAX / 1000, error);
	if (result == 0)
		result = range_check("CPU period (microseconds)", limits->cpu_period_us, 1000, 1000000, error);
	if (result == 0 && limits->cpuset_cpus && !*limits->cpuset_cpus)
		result = error_set(error, EINVAL, "the list of CPUs is empty");
	if (result == 0 && limits->cpuset_mems && !*limits->cpuset_mems)
		result = error_set(error, EINVAL, "the list of memory nodes is empty");
	return result;
}

static int place_apply(const struct cgroup *cgroup, const struct cgroup_place *place, unsigned int controllers,
		       const struct cgroup_limits *limits, struct error *error)
{
	const struct cgroup_directory directory = cgroup_place_directory(cgroup, place);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (!(controllers & CGROUP_BIT(i)))
			continue;
		int result = cgroup_controller_table[i].operations[place->hierarchy->version].apply(&directory, limits,
												    error);
		if (result < 0)
			return result;
	}
	return 0;
}

int cgroup_apply(struct cgroup *cgroup, const struct cgroup_limits *limits, struct error *error)
{
	unsigned int needed = cgroup_limits_controllers(limits);
	int result = limits_check(limits, error);
	for (int i = 0; result == 0 && i < CGROUP_CONTROLLERS; i++)
		if (needed & ~cgroup->controllers & CGROUP_BIT(i))
			result = error_set(error, ENOENT,
					   "cgroup %s was made without the %s controller, which a limit needs",
					   cgroup->relative, cgroup_controller_name((enum cgroup_controller)i));
	for (size_t i = 0; result == 0 && i < cgroup->count; i++) {
		const struct cgroup_place *place = &cgroup->places[i];
		if (place->controllers & needed)
			result = place_apply(cgroup, place, place->controllers & needed, limits, error);
	}
	cgroup->fresh = false;
	return result;
}
