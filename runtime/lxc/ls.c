/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>

#include "runtime/lxc/commands.h"
#include "runtime/lxc/tool.h"

enum { RUNNING = 1, FROZEN = 2, STOPPED = 4 };

struct ls {
	struct tool tool;
	unsigned int states; /* 0: all */
	bool one_a_line, fancy;
	char *columns;
	const char *filter;
	regex_t expression;
};

enum { KEY_ACTIVE = 0x100, KEY_RUNNING, KEY_FROZEN, KEY_STOPPED, KEY_FILTER, KEY_DEFINED, KEY_NESTING };

static const struct args_option options[] = {
	{"line", '1', NULL, 0, "One name a line", 0},
	{"fancy", 'f', NULL, 0, "A table", 0},
	{"fancy-format", 'F', "COLUMN,...", 0, "Its columns: NAME, STATE, PID, RAM, SWAP", 0},
	{"active", KEY_ACTIVE, NULL, 0, "Only those that run or are frozen", 0},
	{"running", KEY_RUNNING, NULL, 0, "Only those that run", 0},
	{"frozen", KEY_FROZEN, NULL, 0, "Only those that are frozen", 0},
	{"stopped", KEY_STOPPED, NULL, 0, "Only those that have ended and left a record", 0},
	{"filter", KEY_FILTER, "REGEX", 0, "Only those whose name matches, by regex(7)", 0},
	{"defined", KEY_DEFINED, NULL, ARGS_HIDDEN, NULL, 0},
	{"nesting", KEY_NESTING, "NUM", ARGS_HIDDEN | ARGS_OPTIONAL, NULL, 0},
	{"groups", 'g', "GROUPS", ARGS_HIDDEN, NULL, 0},
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct ls *ls = state->input;
	switch (key) {
	case '1':
		ls->one_a_line = true;
		return 0;
	case 'F':
		ls->columns = argument;
		ls->fancy = true;
		return 0;
	case 'f':
		ls->fancy = true;
		return 0;
	case KEY_ACTIVE:
		ls->states |= RUNNING | FROZEN;
		return 0;
	case KEY_RUNNING:
		ls->states |= RUNNING;
		return 0;
	case KEY_FROZEN:
		ls->states |= FROZEN;
		return 0;
	case KEY_STOPPED:
		ls->states |= STOPPED;
		return 0;
	case KEY_FILTER:
	case ARGS_WORD:
		if (ls->filter)
			tool_misuse(state, "there is a second pattern: '%s'", argument);
		ls->filter = argument;
		return 0;
	case KEY_DEFINED:
		tool_refuse(state, "--defined", "a container is there while it runs, and has no definition");
	case KEY_NESTING:
		tool_refuse(state, "--nesting", "containers inside containers are theirs");
	case 'g':
		tool_refuse(state, "--groups", "containers have no groups");
	case ARGS_END:
		if (ls->filter && regcomp(&ls->expression, ls->filter, REG_EXTENDED | REG_NOSUB) != 0)
			tool_misuse(state, "'%s' is no regular expression", ls->filter);
		return 0;
	default:
		return ARGS_UNKNOWN;
	}
}

static bool is_wanted(const struct ls *ls, struct berth_container *container)
{
	const char *state = tool_state_name(container);
	unsigned int bit = strcmp(state, "FROZEN") == 0 ? FROZEN : strcmp(state, "STOPPED") == 0 ? STOPPED : RUNNING;
	return (!ls->states || ls->states & bit) &&
	       (!ls->filter || regexec(&ls->expression, berth_container_name(container), 0, NULL, 0) == 0);
}

/* ---- The table ---- */

enum column { NAME, STATE, PID, RAM, SWAP, N_COLUMNS };
static const char *const column_names[N_COLUMNS] = {"NAME", "STATE", "PID", "RAM", "SWAP"};

static char *cell(enum column column, struct berth_container *container, const struct berth_stats *stats)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	switch (column) {
	case NAME:
		tool_print(out, berth_container_name(container));
		break;
	case STATE:
		fputs(tool_state_name(container), out);
		break;
	case PID:
		if (berth_container_pidfd(container) >= 0)
			fprintf(out, "%d", (int)berth_container_pid(container));
		else
			fputc('-', out);
		break;
	default:
		if (stats->has_memory)
			fprintf(out, "%.2fMB",
				(double)(column == RAM ? stats->memory_usage : stats->swap_usage) / (1 << 20));
		else
			fputc('-', out);
	}
	return fclose(out) == 0 ? text : NULL;
}

