/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done to a container that runs. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/spawn.h"
#include "runtime/container.h"

enum { FREEZE_TIMEOUT_MS = 10000 };

int container_require_process(struct berth_container *container, struct error *error)
{
	if (!container->ended && container->pidfd == -ENOENT)
		container_look_again(container);
	if (!container->ended && container->pidfd >= 0)
		return 0;
	if (!container->ended && container->pidfd == -ENOENT)
		return error_set(error, EAGAIN, "container '%s' is still being made: try again",
				 container->record.name);
	return error_set(error, ESRCH, "container '%s' has ended", container->record.name);
}

bool container_is_running(const struct berth_container *container)
{
	struct pollfd ended = {.fd = container->pidfd, .events = POLLIN};
	return !container->ended && container->pidfd >= 0 && poll(&ended, 1, 0) == 0;
}

static int send_signal(struct berth_container *container, int signal, struct error *error)
{
	int code = container_require_process(container, error);
	if (code < 0)
		return code;
	if (!(container->record.flags & BERTH_NO_INIT))
		code = spawned_signal(container->pidfd, signal);
	else if (pidfd_send_signal(container->pidfd, signal, NULL, 0) < 0)
		code = -errno;
	if (code == -ESRCH)
		return error_set(error, ESRCH, "container '%s' has ended", container->record.name);
	if (code < 0)
		return error_errno(error, -code, "send signal %d to container '%s'", signal, container->record.name);
	return 0;
}

int berth_container_signal(struct berth_container *container, int signal, struct berth_error *error)
{
	struct error inner = {0};
	int code;
	if (signal < 1 || signal > 64) {
		code = error_set(&inner, EINVAL, "there is no signal %d", signal);
	} else if (signal == SIGKILL) {
		code = container_kill(container, BERTH_KILLED, &inner);
	} else {
		code = send_signal(container, signal, &inner);
	}
	return code < 0 ? error_export(&inner, error) : 0;
}

static int note_reason(struct berth_container *container, enum berth_reason reason, const char *detail)
{
	return state_write_reason(container->file, reason, detail);
}

int container_kill(struct berth_container *container, enum berth_reason reason, struct error *error)
{
	return container_kill_with_detail(container, reason, "", error);
}

int container_kill_with_detail(struct berth_container *container, enum berth_reason reason, const char *detail,
			       struct error *error)
{
	int code = container_require_process(container, error);
	if (code < 0)
		return code == -ESRCH ? 0 : code;
	/*
	 * Whoever sees the end must find the reason. Others look in the record; an owner has it in the handle, and
	 * notes it while the processes die, in case it dies itself.
	 */
	bool owner = container->owner && !*detail;
	int none = 0;
	if (owner)
		atomic_compare_exchange_strong(&container->requested, &none, (int)reason);
	else
		code = note_reason(container, reason, detail);
	if (code < 0 && code != -ENOENT)
		return error_errno(error, -code, "record why container '%s' is killed", container->record.name);
	code = send_signal(container, SIGKILL, error);
	if (owner)
		note_reason(container, reason, detail);
	/* A frozen process dies only when it is thawed; on v2 the kernel sees to that. */
	if (code == 0 && container->cgroup && cgroup_frozen(container->cgroup) > 0)
		cgroup_freeze(container->cgroup, false, FREEZE_TIMEOUT_MS, NULL);
	return code == -ESRCH ? 0 : code;
}

int berth_container_kill(struct berth_container *container, enum berth_reason reason, struct berth_error *error)
{
	struct error inner = {0};
	if (reason != BERTH_KILLED && reason != BERTH_TIMEOUT) {
		error_set(&inner, EINVAL, "a container is killed for BERTH_KILLED or BERTH_TIMEOUT");
		return error_export(&inner, error);
	}
	return container_kill(container, reason, &inner) < 0 ? error_export(&inner, error) : 0;
}

int container_require_cgroup(struct berth_container *container, struct error *error)
{
	int code = container_require_process(container, error);
	if (code < 0)
		return code;
	/* Once its owner has cleared up behind it, what has its cgroups' names is the next container of its own. */
	if (!container->owner && !container_is_running(container))
		return error_set(error, ESRCH, "container '%s' has ended", container->record.name);
	if (!container->cgroup)
		return error_set(error, ENOTSUP, "container '%s' was launched without cgroups", container->record.name);
	return 0;
}

