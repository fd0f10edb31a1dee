/* SPDX-License-Identifier: Apache-2.0 */
/* One launch, end to end: check, record, cgroups and limits, plan, spawn; and the way back when any of it fails. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/spawn.h"
#include "nsutil/userns.h"
#include "runtime/archive.h"
#include "runtime/compile.h"
#include "runtime/container.h"
#include "runtime/controllers.h"
#include "runtime/devices.h"
#include "runtime/framework.h"
#include "runtime/idmap.h"
#include "runtime/launch.h"
#include "runtime/prepare.h"
#include "runtime/record.h"
#include "runtime/recover.h"
#include "runtime/scale_note.h"
#include "runtime/start.h"
#include "runtime/timing.h"

/* Reserves the name, taking it from what a dead owner left under it. The record, open, or -errno. */
static int reserve(struct berth *berth, const struct spec *spec, const struct record *record, struct error *error)
{
	int file = state_create(berth, spec, record, error);
	if (file == -EEXIST && recover_name(berth, spec->name))
		file = state_create(berth, spec, record, error);
	return file;
}

enum { NEARLY_FULL = 64 << 10 };

/* Makes a death before the exec understandable: nearly always it is the memory limit. */
static int explain_death(const struct berth_container *container, const struct spec *spec, int wait_status,
			 struct error *error)
{
	/* What failed is this process, whose memory is not the container's. */
	if (!wait_status)
		return -error->code;
	struct cgroup_stats stats = {0};
	bool known = container->cgroup && cgroup_read_memory(container->cgroup, &stats, NULL) == 0;
	/* Only what died by itself: after a step that failed, it was spawn that killed it. */
	bool killed = error->code == ECHILD && WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
	/* What execve(2) says when it can't get pages for the arguments, and tmpfs when it gets none for a file; either
	 * may have another cause. */
	bool no_pages = (error->code == E2BIG || error->code == ENOSPC) &&
			stats.memory_peak + NEARLY_FULL >= stats.memory_limit;
	bool out_of_memory = killed || no_pages || error->code == ENOMEM;
	if (!known || !spec->limits.memory || !(stats.oom_kills || out_of_memory))
		return -error->code;
	char limit[32];
	bytes_format(stats.memory_limit, limit, sizeof limit);
	return error_set(error, ENOMEM, "the memory limit of %s is too small for '%s' to start: raise it", limit,
			 spec->argv[0]);
}

/* For init to write to: *fd, or -1 where there is none. */
static int exit_make(const struct berth_container *container, const struct spec *spec, int *fd, struct error *error)
{
	if (spec->flags & BERTH_NO_INIT)
		return 0;
	int made = state_create_exit(container->berth, container->file);
	if (made < 0)
		return error_errno(error, -made, "make a file for the end of container '%s' in %s", spec->name,
				   container->berth->state_root);
	*fd = made;
	return 0;
}

static int spawn_into(struct berth_container *container, const struct spec *spec, const struct plan *plan,
		      uint64_t *times, struct spawned *spawned, struct error *error)
{
	cleanup_userns struct userns userns = USERNS_INIT;
	int code = 0;
	if (spec->userns != USERNS_HOST)
		code = userns_make(&spec->maps, spec_held_namespaces(spec), &userns, error);
	if (code < 0)
		return code;
	cleanup_fd int record_fd = -1;
	code = exit_make(container, spec, &record_fd, error);
	if (code < 0)
		return code;
	struct spawn_options options = {
		.plan = plan,
		/* The filter's calls are to be answered while the child is on its way to the exec. */
		.trusted = spec->flags & BERTH_BARE_ROOT && !(spec->flags & BERTH_SECCOMP_LOG),
		.namespaces = spec_cloned_namespaces(spec),
		.stdio = spec->has_stdio ? spec->stdio : NULL,
		.record_fd = record_fd,
		.namespaces_fd = spec->rootless ? -1 : userns.pidfd,
		.userns_fd = spec->rootless ? -1 : userns.fd,
		.born_in_userns = spec->rootless ? userns.fd : -1,
		.times = times,
	};
	int wait_status = 0;
	const struct cgroup_limits later = cgroup_limits_of(&spec->limits, controllers_later(container->berth, spec));
	code = start_in_cgroup(container->berth, container->cgroup, &later, &options, spawned, &wait_status, error);
	return code < 0 ? explain_death(container, spec, wait_status, error) : 0;
}

