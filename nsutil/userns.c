/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "nsutil/dumpable.h"

enum { STACK_SIZE = 16 << 10, MAP_SIZE = ID_RANGES_MAX * 36, OUTPUT_SIZE = 400 };

/* ---- The holder ---- */

struct holder {
	int gate;
};

/* In its parent's memory, but not in its descriptors: those that it does not need it must not hold. */
__attribute__((no_sanitize("address", "undefined"))) static int hold(void *argument)
{
	const struct holder *holder = argument;
	unsigned int gate = (unsigned int)holder->gate;
	char byte;
	/*
	 * Nothing here may set errno, which is its parent's thread's: none of these fails, but for a signal, and all
	 * are blocked.
	 */
	if (gate > 0)
		syscall(SYS_close_range, 0, gate - 1, 0);
	syscall(SYS_close_range, gate + 1, ~0U, 0);
	syscall(SYS_read, gate, &byte, 1);
	return 0;
}

static int holder_start(uint64_t namespaces, struct userns *userns, struct error *error)
{
	int pair[2];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return error_errno(error, errno, "make a pipe for a user namespace");
	cleanup_fd int theirs = pair[0];
	userns->gate = pair[1];
	void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return error_errno(error, errno, "make a user namespace");
	userns->stack = stack;
	/* On its own stack, which lives as long as it does. */
	struct holder *holder = stack;
	holder->gate = theirs;
	sigset_t all, saved;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &saved);
	/* No signal at its end: the caller need not know of it. */
	int flags = (int)(CLONE_VM | CLONE_PIDFD | CLONE_NEWUSER | namespaces);
	pid_t pid = clone(hold, (char *)stack + STACK_SIZE, flags, holder, &userns->pidfd);
	int code = pid < 0 ? errno : 0;
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (!code)
		return pid;
	userns->pidfd = -1;
	error_errno(error, code, "make a user namespace");
	if (code == ENOSPC || code == EUSERS)
		error_hint(error, "(no more are allowed here: raise sysctl user.max_user_namespaces)");
	else if (code == EPERM)
		error_hint(error,
			   "(not allowed here: sysctl kernel.unprivileged_userns_clone=1, or "
			   "kernel.apparmor_restrict_unprivileged_userns=0, or a rule of a sandbox around berth)");
	return -code;
}

