/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "runtime/parse.h"

#define ID_RANGE_FORM "expected INSIDE:OUTSIDE:LENGTH, as in 0:100000:65536"

/* Digits up to the separator. What follows that; NULL with *cause set, which is NULL where it is too large. */
static const char *id_read(const char *text, char separator, uint32_t *id, const char **cause)
{
	uint64_t value = 0;
	const char *p = text;
	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (uint64_t)(*p - '0');
		if (value > UINT32_MAX)
			return *cause = NULL, NULL;
	}
	if (p == text || *p != separator)
		return *cause = p == text ? "a number is missing" : "it is not three numbers", NULL;
	*id = (uint32_t)value;
	return *p ? p + 1 : p;
}

int parse_id_range(const char *text, struct berth_id_range *range, struct error *error)
{
	struct berth_id_range read = {0};
	const char *cause = NULL, *rest = id_read(text, ':', &read.inside, &cause);
	if (rest)
		rest = id_read(rest, ':', &read.outside, &cause);
	if (rest)
		rest = id_read(rest, '\0', &read.length, &cause);
	if (!rest && cause)
		return error_set(error, EINVAL, "'%.100s' is not a range of ids: %s; " ID_RANGE_FORM, text, cause);
	/* 2^32 - 1 is no id. */
	if (!rest || !read.length || read.length > UINT32_MAX - read.inside || read.length > UINT32_MAX - read.outside)
		return error_set(error, ERANGE, "'%.100s' is no range of ids that can be: ids lie below 4294967295",
				 text);
	*range = read;
	return 0;
}
