/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/clone.h"
#include "nsutil/dumpable.h"

/*
 * The numbers that a child which executes init lays its descriptors on: 0, 1, 2, those init knows, init's program, the
 * cgroup.procs files.
 */
enum { FD_INIT = INIT_FD_END, FD_CGROUPS, FIRST_FREE_FD = FD_CGROUPS + CHILD_CGROUPS_MOST };

/* Paths take the most of it: PATH_MAX at a time. Not on the caller's own stack, which would have to grow under limits
 * that the plan has lowered. setrlimit(2) */
enum { STACK_SIZE = 32 << 10, DOOR_STACK_SIZE = 8 << 10 };

/* ---- In the child: raw system calls, no more ---- */

static int child_fail(struct child *child, enum child_stage stage)
{
	child->stage = stage;
	child->error = errno;
	return 125;
}

/*
 * The C library's wrappers could be cancellation points of the caller's thread. errno is that thread's too, but it is
 * not looking.
 */
#define CHILD_CODE __attribute__((no_sanitize("address", "undefined")))

CHILD_CODE static bool stdio_lay(const struct child_descriptors *from)
{
	for (int i = 0; i < 3; i++)
		if (from->stdio[i] >= 0 && syscall(SYS_dup3, from->stdio[i], i, 0) < 0)
			return false;
	return true;
}

CHILD_CODE static bool cgroups_enter(const int *cgroups, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (syscall(SYS_write, cgroups[i], "0", 1) < 0)
			return false;
	return true;
}

CHILD_CODE static int execute_init(void *argument)
{
	struct child *child = argument;
	const struct child_descriptors *from = &child->descriptors;
	const int slots[INIT_FD_END] = {
		[INIT_FD_PLAN] = from->plan,     [INIT_FD_STATUS] = from->status,
		[INIT_FD_RECORD] = from->record, [INIT_FD_NAMESPACES] = from->namespaces,
		[INIT_FD_USERNS] = from->userns, [INIT_FD_BLANK] = from->blank,
	};
	if (!stdio_lay(from))
		return child_fail(child, CHILD_DESCRIPTORS);
	for (int i = INIT_FD_PLAN; i < INIT_FD_END; i++)
		if ((slots[i] >= 0 ? syscall(SYS_dup3, slots[i], i, 0) : syscall(SYS_close_range, i, i, 0)) < 0)
			return child_fail(child, CHILD_DESCRIPTORS);
	if (syscall(SYS_dup3, from->init_fd, FD_INIT, O_CLOEXEC) < 0)
		return child_fail(child, CHILD_DESCRIPTORS);
	int cgroups[CHILD_CGROUPS_MOST];
	for (size_t i = 0; i < child->n_cgroups; i++) {
		cgroups[i] = FD_CGROUPS + (int)i;
		if (syscall(SYS_dup3, from->cgroups[i], cgroups[i], O_CLOEXEC) < 0)
			return child_fail(child, CHILD_DESCRIPTORS);
	}
	/*
	 * The caller's descriptors go now, not at exec: entering cgroups can take its time, and should the caller be
	 * killed meanwhile, what its locks stand for must be seen to be free. flock(2)
	 */
	if (syscall(SYS_close_range, FD_CGROUPS + child->n_cgroups, ~0U, 0) < 0)
		return child_fail(child, CHILD_DESCRIPTORS);
	if (!cgroups_enter(cgroups, child->n_cgroups))
		return child_fail(child, CHILD_CGROUPS);
	char name[] = "berth-init";
	char *const argv[] = {name, NULL};
	char *const environment[] = {NULL};
	syscall(SYS_execveat, FD_INIT, "", argv, environment, AT_EMPTY_PATH);
	return child_fail(child, CHILD_INIT);
}

/* Closes all from 3 on but those, which are in ascending order. */
CHILD_CODE static bool close_others(const int *kept, size_t count)
{
	unsigned int next = 3;
	for (size_t i = 0; i < count; i++) {
		unsigned int fd = (unsigned int)kept[i];
		if (fd > next && syscall(SYS_close_range, next, fd - 1, 0) < 0)
			return false;
		next = fd + 1;
	}
	return syscall(SYS_close_range, next, ~0U, 0) == 0;
}

/* Adds the descriptor where it belongs, unless it is -1. */
CHILD_CODE static void keep(int fd, int *kept, size_t *count)
{
	if (fd < 0)
		return;
	size_t at = (*count)++;
	for (; at > 0 && kept[at - 1] > fd; at--)
		kept[at] = kept[at - 1];
	kept[at] = fd;
}

