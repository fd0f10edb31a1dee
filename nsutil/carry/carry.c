/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/carry/carry.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static step_function *const run_step[PLAN_OP_COUNT] = {
	[PLAN_PRIVATE] = step_private,
	[PLAN_MOUNT] = step_mount,
	[PLAN_BIND] = step_bind,
	[PLAN_UNMOUNT] = step_unmount,
	[PLAN_ATTRIBUTES] = step_attributes,
	[PLAN_READ_ONLY] = step_read_only,
	[PLAN_MASK] = step_mask,
	[PLAN_MKDIR] = step_mkdir,
	[PLAN_OWNER] = step_owner,
	[PLAN_FILE] = step_file,
	[PLAN_SYMLINK] = step_symlink,
	[PLAN_MKNOD] = step_mknod,
	[PLAN_DEVICE] = step_device,
	[PLAN_ROOT] = step_root,
	[PLAN_PIVOT] = step_pivot,
	[PLAN_SETNS] = step_setns,
	[PLAN_UNSHARE] = step_unshare,
	[PLAN_HOSTNAME] = step_hostname,
	[PLAN_LOOPBACK] = step_loopback,
	[PLAN_DIE_WITH_PARENT] = step_die_with_parent,
	[PLAN_SETSID] = step_setsid,
	[PLAN_TTY] = step_tty,
	[PLAN_RLIMIT] = step_rlimit,
	[PLAN_OOM_SCORE] = step_oom_score,
	[PLAN_BOUNDING] = step_bounding,
	[PLAN_USER] = step_user,
	[PLAN_CAPABILITIES] = step_capabilities,
	[PLAN_CHDIR] = step_chdir,
	[PLAN_KEYRING] = step_keyring,
	[PLAN_NO_NEW_PRIVILEGES] = step_no_new_privileges,
	[PLAN_SECCOMP] = step_seccomp,
	[PLAN_ENVIRONMENT] = step_environment,
	[PLAN_EXEC] = step_exec,
};

static step_function *step_function_of(const struct carrier *carrier, const struct plan_step *step)
{
	switch (step->op) {
	case PLAN_FORK:
		return carrier->fork;
	case PLAN_ENTER:
		return carrier->enter;
	case PLAN_AWAIT:
		return carrier->await;
	default:
		return run_step[step->op];
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int carry_out(struct carrier *carrier)
{
	const struct plan_view *plan = &carrier->plan;
	for (; carrier->current < plan->n_steps; carrier->current++) {
		const struct plan_step *step = &plan->steps[carrier->current];
		if (carrier->times)
			carrier->times[carrier->current] = now_ns();
		if (carrier->current + 1 == plan->fail_step)
			return -(int)plan->fail_error;
		int code = step_function_of(carrier, step)(carrier, step);
		if (code < 0)
			return code;
	}
	return -EINVAL; /* not reached: a plan ends with exec */
}

int carry_report(const struct carrier *carrier, enum plan_report_kind kind, int error, int passed)
{
	struct plan_report packet = {.kind = kind, .step = carrier->current, .error = error};
	struct iovec data[] = {
		{&packet, sizeof packet},
		{carrier->times, carrier->plan.n_steps * sizeof *carrier->times},
	};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {{0}};
	struct msghdr message = {.msg_iov = data,
				 .msg_iovlen = kind == PLAN_REPORT_EXECUTING && carrier->times ? 2 : 1};
	if (passed >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof passed);
		memcpy(CMSG_DATA(header), &passed, sizeof passed);
	}
	/* A parent that is gone does not care, and must not end the child by SIGPIPE. */
	return sendmsg(carrier->status, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
