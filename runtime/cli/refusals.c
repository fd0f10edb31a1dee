/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/refusals.h"

#include <errno.h>
#include <stdbool.h>

#include "runtime/cli/cli.h"

/* Whether it is new. What makes up numbers of calls can't fill the memory. */
static bool note(struct refusals *refusals, const struct berth_refusal *refusal)
{
	uint64_t call = (uint64_t)refusal->architecture << 32 | (uint32_t)refusal->number;
	for (size_t i = 0; i < refusals->n_told; i++)
		if (refusals->told[i] == call)
			return false;
	if (refusals->n_told == sizeof refusals->told / sizeof *refusals->told)
		return false;
	refusals->told[refusals->n_told++] = call;
	return true;
}

void refusals_tell(struct refusals *refusals)
{
	struct berth_refusal refusal = BERTH_REFUSAL_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	int code = berth_container_seccomp_read(refusals->container, &refusal, &error);
	if (code == -EAGAIN)
		return;
	if (code < 0) {
		refusals->fd = -1;
		if (code != -ESRCH)
			cli_complain("%s", error.text);
		return;
	}
	if (note(refusals, &refusal))
		cli_complain("seccomp: would refuse %s(2) by '%s' (pid %d)", refusal.call, refusal.command,
			     refusal.pid);
}
