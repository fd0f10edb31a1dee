/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lxc/apply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

#include "runtime/lxc/names.h"
#include "runtime/lxc/tool.h"
#include "runtime/lxc/values.h"
#include "runtime/lxc/workdir.h"

/* framework:ID[:LOWER] ends the ID at a colon, so one in an ID is written as in a URL; and so is the sign for that. */
static char *framework_root(const char *id, const char *lower)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return NULL;
	fputs("framework:", stream);
	for (; *id; id++)
		fprintf(stream, *id == ':' || *id == '%' ? "%%%02X" : "%c", (unsigned char)*id);
	if (lower)
		fprintf(stream, ":%s", lower);
	return fclose(stream) == 0 ? text : NULL;
}

char *lxc_root_text(const struct lxc_config *config, const char *name)
{
	const char *root = config->root ? config->root : "framework";
	if (strcmp(root, "framework") != 0)
		return strdup(root);
	return framework_root(config->framework ? config->framework : lxc_name_framework(name), config->lower);
}

/* ---- Capabilities ---- */

/* Whether the list, whose words may begin with "CAP_", has this name, which does. */
static bool has_cap(char *const *list, const char *name)
{
	for (size_t i = 0; list && list[i]; i++)
		if (strcasecmp(list[i], name) == 0 || strcasecmp(list[i], name + 4) == 0)
			return true;
	return false;
}

/* libberth drops after it adds, so keeping some is to add them, and to drop all others by name. */
static int caps_keep(const struct lxc_config *config, struct lxc_launch *launch, struct berth_error *error)
{
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		char *name = cap_to_name(cap);
		int code = !name ? -ENOMEM
			   : has_cap(config->cap_keep, name) || has_cap(config->cap_add, name)
				   ? 0
				   : lxc_strings_add(&launch->cap_drop, name);
		cap_free(name);
		if (code < 0)
			return lxc_no_memory(error);
	}
	for (size_t i = 0; config->cap_keep && config->cap_keep[i]; i++)
		if (lxc_strings_add(&launch->cap_add, config->cap_keep[i]) < 0)
			return lxc_no_memory(error);
	return 0;
}

static int caps_apply(const struct lxc_config *config, struct lxc_launch *launch, struct berth_error *error)
{
	for (size_t i = 0; config->cap_add && config->cap_add[i]; i++)
		if (lxc_strings_add(&launch->cap_add, config->cap_add[i]) < 0)
			return lxc_no_memory(error);
	if (config->caps_kept && caps_keep(config, launch, error) < 0)
		return -error->code;
	for (size_t i = 0; config->cap_drop && config->cap_drop[i]; i++)
		if (lxc_strings_add(&launch->cap_drop, config->cap_drop[i]) < 0)
			return lxc_no_memory(error);
	launch->options.cap_add = (const char *const *)launch->cap_add;
	launch->options.cap_drop = (const char *const *)launch->cap_drop;
	return 0;
}

/* ---- Mounts ---- */

/* Where a mount goes inside: LXC takes paths relative to the root, and absolute ones that begin with the root's. */
static char *target_text(const struct lxc_config *config, const char *target)
{
	const char *root = config->root && *config->root == '/' ? config->root : NULL;
	size_t length = root ? strlen(root) : 0;
	char *text = NULL;
	while (length && root[length - 1] == '/')
		length--;
	if (length && strncmp(target, root, length) == 0 && target[length] == '/')
		target += length;
	return asprintf(&text, "/%s", target + strspn(target, "/")) < 0 ? NULL : text;
}

static const char *own(struct lxc_launch *launch, char *text)
{
	cleanup_free char *given = text;
	if (!given || lxc_strings_add(&launch->owned, given) < 0)
		return NULL;
	return launch->owned[lxc_strings_count(launch->owned) - 1];
}

