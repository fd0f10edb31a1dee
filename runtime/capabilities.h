/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_CAPABILITIES_H
#define RUNTIME_CAPABILITIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nsutil/base/error.h"

/* What this process may pass on at all: its bounding set. Sets are bits by number, capabilities(7). */
uint64_t capabilities_bounding(void);

/* Whether "ALL" is among the names: only then capabilities_resolve looks at the bounding set. */
bool capabilities_all_wanted(const char *const *add);

/*
 * The default set with the names in add over it and those in drop taken out; "ALL" stands for every capability the
 * kernel has, and in add for those of them that are in bounding. *added: what was added. -EINVAL for a name libcap does
 * not know, -EPERM for one in add that the caller may not pass on.
 */
int capabilities_resolve(const char *const *add, const char *const *drop, uint64_t bounding, uint64_t *set,
			 uint64_t *added, struct error *error);

/* "CAP_CHOWN", or the number of one libcap has no name for. */
void capability_name(int capability, char *name, size_t size);

#endif
