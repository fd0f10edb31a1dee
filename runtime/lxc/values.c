/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lxc/values.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DAY_MS = 86400000 };

/* The whole number in front; *rest is what comes behind it. */
static bool number(const char *text, uint64_t *value, const char **rest)
{
	char *end;
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	*rest = end;
	return errno == 0;
}

bool lxc_value_bytes(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "kmgt";
	const char *rest;
	uint64_t value;
	if (!number(text, &value, &rest))
		return false;
	if (*rest) {
		const char *suffix = strchr(suffixes, tolower((unsigned char)*rest));
		if (!suffix || rest[1])
			return false;
		unsigned int shift = 10 * (unsigned int)(suffix - suffixes + 1);
		if (value > UINT64_MAX >> shift)
			return false;
		value <<= shift;
	}
	*bytes = value;
	return true;
}

bool lxc_value_duration(const char *text, int *ms)
{
	static const struct {
		const char *suffix;
		uint64_t ms;
	} units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}};
	const char *rest;
	uint64_t value;

	if (!number(text, &value, &rest) || value > DAY_MS)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(rest, units[i].suffix) == 0 && value * units[i].ms <= DAY_MS) {
			*ms = (int)(value * units[i].ms);
			return true;
		}
	return false;
}

bool lxc_value_bool(const char *text, bool *value)
{
	static const char *const words[] = {"0", "1", "no", "yes", "false", "true", "off", "on"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(text, words[i]) == 0) {
			*value = i % 2;
			return true;
		}
	return false;
}

bool lxc_value_percent(const char *text, double *percent)
{
	char *end;
	double value;
	if (!isdigit((unsigned char)*text))
		return false;
	value = strtod(text, &end);
	if (*end || !(value >= 0 && value <= 100))
		return false;
	*percent = value;
	return true;
}

size_t lxc_strings_count(char *const *strings)
{
	size_t n = 0;
	while (strings && strings[n])
		n++;
	return n;
}

int lxc_strings_add(char ***strings, const char *text)
{
	size_t n = lxc_strings_count(*strings);
	char *copy = strdup(text);
	char **grown = copy ? reallocarray(*strings, n + 2, sizeof(*grown)) : NULL;
	if (!grown) {
		free(copy);
		return -ENOMEM;
	}
	grown[n] = copy;
	grown[n + 1] = NULL;
	*strings = grown;
	return 0;
}

void lxc_strings_free(char ***strings)
{
	for (size_t i = 0; *strings && (*strings)[i]; i++)
		free((*strings)[i]);
	free(*strings);
	*strings = NULL;
}
