/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/controllers.h"

/*
 * A user namespace comes in one of two ways. Root sets all up, shows directories with their ids shifted, and leaves for
 * the namespace last: mounts, and the process table, then belong to the host's root, and nobody inside can change them.
 * An ordinary user begins in the namespace, where it may do these things.
 */
enum { DEV_TTY_GID = 5 }; /* what devpts gives its terminals everywhere: the group tty of Debian, Fedora and others */

static const uint64_t nothing_special = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/* The option of devpts, whose ids are those of who mounts it; "" where the group is not mapped. */
static void devpts_group(const struct spec *spec, char option[24])
{
	uint32_t gid = DEV_TTY_GID, outside;
	option[0] = '\0';
	if (spec->userns != USERNS_HOST) {
		if (!id_map_outside(&spec->maps.gids, DEV_TTY_GID, &outside))
			return;
		gid = spec->rootless ? DEV_TTY_GID : outside;
	}
	snprintf(option, 24, "gid=%u", gid);
}

static void compile_dev(const struct spec *spec, struct plan *plan)
{
	static const struct {
		const char *path;
		unsigned int major, minor; /* Documentation/admin-guide/devices.txt */
	} devices[] = {
		{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
		{"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
	};
	static const struct {
		const char *points_to, *path;
	} links[] = {
		{"pts/ptmx", "/dev/ptmx"},          {"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},  {"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
	};
	plan_add_mkdir(plan, true, "/dev", 0755);
	plan_add_mount(plan, true, "tmpfs", "/dev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
		       (const char *const[]){"mode=755", "size=64k", NULL});
	plan_hold(plan);
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
		if (spec->rootless) {
			plan_add_file(plan, true, devices[i].path);
			plan_in_held(plan);
			plan_add_device(plan, devices[i].path, devices[i].path, S_IFCHR, devices[i].major,
					devices[i].minor);
		} else {
			plan_add_mknod(plan, true, devices[i].path, S_IFCHR | 0666, devices[i].major, devices[i].minor);
		}
		plan_in_held(plan);
	}
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		plan_add_symlink(plan, true, links[i].points_to, links[i].path);
		plan_in_held(plan);
	}
	plan_add_mkdir(plan, true, "/dev/pts", 0755);
	plan_in_held(plan);
	char gid[24];
	devpts_group(spec, gid);
	plan_add_mount(plan, true, "devpts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
		       (const char *const[]){"newinstance", "ptmxmode=0666", "mode=0620", *gid ? gid : NULL, NULL});
	plan_in_held(plan);
	plan_add_mkdir(plan, true, "/dev/shm", 01777);
	plan_in_held(plan);
	plan_add_mount(plan, true, "tmpfs", "/dev/shm", nothing_special, (const char *const[]){"mode=1777", NULL});
	plan_in_held(plan);
}

void compile_kernel_files(struct plan *plan, const char *empty)
{
	/* OCI's default list, and dynamic_debug, by which the kernel can be made to fill the host's log. */
	static const char *const read_only[] = {"/proc/bus", "/proc/dynamic_debug", "/proc/fs",
						"/proc/irq", "/proc/sys",           "/proc/sysrq-trigger"};
	static const char *const masked[] = {
		"/proc/acpi",        "/proc/asound",        "/proc/interrupts", "/proc/kcore",
		"/proc/keys",        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
		"/proc/sched_debug", "/proc/scsi",          "/sys/firmware",    "/sys/devices/virtual/powercap",
	};
	for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++) {
		plan_add_read_only(plan, read_only[i]);
		plan_in_held(plan);
	}
	for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
		plan_add_mask(plan, masked[i], empty);
		plan_in_held(plan);
	}
}

static void compile_tmpfs(const struct berth_tmpfs *tmpfs, struct plan *plan)
{
	char size[40];
	snprintf(size, sizeof size, "size=%llu", (unsigned long long)tmpfs->bytes);
	plan_add_mkdir(plan, true, tmpfs->target, 0755);
	plan_add_mount(plan, true, "tmpfs", tmpfs->target, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		       (const char *const[]){"mode=1777", tmpfs->bytes ? size : NULL, NULL});
}

