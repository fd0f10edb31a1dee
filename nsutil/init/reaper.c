/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init's life after the fork: reap what dies, pass on what arrives, end with the command. As PID 1 its end takes the
 * whole PID namespace along. pid_namespaces(7)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/init/init.h"

enum { STACK_SIZE = 32 << 10, PAGE_BYTES = 4096 };

/* Keyboard signals go to the whole foreground group, as a terminal would send them; others are the command's business
 * alone. */
static void forward(pid_t command, int signal)
{
	if (signal == SIGINT || signal == SIGQUIT)
		kill(-command, signal);
	else
		kill(command, signal);
}

/* What is left of its privileges: killing what runs under other users. */
static void give_up_privileges(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct keep[2] = {
		{.effective = 1U << CAP_KILL, .permitted = 1U << CAP_KILL},
	};
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	syscall(SYS_capset, &header, keep);
}

/* Waits until the command has ended, reaping whoever else dies; returns its wait status. */
static int wait_for_command(pid_t command, pid_t which)
{
	/* The raw calls: musl leaves three real-time signals out of every set, and they must be passed on too. */
	unsigned long all[_NSIG / 8 / sizeof(long)];
	memset(all, 0xff, sizeof all);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, all, NULL, sizeof all);
	for (;;) {
		siginfo_t info;
		if (syscall(SYS_rt_sigtimedwait, all, &info, NULL, sizeof all) < 0)
			continue;
		if (info.si_signo == INIT_SIGNAL_WRAPPED && info.si_code == SI_QUEUE) {
			forward(command, info.si_value.sival_int);
			continue;
		}
		/* Sent by somebody, rather than by the kernel for a child. */
		if (info.si_signo != SIGCHLD || info.si_code <= 0)
			forward(command, info.si_signo);
		if (info.si_signo != SIGCHLD)
			continue;
		int status;
		pid_t pid;
		/* One SIGCHLD may stand for many deaths. */
		while ((pid = waitpid(which, &status, WNOHANG)) > 0)
			if (pid == command)
				return status;
	}
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A process beside the container ends the way the command did, so that its parent sees the very same wait status. */
static void end_alike(int status)
{
	if (!WIFSIGNALED(status))
		return;
	struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, WTERMSIG(status));
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &one, NULL);
}

struct start {
	struct carrier *carrier;
	int gate[2]; /* a pipe; -1: none */
};

/* The command's process, from here on to its exec, mostly in the memory of this one, which is suspended meanwhile. */
static int go_on(void *argument)
{
	struct start *start = argument;
	struct carrier *carrier = start->carrier;
	char none;
	close(INIT_FD_RECORD);
	if (start->gate[1] >= 0) {
		close(start->gate[1]);
		read(start->gate[0], &none, 1);
		close(start->gate[0]);
	}
	carrier->current++;
	int code = carry_out(carrier);
	carry_report(carrier, PLAN_REPORT_FAILED, -code, -1);
	return 125;
}

/*
 * No fork(2): a copy of the page tables, and of each page that is then written to, took 70 us. But with a listener:
 * who answers tells the command's own calls from those up to its execve by the end of the status, which this process
 * must therefore have closed before, and not when the execve lets it go on.
 */
static pid_t command_start(struct start *start)
{
	static _Alignas(PAGE_BYTES) char stack[STACK_SIZE];
	bool apart = plan_has_listener(&start->carrier->plan);
	if (apart && pipe2(start->gate, O_CLOEXEC) < 0)
		return -errno;
	pid_t command = clone(go_on, stack + sizeof stack, (apart ? 0 : CLONE_VM | CLONE_VFORK) | SIGCHLD, start);
	int code = errno;
	/* Its pages need not stay beside every container. */
	madvise(stack, sizeof stack, MADV_DONTNEED);
	return command < 0 ? -code : command;
}

int step_fork(struct carrier *carrier, const struct plan_step *step)
{
	struct start start = {carrier, {-1, -1}};
	/* A caller that ignored it would have its command reaped unseen, and init waiting for ever. waitpid(2) */
	signal(SIGCHLD, SIG_DFL);
	pid_t command = command_start(&start);
	if (command < 0)
		return command;
	/* Only the child may hold these now: its exec, or its death, is what their readers wait for. */
	close(INIT_FD_STATUS);
	if (start.gate[0] >= 0) {
		close(start.gate[0]);
		close(start.gate[1]);
	}
	close(INIT_FD_NAMESPACES);
	close(INIT_FD_USERNS);
	close(0);
	close(1);
	close(2);
	if (carrier->root >= 0)
		close(carrier->root);
	give_up_privileges();
	int status = wait_for_command(command, step->flags & PLAN_JOIN ? command : -1);
	if (step->flags & PLAN_JOIN)
		end_alike(status);
	else
		pwrite(INIT_FD_RECORD, &status, sizeof status, 0);
	_exit(exit_code(status));
}
