/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lxc/workdir.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/lxc/tool.h"
#include "runtime/lxc/values.h"

/* Whether path is `above`, or below it. */
static bool is_within(const char *path, const char *above)
{
	size_t length = strlen(above);
	while (length > 1 && above[length - 1] == '/')
		length--;
	return strncmp(path, above, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool has_parent_step(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/..")); at += 3)
		if (at[3] == '\0' || at[3] == '/')
			return true;
	return false;
}

static bool is_bindable(const char *path)
{
	return path && path[0] == '/' && path[strspn(path, "/.")] && path[1] != '/' && !has_parent_step(path) &&
	       !is_within(path, "/proc") && !is_within(path, "/sys") && !is_within(path, "/dev");
}

size_t lxc_workdirs(const char *directories[WORKDIRS_MOST])
{
	static const char *const variables[WORKDIRS_MOST] = {"MESOS_WORK_DIRECTORY", "MESOS_DIRECTORY",
							     "NEXUS_WORK_DIRECTORY", "NEXUS_DIRECTORY"};
	size_t n = 0;

	for (size_t i = 0; i < WORKDIRS_MOST; i++) {
		const char *path = getenv(variables[i]);
		bool wanted = is_bindable(path);
		for (size_t j = 0; j < n && wanted; j++) {
			if (is_within(path, directories[j]))
				wanted = false;
			else if (is_within(directories[j], path))
				directories[j--] = directories[--n];
		}
		if (wanted)
			directories[n++] = path;
	}
	return n;
}

int lxc_workdir_make(const char *path, char ***made, struct berth_error *error)
{
	cleanup_free char *partial = strdup(path);
	struct stat status;
	int code = partial ? 0 : ENOMEM;
	for (char *end = partial; code == 0 && end; *end = '/') {
		end = strchr(end + 1, '/');
		if (end)
			*end = '\0';
		/* One that is there may lie on a read-only file system, where mkdir would say that instead. */
		if (stat(partial, &status) < 0) {
			if (mkdir(partial, 0755) == 0)
				code = lxc_strings_add(made, partial) < 0 ? ENOMEM : 0;
			else if (errno != EEXIST)
				code = errno;
		}
		if (!end)
			break;
	}
	if (code == 0)
		return 0;
	if (error) {
		error->code = code;
		error->exit_status = TOOL_FAILED;
		snprintf(error->text, sizeof(error->text), "make the work directory %.512s: %s", path, strerror(code));
	}
	return -code;
}
