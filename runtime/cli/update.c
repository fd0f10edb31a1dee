/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/resource_options.h"

struct update_input {
	struct cli_words names;
	struct berth_resources resources;
	struct resource_input resource_input;
	struct error error;
};

static const struct argp_option options[] = {CLI_HELP_OPTION, {0}};

static bool changes_nothing(const struct berth_resources *resources)
{
	static const struct berth_resources unchanged = BERTH_RESOURCES_INIT;
	return memcmp(resources, &unchanged, sizeof(unchanged)) == 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct update_input *input = state->input;

	(void)argument;
	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = &input->resource_input;
		return 0;
	}
	error_t result = cli_words_parse(key, state, &input->names, &input->error);
	if (key == ARGP_KEY_END && result == 0 && changes_nothing(&input->resources))
		return -error_set(&input->error, EINVAL, "no limit given; try `%s --help'", state->name);
	return result;
}

static int update_one(struct berth_container *container, void *data, struct berth_error *error)
{
	return berth_container_update(container, data, error);
}

int cli_update(int argc, char **argv)
{
	static const struct argp_child children[] = {{&resource_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {options,
					 parse,
					 "NAME",
					 "Change the limits of a running container. What is not named stays as it is."
					 "\v"
					 "Examples:\n"
					 "  berth update web -c 2\n"
					 "  berth update web -m 512M --pids 100\n"
					 "  berth update web --cpu-limit unlimited",
					 children,
					 NULL,
					 NULL};
	struct update_input input = {
		.names = {.what = "container", .minimum = 1, .maximum = 1},
	};

	/* Padding included, for the comparison. */
	memset(&input.resources, 0, sizeof(input.resources));
	input.resources.size = sizeof(input.resources);
	input.resource_input = (struct resource_input){&input.resources, &input.error};
	if (cli_parse(&argp, argc, argv, -1, &input, &input.error) < 0)
		return ERROR_STATUS_FAILED;
	return cli_each(&input.names, update_one, &input.resources);
}
