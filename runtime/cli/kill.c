/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "runtime/cli/cli.h"
#include "runtime/parse.h"

static int kill_one(struct berth_container *container, void *data, struct berth_error *error)
{
	const int *signal = data;
	/* SIGKILL is for all of it, and the reason is recorded. */
	if (*signal != SIGKILL)
		return berth_container_signal(container, *signal, error);
	if (berth_container_state(container) == BERTH_ENDED) {
		snprintf(error->text, sizeof(error->text), "container '%.200s' has ended",
			 berth_container_name(container));
		error->code = ESRCH;
		error->exit_status = ERROR_STATUS_FAILED;
		return -ESRCH;
	}
	return berth_container_kill(container, BERTH_KILLED, error);
}

int cli_kill(int argc, char **argv)
{
	struct cli_words words = {.what = "argument", .minimum = 1, .maximum = 2};
	struct error error = {0};
	int signal = SIGKILL;
	if (cli_parse_words(argc, argv, "NAME [SIGNAL]",
			    "Kill every process of a container (SIGKILL), or send its command another signal."
			    "\v"
			    "SIGNAL is a name, with or without SIG, or a number: TERM, SIGUSR1, RTMIN+1, 15.\n"
			    "\n"
			    "Examples:\n"
			    "  berth kill web\n"
			    "  berth kill web HUP",
			    &words) < 0)
		return ERROR_STATUS_FAILED;
	if (words.n == 2 && parse_signal(words.words[1], &signal, &error) < 0) {
		cli_complain("%s", error.text);
		return ERROR_STATUS_FAILED;
	}
	words.n = 1;
	return cli_each(&words, kill_one, &signal);
}
