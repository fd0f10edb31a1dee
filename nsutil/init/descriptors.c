/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "nsutil/init/init.h"

enum { MOST = PLAN_ENTER_MOST };
_Static_assert((int)PLAN_REST_MOST <= (int)MOST, "room for what any answer brings");

int descriptors_receive(int status, int *descriptors, size_t most)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(MOST * sizeof(int))];
	} control;
	char byte;
	struct iovec data = {&byte, sizeof byte};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(most * sizeof(int)),
	};
	ssize_t length;
	do
		length = recvmsg(status, &message, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	/* One that dies with something unread makes it a reset. unix(7) */
	if (length == 0)
		return -ECONNRESET;
	/* There was room for all: the limit on descriptors is reached, and maybe none came. unix(7) */
	if (message.msg_flags & MSG_CTRUNC)
		return -EMFILE;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header)
		return 0;
	if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	size_t size = header->cmsg_len - CMSG_LEN(0);
	memcpy(descriptors, CMSG_DATA(header), size);
	return (int)(size / sizeof *descriptors);
}
