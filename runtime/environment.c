/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/spec.h"

void strings_free(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}

static size_t strings_count(const char *const *strings)
{
	size_t count = 0;
	while (strings && strings[count])
		count++;
	return count;
}

char **strings_copy(const char *const *strings)
{
	if (!strings)
		return NULL;
	cleanup_strings char **copy = calloc(strings_count(strings) + 1, sizeof *copy);
	for (size_t i = 0; copy && strings[i]; i++)
		if (!(copy[i] = strdup(strings[i])))
			return NULL;
	return steal_pointer(&copy);
}

static bool same_variable(const char *entry, const char *other)
{
	size_t length = strcspn(other, "=");
	return strncmp(entry, other, length) == 0 && entry[length] == '=';
}

const char *environment_get(char *const *environment, const char *variable)
{
	for (size_t i = 0; environment[i]; i++)
		if (same_variable(environment[i], variable))
			return environment[i] + strlen(variable) + 1;
	return NULL;
}

/* Puts "K=V" in, over the variable's older value if it has one. The array must have room. */
static int put(char **environment, const char *entry)
{
	char *copy = strdup(entry);
	if (!copy)
		return -1;
	size_t i = 0;
	while (environment[i] && !same_variable(environment[i], entry))
		i++;
	free(environment[i]);
	environment[i] = copy;
	return 0;
}

char **environment_merge(char *const *base, const char *const *overrides, bool terminal)
{
	size_t n_base = strings_count((const char *const *)base);
	/* Room for all, a PATH, a TERM and the end. */
	cleanup_strings char **merged = calloc(n_base + strings_count(overrides) + 3, sizeof *merged);
	if (!merged)
		return NULL;
	for (size_t i = 0; i < n_base; i++)
		if (!(merged[i] = strdup(base[i])))
			return NULL;
	for (size_t i = 0; overrides && overrides[i]; i++) {
		const char *entry = overrides[i];
		if (!strchr(entry, '=')) {
			entry = environment_get(environ, overrides[i]);
			/* Points into "K=V", behind the "=". */
			entry = entry ? entry - strlen(overrides[i]) - 1 : NULL;
		}
		if (entry && put(merged, entry) < 0)
			return NULL;
	}
	if (!environment_get(merged, "PATH") &&
	    put(merged, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") < 0)
		return NULL;
	if (terminal && !environment_get(merged, "TERM") && put(merged, "TERM=xterm") < 0)
		return NULL;
	return steal_pointer(&merged);
}
