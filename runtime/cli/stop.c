/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <signal.h>

#include "runtime/cli/cli.h"
#include "runtime/parse.h"

struct stop_input {
	struct cli_words names;
	uint64_t patience_ns;
	struct error error;
};

enum { KEY_TIME = 't' };

static const struct args_option options[] = {
	{"time", KEY_TIME, "DUR", 0, "How long to wait before it is killed: 10 (default), 500ms, 2m; 0: at once", 0},
	CLI_HELP_OPTION,
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct stop_input *input = state->input;
	if (key != KEY_TIME)
		return cli_words_parse(key, state, &input->names, &input->error);
	return cli_option_result(parse_duration(argument, &input->patience_ns, &input->error), "--time", &input->error);
}

static int stop_one(struct berth_container *container, void *data, struct berth_error *error)
{
	const struct stop_input *input = data;
	struct berth_end end = BERTH_END_INIT;
	uint64_t patience_ms = input->patience_ns / 1000000;
	int result = berth_container_signal(container, SIGTERM, error);
	if (result < 0 && result != -ESRCH)
		return result;
	result = berth_container_wait(container, patience_ms > INT_MAX ? INT_MAX : (int)patience_ms, &end, error);
	if (result != -ETIMEDOUT)
		return result;
	result = berth_container_kill(container, BERTH_KILLED, error);
	return result < 0 ? result : berth_container_wait(container, -1, &end, error);
}

int cli_stop(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "NAME...",
		"Ask containers to end with SIGTERM, and kill those that have not within a while; "
		"returns when they have ended."
		"\v"
		"A container that has ended already is no error. Its record stays: see `berth rm'.\n"
		"\n"
		"Example:\n"
		"  berth stop --time 30 web",
		NULL};
	struct stop_input input = {
		.names = {.what = "container", .minimum = 1, .maximum = argc},
		.patience_ns = UINT64_C(10000000000),
	};

	if (cli_parse(&args, argc, argv, false, &input, &input.error) < 0)
		return ERROR_STATUS_FAILED;
	return cli_each(&input.names, stop_one, &input);
}
