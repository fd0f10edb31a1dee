/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/init/init.h"

static const struct plan_header *plan_map(int fd)
{
	struct stat status;
	if (fstat(fd, &status) < 0 || status.st_size <= 0)
		return NULL;
	void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
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

int plan_take(struct carrier *carrier, int fd)
{
	const struct plan_header *plan = plan_map(fd);
	close(fd);
	if (!plan)
		return -EBADMSG;
	carrier->plan = view_of(plan);
	carrier->slots = slots_make(&carrier->plan);
	carrier->sources = sources_make(&carrier->plan);
	carrier->times = times_make(&carrier->plan);
	return carrier->slots && carrier->sources ? 0 : -ENOMEM;
}
