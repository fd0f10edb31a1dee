/* SPDX-License-Identifier: Apache-2.0 */
/* Settings and facts of the machine that hinder containers, or that help. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/check.h"

/* ---- The state directory ---- */

/* What a record goes through: made, locked, written to, removed. */
static int state_try(int state, const char *name, const char **what)
{
	*what = "make a file in";
	cleanup_fd int file = openat(state, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return -errno;
	*what = "lock a file in";
	if (flock(file, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	*what = "write a file in";
	if (write(file, "x", 1) < 0)
		return -errno;
	*what = "remove a file in";
	return unlinkat(state, name, 0) < 0 ? -errno : 0;
}

static void check_state(struct check *check)
{
	const struct berth *berth = check->berth;
	const char *what = "look into";
	if (berth->state_fd < 0) {
		check_skip(check, "state-directory");
		return;
	}
	/* No container's name, but one that berth_collect clears up, should this process be killed here. */
	char name[96];
	snprintf(name, sizeof name, "+%s", check->id);
	int code = state_try(berth->state_fd, name, &what);
	if (code < 0)
		unlinkat(berth->state_fd, name, 0);
	if (code == 0)
		check_tell(check, "state-directory", BERTH_PASS, NULL, "containers can be recorded in %s",
			   berth->state_root);
	else
		check_tell(check, "state-directory", BERTH_FAIL,
			   code == -ENOSPC || code == -EDQUOT
				   ? "make room there, or name another directory in BERTH_STATE_ROOT"
				   : "mount it writable, or name another directory in BERTH_STATE_ROOT",
			   "%s %s: %s", what, berth->state_root, strerrordesc_np(-code));
}

/* ---- Numbers that run out ---- */

enum { FEW_TASKS = 1024, FEW_NAMESPACES = 256 };

static void check_pid_max(struct check *check)
{
	uint64_t most;
	unsigned long tasks;
	char load[128];
	if (file_read_u64(AT_FDCWD, "/proc/sys/kernel/pid_max", &most) < 0 ||
	    file_read(AT_FDCWD, "/proc/loadavg", load, sizeof load) < 0 ||
	    sscanf(load, "%*s %*s %*s %*u/%lu", &tasks) != 1) {
		check_tell(check, "pid-max", BERTH_WARN, "mount it: mount -t proc proc /proc",
			   "the number of tasks can't be read from /proc");
		return;
	}
	bool few = most < tasks + FEW_TASKS;
	check_tell(check, "pid-max", few ? BERTH_WARN : BERTH_PASS, "raise it: sysctl kernel.pid_max=4194304",
		   "%" PRIu64 " process ids, %lu in use", most, tasks);
}

/* A limit of 0 shows when the namespace is tried; here, whether they suffice for many containers. */
static void check_namespace_limits(struct check *check)
{
	/* Not those of user and cgroup namespaces, which containers do without. */
	static const char *const kinds[] = {"pid", "mnt", "uts", "ipc", "net"};
	uint64_t least = UINT64_MAX;
	const char *which = NULL;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		char path[64];
		uint64_t limit;
		snprintf(path, sizeof path, "/proc/sys/user/max_%s_namespaces", kinds[i]);
		if (file_read_u64(AT_FDCWD, path, &limit) == 0 && limit < least) {
			least = limit;
			which = kinds[i];
		}
	}
	char remedy[96];
	snprintf(remedy, sizeof remedy, "raise it: sysctl user.max_%s_namespaces=10000", which ? which : "pid");
	if (!which)
		check_tell(check, "namespace-limits", BERTH_PASS, NULL, "this kernel does not limit namespaces");
	else
		check_tell(check, "namespace-limits", least < FEW_NAMESPACES ? BERTH_WARN : BERTH_PASS, remedy,
			   "a user may have %" PRIu64 " namespaces of a kind%s%s", least,
			   least < FEW_NAMESPACES ? ": " : "", least < FEW_NAMESPACES ? which : "");
}

/* ---- What lowering a memory limit lives on ---- */

static void check_swap(struct check *check)
{
	struct sysinfo info;
	uint64_t total = sysinfo(&info) == 0 ? (uint64_t)info.totalswap * info.mem_unit : 0;
	if (total)
		check_tell(check, "swap", BERTH_PASS, NULL, "%" PRIu64 " MiB of swap", total >> 20);
	else
		check_tell(check, "swap", BERTH_WARN, "add some: mkswap and swapon a partition or a file",
			   "no swap: when a memory limit is lowered only caches can be dropped, and a container whose "
			   "own memory does not fit must be killed");
}

static void check_pressure(struct check *check)
{
	char text[512];
	ssize_t length = file_read(AT_FDCWD, "/proc/pressure/memory", text, sizeof text);
	if (length > 0)
		check_tell(check, "pressure", BERTH_PASS, NULL, "the kernel tells how short memory is");
	else
		check_tell(check, "pressure", BERTH_WARN,
			   length == -EOPNOTSUPP ? "boot with psi=1" : "boot a kernel built with CONFIG_PSI=y",
			   "/proc/pressure/memory: %s: how short memory is can't be known",
			   strerrordesc_np(length < 0 ? (int)-length : ENODATA));
}

void check_machine(struct check *check)
{
	check_state(check);
	check_pid_max(check);
	check_namespace_limits(check);
	check_swap(check);
	check_pressure(check);
}
