/* SPDX-License-Identifier: Apache-2.0 */
/* What the filter of a container launched with BERTH_SECCOMP_LOG would refuse. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "nsutil/notice.h"
#include "runtime/container.h"

enum { X32_BIT = 0x40000000 };

int berth_container_seccomp_log(const struct berth_container *container)
{
	return container->seccomp_log;
}

/* "mount", or "470" where libseccomp knows no name. */
static void call_name(const struct notice *notice, char *name, size_t size)
{
	bool x32 = notice->architecture == SCMP_ARCH_X86_64 && notice->number & X32_BIT;
	cleanup_free char *known =
		seccomp_syscall_resolve_num_arch(x32 ? SCMP_ARCH_X32 : notice->architecture, notice->number);
	if (known)
		snprintf(name, size, "%s", known);
	else
		snprintf(name, size, "%d", notice->number);
}

/* The name of the thread that waits; "" where it has been killed meanwhile. */
static void command_name(int listener, const struct notice *notice, char *name, size_t size)
{
	char path[64];
	cleanup_free char *text = NULL;
	snprintf(path, sizeof path, "/proc/%d/comm", notice->pid);
	ssize_t length = file_read_all(AT_FDCWD, path, 256, &text);
	if (length > 0 && text[length - 1] == '\n')
		text[length - 1] = '\0';
	bool known = length > 0 && notice_holds(listener, notice);
	snprintf(name, size, "%s", known ? text : "");
}

static int read_one(const struct berth_container *container, struct berth_refusal *refusal, struct error *error)
{
	int listener = container->seccomp_log;
	if (listener < 0)
		return error_set(error, ENOTSUP,
				 "container '%s' was not launched with BERTH_SECCOMP_LOG by this process",
				 container->record.name);
	struct pollfd waits = {.fd = listener, .events = POLLIN};
	if (poll(&waits, 1, 0) < 0 && errno != EINTR)
		return error_errno(error, errno, "look for refused system calls");
	if (waits.revents & POLLHUP)
		return error_set(error, ESRCH, "nothing in container '%s' has its filter any more",
				 container->record.name);
	struct notice notice;
	int code = waits.revents & POLLIN ? notice_take(listener, &notice) : -ENOENT;
	if (code == -ENOENT)
		return error_set(error, EAGAIN, "no system call waits");
	if (code < 0)
		return error_errno(error, -code, "hear of a refused system call");
	refusal->pid = notice.pid;
	refusal->architecture = notice.architecture;
	refusal->number = notice.number;
	call_name(&notice, refusal->call, sizeof refusal->call);
	command_name(listener, &notice, refusal->command, sizeof refusal->command);
	code = notice_let_go(listener, &notice);
	return code < 0 && code != -ENOENT ? error_errno(error, -code, "let %s go on", refusal->call) : 0;
}

int berth_container_seccomp_read(struct berth_container *container, struct berth_refusal *refusal,
				 struct berth_error *error)
{
	struct error inner = {0};
	struct berth_refusal known = BERTH_REFUSAL_INIT;
	if (read_one(container, &known, &inner) < 0)
		return error_export(&inner, error);
	struct_export(&known, sizeof known, refusal);
	return 0;
}
