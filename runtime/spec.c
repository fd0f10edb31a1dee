/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/file.h"
#include "runtime/capabilities.h"
#include "runtime/context.h"
#include "runtime/devices.h"
#include "runtime/idmap.h"
#include "runtime/memory_policy.h"
#include "runtime/parse.h"
#include "runtime/stdio.h"
#include "runtime/users.h"

enum { KNOWN_FLAGS = (BERTH_SECCOMP_LOG << 1) - 1, CPU_PERIOD_US = 100000, CPU_SHARES_LEAST = 10 };

void spec_free(struct spec *spec)
{
	free(spec->name);
	free(spec->root);
	free(spec->root_directory);
	free(spec->archive);
	free(spec->framework);
	strings_free(spec->argv);
	strings_free(spec->env);
	free(spec->workdir);
	free(spec->user);
	free(spec->groups);
	seccomp_choice_free(&spec->seccomp);
	free(spec->hostname);
	free(spec->cgroup_parent);
	free(spec->cgroup_name);
	free((char *)spec->limits.cpuset_cpus);
	for (size_t i = 0; i < spec->n_volumes; i++) {
		free((char *)spec->volumes[i].source);
		free((char *)spec->volumes[i].target);
	}
	free(spec->volumes);
	for (size_t i = 0; i < spec->n_tmpfs; i++)
		free((char *)spec->tmpfs[i].target);
	free(spec->tmpfs);
	free(spec->rlimits);
	devices_free(spec);
	strings_free(spec->cgroup_files);
	*spec = (struct spec){0};
}

void spec_cgroup_name(const struct spec *spec, char name[NAME_ENCODED_SIZE])
{
	if (spec->cgroup_name)
		stpcpy(name, spec->cgroup_name);
	else
		name_encode(spec->name, name);
}

bool spec_root_is_host(const struct spec *spec)
{
	return spec->root_kind == ROOT_HOST || spec->root_kind == ROOT_HOST_RW ||
	       (spec->root_kind == ROOT_FRAMEWORK && strcmp(spec->root_directory, "/") == 0);
}

uint64_t spec_namespaces(const struct spec *spec)
{
	uint64_t namespaces = CLONE_NEWPID | CLONE_NEWNS;
	if (!(spec->flags & BERTH_HOST_UTS))
		namespaces |= CLONE_NEWUTS;
	if (!(spec->flags & BERTH_HOST_IPC))
		namespaces |= CLONE_NEWIPC;
	if (!(spec->flags & BERTH_HOST_CGROUP))
		namespaces |= CLONE_NEWCGROUP;
	if (spec->flags & BERTH_NET_NONE)
		namespaces |= CLONE_NEWNET;
	if (spec->userns != USERNS_HOST)
		namespaces |= CLONE_NEWUSER;
	return namespaces;
}

uint64_t spec_held_namespaces(const struct spec *spec)
{
	return spec_is_shifted(spec) ? spec_namespaces(spec) & (CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET) : 0;
}

uint64_t spec_cloned_namespaces(const struct spec *spec)
{
	/* The user namespace is entered; the cgroup namespace's top is where its first process is: in its cgroups. */
	return spec_namespaces(spec) & ~(CLONE_NEWUSER | CLONE_NEWCGROUP | spec_held_namespaces(spec));
}

bool spec_claims_ids(const struct spec *spec)
{
	return spec->userns == USERNS_AUTO && !spec->rootless;
}

bool spec_is_shifted(const struct spec *spec)
{
	return spec->userns != USERNS_HOST && !spec->rootless;
}

static int no_memory(struct error *error)
{
	return error_errno(error, ENOMEM, "take in the options");
}

