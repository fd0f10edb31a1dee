/* SPDX-License-Identifier: Apache-2.0 */
/* All that is known of a container, and all that a launch would do, for people and programs to read. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "nsutil/base/text.h"
#include "runtime/archive.h"
#include "runtime/capabilities.h"
#include "runtime/compile.h"
#include "runtime/container.h"
#include "runtime/controllers.h"
#include "runtime/devices.h"
#include "runtime/idmap.h"
#include "runtime/json.h"
#include "runtime/name.h"
#include "runtime/record.h"
#include "runtime/scale_note.h"

enum { PHRASE_SIZE = 4096 };

static json_t *bytes_json(uint64_t bytes)
{
	return bytes == BERTH_UNLIMITED ? json_string("unlimited") : json_integer((json_int_t)bytes);
}

static json_t *end_json(const struct berth_end *end)
{
	return json_pack("{s:s, s:i, s:i, s:I, s:I, s:o, s:I, s:I, s:I, s:s}", "reason", berth_reason_name(end->reason),
			 "code", end->code, "exit_status", berth_end_status(end), "started_ns",
			 (json_int_t)end->started_ns, "ended_ns", (json_int_t)end->ended_ns, "memory_limit",
			 bytes_json(end->memory_limit), "memory_peak", (json_int_t)end->memory_peak, "oom_kills",
			 (json_int_t)end->oom_kills, "cpu_ns", (json_int_t)end->cpu_ns, "text", end->text);
}

static json_t *environment_json(int file)
{
	cleanup_free char *bytes = NULL;
	ssize_t size = state_read_environment(file, &bytes);
	json_t *array = json_array();
	for (const char *entry = bytes; size > 0 && entry < bytes + size; entry += strlen(entry) + 1)
		json_array_append_new(array, json_from_bytes(entry));
	return array;
}

static json_t *fallbacks_json(int file)
{
	char text[512];
	json_t *array = json_array();
	state_read_fallbacks(file, text, sizeof text);
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n")) && *line;)
		json_array_append_new(array, json_string(line));
	return array;
}

static const struct {
	unsigned int bit;
	const char *name;
} flag_names[] = {
	{BERTH_NO_INIT, "no-init"},
	{BERTH_READ_ONLY, "read-only"},
	{BERTH_NET_NONE, "net-none"},
	{BERTH_HOST_UTS, "host-uts"},
	{BERTH_HOST_IPC, "host-ipc"},
	{BERTH_TTY, "tty"},
	{BERTH_DIE_WITH_THREAD, "die-with-thread"},
	{BERTH_KEEP_RECORD, "keep-record"},
	{BERTH_FEW_CGROUPS, "few-cgroups"},
	{BERTH_ENV_CLEAR, "env-clear"},
	{BERTH_NEW_PRIVILEGES, "new-privileges"},
	{BERTH_BARE_ROOT, "bare-root"},
	{BERTH_HOST_CGROUP, "host-cgroup"},
	{BERTH_SECCOMP_LOG, "seccomp-log"},
};

static json_t *flags_json(unsigned int flags)
{
	json_t *array = json_array();
	for (size_t i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
		if (flags & flag_names[i].bit)
			json_array_append_new(array, json_string(flag_names[i].name));
	return array;
}

static json_t *capabilities_json(uint64_t set)
{
	json_t *array = json_array();
	for (int i = 0; i < 64; i++) {
		char name[32];
		if (!(set >> i & 1))
			continue;
		capability_name(i, name, sizeof name);
		json_array_append_new(array, json_string(name));
	}
	return array;
}

static const struct {
	uint64_t bit;
	const char *name;
} namespace_names[] = {
	{CLONE_NEWPID, "pid"}, {CLONE_NEWNS, "mount"},  {CLONE_NEWUTS, "uts"},       {CLONE_NEWIPC, "ipc"},
	{CLONE_NEWNET, "net"}, {CLONE_NEWUSER, "user"}, {CLONE_NEWCGROUP, "cgroup"},
};

static json_t *namespaces_json(uint64_t namespaces)
{
	json_t *array = json_array();
	for (size_t i = 0; i < sizeof namespace_names / sizeof *namespace_names; i++)
		if (namespaces & namespace_names[i].bit)
			json_array_append_new(array, json_string(namespace_names[i].name));
	return array;
}

static json_t *map_json(const struct id_map *map)
{
	json_t *array = json_array();
	for (size_t i = 0; i < map->count; i++)
		json_array_append_new(array, json_pack("{s:I, s:I, s:I}", "inside", (json_int_t)map->ranges[i].inside,
						       "outside", (json_int_t)map->ranges[i].outside, "length",
						       (json_int_t)map->ranges[i].length));
	return array;
}

static json_t *maps_json(const struct berth_container *container)
{
	struct id_maps maps;
	if (!(container->record.namespaces & CLONE_NEWUSER))
		return json_null();
	idmap_of_container(container->berth, container->file, &maps);
	return json_pack("{s:o, s:o}", "uids", map_json(&maps.uids), "gids", map_json(&maps.gids));
}

static json_t *paths_json(const struct cgroup *cgroup)
{
	json_t *array = json_array();
	for (size_t i = 0; cgroup && cgroup_path(cgroup, i); i++)
		json_array_append_new(array, json_from_bytes(cgroup_path(cgroup, i)));
	return array;
}

static int json_write(const json_t *json, FILE *out, struct error *error)
{
	if (!json || json_dumpf(json, out, JSON_INDENT(2) | JSON_ENSURE_ASCII) < 0 || fputc('\n', out) == EOF)
		return error_errno(error, json ? EIO : ENOMEM, "write JSON");
	return 0;
}

/* The lowering of the memory limit that is under way, or null. */
static json_t *scale_down_json(const struct berth_container *container)
{
	struct scale_note note = {0};
	scale_note_read(container->file, &note);
	if (!note.token)
		return json_null();
	return json_pack("{s:o, s:I}", "memory", bytes_json(note.memory), "elapsed_ms",
			 (json_int_t)(monotonic_ms() - note.start_ms));
}

