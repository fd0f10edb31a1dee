/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/resource_options.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "runtime/cli/cli.h"
#include "runtime/parse.h"

enum { KEY_CPU_LIMIT = CLI_LONG_OPTION + 0x100, KEY_CPUSET, KEY_SWAP, KEY_PIDS };

static const struct args_option options[] = {
	{NULL, 0, NULL, 0, "Resources:", RESOURCE_GROUP},
	{"cpus", 'c', "N", 0, "CPU share in CPUs, as 0.5: what it gets when others are busy too; alone it may use more",
	 0},
	{"cpu-limit", KEY_CPU_LIMIT, "N", 0, "Hard cap in CPUs, at least 0.01; 'unlimited' for none", 0},
	{"cpuset", KEY_CPUSET, "LIST", 0, "CPUs it may run on, as 0-3,7", 0},
	{"mem", 'm', "SIZE", 0, "Memory limit: 64M, 1.5G, bytes; 'unlimited' for none", 0},
	{"swap", KEY_SWAP, "SIZE", 0, "Swap beyond the memory limit, which it needs; 0 for none, or 'unlimited'", 0},
	{"pids", KEY_PIDS, "N", 0, "Most processes and threads at a time, berth's init included; 'unlimited' for none",
	 0},
	{0},
};

static bool is_unlimited(const char *text)
{
	return strcasecmp(text, "unlimited") == 0;
}

/* A limit in bytes above 0. */
static int limit_parse(const char *text, uint64_t *limit, struct error *error)
{
	uint64_t bytes;
	if (is_unlimited(text)) {
		*limit = BERTH_UNLIMITED;
		return 0;
	}
	int result = parse_size(text, &bytes, error);
	if (result < 0)
		return result;
	if (bytes == 0)
		return error_set(error, ERANGE, "'%s' is no limit to live with: expected a size above 0 or 'unlimited'",
				 text);
	*limit = bytes;
	return 0;
}

static int parse(int key, char *argument, struct args_state *state)
{
	const struct resource_input *input = state->input;
	struct error *error = input->error;
	struct berth_resources *resources = input->resources;
	uint64_t number;
	int result;
	switch (key) {
	case 'c':
		return cli_option_result(parse_cpus(argument, &resources->cpus, error), "--cpus", error);
	case KEY_CPU_LIMIT:
		if (is_unlimited(argument)) {
			resources->cpu_limit = BERTH_CPUS_UNLIMITED;
			return 0;
		}
		return cli_option_result(parse_cpus(argument, &resources->cpu_limit, error), "--cpu-limit", error);
	case KEY_CPUSET:
		resources->cpuset = argument;
		return cli_option_result(parse_cpu_list(argument, NULL, error), "--cpuset", error);
	case 'm':
		return cli_option_result(limit_parse(argument, &resources->memory, error), "--mem", error);
	case KEY_SWAP:
		if (is_unlimited(argument)) {
			resources->swap = BERTH_UNLIMITED;
			return 0;
		}
		result = parse_size(argument, &number, error);
		if (result == 0)
			resources->swap = number ? number : BERTH_NO_SWAP;
		return cli_option_result(result, "--swap", error);
	case KEY_PIDS:
		if (is_unlimited(argument)) {
			resources->pids = BERTH_UNLIMITED;
			return 0;
		}
		result = parse_number(argument, "number of processes", INT32_MAX, &number, error);
		if (result == 0 && number == 0)
			result = error_set(error, ERANGE, "'0' lets nothing run: expected a number above 0");
		if (result == 0)
			resources->pids = number;
		return cli_option_result(result, "--pids", error);
	default:
		return ARGS_UNKNOWN;
	}
}

const struct args resource_args = {options, parse, NULL, NULL, NULL};
