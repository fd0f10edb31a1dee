/* SPDX-License-Identifier: Apache-2.0 */
/* container.json: written from a spec, read back as a record. */
#include "runtime/record.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/file.h"
#include "runtime/devices.h"
#include "runtime/idmap.h"
#include "runtime/json.h"
#include "runtime/name.h"

enum { RECORD_LIMIT = 16 << 20 };

static json_t *limit_json(uint64_t value)
{
	if (value == CGROUP_UNLIMITED)
		return json_string("unlimited");
	if (value == CGROUP_NO_SWAP)
		return json_integer(0);
	return value ? json_integer((json_int_t)value) : json_null();
}

static json_t *volumes_json(const struct spec *spec)
{
	json_t *array = json_array();
	for (size_t i = 0; i < spec->n_volumes; i++)
		json_array_append_new(array,
				      json_pack("{s:o, s:o, s:b}", "source", json_from_bytes(spec->volumes[i].source),
						"target", json_from_bytes(spec->volumes[i].target), "read_only",
						spec->volumes[i].read_only));
	return array;
}

static json_t *tmpfs_json(const struct spec *spec)
{
	json_t *array = json_array();
	for (size_t i = 0; i < spec->n_tmpfs; i++)
		json_array_append_new(array, json_pack("{s:o, s:o}", "target", json_from_bytes(spec->tmpfs[i].target),
						       "bytes", limit_json(spec->tmpfs[i].bytes)));
	return array;
}

/* Here 0 is a limit as any other. */
static json_t *rlimit_json(uint64_t value)
{
	return value == UINT64_MAX ? json_string("unlimited") : json_integer((json_int_t)value);
}

static json_t *rlimits_json(const struct spec *spec)
{
	json_t *array = json_array();
	for (size_t i = 0; i < spec->n_rlimits; i++)
		json_array_append_new(array, json_pack("{s:i, s:o, s:o}", "resource", spec->rlimits[i].resource, "soft",
						       rlimit_json(spec->rlimits[i].soft), "hard",
						       rlimit_json(spec->rlimits[i].hard)));
	return array;
}

static json_t *controllers_json(unsigned int controllers)
{
	json_t *array = json_array();
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (controllers & CGROUP_BIT(i))
			json_array_append_new(array, json_string(cgroup_controller_name((enum cgroup_controller)i)));
	return array;
}

static json_t *limits_json(const struct cgroup_limits *limits)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "cpu_shares", limit_json(limits->cpu_shares), "cpu_quota_us",
			 limit_json(limits->cpu_quota_us), "cpuset", json_from_bytes(limits->cpuset_cpus), "memory",
			 limit_json(limits->memory), "swap", limit_json(limits->swap), "pids",
			 limit_json(limits->pids));
}

static json_t *cgroup_json(const struct spec *spec, unsigned int controllers)
{
	char name[NAME_ENCODED_SIZE];
	name_encode(spec->name, name);
	return json_pack("{s:o, s:s, s:o}", "parent", json_from_bytes(spec->cgroup_parent), "name", name, "controllers",
			 controllers_json(controllers));
}

static json_t *policy_json(const struct berth_memory_policy *policy)
{
	return json_pack("{s:i, s:i, s:I, s:f, s:b}", "grace_ms", policy->grace_ms, "lenient_ms", policy->lenient_ms,
			 "reserve", (json_int_t)policy->reserve, "pressure", policy->pressure, "freeze",
			 policy->freeze);
}

static json_t *number_json(uint64_t number)
{
	return json_integer((json_int_t)number);
}

json_t *record_make(const struct spec *spec, unsigned int controllers, uint64_t started_ns)
{
	const struct {
		const char *key;
		json_t *value;
	} members[] = {
		{"name", json_from_bytes(spec->name)},
		{"started_ns", number_json(started_ns)},
		{"root", json_from_bytes(spec->root)},
		{"root_directory", json_from_bytes(spec->root_directory)},
		{"framework", json_from_bytes(spec->framework)},
		{"command", json_from_strings((const char *const *)spec->argv)},
		{"workdir", json_from_bytes(spec->workdir)},
		{"user", json_from_bytes(spec->user)},
		{"uid", number_json(spec->uid)},
		{"gid", number_json(spec->gid)},
		{"hostname", json_from_bytes(spec->hostname)},
		{"flags", number_json(spec->flags)},
		{"namespaces", number_json(spec_namespaces(spec))},
		{"capabilities", number_json(spec->capabilities)},
		{"ambient", number_json(spec->ambient)},
		{"seccomp", json_from_bytes(spec->seccomp.name)},
		{"cgroup", cgroup_json(spec, controllers)},
		{"limits", limits_json(&spec->limits)},
		{"cgroup_files", json_from_strings((const char *const *)spec->cgroup_files)},
		{"memory_policy", policy_json(&spec->memory_policy)},
		{"volumes", volumes_json(spec)},
		{"tmpfs", tmpfs_json(spec)},
		{"rlimits", rlimits_json(spec)},
		{"devices", devices_json(spec)},
		{"device_rules", device_rules_json(spec)},
	};
	json_t *record = json_object();
	bool complete = record;
	/* Each value is taken over even if it can't be set. */
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		complete &= json_object_set_new(record, members[i].key, members[i].value) == 0;
	if (complete)
		return record;
	json_decref(record);
	return NULL;
}

