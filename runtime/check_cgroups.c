/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups, each controller as a container uses it: a directory is made, a limit written, a process put in, numbers
 * read, the directory removed. All of it below a parent of this check's own. What stays is what any launch leaves too:
 * on v2 a controller enabled for the children of the top directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/check.h"

enum {
	CGROUP_TIMEOUT_MS = 10000,
	QUICK = CLONE_VM | CLONE_VFORK,
};

/* ---- Putting a process in ---- */

/* As a launch does it on v1: the new process writes itself into each file. Its status is an errno. */
__attribute__((no_sanitize("address", "undefined"))) static int enter_files(void *argument)
{
	const struct cgroup_entry *entry = argument;
	for (size_t i = 0; i < entry->n_procs; i++)
		if (syscall(SYS_write, entry->procs[i], "0", 1) < 0)
			return errno;
	if (entry->into_procs >= 0 && syscall(SYS_write, entry->into_procs, "0", 1) < 0)
		return errno;
	return 0;
}

static int enter(const struct cgroup *cgroup, struct error *error)
{
	struct cgroup_entry entry = {.into = -1, .into_procs = -1};
	int result = cgroup_entry_open(cgroup, &entry, error);
	if (result < 0)
		return result;
	result = trial_run(&(struct trial_options){.flags = QUICK}, enter_files, &entry);
	cgroup_entry_close(&entry);
	if (result == 0)
		return 0;
	return error_errno(error, result < 0 ? -result : result, "put a process into %s", cgroup_path(cgroup, 0));
}

static int pause_until_killed(void *argument)
{
	const pid_t *parent = argument;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == *parent)
		pause();
	return 0;
}

/* Freezes and thaws a process that is alive. It ends with cgroup_destroy at the latest; here. */
static int freeze_and_thaw(const struct cgroup *cgroup, struct error *error)
{
	pid_t self = getpid();
	struct trial trial;
	int result = trial_start(&(struct trial_options){0}, pause_until_killed, &self, &trial);
	if (result < 0)
		return error_errno(error, -result, "clone a process to freeze");
	result = cgroup_attach(cgroup, trial.pid, error);
	if (result == 0)
		result = cgroup_freeze(cgroup, true, CGROUP_TIMEOUT_MS, error);
	if (result == 0 && cgroup_frozen(cgroup) != 1)
		result = error_set(error, EIO, "%s does not say that it is frozen", cgroup_path(cgroup, 0));
	/* Also after a failure: what is frozen can't die on v1. */
	struct error thawing;
	if (cgroup_freeze(cgroup, false, CGROUP_TIMEOUT_MS, &thawing) < 0 && result == 0) {
		*error = thawing;
		result = -thawing.code;
	}
	kill(trial.pid, SIGKILL);
	trial_end(&trial, TRIAL_TIMEOUT_MS);
	return result;
}

/* ---- One cgroup ---- */

static int use(struct cgroup *cgroup, const struct cgroup_limits *limits, struct error *error)
{
	/* Not the I/O counters: they may be empty where no disk does accounting. */
	const unsigned int counting = CGROUP_BIT(CGROUP_CPUACCT) | CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_PIDS);
	struct cgroup_stats stats;
	int result = cgroup_apply(cgroup, limits, error);
	if (result == 0)
		result = enter(cgroup, error);
	if (result == 0)
		result = cgroup_read(cgroup, CGROUP_READ_ALL, &stats, error);
	if (result == 0 && (cgroup_controllers(cgroup) & counting & ~stats.known))
		result = error_set(error, ENODATA, "the counters in %s can't be read", cgroup_path(cgroup, 0));
	if (result == 0 && (cgroup_controllers(cgroup) & CGROUP_BIT(CGROUP_FREEZER)))
		result = freeze_and_thaw(cgroup, error);
	return result;
}

static int try_cgroup(struct check *check, const char *name, unsigned int controllers,
		      const struct cgroup_limits *limits, struct error *error)
{
	struct cgroup *cgroup;
	int result = cgroup_create(check->berth->layout, check->id, name, controllers, &cgroup, error);
	if (result < 0)
		return result;
	result = use(cgroup, limits, error);
	struct error removing;
	if (cgroup_destroy(cgroup, CGROUP_TIMEOUT_MS, &removing) < 0 && result == 0) {
		*error = removing;
		result = -removing.code;
	}
	cgroup_free(cgroup);
	cgroup_remove_parent(check->berth->layout, check->id);
	return result;
}

/* ---- Controllers ---- */

/* The first CPU this process may run on, as a list: what its cpuset surely holds. */
static const char *first_cpu(char text[16])
{
	cpu_set_t set;
	int cpu = 0;
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &set))
			cpu++;
	snprintf(text, 16, "%d", cpu);
	return text;
}

