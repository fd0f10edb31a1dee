/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `berth run`, which `berth plan` takes as well. */
#ifndef RUNTIME_CLI_RUN_OPTIONS_H
#define RUNTIME_CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "nsutil/base/error.h"
#include "runtime/berth.h"
#include "runtime/cli/policy_options.h"
#include "runtime/cli/resource_options.h"

struct run_options {
	struct berth_options launch; /* points into the members below and into argv */
	bool detach, interactive, json;
	bool timing;         /* what the launch spent its time on is to be printed */
	const char *log;     /* with detach: the file the command's output is appended to; NULL: /dev/null */
	uint64_t timeout_ns; /* 0: none */

	/* What launch points to; owned. */
	struct berth_volume *volumes;
	struct berth_tmpfs *tmpfs;
	struct berth_rlimit *rlimits;
	struct berth_device *devices;
	char **device_rules; /* "devices.allow=..." */
	size_t n_device_rules;
	const char **cap_add;
	size_t n_cap_add;
	const char **cap_drop;
	size_t n_cap_drop;
	const char **env;
	size_t n_env;
	struct berth_id_range *uid_map, *gid_map;

	struct berth_memory_policy policy;
	struct policy_input policy_input;
	struct resource_input resource_input;
	struct error error;
};

/*
 * Parses run's command line, or plan's, which differs in --json and may lack a command no more than run's. Returns 0,
 * or -1 when a complaint has been printed. Release *options in either case.
 */
int run_options_parse(int argc, char **argv, bool plan, struct run_options *options);

void run_options_release(struct run_options *options);

#define cleanup_run_options __attribute__((cleanup(run_options_release)))

#endif
