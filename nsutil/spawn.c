/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/spawn.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/child.h"
#include "nsutil/notice.h"

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

/* One packet from the child, with the times and the descriptor that may come along. 1, 0 at the end of file, or -errno.
 */
static int report_receive(int status_fd, struct plan_report *report, struct iovec times, int *passed)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data[] = {{report, sizeof *report}, times};
	struct msghdr message = {
		.msg_iov = data,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	ssize_t length;
	/* One that ends with something unread makes it a reset, once; what it had to tell comes behind that. unix(7) */
	do
		length = recvmsg(status_fd, &message, MSG_CMSG_CLOEXEC);
	while (length < 0 && (errno == EINTR || errno == ECONNRESET));
	if (length < 0)
		return -errno;
	if (length == 0)
		return 0;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(passed, CMSG_DATA(header), sizeof *passed);
	size_t beyond = (size_t)length - sizeof *report;
	return beyond == 0 || beyond == times.iov_len ? 1 : -EPROTO;
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

/*
 * Waits until the process has reported. The calls it makes until its execve, and that one, are its own set-up: they go
 * on unseen. What waits behind the execve, when the other end of status is closed, is left to the listener's reader.
 */
static int report_await(int status_fd, int listener)
{
	struct pollfd waits = {.fd = listener, .events = POLLIN}, status = {.fd = status_fd, .events = POLLIN};
	for (;;) {
		struct pollfd both[] = {waits, status};
		struct notice notice;
		if (poll(both, 2, -1) < 0 && errno != EINTR)
			return -errno;
		/* Looked at again: who waited before this look does nothing else meanwhile, least of all an execve. */
		int reported = poll(&status, 1, 0);
		if (reported != 0)
			return reported < 0 ? -errno : 0;
		if (both[0].revents & POLLIN && notice_take(listener, &notice) == 0)
			notice_let_go(listener, &notice);
		/* Nobody has the filter any more: the process has ended. */
		if (both[0].revents & POLLHUP)
			waits.fd = -1;
	}
}

/* Whether the last that is heard of the process is that it hangs up, and nothing before needs an answer. */
static bool reports_can_wait(const struct plan *plan)
{
	struct plan_view view;
	return plan_view(plan, &view, NULL) == 0 && view.steps[view.n_steps - 1].op == PLAN_EXEC &&
	       !plan_has_listener(&view);
}

/* Not to be woken for each report: that costs a change of processes, mostly on the processor that the new one runs on.
 */
static void hang_up_await(int status_fd)
{
	struct pollfd status = {.fd = status_fd, .events = 0};
	while (poll(&status, 1, -1) < 0 && errno == EINTR)
		;
}

/*
 * Hears the process out, until the command has been exec'd or will not be, or there is none yet. 1: exec'd, or waiting;
 * 0: it died before; or -errno.
 */
static int follow(const struct spawn_options *options, int status_fd, bool executing, struct spawned *spawned,
		  struct error *error)
{
	const struct plan *plan = options->plan;
	const struct iovec times = {options->times, options->times ? plan_count(plan) * sizeof *options->times : 0};
	if (reports_can_wait(plan))
		hang_up_await(status_fd);
	for (;;) {
		struct plan_report report = {0};
		int passed = -1;
		int got = spawned->listener < 0 ? 0 : report_await(status_fd, spawned->listener);
		if (got == 0)
			got = report_receive(status_fd, &report, times, &passed);
		if (got < 0)
			return error_errno(error, -got, "hear from the new process");
		if (got == 0)
			return executing;
		switch (report.kind) {
		case PLAN_REPORT_FAILED:
			return step_error(plan, &report, error);
		case PLAN_REPORT_EXECUTING:
			executing = true;
			break;
		case PLAN_REPORT_WAITING:
			return 1;
		case PLAN_REPORT_TTY:
			if (spawned->tty >= 0)
				close(spawned->tty);
			spawned->tty = passed;
			break;
		case PLAN_REPORT_LISTENER:
			if (spawned->listener >= 0)
				close(spawned->listener);
			spawned->listener = passed;
			break;
		default:
			return error_set(error, EPROTO, "init reported what berth does not know (%u)", report.kind);
		}
	}
}

static int child_error(const struct child *child, const struct plan *plan, struct error *error)
{
	const struct plan_report report = {.step = child->carrier.current, .error = child->error};
	switch (child->stage) {
	case CHILD_PLAN:
		return step_error(plan, &report, error);
	case CHILD_USERNS:
		return error_errno(error, child->error, "enter the user namespace");
	case CHILD_CLONE:
		return error_errno(error, child->error, "clone a process into its namespaces");
	case CHILD_CGROUPS:
		error_errno(error, child->error, "enter the cgroups");
		plan_hint_cgroups(error);
		return -child->error;
	case CHILD_INIT:
		return error_errno(error, child->error, "execute init from its memfd");
	case CHILD_FETCHING:
	case CHILD_DESCRIPTORS:
	case CHILD_EXECUTING:
		break;
	}
	return error_errno(error, child->error, "lay out the new process's descriptors");
}

/* Ends a process whose set-up failed, and closes what the caller would have got. */
static void undo(struct spawned *spawned, int *wait_status)
{
	syscall(SYS_pidfd_send_signal, spawned->pidfd, SIGKILL, NULL, 0);
	spawned_reap(spawned->pidfd, wait_status);
	close(spawned->pidfd);
	if (spawned->tty >= 0)
		close(spawned->tty);
	if (spawned->listener >= 0)
		close(spawned->listener);
	*spawned = (struct spawned)SPAWNED_NONE;
}

/* What there is to say of a process that the caller has not got in the end. followed: as follow gave it. */
static int failed(int followed, struct spawned *spawned, int *wait_status, struct error *error)
{
	undo(spawned, wait_status);
	if (followed < 0)
		return followed;
	return error_set(error, ECHILD, "the process ended before it could execute the command (%s %d)",
			 WIFSIGNALED(*wait_status) ? "signal" : "status",
			 WIFSIGNALED(*wait_status) ? WTERMSIG(*wait_status) : WEXITSTATUS(*wait_status));
}

/* The same where it is the caller that failed. */
static int given_up(int code, struct spawned *spawned)
{
	int killed;
	undo(spawned, &killed);
	return code;
}

/* Which of the two ways the plan is carried out, and what that takes. */
struct way {
	bool in_place;
	bool reports;
	bool enters; /* spawn_options.later is to be done meanwhile */
};

/*
 * In place, between clone and exec, in the memory of a caller who trusts the command. Not where init
 * stays beside the command: one of the two would still share that memory without its parent being suspended, and the
 * kernel, when the container's memory runs out, kills all who share the memory of the one it picks (but spares who is
 * in vfork).
 */
static struct way way_choose(const struct spawn_options *options)
{
	struct way way = {.in_place = options->trusted && options->namespaces & CLONE_NEWPID};
	for (size_t i = 0; i < plan_count(options->plan); i++) {
		enum plan_op op = plan_op(options->plan, i);
		way.enters = way.enters || op == PLAN_ENTER;
		way.in_place = way.in_place && op != PLAN_FORK && op != PLAN_SETNS && op != PLAN_AWAIT;
		way.reports = way.reports || op == PLAN_TTY || op == PLAN_DIE_WITH_PARENT;
	}
	way.in_place = way.in_place && !way.enters;
	way.reports = way.reports || !way.in_place;
	return way;
}

static int note_executing(struct carrier *carrier)
{
	struct child *child = (struct child *)((char *)carrier - offsetof(struct child, carrier));
	child->stage = CHILD_EXECUTING;
	return 0;
}

static int carrier_prepare(struct child *child, const struct spawn_options *options, struct error *error)
{
	child->carrier = (struct carrier){
		.times = options->times,
		.root = -1,
		.null = -1,
		.empty = -1,
		.namespaces = -1,
		.userns = -1,
		.blank = -1,
		.executing = note_executing,
	};
	int code = plan_view(options->plan, &child->carrier.plan, error);
	if (code < 0)
		return code;
	child->slots = calloc(plan_slots(&child->carrier.plan), sizeof *child->slots);
	child->sources = calloc(plan_sources(&child->carrier.plan) + 1, sizeof *child->sources);
	child->carrier.slots = child->slots;
	child->carrier.sources = child->sources;
	return child->slots && child->sources ? 0 : error_errno(error, ENOMEM, "build the plan");
}

/* Sends the process a byte with descriptors, at most PLAN_ENTER_MOST. 0 or -errno. */
static int descriptors_send(int socket, const int *descriptors, size_t count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(PLAN_ENTER_MOST * sizeof *descriptors)];
	} control = {{0}};
	char byte = 0;
	struct iovec data = {&byte, sizeof byte};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof *descriptors);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof *descriptors);
		memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof *descriptors);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* What is left for when the process is on its way. One that is dead by then is no error here: it is seen later. */
