/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/blank.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/sharing.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* From <sys/mount.h>, which does not go together with <linux/mount.h>. */
int umount2(const char *target, int flags);
#define MS_PRIVATE_PROPAGATION (1 << 18)
#define MNT_DETACH 2

enum { STACK_SIZE = 16 << 10, INITIAL_USER_NAMESPACE = 0xeffffffd /* USER_NS_INIT_INO of linux/nsfs.h */ };

struct maker {
	const char *stage;
	int namespace; /* its descriptor, in the table that is shared; or -errno */
};

/* Each component of the absolute path, below the directory. */
static int directories_make(int root, const char *path)
{
	char part[PATH_MAX];
	for (const char *end = path; *end;) {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		size_t length = (size_t)(end - path) - 1;
		if (length >= sizeof part)
			return -ENAMETOOLONG;
		memcpy(part, path + 1, length);
		part[length] = '\0';
		if (length > 0 && syscall(SYS_mkdirat, root, part, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int empty_tree_make(const char *stage)
{
	cleanup_fd int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "700", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	unsigned int attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	cleanup_fd int tree = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
	int code = tree < 0 ? -errno : directories_make(tree, stage);
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	if (code == 0 && syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &read_only, sizeof read_only) < 0)
		code = -errno;
	return code < 0 ? code : steal_fd(&tree);
}

/* In a copy of the caller's mount namespace, which it empties. The descriptors are the caller's too. */
static int namespace_make(const char *stage)
{
	struct mount_attr private = {.propagation = MS_PRIVATE_PROPAGATION};
	if (syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &private, sizeof private) < 0)
		return -errno;
	cleanup_fd int namespace = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	cleanup_fd int tree = namespace < 0 ? -errno : empty_tree_make(stage);
	if (tree < 0)
		return tree;
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(tree) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return -errno;
	return steal_fd(&namespace);
}

__attribute__((no_sanitize("address", "undefined"))) static int make(void *argument)
{
	struct maker *maker = argument;
	maker->namespace = namespace_make(maker->stage);
	return 0;
}

static bool step_suits(const struct plan_view *plan, const struct plan_step *step)
{
	switch ((enum plan_op)step->op) {
	case PLAN_PRIVATE:
	case PLAN_OWNER:
	case PLAN_BIND:
	case PLAN_ROOT:
		return true;
	case PLAN_MOUNT:
		/* Its layers are the host's directories. */
		return step->flags & PLAN_IN_ROOT && strcmp(plan->strings + step->text, "overlay") != 0;
	default:
		return step->flags & PLAN_IN_ROOT;
	}
}

bool blank_suits(const struct plan *plan)
{
	struct error ignored;
	struct plan_view view;
	uint32_t i = 0;
	if (plan_view(plan, &view, &ignored) < 0)
		return false;
	while (i < view.n_steps && view.steps[i].op != PLAN_PRIVATE)
		i++;
	while (i < view.n_steps && view.steps[i].op != PLAN_PIVOT && step_suits(&view, &view.steps[i]))
		i++;
	return i < view.n_steps && view.steps[i].op == PLAN_PIVOT;
}

int blank_open(const char *stage)
{
	/* In another the kernel gives a proc or sysfs only to who sees one already. mount_namespaces(7) */
	struct stat user;
	if (stat("/proc/self/ns/user", &user) < 0)
		return -errno;
	if (user.st_ino != INITIAL_USER_NAMESPACE)
		return -EPERM;
	cleanup_free char *stack = aligned_alloc(16, STACK_SIZE);
	if (!stack)
		return -ENOMEM;
	struct maker maker = {.stage = stage, .namespace = -ECHILD};
	struct sharing sharing;
	int pidfd;
	sharing_begin(&sharing);
	/* No signal at its end: the caller need not know of it. */
	int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNS | CLONE_PIDFD;
	int code = clone(make, stack + STACK_SIZE, flags, &maker, &pidfd) < 0 ? -errno : 0;
	sharing_end(&sharing);
	if (code == 0) {
		siginfo_t info;
		while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
			;
		close(pidfd);
		code = maker.namespace;
	}
	return code;
}
