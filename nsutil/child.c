/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/clone.h"
#include "nsutil/sharing.h"

/*
 * The numbers that a child which executes init lays its descriptors on: 0, 1, 2, those init knows, init's program.
 */
enum { FD_INIT = INIT_FD_END, FIRST_FREE_FD };

/*
 * For a child that carries out the plan: paths take the most of it, PATH_MAX at a time. Not on the caller's own stack,
 * which would have to grow under limits that the plan has lowered. setrlimit(2)
 * One that executes init, or only passes the door, needs little.
 */
enum { STACK_SIZE = 32 << 10, SMALL_STACK_SIZE = 8 << 10 };

/* To copy as many descriptors and close them again costs no more than to fetch those that are needed. */
enum { COPIED_MOST = 256 };

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

/* Gives a descriptor a number from lowest up, where something else will be laid on the one it has. -1 stays -1. */
CHILD_CODE static bool lift(int *fd, int lowest)
{
	if (*fd < 0 || *fd >= lowest)
		return true;
	int lifted = (int)syscall(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, lowest);
	/* EINVAL: the limit of descriptors lies below the first number asked for, so there is none to be had. fcntl(2)
	 */
	if (lifted < 0 && errno == EINVAL)
		errno = EMFILE;
	*fd = lifted;
	return lifted >= 0;
}

/* Exchanges a number of the caller's for one of the child's own, unless the child has that too: up to last. */
CHILD_CODE static bool fetch(int self, int last, int *number)
{
	if (*number <= last)
		return true;
	*number = (int)syscall(SYS_pidfd_getfd, self, *number, 0);
	return *number >= 0;
}

/*
 * Until here the table of descriptors is the caller's own, and nothing may be done to it. A copy that is to end at some
 * number is made of no more than that. close_range(2)
 */
CHILD_CODE static bool descriptors_take(struct child *child)
{
	struct child_descriptors *from = &child->descriptors;
	int *const named[] = {&from->stdio[0], &from->stdio[1], &from->stdio[2],   &from->init_fd, &from->plan,
			      &from->status,   &from->record,   &from->namespaces, &from->userns,  &from->blank};
	if (from->self < 0)
		return true;
	/* 0, 1 and 2 may be the command's own, whatever self is. */
	int last = from->self > STDERR_FILENO ? from->self : STDERR_FILENO;
	if (syscall(SYS_close_range, last + 1, ~0U, CLOSE_RANGE_UNSHARE) < 0)
		return false;
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (!fetch(from->self, last, named[i]))
			return false;
	for (size_t i = 0; i < from->n_cgroups; i++)
		if (!fetch(from->self, last, &from->cgroups[i]))
			return false;
	return true;
}

CHILD_CODE static bool stdio_lay(struct child_descriptors *from, int lowest)
{
	for (int i = 0; i < 3; i++)
		if (!lift(&from->stdio[i], lowest))
			return false;
	for (int i = 0; i < 3; i++)
		if (from->stdio[i] >= 0 && syscall(SYS_dup3, from->stdio[i], i, 0) < 0)
			return false;
	return true;
}

/* Adds the descriptor to those kept, in ascending order; -1 is none. */
CHILD_CODE static void keep(int fd, int *kept, size_t *count)
{
	if (fd < 0)
		return;
	size_t at = (*count)++;
	for (; at > 0 && kept[at - 1] > fd; at--)
		kept[at] = kept[at - 1];
	kept[at] = fd;
}

/*
 * Closes all from lowest on but the cgroups' and those kept, of which there may be two. The caller's descriptors go
 * now, not at exec: entering cgroups can take its time, and should the caller be killed meanwhile, what its locks stand
 * for must be seen to be free. flock(2)
 */
CHILD_CODE static bool close_others(const struct child *child, unsigned int lowest, int kept_1, int kept_2)
{
	int kept[CHILD_CGROUPS_MOST + 2];
	size_t count = 0;
	keep(kept_1, kept, &count);
	keep(kept_2, kept, &count);
	for (size_t i = 0; i < child->n_cgroups; i++)
		keep(child->descriptors.cgroups[i], kept, &count);
	for (size_t i = 0; i < count; i++) {
		unsigned int fd = (unsigned int)kept[i];
		if (fd > lowest && syscall(SYS_close_range, lowest, fd - 1, 0) < 0)
			return false;
		lowest = fd + 1;
	}
	return syscall(SYS_close_range, lowest, ~0U, 0) == 0;
}

