/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/userns.h"
#include "tests/runtime/fixture.h"

void rt_require_idmapped(void)
{
	const struct id_maps maps = {.uids = {.ranges = {{0, 100000, 1}}, .count = 1},
				     .gids = {.ranges = {{0, 100000, 1}}, .count = 1}};
	cleanup_userns struct userns userns = USERNS_INIT;
	struct error error = {0};
	cr_assert_eq(userns_make(&maps, 0, &userns, &error), 0, "%s", error.text);
	cleanup_fd int tree = (int)syscall(SYS_open_tree, AT_FDCWD, rt.base, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns.fd};
	cr_assert_geq(tree, 0);
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
		cr_skip_test("the file system of the test's directory can't be shown with ids shifted here");
}
