/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers made ahead of their launch. What depends on the command comes last in a plan, so all before that can have
 * been done: a process waits in its namespaces, root and cgroups, and whether it suits a launch is told by comparing
 * the plans. It is on no record, for it is nobody's container yet; its socket is this process's alone, so it ends with
 * it, and its cgroup directories are left for berth_collect then.
 */
#include "runtime/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/compile.h"
#include "runtime/controllers.h"
#include "runtime/framework.h"
#include "runtime/launch.h"
#include "runtime/start.h"
#include "runtime/state.h"

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U /* Linux 6.8 */
#endif

enum { END_TIMEOUT_MS = 30000 };

/* What tells a file or directory of the host, and the mount it is on, from another at the same path. All zero: none. */
struct prepared_source {
	uint64_t mount, inode;
	int64_t born_s;
	uint32_t born_ns, major, minor;
};

static void source_look(const char *path, struct prepared_source *source)
{
	struct statx status;
	*source = (struct prepared_source){0};
	if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME | STATX_MNT_ID_UNIQUE, &status) < 0)
		return;
	/* Kernels that don't know the unique one give none for that, and numbers that are used again for this. */
	if (!(status.stx_mask & STATX_MNT_ID_UNIQUE) &&
	    statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME | STATX_MNT_ID, &status) < 0)
		return;
	source->mount = status.stx_mnt_id;
	source->inode = status.stx_ino;
	source->born_s = status.stx_btime.tv_sec;
	source->born_ns = status.stx_btime.tv_nsec;
	source->major = status.stx_dev_major;
	source->minor = status.stx_dev_minor;
}

/* The root's directory, and what is bound. Their number; *sources is malloc'ed, or NULL without memory. */
static size_t sources_look(const struct spec *spec, const struct plan_view *plan, struct prepared_source **sources)
{
	size_t count = 1;
	*sources = calloc(1 + plan_sources(plan), sizeof **sources);
	if (!*sources)
		return 0;
	if (spec->root_directory)
		source_look(spec->root_directory, &(*sources)[0]);
	for (uint32_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].op == PLAN_BIND || plan->steps[i].op == PLAN_DEVICE)
			source_look(plan->strings + plan->steps[i].text, &(*sources)[count++]);
	return count;
}

/* ---- Ending ---- */

void prepared_end(struct prepared *prepared)
{
	int status;
	struct error ignored;
	if (!prepared)
		return;
	bool own = prepared->maker == getpid();
	if (prepared->spawned.waiting >= 0)
		close(prepared->spawned.waiting);
	if (prepared->spawned.pidfd >= 0 && !own)
		close(prepared->spawned.pidfd);
	if (prepared->spawned.pidfd >= 0 && own) {
		pidfd_send_signal(prepared->spawned.pidfd, SIGKILL, NULL, 0);
		spawned_reap(prepared->spawned.pidfd, &status);
		close(prepared->spawned.pidfd);
	}
	/* What can't be removed is left for berth_collect. */
	if (prepared->cgroup && own)
		cgroup_destroy(prepared->cgroup, END_TIMEOUT_MS, &ignored);
	cgroup_free(prepared->cgroup);
	plan_free(prepared->plan);
	free(prepared->cgroup_parent);
	free(prepared->cgroup_name);
	free(prepared->rules);
	free(prepared->sources);
	free(prepared);
}

void prepared_end_all(struct berth *berth)
{
	while (berth->prepared) {
		struct prepared *first = berth->prepared;
		berth->prepared = first->next;
		prepared_end(first);
	}
}

static inline void cleanup_prepared_(struct prepared **prepared)
{
	prepared_end(*prepared);
}
#define cleanup_prepared __attribute__((cleanup(cleanup_prepared_)))

bool prepared_is_left(const char *name)
{
	pid_t maker;
	return sscanf(name, "%*[^+]+%d+", &maker) == 1 && kill(maker, 0) < 0 && errno == ESRCH;
}

/* ---- Which suits ---- */

