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

enum { VALUE_SIZE = 64, TEXT_SIZE = 4096 };

/*
 * Turns a value of one version's file into the other's; the cgroup's directory is for values that stand in relation to
 * another file's. 0, or -EINVAL for a value that has no equivalent.
 */
typedef int convert_function(int directory, const char *value, char converted[VALUE_SIZE]);

static int copy(const char *value, char converted[VALUE_SIZE])
{
	return (size_t)snprintf(converted, VALUE_SIZE, "%s", value) < VALUE_SIZE ? 0 : -EINVAL;
}

/* Marks files whose values are alike; never called for those, whose values may be longer than VALUE_SIZE. */
static int same(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	return copy(value, converted);
}

static int number_put(uint64_t number, const char *end, char converted[VALUE_SIZE])
{
	snprintf(converted, VALUE_SIZE, "%" PRIu64 "%s", number, end);
	return 0;
}

static int number(const char *value, uint64_t *parsed)
{
	char *end;
	errno = 0;
	*parsed = strtoull(value, &end, 10);
	return errno || *value < '0' || *value > '9' || (*end && *end != '\n') ? -EINVAL : 0;
}

/* As the kernel's memparse: "64M". */
static int bytes(const char *value, uint64_t *parsed)
{
	static const char suffixes[] = "kmgtpe";
	size_t digits = strspn(value, "0123456789");
	const char *suffix = value[digits] ? strchr(suffixes, value[digits] | 0x20) : NULL;
	unsigned int shift = suffix ? 10 * (unsigned int)(suffix - suffixes + 1) : 0;
	char plain[VALUE_SIZE];
	if (digits >= sizeof plain || (suffix && value[digits + 1] && value[digits + 1] != '\n') ||
	    (!suffix && value[digits] && value[digits] != '\n'))
		return -EINVAL;
	snprintf(plain, sizeof plain, "%.*s", (int)digits, value);
	if (number(plain, parsed) < 0 || *parsed > UINT64_MAX >> shift)
		return -EINVAL;
	*parsed <<= shift;
	return 0;
}

/* ---- CPU ---- */

static int weight_from_shares(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	uint64_t shares;
	return number(value, &shares) < 0 ? -EINVAL : number_put(cgroup_weight_from_shares(shares), "", converted);
}

static int shares_from_weight(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	uint64_t weight;
	return number(value, &weight) < 0 ? -EINVAL : number_put(cgroup_shares_from_weight(weight), "\n", converted);
}

/* cpu.max is "QUOTA PERIOD", and a single number written to it sets the quota alone. */
static int max_from_quota(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	uint64_t quota;
	if (strcmp(value, "-1") == 0)
		return copy("max", converted);
	return number(value, &quota) < 0 ? -EINVAL : number_put(quota, "", converted);
}

static int quota_from_max(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	uint64_t quota;
	if (strncmp(value, "max", 3) == 0)
		return copy("-1\n", converted);
	return sscanf(value, "%" SCNu64, &quota) == 1 ? number_put(quota, "\n", converted) : -EINVAL;
}

static int max_from_period(int directory, const char *value, char converted[VALUE_SIZE])
{
	uint64_t period;
	char now[VALUE_SIZE];
	if (number(value, &period) < 0 || file_read(directory, "cpu.max", now, sizeof now) < 0)
		return -EINVAL;
	now[strcspn(now, " \n")] = '\0';
	int length = snprintf(converted, VALUE_SIZE, "%.30s %" PRIu64, now, period);
	return length < VALUE_SIZE ? 0 : -EINVAL;
}

static int period_from_max(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	uint64_t period;
	return sscanf(value, "%*s %" SCNu64, &period) == 1 ? number_put(period, "\n", converted) : -EINVAL;
}

static int ns_from_stat(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	uint64_t us;
	return file_keyed_u64(value, "usage_usec", &us) < 0 ? -EINVAL : number_put(us * 1000, "\n", converted);
}

/* ---- Memory ---- */

/* What an unlimited v1 cgroup of 4 KiB pages shows. */
static const char v1_unlimited[] = "9223372036854771712\n";

/* v1 takes "64M" and -1; v2 the former, and "max". */
static int max_from_limit(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	return copy(strcmp(value, "-1") == 0 ? "max" : value, converted);
}

static int limit_from_max(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	return copy(strncmp(value, "max", 3) == 0 ? v1_unlimited : value, converted);
}

