/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/init/init.h"

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
	[PLAN_HOSTNAME] = step_hostname,
	[PLAN_LOOPBACK] = step_loopback,
	[PLAN_DIE_WITH_PARENT] = step_die_with_parent,
	[PLAN_FORK] = step_fork,
	[PLAN_SETSID] = step_setsid,
	[PLAN_TTY] = step_tty,
	[PLAN_RLIMIT] = step_rlimit,
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

int report(const struct init *init, enum plan_report_kind kind, int error, int passed)
{
	struct plan_report packet = {.kind = kind, .step = init->current, .error = error};
	struct iovec data = {&packet, sizeof packet};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {{0}};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	if (passed >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof passed);
		memcpy(CMSG_DATA(header), &passed, sizeof passed);
	}
	/* A parent that is gone does not care, and must not end init by SIGPIPE. */
	return sendmsg(INIT_FD_STATUS, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

char **step_list(const struct init *init, const struct plan_step *step)
{
	/* The first use of the heap alone costs 5 system calls; argv and the environment nearly always fit here. */
	static char *slots[512];
	static size_t used;
	size_t needed = (size_t)step->list_count + 1;
	bool fits = needed <= sizeof slots / sizeof *slots - used;
	char **list = fits ? slots + used : calloc(needed, sizeof *list);
	used += fits ? needed : 0;
	const char *text = plan_text(init->plan, step->list);
	for (uint32_t i = 0; list && i < step->list_count; i++) {
		list[i] = (char *)text;
		text += strlen(text) + 1;
	}
	return list;
}

static const struct plan_header *plan_map(void)
{
	struct stat status;
	if (fstat(INIT_FD_PLAN, &status) < 0 || status.st_size <= 0)
		return NULL;
	void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, INIT_FD_PLAN, 0);
	if (data == MAP_FAILED || plan_check(data, (size_t)status.st_size) < 0)
		return NULL;
	return data;
}

int main(void)
{
	/* Nobody inside may look into this process, which still holds the host's root. ptrace(2), PR_SET_DUMPABLE */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "berth-init");
	struct init init = {.root = -1, .umask = umask(0)};
	for (int fd = INIT_FD_STATUS; fd < INIT_FD_END; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	init.plan = plan_map();
	if (!init.plan) {
		struct plan_header none = {0};
		init.plan = &none;
		report(&init, PLAN_REPORT_FAILED, EBADMSG, -1);
		return 125;
	}
	close(INIT_FD_PLAN);
	/* A caller may run with these closed; they must not become something else inside. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", O_RDWR | O_NOCTTY);

	const struct plan_step *steps = plan_steps(init.plan);
	for (init.current = 0; init.current < init.plan->n_steps; init.current++) {
		const struct plan_step *step = &steps[init.current];
		int code = init.current + 1 == init.plan->fail_step ? -(int)init.plan->fail_error
								    : run_step[step->op](&init, step);
		if (code < 0) {
			report(&init, PLAN_REPORT_FAILED, -code, -1);
			return 125;
		}
	}
	return 125; /* not reached: a checked plan ends with exec */
}
