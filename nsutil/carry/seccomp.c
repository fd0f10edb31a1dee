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
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned int)step->n[1], &program) < 0 ? -errno : 0;
}

int step_seccomp(struct carrier *carrier, const struct plan_step *step)
{
	if (!(step->flags & PLAN_AT_EXEC))
		return filter_load(carrier, step);
	carrier->filter = step;
	return 0;
}