void userns_release(struct userns *userns)
{
	int saved = errno;
	if (userns->gate >= 0)
		close(userns->gate);
	if (userns->pidfd >= 0) {
		/* A copy of the gate may live in a process that is being cloned elsewhere in the program. */
		syscall(SYS_pidfd_send_signal, userns->pidfd, SIGKILL, NULL, 0);
		siginfo_t info;
		while (waitid(P_PIDFD, (id_t)userns->pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
			;
		close(userns->pidfd);
	}
	if (userns->fd >= 0)
		close(userns->fd);
	if (userns->stack)
		munmap(userns->stack, STACK_SIZE);
	*userns = (struct userns)USERNS_INIT;
	errno = saved;
}

/* ---- Maps ---- */

static int file_of_holder(pid_t pid, const char *file, const char *text)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	return file_write(AT_FDCWD, path, text);
}

static int write_error(const char *file, int code, struct error *error)
{
	error_errno(error, code, "write the %s of a user namespace", file);
	if (code == EACCES)
		error_hint(error,
			   "(a process that has changed its user, or set PR_SET_DUMPABLE to 0, may not: prctl(2))");
	return -code;
}

static int map_write(pid_t pid, const char *file, const struct id_map *map, struct error *error)
{
	char text[MAP_SIZE];
	int code = id_map_format(map, "", text, sizeof text);
	if (code >= 0)
		code = file_of_holder(pid, file, text);
	return code < 0 ? write_error(file, -code, error) : 0;
}

static const char *helper_find(const char *name, char *path, size_t size)
{
	static const char *const directories[] = {"/usr/bin", "/bin", "/usr/local/bin"};
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
		snprintf(path, size, "%s/%s", directories[i], name);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

bool userns_has_helpers(void)
{
	char path[64];
	return helper_find("newuidmap", path, sizeof path) && helper_find("newgidmap", path, sizeof path);
}

/* What the program said, on one line. */
static void output_read(int fd, char output[OUTPUT_SIZE])
{
	size_t used = 0;
	ssize_t got;
	while (used < OUTPUT_SIZE - 1 && (got = read(fd, output + used, OUTPUT_SIZE - 1 - used)) > 0)
		used += (size_t)got;
	output[used] = '\0';
	while (used > 0 && output[used - 1] == '\n')
		output[--used] = '\0';
	for (char *c = output; *c; c++)
		if (*c == '\n')
			*c = ' ';
}

/* Runs the program with its output and errors on out. 0 or a positive errno. */
static int helper_spawn(char *const *argv, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int code = posix_spawn_file_actions_init(&actions);
	if (code)
		return code;
	static char *const environment[] = {NULL};
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, out, 2);
	code = posix_spawn(pid, argv[0], &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	return code;
}

static bool map_is_written(pid_t holder, const char *file)
{
	char path[64], text[MAP_SIZE];
	snprintf(path, sizeof path, "/proc/%d/%s", holder, file);
	return file_read(AT_FDCWD, path, text, sizeof text) > 0;
}

static int helper_run(const char *name, pid_t holder, const char *file, const struct id_map *map, struct error *error)
{
	char path[64], numbers[1 + 3 * ID_RANGES_MAX][12], output[OUTPUT_SIZE];
	char *argv[3 + 3 * ID_RANGES_MAX];
	size_t n = 0;
	if (!helper_find(name, path, sizeof path))
		return error_set(error, ENOENT,
				 "%s is not installed, which maps more ids than the user's own: Debian's "
				 "package uidmap has it",
				 name);
	argv[n++] = path;
	snprintf(numbers[0], sizeof *numbers, "%d", holder);
	argv[n++] = numbers[0];
	for (size_t i = 0; i < map->count; i++) {
		const uint32_t values[] = {map->ranges[i].inside, map->ranges[i].outside, map->ranges[i].length};
		for (size_t j = 0; j < 3; j++, n++) {
			snprintf(numbers[n - 1], sizeof *numbers, "%u", values[j]);
			argv[n] = numbers[n - 1];
		}
	}
	argv[n] = NULL;
	int pair[2];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return error_errno(error, errno, "make a pipe to hear from %s", name);
	cleanup_fd int ours = pair[0], theirs = pair[1];
	pid_t pid;
	int code = helper_spawn(argv, theirs, &pid);
	if (code)
		return error_errno(error, code, "execute %s", path);
	close(steal_fd(&theirs));
	output_read(ours, output);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	/* Its exit status may have gone to a caller that ignores SIGCHLD. What it did is to be seen. */
	if (!map_is_written(holder, file))
		return error_set(error, EPERM, "%s%s", output[0] ? output : name, output[0] ? "" : " has failed");
	return 0;
}

static bool is_self(const struct id_map *map, uint32_t id)
{
	return map->count == 1 && map->ranges[0].length == 1 && map->ranges[0].outside == id;
}

static int maps_write(pid_t holder, const struct id_maps *maps, struct userns *userns, struct error *error)
{
	bool root = geteuid() == 0;
	if (!root && !(is_self(&maps->uids, geteuid()) && is_self(&maps->gids, getegid()))) {
		int code = helper_run("newuidmap", holder, "uid_map", &maps->uids, error);
		return code < 0 ? code : helper_run("newgidmap", holder, "gid_map", &maps->gids, error);
	}
	/* Who could leave a group might get at what the group is kept from. user_namespaces(7) */
	int code = root ? 0 : file_of_holder(holder, "setgroups", "deny");
	if (code < 0)
		return write_error("setgroups", -code, error);
	userns->no_groups = !root;
	code = map_write(holder, "uid_map", &maps->uids, error);
	return code < 0 ? code : map_write(holder, "gid_map", &maps->gids, error);
}

int userns_make(const struct id_maps *maps, uint64_t namespaces, struct userns *userns, struct error *error)
{
	*userns = (struct userns)USERNS_INIT;
	bool root = geteuid() == 0;
	int holder = holder_start(namespaces, userns, error);
	/* The holder has this process's memory, and its files in /proc are root's while that is not dumpable. */
	if (!root)
		dumpable_require();
	int code = holder < 0 ? holder : maps_write(holder, maps, userns, error);
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/ns/user", holder);
	if (code == 0 && (userns->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		code = error_errno(error, errno, "open the user namespace");
	if (!root)
		dumpable_done();
	if (code < 0)
		userns_release(userns);
	return code;
}