static void compile_mount_point(const struct berth_volume *volume, struct plan *plan)
{
	struct stat status;
	if (stat(volume->source, &status) == 0 && !S_ISDIR(status.st_mode))
		plan_add_file(plan, true, volume->target);
	else
		plan_add_mkdir(plan, true, volume->target, 0755);
}

/* A root that will be read-only needs its mount points before; those inside a volume or tmpfs are made again later, in
 * it. */
static void compile_mount_points(const struct spec *spec, struct plan *plan)
{
	plan_add_mkdir(plan, true, "/proc", 0555);
	if (!(spec->flags & BERTH_BARE_ROOT)) {
		plan_add_mkdir(plan, true, "/sys", 0555);
		plan_add_mkdir(plan, true, "/dev", 0755);
	}
	for (size_t i = 0; i < spec->n_tmpfs; i++)
		plan_add_mkdir(plan, true, spec->tmpfs[i].target, 0755);
	for (size_t i = 0; i < spec->n_volumes; i++)
		compile_mount_point(&spec->volumes[i], plan);
	for (size_t i = 0; i < spec->n_devices; i++)
		if (strncmp(spec->devices[i].target, "/dev/", 5) != 0)
			plan_add_file(plan, true, spec->devices[i].target);
	plan_add_attributes(plan, true, "/", MOUNT_ATTR_RDONLY, true);
}

/*
 * Only who owns the network namespace may mount a sysfs that shows it; else it is the host's, but for the cgroups.
 * A new one has a directory for them to be mounted on, in which the kernel lets nobody make anything
 * (sysfs_create_mount_point in fs/sysfs/dir.c): masks need no file system of their own. What it is, or NULL.
 */
static const char *compile_sys(const struct spec *spec, struct plan *plan)
{
	static const char cgroups[] = "/sys/fs/cgroup";
	plan_add_mkdir(plan, true, "/sys", 0555);
	if (!spec->rootless || spec->flags & BERTH_NET_NONE) {
		plan_add_mount(plan, true, "sysfs", "/sys", nothing_special | MOUNT_ATTR_RDONLY, NULL);
		plan_hold(plan);
		return cgroups;
	}
	plan_add_bind(plan, true, "/sys", "/sys", nothing_special | MOUNT_ATTR_RDONLY, true);
	plan_hold(plan);
	plan_add_mask(plan, cgroups, NULL);
	plan_in_held(plan);
	return NULL;
}

static void compile_mounts(const struct spec *spec, struct plan *plan)
{
	if (spec->flags & BERTH_READ_ONLY)
		compile_mount_points(spec, plan);
	plan_add_mkdir(plan, true, "/proc", 0555);
	plan_add_mount(plan, true, "proc", "/proc", nothing_special, NULL);
	plan_hold(plan);
	if (!(spec->flags & BERTH_BARE_ROOT)) {
		const char *empty = compile_sys(spec, plan);
		compile_dev(spec, plan);
		compile_kernel_files(plan, empty);
	}
	for (size_t i = 0; i < spec->n_tmpfs; i++)
		compile_tmpfs(&spec->tmpfs[i], plan);
	for (size_t i = 0; i < spec->n_volumes; i++) {
		const struct berth_volume *volume = &spec->volumes[i];
		compile_mount_point(volume, plan);
		(spec_is_shifted(spec) ? plan_add_idmapped_bind : plan_add_bind)(
			plan, true, volume->source, volume->target, volume->read_only ? MOUNT_ATTR_RDONLY : 0, true);
	}
	for (size_t i = 0; i < spec->n_devices; i++) {
		const struct device *device = &spec->devices[i];
		plan_add_file(plan, true, device->target);
		plan_add_device(plan, device->source, device->target, device->type, device->major, device->minor);
	}
}

