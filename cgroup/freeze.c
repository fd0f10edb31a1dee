/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"

int cgroup_freeze(const struct cgroup *cgroup, bool freeze, int timeout_ms, struct error *error)
{
	const char *verb = freeze ? "freeze" : "thaw";
	const struct cgroup_place *place = cgroup_place_find(cgroup, CGROUP_FREEZER);
	if (!place)
		return error_set(error, ENOENT, "%s %s: it was made without the freezer controller", verb,
				 cgroup->relative);
	cleanup_fd int fd = cgroup_place_open(cgroup, place);
	if (fd < 0)
		return error_errno(error, -fd, "%s %s", verb, place->path);
	const struct cgroup_version_operations *operations = cgroup_version_operations(place->hierarchy->version);
	struct cgroup_directory directory = {.fd = fd, .relative = ".", .path = place->path};
	int result = operations->freeze(&directory, freeze, error);
	if (result < 0)
		return result;
	result = operations->freeze_wait(fd, freeze, cgroup_deadline(timeout_ms));
	if (result == 0)
		return 0;
	/* A freeze that isn't complete must not stay behind. */
	if (freeze)
		operations->freeze(&directory, false, NULL);
	if (result != -ETIMEDOUT)
		return error_errno(error, -result, "%s %s", verb, place->path);
	if (freeze)
		return error_set(error, ETIMEDOUT,
				 "freeze %s: not all of it was frozen after %d ms, and it was thawed again",
				 place->path, timeout_ms);
	return error_set(error, ETIMEDOUT, "thaw %s: still frozen after %d ms: is a directory above it frozen?",
			 place->path, timeout_ms);
}

int cgroup_frozen(const struct cgroup *cgroup)
{
	const struct cgroup_place *place = cgroup_place_find(cgroup, CGROUP_FREEZER);
	if (!place)
		return -ENOENT;
	const struct cgroup_directory directory = cgroup_place_directory(cgroup, place);
	return cgroup_version_operations(place->hierarchy->version)->frozen(&directory);
}
