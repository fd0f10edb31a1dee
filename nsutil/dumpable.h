/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether others may look into this process: by ptrace(2), by /proc/PID/mem and exe, by a core dump. Not while a child
 * shares its memory on the way to its exec: that child may already run as another user, who could then read and write
 * all there is, and the kernel makes the whole memory undumpable when the child changes its user, without ever taking
 * that back. PR_SET_DUMPABLE(2const)
 */
#ifndef NSUTIL_DUMPABLE_H
#define NSUTIL_DUMPABLE_H

/* Undumpable from here on, until each hold has been released; then again as it was. For threads at once. */
void dumpable_hold(void);
void dumpable_release(void);

/* Waits until nothing holds it, and lets nothing until dumpable_done. For what an ordinary user can do only so. */
void dumpable_require(void);
void dumpable_done(void);

#endif
