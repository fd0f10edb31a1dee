/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "runtime/cli/cli.h"

static int inspect(struct berth_container *container, void *data, struct berth_error *error)
{
	(void)data;
	return berth_container_inspect(container, stdout, error);
}

int cli_inspect(int argc, char **argv)
{
	struct cli_words names = {.what = "container", .minimum = 1, .maximum = 1};
	if (cli_parse_words(argc, argv, "NAME",
			    "Print everything known of a container as one JSON object: state, pid, start time, root, "
			    "cgroup paths, options, fallbacks taken, and, once it has ended, how."
			    "\v"
			    "Example:\n"
			    "  berth inspect web | jq .pid",
			    &names) < 0)
		return ERROR_STATUS_FAILED;
	return cli_each(&names, inspect, NULL);
}
