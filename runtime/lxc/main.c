/* SPDX-License-Identifier: Apache-2.0 */
/* One program for all lxc-* commands: which one it is, its own name tells, or its first argument. */
#include <stdio.h>
#include <string.h>

#include "runtime/lxc/commands.h"
#include "runtime/lxc/tool.h"

static const struct {
	const char *name; /* whole, as it stands in complaints and logs */
	int (*run)(int argc, char **argv);
	const char *purpose;
} commands[] = {
	{"lxc-attach", lxc_attach, "run one more command in a container"},
	{"lxc-cgroup", lxc_cgroup, "read or write a file of a container's cgroups"},
	{"lxc-checkconfig", lxc_checkconfig, "try what containers need on this machine"},
	{"lxc-execute", lxc_execute, "run a command in a container of its own"},
	{"lxc-freeze", lxc_freeze, "freeze a container"},
	{"lxc-info", lxc_info, "tell a container's state, process and use of resources"},
	{"lxc-kill", lxc_kill, "send a container's command a signal"},
	{"lxc-ls", lxc_ls, "list containers"},
	{"lxc-monitor", lxc_monitor, "print changes of containers' states"},
	{"lxc-ps", lxc_ps, "list the processes inside containers"},
	{"lxc-stop", lxc_stop, "kill a container and wait until it is gone"},
	{"lxc-unfreeze", lxc_unfreeze, "thaw a frozen container"},
	{"lxc-version", lxc_version, "print the version"},
	{"lxc-wait", lxc_wait, "wait for a container's state"},
};
enum { N_COMMANDS = sizeof(commands) / sizeof(*commands) };

static int usage(FILE *out, int status)
{
	fputs("Usage: berth-lxc COMMAND ARGUMENT...\n   or: lxc-COMMAND ARGUMENT...\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-16s %s\n", commands[i].name + 4, commands[i].purpose);
	fprintf(out, "\nberth %s's stand-ins for LXC's commands. See berth-lxc(7).\n", berth_version());
	return status;
}

int main(int argc, char **argv)
{
	char name[32];
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *called = argc > 0 ? slash ? slash + 1 : argv[0] : "berth-lxc";
	if (strncmp(called, "lxc-", 4) != 0) {
		if (argc < 2)
			return usage(stderr, TOOL_FAILED);
		argc--;
		argv++;
		if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "help") == 0)
			return usage(stdout, 0);
		snprintf(name, sizeof(name), "lxc-%s", argv[0]);
		called = name;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(called, commands[i].name) == 0) {
			argv[0] = (char *)commands[i].name;
			return commands[i].run(argc, argv);
		}
	fputs("berth-lxc: there is no command '", stderr);
	tool_print(stderr, called);
	fputs("'\n", stderr);
	return usage(stderr, TOOL_FAILED);
}
