/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lxc/debris.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/mountinfo.h"
#include "runtime/berth.h"

enum { DESTROY_TIMEOUT_MS = 10000 };

static void containers_remove(const char *base)
{
	char state[300], data[300];
	snprintf(state, sizeof state, "%s/state", base);
	snprintf(data, sizeof data, "%s/data", base);
	struct berth_config config = {.size = sizeof config, .state_root = state, .data_root = data};
	struct berth *berth;
	if (access(state, F_OK) < 0 || berth_open(&config, &berth, NULL) < 0)
		return;
	berth_collect(berth, NULL, true, NULL);
	berth_close(berth);
}

/* Everything below PARENT/ in the controller's hierarchy, which the containers' own removal has not reached. */
static void cgroups_remove(const struct cgroup_layout *layout, enum cgroup_controller controller, const char *parent)
{
	const char *point = cgroup_layout_mount_point(layout, controller);
	char path[512];
	snprintf(path, sizeof path, "%s/%s", point ? point : "", parent);
	cleanup_dir DIR *directory = point ? opendir(path) : NULL;
	for (const struct dirent *entry; directory && (entry = readdir(directory));) {
		struct cgroup *left;
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    cgroup_open(layout, parent, entry->d_name, CGROUP_BIT(controller), &left, NULL) < 0)
			continue;
		cgroup_destroy(left, DESTROY_TIMEOUT_MS, NULL);
		cgroup_free(left);
	}
}

static void mounts_remove(const char *base)
{
	cleanup_mount_table struct mount_table table;
	if (mount_table_read(NULL, &table, NULL) < 0)
		return;
	for (size_t i = table.count; i-- > 0;)
		if (strncmp(table.entries[i].point, base, strlen(base)) == 0)
			umount2(table.entries[i].point, MNT_DETACH);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)where;
	if (type == FTW_DP)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

void debris_remove(pid_t pid, const char *base)
{
	char parent[64];
	snprintf(parent, sizeof parent, DEBRIS_PARENT "%d", pid);
	if (geteuid() == 0)
		containers_remove(base);
	struct cgroup_layout *layout;
	if (geteuid() == 0 && cgroup_layout_open(NULL, &layout, NULL) == 0) {
		for (int i = 0; i < CGROUP_CONTROLLERS; i++)
			cgroups_remove(layout, (enum cgroup_controller)i, parent);
		cgroup_remove_parent(layout, parent);
		cgroup_layout_free(layout);
	}
	mounts_remove(base);
	nftw(base, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void debris_remove_of_the_dead(void)
{
	cleanup_dir DIR *directory = opendir("/tmp");
	const char *prefix = strrchr(DEBRIS_DIRECTORY, '/') + 1;
	for (const struct dirent *entry; directory && (entry = readdir(directory));) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		pid_t pid = atoi(entry->d_name + strlen(prefix));
		char path[300];
		snprintf(path, sizeof path, "/tmp/%s", entry->d_name);
		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			debris_remove(pid, path);
	}
}