static int freeze(struct berth_container *container, bool frozen, struct berth_error *error)
{
	struct error inner = {0};
	if (container_require_cgroup(container, &inner) < 0 ||
	    cgroup_freeze(container->cgroup, frozen, FREEZE_TIMEOUT_MS, &inner) < 0)
		return error_export(&inner, error);
	return 0;
}

int berth_container_pause(struct berth_container *container, struct berth_error *error)
{
	return freeze(container, true, error);
}

int berth_container_resume(struct berth_container *container, struct berth_error *error)
{
	return freeze(container, false, error);
}

enum berth_state berth_container_state(struct berth_container *container)
{
	if (container_require_process(container, NULL) == -EAGAIN)
		return BERTH_STARTING;
	if (!container_is_running(container))
		return BERTH_ENDED;
	return container->cgroup && cgroup_frozen(container->cgroup) > 0 ? BERTH_PAUSED : BERTH_RUNNING;
}

/* Set of CGROUP_READ_* for what is asked. */
static unsigned int fields_asked(const struct berth_stats *wanted)
{
	static const unsigned int fields[][2] = {
		{BERTH_STATS_CPU_USAGE, CGROUP_READ_CPU_USAGE},
		{BERTH_STATS_CPU_SHARES, CGROUP_READ_CPU_SHARES},
		{BERTH_STATS_MEMORY_USAGE, CGROUP_READ_MEMORY_USAGE},
		{BERTH_STATS_MEMORY_PEAK, CGROUP_READ_MEMORY_PEAK},
		{BERTH_STATS_MEMORY_LIMIT, CGROUP_READ_MEMORY_LIMIT},
		{BERTH_STATS_OOM_KILLS, CGROUP_READ_OOM},
		{BERTH_STATS_PROCESSES, CGROUP_READ_PROCESSES},
		{BERTH_STATS_IO, CGROUP_READ_IO},
	};
	unsigned int asked = 0;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (!wanted->only || wanted->only & fields[i][0])
			asked |= fields[i][1];
	return wanted->only || wanted->brief ? asked : CGROUP_READ_ALL;
}

int berth_container_stats(struct berth_container *container, struct berth_stats *stats, struct berth_error *error)
{
	struct error inner = {0};
	struct cgroup_stats read = {0};
	struct berth_stats wanted;
	if (struct_import(&wanted, sizeof wanted, stats, &inner, "berth_stats") < 0 ||
	    container_require_cgroup(container, &inner) < 0)
		return error_export(&inner, error);
	unsigned int fields = fields_asked(&wanted);
	if (cgroup_read(container->cgroup, fields, &read, &inner) < 0)
		return error_export(&inner, error);
	struct berth_stats known = {
		.brief = wanted.brief,
		.only = wanted.only,
		.has_cpu = read.known & CGROUP_BIT(fields & CGROUP_READ_CPU_USAGE ? CGROUP_CPUACCT : CGROUP_CPU),
		.has_memory = read.known & CGROUP_BIT(CGROUP_MEMORY),
		.has_processes = read.known & CGROUP_BIT(CGROUP_PIDS),
		.has_io = read.known & CGROUP_BIT(CGROUP_IO),
		.cpu_usage_ns = read.cpu_usage_ns,
		.cpu_user_ns = read.cpu_user_ns,
		.cpu_system_ns = read.cpu_system_ns,
		.cpu_throttled_ns = read.cpu_throttled_ns,
		.cpu_shares = read.cpu_shares,
		.memory_usage = read.memory_usage,
		.memory_peak = read.memory_peak,
		.memory_limit = read.memory_limit,
		.memory_rss = read.memory_rss,
		.memory_cache = read.memory_cache,
		.swap_usage = read.swap_usage,
		.swap_limit = read.swap_limit,
		.oom_kills = read.oom_kills,
		.processes = read.processes,
		.processes_limit = read.processes_limit,
		.io_read_bytes = read.io_read_bytes,
		.io_write_bytes = read.io_write_bytes,
	};
	struct_export(&known, sizeof known, stats);
	return 0;
}

ssize_t berth_container_processes(struct berth_container *container, pid_t **pids, struct berth_error *error)
{
	struct error inner = {0};
	ssize_t count = container_require_cgroup(container, &inner);
	if (count == 0)
		count = cgroup_processes(container->cgroup, pids, &inner);
	return count < 0 ? error_export(&inner, error) : count;
}