/* v1 limits memory and swap together, v2 swap alone. */
static int swap_from_memsw(int directory, const char *value, char converted[VALUE_SIZE])
{
	uint64_t memory, both;
	if (strcmp(value, "-1") == 0)
		return copy("max", converted);
	if (bytes(value, &both) < 0 || file_read_u64(directory, "memory.max", &memory) < 0 || both < memory)
		return -EINVAL;
	return number_put(both - memory, "", converted);
}

static int memsw_from_swap(int directory, const char *value, char converted[VALUE_SIZE])
{
	uint64_t memory, swap;
	if (file_read_u64(directory, "memory.max", &memory) < 0)
		return -EINVAL;
	if (memory == UINT64_MAX || strncmp(value, "max", 3) == 0)
		return copy(v1_unlimited, converted);
	return number(value, &swap) < 0 ? -EINVAL : number_put(memory + swap, "\n", converted);
}

static int memsw_from_usage(int directory, const char *value, char converted[VALUE_SIZE])
{
	uint64_t memory, swap;
	if (number(value, &swap) < 0 || file_read_u64(directory, "memory.current", &memory) < 0)
		return -EINVAL;
	return number_put(memory + swap, "\n", converted);
}

/* ---- The freezer ---- */

static int freeze_from_state(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	if (strcmp(value, "FROZEN") == 0)
		return copy("1", converted);
	return strcmp(value, "THAWED") == 0 ? copy("0", converted) : -EINVAL;
}

static int state_from_freeze(int directory, const char *value, char converted[VALUE_SIZE])
{
	(void)directory;
	return copy(*value == '1' ? "FROZEN\n" : "THAWED\n", converted);
}

static const struct {
	const char *v1, *v2;
	convert_function *to_v2, *from_v2; /* NULL: that way it can't be used */
} equivalents[] = {
	{"cpu.shares", "cpu.weight", weight_from_shares, shares_from_weight},
	{"cpu.cfs_quota_us", "cpu.max", max_from_quota, quota_from_max},
	{"cpu.cfs_period_us", "cpu.max", max_from_period, period_from_max},
	{"cpuacct.usage", "cpu.stat", NULL, ns_from_stat},
	{"memory.limit_in_bytes", "memory.max", max_from_limit, limit_from_max},
	{"memory.memsw.limit_in_bytes", "memory.swap.max", swap_from_memsw, memsw_from_swap},
	{"memory.memsw.usage_in_bytes", "memory.swap.current", NULL, memsw_from_usage},
	{"memory.soft_limit_in_bytes", "memory.low", max_from_limit, limit_from_max},
	{"memory.usage_in_bytes", "memory.current", NULL, same},
	{"memory.max_usage_in_bytes", "memory.peak", NULL, same},
	{"memory.stat", "memory.stat", NULL, same},
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
	if (controller >= 0)
		target->place = cgroup_place_find(cgroup, (enum cgroup_controller)controller);
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
	char text[TEXT_SIZE], converted[VALUE_SIZE];
	ssize_t length = target.from == same ? file_read(directory, target.file, buffer, size)
					     : file_read(directory, target.file, text, sizeof text);
	if (length == -ENOENT && target.place->hierarchy->version == 2)
		return not_translatable(&target, name, error);
	if (length < 0)
		return error_errno(error, (int)-length, "read %s/%s", target.place->path, target.file);
	if (target.from == same)
		return length;
	if (target.from(directory, text, converted) < 0)
		return not_translatable(&target, name, error);
	length = (ssize_t)strlen(converted);
	if ((size_t)length >= size)
		return error_errno(error, EFBIG, "read %s/%s", target.place->path, target.file);
	memcpy(buffer, converted, (size_t)length + 1);
	return length;
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
	struct cgroup_directory directory = {.fd = fd, .relative = ".", .path = target.place->path};
	char converted[VALUE_SIZE];
	if (target.to == same)
		result = cgroup_directory_write(&directory, target.file, value, error);
	else if (!target.to || target.to(fd, value, converted) < 0)
		return error_set(error, EINVAL, "%s can't be written with '%s'", name, value);
	else
		result = cgroup_directory_write(&directory, target.file, converted, error);
	return result == -ENOENT && target.place->hierarchy->version == 2 ? not_translatable(&target, name, error)
									  : result;
}
