/* SPDX-License-Identifier: Apache-2.0 */
/* JSON holds Unicode; paths, names and arguments hold bytes. One way from these to it. */
#ifndef RUNTIME_JSON_H
#define RUNTIME_JSON_H

#include <jansson.h>

/* A string, or, where the bytes are not UTF-8, {"hex": "..."}. NULL becomes null. A new reference, or NULL without
 * memory. */
json_t *json_from_bytes(const char *bytes);
/* An array of the above from a NULL-terminated array. */
json_t *json_from_strings(const char *const *strings);

static inline void cleanup_json_(json_t **json)
{
	json_decref(*json);
}
#define cleanup_json __attribute__((cleanup(cleanup_json_)))

#endif