int limits_from_resources(const struct berth_resources *resources, struct cgroup_limits *limits, struct error *error)
{
	*limits = (struct cgroup_limits){
		.cpu_shares = resources->cpu_shares,
		.memory = resources->memory,
		.swap = resources->swap,
		.pids = resources->pids,
		.cpuset_cpus = resources->cpuset,
	};
	/* Written so that a NaN is refused too. */
	if (!(resources->cpus >= 0 && resources->cpus <= 256))
		return error_set(error, EINVAL, "a CPU share of %g CPUs can't be: give more than 0, up to 256",
				 resources->cpus);
	if (resources->cpus > 0 && !limits->cpu_shares) {
		uint64_t shares = (uint64_t)(1024 * resources->cpus);
		limits->cpu_shares = shares < CPU_SHARES_LEAST ? CPU_SHARES_LEAST : shares;
	}
	if (limits->cpu_shares == 1 || limits->cpu_shares > 262144)
		return error_set(error, EINVAL, "CPU shares of %llu can't be: give 2 to 262144, 1024 for one CPU",
				 (unsigned long long)limits->cpu_shares);
	double cap = resources->cpu_limit;
	if (!(cap == 0 || cap >= 0.01))
		return error_set(error, EINVAL, "a CPU limit of %g CPUs can't be: give 0.01 or more", cap);
	if (cap >= BERTH_CPUS_UNLIMITED) {
		limits->cpu_quota_us = CGROUP_UNLIMITED;
	} else if (cap > 0) {
		limits->cpu_quota_us = (uint64_t)(cap * CPU_PERIOD_US);
		limits->cpu_period_us = CPU_PERIOD_US;
	}
	unsigned int highest;
	if (resources->cpuset && parse_cpu_list(resources->cpuset, &highest, error) < 0)
		return -error->code;
	return 0;
}

static int copy_name(const char *name, struct spec *spec, struct error *error)
{
	if (name) {
		int code = name_check(name, "container's name", error);
		if (code < 0)
			return code;
		spec->name = strdup(name);
	} else {
		uint64_t random;
		if (getrandom(&random, sizeof random, 0) < 0)
			return error_errno(error, errno, "get random bytes for a name");
		if (asprintf(&spec->name, "berth-%012llx", (unsigned long long)random >> 16) < 0)
			spec->name = NULL;
	}
	return spec->name ? 0 : no_memory(error);
}

/* Sets root_directory to the real path of a directory, or of a file that is taken for an archive. */
static int root_check(const char *path, const char *what, struct spec *spec, struct error *error)
{
	spec->root_directory = realpath(path, NULL);
	struct stat status;
	if (!spec->root_directory || stat(spec->root_directory, &status) < 0)
		return error_errno(error, errno, "%s %s", what, path);
	if (S_ISDIR(status.st_mode))
		return 0;
	if (!S_ISREG(status.st_mode))
		return error_errno(error, ENOTDIR, "%s %s", what, path);
	spec->archive = strdup(spec->root_directory);
	return spec->archive ? 0 : no_memory(error);
}

static int parse_framework(const char *id, struct spec *spec, struct error *error)
{
	const char *colon = strchr(id, ':');
	const char *lower = colon ? colon + 1 : "host";
	spec->framework = strndup(id, colon ? (size_t)(colon - id) : strlen(id));
	if (!spec->framework)
		return no_memory(error);
	int code = name_check(spec->framework, "framework's ID in the root", error);
	if (code < 0)
		return code;
	return root_check(strcmp(lower, "host") == 0 ? "/" : lower, "the framework root's lower directory", spec,
			  error);
}

static int parse_root(const char *root, struct spec *spec, struct error *error)
{
	spec->root = strdup(root ? root : "host");
	if (!spec->root)
		return no_memory(error);
	root = spec->root;
	spec->root_kind = ROOT_HOST;
	if (strcmp(root, "host") == 0)
		return 0;
	spec->root_kind = ROOT_HOST_RW;
	if (strcmp(root, "host-rw") == 0)
		return 0;
	spec->root_kind = ROOT_OVERLAY;
	if (strncmp(root, "overlay:", 8) == 0)
		return root_check(root + 8, "root", spec, error);
	spec->root_kind = ROOT_FRAMEWORK;
	if (strncmp(root, "framework:", 10) == 0)
		return parse_framework(root + 10, spec, error);
	spec->root_kind = ROOT_DIRECTORY;
	if (!strchr(root, '/'))
		return error_set(error, EINVAL,
				 "root '%s' is none of host, host-rw, overlay:DIR, framework:ID, or a directory or "
				 "archive with a slash in it",
				 root);
	int code = root_check(root, "root", spec, error);
	if (code == 0 && spec->archive)
		/* Its tree is not to be written to. */
		spec->root_kind = ROOT_OVERLAY;
	else if (code == 0 && strcmp(spec->root_directory, "/") == 0)
		spec->root_kind = ROOT_HOST_RW;
	return code;
}

