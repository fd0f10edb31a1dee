/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/carry/carry.h"

int filter_load(const struct carrier *carrier, const struct plan_step *step)
{
	struct sock_fprog program = {
		.len = (unsigned short)(step->n[0] / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)step_text(carrier, step),
	};
	unsigned int flags = (unsigned int)step->n[1];
	int loaded = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (loaded < 0)
		return -errno;
	if (!(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return 0;
	int code = carry_report(carrier, PLAN_REPORT_LISTENER, 0, loaded);
	/* From here on the parent answers; and when that is gone, nobody is waited for. */
	close(loaded);
	return code;
}

int step_seccomp(struct carrier *carrier, const struct plan_step *step)
{
	if (step->flags & PLAN_AT_EXEC) {
		carrier->filter = step;
		return 0;
	}
	carrier->filtered = true;
	return filter_load(carrier, step);
}
