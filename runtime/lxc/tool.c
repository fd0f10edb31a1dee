/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lxc/tool.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>

#include "nsutil/base/text.h"

enum { STARTING_MS = 5000, KEY_USAGE = 0x1000 };

static const char *const level_names[] = {
	[LEVEL_TRACE] = "TRACE",   [LEVEL_DEBUG] = "DEBUG", [LEVEL_INFO] = "INFO",
	[LEVEL_NOTICE] = "NOTICE", [LEVEL_WARN] = "WARN",   [LEVEL_ERROR] = "ERROR",
	[LEVEL_CRIT] = "CRIT",     [LEVEL_ALERT] = "ALERT", [LEVEL_FATAL] = "FATAL",
};

bool tool_level_parse(const char *text, enum tool_level *level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++)
		if (strcasecmp(text, level_names[i]) == 0) {
			*level = (enum tool_level)i;
			return true;
		}
	return false;
}

/* "lxc-stop: SENTENCE", in one write: a slave has the lines of all its commands in one file. */
static void __attribute__((format(printf, 2, 3))) complain(const char *program, const char *format, ...)
{
	cleanup_free char *sentence = NULL, *line = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&sentence, format, arguments) < 0)
		sentence = NULL;
	va_end(arguments);
	cleanup_free char *visible = sentence ? text_visible(sentence) : NULL;
	if (asprintf(&line, "%s: %s\n", program, visible ? visible : "out of memory") < 0)
		line = NULL;
	fputs(line ? line : "out of memory\n", stderr);
}

/* ---- Options ---- */

static const struct args_option common_options[] = {
	{NULL, 0, NULL, 0, "Common options:", 90},
	{"name", 'n', "NAME", 0, "Name of the container", 90},
	{"logfile", 'o', "FILE", 0, "Append log lines to FILE", 90},
	{"logpriority", 'l', "LEVEL", 0,
	 "Log from this level on: TRACE, DEBUG, INFO, NOTICE, WARN, ERROR (default), "
	 "CRIT, ALERT, FATAL",
	 90},
	{"quiet", 'q', NULL, 0, "Write nothing to standard error", 90},
	{"lxcpath", 'P', "PATH", 0,
	 "Work on the containers recorded in PATH, instead of $BERTH_STATE_ROOT or /run/berth", 90},
	{NULL, 'h', NULL, ARGS_HIDDEN, NULL, 90},
	{"help", '?', NULL, 0, "Show this help and exit", -1},
	{"usage", KEY_USAGE, NULL, 0, "Show its first line and exit", -1},
	{"version", 'V', NULL, 0, "Show the version and exit", -1},
	{0},
};

static void misuse(const struct args_state *state, const char *sentence)
{
	tool_misuse(state, "%s", sentence);
}

static int common_parse(int key, char *argument, struct args_state *state)
{
	struct tool *tool = state->input;
	switch (key) {
	case 'n':
		if (tool->names == TOOL_NO_NAME)
			tool_refuse(state, "-n", "this command is not about one container");
		tool->name = argument;
		return 0;
	case 'o':
		tool->log_path = strcmp(argument, "none") == 0 ? NULL : argument;
		return 0;
	case 'l':
		if (!tool_level_parse(argument, &tool->level))
			tool_misuse(state, "'%s' is no log level", argument);
		tool->level_given = true;
		return 0;
	case 'q':
		tool->quiet = true;
		return 0;
	case 'P':
		tool->state_root = argument;
		return 0;
	case 'h':
	case '?':
		args_help(state, stdout);
		exit(tool_flush(tool, 0));
	case KEY_USAGE:
		args_usage(state, stdout);
		exit(tool_flush(tool, 0));
	case 'V':
		printf("berth %s\n", berth_version());
		exit(tool_flush(tool, 0));
	case ARGS_END:
		if (tool->names == TOOL_NAME_NEEDED && (!tool->name || !*tool->name))
			tool_misuse(state, "no container name was given: use -n NAME");
		return 0;
	default:
		return ARGS_UNKNOWN;
	}
}

void tool_parse(struct tool *tool, const struct args *command, int argc, char **argv)
{
	const struct args_part parts[] = {{command, tool}, {0}};
	const struct args args = {common_options, common_parse, command->words, command->help, parts};
	tool->program = argv[0];
	int result = args_parse(&args, argc, argv, tool->command_follows, tool, misuse);
	if (result != 0) {
		tool_log(tool, LEVEL_ERROR, "%s", strerror(result));
		exit(TOOL_FAILED);
	}
}

