/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "runtime/cli/cli.h"

static int wait_one(struct berth_container *container, void *data, struct berth_error *error)
{
	struct berth_end end = BERTH_END_INIT;
	int result = berth_container_wait(container, -1, &end, error);
	(void)data;
	if (result < 0)
		return result;
	printf("%d\n", berth_end_status(&end));
	fflush(stdout);
	return 0;
}

int cli_wait(int argc, char **argv)
{
	struct cli_words names = {.what = "container", .minimum = 1, .maximum = argc};
	if (cli_parse_words(
		    argc, argv, "NAME...",
		    "Wait for containers to end, and print the exit status of each, one a line."
		    "\v"
		    "The status is what `berth run' would have exited with: the command's own, 128+N for signal N, "
		    "124 for a time limit. berth wait itself exits with 0 then. A container that ended before "
		    "is answered at once as long as its record is kept (see `berth rm').\n"
		    "\n"
		    "Example:\n"
		    "  berth run -d -n job -- make check; test \"$(berth wait job)\" = 0 && berth rm job",
		    &names) < 0)
		return ERROR_STATUS_FAILED;
	return cli_each(&names, wait_one, NULL);
}
