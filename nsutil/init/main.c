/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init: the small static program that carries out a plan inside the new namespaces and, as PID 1, stays to reap,
 * forward signals and end with the command.
 */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/init/init.h"

static int report_executing(struct carrier *carrier)
{
	return carry_report(carrier, PLAN_REPORT_EXECUTING, 0, -1);
}

int main(void)
{
	/* Nobody inside may look into this process, which still holds the host's root. ptrace(2), PR_SET_DUMPABLE */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "berth-init");
	struct carrier carrier = {
		.status = INIT_FD_STATUS,
		.namespaces = INIT_FD_NAMESPACES,
		.userns = INIT_FD_USERNS,
		.blank = fcntl(INIT_FD_BLANK, F_GETFD) < 0 ? -1 : INIT_FD_BLANK,
		.root = -1,
		.null = -1,
		.empty = -1,
		.umask = umask(0),
		.fork = step_fork,
		.enter = step_enter,
		.await = step_await,
		.executing = report_executing,
	};
	for (int fd = INIT_FD_STATUS; fd < INIT_FD_END; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	int code = plan_take(&carrier, INIT_FD_PLAN);
	/* A caller may run with these closed; they must not become something else inside. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", O_RDWR | O_NOCTTY);

	if (code == 0)
		code = carry_out(&carrier);
	carry_report(&carrier, PLAN_REPORT_FAILED, -code, -1);
	return 125;
}
