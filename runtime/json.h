/* SPDX-License-Identifier: Apache-2.0 */
/* JSON holds Unicode; paths, names and arguments hold bytes. One way between the two. */
#ifndef RUNTIME_JSON_H
#define RUNTIME_JSON_H

#include <jansson.h>

/* A string, or, where the bytes are not UTF-8, {"hex": "..."}. NULL becomes null. A new reference, or NULL without
 * memory. */
json_t *json_from_bytes(const char *bytes);
/* Back again, malloc'ed; NULL for null and for anything else. */
char *json_to_bytes(const json_t *json);
/* An array of the above from a NULL-terminated array. */
json_t *json_from_strings(const char *const *strings);
/* Back again, NULL-terminated, malloc'ed as each string in it; NULL for anything else than an array of them. */
char **json_to_strings(const json_t *json);

static inline void cleanup_json_(json_t **json)
{
	json_decref(*json);
}
#define cleanup_json __attribute__((cleanup(cleanup_json_)))

#endif