/* "NAME,PID" -> columns; their number, or -1 with a complaint. */
static int columns_parse(struct ls *ls, enum column columns[N_COLUMNS])
{
	char *rest = NULL;
	int n = 0;
	if (!ls->columns) {
		for (int i = 0; i < N_COLUMNS; i++)
			columns[i] = (enum column)i;
		return N_COLUMNS;
	}
	for (char *word = strtok_r(ls->columns, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		int column = 0;
		while (column < N_COLUMNS && strcasecmp(word, column_names[column]) != 0)
			column++;
		if (column == N_COLUMNS || n == N_COLUMNS) {
			tool_log(&ls->tool, LEVEL_ERROR,
				 "'%s' is no column for berth: there are NAME, STATE, PID, RAM, SWAP", word);
			return -1;
		}
		columns[n++] = (enum column)column;
	}
	return n;
}

static int table_print(struct ls *ls, struct berth_container **containers, size_t n)
{
	enum column columns[N_COLUMNS];
	int n_columns = columns_parse(ls, columns);
	size_t width[N_COLUMNS] = {0};
	if (n_columns < 0)
		return TOOL_FAILED;
	size_t n_cells = (n + 1) * (size_t)n_columns;
	char **cells = calloc(n_cells ? n_cells : 1, sizeof(*cells));
	if (!cells)
		return TOOL_FAILED;
	for (size_t i = 0; i < n_cells; i++) {
		size_t row = i / (size_t)n_columns, column = i % (size_t)n_columns;
		struct berth_stats stats = BERTH_STATS_INIT;
		if (row)
			berth_container_stats(containers[row - 1], &stats, NULL);
		cells[i] = row ? cell(columns[column], containers[row - 1], &stats)
			       : strdup(column_names[columns[column]]);
		size_t length = cells[i] ? strlen(cells[i]) : 1;
		width[column] = length > width[column] ? length : width[column];
	}
	for (size_t i = 0; i < n_cells; i++) {
		size_t column = i % (size_t)n_columns;
		bool last = column + 1 == (size_t)n_columns;
		printf("%-*s%c", last ? 0 : (int)width[column], cells[i] ? cells[i] : "?", last ? '\n' : ' ');
		free(cells[i]);
	}
	free(cells);
	return 0;
}

/* ---- Names ---- */

/* Side by side on a terminal, as many as its lines hold. */
static void names_print(const struct ls *ls, struct berth_container **containers, size_t n)
{
	struct winsize size;
	size_t width = 0, used = 0;
	if (!ls->one_a_line && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col ? size.ws_col : 80;
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(berth_container_name(containers[i]));
		if (used && used + 1 + length > width) {
			putchar('\n');
			used = 0;
		}
		if (used)
			putchar(' ');
		tool_print(stdout, berth_container_name(containers[i]));
		used += length + 1;
	}
	if (used)
		putchar('\n');
}

static int by_name(const void *a, const void *b)
{
	return strcmp(berth_container_name(*(struct berth_container *const *)a),
		      berth_container_name(*(struct berth_container *const *)b));
}

int lxc_ls(int argc, char **argv)
{
	static const struct args args = {options, parse, "[REGEX]", "List containers.", NULL};
	cleanup_berth struct berth *berth = NULL;
	cleanup_free struct berth_container **containers = NULL;
	struct ls ls = {.tool = TOOL_INIT(TOOL_NO_NAME)};
	struct berth_error error = BERTH_ERROR_INIT;
	size_t kept = 0;
	tool_parse(&ls.tool, &args, argc, argv);
	if (tool_open_for_all(&ls.tool, &berth, &error) < 0)
		return tool_fail(&ls.tool, &error);
	ssize_t n = berth_list(berth, &containers, &error);
	if (n < 0)
		return tool_fail(&ls.tool, &error);
	for (ssize_t i = 0; i < n; i++)
		if (is_wanted(&ls, containers[i]))
			containers[kept++] = containers[i];
		else
			berth_container_close(containers[i]);
	if (kept)
		qsort(containers, kept, sizeof(*containers), by_name);
	int status = 0;
	if (ls.fancy)
		status = table_print(&ls, containers, kept);
	else
		names_print(&ls, containers, kept);
	for (size_t i = 0; i < kept; i++)
		berth_container_close(containers[i]);
	if (ls.filter)
		regfree(&ls.expression);
	return tool_flush(&ls.tool, status);
}
