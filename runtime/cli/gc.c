/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "runtime/cli/cli.h"

struct gc_input {
	struct cli_words none;
	bool kill;
	const char *cgroup_parent;
	struct error error;
};

enum { KEY_KILL = CLI_LONG_OPTION, KEY_CGROUP_PARENT };

static const struct args_option options[] = {
	{"kill", KEY_KILL, NULL, 0, "Also kill and remove running containers whose launcher has died", 0},
	{"cgroup-parent", KEY_CGROUP_PARENT, "PATH", 0, "Where to look for empty cgroup directories; default: berth",
	 0},
	CLI_HELP_OPTION,
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct gc_input *input = state->input;
	switch (key) {
	case KEY_KILL:
		input->kill = true;
		return 0;
	case KEY_CGROUP_PARENT:
		input->cgroup_parent = argument;
		return 0;
	default:
		return cli_words_parse(key, state, &input->none, &input->error);
	}
}

int cli_gc(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "",
		"Remove what dead launchers left behind: containers that ended or were never "
		"finished, state, empty cgroup directories."
		"\v"
		"What a living launcher owns, and records that a detached container's monitor left in "
		"good order, stay.\n"
		"\n"
		"Example:\n"
		"  berth gc --kill",
		NULL};
	cleanup_berth struct berth *berth = NULL;
	struct gc_input input = {.none = {.what = "argument"}};
	struct berth_error error = BERTH_ERROR_INIT;

	if (cli_parse(&args, argc, argv, false, &input, &input.error) < 0)
		return ERROR_STATUS_FAILED;
	if (cli_open(&berth, &error) < 0)
		return cli_fail(&error);
	ssize_t removed = berth_collect(berth, input.cgroup_parent, input.kill, &error);
	if (removed < 0)
		return cli_fail(&error);
	printf("removed %zd container%s\n", removed, removed == 1 ? "" : "s");
	return 0;
}
