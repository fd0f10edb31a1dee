/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

enum { SUBID_LIMIT = 16 << 20 };

/* Digits up to the end or a newline, below 2^32. */
static bool number_parse(const char *text, size_t length, uint32_t *number)
{
	uint64_t value = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*number = (uint32_t)value;
	return length > 0;
}

static bool is_user(const char *word, size_t length, const char *name, uid_t uid)
{
	uint32_t number;
	if (name && strlen(name) == length && strncmp(word, name, length) == 0)
		return true;
	return number_parse(word, length, &number) && number == uid;
}

void subid_parse(const char *text, const char *name, uid_t uid, struct id_map *ranges)
{
	for (size_t length; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		size_t user = strcspn(text, ":\n");
		if (user == length)
			continue;
		const char *start = text + user + 1, *end = text + length;
		size_t digits = strcspn(start, ":\n");
		struct id_range range = {0};
		if (start + digits == end || !is_user(text, user, name, uid) ||
		    !number_parse(start, digits, &range.outside) ||
		    !number_parse(start + digits + 1, (size_t)(end - start) - digits - 1, &range.length))
			continue;
		/* 2^32 - 1 is no id: chown(2) means by it that one stays. */
		if (range.length > UINT32_MAX - range.outside)
			range.length = UINT32_MAX - range.outside;
		if (range.length && ranges->count < ID_RANGES_MAX)
			ranges->ranges[ranges->count++] = range;
	}
}

int subid_read(const char *path, const char *name, uid_t uid, struct id_map *ranges, struct error *error)
{
	cleanup_free char *text = NULL;
	ssize_t length = file_read_all(AT_FDCWD, path, SUBID_LIMIT, &text);
	if (length == -ENOENT)
		return 0;
	if (length < 0)
		return error_errno(error, (int)-length, "read %s", path);
	subid_parse(text, name, uid, ranges);
	return 0;
}
