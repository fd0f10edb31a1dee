/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/json.h"

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

json_t *json_from_strings(const char *const *strings)
{
	json_t *array = json_array();
	for (size_t i = 0; strings && strings[i]; i++)
		json_array_append_new(array, json_from_bytes(strings[i]));
	return array;
}