static int mounts_apply(const struct lxc_config *config, struct lxc_launch *launch, struct berth_error *error)
{
	struct berth_options *options = &launch->options;
	launch->volumes = calloc(config->n_mounts + WORKDIRS_MOST, sizeof(*launch->volumes));
	launch->tmpfs = calloc(config->n_mounts + 1, sizeof(*launch->tmpfs));
	if (!launch->volumes || !launch->tmpfs)
		return lxc_no_memory(error);
	options->volumes = launch->volumes;
	options->tmpfs = launch->tmpfs;
	for (size_t i = 0; i < config->n_mounts; i++) {
		const struct lxc_mount *mount = &config->mounts[i];
		if (!mount->tmpfs && mount->optional && access(mount->source, F_OK) < 0)
			continue;
		const char *target = own(launch, target_text(config, mount->target));
		if (!target)
			return lxc_no_memory(error);
		if (mount->tmpfs)
			launch->tmpfs[options->n_tmpfs++] = (struct berth_tmpfs){target, mount->bytes};
		else
			launch->volumes[options->n_volumes++] =
				(struct berth_volume){mount->source, target, mount->read_only};
	}
	return 0;
}

static int workdirs_apply(struct lxc_launch *launch, struct berth_error *error)
{
	const char *directories[WORKDIRS_MOST];
	size_t n = lxc_workdirs(directories);
	/* There they are anyway. */
	if (strcmp(launch->root, "host-rw") == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		int code = lxc_workdir_make(directories[i], &launch->made, error);
		if (code < 0)
			return code;
		launch->volumes[launch->options.n_volumes++] =
			(struct berth_volume){directories[i], directories[i], false};
	}
	return 0;
}

/* ---- All ---- */

static int user_apply(const struct lxc_config *config, struct lxc_launch *launch, struct berth_error *error)
{
	if (!config->has_uid && !config->has_gid)
		return 0;
	/* An ID alone leaves the group to the library, which looks it up. */
	int length = config->has_gid ? asprintf(&launch->user, "%u:%u", config->uid, config->gid)
				     : asprintf(&launch->user, "%u", config->uid);
	if (length < 0) {
		launch->user = NULL;
		return lxc_no_memory(error);
	}
	launch->options.user = launch->user;
	return 0;
}

int lxc_apply(const struct lxc_config *config, const char *name, const char *const *argv, struct lxc_launch *launch,
	      struct berth_error *error)
{
	struct berth_options *options = &launch->options;
	*launch = (struct lxc_launch){.options = BERTH_OPTIONS_INIT};
	launch->root = lxc_root_text(config, name);
	if (!launch->root)
		return lxc_no_memory(error);
	options->name = name;
	options->argv = argv;
	options->root = launch->root;
	/* As with LXC, sudo and the like work inside unless the file says otherwise. */
	options->flags = BERTH_DIE_WITH_THREAD | (config->net_none ? BERTH_NET_NONE : 0) |
			 (config->no_new_privileges ? 0 : BERTH_NEW_PRIVILEGES);
	options->seccomp = config->seccomp;
	options->userns = config->userns;
	options->uid_map = config->uid_map;
	options->n_uid_map = config->n_uid_map;
	options->gid_map = config->gid_map;
	options->n_gid_map = config->n_gid_map;
	options->env = (const char *const *)config->environment;
	options->workdir = config->workdir;
	options->hostname = config->hostname;
	options->cgroup_parent = config->cgroup_parent;
	options->resources.memory = config->memory;
	options->resources.cpu_shares = config->cpu_shares;
	options->cgroup_files = (const char *const *)config->cgroup_files;
	options->memory_policy = &config->policy;
	if (user_apply(config, launch, error) < 0 || caps_apply(config, launch, error) < 0 ||
	    mounts_apply(config, launch, error) < 0)
		return -error->code;
	return workdirs_apply(launch, error);
}

void lxc_launch_undo(const struct lxc_launch *launch)
{
	for (size_t n = lxc_strings_count(launch->made); n > 0; n--)
		if (rmdir(launch->made[n - 1]) < 0)
			return;
}

void lxc_launch_free(struct lxc_launch *launch)
{
	free(launch->volumes);
	free(launch->tmpfs);
	free(launch->user);
	free(launch->root);
	lxc_strings_free(&launch->owned);
	lxc_strings_free(&launch->cap_add);
	lxc_strings_free(&launch->cap_drop);
	lxc_strings_free(&launch->made);
}
