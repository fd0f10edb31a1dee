/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/runtime/fixture.h"

#include <criterion/hooks.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "nsutil/base/cleanup.h"
#include "runtime/context.h"
#include "tests/runtime/debris.h"

struct rt rt;

enum { CHILDREN = 64, DESCRIPTORS = 4096 };

static pid_t children[CHILDREN];
static bool open_before[DESCRIPTORS];
static char here_before[512];

int rt_patience(void)
{
	const char *text = getenv("BERTH_TEST_TIMEOUT");
	int seconds = text ? atoi(text) : 0;
	return (seconds > 0 ? seconds : 120) * 1000 / 3;
}

static void descriptors_read(bool *is_open)
{
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		is_open[fd] = fcntl(fd, F_GETFD) >= 0;
}

struct berth *rt_open(void)
{
	struct berth_config config = {.size = sizeof config, .state_root = rt.state, .data_root = rt.data};
	struct berth *berth = NULL;
	rt_ok(berth_open(&config, &berth, &rt.error));
	/* As after its first launch; the first is what every program of berth's does. */
	for (int i = 0; i < 2 && geteuid() == 0; i++)
		context_kept(berth, true);
	return berth;
}

void rt_init_unprivileged(void)
{
	snprintf(rt.base, sizeof rt.base, DEBRIS_DIRECTORY "%d-XXXXXX", getpid());
	cr_assert(mkdtemp(rt.base), "mkdtemp: %s", strerror(errno));
	/* The containers' users must be able to reach what is in it. */
	chmod(rt.base, 0755);
	snprintf(rt.state, sizeof rt.state, "%s/state", rt.base);
	snprintf(rt.data, sizeof rt.data, "%s/data", rt.base);
	snprintf(rt.root, sizeof rt.root, "%s/root", rt.base);
	snprintf(rt.parent, sizeof rt.parent, DEBRIS_PARENT "%d", getpid());
	if (!getcwd(here_before, sizeof here_before))
		here_before[0] = '\0';
	descriptors_read(open_before);
	rt.berth = rt_open();
}

void rt_init(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	/* Mounts of its own: those of the tests beside it come and go. */
	cr_assert_eq(unshare(CLONE_NEWNS), 0, "unshare: %s", strerror(errno));
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	rt_init_unprivileged();
}

pid_t rt_fork(int (*body)(void *data), void *data)
{
	size_t slot = 0;
	while (slot < CHILDREN && children[slot])
		slot++;
	cr_assert_lt(slot, (size_t)CHILDREN, "too many children");
	pid_t pid = fork();
	cr_assert_geq(pid, 0, "fork: %s", strerror(errno));
	if (pid == 0)
		_exit(body(data));
	children[slot] = pid;
	return pid;
}

void rt_wait_readable(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int got;
	do
		got = poll(&ready, 1, rt_patience());
	while (got < 0 && errno == EINTR);
	cr_assert_eq(got, 1, "nothing came in time (%d)", got);
}

int rt_wait_child(pid_t pid)
{
	int pidfd = pidfd_open(pid, 0);
	cr_assert_geq(pidfd, 0, "there is no child %d", pid);
	rt_wait_readable(pidfd);
	close(pidfd);
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	for (size_t i = 0; i < CHILDREN; i++)
		if (children[i] == pid)
			children[i] = 0;
	return status;
}

void rt_wait_gone(pid_t pid)
{
	cleanup_fd int pidfd = pidfd_open(pid, 0);
	if (pidfd >= 0)
		rt_wait_readable(pidfd);
}

void rt_require_controller(const char *name)
{
	struct cgroup_layout *layout;
	cr_assert_eq(cgroup_layout_open(NULL, &layout, NULL), 0);
	int controller = cgroup_controller_find(name);
	int version = cgroup_layout_version(layout, (enum cgroup_controller)controller);
	cgroup_layout_free(layout);
	if (!version)
		cr_skip_test("no hierarchy has the %s controller", name);
}

/* ---- What is left ---- */

size_t rt_state_entries(void)
{
	size_t count = 0;
	cleanup_dir DIR *directory = opendir(rt.state);
	for (const struct dirent *entry; directory && (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	return count;
}

static void expect_no_state(void)
{
	cleanup_dir DIR *directory = opendir(rt.state);
	for (const struct dirent *entry; directory && (entry = readdir(directory));)
		cr_expect(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
				  strcmp(entry->d_name, ".stage") == 0 || strcmp(entry->d_name, ".seccomp") == 0,
			  "left in the state root: %s", entry->d_name);
	char stage[100];
	snprintf(stage, sizeof stage, "%s/.stage", rt.state);
	cr_expect(rmdir(stage) == 0 || errno == ENOENT, "something is left on the stage: %s", strerror(errno));
	mkdir(stage, 0700);
}

static void expect_no_cgroups(void)
{
	struct cgroup_layout *layout;
	cr_assert_eq(cgroup_layout_open(NULL, &layout, NULL), 0);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		const char *point = cgroup_layout_mount_point(layout, (enum cgroup_controller)i);
		char path[512];
		snprintf(path, sizeof path, "%s/%s", point ? point : "", rt.parent);
		cleanup_dir DIR *directory = point ? opendir(path) : NULL;
		for (const struct dirent *entry; directory && (entry = readdir(directory));)
			cr_expect(entry->d_type != DT_DIR || entry->d_name[0] == '.', "left: cgroup %s/%s", path,
				  entry->d_name);
	}
	cgroup_layout_free(layout);
}

static void expect_no_mounts(void)
{
	cleanup_file FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[8192];
	while (file && fgets(line, sizeof line, file))
		cr_expect(!strstr(line, rt.base), "left: mount %s", line);
}

void rt_expect_nothing_left(void)
{
	expect_no_state();
	expect_no_cgroups();
	expect_no_mounts();
}

static void expect_no_descriptors(void)
{
	static bool now[DESCRIPTORS];
	descriptors_read(now);
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		char path[32], target[256] = "";
		if (!now[fd] || open_before[fd])
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof target - 1) < 0)
			target[0] = '\0';
		cr_expect(false, "left: descriptor %d, %s", fd, target);
	}
}

static void expect_no_children(void)
{
	siginfo_t info = {0};
	errno = 0;
	int code = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
	cr_expect(code < 0 && errno == ECHILD, "left: a child process (%d)", info.si_pid);
}

void rt_jobs_free(void);

void rt_fini(void)
{
	for (size_t i = 0; i < CHILDREN; i++) {
		if (!children[i])
			continue;
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
		children[i] = 0;
	}
	if (!rt.base[0])
		return;
	if (rt.berth) {
		rt_jobs_free();
		berth_close(rt.berth);
		rt.berth = NULL;
		expect_no_descriptors();
		expect_no_children();
		rt_expect_nothing_left();
		char here[512] = "";
		if (getcwd(here, sizeof here))
			cr_expect_str_eq(here, here_before, "the working directory has changed");
	}
	debris_remove(getpid(), rt.base);
}

/* Tests that crashed or were killed had no chance to. */
ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	debris_remove_of_the_dead();
}
