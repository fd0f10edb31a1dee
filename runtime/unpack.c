/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/init_image.h"

/* unpack_image.S */
extern const unsigned char unpack_image_start[] __attribute__((visibility("hidden")));
extern const unsigned char unpack_image_end[] __attribute__((visibility("hidden")));

enum { FIRST_FREE = 4 }; /* above what the program is given: 0 to 3 */

/* Out of the way of the numbers that the program's descriptors get. */
static int move_up(int fd)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
	return moved < 0 ? -errno : moved;
}

static int start(int image, int file, int directory, int report, pid_t *pid)
{
	char program[32], name[] = "berth-unpack";
	snprintf(program, sizeof program, "/proc/self/fd/%d", image);
	char *const argv[] = {name, NULL}, *const environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	int code = posix_spawn_file_actions_init(&actions);
	if (code == 0 && (code = posix_spawnattr_init(&attributes)) != 0)
		posix_spawn_file_actions_destroy(&actions);
	if (code != 0)
		return -code;
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if ((code = posix_spawn_file_actions_adddup2(&actions, file, 0)) == 0 &&
	    (code = posix_spawn_file_actions_adddup2(&actions, report, 1)) == 0 &&
	    (code = posix_spawn_file_actions_adddup2(&actions, report, 2)) == 0 &&
	    (code = posix_spawn_file_actions_adddup2(&actions, directory, 3)) == 0)
		code = posix_spawn(pid, program, &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -code;
}

/* All that it says until it ends, the beginning of it kept. */
static void listen_to(int fd, char *text, size_t size)
{
	char rest[512];
	size_t used = 0;
	for (ssize_t got = 1; got > 0 || (got < 0 && errno == EINTR);) {
		bool full = used + 1 >= size;
		got = read(fd, full ? rest : text + used, full ? sizeof rest : size - used - 1);
		used += got > 0 && !full ? (size_t)got : 0;
	}
	text[used] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

int unpack(int file, int directory, struct error *error)
{
	cleanup_fd int image = image_open("berth-unpack", unpack_image_start, unpack_image_end, error);
	if (image < 0)
		return image;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(error, errno, "make a pipe");
	cleanup_fd int hear = ends[0];
	cleanup_fd int said = ends[1];
	cleanup_fd int from = move_up(file);
	cleanup_fd int into = move_up(directory);
	cleanup_fd int report = move_up(said);
	cleanup_fd int program = move_up(image);
	pid_t pid;
	int code = from < 0 ? from : into < 0 ? into : report < 0 ? report : program < 0 ? program : 0;
	if (code == 0)
		code = start(program, from, into, report, &pid);
	if (code < 0)
		return error_errno(error, -code, "start what unpacks it");
	close(steal_fd(&said));
	close(steal_fd(&report));
	char text[512];
	listen_to(hear, text, sizeof text);
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_errno(error, errno, "wait for what unpacks it");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return error_set(error, EIO, "what unpacks it was killed by signal %d", WTERMSIG(status));
	return error_set(error, EINVAL, "%s", *text ? text : "it failed without a word");
}