char **tool_take_rest(struct args_state *state)
{
	char **rest = state->argv + state->next - 1;
	state->next = state->argc;
	return rest;
}

void tool_misuse(const struct args_state *state, const char *format, ...)
{
	char sentence[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	complain(state->name, "%s; try `%s --help'", sentence, state->name);
	exit(TOOL_FAILED);
}

void tool_refuse(const struct args_state *state, const char *option, const char *why)
{
	tool_misuse(state, "option %s is not for berth: %s", option, why);
}

/* ---- Telling ---- */

static void line_write(struct tool *tool, enum tool_level level, const char *text)
{
	if (!tool->log_path || level < tool->level)
		return;
	if (tool->log_fd < 0) {
		tool->log_fd = open(tool->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
		if (tool->log_fd < 0) {
			if (!tool->quiet)
				complain(tool->program, "open log %s: %s", tool->log_path, strerror(errno));
			tool->log_path = NULL;
			return;
		}
	}
	struct timespec now;
	struct tm parts;
	char when[32];
	cleanup_free char *line = NULL;
	size_t size;
	cleanup_file FILE *stream = open_memstream(&line, &size);
	if (!stream)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &parts);
	fprintf(stream, "%s.%03ldZ %s ", when, now.tv_nsec / 1000000, tool->program);
	tool_print(stream, tool->name ? tool->name : "-");
	fprintf(stream, " %s ", level_names[level]);
	tool_print(stream, text);
	fputc('\n', stream);
	/* One write, so that the lines of commands that share a log do not mix. */
	if (fflush(stream) == 0 && write(tool->log_fd, line, size) < 0)
		tool->log_path = NULL;
}

void tool_log(struct tool *tool, enum tool_level level, const char *format, ...)
{
	char text[2048];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (level >= LEVEL_ERROR && !tool->quiet)
		complain(tool->program, "%s", text);
	line_write(tool, level, text);
}

int tool_fail(struct tool *tool, const struct berth_error *error)
{
	tool_log(tool, LEVEL_ERROR, "%s", error->text);
	return TOOL_FAILED;
}

int tool_open(const struct tool *tool, struct berth **berth, struct berth_error *error)
{
	const struct berth_config config = {.size = sizeof(config), .state_root = tool->state_root};
	return berth_open(&config, berth, error);
}

int tool_open_for_all(const struct tool *tool, struct berth **berth, struct berth_error *error)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return tool_open(tool, berth, error);
}

int tool_find(const struct tool *tool, struct berth *berth, struct berth_container **container,
	      struct berth_error *error)
{
	uint64_t deadline = tool_clock_ms() + STARTING_MS;
	for (;;) {
		int code = berth_container_find(berth, tool->name, container, error);
		/* With a process it is none that is being started, and its state takes longer to tell. */
		if (code < 0 || berth_container_pid(*container) ||
		    berth_container_state(*container) != BERTH_STARTING || tool_clock_ms() >= deadline)
			return code;
		berth_container_close(*container);
		*container = NULL;
		poll(NULL, 0, 1);
	}
}

int tool_flush(struct tool *tool, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	tool_log(tool, LEVEL_ERROR, "write to standard output: %s", strerror(errno));
	return TOOL_FAILED;
}

static bool has_ended(struct berth_container *container)
{
	struct pollfd ended = {.fd = berth_container_pidfd(container), .events = POLLIN};
	return ended.fd >= 0 ? poll(&ended, 1, 0) == 1 : berth_container_state(container) == BERTH_ENDED;
}

const char *tool_state_name(struct berth_container *container)
{
	if (!container)
		return "STOPPED";
	if (has_ended(container))
		/* Until its owner has cleared up. */
		return berth_container_wait(container, 0, NULL, NULL) == 0 ? "STOPPED" : "STOPPING";
	switch (berth_container_state(container)) {
	case BERTH_STARTING:
		return "STARTING";
	case BERTH_PAUSED:
		return "FROZEN";
	case BERTH_ENDED:
		return "STOPPED";
	default:
		return "RUNNING";
	}
}

void tool_print(FILE *out, const char *text)
{
	cleanup_free char *visible = text_visible(text);
	fputs(visible ? visible : strerror(ENOMEM), out);
}

bool tool_parse_number(const char *text, uint64_t limit, uint64_t *number)
{
	char *end;
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && !*end && *number <= limit;
}

uint64_t tool_clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t tool_clock_real_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
