/* SPDX-License-Identifier: Apache-2.0 */
/* What each key means: one table, old and new spellings side by side. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "runtime/lxc/keys.h"
#include "runtime/lxc/tool.h"
#include "runtime/lxc/values.h"

enum { SHARES_LEAST = 2, SHARES_MOST = 262144 };

int setting_text_set(const struct setting *setting, char **text)
{
	char *copy = *setting->value ? strdup(setting->value) : NULL;
	if (*setting->value && !copy)
		return lxc_no_memory(setting->error);
	free(*text);
	*text = copy;
	return 0;
}

/* ---- Cgroups ---- */

static bool is_cgroup_file(const char *name)
{
	bool dotted = false;
	for (const char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return false;
		dotted |= *c == '.' && c > name && c[1];
	}
	return dotted;
}

static int memory_set(const struct setting *setting)
{
	const char *value = setting->value;
	uint64_t bytes = 0;
	if (strcmp(value, "-1") == 0 || strcmp(value, "max") == 0)
		bytes = BERTH_UNLIMITED;
	else if (*value && (!lxc_value_bytes(value, &bytes) || bytes == 0))
		return refuse(setting, "'%s' is no memory limit for %s: give bytes, or a number with k, m or g", value,
			      setting->key);
	setting->config->memory = bytes;
	return 0;
}

static int shares_set(const struct setting *setting)
{
	uint64_t shares = 0;
	if (*setting->value) {
		if (!tool_parse_number(setting->value, UINT64_MAX, &shares))
			return refuse(setting, "'%s' is no number for %s: 1024 stands for one CPU", setting->value,
				      setting->key);
		/* As the kernel does with what is outside its range. */
		shares = shares < SHARES_LEAST ? SHARES_LEAST : shares > SHARES_MOST ? SHARES_MOST : shares;
	}
	setting->config->cpu_shares = shares;
	return 0;
}

/* Replaces the entry of the same file, else appends; an empty value only removes it. */
static int cgroup_file_set(const struct setting *setting)
{
	char **files = setting->config->cgroup_files;
	size_t length = strlen(setting->name);
	cleanup_free char *entry = NULL;
	for (size_t i = 0; files && files[i]; i++)
		if (strncmp(files[i], setting->name, length) == 0 && files[i][length] == '=') {
			free(files[i]);
			for (; files[i]; i++)
				files[i] = files[i + 1];
			break;
		}
	if (!*setting->value)
		return 0;
	if (asprintf(&entry, "%s=%s", setting->name, setting->value) < 0) {
		entry = NULL;
		return lxc_no_memory(setting->error);
	}
	return lxc_strings_add(&setting->config->cgroup_files, entry) < 0 ? lxc_no_memory(setting->error) : 0;
}

/* Rules for devices add up, in their order; an empty value takes back all of the kind. */
static int device_rule_set(const struct setting *setting)
{
	if (*setting->value) {
		cleanup_free char *entry = NULL;
		if (asprintf(&entry, "%s=%s", setting->name, setting->value) < 0) {
			entry = NULL;
			return lxc_no_memory(setting->error);
		}
		return lxc_strings_add(&setting->config->cgroup_files, entry) < 0 ? lxc_no_memory(setting->error) : 0;
	}
	char **files = setting->config->cgroup_files;
	size_t length = strlen(setting->name), kept = 0;
	for (size_t i = 0; files && files[i]; i++) {
		if (strncmp(files[i], setting->name, length) == 0 && files[i][length] == '=')
			free(files[i]);
		else
			files[kept++] = files[i];
	}
	if (files)
		files[kept] = NULL;
	return 0;
}

static int cgroup_set(const struct setting *setting)
{
	if (!is_cgroup_file(setting->name))
		return refuse(setting, "key '%s' names no file of a cgroup, like lxc.cgroup.cpu.shares%s", setting->key,
			      strncmp(setting->name, "dir", 3) == 0 || strcmp(setting->name, "relative") == 0
				      ? ": where cgroups are made, berth.cgroup.parent says"
				      : "");
	/* The two that the library knows, so that it can account for them. */
	if (strcmp(setting->name, "memory.limit_in_bytes") == 0 || strcmp(setting->name, "memory.max") == 0)
		return memory_set(setting);
	if (strcmp(setting->name, "cpu.shares") == 0)
		return shares_set(setting);
	if (strcmp(setting->name, "devices.allow") == 0 || strcmp(setting->name, "devices.deny") == 0)
		return device_rule_set(setting);
	return cgroup_file_set(setting);
}

static int cgroup_parent_set(const struct setting *setting)
{
	if (strstr(setting->value, ".."))
		return refuse(setting, "'%s' must not hold '..'", setting->value);
	return setting_text_set(setting, &setting->config->cgroup_parent);
}

/* ---- Lists ---- */