CHILD_CODE static bool cgroups_enter(const int *cgroups, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (syscall(SYS_write, cgroups[i], "0", 1) < 0)
			return false;
	return true;
}

CHILD_CODE static bool init_descriptors_lay(struct child *child)
{
	struct child_descriptors *from = &child->descriptors;
	int *const slots[FIRST_FREE_FD] = {
		[INIT_FD_PLAN] = &from->plan,     [INIT_FD_STATUS] = &from->status,
		[INIT_FD_RECORD] = &from->record, [INIT_FD_NAMESPACES] = &from->namespaces,
		[INIT_FD_USERNS] = &from->userns, [INIT_FD_BLANK] = &from->blank,
		[FD_INIT] = &from->init_fd,
	};
	for (int i = INIT_FD_PLAN; i < FIRST_FREE_FD; i++)
		if (!lift(slots[i], FIRST_FREE_FD))
			return false;
	for (size_t i = 0; i < child->n_cgroups; i++)
		if (!lift(&from->cgroups[i], FIRST_FREE_FD))
			return false;
	if (!stdio_lay(from, FIRST_FREE_FD))
		return false;
	for (int i = INIT_FD_PLAN; i < FIRST_FREE_FD; i++)
		if ((*slots[i] >= 0 ? syscall(SYS_dup3, *slots[i], i, i == FD_INIT ? O_CLOEXEC : 0)
				    : syscall(SYS_close_range, i, i, 0)) < 0)
			return false;
	return close_others(child, FIRST_FREE_FD, -1, -1);
}

CHILD_CODE static int execute_init(void *argument)
{
	struct child *child = argument;
	if (!descriptors_take(child))
		return child_fail(child, CHILD_FETCHING);
	if (!init_descriptors_lay(child))
		return child_fail(child, CHILD_DESCRIPTORS);
	if (!cgroups_enter(child->descriptors.cgroups, child->n_cgroups))
		return child_fail(child, CHILD_CGROUPS);
	char name[] = "berth-init";
	char *const argv[] = {name, NULL};
	char *const environment[] = {NULL};
	syscall(SYS_execveat, FD_INIT, "", argv, environment, AT_EMPTY_PATH);
	return child_fail(child, CHILD_INIT);
}

/* Leaves its descriptors where they are, but for those that are to be its stdio. */
CHILD_CODE static bool descriptors_lay(struct child *child)
{
	struct child_descriptors *from = &child->descriptors;
	if (!lift(&from->status, 3) || !lift(&from->blank, 3))
		return false;
	for (size_t i = 0; i < child->n_cgroups; i++)
		if (!lift(&from->cgroups[i], 3))
			return false;
	return stdio_lay(from, 3) && close_others(child, 3, from->status, from->blank);
}