/* The same for one that was prepared, and is the container's from here on. */
static int go_on(struct berth_container *container, const struct spec *spec, const struct plan *plan,
		 struct prepared *ready, struct spawned *spawned, struct error *error)
{
	cleanup_fd int record_fd = -1;
	int code = exit_make(container, spec, &record_fd, error);
	if (code < 0)
		return code;
	const struct spawn_options options = {
		.plan = plan,
		.cgroup_into_procs = -1,
		.stdio = spec->has_stdio ? spec->stdio : NULL,
		.record_fd = record_fd,
	};
	int wait_status;
	*spawned = ready->spawned;
	ready->spawned = (struct spawned)SPAWNED_NONE;
	code = spawn_go_on(&options, spawned, &wait_status, error);
	return code < 0 ? explain_death(container, spec, wait_status, error) : 0;
}

/* entry: "NAME=VALUE", checked. */
static int write_cgroup_file(const struct cgroup *cgroup, const char *entry, struct error *error)
{
	cleanup_free char *name = strdup(entry);
	if (!name)
		return error_errno(error, ENOMEM, "write cgroup file %s", entry);
	char *value = strchr(name, '=');
	*value++ = '\0';
	return cgroup_file_write(cgroup, name, value, error);
}

/* The limits of these controllers, and the files given by name. */
static int write_limits(const struct berth_container *container, const struct spec *spec, unsigned int controllers,
			struct error *error)
{
	bool swap = spec->limits.swap;
	const struct cgroup_limits limits = cgroup_limits_of(&spec->limits, controllers);
	int code = cgroup_apply(container->cgroup, &limits, error);
	for (size_t i = 0; code == 0 && spec->cgroup_files && spec->cgroup_files[i]; i++) {
		swap |= scale_note_is_swap(spec->cgroup_files[i]);
		code = write_cgroup_file(container->cgroup, spec->cgroup_files[i], error);
	}
	if (code == 0 && swap && (code = scale_note_make(container->file)) < 0)
		return error_errno(error, -code, "note the limit of swap of container '%s'", spec->name);
	return code;
}

/* Everything behind the reserved name. What it made is in the handle, for the caller to undo. */
static int set_up(struct berth_container *container, const struct spec *spec, const struct plan *plan,
		  struct prepared *ready, struct timing *timing, struct error *error)
{
	struct berth *berth = container->berth;
	int code = spec->root_kind == ROOT_FRAMEWORK ? framework_mount(berth, spec, error) : 0;
	if (code < 0)
		return code;
	if (spec->root_kind == ROOT_FRAMEWORK)
		timing_part(timing, "root");
	if (container->record.controllers) {
		const struct record *record = &container->record;
		/* Of one that was prepared the rules for devices are in force. */
		unsigned int later = ready ? CGROUP_BIT(CGROUP_DEVICES) : controllers_later(berth, spec);
		if (ready)
			container->cgroup = steal_pointer(&ready->cgroup);
		else
			code = cgroup_begin(berth->layout, record->cgroup_parent, record->cgroup_name,
					    record->controllers, later, &container->cgroup, error);
		timing_part(timing, "cgroups");
		if (code == 0)
			code = write_limits(container, spec, ~later, error);
		if (code < 0)
			return code;
		timing_part(timing, "limits");
	}
	struct spawned spawned;
	uint64_t earliest = ready ? ready->earliest : state_ticks_now();
	code = ready ? go_on(container, spec, plan, ready, &spawned, error)
		     : spawn_into(container, spec, plan, timing->steps, &spawned, error);
	if (code < 0)
		return code;
	timing_steps(timing, plan);
	container->pid = spawned.pid;
	container->pidfd = spawned.pidfd;
	container->tty = spawned.tty;
	container->seccomp_log = spawned.listener;
	char fallbacks[512];
	snprintf(fallbacks, sizeof fallbacks, "%s%s%s",
		 spawned.used_clone ? "clone3 is missing: clone was used, and the cgroup entered after it\n" : "",
		 spawned.copied ? "pidfd_getfd is refused: all descriptors of the caller were copied\n" : "",
		 spec->devices_unruled ? devices_fallback : "");
	struct state_process process;
	state_identify(berth, spawned.pidfd, spawned.pid, earliest, &process);
	code = state_write_process(container->file, &process, fallbacks, error);
	timing_part(timing, "note");
	return code;
}

/*
 * What is behind the name in the state: the maps of ids, which the range that is claimed decides, and the plan, which
 * they decide.
 */
