/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces: for containers that are to have one, and for who has no privilege. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/userns.h"
#include "runtime/check.h"
#include "runtime/idmap.h"

static const char allow[] = "allow it: sysctl user.max_user_namespaces=10000, kernel.unprivileged_userns_clone=1, "
			    "kernel.apparmor_restrict_unprivileged_userns=0, as far as there are such";

static uint64_t ids_of(const struct id_map *map)
{
	uint64_t count = 0;
	for (size_t i = 0; i < map->count; i++)
		count += map->ranges[i].length;
	return count;
}

static void check_ids(struct check *check)
{
	static const char name[] = "user-ids";
	static const char root_remedy[] = "add a line like berth:1000000:65536000 to /etc/subuid and /etc/subgid";
	static const char user_remedy[] = "have root install newuidmap (Debian: uidmap), and give this user a line in "
					  "/etc/subuid and /etc/subgid";
	struct id_map uids, gids;
	struct error error = {0};
	if (idmap_ranges(check->berth, &uids, &gids, &error) < 0) {
		check_tell(check, name, BERTH_WARN, "let it be read", "%s", error.text);
		return;
	}
	bool root = geteuid() == 0;
	uint64_t ids = ids_of(&uids) < ids_of(&gids) ? ids_of(&uids) : ids_of(&gids);
	if (root && ids)
		check_tell(check, name, BERTH_PASS, NULL, "%llu ids for --userns auto, enough for %llu containers",
			   (unsigned long long)ids, (unsigned long long)ids / 65536);
	else if (root)
		check_tell(check, name, BERTH_WARN, root_remedy, "no ids are given to berth or root for --userns auto");
	else if (ids)
		check_tell(check, name, BERTH_PASS, NULL, "%llu ids beside the user's own", (unsigned long long)ids);
	else
		check_tell(check, name, BERTH_WARN, user_remedy,
			   "this user's containers have no ids but the user's own, as root");
}

/* The nearest directory at or above the path that is there. */
static int open_near(char *path)
{
	for (;;) {
		int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		char *slash = strrchr(path, '/');
		if (tree >= 0 || errno != ENOENT || !slash || slash == path)
			return tree >= 0 ? tree : -errno;
		*slash = '\0';
	}
}

static void check_idmapped(struct check *check)
{
	static const char name[] = "idmapped-mounts";
	static const char remedy[] = "for user namespaces keep roots on ext4, xfs, btrfs, or another that can";
	const struct id_maps maps = {.uids = {.ranges = {{0, 100000, 1}}, .count = 1},
				     .gids = {.ranges = {{0, 100000, 1}}, .count = 1}};
	cleanup_userns struct userns userns = USERNS_INIT;
	cleanup_free char *path = strdup(check->berth->data_root);
	struct error error = {0};
	if (!check->privileged) {
		check_skip(check, name);
		return;
	}
	if (!path || userns_make(&maps, 0, &userns, &error) < 0) {
		check_tell(check, name, BERTH_WARN, allow, "%s", path ? error.text : "out of memory");
		return;
	}
	cleanup_fd int tree = open_near(path);
	struct mount_attr shifted = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns.fd};
	int code = tree < 0 ? -tree : mount_setattr(tree, "", AT_EMPTY_PATH, &shifted, sizeof shifted) < 0 ? errno : 0;
	if (code)
		check_tell(check, name, BERTH_WARN, code == EINVAL ? remedy : check_remedy(code, remedy),
			   "show %s with ids shifted: %s", path, strerrordesc_np(code));
	else
		check_tell(check, name, BERTH_PASS, NULL, "%s can be shown with ids shifted", path);
}

/* What an ordinary user's containers begin with. Root's launches without any of it. */
static void check_rootless(struct check *check)
{
	static const char name[] = "own-user-namespace";
	struct error error = {0};
	cleanup_userns struct userns userns = USERNS_INIT;
	const struct id_maps maps = {.uids = {.ranges = {{0, geteuid(), 1}}, .count = 1},
				     .gids = {.ranges = {{0, getegid(), 1}}, .count = 1}};
	if (geteuid() == 0)
		return;
	if (userns_make(&maps, 0, &userns, &error) < 0)
		check_tell(check, name, BERTH_FAIL, allow, "%s", error.text);
	else
		check_tell(check, name, BERTH_PASS, NULL, "this user can make a user namespace");
	cleanup_delegation struct cgroup_delegation delegation = {0};
	if (cgroup_delegation_find(check->berth->layout, &delegation, &error) == 0 && delegation.parent)
		check_tell(check, "delegated-cgroup", BERTH_PASS, NULL, "cgroup %s is left to this user",
			   delegation.parent);
	else
		check_tell(check, "delegated-cgroup", BERTH_WARN,
			   "start berth with `systemd-run --user --scope -p Delegate=yes'",
			   "no cgroup v2 is left to this user: there are no limits, no statistics and no pause");
}

void check_userns(struct check *check)
{
	check_rootless(check);
	check_ids(check);
	check_idmapped(check);
}
