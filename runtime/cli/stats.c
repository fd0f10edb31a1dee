/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/format.h"
#include "runtime/cli/listing.h"

struct stats_input {
	struct cli_words names;
	bool json;
	struct error error;
};

enum { KEY_JSON = CLI_LONG_OPTION };

static const struct args_option options[] = {
	{"json", KEY_JSON, NULL, 0, "Print a JSON array: exact numbers, nanoseconds and bytes", 0},
	CLI_HELP_OPTION,
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct stats_input *input = state->input;
	(void)argument;
	if (key != KEY_JSON)
		return cli_words_parse(key, state, &input->names, &input->error);
	input->json = true;
	return 0;
}

/* Takes member; false when it or the object is missing. */
static bool set(json_t *object, const char *key, json_t *member)
{
	return json_object_set_new(object, key, member) == 0;
}

/* The groups that this machine does not count are null. */
static json_t *stats_json(const char *name, const struct berth_stats *s)
{
	json_t *object = json_object();
	json_t *cpu = s->has_cpu
			      ? json_pack("{s:o, s:o, s:o, s:o, s:o}", "usage_ns", cli_json_limit(s->cpu_usage_ns),
					  "user_ns", cli_json_limit(s->cpu_user_ns), "system_ns",
					  cli_json_limit(s->cpu_system_ns), "throttled_ns",
					  cli_json_limit(s->cpu_throttled_ns), "shares", cli_json_limit(s->cpu_shares))
			      : json_null();
	json_t *memory = s->has_memory
				 ? json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "usage",
					     cli_json_limit(s->memory_usage), "peak", cli_json_limit(s->memory_peak),
					     "limit", cli_json_limit(s->memory_limit), "rss",
					     cli_json_limit(s->memory_rss), "cache", cli_json_limit(s->memory_cache),
					     "swap", cli_json_limit(s->swap_usage), "swap_limit",
					     cli_json_limit(s->swap_limit), "oom_kills", cli_json_limit(s->oom_kills))
				 : json_null();
	json_t *processes = s->has_processes ? json_pack("{s:o, s:o}", "count", cli_json_limit(s->processes), "limit",
							 cli_json_limit(s->processes_limit))
					     : json_null();
	json_t *io = s->has_io ? json_pack("{s:o, s:o}", "read_bytes", cli_json_limit(s->io_read_bytes), "write_bytes",
					   cli_json_limit(s->io_write_bytes))
			       : json_null();
	bool complete = set(object, "name", json_from_bytes(name));
	complete &= set(object, "cpu", cpu);
	complete &= set(object, "memory", memory);
	complete &= set(object, "processes", processes);
	complete &= set(object, "io", io);
	if (complete)
		return object;
	json_decref(object);
	return NULL;
}

static int stats_row(const char *name, const struct berth_stats *s, struct entry *entry)
{
	char cpu[FORMAT_SIZE] = "-", usage[FORMAT_SIZE] = "-", peak[FORMAT_SIZE] = "-", limit[FORMAT_SIZE] = "-";
	char kills[FORMAT_SIZE] = "-", processes[FORMAT_SIZE] = "-", in[FORMAT_SIZE] = "-", out[FORMAT_SIZE] = "-";
	if (s->has_cpu)
		format_duration(s->cpu_usage_ns, cpu);
	if (s->has_memory) {
		format_bytes(s->memory_usage, usage);
		format_bytes(s->memory_peak, peak);
		format_bytes(s->memory_limit, limit);
		snprintf(kills, sizeof(kills), "%llu", (unsigned long long)s->oom_kills);
	}
	if (s->has_processes)
		snprintf(processes, sizeof(processes), "%llu", (unsigned long long)s->processes);
	if (s->has_io) {
		format_bytes(s->io_read_bytes, in);
		format_bytes(s->io_write_bytes, out);
	}
	const char *const cells[] = {name, cpu, usage, peak, limit, kills, processes, in, out};
	return entry_row(entry, cells, sizeof(cells) / sizeof(*cells));
}

static int make_entry(struct berth_container *container, const void *data, struct entry *entry)
{
	const struct stats_input *input = data;
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_stats stats = BERTH_STATS_INIT;
	/* JSON has all. */
	if (!input->json)
		stats.only = BERTH_STATS_CPU_USAGE | BERTH_STATS_MEMORY_USAGE | BERTH_STATS_MEMORY_PEAK |
			     BERTH_STATS_MEMORY_LIMIT | BERTH_STATS_OOM_KILLS | BERTH_STATS_PROCESSES | BERTH_STATS_IO;
	int result = berth_container_stats(container, &stats, &error);
	/* Of all those that run, one that ends meanwhile, or is only being made, is left out. */
	if (result < 0 && !input->names.n &&
	    (result == -ESRCH || result == -EAGAIN || berth_container_state(container) == BERTH_ENDED))
		return 0;
	if (result < 0)
		return cli_fail(&error);
	const char *name = berth_container_name(container);
	return input->json ? entry_json(entry, stats_json(name, &stats)) : stats_row(name, &stats, entry);
}

static void add_named(struct berth *berth, const struct stats_input *input, struct listing *listing)
{
	struct berth_error error = BERTH_ERROR_INIT;
	for (int i = 0; i < input->names.n; i++) {
		cleanup_container struct berth_container *container = NULL;
		if (cli_find(berth, input->names.words[i], &container, &error) < 0)
			listing->status = cli_fail(&error);
		else
			listing_add(listing, container, make_entry, input);
	}
}

int cli_stats(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "[NAME...]",
		"Show what containers use now: CPU time, memory, its peak and limit, processes killed "
		"at that limit, processes, bytes read and written. Without NAME: all that run, "
		"in the order of their launch."
		"\v"
		"A dash stands for what this machine's cgroups do not count, or for no limit; in JSON "
		"it is null. JSON objects hold name, cpu {usage_ns, user_ns, system_ns, throttled_ns, "
		"shares}, memory {usage, peak, limit, rss, cache, swap, swap_limit, oom_kills}, "
		"processes {count, limit}, io {read_bytes, write_bytes}.\n"
		"\n"
		"Examples:\n"
		"  berth stats\n"
		"  berth stats web --json | jq '.[0].memory.peak'",
		NULL};
	static const char *const head[] = {"NAME",      "CPU TIME", "MEMORY", "PEAK",   "LIMIT",
					   "OOM KILLS", "TASKS",    "READ",   "WRITTEN"};
	cleanup_berth struct berth *berth = NULL;
	struct stats_input input = {.names = {.what = "container", .maximum = argc}};
	struct berth_error error = BERTH_ERROR_INIT;
	struct listing listing = {0};

	if (cli_parse(&args, argc, argv, false, &input, &input.error) < 0)
		return ERROR_STATUS_FAILED;
	if (cli_open(&berth, &error) < 0)
		return cli_fail(&error);
	if (input.names.n)
		add_named(berth, &input, &listing);
	else
		listing_add_all(&listing, berth, make_entry, &input);
	return listing_print(&listing, input.json, head, sizeof(head) / sizeof(*head));
}
