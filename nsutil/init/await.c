/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "nsutil/init/init.h"

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
	int count = code < 0 ? code : descriptors_receive(carrier->status, rest, PLAN_REST_MOST);
	if (count == -ECONNRESET)
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
