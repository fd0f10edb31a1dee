/* SPDX-License-Identifier: Apache-2.0 */
/* How names become directories. Pure. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/name.h"

static bool is_component(const char *encoded)
{
	size_t length = strlen(encoded);
	if (length == 0 || length >= NAME_ENCODED_SIZE || encoded[0] == '.')
		return false;
	for (const char *c = encoded; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.%~", *c))
			return false;
	return true;
}

Test(names, plain_ones_stay)
{
	static const char *const names[] = {
		"a",    "mesos_executor_E_framework_F", "a.b-c_D9", "9",      "-",     "_", "a..b", "tasks.1",
		"task", "nexus.slave-0.framework-0-0",  "cpu",      "cpus.x", "io_x.y"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char encoded[NAME_ENCODED_SIZE];
		name_encode(names[i], encoded);
		cr_expect_str_eq(encoded, names[i]);
	}
}

Test(names, special_ones_are_escaped)
{
	static const struct {
		const char *name, *encoded;
	} table[] = {
		{"a b", "a%20b"},
		{"a/b", "a%2Fb"},
		{".", "%2E"},
		{"..", "%2E."},
		{".a", "%2Ea"},
		{"%2F", "%252F"},
		{"~", "%7E"},
		{"\xff\x01", "%FF%01"},
		{"a\nb", "a%0Ab"},
		{"tasks", "%74asks"},
		{"cpu.shares", "%63pu.shares"},
		{"cgroup.procs", "%63group.procs"},
		{"release_agent", "%72elease_agent"},
		{"memory.", "%6Demory."},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char encoded[NAME_ENCODED_SIZE];
		name_encode(table[i].name, encoded);
		cr_expect_str_eq(encoded, table[i].encoded);
	}
}

Test(names, every_byte_makes_a_component_of_its_own)
{
	static char seen[255 * 2][NAME_ENCODED_SIZE];
	for (int byte = 1; byte < 256; byte++) {
		const char alone[] = {(char)byte, '\0'}, behind[] = {'x', (char)byte, '\0'};
		name_encode(alone, seen[2 * (byte - 1)]);
		name_encode(behind, seen[2 * (byte - 1) + 1]);
	}
	for (size_t i = 0; i < 510; i++) {
		cr_expect(is_component(seen[i]), "%s", seen[i]);
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(seen[i], seen[j]);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Around the cut, and up to the longest, names that differ in any one place encode differently. */
Test(names, long_ones_do_not_meet)
{
	enum { MAXIMUM = 20000 };
	static char encoded[MAXIMUM][NAME_ENCODED_SIZE];
	static char name[NAME_LIMIT + 1];
	static const size_t lengths[] = {189, 190, 191, 222, 223, 224, 300, 1000, 4096};
	static const char fills[] = {'n', '/', '\xff'};
	size_t count = 0;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		for (size_t fill = 0; fill < sizeof fills; fill++) {
			memset(name, fills[fill], lengths[i]);
			name[lengths[i]] = '\0';
			name_encode(name, encoded[count++]);
			size_t stride = lengths[i] / 100 + 1;
			for (size_t place = 0; place < lengths[i]; place += stride) {
				for (char other = 'a'; other < 'd'; other++) {
					char saved = name[place];
					name[place] = other;
					name_encode(name, encoded[count++]);
					name[place] = saved;
				}
			}
			cr_assert_lt(count, (size_t)MAXIMUM - 1000);
		}
	}
	cr_assert_gt(count, (size_t)3000);
	for (size_t i = 0; i < count; i++)
		cr_expect(is_component(encoded[i]), "%s", encoded[i]);
	qsort(encoded, count, sizeof *encoded, by_text);
	for (size_t i = 1; i < count; i++)
		cr_assert_str_neq(encoded[i - 1], encoded[i]);
}

/* A name can't be chosen to be what another is cut to: the sign of the cut is escaped in names. */
Test(names, the_cut_cannot_be_imitated)
{
	static char name[301];
	char encoded[NAME_ENCODED_SIZE], again[NAME_ENCODED_SIZE];
	memset(name, 'n', 300);
	name_encode(name, encoded);
	cr_expect(strchr(encoded, '~') != NULL);
	name_encode(encoded, again);
	cr_expect_str_neq(encoded, again);
}

Test(names, check)
{
	static char name[NAME_LIMIT + 2];
	struct error error;
	memset(name, 'n', NAME_LIMIT);
	cr_expect_eq(name_check("", "container's name", &error), -EINVAL);
	cr_expect(strstr(error.text, "container's name"));
	cr_expect_eq(name_check("x", "name", &error), 0);
	cr_expect_eq(name_check(name, "name", &error), 0);
	name[NAME_LIMIT] = 'n';
	cr_expect_eq(name_check(name, "name", &error), -EINVAL);
}
