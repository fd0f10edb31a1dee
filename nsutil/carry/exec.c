/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/carry/carry.h"

/* What the caller ignored or blocked must not reach the command: it starts with every signal at its default. */
static void reset_signals(void)
{
	/* The raw call, with the kernel's own struct, all zero in every architecture: a C library's would leave some
	 * out. */
	static const unsigned long standard[8];
	for (int signal = 1; signal < NSIG; signal++)
		syscall(SYS_rt_sigaction, signal, standard, NULL, _NSIG / 8);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, standard, NULL, _NSIG / 8);
}

/* Puts the step's list into the room as a NULL-terminated array that points into the plan. */
static char **list_lay(const struct carrier *carrier, const struct plan_step *step, char **room)
{
	const char *text = carry_bytes(carrier, step->list);
	for (uint32_t i = 0; i < step->list_count; i++) {
		room[i] = (char *)text;
		text += strlen(text) + 1;
	}
	room[step->list_count] = NULL;
	return room;
}

int step_environment(struct carrier *carrier, const struct plan_step *step)
{
	carrier->environment = list_lay(carrier, step, carrier->slots);
	carrier->slots += step->list_count + 1;
	return 0;
}

/* directory/command, or ./command where the directory's name is empty. 0, or -ENAMETOOLONG. */
static int candidate_make(const char *directory, size_t length, const char *command, char candidate[PATH_MAX])
{
	size_t command_size = strlen(command) + 1;
	if (length + 1 + command_size >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(candidate, directory, length);
	if (length == 0)
		candidate[length++] = '.';
	candidate[length] = '/';
	memcpy(candidate + length + 1, command, command_size);
	return 0;
}

/* Tries command in each directory of path, as execvp(3) does, but never hands a script to a shell. Returns -errno. */
static int search(const struct carrier *carrier, const char *command, const char *path, char **argv)
{
	int best = ENOENT;
	char candidate[PATH_MAX];
	for (const char *directory = path;;) {
		size_t length = strcspn(directory, ":");
		if (candidate_make(directory, length, command, candidate) == 0) {
			execve(candidate, argv, carrier->environment);
			/* Not here: look on. There but no good: look on, and tell of it in the end. */
			if (errno == EACCES)
				best = EACCES;
			else if (errno != ENOENT && errno != ENOTDIR)
				return -errno;
		}
		if (!directory[length])
			return -best;
		directory += length + 1;
	}
}

int step_exec(struct carrier *carrier, const struct plan_step *step)
{
	char **argv = list_lay(carrier, step, carrier->slots);
	const char *command = step_text(carrier, step);
	if (!*command)
		return -ENOENT; /* as execvp(3) has it: found in a PATH it would be the directory */
	umask(carrier->umask);
	reset_signals();
	int code = carrier->executing ? carrier->executing(carrier) : 0;
	if (code == 0 && carrier->filter && (code = filter_load(carrier, carrier->filter)) < 0)
		/* It is that step which failed. */
		carrier->current = (uint32_t)(carrier->filter - carrier->plan.steps);
	if (code < 0)
		return code;
	if (strchr(command, '/')) {
		execve(command, argv, carrier->environment);
		return -errno;
	}
	return search(carrier, command, step_text2(carrier, step), argv);
}
