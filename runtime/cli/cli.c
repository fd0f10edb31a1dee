/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/format.h"

static void complain(const char *format, va_list arguments, const char *tail)
{
	cleanup_free char *text = NULL;
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	cleanup_free char *visible = text ? format_visible(text) : NULL;
	/* What was asked for comes first, also where both go to one terminal or file. */
	fflush(stdout);
	fprintf(stderr, "%s: %s%s\n", program_invocation_name, visible ? visible : "out of memory", tail);
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

void cli_help(const struct argp_state *state)
{
	argp_state_help(state, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG | ARGP_HELP_POST_DOC);
	exit(cli_finish(EXIT_SUCCESS));
}

/* ---- Arguments ---- */

struct long_options {
	struct option *options; /* ended by zeros */
	size_t n;
	char shorts[256]; /* begins with "-:": words are returned in place, a missing argument as ':' */
};

/* Adds the options of argp and of its children in the form of getopt_long. */
static int long_options_add(struct long_options *all, const struct argp *argp)
{
	for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++) {
		bool is_short = o->key > ' ' && o->key < 0x7f;
		if (is_short && strlen(all->shorts) + 3 < sizeof(all->shorts)) {
			char spec[] = {(char)o->key, o->arg ? ':' : '\0', '\0'};
			strcat(all->shorts, spec);
		}
		if (!o->name || (o->flags & OPTION_DOC))
			continue;
		struct option *grown = reallocarray(all->options, all->n + 2, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		all->options = grown;
		all->options[all->n++] = (struct option){
			.name = o->name, .has_arg = o->arg ? required_argument : no_argument, .val = o->key};
		all->options[all->n] = (struct option){0};
	}
	for (const struct argp_child *child = argp->children; child && child->argp; child++)
		if (long_options_add(all, child->argp) < 0)
			return -ENOMEM;
	return 0;
}

/* Whether "--word[=...]" abbreviates several options. */
static bool is_ambiguous(const struct long_options *all, const char *given)
{
	size_t length = strcspn(given, "=") - 2;
	int matches = 0;

	for (size_t i = 0; i < all->n; i++)
		matches += strncmp(all->options[i].name, given + 2, length) == 0;
	return matches > 1;
}

/*
 * Looks for options that argp would refuse, since argp tells of them in two lines of its own. Returns 0, or -1
 * after a complaint.
 */
static int options_check(const struct argp *argp, int argc, char **argv, int words_before_command)
{
	struct long_options all = {.shorts = "-:"};
	int words = 0, key, result = 0;

	if (long_options_add(&all, argp) < 0) {
		free(all.options);
		cli_complain("out of memory");
		return -1;
	}
	opterr = 0;
	optind = 0; /* getopt(3): starts afresh */
	while (result == 0 && (key = getopt_long(argc, argv, all.shorts, all.options, NULL)) != -1) {
		const char *given = argv[optind - 1];
		bool is_short = optopt > ' ' && optopt < 0x7f && strncmp(given, "--", 2) != 0;
		if (key == 1 && words_before_command >= 0 && words++ == words_before_command)
			break;
		if (key == ':' && is_short)
			cli_misuse("option '-%c' needs an argument", optopt);
		else if (key == ':')
			cli_misuse("option '%s' needs an argument", given);
		else if (key == '?' && is_short)
			cli_misuse("unknown option '-%c'", optopt);
		else if (key == '?' && optopt)
			cli_misuse("option '%s' takes no argument", given);
		else if (key == '?')
			cli_misuse("%s option '%s'", is_ambiguous(&all, given) ? "ambiguous" : "unknown", given);
		result = key == ':' || key == '?' ? -1 : 0;
	}
	free(all.options);
	return result;
}

int cli_parse(const struct argp *argp, int argc, char **argv, int words_before_command, void *input,
	      struct error *error)
{
	unsigned int flags = ARGP_NO_HELP | (words_before_command >= 0 ? ARGP_IN_ORDER : 0);

	argp_err_exit_status = ERROR_STATUS_FAILED;
	if (options_check(argp, argc, argv, words_before_command) < 0)
		return -1;
	error_t result = argp_parse(argp, argc, argv, flags, NULL, input);
	if (result == 0)
		return 0;
	if (error->text[0])
		cli_complain("%s", error->text);
	else
		cli_complain("%s", strerror(result));
	return -1;
}

error_t cli_words_parse(int key, struct argp_state *state, struct cli_words *words, struct error *error)
{
	switch (key) {
	case CLI_HELP_KEY:
		cli_help(state);
	case ARGP_KEY_ARGS:
		words->words = state->argv + state->next;
		words->n = state->argc - state->next;
		state->next = state->argc;
		if (words->n > words->maximum)
			return -error_set(error, EINVAL, "'%s' is one %s too many; try `%s --help'",
					  words->words[words->maximum], words->what, state->name);
		return 0;
	case ARGP_KEY_END:
		if (words->n < words->minimum)
			return -error_set(error, EINVAL, "no %s given; try `%s --help'", words->what, state->name);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

struct words_input {
	struct cli_words *words;
	struct error error;
};

static error_t words_only_parse(int key, char *argument, struct argp_state *state)
{
	struct words_input *input = state->input;
	(void)argument;
	return cli_words_parse(key, state, input->words, &input->error);
}

int cli_parse_words(int argc, char **argv, const char *synopsis, const char *doc, struct cli_words *words)
{
	static const struct argp_option options[] = {CLI_HELP_OPTION, {0}};
	struct words_input input = {.words = words};
	struct argp argp = {options, words_only_parse, synopsis, doc, NULL, NULL, NULL};
	return cli_parse(&argp, argc, argv, -1, &input, &input.error);
}

error_t cli_option_result(int result, const char *option, struct error *error)
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
	int result = json ? json_dumpf(json, stdout, JSON_INDENT(2)) : -1;
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