/* Absolute, and no longer than paths can be. */
static int absolute_check(const char *path, const char *what, struct error *error)
{
	if (!path || path[0] != '/')
		return error_set(error, EINVAL, "%s '%s' must be an absolute path", what, path ? path : "");
	if (strlen(path) >= PATH_MAX)
		return error_errno(error, ENAMETOOLONG, "%s %.64s...", what, path);
	return 0;
}

/* Whether the path, taken literally, is / by whatever name: "//", "/.", "/etc/..". */
static bool is_root_path(const char *path)
{
	size_t depth = 0;
	for (const char *part = path; *part;) {
		part += strspn(part, "/");
		size_t length = strcspn(part, "/");
		if (length == 2 && strncmp(part, "..", 2) == 0)
			depth -= depth > 0;
		else if (length > 0 && !(length == 1 && *part == '.'))
			depth++;
		part += length;
	}
	return depth == 0;
}

int path_inside_check(const char *path, const char *what, struct error *error)
{
	int code = absolute_check(path, what, error);
	if (code == 0 && is_root_path(path))
		return error_set(error, EINVAL, "%s must not be / itself: that is --root's to say", what);
	return code;
}

static int copy_volumes(const struct berth_options *options, struct spec *spec, struct error *error)
{
	spec->volumes = calloc(options->n_volumes + 1, sizeof *spec->volumes);
	if (!spec->volumes)
		return no_memory(error);
	for (size_t i = 0; i < options->n_volumes; i++) {
		const struct berth_volume *given = &options->volumes[i];
		struct berth_volume *copy = &spec->volumes[spec->n_volumes++];
		if (absolute_check(given->source, "a volume's source", error) < 0 ||
		    path_inside_check(given->target, "a volume's target", error) < 0)
			return -error->code;
		if (access(given->source, F_OK) < 0)
			return error_errno(error, errno, "volume source %s", given->source);
		copy->read_only = given->read_only;
		copy->source = strdup(given->source);
		copy->target = strdup(given->target);
		if (!copy->source || !copy->target)
			return no_memory(error);
	}
	return 0;
}

static int copy_tmpfs(const struct berth_options *options, struct spec *spec, struct error *error)
{
	spec->tmpfs = calloc(options->n_tmpfs + 1, sizeof *spec->tmpfs);
	if (!spec->tmpfs)
		return no_memory(error);
	for (size_t i = 0; i < options->n_tmpfs; i++) {
		struct berth_tmpfs *copy = &spec->tmpfs[spec->n_tmpfs++];
		if (path_inside_check(options->tmpfs[i].target, "a tmpfs's target", error) < 0)
			return -error->code;
		copy->bytes = options->tmpfs[i].bytes;
		copy->target = strdup(options->tmpfs[i].target);
		if (!copy->target)
			return no_memory(error);
	}
	return 0;
}

static int copy_rlimits(const struct berth_options *options, struct spec *spec, struct error *error)
{
	spec->rlimits = calloc(options->n_rlimits + 1, sizeof *spec->rlimits);
	if (!spec->rlimits)
		return no_memory(error);
	for (size_t i = 0; i < options->n_rlimits; i++) {
		const struct berth_rlimit *limit = &options->rlimits[i];
		if (limit->resource < 0 || limit->resource >= RLIM_NLIMITS)
			return error_set(error, EINVAL, "there is no resource limit %d: see getrlimit(2)",
					 limit->resource);
		if (limit->soft > limit->hard)
			return error_set(
				error, EINVAL, "resource limit %d: the soft limit %llu is above the hard one, %llu",
				limit->resource, (unsigned long long)limit->soft, (unsigned long long)limit->hard);
		spec->rlimits[spec->n_rlimits++] = *limit;
	}
	return 0;
}

