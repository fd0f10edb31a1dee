/* SPDX-License-Identifier: Apache-2.0 */
/* A command that runs in the foreground of berth: signals, terminal and time, until it ends. */
#ifndef RUNTIME_CLI_FOREGROUND_H
#define RUNTIME_CLI_FOREGROUND_H

#include <signal.h>
#include <stdint.h>

#include "runtime/berth.h"
#include "runtime/cli/refusals.h"

struct foreground {
	int pidfd;                 /* readable when the command has ended */
	int tty;                   /* master of its terminal, or -1 */
	uint64_t timeout_ns;       /* 0: none */
	int monitor;               /* berth_container_monitor's, or -1 */
	struct refusals *refusals; /* NULL: none are told */
	void *target;              /* handed to the functions below */
	int (*signal)(void *target, int signal, struct berth_error *error);
	int (*expire)(void *target, struct berth_error *error); /* with a timeout */
	void (*attend)(void *target, int *timeout_ms); /* with a monitor; sets when to call it again, -1: no need */
};

/*
 * Blocks the signals that are passed on to the command, so that none is lost or ends berth half-way: before the launch.
 * They stay blocked until berth ends.
 */
void foreground_block_signals(void);

/* Returns 0 when the command has ended, or a negative errno with *error set. */
int foreground_run(const struct foreground *foreground, struct berth_error *error);

#endif