json_t *record_load(int directory, struct error *error)
{
	cleanup_free char *text = NULL;
	ssize_t length = file_read_all(directory, "container.json", RECORD_LIMIT, &text);
	if (length < 0)
		return error_errno(error, (int)-length, "read the container's record"), NULL;
	json_error_t fault;
	json_t *json = json_loadb(text, (size_t)length, 0, &fault);
	if (!json)
		error_set(error, EBADMSG, "the container's record is damaged, line %d: %s", fault.line, fault.text);
	return json;
}

static unsigned int controllers_parse(const json_t *array)
{
	unsigned int controllers = 0;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *name = json_string_value(json_array_get(array, i));
		int controller = name ? cgroup_controller_find(name) : -1;
		if (controller >= 0)
			controllers |= CGROUP_BIT(controller);
	}
	return controllers;
}

static void policy_parse(const json_t *json, struct berth_memory_policy *policy)
{
	*policy = (struct berth_memory_policy){
		.size = sizeof *policy,
		.grace_ms = (int)json_integer_value(json_object_get(json, "grace_ms")),
		.lenient_ms = (int)json_integer_value(json_object_get(json, "lenient_ms")),
		.reserve = (uint64_t)json_integer_value(json_object_get(json, "reserve")),
		.pressure = json_number_value(json_object_get(json, "pressure")),
		.freeze = json_is_true(json_object_get(json, "freeze")),
	};
}

static uint64_t number_parse(const json_t *json, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(json, key));
}

int record_parse(const json_t *json, struct record *record, struct error *error)
{
	const json_t *cgroup = json_object_get(json, "cgroup");
	*record = (struct record){
		.name = json_to_bytes(json_object_get(json, "name")),
		.argv = json_to_strings(json_object_get(json, "command")),
		.framework = json_to_bytes(json_object_get(json, "framework")),
		.root_directory = json_to_bytes(json_object_get(json, "root_directory")),
		.workdir = json_to_bytes(json_object_get(json, "workdir")),
		.user = json_to_bytes(json_object_get(json, "user")),
		.seccomp = json_to_bytes(json_object_get(json, "seccomp")),
		.cgroup_parent = json_to_bytes(json_object_get(cgroup, "parent")),
		.cgroup_name = json_to_bytes(json_object_get(cgroup, "name")),
		.controllers = controllers_parse(json_object_get(cgroup, "controllers")),
		.flags = (unsigned int)number_parse(json, "flags"),
		.namespaces = number_parse(json, "namespaces"),
		.capabilities = number_parse(json, "capabilities"),
		.ambient = number_parse(json, "ambient"),
		.started_ns = number_parse(json, "started_ns"),
	};
	policy_parse(json_object_get(json, "memory_policy"), &record->memory_policy);
	if (record->name && record->argv && record->workdir && record->cgroup_parent && record->cgroup_name)
		return 0;
	record_free(record);
	return error_set(error, EBADMSG, "the container's record lacks what must be in it");
}

void record_free(struct record *record)
{
	free(record->name);
	strings_free(record->argv);
	free(record->framework);
	free(record->root_directory);
	free(record->workdir);
	free(record->user);
	free(record->seccomp);
	free(record->cgroup_parent);
	free(record->cgroup_name);
	*record = (struct record){0};
}

int state_read(int directory, struct record *record, struct error *error)
{
	cleanup_json json_t *json = record_load(directory, error);
	int code = json ? record_parse(json, record, error) : -error->code;
	if (code < 0 || !(record->namespaces & CLONE_NEWUSER))
		return code;
	/* A launch that has not come to them yet has none. */
	code = idmap_read(directory, &record->maps);
	if (code == 0 || code == -ENOENT)
		return 0;
	record_free(record);
	return error_errno(error, -code, "read the maps of a container");
}
