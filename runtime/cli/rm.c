/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "runtime/cli/cli.h"

struct rm_input {
	struct cli_words names;
	bool force;
	struct error error;
};

static const struct args_option options[] = {
	{"force", 'f', NULL, 0, "Kill those that run first", 0},
	CLI_HELP_OPTION,
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct rm_input *input = state->input;
	(void)argument;
	if (key != 'f')
		return cli_words_parse(key, state, &input->names, &input->error);
	input->force = true;
	return 0;
}

static int rm_one(struct berth_container *container, void *data, struct berth_error *error)
{
	const struct rm_input *input = data;
	struct berth_end end = BERTH_END_INIT;
	if (input->force) {
		int result = berth_container_kill(container, BERTH_KILLED, error);
		if (result == 0)
			result = berth_container_wait(container, -1, &end, error);
		if (result < 0)
			return result;
	}
	int result = berth_container_remove(container, error);
	/* Its launcher keeps no record: the name is free, which is what was asked for. */
	return input->force && result == -ENOENT ? 0 : result;
}

int cli_rm(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "NAME...",
		"Forget containers that have ended: their records are removed, their names are free."
		"\v"
		"Only detached containers leave a record. One that runs is refused without --force.\n"
		"\n"
		"Examples:\n"
		"  berth rm job\n"
		"  berth rm -f web",
		NULL};
	struct rm_input input = {.names = {.what = "container", .minimum = 1, .maximum = argc}};

	if (cli_parse(&args, argc, argv, false, &input, &input.error) < 0)
		return ERROR_STATUS_FAILED;
	return cli_each(&input.names, rm_one, &input);
}
