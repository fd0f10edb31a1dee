/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/name.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { HASH_DIGITS = 32, CUT = NAME_ENCODED_SIZE - 1 - 1 - HASH_DIGITS };

int name_check(const char *name, const char *what, struct error *error)
{
	size_t length = strnlen(name, NAME_LIMIT + 1);
	if (length == 0)
		return error_set(error, EINVAL, "the %s is empty", what);
	if (length > NAME_LIMIT)
		return error_set(error, EINVAL, "the %s is longer than %d bytes", what, NAME_LIMIT);
	return 0;
}

/* What could be a file of the cgroup directory that the name's own is made in. cgroup-v2.rst, "Interface Files" */
static bool is_cgroup_file(const char *name)
{
	static const char *const files[] = {"tasks", "notify_on_release", "release_agent"};
	static const char *const prefixes[] = {"blkio",   "cgroup",  "cpu",      "cpuacct",    "cpuset", "debug",
					       "devices", "dmem",    "freezer",  "hugetlb",    "io",     "memory",
					       "misc",    "net_cls", "net_prio", "perf_event", "pids",   "rdma"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (strcmp(name, files[i]) == 0)
			return true;
	size_t length = strcspn(name, ".");
	for (size_t i = 0; name[length] && i < sizeof prefixes / sizeof *prefixes; i++)
		if (strlen(prefixes[i]) == length && strncmp(name, prefixes[i], length) == 0)
			return true;
	return false;
}

static int stands_for_itself(char c, int in_front)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       (c == '.' && !in_front);
}

/* FNV-1a of 128 bits: names that differ only behind the cut must not meet. */
static void hash(const char *name, char digits[HASH_DIGITS + 1])
{
	unsigned __int128 value = (unsigned __int128)0x6c62272e07bb0142ULL << 64 | 0x62b821756295c58dULL;
	const unsigned __int128 prime = (unsigned __int128)0x1000000ULL << 64 | 0x13bULL;
	for (; *name; name++)
		value = (value ^ (unsigned char)*name) * prime;
	snprintf(digits, HASH_DIGITS + 1, "%016llx%016llx", (unsigned long long)(value >> 64),
		 (unsigned long long)value);
}

void name_encode(const char *name, char encoded[NAME_ENCODED_SIZE])
{
	static const char hex[] = "0123456789ABCDEF";
	size_t used = 0, cut = 0;
	bool is_file = is_cgroup_file(name);
	for (const char *c = name; *c; c++) {
		bool itself = stands_for_itself(*c, c == name) && !(is_file && c == name);
		size_t length = itself ? 1 : 3;
		if (used <= CUT)
			cut = used;
		if (used + length >= NAME_ENCODED_SIZE) {
			char digits[HASH_DIGITS + 1];
			hash(name, digits);
			snprintf(encoded + cut, NAME_ENCODED_SIZE - cut, "~%s", digits);
			return;
		}
		if (itself) {
			encoded[used] = *c;
		} else {
			encoded[used] = '%';
			encoded[used + 1] = hex[(unsigned char)*c >> 4];
			encoded[used + 2] = hex[(unsigned char)*c & 15];
		}
		used += length;
	}
	encoded[used] = '\0';
}