CHILD_CODE static int carry_plan(void *argument)
{
	struct child *child = argument;
	const struct child_descriptors *from = &child->descriptors;
	if (!descriptors_take(child))
		return child_fail(child, CHILD_FETCHING);
	if (!descriptors_lay(child))
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
	if (child->null >= 0)
		close(child->null);
	free(child->slots);
	free(child->sources);
	child->null = -1;
	child->slots = NULL;
	child->sources = NULL;
	errno = saved;
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

static int stdio_take(struct child *child, const int *stdio)
{
	for (int i = 0; i < 3; i++) {
		if (!stdio && own_is_kept(i))
			continue;
		int fd = stdio ? stdio[i] : -1;
		if (fd < 0 && child->null < 0) {
			child->null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
			if (child->null < 0)
				return -errno;
		}
		child->descriptors.stdio[i] = fd < 0 ? child->null : fd;
	}
	return 0;
}

/* The numbers of what was opened last tell how many there are about. */
static bool has_high_numbers(const struct child_descriptors *descriptors)
{
	bool high = descriptors->plan >= COPIED_MOST || descriptors->status >= COPIED_MOST;
	for (size_t i = 0; i < 3; i++)
		high = high || descriptors->stdio[i] >= COPIED_MOST;
	for (size_t i = 0; i < descriptors->n_cgroups; i++)
		high = high || descriptors->cgroups[i] >= COPIED_MOST;
	return high;
}

/* Whether the calling thread has the process's descriptors, to which the pidfd leads, and none of its own. unshare(2)
 */
static bool has_process_descriptors(void)
{
	pid_t process = getpid(), thread = gettid();
	return thread == process || syscall(SYS_kcmp, process, thread, KCMP_FILES, 0, 0) == 0;
}

int child_prepare(struct child *child, const struct spawn_options *options, int plan_fd, int status_fd)
{
	struct child_descriptors *descriptors = &child->descriptors;
	size_t n_cgroups = options->n_cgroup_procs + (options->cgroup_into_procs >= 0);
	if (n_cgroups > CHILD_CGROUPS_MOST)
		return -E2BIG;
	/* The v2 cgroup is the one it is born into, where clone3 is to be had. */
	child->n_cgroups = options->n_cgroup_procs;
	for (size_t i = 0; i < n_cgroups; i++)
		descriptors->cgroups[i] =
			i < options->n_cgroup_procs ? options->cgroup_procs[i] : options->cgroup_into_procs;
	descriptors->n_cgroups = n_cgroups;
	descriptors->plan = plan_fd;
	descriptors->status = status_fd;
	descriptors->init_fd = options->init_fd;
	descriptors->record = options->record_fd;
	descriptors->namespaces = options->namespaces_fd;
	descriptors->userns = options->userns_fd;
	descriptors->blank = options->blank_fd;
	int code = stdio_take(child, options->stdio);
	if (code == 0 && has_high_numbers(descriptors) && has_process_descriptors())
		descriptors->self = options->self_pidfd;
	return code;
}

/* What it takes to clone the child. */
struct cloning {
	struct child *child;
	const struct spawn_options *options;
	int (*run)(void *child);
	char *stack;
	size_t stack_size;
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
	if (cloning->child->descriptors.self >= 0)
		flags |= CLONE_FILES;
	if (options->blank_fd >= 0)
		flags &= ~(uint64_t)CLONE_NEWNS;
	struct clone_args args = {
		.flags = flags,
		.pidfd = is_sibling ? 0 : (uint64_t)(uintptr_t)word,
		.parent_tid = is_sibling ? (uint64_t)(uintptr_t)word : 0,
		.exit_signal = is_sibling ? 0 : SIGCHLD, /* a sibling's is that of who clones it */
		.stack = (uint64_t)(uintptr_t)cloning->stack,
		.stack_size = cloning->stack_size,
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
	pid = clone(cloning->run, cloning->stack + cloning->stack_size, (int)flags | (is_sibling ? 0 : SIGCHLD),
		    cloning->child, word);
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
	__attribute__((aligned(16))) char stack[SMALL_STACK_SIZE];
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
	__attribute__((aligned(16))) char small[SMALL_STACK_SIZE];
	cleanup_free char *stack = in_place ? aligned_alloc(16, STACK_SIZE) : NULL;
	if (in_place && !stack)
		return -ENOMEM;
	struct cloning cloning = {
		.child = child,
		.options = options,
		.run = in_place ? carry_plan : execute_init,
		.stack = in_place ? stack : small,
		.stack_size = in_place ? STACK_SIZE : SMALL_STACK_SIZE,
		.spawned = spawned,
	};
	struct sharing sharing;
	sharing_begin(&sharing);
	const struct child_descriptors given = child->descriptors;
	long pid = options->born_in_userns >= 0 ? clone_through_door(&cloning) : clone_into(&cloning, CLONE_PIDFD);
	if (pid > 0 && child->error && child->stage == CHILD_FETCHING) {
		int status;
		spawned_reap(spawned->pidfd, &status);
		close(spawned->pidfd);
		spawned->copied = true;
		child->descriptors = given;
		child->descriptors.self = -1;
		child->error = 0;
		pid = clone_into(&cloning, CLONE_PIDFD);
	}
	sharing_end(&sharing);
	return (pid_t)pid;
}
