/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a slave runs in an executor's container: makes and enters the work directory, opens stdout and stderr there,
 * fetches the executor by a plain copy, becomes the framework's user, runs the command and waits for it; then calls
 * lxc-stop on its own container, from inside. Ends with 3N when the environment is not what the slave set.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

static const char *wanted(const char *variable, int status)
{
	const char *value = getenv(variable);
	if (value)
		return value;
	fprintf(stderr, "launcher: %s is not set\n", variable);
	exit(status);
}

static void fail(const char *what)
{
	fprintf(stderr, "launcher: %s: %s\n", what, strerror(errno));
	exit(39);
}

static void directory_make(const char *path)
{
	char copy[4096];
	snprintf(copy, sizeof copy, "%s", path);
	for (char *end = copy; (end = strchr(end + 1, '/')); *end = '/') {
		*end = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			fail(copy);
	}
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		fail(path);
}

static void redirect(const char *name, int to)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (fd < 0 || dup2(fd, to) < 0)
		fail(name);
	close(fd);
}

static void fetch(const char *uri)
{
	char copy[4096], block[65536];
	snprintf(copy, sizeof copy, "%s", uri);
	int from = open(uri, O_RDONLY | O_CLOEXEC), to = open(basename(copy), O_WRONLY | O_CREAT | O_EXCL, 0755);
	if (from < 0 || to < 0)
		fail(uri);
	for (ssize_t n; (n = read(from, block, sizeof block)) > 0;)
		if (write(to, block, (size_t)n) != n)
			fail(uri);
	close(from);
	close(to);
}

static void become(const char *name)
{
	const struct passwd *user = getpwnam(name);
	if (!user || chown(".", user->pw_uid, user->pw_gid) < 0 || initgroups(name, user->pw_gid) < 0 ||
	    setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
		fail(name);
}

int main(void)
{
	const char *directory = wanted("MESOS_DIRECTORY", 30), *command = wanted("MESOS_COMMAND", 31);
	wanted("MESOS_HADOOP_HOME", 32); /* empty will do */
	wanted("MESOS_SLAVE_PID", 33);
	wanted("MESOS_FRAMEWORK_ID", 34);
	wanted("MESOS_EXECUTOR_ID", 35);
	const char *container = getenv("MESOS_CONTAINER"), *redirected = getenv("MESOS_REDIRECT_IO");
	directory_make(directory);
	if (chdir(directory) < 0)
		fail(directory);
	if (redirected && strcmp(redirected, "1") == 0) {
		redirect("stdout", 1);
		redirect("stderr", 2);
	}
	fetch(wanted("MESOS_EXECUTOR_URIS", 36));
	if (strcmp(wanted("MESOS_SWITCH_USER", 37), "1") == 0)
		become(wanted("MESOS_USER", 38));
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(39);
	}
	int status;
	while (waitpid(pid, &status, 0) < 0)
		;
	if (container) {
		char stop[512];
		snprintf(stop, sizeof stop, "lxc-stop -n %s", container);
		printf("launcher: lxc-stop from inside gave %d\n", WEXITSTATUS(system(stop)));
		fflush(stdout);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
