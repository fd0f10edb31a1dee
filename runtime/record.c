/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is, as JSON, from its spec. */
#include "runtime/record.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "runtime/devices.h"
#include "runtime/idmap.h"
#include "runtime/json.h"
#include "runtime/name.h"

static void write_limit(struct json_text *text, const char *key, uint64_t value)
{
	if (value == CGROUP_UNLIMITED)
		json_text_bytes(text, key, "unlimited");
	else if (value == CGROUP_NO_SWAP)
		json_text_number(text, key, 0);
	else if (value)
		json_text_number(text, key, value);
	else
		json_text_bytes(text, key, NULL);
}

static void write_volumes(struct json_text *text, const struct spec *spec)
{
	json_text_open(text, "volumes", '[');
	for (size_t i = 0; i < spec->n_volumes; i++) {
		json_text_open(text, NULL, '{');
		json_text_bytes(text, "source", spec->volumes[i].source);
		json_text_bytes(text, "target", spec->volumes[i].target);
		json_text_bool(text, "read_only", spec->volumes[i].read_only);
		json_text_close(text, '}');
	}
	json_text_close(text, ']');
}

static void write_tmpfs(struct json_text *text, const struct spec *spec)
{
	json_text_open(text, "tmpfs", '[');
	for (size_t i = 0; i < spec->n_tmpfs; i++) {
		json_text_open(text, NULL, '{');
		json_text_bytes(text, "target", spec->tmpfs[i].target);
		write_limit(text, "bytes", spec->tmpfs[i].bytes);
		json_text_close(text, '}');
	}
	json_text_close(text, ']');
}

/* Here 0 is a limit as any other. */
static void write_rlimit(struct json_text *text, const char *key, uint64_t value)
{
	if (value == UINT64_MAX)
		json_text_bytes(text, key, "unlimited");
	else
		json_text_number(text, key, value);
}

static void write_rlimits(struct json_text *text, const struct spec *spec)
{
	json_text_open(text, "rlimits", '[');
	for (size_t i = 0; i < spec->n_rlimits; i++) {
		json_text_open(text, NULL, '{');
		json_text_number(text, "resource", (uint64_t)spec->rlimits[i].resource);
		write_rlimit(text, "soft", spec->rlimits[i].soft);
		write_rlimit(text, "hard", spec->rlimits[i].hard);
		json_text_close(text, '}');
	}
	json_text_close(text, ']');
}

static void write_limits(struct json_text *text, const struct cgroup_limits *limits)
{
	json_text_open(text, "limits", '{');
	write_limit(text, "cpu_shares", limits->cpu_shares);
	write_limit(text, "cpu_quota_us", limits->cpu_quota_us);
	json_text_bytes(text, "cpuset", limits->cpuset_cpus);
	write_limit(text, "memory", limits->memory);
	write_limit(text, "swap", limits->swap);
	write_limit(text, "pids", limits->pids);
	json_text_close(text, '}');
}

static void write_cgroup(struct json_text *text, const struct spec *spec, unsigned int controllers)
{
	char name[NAME_ENCODED_SIZE];
	spec_cgroup_name(spec, name);
	json_text_open(text, "cgroup", '{');
	json_text_bytes(text, "parent", spec->cgroup_parent);
	json_text_bytes(text, "name", name);
	json_text_open(text, "controllers", '[');
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (controllers & CGROUP_BIT(i))
			json_text_bytes(text, NULL, cgroup_controller_name((enum cgroup_controller)i));
	json_text_close(text, ']');
	json_text_close(text, '}');
}

static void write_policy(struct json_text *text, const struct berth_memory_policy *policy)
{
	json_text_open(text, "memory_policy", '{');
	json_text_number(text, "grace_ms", (uint64_t)policy->grace_ms);
	json_text_number(text, "lenient_ms", (uint64_t)policy->lenient_ms);
	json_text_number(text, "reserve", policy->reserve);
	json_text_real(text, "pressure", policy->pressure);
	json_text_bool(text, "freeze", policy->freeze);
	json_text_close(text, '}');
}

void record_write(struct json_text *text, const struct spec *spec, unsigned int controllers, uint64_t started_ns)
{
	json_text_open(text, NULL, '{');
	json_text_bytes(text, "name", spec->name);
	json_text_number(text, "started_ns", started_ns);
	json_text_bytes(text, "root", spec->root);
	json_text_bytes(text, "root_directory", spec->root_directory);
	json_text_bytes(text, "framework", spec->framework);
	json_text_strings(text, "command", (const char *const *)spec->argv);
	json_text_bytes(text, "workdir", spec->workdir);
	json_text_bytes(text, "user", spec->user);
	json_text_number(text, "uid", spec->uid);
	json_text_number(text, "gid", spec->gid);
	json_text_bytes(text, "hostname", spec->hostname);
	json_text_number(text, "flags", spec->flags);
	json_text_number(text, "namespaces", spec_namespaces(spec));
	json_text_number(text, "capabilities", spec->capabilities);
	json_text_number(text, "ambient", spec->ambient);
	json_text_bytes(text, "seccomp", spec->seccomp.name);
	json_text_bool(text, "prepared", spec->cgroup_name);
	write_cgroup(text, spec, controllers);
	write_limits(text, &spec->limits);
	json_text_strings(text, "cgroup_files", (const char *const *)spec->cgroup_files);
	json_text_number(text, "oom_score_adj", (uint64_t)(int64_t)spec->oom_score_adj);
	write_policy(text, &spec->memory_policy);
	write_volumes(text, spec);
	write_tmpfs(text, spec);
	write_rlimits(text, spec);
	devices_write(text, spec);
	json_text_close(text, '}');
}

json_t *record_load(int file, struct error *error)
{
	cleanup_free char *text = NULL;
	ssize_t length = state_read_json(file, &text);
	if (length < 0)
		return error_errno(error, (int)-length, "read the container's record"), NULL;
	json_error_t fault;
	json_t *json = json_loadb(text, (size_t)length, 0, &fault);
	if (!json)
		error_set(error, EBADMSG, "the container's record is damaged, line %d: %s", fault.line, fault.text);
	return json;
}
