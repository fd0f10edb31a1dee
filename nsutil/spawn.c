/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/clone.h"

/*
 * The numbers the child lays its descriptors on: 0, 1, 2, those of the plan's reader, init's program, the cgroup.procs
 * files. What it lays them from is kept clear of these.
 */
enum {
	CHILD_FD_INIT = INIT_FD_END,
	CHILD_FD_CGROUPS,
	MAX_CGROUPS = 20,
	FIRST_FREE_FD = CHILD_FD_CGROUPS + MAX_CGROUPS
};

enum { STACK_SIZE = 16 << 10 };

/* What the child did last, told through the memory it shares with the suspended parent. */
enum child_stage { STAGE_CGROUP, STAGE_DESCRIPTORS, STAGE_EXEC };

/* The child's descriptors before it lays them out, lifted out of the way. */
struct descriptors {
	int stdio[3];           /* -1: leave it as it is */
	int slots[INIT_FD_END]; /* what to lay on 3, 4, ...; -1: nothing */
	int init_fd;
	int cgroups[MAX_CGROUPS]; /* cgroup.procs files, the last being that of the v2 cgroup, if there is one */
	size_t n_cgroups;
	int null;
};

struct child {
	const struct descriptors *descriptors;
	size_t n_cgroups; /* how many of them it is to enter itself */
	enum child_stage stage;
	int error;
};

static int child_fail(struct child *child, enum child_stage stage)
{
	child->stage = stage;
	child->error = errno;
	return 125;
}

/*
 * Between clone and exec, in the caller's memory while the caller's thread waits: raw system calls only. The C
 * library's wrappers would be cancellation points of the caller's thread. errno is shared too, but that thread is not
 * looking.
 */
__attribute__((no_sanitize("address", "undefined"))) static int child_run(void *argument)
{
	struct child *child = argument;
	const struct descriptors *from = child->descriptors;
	const unsigned int n_cgroups = (unsigned int)child->n_cgroups;
	for (int i = 0; i < 3; i++)
		if (from->stdio[i] >= 0 && syscall(SYS_dup3, from->stdio[i], i, 0) < 0)
			return child_fail(child, STAGE_DESCRIPTORS);
	for (int i = INIT_FD_PLAN; i < INIT_FD_END; i++)
		if ((from->slots[i] >= 0 ? syscall(SYS_dup3, from->slots[i], i, 0)
					 : syscall(SYS_close_range, i, i, 0)) < 0)
			return child_fail(child, STAGE_DESCRIPTORS);
	if (syscall(SYS_dup3, from->init_fd, CHILD_FD_INIT, O_CLOEXEC) < 0)
		return child_fail(child, STAGE_DESCRIPTORS);
	for (unsigned int i = 0; i < n_cgroups; i++)
		if (syscall(SYS_dup3, from->cgroups[i], CHILD_FD_CGROUPS + i, O_CLOEXEC) < 0)
			return child_fail(child, STAGE_DESCRIPTORS);
	/*
	 * The caller's descriptors go now, not at exec: entering cgroups can take its time, and should the caller be
	 * killed meanwhile, what its locks stand for must be seen to be free. flock(2)
	 */
	if (syscall(SYS_close_range, CHILD_FD_CGROUPS + n_cgroups, ~0U, 0) < 0)
		return child_fail(child, STAGE_DESCRIPTORS);
	for (unsigned int i = 0; i < n_cgroups; i++)
		if (syscall(SYS_write, CHILD_FD_CGROUPS + i, "0", 1) < 0)
			return child_fail(child, STAGE_CGROUP);
	char name[] = "berth-init";
	char *const argv[] = {name, NULL};
	char *const environment[] = {NULL};
	syscall(SYS_execveat, CHILD_FD_INIT, "", argv, environment, AT_EMPTY_PATH);
	return child_fail(child, STAGE_EXEC);
}

/* A copy of the descriptor out of the way of the numbers the child uses; -1 stays -1. 0 or -errno. */
static int lift(int fd, int *lifted)
{
	*lifted = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (fd < 0 || *lifted >= 0)
		return 0;
	/* EINVAL: the limit of descriptors lies below the first number asked for, so there is none to be had. fcntl(2)
	 */
	return errno == EINVAL ? -EMFILE : -errno;
}