static int copy_workdir(const struct berth_options *options, struct spec *spec, struct error *error)
{
	if (options->workdir) {
		if (absolute_check(options->workdir, "working directory", error) < 0)
			return -error->code;
		spec->workdir = strdup(options->workdir);
	} else if (spec_root_is_host(spec)) {
		spec->workdir = getcwd(NULL, 0);
		if (!spec->workdir)
			return error_errno(error, errno,
					   "find the current directory, which would be the working directory inside");
	} else {
		spec->workdir = strdup("/");
	}
	return spec->workdir ? 0 : no_memory(error);
}

static int copy_strings(const struct berth_options *options, struct spec *spec, struct error *error)
{
	if (!options->argv || !options->argv[0] || !*options->argv[0])
		return error_set(error, EINVAL, "no command was given");
	for (size_t i = 0; options->env && options->env[i]; i++)
		if (options->env[i][0] == '=' || !options->env[i][0])
			return error_set(error, EINVAL, "environment entry '%s' names no variable: give K=V",
					 options->env[i]);
	if (options->hostname) {
		size_t length = strlen(options->hostname);
		if (length == 0 || length > 64)
			return error_set(error, EINVAL, "a host name has 1 to 64 bytes, not %zu", length);
		if (options->flags & BERTH_HOST_UTS)
			return error_set(error, EINVAL, "a host name of its own needs a UTS namespace of its own");
	}
	const char *parent = options->cgroup_parent ? options->cgroup_parent : "berth";
	spec->cgroup_parent = strdup(parent + strspn(parent, "/"));
	spec->argv = strings_copy(options->argv);
	spec->env = environment_merge(options->flags & BERTH_ENV_CLEAR ? NULL : environ, options->env,
				      options->flags & BERTH_TTY);
	spec->hostname = options->hostname ? strdup(options->hostname) : NULL;
	spec->user = options->user ? strdup(options->user) : NULL;
	bool lacking = !spec->cgroup_parent || !spec->argv || !spec->env || (options->hostname && !spec->hostname) ||
		       (options->user && !spec->user);
	return lacking ? no_memory(error) : 0;
}

static int copy_limits(const struct berth_options *options, struct spec *spec, struct error *error)
{
	struct berth_resources resources = options->resources;
	int code = limits_from_resources(&resources, &spec->limits, error);
	/* Owned from here on. */
	spec->limits.cpuset_cpus = NULL;
	if (code < 0)
		return code;
	if (resources.swap && resources.swap != BERTH_UNLIMITED && !resources.memory)
		return error_set(error, EINVAL, "a limit of swap needs a limit of memory beside it");
	if (resources.cpuset && !(spec->limits.cpuset_cpus = strdup(resources.cpuset)))
		return no_memory(error);
	return 0;
}

static int copy_cgroup_files(const struct berth_options *options, struct spec *spec, struct error *error)
{
	for (size_t i = 0; options->cgroup_files && options->cgroup_files[i]; i++) {
		const char *equals = strchr(options->cgroup_files[i], '=');
		if (!equals || equals == options->cgroup_files[i])
			return error_set(error, EINVAL, "cgroup file '%s' is not of the form NAME=VALUE",
					 options->cgroup_files[i]);
	}
	spec->cgroup_files = strings_copy(options->cgroup_files);
	if (options->cgroup_files && !spec->cgroup_files)
		return no_memory(error);
	size_t kept = 0;
	for (char **entry = spec->cgroup_files; entry && *entry; entry++) {
		if (devices_is_rule(*entry))
			free(*entry);
		else
			spec->cgroup_files[kept++] = *entry;
	}
	if (spec->cgroup_files)
		spec->cgroup_files[kept] = NULL;
	return 0;
}

