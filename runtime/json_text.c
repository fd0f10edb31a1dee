/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/json_text.h"

#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "runtime/json.h"

enum { FIRST_ROOM = 2048 };

/* Where the next length bytes go, which the caller writes; NULL without memory. */
static char *extend(struct json_text *text, size_t length)
{
	size_t needed = text->size + length + 1;
	if (needed > text->room) {
		size_t room = text->room ? text->room : FIRST_ROOM;
		while (room < needed)
			room *= 2;
		char *grown = realloc(text->bytes, room);
		if (!grown) {
			text->failed = true;
			return NULL;
		}
		text->bytes = grown;
		text->room = room;
	}
	char *next = text->bytes + text->size;
	text->size += length;
	text->bytes[text->size] = '\0';
	return next;
}

static void append(struct json_text *text, const char *bytes, size_t length)
{
	char *next = extend(text, length);
	if (next)
		memcpy(next, bytes, length);
}

static void append_byte(struct json_text *text, char byte)
{
	char *next = extend(text, 1);
	if (next)
		*next = byte;
}

/* What comes before each value. Keys are this program's own, and need no escapes. */
static void begin(struct json_text *text, const char *key)
{
	bool first = text->size == 0 || text->bytes[text->size - 1] == '[' || text->bytes[text->size - 1] == '{';
	if (!first)
		append_byte(text, ',');
	size_t length = key ? strlen(key) : 0;
	char *next = key ? extend(text, length + 3) : NULL;
	if (!next)
		return;
	*next = '"';
	next = mempcpy(next + 1, key, length);
	next[0] = '"';
	next[1] = ':';
}

void json_text_open(struct json_text *text, const char *key, char bracket)
{
	begin(text, key);
	append_byte(text, bracket);
}

void json_text_close(struct json_text *text, char bracket)
{
	append_byte(text, bracket);
}

void json_text_number(struct json_text *text, const char *key, uint64_t number)
{
	char digits[20];
	size_t first = sizeof digits;
	begin(text, key);
	/* As jansson has it: signed. */
	if ((json_int_t)number < 0) {
		append_byte(text, '-');
		number = -number;
	}
	do
		digits[--first] = (char)('0' + number % 10);
	while (number /= 10);
	append(text, digits + first, sizeof digits - first);
}

void json_text_real(struct json_text *text, const char *key, double number)
{
	/* A whole one, as most are, without what it takes to tell any. */
	uint64_t whole = number >= 0 && number < 1e15 ? (uint64_t)number : 0;
	if ((double)whole != number) {
		json_text_value(text, key, json_real(number));
		return;
	}
	json_text_number(text, key, whole);
	append(text, ".0", 2);
}

void json_text_bool(struct json_text *text, const char *key, bool value)
{
	begin(text, key);
	append(text, value ? "true" : "false", value ? 4 : 5);
}

void json_text_value(struct json_text *text, const char *key, json_t *value)
{
	cleanup_free char *dumped = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_decref(value);
	begin(text, key);
	if (dumped)
		append(text, dumped, strlen(dumped));
	else
		text->failed = true;
}

/* Whether the bytes stand for themselves in a string. */
static bool is_plain(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] < ' ' || bytes[i] > '~' || bytes[i] == '"' || bytes[i] == '\\')
			return false;
	return true;
}

void json_text_bytes(struct json_text *text, const char *key, const char *bytes)
{
	if (!bytes) {
		begin(text, key);
		append(text, "null", 4);
		return;
	}
	size_t length = strlen(bytes);
	if (!is_plain(bytes, length)) {
		json_text_value(text, key, json_from_bytes(bytes));
		return;
	}
	begin(text, key);
	char *next = extend(text, length + 2);
	if (!next)
		return;
	*next = '"';
	next = mempcpy(next + 1, bytes, length);
	*next = '"';
}

void json_text_strings(struct json_text *text, const char *key, const char *const *strings)
{
	json_text_open(text, key, '[');
	for (size_t i = 0; strings && strings[i]; i++)
		json_text_bytes(text, NULL, strings[i]);
	json_text_close(text, ']');
}
