/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nsutil/base/text.h"
#include "runtime/cli/cli.h"
#include "runtime/cli/format.h"

struct ps_input {
	struct cli_words none;
	bool all, json, names_only;
	struct error error;
};

enum { KEY_JSON = CLI_LONG_OPTION };

static const struct args_option options[] = {
	{"all", 'a', NULL, 0, "Also containers that have ended and left a record, with how they ended", 0},
	{"quiet", 'q', NULL, 0, "Only names, one a line", 0},
	{"json", KEY_JSON, NULL, 0, "Print a JSON array", 0},
	CLI_HELP_OPTION,
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct ps_input *input = state->input;
	(void)argument;
	switch (key) {
	case 'a':
		input->all = true;
		return 0;
	case 'q':
		input->names_only = true;
		return 0;
	case KEY_JSON:
		input->json = true;
		return 0;
	default:
		return cli_words_parse(key, state, &input->none, &input->error);
	}
}

/* What is shown of one container. */
struct row {
	struct berth_container *container;
	enum berth_state state;
	bool has_stats, has_end;
	struct berth_stats stats;
	struct berth_end end;
};

/* What `berth inspect` tells of the end, a new reference; NULL where that is nothing. */
static json_t *end_json(struct berth_container *container)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return NULL;
	int result = berth_container_inspect(container, stream, NULL);
	if (fclose(stream) != 0 || result < 0)
		return NULL;
	cleanup_json json_t *inspected = json_loads(text, 0, NULL);
	return json_incref(json_object_get(inspected, "end"));
}

static void row_fill(struct row *row, struct berth_container *container, enum berth_state state, bool json)
{
	*row = (struct row){
		.container = container,
		.state = state,
		.stats = BERTH_STATS_INIT,
		.end = BERTH_END_INIT,
	};
	row->stats.only = BERTH_STATS_CPU_SHARES | BERTH_STATS_MEMORY_USAGE | BERTH_STATS_MEMORY_LIMIT |
			  (json ? BERTH_STATS_CPU_USAGE : 0);
	if (row->state == BERTH_ENDED)
		row->has_end = berth_container_wait(container, 0, &row->end, NULL) == 0;
	else if (row->state != BERTH_STARTING)
		row->has_stats = berth_container_stats(container, &row->stats, NULL) == 0;
}

static uint64_t age_of(const struct row *row)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	uint64_t started = berth_container_started(row->container);
	return started && started < ns ? ns - started : 0;
}

static json_t *row_json(const struct row *row)
{
	bool runs = row->state == BERTH_RUNNING || row->state == BERTH_PAUSED;
	bool has_cpu = row->has_stats && row->stats.has_cpu, has_memory = row->has_stats && row->stats.has_memory;
	return json_pack("{s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o?}", "name",
			 json_from_bytes(berth_container_name(row->container)), "state", berth_state_name(row->state),
			 "pid", runs ? json_integer(berth_container_pid(row->container)) : json_null(), "started_ns",
			 cli_json_limit(berth_container_started(row->container)), "owned",
			 berth_container_owned(row->container), "cpu_shares",
			 has_cpu ? cli_json_limit(row->stats.cpu_shares) : json_null(), "cpu_ns",
			 has_cpu ? cli_json_limit(row->stats.cpu_usage_ns) : json_null(), "memory",
			 has_memory ? cli_json_limit(row->stats.memory_usage) : json_null(), "memory_limit",
			 has_memory ? cli_json_limit(row->stats.memory_limit) : json_null(), "command",
			 json_from_strings(berth_container_command(row->container)), "end",
			 row->has_end ? end_json(row->container) : NULL);
}

/* The command's words with spaces between, malloc'ed. */
static char *command_text(const struct berth_container *container)
{
	const char *const *words = berth_container_command(container);
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return NULL;
	for (size_t i = 0; words[i]; i++)
		fprintf(stream, "%s%s", i ? " " : "", words[i]);
	return fclose(stream) == 0 ? text : NULL;
}