CHILD_CODE static int carry_plan(void *argument)
{
	struct child *child = argument;
	const struct child_descriptors *from = &child->descriptors;
	int kept[CHILD_CGROUPS_MOST + 2];
	size_t count = 0;
	keep(from->status, kept, &count);
	keep(from->blank, kept, &count);
	for (size_t i = 0; i < child->n_cgroups; i++)
		keep(from->cgroups[i], kept, &count);
	if (!stdio_lay(from) || !close_others(kept, count))
		return child_fail(child, CHILD_DESCRIPTORS);
	if (!cgroups_enter(from->cgroups, child->n_cgroups))
		return child_fail(child, CHILD_CGROUPS);
	child->carrier.status = from->status;
	child->carrier.blank = from->blank;
	child->carrier.umask = (mode_t)syscall(SYS_umask, 0);
	child->error = -carry_out(&child->carrier);
	child->stage = CHILD_PLAN;
	return 125;
}

/* ---- In the parent ---- */

void child_release(struct child *child)
{
	int saved = errno;
	for (size_t i = 0; i < child->descriptors.n_copies; i++)
		close(child->descriptors.copies[i]);
	child->descriptors.n_copies = 0;
	free(child->slots);
	free(child->sources);
	child->slots = NULL;
	child->sources = NULL;
	errno = saved;
}

/* The descriptor, or a copy of one below that number; -1 stays -1. 0 or -errno. */
static int lift(struct child_descriptors *descriptors, int fd, int lowest, int *lifted)
{
	*lifted = fd;
	if (fd < 0 || fd >= lowest)
		return 0;
	*lifted = fcntl(fd, F_DUPFD_CLOEXEC, lowest);
	/* EINVAL: the limit of descriptors lies below the first number asked for, so there is none to be had. fcntl(2)
	 */
	if (*lifted < 0)
		return errno == EINVAL ? -EMFILE : -errno;
	descriptors->copies[descriptors->n_copies++] = *lifted;
	return 0;
}

/*
 * Whether the caller's own descriptor goes to the command. Not one that closes at exec: where the caller has 0, 1 or 2
 * closed that is one of this library's, with the host behind it.
 */
static bool own_is_kept(int fd)
{
	int flags = fcntl(fd, F_GETFD);
	return flags >= 0 && !(flags & FD_CLOEXEC);
}

static int lift_stdio(struct child_descriptors *descriptors, const int *stdio, int lowest)
{
	int null = -1, code = 0;
	for (int i = 0; i < 3 && !code; i++) {
		if (!stdio && own_is_kept(i))
			continue;
		int fd = stdio ? stdio[i] : -1;
		if (fd < 0 && null < 0) {
			null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
			if (null < 0)
				return -errno;
			descriptors->copies[descriptors->n_copies++] = null;
		}
		code = lift(descriptors, fd < 0 ? null : fd, lowest, &descriptors->stdio[i]);
	}
	return code;
}

int child_prepare(struct child *child, const struct spawn_options *options, int plan_fd, int status_fd, bool in_place)
{
	struct child_descriptors *descriptors = &child->descriptors;
	/* A child that carries out the plan leaves them where they are, but for those that are to be its stdio. */
	int lowest = in_place ? 3 : FIRST_FREE_FD;
	size_t n_cgroups = options->n_cgroup_procs + (options->cgroup_into_procs >= 0);
	if (n_cgroups > CHILD_CGROUPS_MOST)
		return -E2BIG;
	/* The v2 cgroup is the one it is born into, where clone3 is to be had. */
	child->n_cgroups = options->n_cgroup_procs;
	int code = lift(descriptors, status_fd, lowest, &descriptors->status);
	if (!code && !in_place)
		code = lift(descriptors, options->init_fd, lowest, &descriptors->init_fd);
	if (!code && !in_place)
		code = lift(descriptors, plan_fd, lowest, &descriptors->plan);
	if (!code && !in_place)
		code = lift(descriptors, options->record_fd, lowest, &descriptors->record);
	if (!code && !in_place)
		code = lift(descriptors, options->namespaces_fd, lowest, &descriptors->namespaces);
	if (!code && !in_place)
		code = lift(descriptors, options->userns_fd, lowest, &descriptors->userns);
	if (!code)
		code = lift(descriptors, options->blank_fd, lowest, &descriptors->blank);
	if (!code)
		code = lift_stdio(descriptors, options->stdio, lowest);
	for (; descriptors->n_cgroups < n_cgroups && !code; descriptors->n_cgroups++) {
		size_t i = descriptors->n_cgroups;
		int fd = i < options->n_cgroup_procs ? options->cgroup_procs[i] : options->cgroup_into_procs;
		code = lift(descriptors, fd, lowest, &descriptors->cgroups[i]);
	}
	return code;
}

