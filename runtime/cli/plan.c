/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/run_options.h"
#include "runtime/cli/tty.h"

int cli_plan(int argc, char **argv)
{
	cleanup_run_options struct run_options options;
	cleanup_berth struct berth *berth = NULL;
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_options *launch;
	if (run_options_parse(argc, argv, true, &options) < 0)
		return ERROR_STATUS_FAILED;
	launch = &options.launch;
	launch->flags |= options.detach ? BERTH_KEEP_RECORD : BERTH_DIE_WITH_THREAD;
	if (launch->flags & BERTH_TTY)
		tty_size(&launch->tty_rows, &launch->tty_columns);
	if (cli_open(&berth, &error) < 0 || berth_plan(berth, launch, options.json, stdout, &error) < 0)
		return cli_fail(&error);
	return 0;
}