static void descriptors_close(struct descriptors *descriptors)
{
	int saved = errno;
	for (int i = 0; i < 3; i++)
		if (descriptors->stdio[i] >= 0)
			close(descriptors->stdio[i]);
	for (int i = INIT_FD_PLAN; i < INIT_FD_END; i++)
		if (descriptors->slots[i] >= 0)
			close(descriptors->slots[i]);
	if (descriptors->init_fd >= 0)
		close(descriptors->init_fd);
	for (size_t i = 0; i < descriptors->n_cgroups; i++)
		close(descriptors->cgroups[i]);
	if (descriptors->null >= 0)
		close(descriptors->null);
	errno = saved;
}
#define cleanup_descriptors __attribute__((cleanup(descriptors_close)))

/*
 * Whether the caller's own descriptor goes to the command. Not one that closes at exec: where the caller has 0, 1 or 2
 * closed that is one of this library's, with the host behind it.
 */
static bool own_is_kept(int fd)
{
	int flags = fcntl(fd, F_GETFD);
	return flags >= 0 && !(flags & FD_CLOEXEC);
}

static int lift_cgroup(int fd, struct descriptors *descriptors)
{
	if (descriptors->n_cgroups == MAX_CGROUPS)
		return -E2BIG;
	int code = lift(fd, &descriptors->cgroups[descriptors->n_cgroups]);
	descriptors->n_cgroups += code == 0;
	return code;
}

static int descriptors_lift(const struct spawn_options *options, int plan_fd, int status_fd,
			    struct descriptors *descriptors)
{
	int code = lift(options->init_fd, &descriptors->init_fd);
	if (!code)
		code = lift(plan_fd, &descriptors->slots[INIT_FD_PLAN]);
	if (!code)
		code = lift(status_fd, &descriptors->slots[INIT_FD_STATUS]);
	if (!code)
		code = lift(options->record_fd, &descriptors->slots[INIT_FD_RECORD]);
	if (!code)
		code = lift(options->namespaces_fd, &descriptors->slots[INIT_FD_NAMESPACES]);
	if (!code)
		code = lift(options->userns_fd, &descriptors->slots[INIT_FD_USERNS]);
	for (int i = 0; i < 3 && !code; i++) {
		if (!options->stdio && own_is_kept(i))
			continue;
		int fd = options->stdio ? options->stdio[i] : -1;
		if (fd < 0 && descriptors->null < 0)
			descriptors->null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
		code = lift(fd < 0 ? descriptors->null : fd, &descriptors->stdio[i]);
	}
	for (size_t i = 0; i < options->n_cgroup_procs && !code; i++)
		code = lift_cgroup(options->cgroup_procs[i], descriptors);
	if (!code && options->cgroup_into_procs >= 0)
		code = lift_cgroup(options->cgroup_into_procs, descriptors);
	return code;
}

/* Clones with the child's every signal blocked, so that no handler of the caller's runs in it. Pid or -errno. */
static pid_t clone_child(const struct spawn_options *options, struct child *child, struct spawned *spawned)
{
	__attribute__((aligned(16))) char stack[STACK_SIZE];
	sigset_t all, saved;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &saved);
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | options->namespaces,
		.pidfd = (uint64_t)(uintptr_t)&spawned->pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = sizeof stack,
	};
	if (options->cgroup_into >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)options->cgroup_into;
	}
	long pid = clone3_call(&args, sizeof args, child_run, child);
	if (pid == -ENOSYS) {
		spawned->used_clone = true;
		child->n_cgroups = child->descriptors->n_cgroups;
		int flags = (int)(CLONE_VM | CLONE_VFORK | CLONE_PIDFD | options->namespaces) | SIGCHLD;
		pid = clone(child_run, stack + sizeof stack, flags, child, &spawned->pidfd);
		if (pid < 0)
			pid = -errno;
	}
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return (pid_t)pid;
}

int spawned_reap(int pidfd, int *wait_status)
{
	siginfo_t info = {0};
	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	*wait_status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : W_EXITCODE(0, info.si_status);
	return 0;
}

int spawned_signal(int pidfd, int signal)
{
	siginfo_t wrapped = {.si_signo = INIT_SIGNAL_WRAPPED, .si_code = SI_QUEUE};
	wrapped.si_value.sival_int = signal;
	/* SIGSTOP would stop init and not the command, and init keeps one real-time signal for this very purpose. */
	bool wrap = signal == SIGSTOP || signal == INIT_SIGNAL_WRAPPED;
	long sent =
		syscall(SYS_pidfd_send_signal, pidfd, wrap ? INIT_SIGNAL_WRAPPED : signal, wrap ? &wrapped : NULL, 0);
	return sent < 0 ? -errno : 0;
}

/* One packet from init, with the descriptor that may come along. 1, 0 at the end of file, or -errno. */
static int report_receive(int status_fd, struct plan_report *report, int *passed)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = {report, sizeof *report};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	ssize_t length;
	do
		length = recvmsg(status_fd, &message, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	if (length <= 0)
		return length < 0 ? -errno : 0;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(passed, CMSG_DATA(header), sizeof *passed);
	return length == sizeof *report ? 1 : -EPROTO;
}