static bool rules_are(const struct prepared *prepared, const struct cgroup_limits *limits)
{
	if (prepared->n_rules != limits->n_devices)
		return false;
	for (size_t i = 0; i < limits->n_devices; i++) {
		const struct cgroup_device_rule *a = &prepared->rules[i], *b = &limits->devices[i];
		if (a->allow != b->allow || a->type != b->type || a->major != b->major || a->minor != b->minor ||
		    a->access != b->access)
			return false;
	}
	return true;
}

static bool suits(const struct prepared *prepared, const struct spec *spec, const struct plan *plan,
		  unsigned int controllers)
{
	return prepared->maker == getpid() && prepared->controllers == controllers &&
	       prepared->namespaces == spec_cloned_namespaces(spec) &&
	       strcmp(prepared->cgroup_parent, spec->cgroup_parent) == 0 && rules_are(prepared, &spec->limits) &&
	       plan_continues(plan, prepared->plan);
}

/* Whether it is alive, and what it shows of the host is still what is there. */
static bool is_good(const struct prepared *prepared, const struct spec *spec)
{
	struct pollfd ended = {.fd = prepared->spawned.pidfd, .events = POLLIN};
	struct plan_view view;
	struct error ignored;
	if (poll(&ended, 1, 0) != 0 || plan_view(prepared->plan, &view, &ignored) < 0)
		return false;
	cleanup_free struct prepared_source *sources = NULL;
	size_t count = sources_look(spec, &view, &sources);
	return count == prepared->n_sources && memcmp(sources, prepared->sources, count * sizeof *sources) == 0;
}

static struct prepared *take_any(struct berth *berth, const struct spec *spec, const struct plan *plan,
				 unsigned int controllers)
{
	pthread_mutex_lock(&berth->lock);
	struct prepared **at = &berth->prepared;
	while (*at && !suits(*at, spec, plan, controllers))
		at = &(*at)->next;
	struct prepared *found = *at;
	if (found)
		*at = found->next;
	pthread_mutex_unlock(&berth->lock);
	return found;
}

struct prepared *prepared_take(struct berth *berth, const struct spec *spec, const struct plan *plan,
			       unsigned int controllers)
{
	struct prepared *found;
	while ((found = take_any(berth, spec, plan, controllers)) && !is_good(found, spec))
		prepared_end(found);
	return found;
}

void prepared_return(struct berth *berth, struct prepared *prepared)
{
	if (!prepared)
		return;
	pthread_mutex_lock(&berth->lock);
	prepared->next = berth->prepared;
	berth->prepared = prepared;
	pthread_mutex_unlock(&berth->lock);
}

/* Ends those that are no good any more, or are too many. Returns how many there are then. */
static size_t weed(struct berth *berth, const struct spec *spec, const struct plan *plan, unsigned int controllers,
		   size_t most)
{
	struct prepared *kept = NULL, *one;
	size_t count = 0;
	while ((one = prepared_take(berth, spec, plan, controllers))) {
		if (count == most) {
			prepared_end(one);
			continue;
		}
		one->next = kept;
		kept = one;
		count++;
	}
	while ((one = kept)) {
		kept = one->next;
		prepared_return(berth, one);
	}
	return count;
}

/* ---- Making ---- */

static int process_make(struct berth *berth, const struct cgroup_limits *later, struct prepared *made,
			struct error *error)
{
	struct spawn_options options = {
		.plan = made->plan,
		.namespaces = made->namespaces,
		.stdio = (const int[]){-1, -1, -1},
		.record_fd = -1,
		.namespaces_fd = -1,
		.userns_fd = -1,
		.born_in_userns = -1,
	};
	int wait_status;
	made->earliest = state_ticks_now();
	return start_in_cgroup(berth, made->cgroup, later, &options, &made->spawned, &wait_status, error);
}

static int no_memory(struct error *error)
{
	return error_errno(error, ENOMEM, "prepare a container");
}

