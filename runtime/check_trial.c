/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that try something and end. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/clone.h"
#include "runtime/check.h"

enum { STACK_SIZE = 32 << 10 };

/* The exit signal is none: the caller's SIGCHLD handler and its wait(-1) hear nothing of trials. clone(2), __WALL */
int trial_start(const struct trial_options *options, int (*run)(void *argument), void *argument, struct trial *trial)
{
	__attribute__((aligned(16))) char stack[STACK_SIZE];
	sigset_t all, saved;
	*trial = (struct trial){.pidfd = -1};
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &saved);
	long pid;
	if (options->clone3) {
		struct clone_args args = {
			.flags = options->flags | CLONE_PIDFD,
			.pidfd = (uint64_t)(uintptr_t)&trial->pidfd,
			.stack = (uint64_t)(uintptr_t)stack,
			.stack_size = sizeof stack,
			.cgroup = (uint64_t)options->cgroup,
		};
		pid = clone3_call(&args, sizeof args, run, argument);
	} else {
		pid = clone(run, stack + sizeof stack, (int)(options->flags | CLONE_PIDFD), argument, &trial->pidfd);
		if (pid < 0)
			pid = -errno;
	}
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	trial->pid = (pid_t)pid;
	return pid < 0 ? (int)pid : 0;
}

/* 0 when the process has ended, else -ETIMEDOUT. */
static int trial_wait(const struct trial *trial, int timeout_ms)
{
	struct pollfd ended = {.fd = trial->pidfd, .events = POLLIN};
	uint64_t deadline = now_ns() + (uint64_t)timeout_ms * 1000000U;
	for (uint64_t now; trial->pidfd >= 0 && (now = now_ns()) < deadline;) {
		int ready = poll(&ended, 1, (int)((deadline - now) / 1000000U) + 1);
		if (ready > 0 || (ready < 0 && errno != EINTR))
			return 0;
	}
	return trial->pidfd < 0 ? 0 : -ETIMEDOUT;
}

int trial_end(struct trial *trial, int timeout_ms)
{
	siginfo_t info = {0};
	int result = trial_wait(trial, timeout_ms);
	if (result < 0)
		kill(trial->pid, SIGKILL); /* not reaped yet, so the pid is still its own */
	while (waitid(P_PID, (id_t)trial->pid, &info, WEXITED | __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	if (trial->pidfd >= 0)
		close(trial->pidfd);
	*trial = (struct trial){.pidfd = -1};
	if (result < 0)
		return result;
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

int trial_run(const struct trial_options *options, int (*run)(void *argument), void *argument)
{
	struct trial trial;
	int result = trial_start(options, run, argument, &trial);
	return result < 0 ? result : trial_end(&trial, TRIAL_TIMEOUT_MS);
}