static int words_add(const struct setting *setting, char ***list)
{
	cleanup_free char *copy = strdup(setting->value);
	char *rest = NULL;
	if (!copy)
		return lxc_no_memory(setting->error);
	if (!*setting->value)
		lxc_strings_free(list);
	for (char *word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
		if (lxc_strings_add(list, word) < 0)
			return lxc_no_memory(setting->error);
	return 0;
}

static int cap_drop_set(const struct setting *setting)
{
	if (*setting->value && setting->config->caps_kept)
		return refuse(setting, "lxc.cap.drop and lxc.cap.keep exclude each other");
	return words_add(setting, &setting->config->cap_drop);
}

static int cap_keep_set(const struct setting *setting)
{
	if (*setting->value && setting->config->cap_drop)
		return refuse(setting, "lxc.cap.drop and lxc.cap.keep exclude each other");
	setting->config->caps_kept = *setting->value != '\0';
	if (strcmp(setting->value, "none") == 0)
		return 0;
	return words_add(setting, &setting->config->cap_keep);
}

static int cap_add_set(const struct setting *setting)
{
	return words_add(setting, &setting->config->cap_add);
}

static int environment_set(const struct setting *setting)
{
	if (!*setting->value) {
		lxc_strings_free(&setting->config->environment);
		return 0;
	}
	if (*setting->value == '=')
		return refuse(setting, "'%s' names no variable: give NAME=VALUE", setting->value);
	return lxc_strings_add(&setting->config->environment, setting->value) < 0 ? lxc_no_memory(setting->error) : 0;
}

/* ---- The rest ---- */

static int hostname_set(const struct setting *setting)
{
	return setting_text_set(setting, &setting->config->hostname);
}

static int workdir_set(const struct setting *setting)
{
	if (*setting->value && *setting->value != '/')
		return refuse(setting, "the working directory '%s' must be an absolute path", setting->value);
	return setting_text_set(setting, &setting->config->workdir);
}

static int id_set(const struct setting *setting, bool *has, unsigned int *id)
{
	uint64_t number = 0;
	if (*setting->value && !tool_parse_number(setting->value, UINT32_MAX - 1, &number))
		return refuse(setting, "'%s' is no number for %s", setting->value, setting->key);
	*has = *setting->value != '\0';
	*id = (unsigned int)number;
	return 0;
}

static int uid_set(const struct setting *setting)
{
	return id_set(setting, &setting->config->has_uid, &setting->config->uid);
}

static int gid_set(const struct setting *setting)
{
	return id_set(setting, &setting->config->has_gid, &setting->config->gid);
}

static int network_set(const struct setting *setting)
{
	if (strcmp(setting->value, "empty") != 0 && strcmp(setting->value, "none") != 0 && *setting->value)
		return refuse(setting,
			      "network type '%s' is not for berth: give none for the host's network, or empty for "
			      "loopback alone",
			      setting->value);
	setting->config->net_none = strcmp(setting->value, "empty") == 0;
	return 0;
}

/* "0.type" */
static int network_numbered_set(const struct setting *setting)
{
	size_t digits = strspn(setting->name, "0123456789");
	if (!digits || strcmp(setting->name + digits, ".type") != 0)
		return refuse(setting,
			      "key '%s' is LXC's and has no counterpart in berth, which knows lxc.net.0.type = none "
			      "or empty: remove it",
			      setting->key);
	return network_set(setting);
}

static int log_file_set(const struct setting *setting)
{
	return setting_text_set(setting, &setting->config->log_path);
}

static int log_level_set(const struct setting *setting)
{
	enum tool_level level;
	if (*setting->value && !tool_level_parse(setting->value, &level))
		return refuse(setting, "'%s' is no log level", setting->value);
	return setting_text_set(setting, &setting->config->log_level);
}

static int duration_set(const struct setting *setting, int zero, int *ms)
{
	int given = 0;
	if (*setting->value && !lxc_value_duration(setting->value, &given))
		return refuse(setting, "'%s' is no time for %s: give 10s, 500ms or 2m", setting->value, setting->key);
	*ms = *setting->value && given == 0 ? zero : given;
	return 0;
}

static int grace_set(const struct setting *setting)
{
	return duration_set(setting, BERTH_NO_GRACE, &setting->config->policy.grace_ms);
}

static int lenient_set(const struct setting *setting)
{
	return duration_set(setting, 0, &setting->config->policy.lenient_ms);
}

static int reserve_set(const struct setting *setting)
{
	uint64_t bytes = 0;
	if (*setting->value && !lxc_value_bytes(setting->value, &bytes))
		return refuse(setting, "'%s' is no size for %s: give bytes, or a number with k, m or g", setting->value,
			      setting->key);
	setting->config->policy.reserve = bytes;
	return 0;
}

static int pressure_set(const struct setting *setting)
{
	double percent = 0;
	if (*setting->value && !lxc_value_percent(setting->value, &percent))
		return refuse(setting, "'%s' is no percentage for %s", setting->value, setting->key);
	setting->config->policy.pressure = percent;
	return 0;
}

static int bool_set(const struct setting *setting, bool *flag)
{
	bool value = false;
	if (*setting->value && !lxc_value_bool(setting->value, &value))
		return refuse(setting, "'%s' is neither yes nor no for %s", setting->value, setting->key);
	*flag = value;
	return 0;
}

static int freeze_set(const struct setting *setting)
{
	return bool_set(setting, &setting->config->policy.freeze);
}

static int no_new_privs_set(const struct setting *setting)
{
	return bool_set(setting, &setting->config->no_new_privileges);
}

static int seccomp_set(const struct setting *setting)
{
	const char *value = setting->value;
	if (*value && *value != '/' && strcmp(value, "default") != 0 && strcmp(value, "unconfined") != 0)
		return refuse(setting, "'%s' is no filter of system calls: give default, unconfined, or a file's path",
			      value);
	return setting_text_set(setting, &setting->config->seccomp);
}

/* ---- The table ---- */

/* A name that ends with a dot is a prefix. The first that fits counts. */
static const struct {
	const char *name;
	int (*set)(const struct setting *setting);
} keys[] = {
	{"lxc.cgroup.", cgroup_set},
	{"lxc.cgroup2.", cgroup_set},
	{"lxc.rootfs", root_set},
	{"lxc.rootfs.path", root_set},
	{"lxc.mount.entry", mount_entry_set},
	{"lxc.mount", fstab_set},
	{"lxc.mount.fstab", fstab_set},
	{"lxc.utsname", hostname_set},
	{"lxc.uts.name", hostname_set},
	{"lxc.cap.drop", cap_drop_set},
	{"lxc.cap.keep", cap_keep_set},
	{"lxc.environment", environment_set},
	{"lxc.init.uid", uid_set},
	{"lxc.init_uid", uid_set},
	{"lxc.init.gid", gid_set},
	{"lxc.init_gid", gid_set},
	{"lxc.init.cwd", workdir_set},
	{"lxc.network.type", network_set},
	{"lxc.net.", network_numbered_set},

	{"lxc.idmap", idmap_set},
	{"lxc.id_map", idmap_set},
	{"lxc.no_new_privs", no_new_privs_set},
	{"lxc.include", include_set},
	{"lxc.log.file", log_file_set},
	{"lxc.logfile", log_file_set},
	{"lxc.log.level", log_level_set},
	{"lxc.loglevel", log_level_set},
	{"berth.root", root_set},
	{"berth.root.lower", lower_set},
	{"berth.framework", framework_set},
	{"berth.cgroup.parent", cgroup_parent_set},
	{"berth.cap.add", cap_add_set},
	{"berth.seccomp", seccomp_set},
	{"berth.userns", userns_set},
	{"berth.memory.grace", grace_set},
	{"berth.memory.lenient", lenient_set},
	{"berth.memory.reserve", reserve_set},
	{"berth.memory.pressure", pressure_set},
	{"berth.memory.freeze", freeze_set},
};

/* Keys that LXC has and berth has nothing for: beginnings. */
static const char *const foreign[] = {
	"lxc.aa_",          "lxc.apparmor.", "lxc.arch",       "lxc.autodev",    "lxc.cap.",       "lxc.console",
	"lxc.devttydir",    "lxc.ephemeral", "lxc.execute.",   "lxc.group",      "lxc.haltsignal", "lxc.hook.",
	"lxc.init.",        "lxc.keyring.",  "lxc.kmsg",       "lxc.log.",       "lxc.monitor.",   "lxc.mount.",
	"lxc.namespace.",   "lxc.network.",  "lxc.prlimit.",   "lxc.proc.",      "lxc.pts",        "lxc.pty.",
	"lxc.rebootsignal", "lxc.rootfs.",   "lxc.sched.",     "lxc.se_context", "lxc.seccomp",    "lxc.selinux.",
	"lxc.signal.",      "lxc.start.",    "lxc.stopsignal", "lxc.sysctl.",    "lxc.syslog",     "lxc.time.",
	"lxc.tty",
};

int lxc_key_set(struct lxc_config *config, const struct lxc_where *where, const char *key, const char *value,
		struct berth_error *error)
{
	struct setting setting = {config, where, key, key, value, error};
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		size_t length = strlen(keys[i].name);
		bool prefix = keys[i].name[length - 1] == '.';
		if (prefix ? strncmp(key, keys[i].name, length) != 0 : strcmp(key, keys[i].name) != 0)
			continue;
		setting.name = prefix ? key + length : key;
		return keys[i].set(&setting);
	}
	if (strncmp(key, "lxc.seccomp", 11) == 0)
		return lxc_config_error(
			error, where,
			"key '%s' is LXC's, and so is the form of its files: berth.seccomp takes a profile "
			"in JSON",
			key);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		if (strncmp(key, foreign[i], strlen(foreign[i])) == 0)
			return lxc_config_error(error, where,
						"key '%s' is LXC's and has no counterpart in berth: remove it", key);
	return lxc_config_error(error, where, "unknown key '%s': see berth-lxc.conf(5)", key);
}