static const struct {
	enum cgroup_controller controller;
	const char *name;              /* of the finding */
	enum berth_verdict missing;    /* when no hierarchy has it */
	enum berth_verdict not_usable; /* launches use what is there, but for cpuset, which takes an option */
	const char *config;
} controllers[] = {
	{CGROUP_CPU, "controller-cpu", BERTH_FAIL, BERTH_FAIL, "CONFIG_CGROUP_SCHED"},
	{CGROUP_CPUACCT, "controller-cpuacct", BERTH_WARN, BERTH_FAIL, "CONFIG_CGROUP_CPUACCT"},
	{CGROUP_CPUSET, "controller-cpuset", BERTH_WARN, BERTH_WARN, "CONFIG_CPUSETS"},
	{CGROUP_MEMORY, "controller-memory", BERTH_FAIL, BERTH_FAIL, "CONFIG_MEMCG"},
	{CGROUP_PIDS, "controller-pids", BERTH_WARN, BERTH_FAIL, "CONFIG_CGROUP_PIDS"},
	{CGROUP_FREEZER, "controller-freezer", BERTH_WARN, BERTH_FAIL, "CONFIG_CGROUP_FREEZER"},
	{CGROUP_IO, "controller-io", BERTH_WARN, BERTH_FAIL, "CONFIG_BLK_CGROUP"},
	{CGROUP_DEVICES, "controller-devices", BERTH_WARN, BERTH_FAIL, "CONFIG_CGROUP_DEVICE"},
};
enum { N_CONTROLLERS = sizeof controllers / sizeof *controllers };

/* Why no hierarchy has it: /proc/cgroups, "NAME HIERARCHY CGROUPS ENABLED", knows of v1 and of what is disabled. */
static void missing_remedy(size_t i, char *remedy, size_t size)
{
	/* The name as v1 and the boot options have it. */
	const char *name =
		controllers[i].controller == CGROUP_IO ? "blkio" : cgroup_controller_name(controllers[i].controller);
	char text[4096], key[32];
	const char *line = NULL;
	unsigned int enabled;
	snprintf(key, sizeof key, "\n%s\t", name);
	if (file_read(AT_FDCWD, "/proc/cgroups", text, sizeof text) > 0)
		line = strstr(text, key);
	if (!line || sscanf(line + strlen(key), "%*u %*u %u", &enabled) != 1)
		snprintf(remedy, size, "mount -t cgroup2 cgroup2 /sys/fs/cgroup, or boot a kernel built with %s=y",
			 controllers[i].config);
	else if (!enabled)
		snprintf(remedy, size, "boot with cgroup_enable=%s (and without cgroup_disable=%s)", name, name);
	else
		snprintf(remedy, size,
			 "mount it: mount -t cgroup2 cgroup2 /sys/fs/cgroup, or beside other v1 hierarchies "
			 "mount -t cgroup -o %s cgroup /sys/fs/cgroup/%s",
			 name, name);
}

static const char *unusable_remedy(const struct error *error)
{
	switch (error->code) {
	case EROFS:
		return "mount cgroups writable; in a container, give it its cgroups to manage";
	case EACCES:
	case EPERM:
		return "run as root on the host, or have a cgroup directory delegated";
	case EBUSY:
		return "cgroup v2: move the processes of the top directory into one of their own";
	case EOPNOTSUPP:
		return "make the top directory a domain cgroup, not a threaded one";
	default:
		return "see cgroups(7) and dmesg";
	}
}

static void check_controller(struct check *check, size_t i)
{
	const char *name = controllers[i].name;
	enum cgroup_controller controller = controllers[i].controller;
	int version = cgroup_layout_version(check->berth->layout, controller);
	if (!version) {
		char remedy[256];
		missing_remedy(i, remedy, sizeof remedy);
		check_tell(check, name, controllers[i].missing, remedy, "no mounted cgroup hierarchy has it%s",
			   controller == CGROUP_DEVICES
				   ? ": containers have no rules on device nodes, and no CAP_MKNOD instead"
				   : "");
		return;
	}
	static const struct cgroup_device_rule no_devices[] = {
		{.type = 'a', .access = CGROUP_DEVICE_ALL},
	};
	char cpu[16];
	struct error error;
	struct cgroup_limits limits = {
		.cpu_shares = controller == CGROUP_CPU ? 512 : 0,
		.cpuset_cpus = controller == CGROUP_CPUSET ? first_cpu(cpu) : NULL,
		.memory = controller == CGROUP_MEMORY ? 64U << 20 : 0,
		.pids = controller == CGROUP_PIDS ? 64 : 0,
		.devices = no_devices,
		.n_devices = controller == CGROUP_DEVICES ? sizeof no_devices / sizeof *no_devices : 0,
	};
	if (try_cgroup(check, name, CGROUP_BIT(controller), &limits, &error) < 0)
		check_tell(check, name, controllers[i].not_usable, unusable_remedy(&error), "v%d: %s", version,
			   error.text);
	else
		check_tell(check, name, BERTH_PASS, NULL, "v%d at %s: %s", version,
			   cgroup_layout_mount_point(check->berth->layout, controller),
			   controller == CGROUP_FREEZER              ? "a process was frozen and thawed"
			   : cgroup_limits_controllers(&limits) == 0 ? "a process was put in"
								     : "a limit was set and a process put in");
}

