/* SPDX-License-Identifier: Apache-2.0 */
/* Changing the limits of a container that runs. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/container.h"
#include "runtime/monitor.h"

enum { GONE_TIMEOUT_MS = 30000 };

static int require_controllers(const struct berth_container *container, const struct cgroup_limits *limits,
			       struct error *error)
{
	unsigned int lacking = cgroup_limits_controllers(limits) & ~cgroup_controllers(container->cgroup);
	if (!lacking)
		return 0;
	enum cgroup_controller first = (enum cgroup_controller)__builtin_ctz(lacking);
	return error_set(error, ENOTSUP, "container '%s' was launched without a cgroup of the %s controller",
			 container->record.name, cgroup_controller_name(first));
}

static int killed(struct berth_container *container, struct error *error)
{
	/* Who hears that it was killed may count on its being gone. */
	container_wait(container, GONE_TIMEOUT_MS, NULL);
	return error_set(error, ENOMEM, "container '%s' was killed: its memory did not fit the new limit in time",
			 container->record.name);
}

struct listener {
	void (*tell)(const struct berth_scale *scale, void *data);
	void *data;
};

static void listener_tell(const struct listener *listener, const struct berth_scale *report)
{
	if (listener && listener->tell)
		listener->tell(report, listener->data);
}

/* Does the owner's work in its place, since nobody attends. */
static int scale_here(struct berth_container *container, uint64_t memory, uint64_t swap,
		      const struct listener *listener, struct error *error)
{
	struct scale scale = {0};
	int result = scale_start(container, &scale, memory, swap, error);
	while (result == SCALE_PENDING) {
		struct berth_scale report;
		scale_describe(container, &scale, &report);
		listener_tell(listener, &report);
		struct pollfd ended = {.fd = container->pidfd, .events = POLLIN};
		poll(&ended, 1, scale_timeout(&scale));
		result = scale_step(container, &scale, error);
	}
	return result == SCALE_KILLED ? killed(container, error) : result < 0 ? result : 0;
}

/* Hears the owner out. */
static int scale_follow(struct berth_container *container, int connection, const struct listener *listener,
			struct error *error)
{
	for (;;) {
		struct berth_scale report;
		int result = SCALE_PENDING;
		int got = monitor_follow(connection, &report, &result);
		if (got < 0)
			return error_errno(error, -got, "hear from the owner of container '%s'",
					   container->record.name);
		/* An owner that hangs up is done with the container, or dead, and then so is the container's
		 * scale-down. */
		if (got == 0 || result == SCALE_DONE)
			return 0;
		if (result == SCALE_KILLED)
			return killed(container, error);
		if (result < 0)
			return error_set(error, -result,
					 "container '%s': the owner gave up on the new memory limit (%s)",
					 container->record.name, strerrordesc_np(-result));
		listener_tell(listener, &report);
	}
}

static int container_set_memory(struct berth_container *container, uint64_t memory, uint64_t swap, bool wait,
				void (*tell)(const struct berth_scale *scale, void *data), void *data,
				struct error *error)
{
	struct listener listener = {tell, data};
	if (container->monitor) {
		int result = monitor_own_request(container, memory, swap, error);
		int timeout_ms;
		while (wait && result >= 0 && (timeout_ms = monitor_timeout(container)) >= 0) {
			struct pollfd ended = {.fd = container->pidfd, .events = POLLIN};
			poll(&ended, 1, timeout_ms);
			result = monitor_attend(container, &timeout_ms, error);
		}
		char ignored[1];
		if (wait && result >= 0 &&
		    state_read_reason(container->directory, ignored, sizeof ignored) == BERTH_SCALE_DOWN)
			return killed(container, error);
		return result < 0 ? result : 0;
	}
	cleanup_fd int connection =
		container->owner ? -ENOTCONN : monitor_request(container, memory, swap, wait, error);
	if (connection == -ENOTCONN)
		return scale_here(container, memory, swap, &listener, error);
	if (connection < 0)
		return connection;
	return wait ? scale_follow(container, connection, &listener, error) : 0;
}

static int update(struct berth_container *container, struct cgroup_limits limits, struct error *error)
{
	if (container_require_cgroup(container, error) < 0 || require_controllers(container, &limits, error) < 0)
		return -error->code;
	uint64_t memory = limits.memory, swap = limits.swap;
	if (memory)
		limits.memory = limits.swap = 0;
	int code = cgroup_limits_controllers(&limits) ? cgroup_apply(container->cgroup, &limits, error) : 0;
	if (code == 0 && memory)
		code = container_set_memory(container, memory, swap, false, NULL, NULL, error);
	return code;
}

int berth_container_update(struct berth_container *container, const struct berth_resources *given,
			   struct berth_error *error)
{
	struct error inner = {0};
	struct berth_resources resources;
	struct cgroup_limits limits;
	if (struct_import(&resources, sizeof resources, given, &inner, "berth_resources") < 0 ||
	    limits_from_resources(&resources, &limits, &inner) < 0 || update(container, limits, &inner) < 0)
		return error_export(&inner, error);
	return 0;
}

int berth_container_scale(struct berth_container *container, uint64_t memory,
			  void (*tell)(const struct berth_scale *scale, void *data), void *data,
			  struct berth_error *error)
{
	struct error inner = {0};
	struct cgroup_limits limits = {.memory = memory};
	if (container_require_cgroup(container, &inner) < 0 || require_controllers(container, &limits, &inner) < 0 ||
	    container_set_memory(container, memory, 0, true, tell, data, &inner) < 0)
		return error_export(&inner, error);
	return 0;
}

ssize_t berth_container_cgroup_read(struct berth_container *container, const char *file, char *buffer, size_t size,
				    struct berth_error *error)
{
	struct error inner = {0};
	ssize_t length = container_require_cgroup(container, &inner);
	if (length == 0)
		length = cgroup_file_read(container->cgroup, file, buffer, size, &inner);
	return length < 0 ? error_export(&inner, error) : length;
}

/* A whole number of bytes as the kernel's memparse reads one: "200M". False for anything else. */
static bool bytes_parse(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "kmgtpe";
	char *end;
	errno = 0;
	*bytes = strtoull(text, &end, 10);
	if (errno || end == text || *text < '0' || *text > '9')
		return false;
	const char *suffix = *end ? strchr(suffixes, *end | 0x20) : NULL;
	if (suffix) {
		unsigned int shift = 10 * (unsigned int)(suffix - suffixes + 1);
		if (*bytes > UINT64_MAX >> shift)
			return false;
		*bytes <<= shift;
		end++;
	}
	return *end == '\0';
}

int berth_container_cgroup_write(struct berth_container *container, const char *file, const char *value,
				 struct berth_error *error)
{
	struct error inner = {0};
	bool is_memory = strcmp(file, "memory.limit_in_bytes") == 0 || strcmp(file, "memory.max") == 0;
	struct cgroup_limits limits = {0};
	int code = container_require_cgroup(container, &inner);
	if (code == 0 && is_memory && (strcmp(value, "-1") == 0 || strcmp(value, "max") == 0))
		limits.memory = BERTH_UNLIMITED;
	else if (code == 0 && is_memory && (!bytes_parse(value, &limits.memory) || !limits.memory))
		code = error_set(&inner, EINVAL, "%s can't be written with '%s': want a number of bytes", file, value);
	if (code == 0)
		code = limits.memory ? update(container, limits, &inner)
				     : cgroup_file_write(container->cgroup, file, value, &inner);
	return code < 0 ? error_export(&inner, error) : 0;
}
