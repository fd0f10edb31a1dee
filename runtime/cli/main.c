/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cli/cli.h"

struct command {
	const char *name;
	const char *help;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{"run", "Run a command in a container", cli_run},
	{"plan", "Show what run would do, and do nothing", cli_plan},
	{"ps", "List containers", cli_ps},
	{"inspect", "Show everything known of a container", cli_inspect},
	{"stats", "Show what containers use", cli_stats},
	{"exec", "Run one more command in a container", cli_exec},
	{"update", "Change a container's limits", cli_update},
	{"kill", "Kill a container, or send its command a signal", cli_kill},
	{"stop", "Ask a container to end, then kill it", cli_stop},
	{"wait", "Wait for containers to end", cli_wait},
	{"pause", "Freeze a container's processes", cli_pause},
	{"resume", "Thaw them", cli_resume},
	{"rm", "Forget containers that have ended", cli_rm},
	{"root", "List and remove the roots frameworks keep", cli_root},
	{"gc", "Remove what dead launchers left behind", cli_gc},
	{"check", "Try whether this machine can run containers", cli_check},
	{"version", "Show the versions of berth, the kernel and its cgroups", cli_version},
};
#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Single-letter edits between two words (Levenshtein), for short words. */
static unsigned int edits_between(const char *a, const char *b)
{
	enum { MOST = 24 };
	unsigned int row[MOST + 1];
	size_t length = strlen(b);
	if (strlen(a) > MOST || length > MOST)
		return MOST;
	for (unsigned int j = 0; j <= length; j++)
		row[j] = j;
	for (unsigned int i = 1; a[i - 1]; i++) {
		unsigned int diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[length];
}

static int command_unknown(const char *name)
{
	const struct command *nearest = NULL;
	unsigned int least = 3; /* further away it is no typing error */

	for (size_t i = 0; i < N_COMMANDS; i++) {
		unsigned int edits = edits_between(name, commands[i].name);
		if (edits < least && edits < strlen(commands[i].name)) {
			least = edits;
			nearest = &commands[i];
		}
	}
	if (nearest)
		return cli_misuse("'%.100s' is no command of berth, the nearest is '%s'", name, nearest->name);
	return cli_misuse("'%.100s' is no command of berth", name);
}

static void help_print(FILE *out)
{
	fputs("Usage: berth COMMAND [OPTION...] [ARG...]\n"
	      "Run commands in namespaces, a root and cgroups of their own.\n\n"
	      "Commands:\n",
	      out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	fputs("\n"
	      "  berth COMMAND --help   shows a command's options, with examples\n"
	      "  berth --version        shows the version\n\n"
	      "Examples:\n"
	      "  berth check\n"
	      "  berth run -c 0.5 -m 256M -- make -j4\n"
	      "  berth run -t bash\n\n"
	      "Environment:\n"
	      "  BERTH_STATE_ROOT  where containers are recorded (default /run/berth;\n"
	      "                    an ordinary user's: $XDG_RUNTIME_DIR/berth)\n"
	      "  BERTH_DATA_ROOT   where framework roots are kept (default /var/lib/berth)\n",
	      out);
}

/* argv[0] is the command's own name. */
static int command_run(const struct command *command, int argc, char **argv)
{
	/* Help and cli_complain show it: "berth run: ..." */
	char name[32];
	snprintf(name, sizeof(name), "berth %s", command->name);
	argv[0] = name;
	program_invocation_name = name;
	int status = cli_finish(command->run(argc, argv));
	program_invocation_name = (char *)"berth";
	return status;
}

static int help(int argc, char **argv)
{
	if (argc < 2 || argv[1][0] == '-') {
		help_print(stdout);
		return cli_finish(0);
	}
	const struct command *command = command_find(argv[1]);
	if (!command)
		return command_unknown(argv[1]);
	char *arguments[] = {argv[1], (char *)"--help", NULL};
	return command_run(command, 2, arguments);
}

/* A descriptor 0, 1 or 2 that is closed would be taken by the next thing opened, and be written to. */
static void standard_descriptors_open(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", O_RDWR); /* takes the lowest number that is free, which is this one */
}

int main(int argc, char **argv)
{
	program_invocation_name = (char *)"berth";
	standard_descriptors_open();
	/* Inherited SIG_IGN would make the kernel reap containers unseen. */
	signal(SIGCHLD, SIG_DFL);

	if (argc < 2)
		return cli_misuse("no command given");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("berth %s\n", berth_version());
		return cli_finish(0);
	}
	if (argv[1][0] == '-')
		return cli_misuse("unknown option '%.100s'", argv[1]);
	const struct command *command = command_find(argv[1]);
	return command ? command_run(command, argc - 1, argv + 1) : command_unknown(argv[1]);
}
