/* SPDX-License-Identifier: Apache-2.0 */
/* Can this machine run containers? Answered by trying; this file holds who asks, how it is told, and the last trial. */
#include "runtime/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

/* ---- Telling ---- */

void check_tell(struct check *check, const char *name, enum berth_verdict verdict, const char *remedy,
		const char *format, ...)
{
	char text[1536];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	struct berth_finding finding = {name, verdict, text, verdict == BERTH_PASS ? NULL : remedy};
	check->failures += verdict == BERTH_FAIL;
	check->tell(&finding, check->data);
}

void check_skip(struct check *check, const char *name)
{
	check_tell(check, name, BERTH_WARN, "run this as root", "not tried: needs root");
}

const char *check_remedy(int code, const char *otherwise)
{
	switch (code) {
	case ENOSYS:
		return "boot a newer kernel (Linux 5.14 or later), or lift the system call filter that hides the call";
	case EPERM:
	case EACCES:
		return "something forbids it here (a container, a system call filter, a security module): run berth "
		       "outside of it, or allow it there";
	case ETIMEDOUT:
		return "the kernel did not answer in time: see dmesg";
	default:
		return otherwise;
	}
}

/* ---- Who asks ---- */

static const struct {
	cap_value_t value;
	bool needed; /* by every container; else only by some options */
	const char *name;
} capabilities[] = {
	{CAP_SYS_ADMIN, true, "CAP_SYS_ADMIN"},
	{CAP_DAC_OVERRIDE, true, "CAP_DAC_OVERRIDE"},
	{CAP_MKNOD, true, "CAP_MKNOD"},
	{CAP_CHOWN, true, "CAP_CHOWN"},
	{CAP_FOWNER, true, "CAP_FOWNER"},
	{CAP_SETUID, false, "CAP_SETUID (--user)"},
	{CAP_SETGID, false, "CAP_SETGID (--user)"},
	{CAP_SYS_CHROOT, false, "CAP_SYS_CHROOT (exec)"},
	{CAP_NET_ADMIN, false, "CAP_NET_ADMIN (--net)"},
	{CAP_SYS_RESOURCE, false, "CAP_SYS_RESOURCE (--rlimit)"},
};

static bool has_capability(cap_t set, cap_value_t value)
{
	cap_flag_value_t held = CAP_CLEAR;
	return set && cap_get_flag(set, value, CAP_EFFECTIVE, &held) == 0 && held == CAP_SET;
}

void check_privilege(struct check *check)
{
	static const char remedy[] = "run this where root has them: a container manager, or capsh, took them away";
	char missing[512] = "";
	bool needed = false;
	cap_t set = cap_get_proc();
	for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++) {
		if (has_capability(set, capabilities[i].value))
			continue;
		needed |= capabilities[i].needed;
		size_t used = strlen(missing);
		snprintf(missing + used, sizeof missing - used, "%s%s", used ? ", " : "", capabilities[i].name);
	}
	check->privileged = geteuid() == 0 && has_capability(set, CAP_SYS_ADMIN);
	cap_free(set);
	if (geteuid() == 0)
		check_tell(check, "root", BERTH_PASS, NULL, "running as root");
	else
		check_tell(check, "root", BERTH_WARN, "run as root for all that berth can: sudo berth ...",
			   "running as user %u, not as root: containers have a user namespace", geteuid());
	if (geteuid() != 0)
		check_skip(check, "capabilities");
	else if (*missing)
		check_tell(check, "capabilities", needed ? BERTH_FAIL : BERTH_WARN, remedy, "root here lacks %s",
			   missing);
	else
		check_tell(check, "capabilities", BERTH_PASS, NULL, "root has all that berth uses");
}

/* ---- A container, from end to end ---- */

enum { LAUNCH_TIMEOUT_MS = 30000 };

/* A command that is on this machine; NULL: none of those that succeed wherever they are. */
static const char *const *launch_command(void)
{
	static const char *const commands[][4] = {
		{"/bin/true", NULL},
		{"/usr/bin/true", NULL},
		{"/bin/sh", "-c", ":", NULL},
		{"/run/current-system/sw/bin/true", NULL},
	};
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (access(commands[i][0], X_OK) == 0)
			return commands[i];
	return NULL;
}

