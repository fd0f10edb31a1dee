/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/run_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/policy_options.h"
#include "runtime/parse.h"

enum {
	KEY_ROOT = CLI_LONG_OPTION,
	KEY_TMPFS,
	KEY_READ_ONLY,
	KEY_ENV_CLEAR,
	KEY_HOSTNAME,
	KEY_NET,
	KEY_UTS,
	KEY_IPC,
	KEY_CGROUPNS,
	KEY_INIT,
	KEY_NO_INIT,
	KEY_CGROUP_PARENT,
	KEY_RLIMIT,
	KEY_OOM_SCORE,
	KEY_TIMEOUT,
	KEY_TIMING,
	KEY_LOG,
	KEY_DEVICE,
	KEY_DEVICE_RULE,
	KEY_CAP_ADD,
	KEY_CAP_DROP,
	KEY_SECCOMP,
	KEY_SECCOMP_LOG,
	KEY_NEW_PRIVILEGES,
	KEY_USERNS,
	KEY_UIDMAP,
	KEY_GIDMAP,
	KEY_JSON,
};

/* Groups are shown in this order. */
enum { GROUP_CONTAINER = 1, GROUP_FILES = RESOURCE_GROUP + 1, GROUP_COMMAND, GROUP_NAMESPACES };

static const struct args_option options[] = {
	{NULL, 0, NULL, 0, "Container:", GROUP_CONTAINER},
	{"name", 'n', "NAME", 0, "Its name, unique among the containers there are; generated if absent", 0},
	{"root", KEY_ROOT, "SPEC", 0,
	 "What it sees as /: host (default; the host's files, what it writes is thrown away), host-rw, DIR, "
	 "overlay:DIR "
	 "(a throw-away layer over DIR), framework:ID[:LOWER] (the framework's own layer, kept); "
	 "DIR and LOWER may be a tar archive",
	 0},
	{"init", KEY_INIT, NULL, 0, "berth's init is PID 1 (default): it forwards signals and reaps orphans", 0},
	{"no-init", KEY_NO_INIT, NULL, 0, "The command itself is PID 1", 0},
	{"detach", 'd', NULL, 0, "Print the name and return when the command runs; its end is recorded", 0},
	{"log", KEY_LOG, "FILE", 0, "With -d: append the command's output to FILE; else it is discarded", 0},
	{"timeout", KEY_TIMEOUT, "DUR", 0, "Kill it when it has run for so long: 10, 1.5s, 500ms, 2m, 1h, 1d", 0},
	{"timing", KEY_TIMING, NULL, 0, "Tell on standard error what the launch spent its time on", 0},
	{"cgroup-parent", KEY_CGROUP_PARENT, "PATH", 0,
	 "Where its cgroup directories are made, below each hierarchy; default: berth", 0},

	{NULL, 0, NULL, 0, "Files:", GROUP_FILES},
	{"volume", 'v', "SRC:DST[:ro]", 0, "Bind the host's SRC to DST inside; a backslash escapes a colon", 0},
	{"tmpfs", KEY_TMPFS, "DST[:SIZE]", 0, "Mount an empty tmpfs on DST", 0},
	{"read-only", KEY_READ_ONLY, NULL, 0, "Make the root read-only", 0},
	{"device", KEY_DEVICE, "PATH[:INSIDE][:rwm]", 0,
	 "Show the host's device PATH inside, and allow to read, write, or make nodes of it; may be repeated", 0},
	{"device-cgroup-rule", KEY_DEVICE_RULE, "RULE", 0,
	 "Allow what can be done with device nodes, as in 'c 10:200 rwm', or 'a' for all; may be repeated", 0},

	{NULL, 0, NULL, 0, "Command:", GROUP_COMMAND},
	{"env", 'e', "NAME=VALUE", 0, "Set a variable, or pass the caller's own with NAME alone", 0},
	{"env-clear", KEY_ENV_CLEAR, NULL, 0, "Do not pass the caller's environment on", 0},
	{"workdir", 'w', "DIR", 0, "Directory inside to start in", 0},
	{"user", 'u', "UID[:GID]", 0, "User to run as, in numbers or in names of the container's /etc/passwd", 0},
	{"tty", 't', NULL, 0, "Give it a terminal", 0},
	{"interactive", 'i', NULL, 0, "Pass standard input on: always so in the foreground, accepted for habit", 0},
	{"rlimit", KEY_RLIMIT, "NAME=SOFT[:HARD]", 0,
	 "Resource limit of getrlimit(2), as nofile=1024 or core=unlimited", 0},

	{"oom-score-adj", KEY_OOM_SCORE, "N", 0,
	 "How likely the kernel is to kill it when memory runs out: -1000 (never) to 1000", 0},

	{"cap-add", KEY_CAP_ADD, "NAME", 0, "Capability to give beyond the default ones, or ALL; may be repeated", 0},
	{"cap-drop", KEY_CAP_DROP, "NAME", 0, "Capability to take away, or ALL; may be repeated", 0},
	{"seccomp", KEY_SECCOMP, "default|unconfined|FILE", 0,
	 "Filter of system calls: berth's (default), none, or a profile in the JSON format of Docker, Podman and "
	 "Kubernetes",
	 0},
	{"seccomp-log", KEY_SECCOMP_LOG, NULL, 0,
	 "For debugging: tell which system calls the filter would refuse, and let them through", 0},
	{"new-privileges", KEY_NEW_PRIVILEGES, NULL, 0,
	 "Let set-user-ID programs (sudo, su) and file capabilities give privileges; default: no_new_privs", 0},

	{NULL, 0, NULL, 0, "Namespaces (PID and mount namespaces are always new):", GROUP_NAMESPACES},
	{"hostname", KEY_HOSTNAME, "NAME", 0, "Host name inside", 0},
	{"net", KEY_NET, "host|none", 0, "Network: the host's (default), or loopback alone", 0},
	{"uts", KEY_UTS, "new|host", 0, "Host name: its own (default) or the host's", 0},
	{"ipc", KEY_IPC, "new|host", 0, "System V IPC: its own (default) or the host's", 0},
	{"cgroupns", KEY_CGROUPNS, "new|host", 0, "View of cgroups: its own cgroups are / (default), or the host's", 0},
	{"userns", KEY_USERNS, "host|auto[:SIZE]", 0,
	 "User ids: the host's (root's default), or a range of SIZE (65536) that no other container has; an ordinary "
	 "user's containers always have a user namespace",
	 0},
	{"uidmap", KEY_UIDMAP, "INSIDE:OUTSIDE:LENGTH", 0,
	 "A user namespace in which these user ids stand for those outside; may be repeated", 0},
	{"gidmap", KEY_GIDMAP, "INSIDE:OUTSIDE:LENGTH", 0, "The same for group ids; default: as --uidmap", 0},

	CLI_HELP_OPTION,
	{0},
};

