/* SPDX-License-Identifier: Apache-2.0 */
/* The devices of a container: nodes given to it, and the rules on what may be done with any node. */
#ifndef RUNTIME_DEVICES_H
#define RUNTIME_DEVICES_H

#include "runtime/json_text.h"
#include "runtime/spec.h"

/*
 * Checks and copies the devices, and makes the rules of spec->limits: the default ones, those of the devices, those of
 * the entries devices.allow and devices.deny among the cgroup files. None without the whole set of cgroups, or for a
 * bare root.
 */
int devices_copy(const struct berth_options *options, struct spec *spec, struct error *error);
void devices_free(struct spec *spec);

/* Whether it is an entry "devices.allow=..." or "devices.deny=...", which is a rule and no file to be written. */
bool devices_is_rule(const char *cgroup_file);

/*
 * Where no hierarchy has the controller there can be no rules: then root loses CAP_MKNOD too, unless it was asked for
 * by name, so that it has no nodes but those it is given. -ENOENT where rules were asked for.
 */
int devices_settle(const struct cgroup_layout *layout, struct spec *spec, struct error *error);

/* The line in the list of fallbacks for that. */
extern const char devices_fallback[];

/* For the record: the devices, and the rules. */
void devices_write(struct json_text *text, const struct spec *spec);

#endif