static int do_later(const struct spawn_options *options, int socket, struct error *error)
{
	int cgroups[PLAN_ENTER_MOST];
	int count = options->later(options->data, cgroups, error);
	if (count < 0)
		return count;
	int code = descriptors_send(socket, cgroups, (size_t)count);
	for (int i = 0; i < count; i++)
		close(cgroups[i]);
	return code < 0 && code != -EPIPE ? error_errno(error, -code, "have the new process enter its cgroups") : 0;
}

int spawn(const struct spawn_options *options, struct spawned *spawned, int *wait_status, struct error *error)
{
	*spawned = (struct spawned)SPAWNED_NONE;
	*wait_status = 0;
	struct way way = way_choose(options);
	cleanup_child struct child child = CHILD_NONE;
	cleanup_fd int plan_fd = -1;
	int code = way.in_place ? carrier_prepare(&child, options, error) : plan_seal(options->plan, error);
	if (code < 0)
		return code;
	if (!way.in_place)
		plan_fd = code;
	int pair[2] = {-1, -1};
	if (way.reports && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(error, errno, "make a socket pair to hear from the new process");
	cleanup_fd int ours = pair[0];
	cleanup_fd int theirs = pair[1];

	code = child_prepare(&child, options, plan_fd, theirs);
	if (code < 0)
		return error_errno(error, -code, "prepare descriptors for the new process");
	pid_t pid = child_clone(&child, options, way.in_place, spawned);
	if (pid < 0)
		return child.error ? child_error(&child, options->plan, error)
				   : error_errno(error, -pid, "clone a process into its namespaces");
	spawned->pid = pid;
	/* Or the end of its reports would never be seen. */
	child_release(&child);
	if (theirs >= 0)
		close(steal_fd(&theirs));

	int followed = child.stage == CHILD_EXECUTING;
	if (child.error)
		followed = child_error(&child, options->plan, error);
	else if (way.enters && (code = do_later(options, ours, error)) < 0)
		return given_up(code, spawned);
	else if (way.reports)
		followed = follow(options, ours, followed, spawned, error);
	if (followed != 1)
		return failed(followed, spawned, wait_status, error);
	if (plan_op(options->plan, plan_count(options->plan) - 1) == PLAN_AWAIT)
		spawned->waiting = steal_fd(&ours);
	return 0;
}

static int rest_send(int waiting, const struct child_descriptors *descriptors)
{
	int rest[PLAN_REST_MOST];
	rest[PLAN_REST_PLAN] = descriptors->plan;
	for (int i = 0; i < 3; i++)
		rest[PLAN_REST_STDIO + i] = descriptors->stdio[i] < 0 ? i : descriptors->stdio[i];
	rest[PLAN_REST_RECORD] = descriptors->record;
	return descriptors_send(waiting, rest, descriptors->record < 0 ? PLAN_REST_RECORD : PLAN_REST_MOST);
}

static int rest_give(const struct spawn_options *options, int waiting, struct error *error)
{
	cleanup_child struct child child = CHILD_NONE;
	cleanup_fd int plan_fd = plan_seal(options->plan, error);
	if (plan_fd < 0)
		return plan_fd;
	int code = child_prepare(&child, options, plan_fd, -1);
	if (code < 0)
		return error_errno(error, -code, "prepare descriptors for the process that waits");
	code = rest_send(waiting, &child.descriptors);
	/* It is dead, and how it died is what the caller must hear. */
	if (code == -EPIPE)
		return 0;
	return code < 0 ? error_errno(error, -code, "give the command to the process that waits for it") : 0;
}

int spawn_go_on(const struct spawn_options *options, struct spawned *spawned, int *wait_status, struct error *error)
{
	cleanup_fd int waiting = steal_fd(&spawned->waiting);
	*wait_status = 0;
	int code = rest_give(options, waiting, error);
	if (code < 0)
		return given_up(code, spawned);
	int followed = follow(options, waiting, false, spawned, error);
	return followed == 1 ? 0 : failed(followed, spawned, wait_status, error);
}