/* What the kernel holds it to now, whoever has set it; null: there is no such cgroup, or the kernel does not tell. */
static json_t *limits_in_force_json(const struct berth_container *container)
{
	const unsigned int limits = CGROUP_READ_CPU_SHARES | CGROUP_READ_CPU_QUOTA | CGROUP_READ_MEMORY_LIMIT |
				    CGROUP_READ_SWAP_LIMIT | CGROUP_READ_PROCESSES_LIMIT;
	struct cgroup_stats now = {0};
	if (container->ended || !container->cgroup || cgroup_read(container->cgroup, limits, &now, NULL) < 0)
		return json_null();
	bool cpu = now.known & CGROUP_BIT(CGROUP_CPU), memory = now.known & CGROUP_BIT(CGROUP_MEMORY);
	bool pids = now.known & CGROUP_BIT(CGROUP_PIDS);
	char cpus[4096];
	bool cpuset = cgroup_controllers(container->cgroup) & CGROUP_BIT(CGROUP_CPUSET) &&
		      cgroup_file_read(container->cgroup, "cpuset.cpus", cpus, sizeof cpus, NULL) >= 0;
	if (cpuset)
		cpus[strcspn(cpus, "\n")] = '\0';
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "cpu_shares",
		cpu ? json_integer((json_int_t)now.cpu_shares) : json_null(), "cpu_quota_us",
		cpu ? bytes_json(now.cpu_quota_us) : json_null(), "cpuset", cpuset ? json_string(cpus) : json_null(),
		"memory", memory ? bytes_json(now.memory_limit) : json_null(), "swap",
		memory ? bytes_json(now.swap_limit) : json_null(), "pids",
		pids ? bytes_json(now.processes_limit) : json_null(), "scale_down", scale_down_json(container));
}