static void compile_seccomp(const struct spec *spec, bool at_exec, struct plan *plan)
{
	const struct seccomp_choice *choice = &spec->seccomp;
	if (choice->log)
		plan_add_seccomp(plan, choice->name, choice->log, choice->n_log,
				 choice->flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, at_exec);
	else if (choice->filters)
		plan_add_seccomp(plan, choice->name, choice->filters, choice->count, choice->flags, at_exec);
}

/*
 * Keys that the caller holds are not for the container. Nothing is to be left where the kernel has no keyrings, or
 * where the caller itself is not let near them (and what it starts is not either).
 */
static void compile_keyring(struct plan *plan)
{
	long keyring = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
	if (keyring >= 0 || (errno != ENOSYS && errno != EPERM))
		plan_add_keyring(plan);
}

/*
 * Into the user namespace, for good. What needs the host's root comes right before: a working directory that root
 * inside may not enter, limits beyond the caller's own. The keyring is one of the namespace's root.
 */
static void compile_userns(const struct spec *spec, struct plan *plan)
{
	for (size_t i = 0; i < spec->n_rlimits; i++)
		plan_add_rlimit_room(plan, spec->rlimits[i].resource, spec->rlimits[i].hard);
	plan_add_chdir(plan, spec->workdir);
	plan_add_setns(plan, CLONE_NEWUSER);
	compile_keyring(plan);
	/* A change of credentials takes it back. PR_SET_PDEATHSIG(2const) */
	if (spec->flags & BERTH_DIE_WITH_THREAD)
		plan_add_die_with_parent(plan);
}

static void compile_user(const struct spec *spec, struct plan *plan)
{
	/* Only who ceases to be root would lose them. capabilities(7) */
	bool keeps = spec->uid && spec->ambient;
	/* Where one id is all there is, the kernel lets no groups be set. */
	if (spec->rootless && spec->maps.gids.count == 1 && spec->maps.gids.ranges[0].length == 1)
		plan_add_user_keep_groups(plan, spec->uid, spec->gid, keeps);
	else
		plan_add_user(plan, spec->uid, spec->gid, spec->groups, spec->n_groups, keeps);
}

/* From here on, what the command itself is: the same for a container's first and for one that joins it. */
static void compile_command(const struct spec *spec, bool dies_with_parent, struct plan *plan)
{
	plan_add_setsid(plan);
	if (spec->flags & BERTH_TTY)
		plan_add_tty(plan, spec->tty_rows, spec->tty_columns);
	for (size_t i = 0; i < spec->n_rlimits; i++)
		plan_add_rlimit(plan, spec->rlimits[i].resource, spec->rlimits[i].soft, spec->rlimits[i].hard);
	/* While still root: a directory its user may not enter is none of the user's doing. */
	if (!spec_is_shifted(spec))
		plan_add_chdir(plan, spec->workdir);
	/* What may still gain privileges must be filtered while it is allowed to do that: CAP_SYS_ADMIN is needed. */
	bool gains = spec->flags & BERTH_NEW_PRIVILEGES;
	if (gains)
		compile_seccomp(spec, false, plan);
	plan_add_bounding(plan, spec->capabilities);
	/* Also for root: the caller's groups stay outside. */
	compile_user(spec, plan);
	/* Root has what the bounding set leaves; another user just what was asked for by name. */
	plan_add_capabilities(plan, spec->uid ? spec->ambient : spec->capabilities, spec->uid ? spec->ambient : 0);
	/* Not earlier: a change of user takes it back. PR_SET_PDEATHSIG(2const) */
	if (dies_with_parent)
		plan_add_die_with_parent(plan);
	plan_add_environment(plan, (const char *const *)spec->env);
	if (!gains) {
		plan_add_no_new_privileges(plan);
		compile_seccomp(spec, true, plan);
	}
	plan_add_exec(plan, spec->argv[0], environment_get(spec->env, "PATH"), (const char *const *)spec->argv);
}

/*
 * Whether what is below the root stays out of reach. Root inside that rules its mounts could take the root away; in a
 * user namespace it does not rule these.
 */
