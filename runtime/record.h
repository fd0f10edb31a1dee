/* SPDX-License-Identifier: Apache-2.0 */
/* container.json, as JSON. */
#ifndef RUNTIME_RECORD_H
#define RUNTIME_RECORD_H

#include <jansson.h>

#include "runtime/state.h"

/* A new reference, or NULL without memory. */
json_t *record_make(const struct spec *spec, unsigned int controllers, uint64_t started_ns);
/* Reads it from the container's directory; a new reference, or NULL with *error set. */
json_t *record_load(int directory, struct error *error);
int record_parse(const json_t *json, struct record *record, struct error *error);

#endif