int oom_score_own(void)
{
	char text[16];
	return file_read_once(AT_FDCWD, "/proc/self/oom_score_adj", text, sizeof text) > 0 ? atoi(text) : 0;
}

static int copy_oom_score(struct berth *berth, const struct berth_options *options, struct spec *spec,
			  struct error *error)
{
	int wanted = options->oom_score_adj, own = berth ? context_oom_score(berth) : oom_score_own();
	if (wanted != BERTH_OOM_NEUTRAL && (wanted < -1000 || wanted > 1000))
		return error_set(error, EINVAL, "an oom_score_adj of %d can't be: give -1000 to 1000", wanted);
	if (wanted == BERTH_OOM_NEUTRAL)
		wanted = 0;
	else if (wanted == 0)
		wanted = own > 0 ? own : 0;
	spec->oom_score_adj = wanted;
	spec->sets_oom_score = wanted != own;
	return 0;
}

int spec_from_options(struct berth *berth, const struct berth_options *given, struct spec *spec, struct error *error)
{
	*spec = (struct spec){0};
	struct berth_options options;
	int code = struct_import(&options, sizeof options, given, error, "berth_options");
	if (code < 0)
		return code;
	if (options.flags & ~(unsigned int)KNOWN_FLAGS)
		return error_set(error, EINVAL, "flags %#x are not known to this version of libberth",
				 options.flags & ~(unsigned int)KNOWN_FLAGS);
	spec->flags = options.flags;
	if (options.flags & BERTH_BARE_ROOT && options.flags & BERTH_TTY)
		return error_set(error, EINVAL, "a terminal needs /dev/pts, which a bare root has not");
	if (!(options.flags & BERTH_TTY) && (code = stdio_check(options.stdio, error)) < 0)
		return code;
	spec->has_stdio = options.stdio || options.flags & BERTH_TTY;
	for (size_t i = 0; i < 3; i++)
		spec->stdio[i] = options.stdio && !(options.flags & BERTH_TTY) ? options.stdio[i] : -1;
	spec->tty_rows = options.tty_rows ? options.tty_rows : 24;
	spec->tty_columns = options.tty_columns ? options.tty_columns : 80;
	if ((code = copy_name(options.name, spec, error)) < 0 || (code = parse_root(options.root, spec, error)) < 0 ||
	    (code = copy_strings(&options, spec, error)) < 0 || (code = copy_workdir(&options, spec, error)) < 0 ||
	    (code = copy_limits(&options, spec, error)) < 0 || (code = copy_volumes(&options, spec, error)) < 0 ||
	    (code = copy_tmpfs(&options, spec, error)) < 0 || (code = copy_rlimits(&options, spec, error)) < 0 ||
	    (code = devices_copy(&options, spec, error)) < 0 ||
	    (code = copy_oom_score(berth, &options, spec, error)) < 0)
		return code;
	uint64_t bounding = 0;
	if (capabilities_all_wanted(options.cap_add))
		bounding = berth ? context_bounding(berth) : capabilities_bounding();
	if ((code = capabilities_resolve(options.cap_add, options.cap_drop, bounding, &spec->capabilities,
					 &spec->ambient, error)) < 0 ||
	    (code = seccomp_choose(berth ? berth->state_fd : -1, options.seccomp, spec->capabilities, &spec->seccomp,
				   error)) < 0 ||
	    (spec->flags & BERTH_SECCOMP_LOG && (code = seccomp_choice_log(&spec->seccomp, error)) < 0) ||
	    (code = copy_cgroup_files(&options, spec, error)) < 0 ||
	    (code = memory_policy_import(options.memory_policy, &spec->memory_policy, error)) < 0 ||
	    (code = idmap_from_options(&options, spec, error)) < 0)
		return code;
	if (spec->archive)
		return 0;
	return users_resolve(spec_root_is_host(spec) ? "/" : spec->root_directory, spec->user, &spec->uid, &spec->gid,
			     &spec->groups, &spec->n_groups, error);
}
