/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init: the small static program that carries out a plan inside the new namespaces and, as PID 1, stays to reap,
 * forward signals and end with the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/init/init.h"

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

static struct plan_view view_of(const struct plan_header *header)
{
	return (struct plan_view){
		.steps = plan_steps(header),
		.n_steps = header->n_steps,
		.strings = plan_text(header, 0),
		.fail_step = header->fail_step,
		.fail_error = header->fail_error,
		.timed = header->timed,
	};
}

/* The first use of the heap alone costs 5 system calls; argv and the environment nearly always fit here. */
static char **slots_make(const struct plan_view *plan)
{
	static char *slots[512];
	size_t needed = plan_slots(plan);
	return needed <= sizeof slots / sizeof *slots ? slots : calloc(needed, sizeof *slots);
}

static int *sources_make(const struct plan_view *plan)
{
	static int sources[64];
	size_t needed = plan_sources(plan);
	return needed <= sizeof sources / sizeof *sources ? sources : calloc(needed, sizeof *sources);
}

static uint64_t *times_make(const struct plan_view *plan)
{
	return plan->timed ? calloc(plan->n_steps, sizeof(uint64_t)) : NULL;
}

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
		.executing = report_executing,
	};
	for (int fd = INIT_FD_STATUS; fd < INIT_FD_END; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	const struct plan_header *plan = plan_map();
	if (!plan) {
		carry_report(&carrier, PLAN_REPORT_FAILED, EBADMSG, -1);
		return 125;
	}
	close(INIT_FD_PLAN);
	/* A caller may run with these closed; they must not become something else inside. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", O_RDWR | O_NOCTTY);

	carrier.plan = view_of(plan);
	carrier.slots = slots_make(&carrier.plan);
	carrier.sources = sources_make(&carrier.plan);
	carrier.times = times_make(&carrier.plan);
	int code = carrier.slots && carrier.sources ? carry_out(&carrier) : -ENOMEM;
	carry_report(&carrier, PLAN_REPORT_FAILED, -code, -1);
	return 125;
}
