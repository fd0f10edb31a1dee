/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catch [group]: says "ready", then "signal N" for each signal it gets, and ends when it gets SIGUSR2. With group, a
 * child in the same process group does likewise and says "child signal N". Raw system calls, because the C library
 * keeps some signals to itself.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

static const unsigned long all = ~0UL;

static void catch (const char *prefix, const char *opening)
{
	printf("%s\n", opening);
	for (;;) {
		int signal = (int)syscall(SYS_rt_sigtimedwait, &all, NULL, NULL, sizeof all);
		if (signal < 0)
			continue;
		printf("%ssignal %d\n", prefix, signal);
		if (signal == SIGUSR2)
			return;
	}
}

int main(int argc, char **argv)
{
	say_line_by_line();
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
	if (argc > 1 && strcmp(argv[1], "group") == 0) {
		pid_t child = fork();
		if (child < 0)
			return 97;
		if (child == 0) {
			catch ("child ", "child ready");
			_exit(0);
		}
		catch ("", "ready");
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		return 0;
	}
	catch ("", "ready");
	return 0;
}
