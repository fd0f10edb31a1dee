/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of the berth program share: how arguments are parsed, errors told, containers opened.
 * A command is a function int (argc, argv) that returns an exit status; argv[0] is "berth NAME".
 */
#ifndef RUNTIME_CLI_CLI_H
#define RUNTIME_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/error.h"
#include "runtime/args/args.h"
#include "runtime/berth.h"
#include "runtime/json.h"

/* ---- Errors: one line "berth run: sentence" on standard error ---- */

/* Prints a sentence, control characters made visible. */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the error; returns the exit status it asks for. */
int cli_fail(const struct berth_error *error);

/* Prints the sentence followed by "; try `berth run --help'"; returns 125. */
int cli_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Flushes standard output; returns `status`, or 125 with a complaint when what was printed did not arrive. */
int cli_finish(int status);

/* ---- Arguments ---- */

/* Keys of options that have no short form count from here. */
enum { CLI_LONG_OPTION = 0x100 };

/* -h, --help: belongs in every table of options; cli_help prints it and exits. */
#define CLI_HELP_KEY 'h'
/* clang-format off */
#define CLI_HELP_OPTION {"help", CLI_HELP_KEY, NULL, 0, "Show this help and exit", -1}
/* clang-format on */
_Noreturn void cli_help(const struct args_state *state);

/*
 * args_parse for a command. command_follows: options end where a parser takes a word and all behind it. `error` is
 * where the parsers put the sentence when they return an error, which is a positive errno. Returns 0, or -1 when a
 * complaint has been printed and the command should end with 125.
 */
int cli_parse(const struct args *args, int argc, char **argv, bool command_follows, void *input, struct error *error);

/* The words of a command line that are no options: containers' names, mostly. They point into argv. */
struct cli_words {
	const char *what; /* names them in complaints: "container" */
	int minimum, maximum;
	char **words;
	int n;
};

/* For a parser: takes ARGS_WORDS, ARGS_END and help; ARGS_UNKNOWN for other keys. */
int cli_words_parse(int key, struct args_state *state, struct cli_words *words, struct error *error);

/* The whole parsing of a command that has no options of its own. Returns as cli_parse. */
int cli_parse_words(int argc, char **argv, const char *synopsis, const char *doc, struct cli_words *words);

/* What a parser returns for a failure: turns its -errno into the positive one, "--mem: " put before the sentence. */
int cli_option_result(int result, const char *option, struct error *error);

/*
 * Grows an array by one item, zeroed, and by a zeroed one behind it, so that arrays of pointers end in NULL. `array`
 * is the address of the pointer to it, *n the number of items. Returns the new item, or NULL with *error set.
 */
void *cli_append(void *array, size_t *n, size_t size, struct error *error);

/* Appends a variable, "NAME=VALUE" or "NAME", to an environment as struct berth_options takes it. Borrows argument. */
int cli_env_add(const char ***env, size_t *n, const char *argument, struct error *error);

/* ---- Containers ---- */

static inline void cleanup_berth_(struct berth **berth)
{
	berth_close(*berth);
}

static inline void cleanup_container_(struct berth_container **container)
{
	berth_container_close(*container);
}

#define cleanup_berth __attribute__((cleanup(cleanup_berth_)))
#define cleanup_container __attribute__((cleanup(cleanup_container_)))

/* berth_open with the defaults; the error says so when what lacks is root. */
int cli_open(struct berth **berth, struct berth_error *error);

/* berth_container_find, with a hint in the error when there is none of that name. */
int cli_find(struct berth *berth, const char *name, struct berth_container **container, struct berth_error *error);

/*
 * Opens a context and does one thing with each container named, going on after failures. Returns the exit status:
 * that of the last failure, or 0.
 */
int cli_each(const struct cli_words *names,
	     int (*act)(struct berth_container *container, void *data, struct berth_error *error), void *data);

/* Prints a JSON value and a newline on standard output. Takes the reference. Returns an exit status. */
int cli_print_json(json_t *json);

/* A number as JSON: an integer, or null for UINT64_MAX ("none", "unlimited"). */
json_t *cli_json_limit(uint64_t value);

/* ---- The commands ---- */

int cli_run(int argc, char **argv);
int cli_plan(int argc, char **argv);
int cli_ps(int argc, char **argv);
int cli_inspect(int argc, char **argv);
int cli_exec(int argc, char **argv);
int cli_update(int argc, char **argv);
int cli_kill(int argc, char **argv);
int cli_stop(int argc, char **argv);
int cli_wait(int argc, char **argv);
int cli_pause(int argc, char **argv);
int cli_resume(int argc, char **argv);
int cli_stats(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_gc(int argc, char **argv);
int cli_rm(int argc, char **argv);
int cli_root(int argc, char **argv);
int cli_version(int argc, char **argv);

#endif
