/* SPDX-License-Identifier: Apache-2.0 */
/* The user's terminal, connected with a container's. */
#ifndef RUNTIME_LXC_TERMINAL_H
#define RUNTIME_LXC_TERMINAL_H

/*
 * Passes bytes between the terminal on 0 and 1, put into raw mode, and the master side of another, sizes too, until the
 * process behind pidfd has ended. Gives the terminal its own mode back.
 */
void terminal_relay(int master, int pidfd);

#endif