/* Makes a relative path absolute, without resolving it further. Takes path; NULL with *error set. */
static char *path_absolute(char *path, struct error *error)
{
	cleanup_free char *owned = path;
	char *absolute = NULL;
	if (*path == '/')
		return steal_pointer(&owned);
	cleanup_free char *here = getcwd(NULL, 0);
	if (!here)
		error_errno(error, errno, "make '%s' absolute: find the current directory", path);
	else if (asprintf(&absolute, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path) < 0) {
		absolute = NULL;
		error_errno(error, ENOMEM, "make '%s' absolute", path);
	}
	return absolute;
}

static int add_volume(struct run_options *o, const char *argument)
{
	char *source, *target;
	bool read_only;
	int result = parse_volume(argument, &source, &target, &read_only, &o->error);
	if (result < 0)
		return result;
	struct berth_volume *volume = cli_append(&o->volumes, &o->launch.n_volumes, sizeof(*volume), &o->error);
	if (!volume) {
		free(source);
		free(target);
		return -ENOMEM;
	}
	*volume = (struct berth_volume){path_absolute(source, &o->error), target, read_only};
	return volume->source ? 0 : -o->error.code;
}

static int add_tmpfs(struct run_options *o, const char *argument)
{
	char *target;
	uint64_t bytes;
	int result = parse_tmpfs(argument, &target, &bytes, &o->error);
	if (result < 0)
		return result;
	struct berth_tmpfs *tmpfs = cli_append(&o->tmpfs, &o->launch.n_tmpfs, sizeof(*tmpfs), &o->error);
	if (!tmpfs) {
		free(target);
		return -ENOMEM;
	}
	*tmpfs = (struct berth_tmpfs){target, bytes};
	return 0;
}