/* The sentence and exit status for a step that failed. */
static int step_error(const struct plan *plan, const struct plan_report *report, struct error *error)
{
	if (report->step >= plan_count(plan))
		return error_set(error, EPROTO, "init reported a failure of step %u, which the plan does not have",
				 report->step);
	char what[512];
	plan_describe(plan, report->step, what, sizeof what);
	int result = error_errno(error, report->error, "%s", what);
	plan_hint(plan, report->step, error);
	if (error && plan_op(plan, report->step) == PLAN_EXEC)
		error->exit_status = report->error == ENOENT ? ERROR_STATUS_NOT_FOUND : ERROR_STATUS_NOT_EXECUTABLE;
	return result;
}

/* Follows init until the command has been exec'd or will not be. 1: exec'd; 0: init died before; or -errno. */
static int follow(const struct plan *plan, int status_fd, struct spawned *spawned, struct error *error)
{
	bool executing = false;
	for (;;) {
		struct plan_report report = {0};
		int passed = -1;
		int got = report_receive(status_fd, &report, &passed);
		if (got < 0)
			return error_errno(error, -got, "hear from init");
		if (got == 0)
			return executing;
		switch (report.kind) {
		case PLAN_REPORT_FAILED:
			return step_error(plan, &report, error);
		case PLAN_REPORT_EXECUTING:
			executing = true;
			break;
		case PLAN_REPORT_TTY:
			if (spawned->tty >= 0)
				close(spawned->tty);
			spawned->tty = passed;
			break;
		default:
			return error_set(error, EPROTO, "init reported what berth does not know (%u)", report.kind);
		}
	}
}

static int child_error(const struct child *child, struct error *error)
{
	switch (child->stage) {
	case STAGE_CGROUP:
		return error_errno(error, child->error, "enter the cgroups");
	case STAGE_DESCRIPTORS:
		return error_errno(error, child->error, "lay out the new process's descriptors");
	case STAGE_EXEC:
		break;
	}
	return error_errno(error, child->error, "execute init from its memfd");
}

/* Ends a process whose set-up failed, and closes what the caller would have got. */
static void undo(struct spawned *spawned, int *wait_status)
{
	syscall(SYS_pidfd_send_signal, spawned->pidfd, SIGKILL, NULL, 0);
	spawned_reap(spawned->pidfd, wait_status);
	close(spawned->pidfd);
	if (spawned->tty >= 0)
		close(spawned->tty);
	*spawned = (struct spawned){.pidfd = -1, .tty = -1};
}

int spawn(const struct spawn_options *options, struct spawned *spawned, int *wait_status, struct error *error)
{
	*spawned = (struct spawned){.pidfd = -1, .tty = -1};
	*wait_status = 0;
	cleanup_fd int plan_fd = plan_seal(options->plan, error);
	if (plan_fd < 0)
		return plan_fd;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(error, errno, "make a socket pair to hear from init");
	cleanup_fd int ours = pair[0];
	cleanup_fd int theirs = pair[1];

	cleanup_descriptors struct descriptors descriptors = {
		.stdio = {-1, -1, -1}, .slots = {-1, -1, -1, -1, -1, -1, -1, -1}, .init_fd = -1, .null = -1};
	int code = descriptors_lift(options, plan_fd, theirs, &descriptors);
	if (code < 0)
		return error_errno(error, -code, "duplicate descriptors for the new process");
	/* The v2 cgroup is the one it is born into, where clone3 is to be had. */
	struct child child = {.descriptors = &descriptors, .n_cgroups = options->n_cgroup_procs};

	pid_t pid = clone_child(options, &child, spawned);
	if (pid < 0)
		return error_errno(error, -pid, "clone a process into its namespaces");
	spawned->pid = pid;
	close(steal_fd(&theirs));
	close(descriptors.slots[INIT_FD_STATUS]);
	descriptors.slots[INIT_FD_STATUS] = -1;

	if (child.error) {
		undo(spawned, wait_status);
		return child_error(&child, error);
	}
	int followed = follow(options->plan, ours, spawned, error);
	if (followed == 1)
		return 0;
	undo(spawned, wait_status);
	if (followed < 0)
		return followed;
	return error_set(error, ECHILD, "init ended before it could execute the command (%s %d)",
			 WIFSIGNALED(*wait_status) ? "signal" : "status",
			 WIFSIGNALED(*wait_status) ? WTERMSIG(*wait_status) : WEXITSTATUS(*wait_status));
}
