/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/notice.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>

enum { ROOM = 512 }; /* the kernel's structs may be longer than those of its headers. SECCOMP_GET_NOTIF_SIZES */

int notice_take(int listener, struct notice *notice)
{
	union {
		struct seccomp_notif given;
		char room[ROOM];
	} buffer = {.room = {0}};
	while (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &buffer) < 0)
		if (errno != EINTR)
			return -errno;
	*notice = (struct notice){
		.id = buffer.given.id,
		.pid = (pid_t)buffer.given.pid,
		.architecture = buffer.given.data.arch,
		.number = buffer.given.data.nr,
	};
	return 0;
}

bool notice_holds(int listener, const struct notice *notice)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notice->id) == 0;
}

int notice_let_go(int listener, const struct notice *notice)
{
	union {
		struct seccomp_notif_resp answer;
		char room[ROOM];
	} buffer = {.room = {0}};
	buffer.answer.id = notice->id;
	buffer.answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &buffer) < 0 ? -errno : 0;
}