static int add_device(struct run_options *o, const char *argument)
{
	char *path, *inside, *access;
	int result = parse_device(argument, &path, &inside, &access, &o->error);
	if (result < 0)
		return result;
	struct berth_device *device = cli_append(&o->devices, &o->launch.n_devices, sizeof(*device), &o->error);
	if (!device) {
		free(path);
		free(inside);
		free(access);
		return -ENOMEM;
	}
	*device = (struct berth_device){path_absolute(path, &o->error), inside, access};
	return device->source ? 0 : -o->error.code;
}

static int add_device_rule(struct run_options *o, const char *rule)
{
	char **place = cli_append(&o->device_rules, &o->n_device_rules, sizeof(*place), &o->error);
	if (!place)
		return -ENOMEM;
	if (asprintf(place, "devices.allow=%s", rule) < 0) {
		*place = NULL;
		return error_errno(&o->error, ENOMEM, "take in the rule");
	}
	return 0;
}

static int add_rlimit(struct run_options *o, const char *argument)
{
	struct berth_rlimit parsed;
	int result = parse_rlimit(argument, &parsed, &o->error);
	if (result < 0)
		return result;
	struct berth_rlimit *rlimit = cli_append(&o->rlimits, &o->launch.n_rlimits, sizeof(*rlimit), &o->error);
	if (!rlimit)
		return -ENOMEM;
	*rlimit = parsed;
	return 0;
}

static int add_id_range(struct berth_id_range **ranges, size_t *n, const char *argument, struct error *error)
{
	struct berth_id_range parsed;
	int result = parse_id_range(argument, &parsed, error);
	if (result < 0)
		return result;
	struct berth_id_range *range = cli_append(ranges, n, sizeof(*range), error);
	if (!range)
		return -ENOMEM;
	*range = parsed;
	return 0;
}

/* Appends a word to a NULL-terminated array. A positive errno, for args. */
static int add_word(const char ***words, size_t *n, const char *word, struct error *error)
{
	const char **place = cli_append(words, n, sizeof(*place), error);
	if (!place)
		return ENOMEM;
	*place = word;
	return 0;
}

/* One of two words: sets or clears `flag` in *flags. */
static int choose(const char *argument, const char *clears, const char *sets, unsigned int flag, unsigned int *flags,
		  struct error *error)
{
	if (strcmp(argument, clears) == 0)
		*flags &= ~flag;
	else if (strcmp(argument, sets) == 0)
		*flags |= flag;
	else
		return error_set(error, EINVAL, "'%s' is not known here: expected %s or %s", argument, clears, sets);
	return 0;
}

static int set_oom_score(struct run_options *o, const char *argument)
{
	char *end;
	long number = strtol(argument, &end, 10);
	if (!*argument || *end || number < -1000 || number > 1000)
		return error_set(&o->error, EINVAL, "'%s' is no number from -1000 to 1000", argument);
	o->launch.oom_score_adj = number ? (int)number : BERTH_OOM_NEUTRAL;
	return 0;
}

static int set_timeout(struct run_options *o, const char *argument)
{
	uint64_t ns;
	int result = parse_duration(argument, &ns, &o->error);
	if (result == 0 && ns == 0)
		result = error_set(&o->error, ERANGE, "'%s' is no time to run: expected a duration above 0", argument);
	if (result == 0)
		o->timeout_ns = ns;
	return result;
}

/* What does not go together. */
static int options_check(const struct run_options *o, const struct args_state *state, struct error *error)
{
	if (!o->launch.argv)
		return error_set(error, EINVAL, "no command given; try `%s --help'", state->name);
	if (o->launch.resources.swap && !o->launch.resources.memory)
		return error_set(error, EINVAL, "--swap needs --mem: it is what may be used beyond that");
	if (o->detach && o->timing)
		return error_set(error, EINVAL, "--timing needs the foreground: it does not go with --detach");
	if (o->detach && (o->launch.flags & BERTH_TTY))
		return error_set(error, EINVAL, "--tty needs the foreground: it does not go with --detach");
	if (o->detach && (o->launch.flags & BERTH_SECCOMP_LOG))
		return error_set(error, EINVAL, "--seccomp-log needs the foreground: it does not go with --detach");
	if (o->detach && o->interactive)
		return error_set(error, EINVAL,
				 "--interactive needs the foreground: with --detach the command's "
				 "standard input is /dev/null");
	if (o->log && !o->detach)
		return error_set(error, EINVAL, "--log goes with --detach; in the foreground redirect the output");
	return 0;
}

