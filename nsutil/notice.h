/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that a seccomp filter with a listener has stopped, each waiting for an answer. seccomp_unotify(2) */
#ifndef NSUTIL_NOTICE_H
#define NSUTIL_NOTICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct notice {
	uint64_t id;
	pid_t pid;             /* the thread that waits, as the reader's PID namespace has it; 0: it is in no such */
	uint32_t architecture; /* AUDIT_ARCH_* */
	int number;
};

/*
 * Takes one off the listener. poll(2) must have told of it, or this waits. -ENOENT for one whose process has been
 * killed meanwhile; else 0 or -errno. What was taken must be let go.
 */
int notice_take(int listener, struct notice *notice);

/* Whether the process still waits, so that its pid is still its own. */
bool notice_holds(int listener, const struct notice *notice);

/* Lets the call go on as if there were no filter. 0; -ENOENT: its process has been killed; or another -errno. */
int notice_let_go(int listener, const struct notice *notice);

#endif
