/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_RECOVER_H
#define RUNTIME_RECOVER_H

#include <stdbool.h>

#include "runtime/context.h"

/* Clears a name that a dead owner left: true if it is free now. One that still runs, or whose end was to be kept,
 * stays. */
bool recover_name(struct berth *berth, const char *name);

#endif
