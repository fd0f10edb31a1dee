/* SPDX-License-Identifier: Apache-2.0 */
/*
 * berth_check's parts. Each tries things and tells of each; none leaves anything behind, and none is in the middle of a
 * trial while it tells.
 */
#ifndef RUNTIME_CHECK_H
#define RUNTIME_CHECK_H

#include <stdbool.h>

#include "runtime/context.h"

struct check {
	struct berth *berth;
	void (*tell)(const struct berth_finding *finding, void *data);
	void *data;
	int failures;
	bool privileged; /* what needs root can be tried */
	char id[64];     /* "berth-check-PID-TIME": no other process, and none before, uses this name */
};

/* Tells of one thing. The remedy is left out of what passed. */
void check_tell(struct check *check, const char *name, enum berth_verdict verdict, const char *remedy,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Tells of something that is only tried as root. */
void check_skip(struct check *check, const char *name);

/*
 * What helps against a system call that failed with this errno: for those that speak of the kernel's age or of a
 * sandbox, the same everywhere; else the remedy given.
 */
const char *check_remedy(int code, const char *otherwise);

/* Who is asking: "root" and "capabilities"; sets check->privileged. */
void check_privilege(struct check *check);
/* Settings and facts that hinder: "state-directory", "pid-max", "namespace-limits", "swap", "pressure". */
void check_machine(struct check *check);
/* System calls: "clone3", "pidfd", "openat2", "close-range", "init-exec", "seccomp". */
void check_kernel(struct check *check);
/* "pid-namespace" and the other kinds. */
void check_namespaces(struct check *check);
/* "own-user-namespace" and "delegated-cgroup" for an ordinary user, "user-ids", "idmapped-mounts". */
void check_userns(struct check *check);
/* Everything a root is built with: "private-mounts", "mount-api", "overlay", ..., "framework-roots". */
void check_mounts(struct check *check);
/* "cgroup-layout", "controller-cpu" and the other controllers, "cpu-limit", "swap-limit", "clone-into-cgroup". */
void check_cgroups(struct check *check);
/* "launch": a container, from end to end. */
void check_launch(struct check *check);

/* ---- Trials in a process of their own ---- */

enum { TRIAL_TIMEOUT_MS = 20000 }; /* of what takes milliseconds where nothing is wrong */

struct trial_options {
	uint64_t flags; /* CLONE_...; see trial_start */
	bool clone3;    /* by clone3(2); CLONE_INTO_CGROUP needs it */
	int cgroup;     /* for CLONE_INTO_CGROUP */
};

struct trial {
	pid_t pid;
	int pidfd; /* -1 before Linux 5.2 */
};

/*
 * Runs run(argument) in a new process, which ends with what it returns, all signals blocked. With CLONE_VM|CLONE_VFORK
 * the process shares the caller's memory, which costs nothing however large that is, and run may make only raw system
 * calls. Without, it has a copy, and of a caller that may have had threads: run may do what signal-safety(7) allows.
 * 0 or -errno. What was started must be ended with trial_end.
 */
int trial_start(const struct trial_options *options, int (*run)(void *argument), void *argument, struct trial *trial);

/*
 * Waits for the process, kills it if it takes longer than timeout_ms, and reaps it. Returns its exit status, 128 + the
 * signal that killed it, or -ETIMEDOUT.
 */
int trial_end(struct trial *trial, int timeout_ms);

/* Both. */
int trial_run(const struct trial_options *options, int (*run)(void *argument), void *argument);

#endif
