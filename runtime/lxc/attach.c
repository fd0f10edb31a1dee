/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "runtime/lxc/commands.h"
#include "runtime/lxc/one.h"
#include "runtime/lxc/terminal.h"
#include "runtime/lxc/values.h"

struct attach {
	struct tool tool;
	char **command;
	char **environment; /* -v, --keep-var */
	char *uid, *gid;
	bool clear;
};

enum { KEY_CLEAR = 0x100, KEY_KEEP, KEY_KEEP_VAR };

static const struct args_option options[] = {
	{"uid", 'u', "UID", 0, "Run the command as this user", 0},
	{"gid", 'g', "GID", 0, "Run the command with this group", 0},
	{"clear-env", KEY_CLEAR, NULL, 0, "Start with an empty environment", 0},
	{"set-var", 'v', "NAME=VALUE", 0, "Set a variable", 0},
	{"keep-var", KEY_KEEP_VAR, "NAME", 0, "Take a variable's value from here", 0},
	{"keep-env", KEY_KEEP, NULL, ARGS_HIDDEN, NULL, 0},
	{"elevated-privileges", 'e', "PRIVILEGES", ARGS_HIDDEN | ARGS_OPTIONAL, NULL, 0},
	{"arch", 'a', "ARCH", ARGS_HIDDEN, NULL, 0},
	{"namespaces", 's', "FLAGS", ARGS_HIDDEN, NULL, 0},
	{"remount-sys-proc", 'R', NULL, ARGS_HIDDEN, NULL, 0},
	{"pty-log", 'L', "FILE", ARGS_HIDDEN, NULL, 0},
	{"context", 'c', "CONTEXT", ARGS_HIDDEN, NULL, 0},
	{"rcfile", 'f', "FILE", ARGS_HIDDEN, NULL, 0},
	{0},
};

static int refuse(int key, const struct args_state *state)
{
	static const struct {
		int key;
		const char *option, *why;
	} refused[] = {
		{KEY_KEEP, "--keep-env", "the command gets the environment of the container's; see --keep-var"},
		{'e', "--elevated-privileges", "what joins a container gets its privileges, and no more"},
		{'a', "--arch", "see setarch(8)"},
		{'s', "--namespaces", "what joins a container joins all of it; see nsenter(1)"},
		{'R', "--remount-sys-proc", "the container's own are there"},
		{'L', "--pty-log", "see script(1)"},
		{'c', "--context", "there are no SELinux contexts"},
		{'f', "--rcfile", "nothing is configured about this"},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (refused[i].key == key)
			tool_refuse(state, refused[i].option, refused[i].why);
	return ARGS_UNKNOWN;
}

static int parse(int key, char *argument, struct args_state *state)
{
	struct attach *attach = state->input;
	switch (key) {
	case 'u':
		attach->uid = argument;
		return 0;
	case 'g':
		attach->gid = argument;
		return 0;
	case KEY_CLEAR:
		attach->clear = true;
		return 0;
	case 'v':
	case KEY_KEEP_VAR:
		if ((key == 'v') != (strchr(argument, '=') > argument))
			tool_misuse(state, "'%s' is not of the form %s", argument, key == 'v' ? "NAME=VALUE" : "NAME");
		return lxc_strings_add(&attach->environment, argument) < 0 ? ENOMEM : 0;
	case ARGS_WORD:
		attach->command = tool_take_rest(state);
		return 0;
	default:
		return refuse(key, state);
	}
}

static int run(struct attach *attach, struct berth_container *container, const char *user)
{
	static const char *const shell[] = {"/bin/sh", NULL};
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_process *process;
	struct winsize size = {0};
	struct berth_exec_options exec = BERTH_EXEC_OPTIONS_INIT;
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	int status = 0;
	exec.argv = attach->command ? (const char *const *)attach->command : shell;
	exec.env = (const char *const *)attach->environment;
	exec.user = user;
	exec.flags = BERTH_DIE_WITH_THREAD | (attach->clear ? BERTH_ENV_CLEAR : 0) | (terminal ? BERTH_TTY : 0);
	if (terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		exec.tty_rows = size.ws_row;
		exec.tty_columns = size.ws_col;
	}
	if (berth_container_exec(container, &exec, &process, &error) < 0) {
		tool_fail(&attach->tool, &error);
		return error.exit_status == 126 || error.exit_status == 127 ? error.exit_status : TOOL_FAILED;
	}
	if (terminal)
		terminal_relay(berth_process_tty(process), berth_process_pidfd(process));
	int code = berth_process_wait(process, -1, &status, &error);
	berth_process_close(process);
	if (code < 0)
		return tool_fail(&attach->tool, &error);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int lxc_attach(int argc, char **argv)
{
	static const struct args args = {options, parse, "[--] [COMMAND [ARGUMENT...]]",
					 "Run one more command in a container, by default /bin/sh."
					 "\v"
					 "It has a terminal of its own when standard input and output are one. Ends "
					 "with the command's own status, "
					 "or 128 + N when signal N killed it.",
					 NULL};
	cleanup_berth struct berth *berth = NULL;
	cleanup_container struct berth_container *container = NULL;
	cleanup_free char *user = NULL;
	struct attach attach = {.tool = TOOL_INIT(TOOL_NAME_NEEDED)};

	attach.tool.command_follows = true;
	tool_parse(&attach.tool, &args, argc, argv);
	container = one_find(&attach.tool, &berth);
	if (!container)
		return TOOL_FAILED;
	if ((attach.uid || attach.gid) && asprintf(&user, "%s%s%s", attach.uid ? attach.uid : "0",
						   attach.gid ? ":" : "", attach.gid ? attach.gid : "") < 0)
		user = NULL;
	int status = run(&attach, container, user);
	lxc_strings_free(&attach.environment);
	return status;
}
