/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that name files and directories: the root, mounts, files to include. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/lxc/keys.h"
#include "runtime/lxc/tool.h"

enum { INCLUDE_DEPTH = 8 };

/* ---- Root, mounts ---- */

static int root_directory_set(const struct setting *setting, const char *kind, const char *path)
{
	cleanup_free char *root = NULL;
	if (*path != '/')
		return refuse(setting, "the root '%s' must be an absolute path", path);
	if (asprintf(&root, "%s%s", kind, path) < 0) {
		root = NULL;
		return lxc_no_memory(setting->error);
	}
	struct setting made = *setting;
	made.value = root;
	return setting_text_set(&made, &setting->config->root);
}

int root_set(const struct setting *setting)
{
	static const char *const words[] = {"", "host", "host-rw", "framework"};
	static const char *const refused[] = {"loop:", "nbd:", "btrfs:", "zfs:", "lvm:", "rbd:", "aufs:", "best:"};
	const char *value = setting->value;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(value, words[i]) == 0)
			return setting_text_set(setting, &setting->config->root);
	if (strncmp(value, "framework:", 10) == 0)
		return setting_text_set(setting, &setting->config->root);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (strncmp(value, refused[i], strlen(refused[i])) == 0)
			return refuse(setting, "a root of kind %s is not for berth: mount it and give its directory",
				      refused[i]);
	if (strncmp(value, "dir:", 4) == 0)
		return root_directory_set(setting, "", value + 4);
	if (strncmp(value, "overlay:", 8) == 0 || strncmp(value, "overlayfs:", 10) == 0) {
		const char *lower = strchr(value, ':') + 1;
		if (strchr(lower, ':'))
			return refuse(setting,
				      "the layer over an overlay root is thrown away at the container's end, so '%s' "
				      "must name no directory for it; one that is kept is berth.root = framework with "
				      "berth.root.lower = DIR",
				      value);
		return root_directory_set(setting, "overlay:", lower);
	}
	if (*value != '/')
		return refuse(setting,
			      "root '%s' is none of host, host-rw, framework[:ID[:LOWER]], overlay:DIR, dir:DIR, or an "
			      "absolute path",
			      value);
	return root_directory_set(setting, "", value);
}

int framework_set(const struct setting *setting)
{
	return setting_text_set(setting, &setting->config->framework);
}

int lower_set(const struct setting *setting)
{
	if (*setting->value && *setting->value != '/')
		return refuse(setting, "'%s' must be an absolute path", setting->value);
	return setting_text_set(setting, &setting->config->lower);
}

int mount_entry_set(const struct setting *setting)
{
	if (*setting->value)
		return lxc_mount_add(setting->config, setting->where, setting->value, setting->error);
	lxc_mounts_clear(setting->config);
	return 0;
}

/* A path in a file means the same from wherever the command is run: it starts at the file. malloc'ed. */
static char *path_from(const struct lxc_where *where, const char *path)
{
	const char *slash = where->line ? strrchr(where->file, '/') : NULL;
	char *joined = NULL;
	if (*path == '/' || !slash)
		return strdup(path);
	return asprintf(&joined, "%.*s/%s", (int)(slash - where->file), where->file, path) < 0 ? NULL : joined;
}

int fstab_set(const struct setting *setting)
{
	cleanup_free char *path = path_from(setting->where, setting->value);
	if (!path)
		return lxc_no_memory(setting->error);
	return *setting->value ? lxc_mounts_read(setting->config, path, setting->error) : mount_entry_set(setting);
}

/* ---- Including ---- */

static int is_conf(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int directory_include(const struct setting *setting, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_conf, alphasort), code = 0;
	if (n < 0)
		return refuse(setting, "include %s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		cleanup_free char *file = NULL;
		if (code == 0 && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0) {
			file = NULL;
			code = lxc_no_memory(setting->error);
		}
		if (code == 0)
			code = lxc_config_read(setting->config, file, setting->error);
		free(entries[i]);
	}
	free(entries);
	return code;
}

int include_set(const struct setting *setting)
{
	struct lxc_config *config = setting->config;
	cleanup_free char *path = path_from(setting->where, setting->value);
	struct stat status;
	if (!path)
		return lxc_no_memory(setting->error);
	if (config->depth >= INCLUDE_DEPTH)
		return refuse(setting, "include %s: files are included more than %d deep: does one include itself?",
			      path, INCLUDE_DEPTH);
	if (stat(path, &status) < 0)
		return refuse(setting, "include %s: %s", path, strerror(errno));
	config->depth++;
	int code = S_ISDIR(status.st_mode) ? directory_include(setting, path)
					   : lxc_config_read(config, path, setting->error);
	config->depth--;
	return code;
}
