/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "runtime/lxc/apply.h"
#include "runtime/lxc/commands.h"
#include "runtime/lxc/foreground.h"
#include "runtime/lxc/tool.h"
#include "runtime/lxc/values.h"

struct execute {
	struct tool tool;
	const char *file;   /* -f */
	char **definitions; /* -s, in their order */
	char *uid, *gid;    /* -u, -g */
	char **command;
};

static const struct args_option options[] = {
	{"rcfile", 'f', "FILE", 0, "Read this configuration file instead of the one for all", 0},
	{"define", 's', "KEY=VALUE", 0, "Set a configuration key, over the file's", 0},
	{"uid", 'u', "UID", 0, "Run the command as this user", 0},
	{"gid", 'g', "GID", 0, "Run the command with this group", 0},
	{"daemon", 'd', NULL, ARGS_HIDDEN, NULL, 0},
	{"share-net", 0x100, "NAME", ARGS_HIDDEN, NULL, 0},
	{"share-ipc", 0x101, "NAME", ARGS_HIDDEN, NULL, 0},
	{"share-uts", 0x102, "NAME", ARGS_HIDDEN, NULL, 0},
	{"share-pid", 0x103, "NAME", ARGS_HIDDEN, NULL, 0},
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct execute *execute = state->input;
	switch (key) {
	case 'f':
		execute->file = argument;
		return 0;
	case 's':
		return lxc_strings_add(&execute->definitions, argument) < 0 ? ENOMEM : 0;
	case 'u':
		execute->uid = argument;
		return 0;
	case 'g':
		execute->gid = argument;
		return 0;
	case 'd':
		tool_refuse(state, "--daemon", "the container ends with lxc-execute, which waits for it");
	case 0x100:
	case 0x101:
	case 0x102:
	case 0x103:
		tool_refuse(state, "--share-...", "containers share namespaces with the host alone");
	case ARGS_WORD:
		execute->command = tool_take_rest(state);
		return 0;
	case ARGS_END:
		if (!execute->command)
			tool_misuse(state, "no command was given");
		return 0;
	default:
		return ARGS_UNKNOWN;
	}
}

/* The file for all need not be there, unless it was asked for. */
static int configuration_read(const struct execute *execute, struct lxc_config *config, struct berth_error *error)
{
	const char *given = secure_getenv("BERTH_LXC_CONF");
	const char *file = execute->file ? execute->file : given && *given ? given : "/etc/berth/lxc.conf";
	bool asked = execute->file || (given && *given);
	int code = asked || access(file, F_OK) == 0 ? lxc_config_read(config, file, error) : 0;
	for (char **definition = execute->definitions; code == 0 && definition && *definition; definition++)
		code = lxc_config_define(config, *definition, error);
	const char *const ids[] = {execute->uid, execute->gid};
	for (int i = 0; code == 0 && i < 2; i++) {
		const struct lxc_where where = {.file = i ? "-g" : "-u"};
		if (ids[i])
			code = lxc_key_set(config, &where, i ? "lxc.init.gid" : "lxc.init.uid", ids[i], error);
	}
	return code;
}

/* What the file says about the log holds where the command line says nothing. */
static void log_configure(struct tool *tool, const struct lxc_config *config)
{
	if (!tool->log_path)
		tool->log_path = config->log_path;
	if (!tool->level_given && config->log_level)
		tool_level_parse(config->log_level, &tool->level);
}

static void tell_end(struct tool *tool, const struct berth_end *end)
{
	bool memory = end->reason == BERTH_OUT_OF_MEMORY || end->reason == BERTH_SCALE_DOWN;
	if (memory || end->reason == BERTH_LOST)
		tool_log(tool, LEVEL_ERROR, "container '%s' was killed: %s", tool->name, end->text);
	else if (end->oom_kills)
		/* Not the command itself, but perhaps all that it did: a launcher outlives its executor. */
		tool_log(tool, LEVEL_ERROR, "container '%s' %s", tool->name, end->text);
	else
		tool_log(tool, end->reason == BERTH_EXITED ? LEVEL_INFO : LEVEL_NOTICE, "ended: %s", end->text);
}

static int run(struct execute *execute, const struct lxc_launch *launch)
{
	cleanup_berth struct berth *berth = NULL;
	cleanup_container struct berth_container *container = NULL;
	struct tool *tool = &execute->tool;
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_end end = BERTH_END_INIT;
	foreground_prepare();
	if (tool_open(tool, &berth, &error) < 0 ||
	    foreground_launch(tool, berth, &launch->options, &container, &error) < 0) {
		lxc_launch_undo(launch);
		tool_fail(tool, &error);
		/* As a shell tells what it could not run; all else as LXC does. */
		return error.exit_status == 126 || error.exit_status == 127 ? error.exit_status : TOOL_FAILED;
	}
	tool_log(tool, LEVEL_INFO, "launched '%s', process %d, root %s, memory %llu bytes, cpu.shares %llu",
		 execute->command[0], (int)berth_container_pid(container), launch->root,
		 (unsigned long long)launch->options.resources.memory,
		 (unsigned long long)launch->options.resources.cpu_shares);
	if (foreground_attend(tool, container, &error) < 0) {
		tool_fail(tool, &error);
		berth_container_kill(container, BERTH_KILLED, NULL);
	}
	if (berth_container_wait(container, -1, &end, &error) < 0)
		return tool_fail(tool, &error);
	tell_end(tool, &end);
	return berth_end_status(&end);
}

int lxc_execute(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "[--] COMMAND [ARGUMENT...]",
		"Run a command in a container of its own, and end as it ends."
		"\v"
		"Ends with the command's own status, or 128 + N when signal N killed it; 126 or 127 when it "
		"can't be executed or isn't there, 1 when the container could not be made.\n"
		"\n"
		"The file for all is /etc/berth/lxc.conf, or $BERTH_LXC_CONF; see berth-lxc.conf(5).",
		NULL};
	struct execute execute = {.tool = TOOL_INIT(TOOL_NAME_NEEDED)};
	struct lxc_config config = LXC_CONFIG_INIT;
	struct lxc_launch launch = {0};
	struct berth_error error = BERTH_ERROR_INIT;
	int status;

	execute.tool.command_follows = true;
	tool_parse(&execute.tool, &args, argc, argv);
	int code = configuration_read(&execute, &config, &error);
	log_configure(&execute.tool, &config);
	if (code == 0)
		code = lxc_apply(&config, execute.tool.name, (const char *const *)execute.command, &launch, &error);
	if (code == 0) {
		status = run(&execute, &launch);
	} else {
		lxc_launch_undo(&launch);
		status = tool_fail(&execute.tool, &error);
	}
	lxc_launch_free(&launch);
	lxc_config_free(&config);
	lxc_strings_free(&execute.definitions);
	return status;
}
