/* SPDX-License-Identifier: Apache-2.0 */
/* container.json: written from a spec, read back as a record. */
#include "runtime/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/file.h"
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

static json_t *rlimits_json(const struct spec *spec)
{
	json_t *array = json_array();
	for (size_t i = 0; i < spec->n_rlimits; i++)
		json_array_append_new(array, json_pack("{s:i, s:o, s:o}", "resource", spec->rlimits[i].resource, "soft",
						       limit_json(spec->rlimits[i].soft), "hard",
						       limit_json(spec->rlimits[i].hard)));
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

/* Where the container's users are looked up, as the host sees it. */
static const char *users_root(const struct spec *spec)
{
	return spec_root_is_host(spec) ? "/" : spec->root_directory;
}

json_t *record_make(const struct spec *spec, unsigned int controllers, uint64_t started_ns)
{
	char cgroup_name[NAME_ENCODED_SIZE];
	name_encode(spec->name, cgroup_name);
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:I, s:I, s:{s:o, s:s, s:o}, s:o, "
			 "s:o, s:o, s:o}",
			 "name", json_from_bytes(spec->name), "started_ns", (json_int_t)started_ns, "root",
			 json_from_bytes(spec->root), "root_directory", json_from_bytes(users_root(spec)), "framework",
			 json_from_bytes(spec->framework), "command", json_from_strings(spec->argv), "workdir",
			 json_from_bytes(spec->workdir), "user", json_from_bytes(spec->user), "uid", (int)spec->uid,
			 "gid", (int)spec->gid, "hostname", json_from_bytes(spec->hostname), "flags",
			 (json_int_t)spec->flags, "namespaces", (json_int_t)spec_namespaces(spec), "cgroup", "parent",
			 json_from_bytes(spec->cgroup_parent), "name", cgroup_name, "controllers",
			 controllers_json(controllers), "limits", limits_json(&spec->limits), "volumes",
			 volumes_json(spec), "tmpfs", tmpfs_json(spec), "rlimits", rlimits_json(spec));
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

int record_parse(const json_t *json, struct record *record, struct error *error)
{
	const json_t *cgroup = json_object_get(json, "cgroup");
	*record = (struct record){
		.name = json_to_bytes(json_object_get(json, "name")),
		.framework = json_to_bytes(json_object_get(json, "framework")),
		.workdir = json_to_bytes(json_object_get(json, "workdir")),
		.user = json_to_bytes(json_object_get(json, "user")),
		.root_directory = json_to_bytes(json_object_get(json, "root_directory")),
		.cgroup_parent = json_to_bytes(json_object_get(cgroup, "parent")),
		.cgroup_name = json_to_bytes(json_object_get(cgroup, "name")),
		.controllers = controllers_parse(json_object_get(cgroup, "controllers")),
		.flags = (unsigned int)json_integer_value(json_object_get(json, "flags")),
		.namespaces = (uint64_t)json_integer_value(json_object_get(json, "namespaces")),
		.started_ns = (uint64_t)json_integer_value(json_object_get(json, "started_ns")),
	};
	if (record->name && record->workdir && record->root_directory && record->cgroup_parent && record->cgroup_name)
		return 0;
	record_free(record);
	return error_set(error, EBADMSG, "the container's record lacks what must be in it");
}

void record_free(struct record *record)
{
	free(record->name);
	free(record->framework);
	free(record->workdir);
	free(record->user);
	free(record->root_directory);
	free(record->cgroup_parent);
	free(record->cgroup_name);
	*record = (struct record){0};
}

int state_read(int directory, struct record *record, struct error *error)
{
	cleanup_json json_t *json = record_load(directory, error);
	return json ? record_parse(json, record, error) : -error->code;
}
