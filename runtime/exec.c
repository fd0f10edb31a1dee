/* SPDX-License-Identifier: Apache-2.0 */
/* One more command in a container that runs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "nsutil/spawn.h"
#include "runtime/compile.h"
#include "runtime/container.h"
#include "runtime/idmap.h"
#include "runtime/start.h"
#include "runtime/stdio.h"
#include "runtime/users.h"

struct berth_process {
	int pidfd;
	int tty;
};

enum { KNOWN_FLAGS = BERTH_TTY | BERTH_ENV_CLEAR | BERTH_DIE_WITH_THREAD };

/* The environment the container was launched with: NUL-terminated strings, one behind the other. */
static int container_environment(const struct berth_container *container, char ***environment)
{
	cleanup_free char *bytes = NULL;
	ssize_t size = state_read_environment(container->file, &bytes);
	if (size < 0)
		return (int)size;
	size_t count = 0;
	for (ssize_t i = 0; i < size; i++)
		count += bytes[i] == '\0';
	cleanup_strings char **strings = calloc(count + 1, sizeof *strings);
	const char *next = bytes;
	for (size_t i = 0; strings && i < count; i++, next += strlen(next) + 1)
		if (!(strings[i] = strdup(next)))
			return -ENOMEM;
	*environment = steal_pointer(&strings);
	return *environment ? 0 : -ENOMEM;
}

static int no_memory(struct error *error)
{
	return error_errno(error, ENOMEM, "take in the options");
}

static int spec_from_exec_options(const struct berth_container *container, const struct berth_exec_options *options,
				  struct spec *spec, struct error *error)
{
	const struct record *record = &container->record;
	if (options->flags & ~(unsigned int)KNOWN_FLAGS)
		return error_set(error, EINVAL, "flags %#x are not for berth_container_exec",
				 options->flags & ~(unsigned int)KNOWN_FLAGS);
	if (!options->argv || !options->argv[0] || !*options->argv[0])
		return error_set(error, EINVAL, "no command was given");
	if (options->workdir && options->workdir[0] != '/')
		return error_set(error, EINVAL, "working directory '%s' must be an absolute path", options->workdir);
	int code = options->flags & BERTH_TTY ? 0 : stdio_check(options->stdio, error);
	if (code < 0)
		return code;
	cleanup_strings char **inherited = NULL;
	code = options->flags & BERTH_ENV_CLEAR ? 0 : container_environment(container, &inherited);
	if (code < 0)
		return error_errno(error, -code, "read the environment of container '%s'", record->name);
	const char *user = options->user ? options->user : record->user;
	/* What it may become is the container's, not the caller's, to say. */
	spec->flags = options->flags | (record->flags & BERTH_NEW_PRIVILEGES);
	spec->tty_rows = options->tty_rows ? options->tty_rows : 24;
	spec->tty_columns = options->tty_columns ? options->tty_columns : 80;
	spec->argv = strings_copy(options->argv);
	spec->env = environment_merge(inherited, options->env, options->flags & BERTH_TTY);
	spec->workdir = strdup(options->workdir ? options->workdir : record->workdir);
	spec->user = user ? strdup(user) : NULL;
	spec->capabilities = record->capabilities;
	spec->ambient = record->ambient;
	spec->oom_score_adj = record->oom_score_adj;
	spec->sets_oom_score = record->oom_score_adj != oom_score_own();
	spec->userns = record->namespaces & CLONE_NEWUSER ? USERNS_MAPS : USERNS_HOST;
	spec->rootless = geteuid() != 0;
	if (spec->userns == USERNS_MAPS &&
	    (code = idmap_of_container(container->berth, container->file, &spec->maps)) < 0)
		return error_errno(error, -code, "read the maps of container '%s'", record->name);
	if (!spec->argv || !spec->env || !spec->workdir || (user && !spec->user))
		return no_memory(error);
	char filter[STATE_BESIDE_SIZE];
	state_beside_name(container->file, STATE_SECCOMP, filter);
	if (seccomp_choice_load(container->berth->state_fd, filter, record->seccomp, &spec->seccomp, error) < 0)
		return -error->code;
	/* As the container sees it now, not as it was made. */
	char root[32];
	snprintf(root, sizeof root, "/proc/%d/root", container->pid);
	if (users_resolve(root, spec->user, &spec->uid, &spec->gid, &spec->groups, &spec->n_groups, error) < 0)
		return -error->code;
	return spec->userns == USERNS_HOST ? 0 : idmap_check_user(&spec->maps, spec, error);
}

static int process_start(struct berth_container *container, const struct berth_exec_options *given,
			 struct berth_process *process, struct error *error)
{
	struct berth_exec_options options;
	int code = struct_import(&options, sizeof options, given, error, "berth_exec_options");
	if (code < 0)
		return code;
	if (!container_is_running(container))
		return error_set(error, ESRCH, "container '%s' has ended", container->record.name);
	code = context_require_init(container->berth, error);
	if (code < 0)
		return code;
	cleanup_spec struct spec spec = {0};
	cleanup_plan struct plan *plan = NULL;
	if (spec_from_exec_options(container, &options, &spec, error) < 0 ||
	    compile_exec(&spec, container->record.namespaces, &plan, error) < 0)
		return -error->code;
	struct spawn_options spawn_options = {
		.plan = plan,
		.stdio = options.flags & BERTH_TTY ? (const int[]){-1, -1, -1} : options.stdio,
		.record_fd = -1,
		.namespaces_fd = container->pidfd,
		.userns_fd = -1,
		.born_in_userns = -1,
	};
	struct spawned spawned;
	int wait_status;
	code = start_in_cgroup(container->berth, container->cgroup, NULL, &spawn_options, &spawned, &wait_status,
			       error);
	if (code < 0)
		return code;
	process->pidfd = spawned.pidfd;
	process->tty = spawned.tty;
	return 0;
}

int berth_container_exec(struct berth_container *container, const struct berth_exec_options *options,
			 struct berth_process **process, struct berth_error *error)
{
	struct error inner = {0};
	cleanup_free struct berth_process *started = calloc(1, sizeof *started);
	if (!started)
		no_memory(&inner);
	if (!started || process_start(container, options, started, &inner) < 0)
		return error_export(&inner, error);
	*process = steal_pointer(&started);
	return 0;
}

int berth_process_pidfd(const struct berth_process *process)
{
	return process->pidfd;
}

int berth_process_tty(const struct berth_process *process)
{
	return process->tty;
}

int berth_process_signal(struct berth_process *process, int signal, struct berth_error *error)
{
	struct error inner = {0};
	int code = signal < 1 || signal > 64 ? -EINVAL : spawned_signal(process->pidfd, signal);
	if (code == 0)
		return 0;
	error_errno(&inner, -code, "send signal %d to the command", signal);
	return error_export(&inner, error);
}

int berth_process_wait(struct berth_process *process, int timeout_ms, int *status, struct berth_error *error)
{
	struct error inner = {0};
	struct pollfd ended = {.fd = process->pidfd, .events = POLLIN};
	int ready;
	do
		ready = poll(&ended, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	if (ready == 0) {
		error_set(&inner, ETIMEDOUT, "the command is still running");
		return error_export(&inner, error);
	}
	int code = spawned_reap(process->pidfd, status);
	if (code == 0)
		return 0;
	error_errno(&inner, -code, "wait for the command");
	return error_export(&inner, error);
}

void berth_process_close(struct berth_process *process)
{
	if (!process)
		return;
	close(process->pidfd);
	if (process->tty >= 0)
		close(process->tty);
	free(process);
}
