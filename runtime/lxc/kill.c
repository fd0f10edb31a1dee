/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "runtime/lxc/commands.h"
#include "runtime/lxc/one.h"

struct kill {
	struct tool tool;
	int signal;
	bool given;
};

/* "15", "TERM", "SIGTERM"; 0 for what is none. */
static int signal_parse(const char *text)
{
	uint64_t number;
	if (tool_parse_number(text, 64, &number))
		return (int)number;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int signal = 1; signal < 32; signal++) {
		const char *name = sigabbrev_np(signal);
		if (name && strcasecmp(text, name) == 0)
			return signal;
	}
	return 0;
}

static int parse(int key, char *argument, struct args_state *state)
{
	struct kill *kill = state->input;
	if (key != ARGS_WORD || kill->given)
		return ARGS_UNKNOWN;
	kill->given = true;
	kill->signal = signal_parse(argument);
	if (!kill->signal)
		tool_misuse(state, "'%s' is no signal", argument);
	return 0;
}

int lxc_kill(int argc, char **argv)
{
	static const struct args args = {
		NULL, parse, "[SIGNAL]",
		"Send a container's command a signal, by default SIGKILL, which kills the container.", NULL};
	cleanup_berth struct berth *berth = NULL;
	cleanup_container struct berth_container *container = NULL;
	struct kill kill = {.tool = TOOL_INIT(TOOL_NAME_NEEDED), .signal = SIGKILL};
	struct berth_error error = BERTH_ERROR_INIT;

	tool_parse(&kill.tool, &args, argc, argv);
	container = one_find(&kill.tool, &berth);
	if (!container)
		return TOOL_FAILED;
	return berth_container_signal(container, kill.signal, &error) < 0 ? tool_fail(&kill.tool, &error) : 0;
}
