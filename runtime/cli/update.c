/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/format.h"
#include "runtime/cli/resource_options.h"

struct update_input {
	struct cli_words names;
	bool wait;
	struct berth_resources resources;
	struct resource_input resource_input;
	struct error error;
};

enum { KEY_WAIT = CLI_LONG_OPTION };

static const struct args_option options[] = {
	{"wait", KEY_WAIT, NULL, 0, "With --mem: return when the limit is in force, telling how it gets on", 0},
	CLI_HELP_OPTION,
	{0},
};

static bool changes_nothing(const struct berth_resources *r)
{
	return r->cpus == 0 && !r->cpu_shares && r->cpu_limit == 0 && !r->cpuset && !r->memory && !r->swap && !r->pids;
}

static int parse(int key, char *argument, struct args_state *state)
{
	struct update_input *input = state->input;
	(void)argument;
	if (key == KEY_WAIT) {
		input->wait = true;
		return 0;
	}
	int result = cli_words_parse(key, state, &input->names, &input->error);
	if (key == ARGS_END && result == 0 && changes_nothing(&input->resources))
		return -error_set(&input->error, EINVAL, "no limit given; try `%s --help'", state->name);
	if (key == ARGS_END && result == 0 && input->wait && !input->resources.memory)
		return -error_set(&input->error, EINVAL, "--wait goes with --mem; try `%s --help'", state->name);
	return result;
}

static void tell(const struct berth_scale *scale, void *data)
{
	char usage[FORMAT_SIZE], target[FORMAT_SIZE];
	(void)data;
	format_bytes(scale->usage, usage);
	format_bytes(scale->target, target);
	fprintf(stderr, "%s in use, to be %s, after %.1f s%s\n", usage, target, (double)scale->elapsed_ms / 1000,
		scale->lenient ? ", while the host has memory to spare" : "");
}

static int update_one(struct berth_container *container, void *data, struct berth_error *error)
{
	const struct update_input *input = data;
	struct berth_resources resources = input->resources;
	if (!input->wait)
		return berth_container_update(container, &resources, error);
	/* All but the memory limit first: that one takes its time. */
	resources.memory = 0;
	int result = changes_nothing(&resources) ? 0 : berth_container_update(container, &resources, error);
	return result < 0 ? result : berth_container_scale(container, input->resources.memory, tell, NULL, error);
}

int cli_update(int argc, char **argv)
{
	struct update_input input = {
		.names = {.what = "container", .minimum = 1, .maximum = 1},
	};
	const struct args_part parts[] = {{&resource_args, &input.resource_input}, {0}};
	const struct args args = {options, parse, "NAME",
				  "Change the limits of a running container. What is not named stays as it is."
				  "\v"
				  "Examples:\n"
				  "  berth update web -c 2\n"
				  "  berth update web -m 512M --pids 100\n"
				  "  berth update web -m 256M --wait\n"
				  "  berth update web --cpu-limit unlimited",
				  parts};

	input.resources = (struct berth_resources)BERTH_RESOURCES_INIT;
	input.resource_input = (struct resource_input){&input.resources, &input.error};
	if (cli_parse(&args, argc, argv, false, &input, &input.error) < 0)
		return ERROR_STATUS_FAILED;
	return cli_each(&input.names, update_one, &input);
}
