/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lxc/fixture.h"

#include <criterion/hooks.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "nsutil/base/cleanup.h"
#include "tests/runtime/debris.h"

struct lx lx;

enum { RUNS = 128 };
static struct job *runs[RUNS];
static bool debris_expected;

struct job *lx_start(const char *const *argv)
{
	size_t slot = 0;
	while (slot < RUNS && runs[slot])
		slot++;
	cr_assert_lt(slot, (size_t)RUNS, "too many programs");
	runs[slot] = calloc(1, sizeof *runs[slot]);
	cr_assert(runs[slot]);
	job_start(runs[slot], argv);
	return runs[slot];
}

struct job *lx_whole(const char *const *argv)
{
	struct job *run = lx_start(argv);
	job_finish(run);
	return run;
}

struct job *lx_shell(const char *text)
{
	return LX("sh", "-c", text);
}

int lx_patience(void)
{
	const char *text = getenv("BERTH_TEST_TIMEOUT");
	int seconds = text ? atoi(text) : 0;
	return (seconds > 0 ? seconds : 120) * 1000 / 3;
}

const char *lx_path(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 8];
	snprintf(path, PATH_MAX, "%s/%s", lx.base, name);
	return path;
}

static void file_write(const char *path, const char *text, int flags)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0755);
	cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

const char *lx_write(const char *name, const char *text)
{
	const char *path = lx_path(name);
	file_write(path, text, O_TRUNC);
	return path;
}

const char *lx_read(const char *path)
{
	static char contents[4][65536];
	static unsigned int next;
	char *content = contents[next++ % 4];
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, content, sizeof contents[0] - 1);
	content[length > 0 ? length : 0] = '\0';
	return content;
}

void lx_configure(const char *lines)
{
	file_write(lx.conf, lines, O_APPEND);
}

const char *lx_payload(const char *name)
{
	static char path[1024];
	snprintf(path, sizeof path, "%s/%s", lx.payloads, name);
	return path;
}

static void programs_find(void)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	cr_assert_gt(length, 0);
	self[length] = '\0';
	const char *folder = dirname(self); /* build/tests */
	snprintf(lx.payloads, sizeof lx.payloads, "%.480s/payload", folder);
	snprintf(lx.commands, sizeof lx.commands, "%.480s/../lxc", folder);
	char program[PATH_MAX];
	snprintf(program, sizeof program, "%s/lxc-execute", lx.commands);
	if (access(program, X_OK) < 0)
		cr_skip_test("%s is not built", program);
}

void lx_init(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	snprintf(lx.base, sizeof lx.base, DEBRIS_DIRECTORY "%d-XXXXXX", getpid());
	cr_assert(mkdtemp(lx.base), "mkdtemp: %s", strerror(errno));
	chmod(lx.base, 0755);
	snprintf(lx.state, sizeof lx.state, "%s/state", lx.base);
	snprintf(lx.data, sizeof lx.data, "%s/data", lx.base);
	snprintf(lx.conf, sizeof lx.conf, "%s/lxc.conf", lx.base);
	snprintf(lx.parent, sizeof lx.parent, DEBRIS_PARENT "%d", getpid());
	programs_find();
	char path[1024];
	snprintf(path, sizeof path, "%s:%s", lx.commands, "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	setenv("PATH", path, 1);
	setenv("BERTH_STATE_ROOT", lx.state, 1);
	setenv("BERTH_DATA_ROOT", lx.data, 1);
	setenv("BERTH_LXC_CONF", lx.conf, 1);
	unsetenv("MESOS_WORK_DIRECTORY");
	unsetenv("MESOS_DIRECTORY");
	char line[100];
	snprintf(line, sizeof line, "berth.cgroup.parent = %s\n", lx.parent);
	lx_configure(line);
}

/* ---- What is left ---- */

static size_t entries_count(const char *path, bool directories)
{
	size_t n = 0;
	cleanup_dir DIR *directory = opendir(path);
	for (const struct dirent *entry; directory && (entry = readdir(directory));)
		n += entry->d_name[0] != '.' && (!directories || entry->d_type == DT_DIR);
	return n;
}

size_t lx_records(void)
{
	return entries_count(lx.state, false);
}

size_t lx_cgroups(void)
{
	struct cgroup_layout *layout;
	size_t n = 0;
	cr_assert_eq(cgroup_layout_open(NULL, &layout, NULL), 0);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		const char *point = cgroup_layout_mount_point(layout, (enum cgroup_controller)i);
		char path[512];
		snprintf(path, sizeof path, "%s/%s", point ? point : "", lx.parent);
		n += point ? entries_count(path, true) : 0;
	}
	cgroup_layout_free(layout);
	return n;
}

int lx_require_controller(const char *name)
{
	struct cgroup_layout *layout;
	cr_assert_eq(cgroup_layout_open(NULL, &layout, NULL), 0);
	int version = cgroup_layout_version(layout, (enum cgroup_controller)cgroup_controller_find(name));
	cgroup_layout_free(layout);
	if (!version)
		cr_skip_test("no hierarchy has the %s controller", name);
	return version;
}

bool lx_is_there(const char *name)
{
	struct berth *berth;
	struct berth_container *container = NULL;
	cr_assert_eq(berth_open(NULL, &berth, NULL), 0);
	bool found = berth_container_find(berth, name, &container, NULL) == 0;
	berth_container_close(container);
	berth_close(berth);
	return found;
}

struct roots {
	char *names[64];
	size_t n;
};

static void root_take(const struct berth_root *root, void *data)
{
	struct roots *roots = data;
	if (roots->n < 64)
		roots->names[roots->n++] = strdup(root->framework);
}

/* Framework roots are kept when containers are gone: they are the operator's to remove, and here the test's. */
static void roots_remove(void)
{
	struct berth *berth;
	struct roots roots = {0};
	struct berth_error error = BERTH_ERROR_INIT;
	if (berth_open(NULL, &berth, NULL) < 0)
		return;
	cr_expect_geq(berth_root_list(berth, false, root_take, &roots, &error), 0, "%s", error.text);
	for (size_t i = 0; i < roots.n; i++) {
		cr_expect_eq(berth_root_remove(berth, roots.names[i], &error), 0, "%s", error.text);
		free(roots.names[i]);
	}
	berth_close(berth);
}

void lx_expect_debris(void)
{
	debris_expected = true;
}

void lx_fini(void)
{
	for (size_t i = 0; i < RUNS && runs[i]; i++) {
		job_release(runs[i]);
		free(runs[i]);
	}
	if (!lx.base[0])
		return;
	if (!debris_expected) {
		cr_expect_eq(lx_records(), 0, "left: %zu entries in the state root", lx_records());
		cr_expect_eq(lx_cgroups(), 0, "left: %zu cgroups", lx_cgroups());
		roots_remove();
	}
	debris_remove(getpid(), lx.base);
}

void lx_await_gone(pid_t pid)
{
	cleanup_fd int pidfd = pidfd_open(pid, 0);
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	if (pidfd >= 0)
		cr_assert_eq(poll(&ended, 1, lx_patience()), 1, "process %d lives on", pid);
}

/* Tests that crashed or were killed had no chance to. */
ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	debris_remove_of_the_dead();
}