static int launch_and_wait(struct check *check, const struct berth_options *options, struct berth_end *end,
			   struct berth_error *error)
{
	struct berth_container *container;
	int code = berth_launch(check->berth, options, &container, error);
	if (code < 0)
		return code;
	code = berth_container_wait(container, LAUNCH_TIMEOUT_MS, end, error);
	if (code == -ETIMEDOUT) {
		berth_container_kill(container, BERTH_TIMEOUT, NULL);
		code = berth_container_wait(container, LAUNCH_TIMEOUT_MS, end, error);
	}
	berth_container_close(container);
	return code;
}

void check_launch(struct check *check)
{
	static const char name[] = "launch";
	static const char remedy[] = "see what failed above; `berth plan COMMAND` shows each step of a launch";
	const char *const *command = launch_command();
	bool rootless = geteuid() != 0;
	if (!check->privileged && (!rootless || check->berth->state_fd < 0)) {
		check_skip(check, name);
		return;
	}
	if (!command) {
		check_tell(check, name, BERTH_WARN, "try it: berth run COMMAND",
			   "not tried: neither /bin/true nor /bin/sh is here to be run");
		return;
	}
	const struct cgroup_layout *layout = check->berth->layout;
	struct berth_options options = BERTH_OPTIONS_INIT;
	struct berth_end end = BERTH_END_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	options.flags = BERTH_ENV_CLEAR | BERTH_DIE_WITH_THREAD;
	options.name = check->id;
	options.root = "host";
	options.argv = command;
	options.workdir = "/";
	options.stdio = (const int[]){-1, -1, -1};
	options.cgroup_parent = check->id;
	bool limited = !rootless;
	options.resources.cpus = limited && cgroup_layout_version(layout, CGROUP_CPU) ? 0.5 : 0;
	options.resources.memory = limited && cgroup_layout_version(layout, CGROUP_MEMORY) ? 64U << 20 : 0;
	options.resources.pids = limited && cgroup_layout_version(layout, CGROUP_PIDS) ? 64 : 0;
	uint64_t start = now_ns();
	int code = launch_and_wait(check, &options, &end, &error);
	uint64_t took_us = (now_ns() - start) / 1000;
	cgroup_remove_parent(layout, check->id);
	if (code < 0)
		check_tell(check, name, BERTH_FAIL, remedy, "%s", error.text);
	else if (berth_end_status(&end) != 0)
		check_tell(check, name, BERTH_FAIL, remedy, "%s in a container over the host's root: %s", command[0],
			   end.text);
	else
		check_tell(check, name, BERTH_PASS, NULL,
			   "%s ran in a container over the host's root and ended with status 0, in %" PRIu64 ".%" PRIu64
			   " ms",
			   command[0], took_us / 1000, took_us % 1000 / 100);
}

/* ---- All of it ---- */

int berth_check(struct berth *berth, void (*tell)(const struct berth_finding *finding, void *data), void *data,
		struct berth_error *error)
{
	struct error inner = {0};
	if (!berth || !tell) {
		error_set(&inner, EINVAL, "berth_check needs a context and a function to tell");
		return error_export(&inner, error);
	}
	if (context_require_layout(berth, &inner) < 0 || context_require_init(berth, &inner) < 0)
		return error_export(&inner, error);
	/* Where it can't be made, that is among the findings. */
	if (berth->state_fd >= 0)
		context_require_stage(berth, NULL);
	struct check check = {.berth = berth, .tell = tell, .data = data};
	snprintf(check.id, sizeof check.id, "berth-check-%d-%" PRIx64, getpid(), now_ns());
	check_privilege(&check);
	check_machine(&check);
	check_kernel(&check);
	check_namespaces(&check);
	check_userns(&check);
	check_mounts(&check);
	check_cgroups(&check);
	check_launch(&check);
	return check.failures;
}
