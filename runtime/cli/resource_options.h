/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say how much a container may use: shared by run, plan and update. */
#ifndef RUNTIME_CLI_RESOURCE_OPTIONS_H
#define RUNTIME_CLI_RESOURCE_OPTIONS_H

#include "nsutil/base/error.h"
#include "runtime/args/args.h"
#include "runtime/berth.h"

/* The input of resource_args, which is a part of a command's own. Both pointers are the command's. */
struct resource_input {
	struct berth_resources *resources; /* strings in it point into argv */
	struct error *error;
};

/* The group its options are shown in. */
enum { RESOURCE_GROUP = 2 };

extern const struct args resource_args;

#endif
