/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lxc-* commands have in common: their common options, where they complain and log, how they find a
 * container. Each command has a struct that begins with a struct tool, filled by tool_parse.
 */
#ifndef RUNTIME_LXC_TOOL_H
#define RUNTIME_LXC_TOOL_H

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/args/args.h"
#include "runtime/berth.h"

/* LXC's log priorities, the least first. */
enum tool_level {
	LEVEL_TRACE,
	LEVEL_DEBUG,
	LEVEL_INFO,
	LEVEL_NOTICE,
	LEVEL_WARN,
	LEVEL_ERROR,
	LEVEL_CRIT,
	LEVEL_ALERT,
	LEVEL_FATAL,
};

/* What a command does with -n. */
enum tool_names { TOOL_NO_NAME, TOOL_NAME_ALLOWED, TOOL_NAME_NEEDED };

struct tool {
	const char *program;    /* "lxc-stop" */
	enum tool_names names;  /* set by the command before tool_parse, as is: */
	bool command_follows;   /* options end at the first word that is none: a command with its own */
	const char *name;       /* -n; NULL if not given */
	const char *state_root; /* -P; NULL: berth's own choice */
	const char *log_path;   /* -o; NULL: none */
	enum tool_level level;  /* -l */
	bool level_given;
	bool quiet; /* -q */
	int log_fd; /* -1 until something is logged */
};
#define TOOL_INIT(names_)                                                                                              \
	{                                                                                                              \
		.names = (names_), .level = LEVEL_ERROR, .log_fd = -1                                                  \
	}

/* Exit statuses of LXC's commands. */
enum { TOOL_FAILED = 1, TOOL_NOT_RUNNING = 2 };

/*
 * Parses the arguments: the common options into *tool, all else by `command`, whose input is `tool` too, as a pointer
 * to the struct that begins with it. Ends the program when the arguments are wrong (status 1) or ask for help (0).
 */
void tool_parse(struct tool *tool, const struct args *command, int argc, char **argv);

/* For a command's parser at ARGS_WORD: this word and all behind it. Valid as long as argv. */
char **tool_take_rest(struct args_state *state);

/* For a command's parser: one line about what is wrong with the arguments. Ends the program. */
_Noreturn void tool_misuse(const struct args_state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* For a command's parser: refuses an option of LXC's that has no meaning here, and ends the program. */
_Noreturn void tool_refuse(const struct args_state *state, const char *option, const char *why);

/* "ERROR", "err" is none. Returns false for what is no level. */
bool tool_level_parse(const char *text, enum tool_level *level);

/*
 * One line. From LEVEL_ERROR on it also goes to standard error, but for -q; it goes to the log if there is one and
 * the level is high enough.
 */
void tool_log(struct tool *tool, enum tool_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Logs the error's text, and returns TOOL_FAILED. */
int tool_fail(struct tool *tool, const struct berth_error *error);

int tool_open(const struct tool *tool, struct berth **berth, struct berth_error *error);
/* For a command that holds all containers at once, and starts no program: with all the descriptors it may have. */
int tool_open_for_all(const struct tool *tool, struct berth **berth, struct berth_error *error);
/*
 * Finds the container tool->name. One that is just being launched is waited for, a few seconds at the most: its command
 * may already run, and have told a slave so, when its launcher has not recorded it yet.
 */
int tool_find(const struct tool *tool, struct berth *berth, struct berth_container **container,
	      struct berth_error *error);
/* Flushes standard output; returns status, or TOOL_FAILED with a complaint when what was printed did not arrive. */
int tool_flush(struct tool *tool, int status);

/* LXC's word for a container's state: STOPPED, STARTING, RUNNING, FROZEN, STOPPING. NULL stands for one that isn't
 * there, STOPPED. */
const char *tool_state_name(struct berth_container *container);

/* Prints text from outside as text_visible has it. */
void tool_print(FILE *out, const char *text);

/* A whole number in base 10 of at most `limit`; false for anything else. */
bool tool_parse_number(const char *text, uint64_t limit, uint64_t *number);

/* Milliseconds of CLOCK_MONOTONIC, and nanoseconds of CLOCK_REALTIME. */
uint64_t tool_clock_ms(void);
uint64_t tool_clock_real_ns(void);

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

#endif
