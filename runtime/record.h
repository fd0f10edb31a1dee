/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is, as JSON. */
#ifndef RUNTIME_RECORD_H
#define RUNTIME_RECORD_H

#include <jansson.h>

#include "runtime/json_text.h"
#include "runtime/state.h"

void record_write(struct json_text *text, const struct spec *spec, unsigned int controllers, uint64_t started_ns);
/* Reads it from the container's directory; a new reference, or NULL with *error set. */
json_t *record_load(int directory, struct error *error);
int record_parse(const json_t *json, struct record *record, struct error *error);

#endif
