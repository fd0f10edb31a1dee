/* SPDX-License-Identifier: Apache-2.0 */
/* Single files of a cgroup by name, as lxc-cgroup(1) and lxc.cgroup.* name them: v1 names work on v2 where there is an
 * equivalent. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

enum { VALUE_SIZE = 64 };

/* Turns a value of one version's file into the other's. 0, or -EINVAL for a value that has no equivalent. */
typedef int convert_function(const char *value, char converted[VALUE_SIZE]);

static int same(const char *value, char converted[VALUE_SIZE])
{
	return (size_t)snprintf(converted, VALUE_SIZE, "%s", value) < VALUE_SIZE ? 0 : -EINVAL;
}

static int number(const char *value, uint64_t *parsed)
{
	char *end;
	errno = 0;
	*parsed = strtoull(value, &end, 10);
	return errno || end == value || (*end && *end != '\n') || *value == '-' ? -EINVAL : 0;
}

static int weight_from_shares(const char *value, char converted[VALUE_SIZE])
{
	uint64_t shares;
	if (number(value, &shares) < 0)
		return -EINVAL;
	snprintf(converted, VALUE_SIZE, "%" PRIu64, cgroup_weight_from_shares(shares));
	return 0;
}

static int shares_from_weight(const char *value, char converted[VALUE_SIZE])
{
	uint64_t weight;
	if (number(value, &weight) < 0)
		return -EINVAL;
	snprintf(converted, VALUE_SIZE, "%" PRIu64 "\n", cgroup_shares_from_weight(weight));
	return 0;
}

/* v1 takes "64M" and -1; v2 the former, and "max". */
static int max_from_limit(const char *value, char converted[VALUE_SIZE])
{
	return same(strcmp(value, "-1") == 0 ? "max" : value, converted);
}

static int limit_from_max(const char *value, char converted[VALUE_SIZE])
{
	/* What an unlimited v1 cgroup of 4 KiB pages shows. */
	return same(strncmp(value, "max", 3) == 0 ? "9223372036854771712\n" : value, converted);
}

static int freeze_from_state(const char *value, char converted[VALUE_SIZE])
{
	if (strcmp(value, "FROZEN") == 0)
		return same("1", converted);
	return strcmp(value, "THAWED") == 0 ? same("0", converted) : -EINVAL;
}

static int state_from_freeze(const char *value, char converted[VALUE_SIZE])
{
	return same(*value == '1' ? "FROZEN\n" : "THAWED\n", converted);
}

static const struct {
	const char *v1, *v2;
	convert_function *to_v2, *from_v2; /* NULL: that way it can't be used */
} equivalents[] = {
	{"cpu.shares", "cpu.weight", weight_from_shares, shares_from_weight},
	{"memory.limit_in_bytes", "memory.max", max_from_limit, limit_from_max},
	{"memory.soft_limit_in_bytes", "memory.low", max_from_limit, limit_from_max},
	{"memory.usage_in_bytes", "memory.current", NULL, same},
	{"memory.max_usage_in_bytes", "memory.peak", NULL, same},
	{"memory.stat", "memory.stat", NULL, same},
	{"cpuset.cpus", "cpuset.cpus", same, same},
	{"cpuset.mems", "cpuset.mems", same, same},
	{"pids.max", "pids.max", same, same},
	{"pids.current", "pids.current", NULL, same},
	{"freezer.state", "cgroup.freeze", freeze_from_state, state_from_freeze},
};

/* The controller a file's name begins with, or -1. */
static int file_controller(const char *name)
{
	char prefix[32];
	size_t length = strcspn(name, ".=");
	if (name[length] != '.' || length >= sizeof prefix)
		return -1;
	memcpy(prefix, name, length);
	prefix[length] = '\0';
	return cgroup_controller_find(prefix);
}

unsigned int cgroup_file_controllers(const struct cgroup_layout *layout, const char *name)
{
	int controller = file_controller(name);
	return controller >= 0 && cgroup_layout_version(layout, (enum cgroup_controller)controller)
		       ? CGROUP_BIT((unsigned int)controller)
		       : 0;
}

struct target {
	const struct cgroup_place *place;
	const char *file;
	convert_function *to, *from;
};

/* Finds where the file is, on this machine's version of its controller. */
static int target_find(const struct cgroup *cgroup, const char *name, struct target *target, struct error *error)
{
	if (strchr(name, '/') || !strcmp(name, "..") || !strcmp(name, "."))
		return error_set(error, EINVAL, "'%s' is not the name of a cgroup file", name);
	int controller = file_controller(name);
	*target = (struct target){.file = name, .to = same, .from = same};
	for (size_t i = 0; i < cgroup->count && controller >= 0; i++)
		if (cgroup->places[i].controllers & CGROUP_BIT((unsigned int)controller))
			target->place = &cgroup->places[i];
	if (!target->place)
		return error_set(error, ENOENT, "cgroup %s has no file %s: no controller of that name is in use for it",
				 cgroup->relative, name);
	if (target->place->hierarchy->version == 1)
		return 0;
	for (size_t i = 0; i < sizeof equivalents / sizeof *equivalents; i++) {
		if (strcmp(equivalents[i].v1, name) != 0)
			continue;
		target->file = equivalents[i].v2;
		target->to = equivalents[i].to_v2;
		target->from = equivalents[i].from_v2;
	}
	return 0;
}

static int not_translatable(const struct target *target, const char *name, struct error *error)
{
	return error_set(error, ENOTSUP, "%s is a cgroup v1 file without an equivalent in v2 (looked for %s/%s)", name,
			 target->place->path, target->file);
}

ssize_t cgroup_file_read(const struct cgroup *cgroup, const char *name, char *buffer, size_t size, struct error *error)
{
	struct target target;
	int result = target_find(cgroup, name, &target, error);
	if (result < 0)
		return result;
	cleanup_fd int directory = cgroup_place_open(cgroup, target.place);
	if (directory < 0)
		return error_errno(error, -directory, "open %s", target.place->path);
	ssize_t length = file_read(directory, target.file, buffer, size);
	if (length == -ENOENT && target.place->hierarchy->version == 2)
		return not_translatable(&target, name, error);
	if (length < 0)
		return error_errno(error, (int)-length, "read %s/%s", target.place->path, target.file);
	char converted[VALUE_SIZE];
	if (target.from == same)
		return length;
	if (target.from(buffer, converted) < 0 || strlen(converted) >= size)
		return not_translatable(&target, name, error);
	strcpy(buffer, converted);
	return (ssize_t)strlen(buffer);
}

int cgroup_file_write(const struct cgroup *cgroup, const char *name, const char *value, struct error *error)
{
	struct target target;
	int result = target_find(cgroup, name, &target, error);
	if (result < 0)
		return result;
	cleanup_fd int fd = cgroup_place_open(cgroup, target.place);
	if (fd < 0)
		return error_errno(error, -fd, "open %s", target.place->path);
	struct cgroup_directory directory = {.fd = fd, .path = target.place->path};
	char converted[VALUE_SIZE];
	if (target.to == same)
		result = cgroup_directory_write(&directory, target.file, value, error);
	else if (!target.to || target.to(value, converted) < 0)
		return error_set(error, EINVAL, "%s can't be written with '%s'", name, value);
	else
		result = cgroup_directory_write(&directory, target.file, converted, error);
	return result == -ENOENT && target.place->hierarchy->version == 2 ? not_translatable(&target, name, error)
									  : result;
}
