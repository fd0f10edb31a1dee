/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say what becomes of a container whose memory does not fit a lowered limit: a part of run's. */
#ifndef RUNTIME_CLI_POLICY_OPTIONS_H
#define RUNTIME_CLI_POLICY_OPTIONS_H

#include "nsutil/base/error.h"
#include "runtime/args/args.h"
#include "runtime/berth.h"

enum { POLICY_GROUP = 20 };

struct policy_input {
	struct berth_memory_policy *policy;
	struct error *error;
};

/* A part of run's; its input is a struct policy_input. */
extern const struct args policy_args;

#endif
