/* SPDX-License-Identifier: Apache-2.0 */
/* Where all is measured: namespaces that end with their first process, and cgroups that are removed after it. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/mountinfo.h"
#include "tests/bench/bench.h"

char bench_parent[32];

/* Calls the function with the mount point of every cgroup hierarchy. */
static void hierarchies_each(void (*call)(const char *point))
{
	struct mount_table table;
	if (mount_table_read(NULL, &table, NULL) < 0)
		fail("can't read what is mounted");
	for (size_t i = 0; i < table.count; i++)
		if (strcmp(table.entries[i].type, "cgroup") == 0 || strcmp(table.entries[i].type, "cgroup2") == 0)
			call(table.entries[i].point);
	mount_table_free(&table);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)walk;
	/* What was killed a moment ago may count still. */
	for (int left = 200; type == FTW_DP && rmdir(path) < 0 && errno == EBUSY && left > 0; left--)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	return 0;
}

static void hierarchy_clear(const char *point)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", point, bench_parent);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* LXC and others place their cgroups relative to those of PID 1, which is at the top on most machines. Here it is this
 * process. */
static void hierarchy_top(const char *point)
{
	char path[512];
	snprintf(path, sizeof path, "%s/cgroup.procs", point);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) < 0)
		fail("write %s: %m", path);
	close(fd);
}

/* A tmpfs on /run, as most machines have there, for all records and the root alike. */
static void mounts_make(const char *payload)
{
	static const char *const directories[] = {"/run/bench", ROOT,        ROOT "/proc", ROOT "/sys",
						  ROOT "/dev",  ROOT "/tmp", ROOT "/usr"};
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		fail("can't mount /proc and a tmpfs on /run: %m");
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		if (mkdir(directories[i], 0755) < 0)
			fail("mkdir %s: %m", directories[i]);
	int from = open(payload, O_RDONLY | O_CLOEXEC), to = open(ROOT "/idle", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	static char bytes[1 << 20];
	ssize_t length = read(from, bytes, sizeof bytes);
	if (length <= 0 || length == sizeof bytes || write(to, bytes, (size_t)length) != length || close(to) < 0)
		fail("can't copy %s: %m", payload);
	close(from);
}

static void settings_make(void)
{
	/* A thousand containers, two descriptors each. */
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	/* The payloads' input, and nothing of the launching shell's. */
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, 0);
	close(null);
	unsetenv("BERTH_STATE_ROOT");
	unsetenv("BERTH_DATA_ROOT");
	/* Other load on the machine is not what is measured. Without the privilege it stays as it is. */
	setpriority(PRIO_PROCESS, 0, -20);
}

int place_run(int (*run)(void *data), void *data, const char *payload)
{
	sigset_t watched, before;
	sigemptyset(&watched);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGHUP);
	sigaddset(&watched, SIGCHLD);
	sigprocmask(SIG_BLOCK, &watched, &before);
	snprintf(bench_parent, sizeof bench_parent, "berth-bench.%d", (int)getpid());
	fflush(NULL);
	/* As fork(2), into the namespaces. */
	struct clone_args args = {.flags = CLONE_NEWPID | CLONE_NEWNS, .exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0)
		fail("can't make a PID and a mount namespace: %m");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigprocmask(SIG_SETMASK, &before, NULL);
		setsid(); /* a terminal's signals reach the process outside alone */
		mounts_make(payload);
		hierarchies_each(hierarchy_top);
		settings_make();
		exit(run(data));
	}
	int status, signal, stopped_by = 0;
	while (waitpid(pid, &status, WNOHANG) == 0)
		if (sigwait(&watched, &signal) == 0 && signal != SIGCHLD) {
			stopped_by = signal;
			kill(pid, SIGKILL); /* with all that it started */
		}
	hierarchies_each(hierarchy_clear);
	if (stopped_by)
		return 128 + stopped_by;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
