/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces: lxc.idmap, berth.userns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/lxc/keys.h"

static int range_add(const struct setting *setting, struct berth_id_range **ranges, size_t *n,
		     struct berth_id_range range)
{
	struct berth_id_range *grown = reallocarray(*ranges, *n + 1, sizeof(*grown));
	if (!grown)
		return lxc_no_memory(setting->error);
	*ranges = grown;
	grown[(*n)++] = range;
	return 0;
}

/* "u 0 100000 65536"; g: groups, b: both. */
int idmap_set(const struct setting *setting)
{
	struct lxc_config *config = setting->config;
	unsigned long long numbers[3];
	char kind;
	int end = 0;
	if (!*setting->value) {
		config->n_uid_map = config->n_gid_map = 0;
		return 0;
	}
	if (sscanf(setting->value, "%c %llu %llu %llu %n", &kind, &numbers[0], &numbers[1], &numbers[2], &end) != 4 ||
	    setting->value[end] || (kind != 'u' && kind != 'g' && kind != 'b') || numbers[0] >= UINT32_MAX ||
	    numbers[1] >= UINT32_MAX || numbers[2] > UINT32_MAX)
		return refuse(setting,
			      "'%s' is no map of ids for %s: give u or g (b for both), the first id inside, the first "
			      "outside, and how many, as in u 0 100000 65536",
			      setting->value, setting->key);
	struct berth_id_range range = {(uint32_t)numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2]};
	int code = 0;
	if (kind != 'g')
		code = range_add(setting, &config->uid_map, &config->n_uid_map, range);
	if (code == 0 && kind != 'u')
		code = range_add(setting, &config->gid_map, &config->n_gid_map, range);
	return code;
}

/* A range that is given out, or none; the library looks at the number. */
int userns_set(const struct setting *setting)
{
	const char *value = setting->value;
	if (*value && strcmp(value, "host") != 0 && strcmp(value, "auto") != 0 && strncmp(value, "auto:", 5) != 0)
		return refuse(setting, "'%s' is none of host, auto and auto:SIZE for %s", value, setting->key);
	return setting_text_set(setting, &setting->config->userns);
}