static void row_print(struct table *table, const struct row *row, bool all)
{
	char pid[FORMAT_SIZE] = "-", cpus[FORMAT_SIZE] = "-", memory[FORMAT_SIZE] = "-", limit[FORMAT_SIZE] = "-";
	char age[FORMAT_SIZE];
	cleanup_free char *command = command_text(row->container);
	if (row->state == BERTH_RUNNING || row->state == BERTH_PAUSED)
		snprintf(pid, sizeof(pid), "%d", (int)berth_container_pid(row->container));
	if (row->has_stats && row->stats.has_cpu)
		snprintf(cpus, sizeof(cpus), "%.4g", (double)row->stats.cpu_shares / 1024);
	if (row->has_stats && row->stats.has_memory) {
		format_bytes(row->stats.memory_usage, memory);
		format_bytes(row->stats.memory_limit, limit);
	}
	format_duration(age_of(row), age);
	const char *name = berth_container_name(row->container), *state = berth_state_name(row->state);
	const char *end = row->has_end ? row->end.text : "-";
	const char *const cells[] = {name, pid, state, cpus, memory, limit, age, all ? end : command, command};
	table_add(table, cells, all ? 9 : 8);
}

static int rows_print(const struct row *rows, size_t n, const struct ps_input *input)
{
	static const char *const head[] = {"NAME", "PID", "STATE", "CPUS", "MEMORY", "LIMIT", "AGE", "COMMAND"};
	static const char *const head_all[] = {"NAME",  "PID", "STATE", "CPUS",   "MEMORY",
					       "LIMIT", "AGE", "END",   "COMMAND"};
	struct table table = {0};

	if (input->json) {
		json_t *array = json_array();
		for (size_t i = 0; i < n; i++)
			json_array_append_new(array, row_json(&rows[i]));
		return cli_print_json(array);
	}
	if (input->all)
		table_add(&table, head_all, sizeof(head_all) / sizeof(*head_all));
	else
		table_add(&table, head, sizeof(head) / sizeof(*head));
	for (size_t i = 0; i < n; i++)
		row_print(&table, &rows[i], input->all);
	int result = table_print(&table, stdout);
	table_release(&table);
	if (result < 0)
		cli_complain("%s", strerror(-result));
	return result < 0 ? ERROR_STATUS_FAILED : 0;
}

/* In the order of their launch. */
static int by_start(const void *a, const void *b)
{
	uint64_t x = berth_container_started(*(struct berth_container *const *)a);
	uint64_t y = berth_container_started(*(struct berth_container *const *)b);
	return (x > y) - (x < y);
}

static int list_print(struct berth_container **containers, size_t n, const struct ps_input *input)
{
	struct row *rows = calloc(n ? n : 1, sizeof(*rows));
	size_t n_rows = 0;
	int status = 0;
	if (!rows) {
		cli_complain("%s", strerror(ENOMEM));
		return ERROR_STATUS_FAILED;
	}
	if (n)
		qsort(containers, n, sizeof(*containers), by_start);
	for (size_t i = 0; i < n; i++) {
		enum berth_state state = berth_container_state(containers[i]);
		if (!input->all && state == BERTH_ENDED)
			continue;
		if (!input->names_only) {
			row_fill(&rows[n_rows++], containers[i], state, input->json);
			continue;
		}
		cleanup_free char *name = text_visible(berth_container_name(containers[i]));
		puts(name ? name : "?");
	}
	if (!input->names_only)
		status = rows_print(rows, n_rows, input);
	free(rows);
	return status;
}

int cli_ps(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "",
		"List containers: those that run, or all that are known."
		"\v"
		"CPUS is the share in CPUs, MEMORY what is in use. A dash stands for what is unknown or unlimited.\n"
		"\n"
		"JSON objects hold name, state (starting, running, paused, ended), pid, started_ns, owned (its "
		"launcher "
		"lives), cpu_shares, cpu_ns, memory, memory_limit (bytes, null: none), command, and end: null, or "
		"{reason, code, exit_status, text, ended_ns, memory_peak, ...} as `berth inspect' has it.\n"
		"\n"
		"Examples:\n"
		"  berth ps -a\n"
		"  berth ps -a --json | jq -r '.[] | select(.end.reason == \"out-of-memory\") | .name'",
		NULL};
	cleanup_berth struct berth *berth = NULL;
	cleanup_free struct berth_container **containers = NULL;
	struct ps_input input = {.none = {.what = "argument"}};
	struct berth_error error = BERTH_ERROR_INIT;

	if (cli_parse(&args, argc, argv, false, &input, &input.error) < 0)
		return ERROR_STATUS_FAILED;
	if (cli_open(&berth, &error) < 0)
		return cli_fail(&error);
	ssize_t n = berth_list(berth, &containers, &error);
	if (n < 0)
		return cli_fail(&error);
	int status = list_print(containers, (size_t)n, &input);
	for (ssize_t i = 0; i < n; i++)
		berth_container_close(containers[i]);
	return status;
}
