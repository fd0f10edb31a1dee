/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say how much a container may use: shared by run, plan and update. */
#ifndef RUNTIME_CLI_RESOURCE_OPTIONS_H
#define RUNTIME_CLI_RESOURCE_OPTIONS_H

#include <argp.h>

#include "nsutil/base/error.h"
#include "runtime/berth.h"

/* The input of resource_argp, which is a child of a command's own argp. Both pointers are the command's. */
struct resource_input {
	struct berth_resources *resources; /* strings in it point into argv */
	struct error *error;
};

/* The group its options are shown in; argp(3) sorts by it. */
enum { RESOURCE_GROUP = 2 };

extern const struct argp resource_argp;

#endif
