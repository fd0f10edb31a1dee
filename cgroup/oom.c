/* SPDX-License-Identifier: Apache-2.0 */
/* v1's way to have somebody other than the kernel decide when memory runs out: cgroup-v1/memory.rst, "OOM Control". */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

static const char oom_file[] = "memory.oom_control";

static int memory_open(const struct cgroup *cgroup)
{
	const struct cgroup_place *place = cgroup_place_find(cgroup, CGROUP_MEMORY);
	if (!place)
		return -ENOENT;
	return place->hierarchy->version == 1 ? cgroup_place_open(cgroup, place) : -EOPNOTSUPP;
}

int cgroup_oom_watch(const struct cgroup *cgroup)
{
	cleanup_fd int directory = memory_open(cgroup);
	if (directory < 0)
		return directory;
	cleanup_fd int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	cleanup_fd int control = openat(directory, oom_file, O_RDONLY | O_CLOEXEC);
	if (event < 0 || control < 0)
		return -errno;
	char line[32];
	snprintf(line, sizeof line, "%d %d", event, control);
	int code = file_write(directory, "cgroup.event_control", line);
	return code < 0 ? code : steal_fd(&event);
}

int cgroup_oom_hold(const struct cgroup *cgroup, bool hold)
{
	cleanup_fd int directory = memory_open(cgroup);
	return directory < 0 ? directory : file_write(directory, oom_file, hold ? "1" : "0");
}
