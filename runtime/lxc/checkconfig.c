/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "runtime/lxc/commands.h"
#include "runtime/lxc/one.h"

static void tell(const struct berth_finding *finding, void *data)
{
	const char *verdict = finding->verdict == BERTH_PASS   ? "enabled"
			      : finding->verdict == BERTH_WARN ? "enabled, but"
							       : "missing";

	(void)data;
	printf("%s: %s", finding->name, verdict);
	if (finding->verdict != BERTH_PASS && finding->text) {
		fputs(" (", stdout);
		tool_print(stdout, finding->text);
		fputs(finding->remedy ? "; " : "", stdout);
		tool_print(stdout, finding->remedy ? finding->remedy : "");
		putchar(')');
	}
	putchar('\n');
}

int lxc_checkconfig(int argc, char **argv)
{
	static const struct args args = {
		NULL, NULL, "",
		"Try each thing that containers need on this machine, and tell which are enabled."
		"\v"
		"Exits with 1 when something is missing. `berth check` tells more.",
		NULL};
	cleanup_berth struct berth *berth = NULL;
	struct tool tool = TOOL_INIT(TOOL_NO_NAME);
	struct berth_error error = BERTH_ERROR_INIT;

	tool_parse(&tool, &args, argc, argv);
	if (tool_open(&tool, &berth, &error) < 0)
		return tool_fail(&tool, &error);
	printf("cgroup: %s\n", berth_cgroup_layout(berth));
	int failures = berth_check(berth, tell, NULL, &error);
	if (failures < 0)
		return tool_fail(&tool, &error);
	return tool_flush(&tool, failures ? TOOL_FAILED : 0);
}
