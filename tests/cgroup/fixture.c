/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "nsutil/base/mountinfo.h"

struct fixture fixture;

static const char top[] = "berth-test";

static void layout_open(const char *mountinfo)
{
	cr_assert_eq(cgroup_layout_open(mountinfo, &fixture.layout, &fixture.error), 0, "%s", fixture.error.text);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (cgroup_layout_version(fixture.layout, (enum cgroup_controller)i))
			fixture.served |= CGROUP_BIT(i);
	snprintf(fixture.name, sizeof fixture.name, "%d", getpid());
	snprintf(fixture.parent, sizeof fixture.parent, "%s/%s", top, fixture.name);
}

void fixture_init(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to make cgroups");
	layout_open(NULL);
}

/* Writes the mounts of that type alone into a temporary mountinfo file. Whether there is one. */
static bool mountinfo_only(const char *type, char path[static 32])
{
	cleanup_mount_table struct mount_table table = {0};
	cr_assert_eq(mount_table_read(NULL, &table, &fixture.error), 0, "%s", fixture.error.text);
	strcpy(path, "/tmp/berth-test-XXXXXX");
	cleanup_fd int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	bool any = false;
	for (size_t i = 0; i < table.count; i++) {
		const struct mount_entry *entry = &table.entries[i];
		if (strcmp(entry->type, type) != 0)
			continue;
		dprintf(fd, "%d %d %u:%u %s %s %s - %s %s %s\n", entry->id, entry->parent, entry->major, entry->minor,
			entry->root, entry->point, entry->options, entry->type, entry->source, entry->super);
		any = true;
	}
	if (!any)
		unlink(path);
	return any;
}

void fixture_init_only(const char *type)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to make cgroups");
	char mountinfo[32];
	if (!mountinfo_only(type, mountinfo))
		cr_skip_test("nothing of type %s is mounted", type);
	layout_open(mountinfo);
	unlink(mountinfo);
}

void fixture_init_v2(void)
{
	fixture_init_only("cgroup2");
}

void fixture_fini(void)
{
	for (size_t i = 0; i < fixture.n_children; i++) {
		if (fixture.children[i] <= 0)
			continue;
		kill(fixture.children[i], SIGKILL);
	}
	if (!fixture.layout)
		return;
	struct cgroup *all = NULL;
	if (cgroup_open(fixture.layout, top, fixture.name, fixture.served, &all, NULL) == 0)
		if (cgroup_destroy(all, FIXTURE_TIMEOUT_MS, &fixture.error) < 0)
			fprintf(stderr, "fixture: %s\n", fixture.error.text);
	for (size_t i = 0; cgroup_path(all, i); i++)
		if (access(cgroup_path(all, i), F_OK) == 0)
			fprintf(stderr, "fixture: %s is left\n", cgroup_path(all, i));
	cgroup_free(all);
	cgroup_remove_parent(fixture.layout, top);
	cgroup_layout_free(fixture.layout);
	for (size_t i = 0; i < fixture.n_children; i++)
		if (fixture.children[i] > 0)
			waitpid(fixture.children[i], NULL, 0);
}

/* Removes the cgroups of tests that are over from every hierarchy of the layout. */
static void sweep(const struct cgroup_layout *layout)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		const char *point = cgroup_layout_mount_point(layout, (enum cgroup_controller)i);
		char path[512];
		snprintf(path, sizeof path, "%s/%s", point ? point : "", top);
		cleanup_dir DIR *directory = point ? opendir(path) : NULL;
		for (const struct dirent *entry; directory && (entry = readdir(directory));) {
			struct cgroup *left;
			pid_t pid = atoi(entry->d_name);
			if (pid <= 0 || kill(pid, 0) == 0 ||
			    cgroup_open(layout, top, entry->d_name, CGROUP_BIT(i), &left, NULL) < 0)
				continue;
			cgroup_destroy(left, FIXTURE_TIMEOUT_MS, NULL);
			cgroup_free(left);
		}
	}
	cgroup_remove_parent(layout, top);
}

