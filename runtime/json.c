/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"

json_t *json_from_bytes(const char *bytes)
{
	if (!bytes)
		return json_null();
	json_t *string = json_string(bytes);
	if (string)
		return string;
	size_t length = strlen(bytes);
	cleanup_free char *hex = malloc(2 * length + 1);
	if (!hex)
		return NULL;
	for (size_t i = 0; i < length; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes[i]);
	return json_pack("{s:s}", "hex", hex);
}

char *json_to_bytes(const json_t *json)
{
	if (json_is_string(json))
		return strdup(json_string_value(json));
	const char *hex = json_string_value(json_object_get(json, "hex"));
	if (!hex || strlen(hex) % 2)
		return NULL;
	cleanup_free char *bytes = calloc(strlen(hex) / 2 + 1, 1);
	for (size_t i = 0; bytes && hex[2 * i]; i++) {
		unsigned int byte;
		if (!isxdigit((unsigned char)hex[2 * i]) || !isxdigit((unsigned char)hex[2 * i + 1]) ||
		    sscanf(hex + 2 * i, "%2x", &byte) != 1 || !byte)
			return NULL;
		bytes[i] = (char)byte;
	}
	return steal_pointer(&bytes);
}

json_t *json_from_strings(const char *const *strings)
{
	json_t *array = json_array();
	for (size_t i = 0; strings && strings[i]; i++)
		json_array_append_new(array, json_from_bytes(strings[i]));
	return array;
}

char **json_to_strings(const json_t *json)
{
	size_t count = json_array_size(json);
	char **strings = json_is_array(json) ? calloc(count + 1, sizeof *strings) : NULL;
	for (size_t i = 0; strings && i < count; i++) {
		if ((strings[i] = json_to_bytes(json_array_get(json, i))))
			continue;
		while (i-- > 0)
			free(strings[i]);
		free(strings);
		return NULL;
	}
	return strings;
}
