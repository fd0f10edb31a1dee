/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lxc/one.h"

#include <errno.h>
#include <stdio.h>

#include "runtime/lxc/commands.h"

struct berth_container *one_find(struct tool *tool, struct berth **berth)
{
	struct berth_container *container = NULL;
	struct berth_error error = BERTH_ERROR_INIT;
	if (tool_open(tool, berth, &error) == 0) {
		int code = tool_find(tool, *berth, &container, &error);
		if (code == 0)
			return container;
		if (code == -ENOENT) {
			tool_log(tool, LEVEL_ERROR, "'%s' is not running", tool->name);
			return NULL;
		}
	}
	tool_fail(tool, &error);
	return NULL;
}

static int freezer(int argc, char **argv, const char *purpose,
		   int (*act)(struct berth_container *container, struct berth_error *error))
{
	const struct args args = {NULL, NULL, "", purpose, NULL};
	cleanup_berth struct berth *berth = NULL;
	cleanup_container struct berth_container *container = NULL;
	struct tool tool = TOOL_INIT(TOOL_NAME_NEEDED);
	struct berth_error error = BERTH_ERROR_INIT;
	tool_parse(&tool, &args, argc, argv);
	container = one_find(&tool, &berth);
	if (!container)
		return TOOL_FAILED;
	return act(container, &error) < 0 ? tool_fail(&tool, &error) : 0;
}

int lxc_freeze(int argc, char **argv)
{
	return freezer(argc, argv, "Freeze every process of a container, and return when it is so.",
		       berth_container_pause);
}

int lxc_unfreeze(int argc, char **argv)
{
	return freezer(argc, argv, "Thaw a frozen container.", berth_container_resume);
}

int lxc_version(int argc, char **argv)
{
	static const struct args args = {NULL, NULL, "", "Print the version.", NULL};
	struct tool tool = TOOL_INIT(TOOL_NO_NAME);
	tool_parse(&tool, &args, argc, argv);
	printf("lxc version: berth %s\n", berth_version());
	return tool_flush(&tool, 0);
}
