/* SPDX-License-Identifier: Apache-2.0 */
/* Files of cgroup directories, of both versions: every name is a link to one file, which holds the input. */
#include <unistd.h>

#include "cgroup/controllers.h"
#include "tests/fuzz/fuzz.h"

static int directory, content;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	static const char *const names[] = {
		"cgroup.controllers",
		"cgroup.events",
		"cgroup.procs",
		"cgroup.stat",
		"cpu.cfs_period_us",
		"cpu.cfs_quota_us",
		"cpu.max",
		"cpu.shares",
		"cpu.stat",
		"cpu.weight",
		"cpuacct.stat",
		"cpuacct.usage",
		"cpuset.cpus",
		"blkio.throttle.io_service_bytes",
		"freezer.state",
		"io.stat",
		"memory.current",
		"memory.events",
		"memory.failcnt",
		"memory.limit_in_bytes",
		"memory.max",
		"memory.max_usage_in_bytes",
		"memory.memsw.limit_in_bytes",
		"memory.memsw.usage_in_bytes",
		"memory.oom_control",
		"memory.peak",
		"memory.stat",
		"memory.swap.current",
		"memory.swap.max",
		"memory.usage_in_bytes",
		"pids.current",
		"pids.max",
	};
	directory = fuzz_directory(names, sizeof names / sizeof *names, &content);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_require(ftruncate(content, 0) == 0 && pwrite(content, data, size, 0) == (ssize_t)size);
	const struct cgroup_directory place = {.fd = directory, .relative = ".", .path = "fuzz"};
	for (int version = 1; version <= 2; version++) {
		for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
			const struct cgroup_controller_operations *operations =
				&cgroup_controller_table[i].operations[version];
			struct cgroup_stats stats = {0};
			if (operations->read)
				operations->read(&place, CGROUP_READ_ALL, &stats);
		}
		cgroup_version_operations(version)->frozen(&place);
	}
	cgroup_v2_controllers(directory);
	return 0;
}
