/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaches for processes and ids that are not its own. Each argument is a verb; results are lines "NAME=RESULT": "ok",
 * or the name of an errno.
 *
 *     pidfd               of the process that descriptor 0 stands for: "signal", "getfd", "setns", "madvise"
 *     signals             SIGUSR1 to all it may signal, to its group and its parent: "everybody", "group", "parent"
 *     maps                another map for itself: "uid-map", "gid-map", "setgroups"; of all ids for a user namespace
 *                         within: "nested-all"; of its own root: "nested"
 *     limits              "max-namespaces": writes /proc/sys/user/max_user_namespaces
 *     seize               until its input ends: traces whatever process comes next; tells "seized=NAME" of each, where
 *                         NAME is what the process was called then
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

enum { TURNS = 64 };

static void tell(const char *name, int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {{0, "ok"},          {EPERM, "EPERM"}, {ENOENT, "ENOENT"}, {EACCES, "EACCES"},
		     {EINVAL, "EINVAL"}, {EROFS, "EROFS"}, {ESRCH, "ESRCH"},   {ENOSYS, "ENOSYS"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].error == error) {
			printf("%s=%s\n", name, names[i].name);
			return;
		}
	printf("%s=errno %d\n", name, error);
}

static void tell_result(const char *name, long result)
{
	tell(name, result < 0 ? errno : 0);
}

static void by_pidfd(void)
{
	static char page[4096];
	struct iovec range = {page, sizeof page};
	tell_result("signal", syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0));
	tell_result("getfd", syscall(SYS_pidfd_getfd, 0, 0, 0));
	tell_result("madvise", syscall(SYS_process_madvise, 0, &range, 1, MADV_COLD, 0));
	fflush(stdout);
	/* It changes what the process is. */
	pid_t pid = fork();
	if (pid == 0)
		_exit(setns(0, CLONE_NEWNS) < 0 ? errno : 0);
	int status = 0;
	waitpid(pid, &status, 0);
	tell("setns", WEXITSTATUS(status));
}

static void signals(void)
{
	signal(SIGUSR1, SIG_IGN);
	tell_result("everybody", kill(-1, SIGUSR1));
	tell_result("group", kill(0, SIGUSR1));
	tell_result("parent", kill(getppid(), SIGUSR1));
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error = fd < 0 || write(fd, text, strlen(text)) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return error;
}

static int map_within(const char *map)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) < 0 ? errno : put("/proc/self/uid_map", map));
	int status = 0;
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void maps(void)
{
	tell("uid-map", put("/proc/self/uid_map", "0 0 4294967295\n"));
	tell("gid-map", put("/proc/self/gid_map", "0 0 4294967295\n"));
	tell("setgroups", put("/proc/self/setgroups", "deny\n"));
	tell("nested-all", map_within("0 0 4294967295\n"));
	tell("nested", map_within("0 0 1\n"));
}

static bool input_has_ended(void)
{
	char byte;
	struct pollfd input = {.fd = 0, .events = POLLIN};
	return poll(&input, 1, 0) > 0 && read(0, &byte, 1) <= 0;
}

static void name_of(pid_t pid, char *name, size_t size)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	FILE *file = fopen(path, "re");
	if (!file || !fgets(name, (int)size, file))
		strcpy(name, "?");
	name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* The last process id that was given, by its PID namespace. proc_loadavg(5) */
static pid_t last_given(int loadavg)
{
	char text[128];
	ssize_t length = pread(loadavg, text, sizeof text - 1, 0);
	text[length > 0 ? length : 0] = '\0';
	const char *last = strrchr(text, ' ');
	return last ? (pid_t)atoi(last) : 0;
}

/* What has been traced is its parent's to reap only once it has been waited for here. */
static void seize(void)
{
	int loadavg = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	pid_t highest = getpid();
	printf("lurking\n");
	while (!input_has_ended()) {
		for (int turn = 0; turn < TURNS; turn++) {
			pid_t pid = last_given(loadavg) + turn % 2;
			if (pid <= highest || ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
				continue;
			char name[32];
			name_of(pid, name, sizeof name);
			printf("seized=%s\n", name);
			highest = pid;
		}
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			;
	}
}

int main(int argc, char **argv)
{
	say_line_by_line();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "pidfd") == 0) {
			by_pidfd();
		} else if (strcmp(argv[i], "signals") == 0) {
			signals();
		} else if (strcmp(argv[i], "maps") == 0) {
			maps();
		} else if (strcmp(argv[i], "limits") == 0) {
			tell("max-namespaces", put("/proc/sys/user/max_user_namespaces", "1\n"));
		} else if (strcmp(argv[i], "seize") == 0) {
			seize();
		} else {
			fprintf(stderr, "reach: unknown verb %s\n", argv[i]);
			return 99;
		}
	}
	return 0;
}
