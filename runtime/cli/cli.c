/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/text.h"

static void complain(const char *format, va_list arguments, const char *tail)
{
	cleanup_free char *text = NULL, *line = NULL;
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	cleanup_free char *visible = text ? text_visible(text) : NULL;
	/* What was asked for comes first, also where both go to one terminal or file. */
	fflush(stdout);
	/* In one write, so that it stays one line where several programs share the file. */
	if (asprintf(&line, "%s: %s%s\n", program_invocation_name, visible ? visible : "out of memory", tail) < 0)
		line = NULL;
	fputs(line ? line : "out of memory\n", stderr);
}

void cli_complain(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	complain(format, arguments, "");
	va_end(arguments);
}

int cli_fail(const struct berth_error *error)
{
	cli_complain("%s", error->text);
	return error->exit_status ? error->exit_status : ERROR_STATUS_FAILED;
}

int cli_misuse(const char *format, ...)
{
	char hint[64];
	va_list arguments;
	snprintf(hint, sizeof(hint), "; try `%s --help'", program_invocation_name);
	va_start(arguments, format);
	complain(format, arguments, hint);
	va_end(arguments);
	return ERROR_STATUS_FAILED;
}

int cli_finish(int status)
{
	/* Why an earlier write failed is not known any more. */
	bool failed_before = ferror(stdout);
	errno = 0;
	if (fflush(stdout) == 0 && !failed_before)
		return status;
	cli_complain("write to standard output%s%s", errno ? ": " : " failed", errno ? strerror(errno) : "");
	return status ? status : ERROR_STATUS_FAILED;
}

void cli_help(const struct args_state *state)
{
	args_help(state, stdout);
	exit(cli_finish(EXIT_SUCCESS));
}

/* ---- Arguments ---- */

static void misuse(const struct args_state *state, const char *sentence)
{
	(void)state;
	cli_misuse("%s", sentence);
}

int cli_parse(const struct args *args, int argc, char **argv, bool command_follows, void *input, struct error *error)
{
	int result = args_parse(args, argc, argv, command_follows, input, misuse);
	if (result > 0)
		cli_complain("%s", error->text[0] ? error->text : strerror(result));
	return result == 0 ? 0 : -1;
}

int cli_words_parse(int key, struct args_state *state, struct cli_words *words, struct error *error)
{
	switch (key) {
	case CLI_HELP_KEY:
		cli_help(state);
	case ARGS_WORDS:
		words->words = state->argv + state->next;
		words->n = state->argc - state->next;
		state->next = state->argc;
		if (words->n > words->maximum)
			return -error_set(error, EINVAL, "'%s' is one %s too many; try `%s --help'",
					  words->words[words->maximum], words->what, state->name);
		return 0;
	case ARGS_END:
		if (words->n < words->minimum)
			return -error_set(error, EINVAL, "no %s given; try `%s --help'", words->what, state->name);
		return 0;
	default:
		return ARGS_UNKNOWN;
	}
}

struct words_input {
	struct cli_words *words;
	struct error error;
};

static int words_only_parse(int key, char *argument, struct args_state *state)
{
	struct words_input *input = state->input;
	(void)argument;
	return cli_words_parse(key, state, input->words, &input->error);
}

int cli_parse_words(int argc, char **argv, const char *synopsis, const char *doc, struct cli_words *words)
{
	static const struct args_option options[] = {CLI_HELP_OPTION, {0}};
	struct words_input input = {.words = words};
	struct args args = {options, words_only_parse, synopsis, doc, NULL};
	return cli_parse(&args, argc, argv, false, &input, &input.error);
}

int cli_option_result(int result, const char *option, struct error *error)
{
	if (result < 0)
		error_wrap(error, "%s", option);
	return -result;
}

void *cli_append(void *array, size_t *n, size_t size, struct error *error)
{
	void **items = array;
	char *grown = reallocarray(*items, *n + 2, size);

	if (!grown) {
		error_errno(error, ENOMEM, "parse the options");
		return NULL;
	}
	*items = grown;
	/* One more, so that arrays of pointers end in NULL. */
	memset(grown + *n * size, 0, 2 * size);
	return grown + (*n)++ * size;
}

int cli_env_add(const char ***env, size_t *n, const char *argument, struct error *error)
{
	if (!*argument || *argument == '=')
		return error_set(error, EINVAL, "'%s' is not a variable: expected NAME=VALUE or NAME", argument);
	const char **slot = cli_append(env, n, sizeof(*slot), error);
	if (!slot)
		return -ENOMEM;
	*slot = argument;
	return 0;
}

/* ---- Containers ---- */

int cli_open(struct berth **berth, struct berth_error *error)
{
	int result = berth_open(NULL, berth, error);
	if ((result == -EACCES || result == -EPERM) && geteuid() != 0) {
		size_t used = strlen(error->text);
		snprintf(error->text + used, sizeof(error->text) - used,
			 "; an ordinary user's state is in $XDG_RUNTIME_DIR/berth, unless BERTH_STATE_ROOT is set");
	}
	return result;
}

int cli_find(struct berth *berth, const char *name, struct berth_container **container, struct berth_error *error)
{
	int result = berth_container_find(berth, name, container, error);
	if (result == -ENOENT)
		snprintf(error->text, sizeof(error->text), "no container named '%.200s%s'; `berth ps -a` lists them",
			 name, strlen(name) > 200 ? "..." : "");
	return result;
}

int cli_each(const struct cli_words *names,
	     int (*act)(struct berth_container *container, void *data, struct berth_error *error), void *data)
{
	cleanup_berth struct berth *berth = NULL;
	struct berth_error error = BERTH_ERROR_INIT;
	int status = 0;
	if (cli_open(&berth, &error) < 0)
		return cli_fail(&error);
	for (int i = 0; i < names->n; i++) {
		cleanup_container struct berth_container *container = NULL;
		if (cli_find(berth, names->words[i], &container, &error) < 0 || act(container, data, &error) < 0)
			status = cli_fail(&error);
	}
	return status;
}

int cli_print_json(json_t *json)
{
	int result = json ? json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) : -1;
	json_decref(json);
	if (result < 0) {
		cli_complain("write JSON to standard output: %s", strerror(errno ? errno : ENOMEM));
		return ERROR_STATUS_FAILED;
	}
	putchar('\n');
	return 0;
}

json_t *cli_json_limit(uint64_t value)
{
	return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}
