/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that say what keys mean. */
#ifndef RUNTIME_LXC_KEYS_H
#define RUNTIME_LXC_KEYS_H

#include "runtime/lxc/config.h"

/* A setting on its way to the configuration. */
struct setting {
	struct lxc_config *config;
	const struct lxc_where *where;
	const char *key;
	const char *name;  /* what stands behind the table's prefix */
	const char *value; /* may be empty: take back */
	struct berth_error *error;
};

#define refuse(setting, ...) lxc_config_error((setting)->error, (setting)->where, __VA_ARGS__)

/* Puts a copy of the value in the place of what is there; NULL for an empty one. */
int setting_text_set(const struct setting *setting, char **text);

/* keys_paths.c: what names files and directories. */
int root_set(const struct setting *setting);
int framework_set(const struct setting *setting);
int lower_set(const struct setting *setting);
int mount_entry_set(const struct setting *setting);
int fstab_set(const struct setting *setting);
int include_set(const struct setting *setting);

/* keys_ids.c: user namespaces */
int idmap_set(const struct setting *setting);
int userns_set(const struct setting *setting);

#endif
