/* SPDX-License-Identifier: Apache-2.0 */
/* berth pause and berth resume. */
#include "runtime/cli/cli.h"

static int pause_one(struct berth_container *container, void *data, struct berth_error *error)
{
	(void)data;
	return berth_container_pause(container, error);
}

static int resume_one(struct berth_container *container, void *data, struct berth_error *error)
{
	(void)data;
	return berth_container_resume(container, error);
}

int cli_pause(int argc, char **argv)
{
	struct cli_words names = {.what = "container", .minimum = 1, .maximum = argc};
	if (cli_parse_words(argc, argv, "NAME...",
			    "Freeze every process of the containers; returns when they stand still."
			    "\v"
			    "They keep their memory, and can be killed while frozen.\n"
			    "\n"
			    "Example:\n"
			    "  berth pause web && sleep 10 && berth resume web",
			    &names) < 0)
		return ERROR_STATUS_FAILED;
	return cli_each(&names, pause_one, NULL);
}

int cli_resume(int argc, char **argv)
{
	struct cli_words names = {.what = "container", .minimum = 1, .maximum = argc};
	if (cli_parse_words(argc, argv, "NAME...",
			    "Thaw the containers that `berth pause' froze."
			    "\v"
			    "Example:\n"
			    "  berth resume web",
			    &names) < 0)
		return ERROR_STATUS_FAILED;
	return cli_each(&names, resume_one, NULL);
}