int berth_container_inspect(struct berth_container *container, FILE *out, struct berth_error *error)
{
	struct error inner = {0};
	cleanup_json json_t *json = record_load(container->file, &inner);
	if (!json)
		return error_export(&inner, error);
	/* Numbers that mean something to berth alone give way to words. */
	json_object_set_new(json, "flags", flags_json(container->record.flags));
	json_object_set_new(json, "capabilities", capabilities_json(container->record.capabilities));
	json_object_set_new(json, "ambient", capabilities_json(container->record.ambient));
	json_object_set_new(json, "no_new_privs", json_boolean(!(container->record.flags & BERTH_NEW_PRIVILEGES)));
	json_object_set_new(json, "namespaces", namespaces_json(container->record.namespaces));
	json_object_set_new(json, "userns", maps_json(container));
	json_object_set_new(json_object_get(json, "cgroup"), "paths", paths_json(container->cgroup));
	json_object_set_new(json, "limits_in_force", limits_in_force_json(container));
	json_object_set_new(json, "env", environment_json(container->file));
	json_object_set_new(json, "fallbacks", fallbacks_json(container->file));
	json_object_set_new(json, "state", json_string(berth_state_name(berth_container_state(container))));
	json_object_set_new(json, "owned", json_boolean(berth_container_owned(container)));
	json_object_set_new(json, "pid", container->pid ? json_integer(container->pid) : json_null());
	json_object_set_new(json, "end", container->ended ? end_json(&container->end) : json_null());
	return json_write(json, out, &inner) < 0 ? error_export(&inner, error) : 0;
}

/* A sentence as a JSON string. Bytes that are no UTF-8, from names and paths, become question marks. */
__attribute__((format(printf, 1, 2))) static json_t *sentence_json(const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return text = NULL, NULL;
	json_t *json = json_string(text);
	for (char *c = text; !json && *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json ? json : json_string(text);
}

/* " pid mount" */
static void namespaces_list(uint64_t namespaces, char *list, size_t size)
{
	size_t used = 0;
	list[0] = '\0';
	for (size_t i = 0; i < sizeof namespace_names / sizeof *namespace_names && used < size; i++)
		if (namespaces & namespace_names[i].bit)
			used += (size_t)snprintf(list + used, size - used, " %s", namespace_names[i].name);
}

static void maps_tell(json_t *lines, const char *what, const struct id_map *map)
{
	for (size_t i = 0; i < map->count; i++)
		json_array_append_new(lines, sentence_json("map %s %u-%u inside to %u-%u", what, map->ranges[i].inside,
							   map->ranges[i].inside + map->ranges[i].length - 1,
							   map->ranges[i].outside,
							   map->ranges[i].outside + map->ranges[i].length - 1));
}

/* What happens in the parent, before the plan: sentences, malloc'ed. */
static json_t *preparation(const struct berth *berth, const struct spec *spec, struct error *error)
{
	json_t *lines = json_array();
	char encoded[NAME_ENCODED_SIZE];
	name_encode(spec->name, encoded);
	json_array_append_new(lines, sentence_json("record the container in %s/%s", berth->state_root, encoded));
	if (spec->archive)
		json_array_append_new(lines, sentence_json("unpack %s into %s, unless that has been done",
							   spec->archive, spec->root_directory));
	if (spec->root_kind == ROOT_FRAMEWORK)
		json_array_append_new(
			lines, sentence_json("mount the root of framework %s, unless it is mounted", spec->framework));
	unsigned int controllers = controllers_wanted(berth, spec);
	struct cgroup *cgroup = NULL;
	if (controllers && cgroup_open(berth->layout, spec->cgroup_parent, encoded, controllers, &cgroup, error) < 0) {
		json_decref(lines);
		return NULL;
	}
	for (size_t i = 0; cgroup && cgroup_path(cgroup, i); i++)
		json_array_append_new(lines, sentence_json("make cgroup %s", cgroup_path(cgroup, i)));
	cgroup_free(cgroup);
	const struct cgroup_limits *limits = &spec->limits;
	if (limits->cpu_shares)
		json_array_append_new(lines,
				      sentence_json("limit cpu: %llu shares (v2: weight %llu)",
						    (unsigned long long)limits->cpu_shares,
						    (unsigned long long)cgroup_weight_from_shares(limits->cpu_shares)));
	if (limits->cpu_quota_us)
		json_array_append_new(lines, sentence_json("limit cpu: %llu us in each %llu us",
							   (unsigned long long)limits->cpu_quota_us,
							   (unsigned long long)limits->cpu_period_us));
	if (limits->cpuset_cpus)
		json_array_append_new(lines, sentence_json("limit cpuset: CPUs %s", limits->cpuset_cpus));
	if (limits->memory)
		json_array_append_new(lines,
				      sentence_json("limit memory: %llu bytes", (unsigned long long)limits->memory));
	if (limits->swap)
		json_array_append_new(
			lines, sentence_json("limit swap: %llu bytes",
					     limits->swap == CGROUP_NO_SWAP ? 0 : (unsigned long long)limits->swap));
	if (limits->pids)
		json_array_append_new(lines, sentence_json("limit pids: %llu", (unsigned long long)limits->pids));
	for (size_t i = 0; i < limits->n_devices; i++) {
		char text[CGROUP_DEVICE_TEXT];
		cgroup_device_rule_format(&limits->devices[i], text);
		json_array_append_new(
			lines, sentence_json("%s devices: %s", limits->devices[i].allow ? "allow" : "deny", text));
	}
	if (spec->devices_unruled)
		json_array_append_new(lines,
				      sentence_json("%.*s", (int)strcspn(devices_fallback, "\n"), devices_fallback));
	char list[64];
	uint64_t held = spec_held_namespaces(spec);
	if (spec->userns != USERNS_HOST) {
		namespaces_list(held, list, sizeof list);
		json_array_append_new(lines,
				      sentence_json("make a user namespace%s%s", held ? ", and in it:" : "", list));
		maps_tell(lines, "uids", &spec->maps.uids);
		maps_tell(lines, "gids", &spec->maps.gids);
	}
	namespaces_list(spec_cloned_namespaces(spec), list, sizeof list);
	json_array_append_new(lines, sentence_json("clone into new namespaces:%s", list));
	return lines;
}

static json_t *steps_json(const struct plan *plan)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < plan_count(plan); i++) {
		char phrase[PHRASE_SIZE];
		plan_describe(plan, i, phrase, sizeof phrase);
		json_array_append_new(
			steps, json_pack("{s:s, s:o}", "step", plan_word(plan, i), "text", json_from_bytes(phrase)));
	}
	return steps;
}