/* A test that crashed or ran into its timeout has had no fini: what it left goes when all are done. */
ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	struct cgroup_layout *layout;
	char mountinfo[32] = "";
	if (geteuid() != 0)
		return;
	if (cgroup_layout_open(NULL, &layout, NULL) == 0) {
		sweep(layout);
		cgroup_layout_free(layout);
	}
	if (!mountinfo_only("cgroup2", mountinfo))
		return;
	if (cgroup_layout_open(mountinfo, &layout, NULL) == 0) {
		sweep(layout);
		cgroup_layout_free(layout);
	}
	unlink(mountinfo);
}

void fixture_require(unsigned int controllers)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (controllers & ~fixture.served & CGROUP_BIT(i))
			cr_skip_test("no hierarchy has the %s controller",
				     cgroup_controller_name((enum cgroup_controller)i));
}

struct cgroup *fixture_create(const char *name, unsigned int controllers)
{
	struct cgroup *cgroup = NULL;
	int result = cgroup_create(fixture.layout, fixture.parent, name, controllers, &cgroup, &fixture.error);
	cr_assert_eq(result, 0, "%s", fixture.error.text);
	return cgroup;
}

static void path_join(char *buffer, size_t size, const char *path, const char *file)
{
	snprintf(buffer, size, "%s/%s", path, file);
}

bool fixture_file_is(const char *path, const char *file, const char *text)
{
	char full[1024], content[4096];
	path_join(full, sizeof full, path, file);
	ssize_t length = file_read(AT_FDCWD, full, content, sizeof content);
	cr_assert_geq(length, 0, "%s: %s", full, strerror((int)-length));
	content[strcspn(content, "\n")] = '\0';
	if (strcmp(content, text) == 0)
		return true;
	cr_log_error("%s holds \"%s\", not \"%s\"", full, content, text);
	return false;
}

bool fixture_file_there(const char *path, const char *file)
{
	char full[1024];
	path_join(full, sizeof full, path, file);
	return access(full, F_OK) == 0;
}

void fixture_file_write(const char *path, const char *file, const char *text)
{
	char full[1024];
	path_join(full, sizeof full, path, file);
	int result = file_write(AT_FDCWD, full, text);
	cr_assert_eq(result, 0, "write %s to %s: %s", text, full, strerror(-result));
}

static void enter(const struct cgroup_entry *entry)
{
	for (size_t i = 0; i < entry->n_procs; i++)
		if (write(entry->procs[i], "0", 1) != 1)
			_exit(101);
	if (entry->into_procs >= 0 && write(entry->into_procs, "0", 1) != 1)
		_exit(102);
}

pid_t fixture_fork(const struct cgroup *cgroup, void (*body)(void))
{
	struct cgroup_entry entry;
	cr_assert_eq(cgroup_entry_open(cgroup, &entry, &fixture.error), 0, "%s", fixture.error.text);
	int entered[2];
	cr_assert_eq(pipe2(entered, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter(&entry);
		if (write(entered[1], "", 1) != 1)
			_exit(103);
		if (body)
			body();
		for (;;)
			pause();
	}
	cr_assert_gt(pid, 0);
	fixture.children[fixture.n_children++] = pid;
	close(entered[1]);
	char byte;
	cr_assert_eq(read(entered[0], &byte, 1), 1, "the child could not enter");
	close(entered[0]);
	cgroup_entry_close(&entry);
	return pid;
}

int fixture_wait(pid_t pid)
{
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	cr_assert_geq(pidfd, 0);
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};
	cr_assert_eq(poll(&wait, 1, FIXTURE_TIMEOUT_MS), 1, "process %d does not end", pid);
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	for (size_t i = 0; i < fixture.n_children; i++)
		if (fixture.children[i] == pid)
			fixture.children[i] = 0;
	return status;
}

bool fixture_dead(pid_t pid)
{
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};
	return pidfd < 0 || poll(&wait, 1, 0) == 1;
}
