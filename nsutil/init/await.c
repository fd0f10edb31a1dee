/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nsutil/init/init.h"

/* What comes with the parent's answer. Their number; 0 when the parent has gone; or -errno. */
static int rest_receive(int status, int rest[PLAN_REST_MOST])
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(PLAN_REST_MOST * sizeof(int))];
	} control;
	char byte;
	struct iovec data = {&byte, sizeof byte};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	ssize_t length;
	do
		length = recvmsg(status, &message, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	/* One that dies with something unread makes it a reset. unix(7) */
	if (length == 0 || (length < 0 && errno == ECONNRESET))
		return 0;
	if (length < 0)
		return -errno;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	size_t size = header->cmsg_len - CMSG_LEN(0);
	memcpy(rest, CMSG_DATA(header), size);
	return (int)(size / sizeof *rest);
}

/* What comes is close-on-exec. */
static int lay(int fd, int place, int flags)
{
	if (fd == place && flags == O_CLOEXEC)
		return 0;
	int code = dup3(fd, place, flags) < 0 ? -errno : 0;
	close(fd);
	return code;
}

int step_await(struct carrier *carrier, const struct plan_step *step)
{
	(void)step;
	int rest[PLAN_REST_MOST];
	int code = carry_report(carrier, PLAN_REPORT_WAITING, 0, -1);
	int count = code < 0 ? code : rest_receive(carrier->status, rest);
	if (count == 0)
		_exit(0);
	if (count < 0)
		return count;
	if (count < PLAN_REST_RECORD)
		return -EBADMSG;
	for (int fd = 0; fd < 3 && code == 0; fd++)
		code = lay(rest[PLAN_REST_STDIO + fd], fd, 0);
	if (code == 0)
		code = plan_take(carrier, rest[PLAN_REST_PLAN]);
	if (code == 0 && count > PLAN_REST_RECORD)
		code = lay(rest[PLAN_REST_RECORD], INIT_FD_RECORD, O_CLOEXEC);
	/* The step of the new plan that has this one's place comes next. */
	carrier->current--;
	return code;
}