static void line_print(FILE *out, const char *number, const char *text)
{
	cleanup_free char *visible = text_visible(text);
	fprintf(out, "%s  %s\n", number, visible ? visible : strerror(ENOMEM));
}

static int plan_print(struct berth *berth, const struct berth_options *options, bool as_json, FILE *out,
		      struct error *error)
{
	cleanup_spec struct spec spec = {0};
	cleanup_plan struct plan *plan = NULL;
	int code = spec_from_options(NULL, options, &spec, error);
	if (code == 0)
		code = context_require_layout(berth, error);
	if (code == 0)
		code = archive_locate(berth, &spec, error);
	if (code == 0)
		code = controllers_delegate(berth, &spec, false, error);
	if (code == 0)
		code = devices_settle(berth->layout, &spec, error);
	if (code == 0)
		code = idmap_resolve(berth, &spec, -1, error);
	if (code == 0)
		code = compile_container(berth, &spec, &plan, error);
	if (code < 0)
		return code;
	cleanup_json json_t *before = preparation(berth, &spec, error);
	if (!before)
		return -error->code;
	if (as_json) {
		cleanup_json json_t *all = json_pack("{s:o, s:O, s:o}", "name", json_from_bytes(spec.name), "prepare",
						     before, "steps", steps_json(plan));
		return json_write(all, out, error);
	}
	for (size_t i = 0; i < json_array_size(before); i++)
		line_print(out, "  -", json_string_value(json_array_get(before, i)));
	for (size_t i = 0; i < plan_count(plan); i++) {
		char phrase[PHRASE_SIZE], number[32];
		plan_describe(plan, i, phrase, sizeof phrase);
		snprintf(number, sizeof number, "%3zu", i + 1);
		line_print(out, number, phrase);
	}
	return ferror(out) ? error_errno(error, EIO, "write the plan") : 0;
}

int berth_plan(struct berth *berth, const struct berth_options *options, bool json, FILE *out,
	       struct berth_error *error)
{
	struct error inner = {0};
	return plan_print(berth, options, json, out, &inner) < 0 ? error_export(&inner, error) : 0;
}
