/* SPDX-License-Identifier: Apache-2.0 */
/* JSON written straight to text, for what every launch writes: a tree of jansson's costs ten times as much. */
#ifndef RUNTIME_JSON_TEXT_H
#define RUNTIME_JSON_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero to begin with; bytes is malloc'ed and ends in a NUL. */
struct json_text {
	char *bytes;
	size_t size, room;
	bool failed; /* out of memory once: the text is not whole */
};

/* key: of a member of an object; NULL in an array, or for the whole. bracket: '{' or '[', and its counterpart. */
void json_text_open(struct json_text *text, const char *key, char bracket);
void json_text_close(struct json_text *text, char bracket);
void json_text_number(struct json_text *text, const char *key, uint64_t number);
void json_text_real(struct json_text *text, const char *key, double number);
void json_text_bool(struct json_text *text, const char *key, bool value);
/* As json_from_bytes. */
void json_text_bytes(struct json_text *text, const char *key, const char *bytes);
/* An array of the above from a NULL-terminated array. */
void json_text_strings(struct json_text *text, const char *key, const char *const *strings);
/* Takes the value over. */
void json_text_value(struct json_text *text, const char *key, json_t *value);

static inline void cleanup_json_text_(struct json_text *text)
{
	free(text->bytes);
}
#define cleanup_json_text __attribute__((cleanup(cleanup_json_text_)))

#endif