static int parse(int key, char *argument, struct args_state *state)
{
	struct run_options *o = state->input;
	struct berth_options *launch = &o->launch;
	switch (key) {
	case CLI_HELP_KEY:
		cli_help(state);
	case 'n':
		launch->name = argument;
		return 0;
	case KEY_ROOT:
		launch->root = argument;
		return 0;
	case KEY_INIT:
		launch->flags &= ~(unsigned int)BERTH_NO_INIT;
		return 0;
	case KEY_NO_INIT:
		launch->flags |= BERTH_NO_INIT;
		return 0;
	case 'd':
		o->detach = true;
		return 0;
	case KEY_LOG:
		o->log = argument;
		return 0;
	case KEY_TIMEOUT:
		return cli_option_result(set_timeout(o, argument), "--timeout", &o->error);
	case KEY_TIMING:
		o->timing = true;
		return 0;
	case KEY_CGROUP_PARENT:
		launch->cgroup_parent = argument;
		return 0;
	case 'v':
		return cli_option_result(add_volume(o, argument), "--volume", &o->error);
	case KEY_TMPFS:
		return cli_option_result(add_tmpfs(o, argument), "--tmpfs", &o->error);
	case KEY_READ_ONLY:
		launch->flags |= BERTH_READ_ONLY;
		return 0;
	case 'e':
		return cli_option_result(cli_env_add(&o->env, &o->n_env, argument, &o->error), "--env", &o->error);
	case KEY_ENV_CLEAR:
		launch->flags |= BERTH_ENV_CLEAR;
		return 0;
	case 'w':
		launch->workdir = argument;
		return *argument == '/'
			       ? 0
			       : -error_set(&o->error, EINVAL, "--workdir: '%s' is not an absolute path", argument);
	case 'u':
		launch->user = argument;
		return 0;
	case 't':
		launch->flags |= BERTH_TTY;
		return 0;
	case 'i':
		o->interactive = true;
		return 0;
	case KEY_RLIMIT:
		return cli_option_result(add_rlimit(o, argument), "--rlimit", &o->error);
	case KEY_DEVICE:
		return cli_option_result(add_device(o, argument), "--device", &o->error);
	case KEY_DEVICE_RULE:
		return cli_option_result(add_device_rule(o, argument), "--device-cgroup-rule", &o->error);
	case KEY_OOM_SCORE:
		return cli_option_result(set_oom_score(o, argument), "--oom-score-adj", &o->error);
	case KEY_CAP_ADD:
		return add_word(&o->cap_add, &o->n_cap_add, argument, &o->error);
	case KEY_CAP_DROP:
		return add_word(&o->cap_drop, &o->n_cap_drop, argument, &o->error);
	case KEY_SECCOMP:
		launch->seccomp = argument;
		return 0;
	case KEY_SECCOMP_LOG:
		launch->flags |= BERTH_SECCOMP_LOG;
		return 0;
	case KEY_NEW_PRIVILEGES:
		launch->flags |= BERTH_NEW_PRIVILEGES;
		return 0;
	case KEY_HOSTNAME:
		launch->hostname = argument;
		return 0;
	case KEY_NET:
		return cli_option_result(choose(argument, "host", "none", BERTH_NET_NONE, &launch->flags, &o->error),
					 "--net", &o->error);
	case KEY_UTS:
		return cli_option_result(choose(argument, "new", "host", BERTH_HOST_UTS, &launch->flags, &o->error),
					 "--uts", &o->error);
	case KEY_IPC:
		return cli_option_result(choose(argument, "new", "host", BERTH_HOST_IPC, &launch->flags, &o->error),
					 "--ipc", &o->error);
	case KEY_USERNS:
		launch->userns = argument;
		return 0;
	case KEY_UIDMAP:
		return cli_option_result(add_id_range(&o->uid_map, &launch->n_uid_map, argument, &o->error), "--uidmap",
					 &o->error);
	case KEY_GIDMAP:
		return cli_option_result(add_id_range(&o->gid_map, &launch->n_gid_map, argument, &o->error), "--gidmap",
					 &o->error);
	case KEY_CGROUPNS:
		return cli_option_result(choose(argument, "new", "host", BERTH_HOST_CGROUP, &launch->flags, &o->error),
					 "--cgroupns", &o->error);
	case ARGS_WORDS:
		/* state->argv ends in NULL as main's does. */
		launch->argv = (const char *const *)(state->argv + state->next);
		state->next = state->argc;
		return 0;
	case ARGS_END:
		return -options_check(o, state, &o->error);
	default:
		return ARGS_UNKNOWN;
	}
}