/* What it takes to clone the child. */
struct cloning {
	struct child *child;
	const struct spawn_options *options;
	int (*run)(void *child);
	char *stack;
	struct spawned *spawned;
	pid_t sibling; /* through a door: the child's pid, once there is one */
};

/*
 * flags: CLONE_PIDFD, which fills spawned's, or CLONE_PARENT | CLONE_PARENT_SETTID, which fills sibling, and which a
 * process in the caller's memory may call too.
 */
CHILD_CODE static long clone_into(struct cloning *cloning, uint64_t flags)
{
	const struct spawn_options *options = cloning->options;
	bool is_sibling = flags & CLONE_PARENT;
	int *word = is_sibling ? &cloning->sibling : &cloning->spawned->pidfd;
	flags |= CLONE_VM | CLONE_VFORK | options->namespaces;
	if (options->blank_fd >= 0)
		flags &= ~(uint64_t)CLONE_NEWNS;
	struct clone_args args = {
		.flags = flags,
		.pidfd = is_sibling ? 0 : (uint64_t)(uintptr_t)word,
		.parent_tid = is_sibling ? (uint64_t)(uintptr_t)word : 0,
		.exit_signal = is_sibling ? 0 : SIGCHLD, /* a sibling's is that of who clones it */
		.stack = (uint64_t)(uintptr_t)cloning->stack,
		.stack_size = STACK_SIZE,
	};
	if (options->cgroup_into >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)options->cgroup_into;
	}
	long pid = clone3_call(&args, sizeof args, cloning->run, cloning->child);
	if (pid != -ENOSYS)
		return pid;
	cloning->spawned->used_clone = true;
	cloning->child->n_cgroups = cloning->child->descriptors.n_cgroups;
	pid = clone(cloning->run, cloning->stack + STACK_SIZE, (int)flags | (is_sibling ? 0 : SIGCHLD), cloning->child,
		    word);
	return pid < 0 ? -errno : pid;
}

CHILD_CODE static int pass_door(void *argument)
{
	struct cloning *cloning = argument;
	if (syscall(SYS_setns, cloning->options->born_in_userns, CLONE_NEWUSER) < 0)
		return child_fail(cloning->child, CHILD_USERNS);
	long pid = clone_into(cloning, CLONE_PARENT | CLONE_PARENT_SETTID);
	if (pid >= 0)
		return 0;
	errno = (int)-pid;
	return child_fail(cloning->child, CHILD_CLONE);
}

/*
 * The kernel lets an ordinary user make namespaces in a user namespace of its own alone. A process with the caller's
 * memory, but none of its threads, may go there, and clones the child as its sibling: so that is the caller's to wait
 * for.
 */
static long clone_through_door(struct cloning *cloning)
{
	__attribute__((aligned(16))) char stack[DOOR_STACK_SIZE];
	int pidfd, status;
	int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
	if (clone(pass_door, stack + sizeof stack, flags, cloning, &pidfd) < 0)
		return -errno;
	spawned_reap(pidfd, &status);
	close(pidfd);
	if (!cloning->sibling)
		return cloning->child->error ? -cloning->child->error : -ECHILD;
	/* It can't have become another's: it is not reaped. */
	cloning->spawned->pidfd = (int)syscall(SYS_pidfd_open, cloning->sibling, 0);
	return cloning->spawned->pidfd < 0 ? -errno : cloning->sibling;
}

pid_t child_clone(struct child *child, const struct spawn_options *options, bool in_place, struct spawned *spawned)
{
	cleanup_free char *stack = aligned_alloc(16, STACK_SIZE);
	if (!stack)
		return -ENOMEM;
	sigset_t all, saved;
	sigfillset(&all);
	int cancel_state;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	pthread_sigmask(SIG_BLOCK, &all, &saved);
	dumpable_hold();
	struct cloning cloning = {child, options, in_place ? carry_plan : execute_init, stack, spawned, 0};
	long pid = options->born_in_userns >= 0 ? clone_through_door(&cloning) : clone_into(&cloning, CLONE_PIDFD);
	dumpable_release();
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	pthread_setcancelstate(cancel_state, NULL);
	return (pid_t)pid;
}
