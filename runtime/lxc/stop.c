/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "runtime/lxc/commands.h"
#include "runtime/lxc/tool.h"

enum {
	GONE_MS = 10000, /* how long the end of a killed container is awaited */
	ONCE_MORE_MS = 200,
	LOOK_MS = 5,
	CLEAN_S = 60, /* --nokill's patience, as LXC's */
};

struct stop {
	struct tool tool;
	bool clean;   /* ask first: -t, --nokill */
	bool no_kill; /* and leave it at that */
	bool no_wait;
	uint64_t timeout_s;
};

enum { KEY_NOKILL = 0x100, KEY_NOLOCK, KEY_RCFILE };

static const struct args_option options[] = {
	{"kill", 'k', NULL, 0, "Kill it at once, which is the default", 0},
	{"timeout", 't', "SECONDS", 0, "Send SIGTERM first, and kill it when it is still there after that time", 0},
	{"nokill", KEY_NOKILL, NULL, 0, "Send SIGTERM, and never kill it", 0},
	{"nowait", 'W', NULL, 0, "Do not wait until it is gone", 0},
	{"reboot", 'r', NULL, ARGS_HIDDEN, NULL, 0},
	{"nolock", KEY_NOLOCK, NULL, ARGS_HIDDEN, NULL, 0},
	{"rcfile", KEY_RCFILE, "FILE", ARGS_HIDDEN, NULL, 0},
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct stop *stop = state->input;
	switch (key) {
	case 'k':
		stop->clean = false;
		return 0;
	case 't':
		if (!tool_parse_number(argument, 1000000, &stop->timeout_s))
			tool_misuse(state, "'%s' is no number of seconds", argument);
		stop->clean = true;
		return 0;
	case KEY_NOKILL:
		stop->clean = stop->no_kill = true;
		return 0;
	case 'W':
		stop->no_wait = true;
		return 0;
	case 'r':
		tool_refuse(state, "--reboot", "an executor's container is launched anew by its slave");
	case KEY_NOLOCK:
		tool_refuse(state, "--nolock", "there is no lock");
	case KEY_RCFILE:
		tool_refuse(state, "--rcfile", "nothing is configured about a stop");
	default:
		return ARGS_UNKNOWN;
	}
}

/* 0 when it is gone. */
static int clean_stop(const struct stop *stop, struct berth_container *container, struct berth_error *error)
{
	int code = berth_container_signal(container, SIGTERM, error);
	if (code == -ESRCH)
		return 0;
	if (code < 0 || (stop->no_kill && stop->no_wait))
		return code;
	return berth_container_wait(container, (int)(stop->timeout_s ? stop->timeout_s : CLEAN_S) * 1000, NULL, error);
}

static int kill_stop(const struct stop *stop, struct berth_container *container, struct berth_error *error)
{
	uint64_t deadline = tool_clock_ms() + GONE_MS;
	for (;;) {
		int code = berth_container_kill(container, BERTH_KILLED, error);
		if (code == 0 && stop->no_wait)
			return 0;
		if (code == 0)
			code = berth_container_wait(container, ONCE_MORE_MS, NULL, error);
		/* On its way up, with nothing to kill yet; its command may have spoken all the same. */
		if (code == -EAGAIN)
			poll(NULL, 0, LOOK_MS);
		else if (code != -ETIMEDOUT)
			return code;
		if (tool_clock_ms() >= deadline)
			return code;
	}
}

int lxc_stop(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "",
		"Kill a container, and return when nothing is left of it."
		"\v"
		"Exits with 0 when it is gone, 2 when there is none of this name, 1 when it could not "
		"be stopped. A container that was launched later than this command is not the one "
		"that was meant: it is left alone.",
		NULL};
	cleanup_berth struct berth *berth = NULL;
	cleanup_container struct berth_container *container = NULL;
	struct stop stop = {.tool = TOOL_INIT(TOOL_NAME_NEEDED)};
	struct berth_error error = BERTH_ERROR_INIT;
	uint64_t called_ns = tool_clock_real_ns();

	tool_parse(&stop.tool, &args, argc, argv);
	if (tool_open(&stop.tool, &berth, &error) < 0) {
		/* What mesos-launcher does at its end, inside and as the framework's user. */
		tool_log(&stop.tool, LEVEL_ERROR,
			 "'%s' can't be stopped from here: only root does that, and from outside of containers (%s)",
			 stop.tool.name, error.text);
		return TOOL_FAILED;
	}
	/* A kill goes on until it has hit; a signal is for a command that is there. */
	int code = stop.clean ? tool_find(&stop.tool, berth, &container, &error)
			      : berth_container_find(berth, stop.tool.name, &container, &error);
	if (code == -ENOENT || (code == 0 && berth_container_started(container) > called_ns)) {
		tool_log(&stop.tool, LEVEL_ERROR, "'%s' is not running", stop.tool.name);
		return TOOL_NOT_RUNNING;
	}
	if (code == 0)
		code = stop.clean ? clean_stop(&stop, container, &error) : -ETIMEDOUT;
	if (code == -ETIMEDOUT && !stop.no_kill)
		code = kill_stop(&stop, container, &error);
	if (code < 0)
		return tool_fail(&stop.tool, &error);
	tool_log(&stop.tool, LEVEL_INFO, "stopped");
	return 0;
}
