/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a process that runs a plan: clone3(2) with CLONE_VM|CLONE_VFORK and the namespace flags, so that a large
 * caller launches as fast as a small one. On a stack of its own the child lays out its descriptors and enters its
 * cgroups. Then it executes init, which carries out the plan; or, where the command is trusted, in a PID namespace of
 * its own, with a plan that neither forks nor joins, it carries out the plan itself and executes the command.
 */
#ifndef NSUTIL_SPAWN_H
#define NSUTIL_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "nsutil/base/error.h"
#include "nsutil/plan.h"

struct spawn_options {
	int init_fd; /* init's program: a memfd from init_image_open; not used where no init is needed */
	const struct plan *plan;
	/*
	 * The command is trusted, and so is everybody who can change its root: the plan may be carried out in place.
	 * Until its execve the caller's own program is what /proc/self/exe stands for, also as an interpreter, which no
	 * look at the command beforehand can exclude: what is not trusted would get at it, to write to it later.
	 * CVE-2019-5736
	 */
	bool trusted;
	uint64_t namespaces; /* CLONE_NEW* for the new process */
	/* Cgroups: a v2 directory to be born into (or -1), and open v1 cgroup.procs files to write "0" to. */
	int cgroup_into;
	int cgroup_into_procs; /* its cgroup.procs, for kernels and sandboxes without clone3 (or -1) */
	const int *cgroup_procs;
	size_t n_cgroup_procs;
	const int *stdio;  /* three descriptors, -1 for /dev/null; NULL: the caller's own, /dev/null where one is
			      closed or close-on-exec */
	int record_fd;     /* INIT_FD_RECORD, or -1 */
	int namespaces_fd; /* INIT_FD_NAMESPACES, or -1 */
	int userns_fd;     /* INIT_FD_USERNS, or -1 */
	/*
	 * INIT_FD_BLANK, from blank_open, for a plan that it suits: CLONE_NEWNS, which would copy the caller's
	 * mounts, all of which would be unmounted again, is left to the plan then. Or -1.
	 */
	int blank_fd;
	/*
	 * The user namespace to be born in, with the other namespaces, for callers without privilege; its root is the
	 * caller. Or -1.
	 */
	int born_in_userns;
	/*
	 * The caller's own pidfd, opened when it had few descriptors: where it has many by now the new process does not
	 * begin with a copy of them all, but keeps those up to this one, and 0 to 2, and fetches from the caller what
	 * else it needs. If that is not allowed they are copied after all, and spawned says so. Or -1. pidfd_getfd(2)
	 */
	int self_pidfd;
	/*
	 * For a plan with plan_add_enter: what is done while the new process is on its way there, and may not be before
	 * it goes on; with `data`. Fills in the open files of v1 cgroups that the process then writes "0" to, which
	 * spawn closes, and returns their number, or -errno with the error set.
	 */
	int (*later)(void *data, int cgroups[PLAN_ENTER_MOST], struct error *error);
	void *data;
	/* For a plan with plan_time: takes when each of its steps began, CLOCK_MONOTONIC in ns; else NULL. */
	uint64_t *times;
};

/* A process that runs the command, or init around it. */
struct spawned {
	pid_t pid;
	int pidfd;       /* CLOEXEC; the caller's to close */
	int listener;    /* of the filter, SECCOMP_FILTER_FLAG_NEW_LISTENER; CLOEXEC, the caller's to close; or -1 */
	int tty;         /* master of the terminal that PLAN_TTY opened, CLOEXEC, the caller's to close; or -1 */
	int waiting;     /* for one whose plan ends with plan_add_await: what spawn_go_on reaches it by, CLOEXEC; when
			    that is closed it ends. Else -1 */
	bool used_clone; /* clone3 was not to be had, so clone(2) was used */
	bool copied;     /* its descriptors were copied in spite of self_pidfd, which will not do next time either */
};

#define SPAWNED_NONE                                                                                                   \
	{                                                                                                              \
		.pidfd = -1, .listener = -1, .tty = -1, .waiting = -1                                                  \
	}

/*
 * Starts the process and returns when the command has been exec'd, or all is done that comes before plan_add_await. On
 * failure the process has been killed and reaped; the error names the step and carries exit_status 126 or 127 when it
 * was the exec that failed. A process that died before the exec gives -ECHILD (-ENOMEM is the caller's to find out,
 * from the cgroup) with *wait_status as waitpid(2) gives it; that is 0 where it was not for the process that it failed.
 */
int spawn(const struct spawn_options *options, struct spawned *spawned, int *wait_status, struct error *error);

/*
 * For a process that spawn has left waiting: gives it the options' plan, which must continue the one it has
 * (plan_continues), stdio and record_fd; the others count for nothing any more. From here on as spawn.
 */
int spawn_go_on(const struct spawn_options *options, struct spawned *spawned, int *wait_status, struct error *error);

/*
 * Waits for a child by its pidfd and reaps it. Returns 0 with *wait_status as waitpid(2) gives it; -ECHILD if it is not
 * (or no longer) the caller's to reap.
 */
int spawned_reap(int pidfd, int *wait_status);

/*
 * Sends a signal to the command behind init (a process whose plan has PLAN_FORK); SIGKILL to init itself, which takes
 * the command along. 0 or -errno; -ESRCH when init has ended.
 */
int spawned_signal(int pidfd, int signal);

#endif
