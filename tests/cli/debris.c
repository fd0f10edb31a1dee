/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/cli/debris.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

static void entries_list(const char *directory, FILE *out)
{
	cleanup_dir DIR *dir = opendir(directory);
	struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			fprintf(out, "%s/%s\n", directory, entry->d_name);
}

/* Calls visit with the parent's directory in each cgroup hierarchy that has it. */
static void parents_visit(const char *cgroup_parent, void (*visit)(const char *path, void *data), void *data)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	while (mounts && (mount = getmntent(mounts))) {
		char path[PATH_MAX];
		if (strncmp(mount->mnt_type, "cgroup", 6) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", mount->mnt_dir, cgroup_parent);
		if (access(path, F_OK) == 0)
			visit(path, data);
	}
	if (mounts)
		endmntent(mounts);
}

static void list_directories(const char *path, void *data)
{
	cleanup_dir DIR *dir = opendir(path);
	struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			fprintf(data, "%s/%s\n", path, entry->d_name);
}

void debris_list(const char *state, const char *cgroup_parent, FILE *out)
{
	char *line = NULL;
	size_t room = 0;
	cleanup_file FILE *mounts = fopen("/proc/self/mountinfo", "re");
	/* The state root holds more than containers, but nothing that is theirs alone. */
	entries_list(state, out);
	parents_visit(cgroup_parent, list_directories, out);
	while (mounts && getline(&line, &room, mounts) > 0)
		if (strstr(line, state) || strstr(line, cgroup_parent))
			fputs(line, out);
	free(line);
}

/* SIGKILL for a process, and its end awaited. */
static void process_kill(pid_t pid)
{
	cleanup_fd int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return;
	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	poll(&ended, 1, 10000);
}

static void members_kill(const char *directory, const char *file)
{
	char path[PATH_MAX + 32];
	int pid;
	/* A frozen process does not die: v1's freezer, v2's cgroup.freeze. */
	snprintf(path, sizeof(path), "%s/freezer.state", directory);
	cleanup_fd int thaw = open(path, O_WRONLY | O_CLOEXEC);
	if (thaw >= 0 && write(thaw, "THAWED", 6) < 0)
		perror(path);
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	cleanup_file FILE *members = fopen(path, "re");
	while (members && fscanf(members, "%d", &pid) == 1)
		process_kill(pid);
}

static int cgroup_remove(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)ftw;
	if (type != FTW_DP)
		return 0;
	members_kill(path, "cgroup.procs");
	for (int i = 0; rmdir(path) < 0 && errno == EBUSY && i < 100; i++)
		poll(NULL, 0, 10);
	return 0;
}

static void parent_remove(const char *path, void *data)
{
	(void)data;
	nftw(path, cgroup_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int file_remove(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	remove(path); /* what can't be removed shows in the test that looks for it */
	return 0;
}

/* Framework roots are mounted below the directory, the last mounted on top. */
static void mounts_remove(const char *directory)
{
	bool found;
	do {
		FILE *mounts = setmntent("/proc/self/mounts", "re");
		struct mntent *mount;
		char last[PATH_MAX] = "";
		while (mounts && (mount = getmntent(mounts)))
			if (strncmp(mount->mnt_dir, directory, strlen(directory)) == 0 &&
			    mount->mnt_dir[strlen(directory)] == '/')
				snprintf(last, sizeof(last), "%s", mount->mnt_dir);
		if (mounts)
			endmntent(mounts);
		found = *last && umount2(last, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
	} while (found);
}

void debris_remove(pid_t test)
{
	char directory[64], parent[64];
	snprintf(parent, sizeof(parent), "%s%d", DEBRIS_PARENT, (int)test);
	parents_visit(parent, parent_remove, NULL);
	snprintf(directory, sizeof(directory), "%s%d", DEBRIS_DIRECTORY, (int)test);
	mounts_remove(directory);
	/* FTW_MOUNT: never into something bound there. */
	nftw(directory, file_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void debris_remove_of_the_dead(void)
{
	const char *base = strrchr(DEBRIS_DIRECTORY, '/') + 1;
	cleanup_dir DIR *dir = opendir("/tmp");
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		char *end;
		if (strncmp(entry->d_name, base, strlen(base)) != 0)
			continue;
		long pid = strtol(entry->d_name + strlen(base), &end, 10);
		if (*end == '\0' && pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			debris_remove((pid_t)pid);
	}
}
