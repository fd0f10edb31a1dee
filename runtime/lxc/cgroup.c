/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/lxc/commands.h"
#include "runtime/lxc/tool.h"
#include "runtime/lxc/values.h"

struct cgroup {
	struct tool tool;
	const char *file, *value;
	bool wait;
};

enum { KEY_WAIT = 0x100, KEY_RCFILE, CONTENT_MOST = 1 << 16 };

static const struct args_option options[] = {
	{"wait", KEY_WAIT, NULL, 0, "With a memory limit: return when it is reached, telling how it gets on", 0},
	{"rcfile", KEY_RCFILE, "FILE", ARGS_HIDDEN, NULL, 0},
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct cgroup *cgroup = state->input;
	switch (key) {
	case KEY_WAIT:
		cgroup->wait = true;
		return 0;
	case KEY_RCFILE:
		tool_refuse(state, "--rcfile", "the container's cgroups are found by its name");
	case ARGS_WORD:
		if (cgroup->value)
			return ARGS_UNKNOWN;
		*(cgroup->file ? &cgroup->value : &cgroup->file) = argument;
		return 0;
	case ARGS_END:
		if (!cgroup->file)
			tool_misuse(state, "no file of a cgroup was named, like memory.limit_in_bytes");
		return 0;
	default:
		return ARGS_UNKNOWN;
	}
}

static double mebibytes(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

static void tell(const struct berth_scale *scale, void *data)
{
	struct tool *tool = data;
	bool terminal = isatty(STDERR_FILENO);
	tool_log(tool, LEVEL_DEBUG, "memory %llu, limit %llu, target %llu, after %llu ms",
		 (unsigned long long)scale->usage, (unsigned long long)scale->limit, (unsigned long long)scale->target,
		 (unsigned long long)scale->elapsed_ms);
	if (tool->quiet)
		return;
	fprintf(stderr, "%smemory %.1f MiB, to be %.1f MiB; limit now %.1f MiB; %.1f s%s%s", terminal ? "\r\033[K" : "",
		mebibytes(scale->usage), mebibytes(scale->target), mebibytes(scale->limit),
		(double)scale->elapsed_ms / 1000, scale->lenient ? ", the host has memory to spare" : "",
		terminal && !scale->done ? "" : "\n");
}

static int write_and_wait(struct cgroup *cgroup, struct berth_container *container, struct berth_error *error)
{
	uint64_t bytes;
	if (strcmp(cgroup->file, "memory.limit_in_bytes") != 0 && strcmp(cgroup->file, "memory.max") != 0) {
		tool_log(&cgroup->tool, LEVEL_ERROR, "--wait is for a memory limit, not for %s", cgroup->file);
		return TOOL_FAILED;
	}
	if (strcmp(cgroup->value, "-1") == 0 || strcmp(cgroup->value, "max") == 0)
		bytes = BERTH_UNLIMITED;
	else if (!lxc_value_bytes(cgroup->value, &bytes) || bytes == 0) {
		tool_log(&cgroup->tool, LEVEL_ERROR, "'%s' is no memory limit", cgroup->value);
		return TOOL_FAILED;
	}
	int code = berth_container_scale(container, bytes, tell, &cgroup->tool, error);
	return code < 0 ? tool_fail(&cgroup->tool, error) : 0;
}

static int content_print(struct cgroup *cgroup, struct berth_container *container, struct berth_error *error)
{
	cleanup_free char *content = malloc(CONTENT_MOST);
	ssize_t length =
		content ? berth_container_cgroup_read(container, cgroup->file, content, CONTENT_MOST, error) : -ENOMEM;

	if (length < 0)
		return tool_fail(&cgroup->tool, error);
	fwrite(content, 1, (size_t)length, stdout);
	if (length == 0 || content[length - 1] != '\n')
		putchar('\n');
	return tool_flush(&cgroup->tool, 0);
}

int lxc_cgroup(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "FILE [VALUE]",
		"Print a file of a container's cgroups, or write a value to it."
		"\v"
		"A memory limit below what is in use is reached by and by, in the container's grace period; when that "
		"is "
		"over the container is killed. This command returns as soon as the limit has been accepted.",
		NULL};
	cleanup_berth struct berth *berth = NULL;
	cleanup_container struct berth_container *container = NULL;
	struct cgroup cgroup = {.tool = TOOL_INIT(TOOL_NAME_NEEDED)};
	struct berth_error error = BERTH_ERROR_INIT;

	tool_parse(&cgroup.tool, &args, argc, argv);
	if (tool_open(&cgroup.tool, &berth, &error) < 0)
		return tool_fail(&cgroup.tool, &error);
	int code = tool_find(&cgroup.tool, berth, &container, &error);
	if (code == -ENOENT) {
		tool_log(&cgroup.tool, LEVEL_ERROR, "'%s' is not running", cgroup.tool.name);
		return TOOL_FAILED;
	}
	if (code < 0)
		return tool_fail(&cgroup.tool, &error);
	if (!cgroup.value)
		return content_print(&cgroup, container, &error);
	if (cgroup.wait)
		return write_and_wait(&cgroup, container, &error);
	code = berth_container_cgroup_write(container, cgroup.file, cgroup.value, &error);
	if (code < 0)
		return tool_fail(&cgroup.tool, &error);
	tool_log(&cgroup.tool, LEVEL_INFO, "%s = %s", cgroup.file, cgroup.value);
	return 0;
}
