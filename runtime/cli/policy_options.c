/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/policy_options.h"

#include <errno.h>
#include <limits.h>

#include "runtime/cli/cli.h"
#include "runtime/parse.h"

enum { KEY_GRACE = CLI_LONG_OPTION + 0x200, KEY_LENIENT, KEY_RESERVE, KEY_PRESSURE, KEY_FREEZE };

static const struct args_option options[] = {
	{NULL, 0, NULL, 0, "When the memory limit is lowered below what is in use:", POLICY_GROUP},
	{"mem-grace", KEY_GRACE, "DUR", 0,
	 "How long the memory may take to fit before the container is killed; default 10s, 0 for one try", 0},
	{"mem-lenient", KEY_LENIENT, "DUR", 0,
	 "How long at the most while the host has memory to spare; default: no longer", 0},
	{"mem-reserve", KEY_RESERVE, "SIZE", 0,
	 "What the host must have available for that; default an eighth of its memory", 0},
	{"mem-pressure", KEY_PRESSURE, "PERCENT", 0,
	 "And how much of its time may go to waiting for memory (PSI); default 10", 0},
	{"mem-freeze", KEY_FREEZE, NULL, 0, "Freeze the container while its memory is reclaimed", 0},
	{0},
};

static int milliseconds_parse(const char *text, int *milliseconds, struct error *error)
{
	uint64_t ns;
	int result = parse_duration(text, &ns, error);
	if (result == 0 && ns / 1000000 > INT_MAX)
		result = error_set(error, ERANGE, "'%s' is too long: expected 24 days at the most", text);
	if (result == 0)
		*milliseconds = (int)((ns + 999999) / 1000000);
	return result;
}

static int parse(int key, char *argument, struct args_state *state)
{
	const struct policy_input *input = state->input;
	struct error *error = input->error;
	struct berth_memory_policy *policy = input->policy;
	uint64_t number;
	int result;
	switch (key) {
	case KEY_GRACE:
		result = milliseconds_parse(argument, &policy->grace_ms, error);
		if (result == 0 && policy->grace_ms == 0)
			policy->grace_ms = BERTH_NO_GRACE;
		return cli_option_result(result, "--mem-grace", error);
	case KEY_LENIENT:
		return cli_option_result(milliseconds_parse(argument, &policy->lenient_ms, error), "--mem-lenient",
					 error);
	case KEY_RESERVE:
		return cli_option_result(parse_size(argument, &policy->reserve, error), "--mem-reserve", error);
	case KEY_PRESSURE:
		result = parse_number(argument, "percentage", 100, &number, error);
		if (result == 0)
			policy->pressure = (double)number;
		return cli_option_result(result, "--mem-pressure", error);
	case KEY_FREEZE:
		policy->freeze = true;
		return 0;
	default:
		return ARGS_UNKNOWN;
	}
}

const struct args policy_args = {options, parse, NULL, NULL, NULL};