/* ---- Beyond the controllers ---- */

/* A limit that a kernel may lack although it has the controller. */
static void check_limit(struct check *check, const char *name, enum cgroup_controller controller,
			const struct cgroup_limits *limits, const char *passed, const char *remedy)
{
	struct error error;
	if (!cgroup_layout_version(check->berth->layout, controller))
		check_tell(check, name, BERTH_WARN, "see the controller's own finding",
			   "not tried: there is no %s controller", cgroup_controller_name(controller));
	else if (try_cgroup(check, name, CGROUP_BIT(controller), limits, &error) < 0)
		check_tell(check, name, BERTH_WARN, remedy, "%s", error.text);
	else
		check_tell(check, name, BERTH_PASS, NULL, "%s", passed);
}

static int born_inside(void *argument)
{
	(void)argument;
	return 0;
}

static int try_into(struct check *check, unsigned int wanted, struct error *error)
{
	struct cgroup *cgroup;
	struct cgroup_entry entry = {.into = -1, .into_procs = -1};
	int result = cgroup_create(check->berth->layout, check->id, "into", wanted, &cgroup, error);
	if (result < 0)
		return result;
	result = cgroup_entry_open(cgroup, &entry, error);
	if (result == 0) {
		struct trial_options options = {
			.flags = QUICK | CLONE_INTO_CGROUP, .clone3 = true, .cgroup = entry.into};
		result = trial_run(&options, born_inside, NULL);
		cgroup_entry_close(&entry);
		if (result < 0)
			error_errno(error, -result, "clone a process into %s", cgroup_path(cgroup, 0));
	}
	if (cgroup_destroy(cgroup, CGROUP_TIMEOUT_MS, result < 0 ? NULL : error) < 0 && result == 0)
		result = -error->code;
	cgroup_free(cgroup);
	cgroup_remove_parent(check->berth->layout, check->id);
	return result;
}

static void check_into(struct check *check)
{
	static const char name[] = "clone-into-cgroup";
	unsigned int wanted = 0;
	struct error error;
	for (size_t i = 0; i < N_CONTROLLERS && !wanted; i++)
		if (cgroup_layout_version(check->berth->layout, controllers[i].controller) == 2)
			wanted = CGROUP_BIT(controllers[i].controller);
	if (!wanted)
		check_tell(check, name, BERTH_PASS, NULL, "not needed: no controller lives in cgroup v2 here");
	else if (try_into(check, wanted, &error) < 0)
		check_tell(check, name, BERTH_WARN, check_remedy(error.code, unusable_remedy(&error)), "%s",
			   error.text);
	else
		check_tell(check, name, BERTH_PASS, NULL, "processes are born in their cgroup");
}

static void check_layout(struct check *check)
{
	static const char mount[] = "mount -t cgroup2 cgroup2 /sys/fs/cgroup";
	const struct cgroup_layout *layout = check->berth->layout;
	int found[3] = {0};
	for (size_t i = 0; i < N_CONTROLLERS; i++)
		found[cgroup_layout_version(layout, controllers[i].controller)]++;
	if (found[0] == N_CONTROLLERS)
		check_tell(check, "cgroup-layout", BERTH_FAIL, mount, "%s: no hierarchy with a controller is mounted",
			   cgroup_layout_name(layout));
	else
		check_tell(check, "cgroup-layout", BERTH_PASS, NULL, "%s: %d controllers in v1, %d in v2",
			   cgroup_layout_name(layout), found[1], found[2]);
}

void check_cgroups(struct check *check)
{
	check_layout(check);
	if (!check->privileged) {
		for (size_t i = 0; i < N_CONTROLLERS; i++)
			check_skip(check, controllers[i].name);
		check_skip(check, "cpu-limit");
		check_skip(check, "swap-limit");
		check_skip(check, "clone-into-cgroup");
		return;
	}
	for (size_t i = 0; i < N_CONTROLLERS; i++)
		check_controller(check, i);
	check_limit(check, "cpu-limit", CGROUP_CPU, &(struct cgroup_limits){.cpu_quota_us = 50000},
		    "CPU time can be capped", "boot a kernel built with CONFIG_CFS_BANDWIDTH=y");
	check_limit(check, "swap-limit", CGROUP_MEMORY, &(struct cgroup_limits){.memory = 64U << 20, .swap = 16U << 20},
		    "swap is counted and can be limited",
		    "boot with cgroup_enable=memory swapaccount=1, a kernel built with CONFIG_SWAP=y");
	check_into(check);
}
