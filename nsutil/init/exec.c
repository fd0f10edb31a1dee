/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/init/init.h"

/* What the caller ignored or blocked must not reach the command: it starts with every signal at its default. */
static void reset_signals(void)
{
	/* The raw call, with the kernel's own struct, all zero in every architecture: musl's would leave three out. */
	static const unsigned long standard[8];
	for (int signal = 1; signal < NSIG; signal++)
		syscall(SYS_rt_sigaction, signal, standard, NULL, _NSIG / 8);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int step_environment(struct init *init, const struct plan_step *step)
{
	init->environment = step_list(init, step);
	return init->environment ? 0 : -ENOMEM;
}

/* Tries command in each directory of path, as execvp(3) does, but never hands a script to a shell. Returns -errno. */
static int search(const struct init *init, const char *command, const char *path, char **argv)
{
	int best = ENOENT;
	for (const char *directory = path;;) {
		size_t length = strcspn(directory, ":");
		char candidate[4096];
		int size = snprintf(candidate, sizeof candidate, "%.*s%s%s", (int)length, directory,
				    length ? "/" : "./", command);
		if (size > 0 && (size_t)size < sizeof candidate) {
			execve(candidate, argv, init->environment);
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

int step_exec(struct init *init, const struct plan_step *step)
{
	char **argv = step_list(init, step);
	if (!argv)
		return -ENOMEM;
	const char *command = step_text(init, step);
	if (!*command)
		return -ENOENT; /* as execvp(3) has it: found in a PATH it would be the directory */
	umask(init->umask);
	reset_signals();
	int code = report(init, PLAN_REPORT_EXECUTING, 0, -1);
	if (code == 0 && init->filter && (code = seccomp_load(init, init->filter)) < 0)
		/* It is that step which failed. */
		init->current = (uint32_t)(init->filter - plan_steps(init->plan));
	if (code < 0)
		return code;
	if (strchr(command, '/')) {
		execve(command, argv, init->environment);
		return -errno;
	}
	return search(init, command, step_text2(init, step), argv);
}