static const struct args_option plan_options[] = {
	{"json", KEY_JSON, NULL, 0, "Print the plan as a JSON object", -1},
	{0},
};

static int plan_parse(int key, char *argument, struct args_state *state)
{
	struct run_options *o = state->input;
	(void)argument;
	if (key != KEY_JSON)
		return ARGS_UNKNOWN;
	o->json = true;
	return 0;
}

static const char run_doc[] =
	"Run COMMAND in a container: PID and mount namespaces, a root and cgroups of its own."
	"\v"
	"Options after COMMAND are the command's. The exit status is the command's own; 128+N when signal N ended it; "
	"124 when --timeout did; 125 berth failed; 126 the command can't be executed; 127 it isn't there.\n"
	"\n"
	"Examples:\n"
	"  berth run -c 0.5 -m 256M -- make -j4\n"
	"  berth run -t bash\n"
	"  berth run --root overlay:/srv/debian -v ./src:/src:ro -w /src -- make check\n"
	"  berth run -d -n web --log /tmp/web.log -- nginx -g 'daemon off;'\n"
	"\n"
	"Ctrl-C, SIGTERM, SIGHUP and other signals sent to berth reach the command. When berth itself is killed the "
	"container dies with it, unless it was detached.";

static const char plan_doc[] = "Print what `berth run' would do with the same options, step by step, and do none of it."
			       "\v"
			       "Example:\n"
			       "  berth plan --root overlay:/srv/debian -m 64M -- /bin/true";

/* No limit is what a launch begins with: nothing to ask the cgroups for. */
static void limits_lift(struct berth_resources *resources)
{
	if (resources->cpu_limit >= BERTH_CPUS_UNLIMITED)
		resources->cpu_limit = 0;
	if (resources->memory == BERTH_UNLIMITED)
		resources->memory = 0;
	if (resources->swap == BERTH_UNLIMITED)
		resources->swap = 0;
	if (resources->pids == BERTH_UNLIMITED)
		resources->pids = 0;
}

int run_options_parse(int argc, char **argv, bool plan, struct run_options *o)
{
	static const struct args plan_extra = {plan_options, plan_parse, NULL, NULL, NULL};
	const struct args_part parts[] = {
		{&resource_args, &o->resource_input},
		{&policy_args, &o->policy_input},
		{plan ? &plan_extra : NULL, o},
		{0},
	};
	const struct args args = {options, parse, "[--] COMMAND [ARG...]", plan ? plan_doc : run_doc, parts};

	*o = (struct run_options){.launch = BERTH_OPTIONS_INIT};
	o->policy = (struct berth_memory_policy)BERTH_MEMORY_POLICY_INIT;
	o->policy_input = (struct policy_input){&o->policy, &o->error};
	o->resource_input = (struct resource_input){&o->launch.resources, &o->error};
	if (cli_parse(&args, argc, argv, true, o, &o->error) < 0)
		return -1;
	limits_lift(&o->launch.resources);
	o->launch.volumes = o->volumes;
	o->launch.tmpfs = o->tmpfs;
	o->launch.rlimits = o->rlimits;
	o->launch.devices = o->devices;
	o->launch.cgroup_files = (const char *const *)o->device_rules;
	o->launch.env = o->env;
	o->launch.cap_add = o->cap_add;
	o->launch.cap_drop = o->cap_drop;
	o->launch.uid_map = o->uid_map;
	o->launch.gid_map = o->gid_map;
	o->launch.memory_policy = &o->policy;
	return 0;
}

void run_options_release(struct run_options *o)
{
	for (size_t i = 0; i < o->launch.n_volumes; i++) {
		free((char *)o->volumes[i].source);
		free((char *)o->volumes[i].target);
	}
	for (size_t i = 0; i < o->launch.n_tmpfs; i++)
		free((char *)o->tmpfs[i].target);
	for (size_t i = 0; i < o->launch.n_devices; i++) {
		free((char *)o->devices[i].source);
		free((char *)o->devices[i].target);
		free((char *)o->devices[i].access);
	}
	for (size_t i = 0; i < o->n_device_rules; i++)
		free(o->device_rules[i]);
	free(o->devices);
	free(o->device_rules);
	free(o->volumes);
	free(o->tmpfs);
	free(o->rlimits);
	free(o->env);
	free(o->cap_add);
	free(o->cap_drop);
	free(o->uid_map);
	free(o->gid_map);
}
