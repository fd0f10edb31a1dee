/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/format.h"
#include "runtime/cli/listing.h"

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

static uint64_t age_of(const struct berth_container *container)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	uint64_t started = berth_container_started(container);
	return started && started < ns ? ns - started : 0;
}

/* What is shown of one container. */
struct seen {
	enum berth_state state;
	bool has_stats, has_end;
	struct berth_stats stats;
	struct berth_end end;
};

static json_t *seen_json(struct berth_container *container, const struct seen *seen)
{
	bool runs = seen->state == BERTH_RUNNING || seen->state == BERTH_PAUSED;
	bool has_cpu = seen->has_stats && seen->stats.has_cpu, has_memory = seen->has_stats && seen->stats.has_memory;
	return json_pack("{s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o?}", "name",
			 json_from_bytes(berth_container_name(container)), "state", berth_state_name(seen->state),
			 "pid", runs ? json_integer(berth_container_pid(container)) : json_null(), "started_ns",
			 cli_json_limit(berth_container_started(container)), "owned", berth_container_owned(container),
			 "cpu_shares", has_cpu ? cli_json_limit(seen->stats.cpu_shares) : json_null(), "cpu_ns",
			 has_cpu ? cli_json_limit(seen->stats.cpu_usage_ns) : json_null(), "memory",
			 has_memory ? cli_json_limit(seen->stats.memory_usage) : json_null(), "memory_limit",
			 has_memory ? cli_json_limit(seen->stats.memory_limit) : json_null(), "command",
			 json_from_strings(berth_container_command(container)), "end",
			 seen->has_end ? end_json(container) : NULL);
}

/* The command's words with spaces between, malloc'ed. */
static char *command_text(const struct berth_container *container)
{
	const char *const *words = berth_container_command(container);
	size_t size = 1;
	for (size_t i = 0; words[i]; i++)
		size += strlen(words[i]) + 1;
	char *text = malloc(size), *next = text;
	for (size_t i = 0; text && words[i]; i++)
		next = stpcpy(i ? stpcpy(next, " ") : next, words[i]);
	return text;
}

static int seen_row(struct berth_container *container, const struct seen *seen, bool all, struct entry *entry)
{
	char pid[FORMAT_SIZE] = "-", cpus[FORMAT_SIZE] = "-", memory[FORMAT_SIZE] = "-", limit[FORMAT_SIZE] = "-";
	char age[FORMAT_SIZE];
	cleanup_free char *command = command_text(container);
	if (seen->state == BERTH_RUNNING || seen->state == BERTH_PAUSED)
		snprintf(pid, sizeof(pid), "%d", (int)berth_container_pid(container));
	if (seen->has_stats && seen->stats.has_cpu)
		snprintf(cpus, sizeof(cpus), "%.4g", (double)seen->stats.cpu_shares / 1024);
	if (seen->has_stats && seen->stats.has_memory) {
		format_bytes(seen->stats.memory_usage, memory);
		format_bytes(seen->stats.memory_limit, limit);
	}
	format_duration(age_of(container), age);
	const char *name = berth_container_name(container), *state = berth_state_name(seen->state);
	const char *end = seen->has_end ? seen->end.text : "-";
	const char *const cells[] = {name, pid, state, cpus, memory, limit, age, all ? end : command, command};
	return entry_row(entry, cells, all ? 9 : 8);
}

static int make_entry(struct berth_container *container, const void *data, struct entry *entry)
{
	const struct ps_input *input = data;
	struct seen seen = {
		.state = berth_container_state(container),
		.stats = BERTH_STATS_INIT,
		.end = BERTH_END_INIT,
	};
	if (!input->all && seen.state == BERTH_ENDED)
		return 0;
	if (input->names_only)
		return entry_row(entry, (const char *const[]){berth_container_name(container)}, 1);
	seen.stats.only = BERTH_STATS_CPU_SHARES | BERTH_STATS_MEMORY_USAGE | BERTH_STATS_MEMORY_LIMIT |
			  (input->json ? BERTH_STATS_CPU_USAGE : 0);
	if (seen.state == BERTH_ENDED)
		seen.has_end = berth_container_wait(container, 0, &seen.end, NULL) == 0;
	else if (seen.state != BERTH_STARTING)
		seen.has_stats = berth_container_stats(container, &seen.stats, NULL) == 0;
	return input->json ? entry_json(entry, seen_json(container, &seen))
			   : seen_row(container, &seen, input->all, entry);
}

int cli_ps(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "",
		"List containers in the order of their launch: those that run, or all that are known."
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
	static const char *const head[] = {"NAME", "PID", "STATE", "CPUS", "MEMORY", "LIMIT", "AGE", "COMMAND"};
	static const char *const head_all[] = {"NAME",  "PID", "STATE", "CPUS",   "MEMORY",
					       "LIMIT", "AGE", "END",   "COMMAND"};
	cleanup_berth struct berth *berth = NULL;
	struct ps_input input = {.none = {.what = "argument"}};
	struct berth_error error = BERTH_ERROR_INIT;
	struct listing listing = {0};

	if (cli_parse(&args, argc, argv, false, &input, &input.error) < 0)
		return ERROR_STATUS_FAILED;
	if (cli_open(&berth, &error) < 0)
		return cli_fail(&error);
	listing_add_all(&listing, berth, make_entry, &input);
	if (input.names_only)
		return listing_print(&listing, false, NULL, 0);
	return listing_print(&listing, input.json, input.all ? head_all : head, input.all ? 9 : 8);
}
