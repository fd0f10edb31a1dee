/* SPDX-License-Identifier: Apache-2.0 */
/* `berth run -d`. */
#ifndef RUNTIME_CLI_DETACH_H
#define RUNTIME_CLI_DETACH_H

#include "runtime/cli/run_options.h"

/*
 * Launches the container from a child that stays behind as its monitor: in a session of its own, with nothing of the
 * caller's open. Returns, once the command has been exec'd, 0 with the name printed, or the exit status of a failure
 * that has been told.
 */
int detach_run(struct run_options *options);

#endif
