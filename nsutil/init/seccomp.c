/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/init/init.h"

int seccomp_load(const struct init *init, const struct plan_step *step)
{
	/* In the plan it lies where it came to lie, perhaps unaligned. */
	cleanup_free struct sock_filter *filters = malloc(step->n[0]);
	if (!filters)
		return -ENOMEM;
	memcpy(filters, step_text(init, step), step->n[0]);
	struct sock_fprog program = {
		.len = (unsigned short)(step->n[0] / sizeof *filters),
		.filter = filters,
	};
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned int)step->n[1], &program) < 0 ? -errno : 0;
}

int step_seccomp(struct init *init, const struct plan_step *step)
{
	if (!(step->flags & PLAN_AT_EXEC))
		return seccomp_load(init, step);
	init->filter = step;
	return 0;
}
