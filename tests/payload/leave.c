/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for ways out of its root, and at what lies below what covers. Each argument is a verb; of each way it tells in
 * a line "NAME=RESULT": "ok" where it led to the secret, else the name of an errno.
 *
 *     own-users           what follows is done in a user and a mount namespace of its own, with all capabilities there
 *
 *     return SECRET       a file of the host's, by its path there: "dotdot" beyond the root; "descriptor" of the root
 *                         kept while another is taken; "setns" into its own mount namespace, whose root is then its
 *                         own; "umount" of the root, then the same; "pivot" to another root, with the old one below;
 *                         "move" of the root to a directory
 *
 *     covers              "covers=N" mounts below /proc and /sys, of which "uncovered=N" could be taken away and
 *                         "opened=N" made writable
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

enum { PATH_SIZE = 4096, LINES_MOST = 64 };

static const char *secret;

static void tell(const char *name, int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {{0, "ok"},          {EPERM, "EPERM"},   {ENOENT, "ENOENT"}, {EACCES, "EACCES"},
		     {EINVAL, "EINVAL"}, {ENOSYS, "ENOSYS"}, {EBUSY, "EBUSY"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].error == error) {
			printf("%s=%s\n", name, names[i].name);
			return;
		}
	printf("%s=errno %d\n", name, error);
}

/* Runs a way in a child, since it changes what the process is; its result is an errno. */
static int apart(int (*way)(void))
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(way());
	int status;
	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int look(const char *below)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s%s", below, secret);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return error;
}

static int look_upwards(void)
{
	char up[256] = "";
	int error = ENOENT;
	for (int i = 0; i < 64 && error; i++) {
		error = look(*up ? up : ".");
		strcat(up, *up ? "/.." : "..");
	}
	return error;
}

/* What was mounted over the root and not taken away lies there. pivot_root(2), NOTES */
static int by_dotdot(void)
{
	return chdir("/") < 0 ? errno : look_upwards();
}

static int by_descriptor(void)
{
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdir("/tmp/leave", 0755);
	if (root < 0 || chroot("/tmp/leave") < 0 || fchdir(root) < 0)
		return errno;
	return look_upwards();
}

/* Its root becomes that of the namespace. setns(2) */
static int by_setns(void)
{
	int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(own, CLONE_NEWNS) < 0)
		return errno;
	return look("");
}

/* In a copy of the mounts where that can be had: one way takes from the next what it looks for. */
static int by_umount(void)
{
	unshare(CLONE_NEWNS);
	int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (umount2("/", MNT_DETACH) < 0)
		return errno;
	int error = look("");
	return error && setns(own, CLONE_NEWNS) == 0 ? look("") : error;
}

static int by_pivot(void)
{
	unshare(CLONE_NEWNS);
	mkdir("/tmp/leave", 0755);
	if (mount("leave", "/tmp/leave", "tmpfs", 0, NULL) < 0 || mkdir("/tmp/leave/old", 0755) < 0 ||
	    syscall(SYS_pivot_root, "/tmp/leave", "/tmp/leave/old") < 0 || chdir("/old") < 0)
		return errno;
	int error = look("/old");
	if (error)
		error = look_upwards();
	if (!error || umount2("/old", MNT_DETACH) < 0)
		return error;
	return look("");
}

static int by_move(void)
{
	unshare(CLONE_NEWNS);
	int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	mkdir("/tmp/leave", 0755);
	if (mount("leave", "/tmp/leave", "tmpfs", 0, NULL) < 0 || mount("/", "/tmp/leave", NULL, MS_MOVE, NULL) < 0)
		return errno;
	return setns(own, CLONE_NEWNS) < 0 ? errno : look("");
}

static void way_back(const char *path)
{
	secret = path;
	tell("dotdot", apart(by_dotdot));
	tell("descriptor", apart(by_descriptor));
	tell("setns", apart(by_setns));
	tell("umount", apart(by_umount));
	tell("pivot", apart(by_pivot));
	tell("move", apart(by_move));
}

/* With the one id it has. user_namespaces(7) */
static int own_users(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return errno;
	int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, "0 0 1", 5) != 5 ? errno : 0;
}

/* ---- What covers ---- */

static char points[LINES_MOST][256];

static size_t covers_list(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	static char line[65536];
	size_t count = 0;
	while (file && count < LINES_MOST && fgets(line, sizeof line, file))
		if (sscanf(line, "%*d %*d %*s %*s %255s", points[count]) == 1 &&
		    (strncmp(points[count], "/proc/", 6) == 0 || strncmp(points[count], "/sys/", 5) == 0))
			count++;
	if (file)
		fclose(file);
	return count;
}

static const char *point;

static int open_up(void)
{
	return mount(NULL, point, NULL, MS_REMOUNT | MS_BIND, NULL) < 0 ? errno : 0;
}

static int take_away(void)
{
	return umount2(point, MNT_DETACH) < 0 ? errno : 0;
}

static void covers(void)
{
	size_t count = covers_list(), opened = 0, uncovered = 0;
	for (size_t i = 0; i < count; i++) {
		point = points[i];
		opened += apart(open_up) == 0;
	}
	/* The last first: one may lie upon another. */
	for (size_t i = count; i > 0; i--) {
		point = points[i - 1];
		uncovered += apart(take_away) == 0;
	}
	printf("covers=%zu\nopened=%zu\nuncovered=%zu\n", count, opened, uncovered);
}

int main(int argc, char **argv)
{
	say_line_by_line();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "return") == 0 && i + 1 < argc) {
			way_back(argv[++i]);
		} else if (strcmp(argv[i], "covers") == 0) {
			covers();
		} else if (strcmp(argv[i], "own-users") == 0) {
			tell("own-users", own_users());
		} else {
			fprintf(stderr, "leave: unknown verb %s\n", argv[i]);
			return 99;
		}
	}
	return 0;
}
