/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/foreground.h"
#include "runtime/cli/tty.h"

struct exec_input {
	const char *name;
	struct berth_exec_options options;
	const char **env;
	size_t n_env;
	struct error error;
};

enum { KEY_ENV_CLEAR = CLI_LONG_OPTION };

static const struct args_option options[] = {
	{"tty", 't', NULL, 0, "Give it a terminal", 0},
	{"interactive", 'i', NULL, 0, "Pass standard input on: always so, accepted for habit", 0},
	{"env", 'e', "NAME=VALUE", 0, "Set a variable, or pass the caller's own with NAME alone", 0},
	{"env-clear", KEY_ENV_CLEAR, NULL, 0, "Do not give it the container's environment", 0},
	{"workdir", 'w', "DIR", 0, "Directory inside to start in; default: the container's", 0},
	{"user", 'u', "UID[:GID]", 0, "User to run as, in numbers or names; default: the container's", 0},
	CLI_HELP_OPTION,
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct exec_input *input = state->input;
	switch (key) {
	case CLI_HELP_KEY:
		cli_help(state);
	case 't':
		input->options.flags |= BERTH_TTY;
		return 0;
	case 'i':
		return 0;
	case 'e':
		return cli_option_result(cli_env_add(&input->env, &input->n_env, argument, &input->error), "--env",
					 &input->error);
	case KEY_ENV_CLEAR:
		input->options.flags |= BERTH_ENV_CLEAR;
		return 0;
	case 'w':
		input->options.workdir = argument;
		return *argument == '/'
			       ? 0
			       : -error_set(&input->error, EINVAL, "--workdir: '%s' is not an absolute path", argument);
	case 'u':
		input->options.user = argument;
		return 0;
	case ARGS_WORD:
		if (!input->name) {
			input->name = argument;
			return 0;
		}
		input->options.argv = (const char *const *)(state->argv + state->next - 1);
		state->next = state->argc;
		return 0;
	case ARGS_END:
		if (input->options.argv)
			return 0;
		return -error_set(&input->error, EINVAL, "no %s given; try `%s --help'",
				  input->name ? "command" : "container", state->name);
	default:
		return ARGS_UNKNOWN;
	}
}

static int pass_signal(void *target, int signal, struct berth_error *error)
{
	return berth_process_signal(target, signal, error);
}

static void cleanup_process_(struct berth_process **process)
{
	berth_process_close(*process);
}

static int exec_inside(struct exec_input *input)
{
	cleanup_berth struct berth *berth = NULL;
	cleanup_container struct berth_container *container = NULL;
	__attribute__((cleanup(cleanup_process_))) struct berth_process *process = NULL;
	struct berth_error error = BERTH_ERROR_INIT;
	int status;

	input->options.env = input->env;
	input->options.flags |= BERTH_DIE_WITH_THREAD;
	if (input->options.flags & BERTH_TTY)
		tty_size(&input->options.tty_rows, &input->options.tty_columns);
	foreground_block_signals();
	if (cli_open(&berth, &error) < 0 || cli_find(berth, input->name, &container, &error) < 0 ||
	    berth_container_exec(container, &input->options, &process, &error) < 0)
		return cli_fail(&error);
	const struct foreground foreground = {
		.pidfd = berth_process_pidfd(process),
		.tty = berth_process_tty(process),
		.monitor = -1,
		.target = process,
		.signal = pass_signal,
	};
	if (foreground_run(&foreground, &error) < 0 || berth_process_wait(process, -1, &status, &error) < 0)
		return cli_fail(&error);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int cli_exec(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "NAME [--] COMMAND [ARG...]",
		"Run one more command inside a running container: in its namespaces, root and "
		"cgroups, under its limits."
		"\v"
		"Options stand before COMMAND; those behind it are the command's. The exit status "
		"is as that of `berth run'.\n"
		"\n"
		"Examples:\n"
		"  berth exec web ps aux\n"
		"  berth exec -t web -- bash -l",
		NULL};
	struct exec_input input = {.options = BERTH_EXEC_OPTIONS_INIT};
	int status = ERROR_STATUS_FAILED;

	if (cli_parse(&args, argc, argv, true, &input, &input.error) == 0)
		status = exec_inside(&input);
	free(input.env);
	return status;
}
