/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "runtime/lxc/commands.h"
#include "runtime/lxc/one.h"

enum { LOOK_MS = 20, KEY_RCFILE = 0x100 };

struct wait {
	struct tool tool;
	char *states; /* "STOPPED|FROZEN" */
	bool bounded;
	uint64_t timeout_s;
};

static const struct args_option options[] = {
	{"state", 's', "STATE", 0, "STOPPED, STARTING, RUNNING, FROZEN, STOPPING, or several with | between them", 0},
	{"timeout", 't', "SECONDS", 0, "Wait no longer than that; -1: for ever", 0},
	{"rcfile", KEY_RCFILE, "FILE", ARGS_HIDDEN, NULL, 0},
	{0},
};

/* Each of the states must be one that berth's containers have: waiting for another would be for ever. */
static void states_check(const char *states, const struct args_state *state)
{
	static const char *const known[] = {"STOPPED", "STARTING", "RUNNING", "FROZEN", "STOPPING"};
	for (const char *word = states;; word++) {
		size_t length = strcspn(word, "|");
		bool found = false;
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			found |= strlen(known[i]) == length && strncasecmp(word, known[i], length) == 0;
		if (!found)
			tool_misuse(state, "'%.*s' is no state that a container of berth can have", (int)length, word);
		word += length;
		if (!*word)
			return;
	}
}

static int parse(int key, char *argument, struct args_state *state)
{
	struct wait *wait = state->input;
	switch (key) {
	case 's':
		states_check(argument, state);
		wait->states = argument;
		return 0;
	case 't':
		wait->bounded = strcmp(argument, "-1") != 0;
		if (wait->bounded && !tool_parse_number(argument, 1000000000, &wait->timeout_s))
			tool_misuse(state, "'%s' is no number of seconds", argument);
		return 0;
	case KEY_RCFILE:
		tool_refuse(state, "--rcfile", "nothing is configured about waiting");
	case ARGS_END:
		if (!wait->states)
			tool_misuse(state, "no state to wait for was given: use -s STATE");
		return 0;
	default:
		return ARGS_UNKNOWN;
	}
}

static bool is_among(const char *states, const char *state)
{
	size_t length = strlen(state);
	for (const char *word = states; *word; word += *word == '|') {
		size_t n = strcspn(word, "|");
		if (n == length && strncasecmp(word, state, n) == 0)
			return true;
		word += n;
	}
	return false;
}

int lxc_wait(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "",
		"Wait until a container is in one of the given states."
		"\v"
		"Exits with 0 when it is, 1 when the time is up. A container that isn't there is STOPPED.",
		NULL};
	cleanup_berth struct berth *berth = NULL;
	struct wait wait = {.tool = TOOL_INIT(TOOL_NAME_NEEDED)};
	struct berth_error error = BERTH_ERROR_INIT;

	tool_parse(&wait.tool, &args, argc, argv);
	uint64_t deadline = tool_clock_ms() + wait.timeout_s * 1000;
	if (tool_open(&wait.tool, &berth, &error) < 0)
		return tool_fail(&wait.tool, &error);
	for (;;) {
		cleanup_container struct berth_container *container = NULL;
		int code = berth_container_find(berth, wait.tool.name, &container, &error);
		if (code < 0 && code != -ENOENT)
			return tool_fail(&wait.tool, &error);
		if (is_among(wait.states, tool_state_name(container)))
			return 0;
		if (wait.bounded && tool_clock_ms() >= deadline)
			return TOOL_FAILED;
		/* An end is an event; that a name appears, or a container freezes, is none. */
		struct pollfd ended = {.fd = container ? berth_container_pidfd(container) : -1, .events = POLLIN};
		if (poll(&ended, 1, LOOK_MS) == 1)
			poll(NULL, 0, 1); /* until its owner has cleared up */
	}
}
