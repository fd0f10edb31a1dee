/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lxc/names.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *prefix, *separator;
} eras[] = {
	{"nexus.slave-", ".framework-"},
	{"mesos.slave-", ".framework-"},
	{"mesos.executor-", ".framework-"},
	{"mesos_executor_", "_framework_"},
};

const char *lxc_name_framework(const char *name)
{
	for (size_t i = 0; i < sizeof(eras) / sizeof(*eras); i++) {
		size_t prefix = strlen(eras[i].prefix);
		const char *last = NULL;
		if (strncmp(name, eras[i].prefix, prefix) != 0)
			continue;
		for (const char *at = name + prefix; (at = strstr(at, eras[i].separator)); at++)
			last = at + strlen(eras[i].separator);
		return last && *last ? last : name;
	}
	return name;
}