/* What the spec asks for, but for the limits: those a launch has. */
static int make(struct berth *berth, const struct spec *spec, size_t number, struct prepared *made, struct error *error)
{
	char name[NAME_ENCODED_SIZE];
	struct plan_view view;
	spec_cgroup_name(spec, name);
	made->maker = getpid();
	made->spawned = (struct spawned)SPAWNED_NONE;
	made->namespaces = spec_cloned_namespaces(spec);
	made->controllers = controllers_wanted(berth, spec);
	made->cgroup_parent = strdup(spec->cgroup_parent);
	/* No container's name is encoded with a plus. */
	if (asprintf(&made->cgroup_name, "%s+%d+%zu", name, getpid(), number) < 0)
		made->cgroup_name = NULL;
	made->n_rules = spec->limits.n_devices;
	made->rules = calloc(made->n_rules + 1, sizeof *made->rules);
	if (!made->cgroup_parent || !made->cgroup_name || !made->rules)
		return no_memory(error);
	if (made->n_rules)
		memcpy(made->rules, spec->limits.devices, made->n_rules * sizeof *made->rules);
	if ((spec->root_kind == ROOT_FRAMEWORK && framework_mount(berth, spec, error) < 0) ||
	    compile_waiting(berth, spec, &made->plan, error) < 0 || plan_view(made->plan, &view, error) < 0)
		return -error->code;
	made->n_sources = sources_look(spec, &view, &made->sources);
	if (!made->sources)
		return no_memory(error);
	const struct cgroup_limits rules = {.devices = made->rules, .n_devices = made->n_rules};
	unsigned int later = controllers_later(berth, spec);
	const struct cgroup_limits rules_now = cgroup_limits_of(&rules, ~later);
	const struct cgroup_limits rules_later = cgroup_limits_of(&rules, later);
	if (made->controllers && (cgroup_begin(berth->layout, made->cgroup_parent, made->cgroup_name, made->controllers,
					       later, &made->cgroup, error) < 0 ||
				  cgroup_apply(made->cgroup, &rules_now, error) < 0))
		return -error->code;
	return process_make(berth, &rules_later, made, error);
}

/* A range of ids, and the thread to die with, are known at the launch alone. */
static int preparable(const struct spec *spec, struct error *error)
{
	if (spec->userns != USERNS_HOST)
		return error_set(error, ENOTSUP, "containers with a user namespace can't be prepared");
	if (spec->flags & BERTH_DIE_WITH_THREAD)
		return error_set(error, ENOTSUP,
				 "a container that is to die with the thread that launches it can't be "
				 "prepared");
	return 0;
}

static int add(struct berth *berth, const struct spec *spec, size_t number, struct error *error)
{
	cleanup_prepared struct prepared *made = calloc(1, sizeof *made);
	if (!made)
		return no_memory(error);
	int code = make(berth, spec, number, made, error);
	if (code == 0)
		prepared_return(berth, steal_pointer(&made));
	return code;
}

static int prepare(struct berth *berth, const struct berth_options *given, size_t count, struct error *error)
{
	static const char *const no_command[] = {"-", NULL};
	struct berth_options options;
	int code = struct_import(&options, sizeof options, given, error, "berth_options");
	if (code < 0)
		return code;
	options.size = sizeof options;
	options.name = NULL;
	if (!options.argv)
		options.argv = no_command;
	cleanup_spec struct spec spec = {0};
	cleanup_plan struct plan *plan = NULL;
	cleanup_fd int archive = -1;
	code = launch_check(berth, &options, &spec, &archive, error);
	if (code == 0)
		code = preparable(&spec, error);
	if (code == 0)
		code = compile_waiting(berth, &spec, &plan, error);
	if (code < 0)
		return code;
	size_t ready = weed(berth, &spec, plan, controllers_wanted(berth, &spec), count);
	for (; code == 0 && ready < count; ready++)
		code = add(berth, &spec, ready, error);
	return code;
}

int berth_prepare(struct berth *berth, const struct berth_options *options, size_t count, struct berth_error *error)
{
	struct error inner = {0};
	return prepare(berth, options, count, &inner) < 0 ? error_export(&inner, error) : 0;
}
