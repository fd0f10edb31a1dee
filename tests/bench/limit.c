/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/limit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/clone.h"

static const char memory_limit[] = "268435456";

const char *const limit_step_names[LIMIT_STEPS] = {
	"mkdir of two cgroups, limits",
	"clone3",
	"enter the cgroups",
	"mount, private",
	"mount, bind",
	"pivot_root",
	"umount2, detach",
	"mount, proc",
	"execve",
	"wait",
	"rmdir of two cgroups",
};

/* Also in the child: it shares this memory. */
static void over(const struct limit *limit, int step)
{
	if (limit->ends)
		clock_gettime(CLOCK_MONOTONIC, &limit->ends[step + 1]);
}

struct child {
	const struct limit *limit;
	int procs[2];
	int n_procs;
	int error;
};

static bool enter(const struct child *child)
{
	const struct limit *limit = child->limit;
	const char *root = limit->root;
	over(limit, LIMIT_CLONE);
	for (int i = 0; i < child->n_procs; i++)
		if (syscall(SYS_write, child->procs[i], "0", 1) < 0)
			return false;
	over(limit, LIMIT_ENTER);
	if (syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	over(limit, LIMIT_PRIVATE);
	if (syscall(SYS_mount, root, root, NULL, MS_BIND, NULL) < 0)
		return false;
	over(limit, LIMIT_BIND);
	if (syscall(SYS_chdir, root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return false;
	over(limit, LIMIT_PIVOT);
	if (syscall(SYS_umount2, ".", MNT_DETACH) < 0)
		return false;
	over(limit, LIMIT_DETACH);
	if (syscall(SYS_mount, "proc", "/proc", "proc", 0, NULL) < 0)
		return false;
	over(limit, LIMIT_PROC);
	return true;
}

/* In the caller's memory, between clone and exec. */
static int child_run(void *argument)
{
	struct child *child = argument;
	static const char *const none[] = {NULL};
	if (enter(child))
		syscall(SYS_execve, child->limit->argv[0], child->limit->argv, none);
	child->error = errno;
	return 125;
}

static int file_write(int tree, const char *directory, const char *file, const char *value)
{
	char path[64];
	snprintf(path, sizeof path, "%s/%s", directory, file);
	int fd = openat(tree, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, value, strlen(value));
	int code = written < 0 ? -errno : 0;
	close(fd);
	return code;
}

static int procs_open(int tree, const char *directory)
{
	char path[64];
	/* Not cgroup.procs, for which v1 waits for an RCU grace period now and then. */
	snprintf(path, sizeof path, "%s/tasks", directory);
	int fd = openat(tree, path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int cgroups_make(const struct limit *limit, const char *name)
{
	int memory = limit->trees[limit->v2 ? 0 : 1];
	if (mkdirat(limit->trees[0], name, 0755) < 0 || (!limit->v2 && mkdirat(memory, name, 0755) < 0))
		return -errno;
	int code = file_write(limit->trees[0], name, limit->v2 ? "cpu.weight" : "cpu.shares",
			      limit->v2 ? "10000" : "262144");
	return code < 0 ? code
			: file_write(memory, name, limit->v2 ? "memory.max" : "memory.limit_in_bytes", memory_limit);
}

int limit_start(const struct limit *limit, int number, pid_t *pid)
{
	char name[16];
	snprintf(name, sizeof name, "%d", number);
	over(limit, -1);
	int code = cgroups_make(limit, name);
	if (code < 0)
		return code;
	__attribute__((aligned(16))) char stack[8192];
	struct child child = {.limit = limit};
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_NEWPID | CLONE_NEWNS,
		.exit_signal = SIGCHLD,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = sizeof stack,
	};
	int into = -1;
	if (limit->v2) {
		into = openat(limit->trees[0], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)into;
	} else {
		for (; child.n_procs < 2 && code >= 0; child.n_procs++)
			code = child.procs[child.n_procs] = procs_open(limit->trees[child.n_procs], name);
	}
	if (code < 0 || (limit->v2 && into < 0))
		return code < 0 ? code : -errno;
	over(limit, LIMIT_MAKE);
	long cloned = clone3_call(&args, sizeof args, child_run, &child);
	over(limit, LIMIT_EXEC);
	for (int i = 0; i < child.n_procs; i++)
		close(child.procs[i]);
	if (into >= 0)
		close(into);
	if (cloned < 0)
		return (int)cloned;
	*pid = (pid_t)cloned;
	return -child.error;
}

int limit_end(const struct limit *limit, int number, pid_t pid)
{
	char name[16];
	int status;
	snprintf(name, sizeof name, "%d", number);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	over(limit, LIMIT_WAIT);
	if (unlinkat(limit->trees[0], name, AT_REMOVEDIR) < 0 ||
	    (!limit->v2 && unlinkat(limit->trees[1], name, AT_REMOVEDIR) < 0))
		return -errno;
	over(limit, LIMIT_REMOVE);
	return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? -ECHILD : 0;
}

static int tree_open(const char *mount, const char *parent)
{
	int fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (mkdirat(fd, parent, 0755) < 0 && errno != EEXIST))
		return -errno;
	int tree = openat(fd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	close(fd);
	return tree < 0 ? -errno : tree;
}

int limit_open(struct limit *limit, const char *parent, const char *root, const char *const *argv)
{
	*limit = (struct limit){.root = root, .argv = argv, .trees = {-1, -1}};
	limit->v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	if (limit->v2)
		(void)!file_write(AT_FDCWD, "/sys/fs/cgroup", "cgroup.subtree_control", "+cpu +memory");
	limit->trees[0] = tree_open(limit->v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu", parent);
	if (limit->trees[0] < 0)
		return limit->trees[0];
	if (limit->v2)
		return file_write(limit->trees[0], ".", "cgroup.subtree_control", "+cpu +memory");
	limit->trees[1] = tree_open("/sys/fs/cgroup/memory", parent);
	return limit->trees[1] < 0 ? limit->trees[1] : 0;
}

void limit_close(struct limit *limit, const char *parent)
{
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory"};
	for (int i = 0; i < 2; i++)
		if (limit->trees[i] >= 0)
			close(limit->trees[i]);
	for (size_t i = limit->v2 ? 0 : 1; i < (limit->v2 ? 1 : sizeof mounts / sizeof *mounts); i++) {
		char path[256];
		snprintf(path, sizeof path, "%s/%s", mounts[i], parent);
		rmdir(path);
	}
}
