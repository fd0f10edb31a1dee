/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/controllers.h"

#include <string.h>

const struct cgroup_controller_entry cgroup_controller_table[CGROUP_CONTROLLERS] = {
	[CGROUP_CPU] = {.name = "cpu",
			.v2 = "cpu",
			.fields = CGROUP_READ_CPU_SHARES | CGROUP_READ_CPU_QUOTA,
			.operations = {[1] = {.apply = cgroup_v1_cpu_apply, .read = cgroup_v1_cpu_read},
				       [2] = {.apply = cgroup_v2_cpu_apply, .read = cgroup_v2_cpu_read}}},
	[CGROUP_CPUACCT] =
		{.name = "cpuacct",
		 .v2_always = true,
		 .fields = CGROUP_READ_CPU_USAGE | CGROUP_READ_CPU_SPLIT,
		 .operations = {[1] = {.read = cgroup_v1_cpuacct_read}, [2] = {.read = cgroup_v2_cpuacct_read}}},
	[CGROUP_CPUSET] =
		{.name = "cpuset",
		 .v2 = "cpuset",
		 .operations = {[1] = {.apply = cgroup_cpuset_apply}, [2] = {.apply = cgroup_v2_cpuset_apply}}},
	[CGROUP_MEMORY] = {.name = "memory",
			   .v2 = "memory",
			   .fields = CGROUP_READ_MEMORY_USAGE | CGROUP_READ_MEMORY_PEAK | CGROUP_READ_MEMORY_LIMIT |
				     CGROUP_READ_OOM | CGROUP_READ_MEMORY_SPLIT | CGROUP_READ_SWAP_LIMIT,
			   .operations = {[1] = {.apply = cgroup_v1_memory_apply,
						 .read = cgroup_v1_memory_read,
						 .fit = cgroup_v1_memory_fit,
						 .shrink = cgroup_v1_memory_shrink},
					  [2] = {.apply = cgroup_v2_memory_apply,
						 .read = cgroup_v2_memory_read,
						 .fit = cgroup_v2_memory_fit,
						 .shrink = cgroup_v2_memory_shrink}}},
	[CGROUP_PIDS] = {.name = "pids",
			 .v2 = "pids",
			 .fields = CGROUP_READ_PROCESSES | CGROUP_READ_PROCESSES_LIMIT,
			 .operations = {[1] = {.apply = cgroup_pids_apply, .read = cgroup_pids_read},
					[2] = {.apply = cgroup_pids_apply, .read = cgroup_pids_read}}},
	[CGROUP_FREEZER] = {.name = "freezer", .v2_always = true},
	[CGROUP_IO] = {.name = "blkio",
		       .v2 = "io",
		       .fields = CGROUP_READ_IO,
		       .operations = {[1] = {.read = cgroup_v1_io_read}, [2] = {.read = cgroup_v2_io_read}}},
	[CGROUP_DEVICES] =
		{.name = "devices",
		 .v2_always = true,
		 .operations = {[1] = {.apply = cgroup_v1_devices_apply}, [2] = {.apply = cgroup_v2_devices_apply}}},
};

const struct cgroup_version_operations *cgroup_version_operations(int version)
{
	return version == 1 ? &cgroup_v1_operations : &cgroup_v2_operations;
}

const char *cgroup_controller_name(enum cgroup_controller controller)
{
	return cgroup_controller_table[controller].name;
}

int cgroup_controller_find(const char *name)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		const struct cgroup_controller_entry *entry = &cgroup_controller_table[i];
		if (strcmp(entry->name, name) == 0 || (entry->v2 && strcmp(entry->v2, name) == 0))
			return i;
	}
	return -1;
}
