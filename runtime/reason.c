/* SPDX-License-Identifier: Apache-2.0 */
/* How a container ended: one reason, concluded from what is known. Pure. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/container.h"

const char *berth_reason_name(enum berth_reason reason)
{
	static const char *const names[] = {
		[BERTH_EXITED] = "exited",
		[BERTH_SIGNALED] = "signaled",
		[BERTH_OUT_OF_MEMORY] = "out-of-memory",
		[BERTH_SCALE_DOWN] = "scale-down-failed",
		[BERTH_KILLED] = "killed",
		[BERTH_TIMEOUT] = "timeout",
		[BERTH_LOST] = "lost",
	};
	return reason >= BERTH_EXITED && reason <= BERTH_LOST ? names[reason] : "unknown";
}

int berth_end_status(const struct berth_end *end)
{
	switch (end->reason) {
	case BERTH_EXITED:
		return end->code;
	case BERTH_TIMEOUT:
		return 124; /* as timeout(1) */
	default:
		return 128 + end->code;
	}
}

void bytes_format(uint64_t bytes, char *buffer, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	if (bytes == BERTH_UNLIMITED) {
		snprintf(buffer, size, "none");
		return;
	}
	double value = (double)bytes;
	size_t unit = 0;
	for (; value >= 1024 && unit < sizeof units / sizeof *units - 1; unit++)
		value /= 1024;
	snprintf(buffer, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void say_memory(const struct evidence *evidence, struct berth_end *end, const char *what)
{
	char limit[32], target[32], peak[32];
	bytes_format(end->memory_limit, limit, sizeof limit);
	bytes_format(evidence->scale_target, target, sizeof target);
	bytes_format(end->memory_peak, peak, sizeof peak);
	snprintf(end->text, sizeof end->text, "%s: limit %s%s%s, peak %s, %" PRIu64 " process%s killed", what, limit,
		 evidence->scale_target ? " on its way down to " : "", evidence->scale_target ? target : "", peak,
		 end->oom_kills, end->oom_kills == 1 ? "" : "es");
}

/* It grew while it was to shrink: the limit that it hit was the usage, and none that anybody has set. */
static void say_scale_down(const struct evidence *evidence, struct berth_end *end)
{
	char used[32], target[32];
	bytes_format(end->memory_limit, used, sizeof used);
	bytes_format(evidence->scale_target, target, sizeof target);
	snprintf(end->text, sizeof end->text,
		 "memory scale-down failed: %s in use, and more was asked for, did not fit the new limit of %s within "
		 "%.1f s",
		 used, target, (double)evidence->scale_ms / 1000);
}

/* Killed on request, or by the kernel for memory: which of the two, when SIGKILL was what ended it. */
static void conclude_killed(const struct evidence *evidence, struct berth_end *end)
{
	end->code = SIGKILL;
	switch ((enum berth_reason)evidence->requested) {
	case BERTH_KILLED:
		end->reason = BERTH_KILLED;
		snprintf(end->text, sizeof end->text, "killed on request");
		return;
	case BERTH_TIMEOUT:
		end->reason = BERTH_TIMEOUT;
		snprintf(end->text, sizeof end->text, "killed: its time was up");
		return;
	case BERTH_SCALE_DOWN:
		end->reason = BERTH_SCALE_DOWN;
		snprintf(end->text, sizeof end->text, "%s", evidence->detail);
		return;
	default:
		break;
	}
	if (evidence->oom_kills && evidence->scale_target) {
		end->reason = BERTH_SCALE_DOWN;
		say_scale_down(evidence, end);
		return;
	}
	if (evidence->oom_kills) {
		end->reason = BERTH_OUT_OF_MEMORY;
		say_memory(evidence, end, "out of memory");
		return;
	}
	end->reason = BERTH_SIGNALED;
	snprintf(end->text, sizeof end->text, "killed by signal %d (%s)", SIGKILL, sigdescr_np(SIGKILL));
}

static void conclude_status(int status, const struct evidence *evidence, struct berth_end *end)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		conclude_killed(evidence, end);
		return;
	}
	if (WIFSIGNALED(status)) {
		const char *description = sigdescr_np(WTERMSIG(status));
		end->reason = BERTH_SIGNALED;
		end->code = WTERMSIG(status);
		snprintf(end->text, sizeof end->text, "killed by signal %d (%s)", end->code,
			 description ? description : "real-time signal");
		return;
	}
	end->reason = BERTH_EXITED;
	end->code = WEXITSTATUS(status);
	snprintf(end->text, sizeof end->text, "exited %d", end->code);
	if (end->oom_kills) {
		char sentence[64];
		snprintf(sentence, sizeof sentence, "exited %d after running out of memory", end->code);
		say_memory(evidence, end, sentence);
	}
}

int evidence_status(const struct evidence *evidence)
{
	/* What init recorded is the command's very own end. Else the command was PID 1; or init was killed, and with it
	 * everything inside, before the command had ended. */
	return evidence->command_status >= 0 ? evidence->command_status : evidence->wait_status;
}

void end_conclude(const struct evidence *evidence, struct berth_end *end)
{
	int status = evidence_status(evidence);
	end->oom_kills = evidence->oom_kills;
	if (status >= 0) {
		conclude_status(status, evidence, end);
		return;
	}
	if (evidence->requested || evidence->oom_kills || !evidence->no_init) {
		/* Init records every end but a SIGKILL of its own. */
		conclude_killed(evidence, end);
		return;
	}
	end->reason = BERTH_LOST;
	end->code = SIGKILL;
	snprintf(end->text, sizeof end->text,
		 "it is gone, and nobody saw how: its owner had ended, and it ran without init");
}
