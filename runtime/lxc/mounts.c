/* SPDX-License-Identifier: Apache-2.0 */
/* lxc.mount.entry and lxc.mount.fstab: lines in the form of fstab(5), of which bind mounts and tmpfs are understood. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/lxc/config.h"
#include "runtime/lxc/tool.h"
#include "runtime/lxc/values.h"

enum { FIELDS = 6 }; /* source, target, type, options, and two numbers that mean nothing here */

static void mount_free(struct lxc_mount *mount)
{
	free(mount->source);
	free(mount->target);
}

void lxc_mounts_clear(struct lxc_config *config)
{
	for (size_t i = 0; i < config->n_mounts; i++)
		mount_free(&config->mounts[i]);
	free(config->mounts);
	config->mounts = NULL;
	config->n_mounts = 0;
}

/* fstab(5) writes blanks and backslashes as \040 and the like. In place. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' &&
		    from[3] >= '0' && from[3] <= '7') {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
			/* \000 would end the text unseen. */
			if (*to)
				continue;
			*to = '\\';
			from -= 3;
			continue;
		}
		*to = *from++;
	}
	*to = '\0';
}

static int option_take(struct lxc_mount *mount, bool *bind, const struct lxc_where *where, const char *option,
		       struct berth_error *error)
{
	if (strcmp(option, "ro") == 0 || strcmp(option, "rw") == 0) {
		mount->read_only = option[1] == 'o';
	} else if (strcmp(option, "bind") == 0 || strcmp(option, "rbind") == 0) {
		*bind = true;
	} else if (strcmp(option, "create=dir") == 0 || strcmp(option, "create=file") == 0) {
		mount->file = option[7] == 'f';
	} else if (strcmp(option, "optional") == 0) {
		mount->optional = true;
	} else if (strncmp(option, "size=", 5) == 0 && mount->tmpfs) {
		if (!lxc_value_bytes(option + 5, &mount->bytes) || mount->bytes == 0)
			return lxc_config_error(error, where, "mount option '%s' is no size in bytes, like size=64m",
						option);
	} else if (strcmp(option, "defaults") != 0) {
		return lxc_config_error(error, where,
					"mount option '%s' is not understood: there are ro, rw, bind, rbind, "
					"create=dir, create=file, optional, defaults, and size= for tmpfs",
					option);
	}
	return 0;
}

static int mount_check(const struct lxc_mount *mount, bool bind, const struct lxc_where *where, const char *type,
		       struct berth_error *error)
{
	const char *what = mount->target + strspn(mount->target, "/");
	if (!mount->tmpfs && !bind)
		return lxc_config_error(error, where,
					"a mount of type '%s' is not understood: give tmpfs, or none with the option "
					"bind%s",
					type,
					strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0 ||
							strcmp(type, "devpts") == 0
						? "; /proc, /sys and /dev are there by themselves"
						: "");
	if (mount->tmpfs && (bind || mount->read_only || mount->file))
		return lxc_config_error(error, where, "a tmpfs takes neither bind, nor ro, nor create=file");
	if (!mount->tmpfs && mount->source[0] != '/')
		return lxc_config_error(error, where, "the source '%s' of a bind mount must be an absolute path",
					mount->source);
	if (!*what)
		return lxc_config_error(error, where, "nothing can be mounted on the root itself: see lxc.rootfs.path");
	return 0;
}

static int mount_fill(struct lxc_mount *mount, const struct lxc_where *where, char *fields[FIELDS],
		      struct berth_error *error)
{
	char *rest = NULL;
	bool bind = strcmp(fields[2], "bind") == 0;
	mount->tmpfs = strcmp(fields[2], "tmpfs") == 0;
	unescape(fields[0]);
	unescape(fields[1]);
	mount->source = strdup(fields[0]);
	mount->target = strdup(fields[1]);
	if (!mount->source || !mount->target)
		return lxc_no_memory(error);
	for (char *option = strtok_r(fields[3], ",", &rest); option; option = strtok_r(NULL, ",", &rest))
		if (option_take(mount, &bind, where, option, error) < 0)
			return -EINVAL;
	return mount_check(mount, bind, where, fields[2], error);
}

int lxc_mount_add(struct lxc_config *config, const struct lxc_where *where, const char *line, struct berth_error *error)
{
	cleanup_free char *copy = strdup(line);
	char *fields[FIELDS], *rest = NULL;
	int n = 0;
	if (!copy)
		return lxc_no_memory(error);
	for (char *field = strtok_r(copy, " \t", &rest); field; field = strtok_r(NULL, " \t", &rest)) {
		if (n == FIELDS)
			return lxc_config_error(error, where, "'%s' is more than a mount's line holds", field);
		fields[n++] = field;
	}
	if (n < 4)
		return lxc_config_error(error, where, "'%s' is no mount: give SOURCE TARGET TYPE OPTIONS", line);
	struct lxc_mount mount = {0};
	struct lxc_mount *grown = reallocarray(config->mounts, config->n_mounts + 1, sizeof(*grown));
	if (!grown)
		return lxc_no_memory(error);
	config->mounts = grown;
	int code = mount_fill(&mount, where, fields, error);
	if (code < 0) {
		mount_free(&mount);
		return code;
	}
	grown[config->n_mounts++] = mount;
	return 0;
}

int lxc_mounts_read(struct lxc_config *config, const char *path, struct berth_error *error)
{
	cleanup_free char *text = lxc_file_read(path, error);
	return text ? lxc_lines_each(config, path, text, lxc_mount_add, error) : error ? -error->code : -EINVAL;
}