static bool root_stays_covered(const struct spec *spec)
{
	bool rules_mounts = spec->capabilities & UINT64_C(1) << CAP_SYS_ADMIN;
	return !rules_mounts || spec_is_shifted(spec) || spec->flags & BERTH_BARE_ROOT;
}

/* What is the same whatever the command is: the process, its namespaces and its root. The beginning of a plan. */
static int compile_surroundings(const struct berth *berth, const struct spec *spec, struct plan **begun,
				struct error *error)
{
	cleanup_plan struct plan *plan = plan_new();
	if (!plan)
		return error_errno(error, ENOMEM, "build the plan");
	if (spec->flags & BERTH_DIE_WITH_THREAD)
		plan_add_die_with_parent(plan);
	/* While the host's /proc is at hand, and the caller's privileges are. */
	if (spec->sets_oom_score)
		plan_add_oom_score(plan, spec->oom_score_adj);
	/* Init is no member of the caller's session, or a terminal's Ctrl-C would reach it, and the command, twice. */
	if (!(spec->flags & BERTH_NO_INIT))
		plan_add_setsid(plan);
	if (!spec_is_shifted(spec))
		compile_keyring(plan);
	if (spec_held_namespaces(spec))
		plan_add_setns(plan, spec_held_namespaces(spec));
	plan_add_private(plan);
	if (spec_is_shifted(spec))
		plan_add_owner(plan, id_map_shift(&spec->maps.uids, 0), id_map_shift(&spec->maps.gids, 0));
	int code = compile_root(berth, spec, plan, error);
	if (code < 0)
		return code;
	compile_mounts(spec, plan);
	plan_add_pivot(plan, root_stays_covered(spec));
	if (spec->flags & BERTH_NET_NONE)
		plan_add_loopback(plan);
	if (controllers_later(berth, spec))
		plan_add_enter(plan);
	/* Its top is where the process is by now, in all its cgroups. */
	if (!(spec->flags & BERTH_HOST_CGROUP))
		plan_add_unshare(plan, CLONE_NEWCGROUP);
	/* Last, for a container that is prepared before its name is known. */
	if (spec->hostname)
		plan_add_hostname(plan, spec->hostname);
	*begun = steal_pointer(&plan);
	return 0;
}

int compile_container(const struct berth *berth, const struct spec *spec, struct plan **plan, struct error *error)
{
	cleanup_plan struct plan *made = NULL;
	int code = compile_surroundings(berth, spec, &made, error);
	if (code < 0)
		return code;
	if (spec_is_shifted(spec))
		compile_userns(spec, made);
	if (!(spec->flags & BERTH_NO_INIT))
		plan_add_fork(made, false);
	compile_command(spec, spec->flags & BERTH_DIE_WITH_THREAD && spec->flags & BERTH_NO_INIT, made);
	*plan = steal_pointer(&made);
	return 0;
}

int compile_waiting(const struct berth *berth, const struct spec *spec, struct plan **plan, struct error *error)
{
	cleanup_plan struct plan *made = NULL;
	int code = compile_surroundings(berth, spec, &made, error);
	if (code < 0)
		return code;
	plan_add_await(made);
	*plan = steal_pointer(&made);
	return 0;
}

int compile_exec(const struct spec *spec, uint64_t namespaces, struct plan **plan, struct error *error)
{
	cleanup_plan struct plan *made = plan_new();
	if (!made)
		return error_errno(error, ENOMEM, "build the plan");
	if (spec->flags & BERTH_DIE_WITH_THREAD)
		plan_add_die_with_parent(made);
	if (spec->sets_oom_score)
		plan_add_oom_score(made, spec->oom_score_adj);
	plan_add_setsid(made);
	if (spec_is_shifted(spec)) {
		plan_add_setns(made, namespaces & ~(uint64_t)CLONE_NEWUSER);
		compile_userns(spec, made);
	} else {
		compile_keyring(made);
		plan_add_setns(made, namespaces);
	}
	plan_add_fork(made, true);
	/* Its parent stays outside to wait for it: when that is killed, the command goes too. */
	compile_command(spec, true, made);
	*plan = steal_pointer(&made);
	return 0;
}