static int settle_ids(struct berth_container *container, struct spec *spec, struct plan **plan, struct error *error)
{
	int code = 0;
	if (spec_claims_ids(spec)) {
		code = idmap_resolve(container->berth, spec, container->file, error);
		if (code == 0)
			code = compile_container(container->berth, spec, plan, error);
	}
	if (code < 0 || spec->userns == USERNS_HOST)
		return code;
	char name[STATE_BESIDE_SIZE];
	state_beside_name(container->file, STATE_IDMAP, name);
	code = idmap_write(container->berth->state_fd, name, &spec->maps);
	return code < 0 ? error_errno(error, -code, "record the maps of container '%s'", spec->name) : 0;
}

int launch_check(struct berth *berth, const struct berth_options *options, struct spec *spec, int *archive,
		 struct error *error)
{
	int code = spec_from_options(berth, options, spec, error);
	if (code < 0)
		return code;
	if (geteuid() != berth->uid)
		return error_set(error, EPERM,
				 "user %u can't launch with the context of user %u: open another, or run as root again",
				 geteuid(), berth->uid);
	if (context_require_state(berth, error) < 0 || context_require_stage(berth, error) < 0 ||
	    context_require_layout(berth, error) < 0 || context_require_init(berth, error) < 0)
		return -error->code;
	code = controllers_delegate(berth, spec, true, error);
	if (code == 0)
		code = archive_hold(berth, spec, archive, error);
	return code == 0 ? devices_settle(berth->layout, spec, error) : code;
}

/* One that was prepared for such launches. NULL: none, or there is no memory to note that. */
static struct prepared *prepared_find(struct berth *berth, struct spec *spec, const struct plan *plan,
				      unsigned int controllers)
{
	struct prepared *ready = plan ? prepared_take(berth, spec, plan, controllers) : NULL;
	if (ready && !(spec->cgroup_name = strdup(ready->cgroup_name))) {
		prepared_return(berth, ready);
		return NULL;
	}
	return ready;
}

static int launch(struct berth_container *container, const struct berth_options *options, struct error *error)
{
	struct berth *berth = container->berth;
	cleanup_spec struct spec spec = {0};
	cleanup_timing struct timing timing = {0};
	/* Held until the container is on record, or its framework's root. */
	cleanup_fd int archive = -1;
	cleanup_plan struct plan *plan = NULL;
	timing_start(&timing, options);
	int code = launch_check(berth, options, &spec, &archive, error);
	if (code == 0 && !spec_claims_ids(&spec)) {
		code = idmap_resolve(berth, &spec, -1, error);
		if (code == 0)
			code = compile_container(berth, &spec, &plan, error);
	}
	if (code < 0)
		return code;
	timing_part(&timing, "check");
	unsigned int controllers = controllers_wanted(berth, &spec);
	struct prepared *ready = timing.report ? NULL : prepared_find(berth, &spec, plan, controllers);
	if (record_pack(&spec, berth->layout, controllers, now_ns(), &container->record) < 0)
		container->file = error_errno(error, ENOMEM, "launch");
	else
		container->file = reserve(berth, &spec, &container->record, error);
	if (container->file < 0) {
		prepared_return(berth, ready);
		return container->file;
	}
	container->owner = container->launched = true;
	code = settle_ids(container, &spec, &plan, error);
	if (code == 0 && berth->fail_step)
		plan_inject_failure(plan, berth->fail_step - 1, berth->fail_error);
	if (code == 0 && timing_plan(&timing, plan) < 0)
		code = error_errno(error, ENOMEM, "time the launch");
	timing_part(&timing, "record");
	if (code == 0)
		code = set_up(container, &spec, plan, ready, &timing, error);
	/* The container has what it was. */
	prepared_end(ready);
	if (code == 0) {
		timing_report(&timing);
		return 0;
	}
	/* The cause is what the caller must hear; should the way back fail too, `berth gc` finds what is left. */
	struct error undoing;
	if (container_discard(container, &undoing) < 0)
		error_hint(error, "(and then: %s)", undoing.text);
	return code;
}

int berth_launch(struct berth *berth, const struct berth_options *options, struct berth_container **container,
		 struct berth_error *error)
{
	struct error inner = {0};
	struct berth_container *made = container_new(berth);
	if (!made)
		error_errno(&inner, ENOMEM, "launch");
	if (!made || launch(made, options, &inner) < 0) {
		berth_container_close(made);
		return error_export(&inner, error);
	}
	*container = made;
	return 0;
}
