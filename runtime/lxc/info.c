/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/lxc/commands.h"
#include "runtime/lxc/one.h"

struct info {
	struct tool tool;
	bool state, pid, stats; /* what is asked for; none: all */
	bool raw;
};

enum { KEY_RCFILE = 0x100 };

static const struct args_option options[] = {
	{"state", 's', NULL, 0, "Only the state", 0},
	{"pid", 'p', NULL, 0, "Only the process ID of the container's init", 0},
	{"stats", 'S', NULL, 0, "Only what it uses", 0},
	{"no-humanize", 'H', NULL, 0, "Plain numbers: nanoseconds, bytes", 0},
	{"ips", 'i', NULL, ARGS_HIDDEN, NULL, 0},
	{"config", 'c', "KEY", ARGS_HIDDEN, NULL, 0},
	{"rcfile", KEY_RCFILE, "FILE", ARGS_HIDDEN, NULL, 0},
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct info *info = state->input;
	(void)argument;
	switch (key) {
	case 's':
		info->state = true;
		return 0;
	case 'p':
		info->pid = true;
		return 0;
	case 'S':
		info->stats = true;
		return 0;
	case 'H':
		info->raw = true;
		return 0;
	case 'i':
		tool_refuse(state, "--ips", "containers have the host's addresses");
	case 'c':
		tool_refuse(state, "--config",
			    "a file of its cgroups is printed by lxc-cgroup, all else by berth inspect");
	case KEY_RCFILE:
		tool_refuse(state, "--rcfile", "nothing is configured about this");
	default:
		return ARGS_UNKNOWN;
	}
}

/* LXC's columns; with -H and one thing asked for, the value alone. */
static void line_print(const struct info *info, const char *title, const char *value)
{
	if (info->raw && info->state + info->pid == 1 && !info->stats)
		puts(value);
	else
		printf("%-15s %s\n", title, value);
}

static void bytes_print(const struct info *info, const char *title, uint64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	char text[64];
	double value = (double)bytes;
	size_t unit = 0;
	if (info->raw || bytes < 1024) {
		snprintf(text, sizeof(text), info->raw ? "%llu" : "%llu bytes", (unsigned long long)bytes);
	} else {
		for (; value >= 1024 && unit < 4; unit++)
			value /= 1024;
		snprintf(text, sizeof(text), "%.2f %s", value, units[unit]);
	}
	line_print(info, title, text);
}

static void stats_print(const struct info *info, const struct berth_stats *stats)
{
	char text[64];
	if (stats->has_cpu) {
		if (info->raw)
			snprintf(text, sizeof(text), "%llu", (unsigned long long)stats->cpu_usage_ns);
		else
			snprintf(text, sizeof(text), "%.2f seconds", (double)stats->cpu_usage_ns / 1e9);
		line_print(info, "CPU use:", text);
	}
	if (stats->has_io)
		bytes_print(info, "BlkIO use:", stats->io_read_bytes + stats->io_write_bytes);
	if (stats->has_memory)
		bytes_print(info, "Memory use:", stats->memory_usage);
}

static void name_print(const struct info *info)
{
	if (info->state || info->pid || info->stats)
		return;
	printf("%-15s ", "Name:");
	tool_print(stdout, info->tool.name);
	putchar('\n');
}

int lxc_info(int argc, char **argv)
{
	static const struct args args = {options, parse, "", "Tell a container's state, process, and what it uses.",
					 NULL};
	cleanup_berth struct berth *berth = NULL;
	cleanup_container struct berth_container *container = NULL;
	struct info info = {.tool = TOOL_INIT(TOOL_NAME_NEEDED)};
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_stats stats = BERTH_STATS_INIT;
	char pid[16];

	tool_parse(&info.tool, &args, argc, argv);
	if (tool_open(&info.tool, &berth, &error) < 0)
		return tool_fail(&info.tool, &error);
	int code = berth_container_find(berth, info.tool.name, &container, &error);
	if (code == -ENOENT) {
		tool_log(&info.tool, LEVEL_ERROR, "%s doesn't exist", info.tool.name);
		return TOOL_FAILED;
	}
	if (code < 0)
		return tool_fail(&info.tool, &error);
	bool all = !info.state && !info.pid && !info.stats;
	const char *state = tool_state_name(container);
	bool runs = strcmp(state, "RUNNING") == 0 || strcmp(state, "FROZEN") == 0;
	name_print(&info);
	if (all || info.state)
		line_print(&info, "State:", state);
	snprintf(pid, sizeof(pid), "%d", (int)berth_container_pid(container));
	if ((all || info.pid) && runs)
		line_print(&info, "PID:", pid);
	/* It may end in between, and then uses nothing. */
	if ((all || info.stats) && runs && berth_container_stats(container, &stats, NULL) == 0)
		stats_print(&info, &stats);
	return tool_flush(&info.tool, 0);
}
