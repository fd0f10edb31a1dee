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
#include "runtime/scale_note.h"

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

static int killed(const struct berth_container *container, struct error *error)
{
	return error_set(error, ENOMEM, "container '%s' was killed: its memory did not fit the new limit in time",
			 container->record.name);
}

struct listener {
	void (*tell)(const struct berth_scale *scale, void *data);
	void *data;
};

/* What a request that is over comes to: 0 or -errno. */
static int conclude(const struct berth_container *container, const struct news *news, const struct listener *listener,
		    struct error *error)
{
	if (news->result == SCALE_KILLED)
		return killed(container, error);
	if (news->result < 0)
		return error_set(error, -news->result, "container '%s': %s", container->record.name, news->text);
	if (listener->tell && container_is_running(container))
		listener->tell(&news->report, listener->data);
	return 0;
}

/* Waits for the container's end, at most timeout_ms (-1: any time), or the other descriptor. */
static void wait_for_news(const struct berth_container *container, int other, int timeout_ms)
{
	struct pollfd polled[] = {{.fd = container->pidfd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
	poll(polled, 2, timeout_ms);
}

/* Does the owner's work in its place, since nobody attends. */
static int scale_here(struct berth_container *container, uint64_t memory, uint64_t swap,
		      const struct listener *listener, struct error *error)
{
	struct scale scale = {0};
	/* An owner that died may have kept the kernel from killing, and nobody would hear what waits. */
	cgroup_oom_hold(container->cgroup, false);
	struct news news = {.result = scale_start(container, &scale, memory, swap, error)};
	while (news.result == SCALE_PENDING) {
		scale_describe(container, &scale, &news.report);
		if (listener->tell)
			listener->tell(&news.report, listener->data);
		wait_for_news(container, -1, scale_timeout(&scale));
		news.result = scale_step(container, &scale, error);
	}
	scale_describe(container, &scale, &news.report);
	return news.result < 0 ? news.result : conclude(container, &news, listener, error);
}

/* The same for an owner that attends: requests from outside are served meanwhile. */
static int scale_attending(struct berth_container *container, uint64_t memory, uint64_t swap, bool wait,
			   const struct listener *listener, struct error *error)
{
	uint64_t token;
	struct news news;
	int code = monitor_own_request(container, memory, swap, &token, &news, error);
	if (code < 0)
		return code;
	struct error ignored;
	int timeout_ms;
	while (news.result == SCALE_PENDING && wait) {
		wait_for_news(container, monitor_descriptor(container), -1);
		monitor_attend(container, &timeout_ms, &ignored);
		monitor_own_news(container, token, &news);
		if (news.result == SCALE_PENDING && listener->tell)
			listener->tell(&news.report, listener->data);
	}
	return news.result == SCALE_PENDING ? 0 : conclude(container, &news, listener, error);
}

/* The container has ended, and its owner did not say whether it was for this, or for another limit. */
static int ended_meanwhile(const struct berth_container *container, uint64_t memory, struct error *error)
{
	char detail[256];
	struct berth_end end;
	struct scale_note note;
	scale_note_read(container->file, &note);
	if (memory && note.memory != memory)
		return 0;
	int reason = state_read_reason(container->file, detail, sizeof detail);
	if (!reason && state_read_end(container->file, &end) == 0)
		reason = end.reason;
	return reason == BERTH_SCALE_DOWN ? killed(container, error) : 0;
}

/* Hears the owner out. -EPIPE: it has gone, and left the container running. */
static int scale_follow(const struct berth_container *container, uint64_t memory, int connection, struct news *news,
			const struct listener *listener, struct error *error)
{
	while (news->result == SCALE_PENDING) {
		if (listener->tell)
			listener->tell(&news->report, listener->data);
		int got;
		while ((got = monitor_follow(connection, news)) == -EAGAIN && container_is_running(container))
			wait_for_news(container, connection, -1);
		/* It may have spoken just before the end. */
		if (got == -EAGAIN)
			got = monitor_follow(connection, news);
		if (got <= 0 && !container_is_running(container))
			return ended_meanwhile(container, memory, error);
		if (got == 0)
			return -EPIPE;
		if (got < 0)
			return error_errno(error, -got, "hear from the owner of container '%s'",
					   container->record.name);
	}
	return conclude(container, news, listener, error);
}

static int container_set_memory(struct berth_container *container, uint64_t memory, uint64_t swap, bool wait,
				const struct listener *listener, struct error *error)
{
	/* Who waits wants to hear of it. */
	int at_once = swap || wait ? 0 : scale_at_once(container, memory, error);
	if (at_once)
		return at_once < 0 ? at_once : 0;
	if (container->monitor)
		return scale_attending(container, memory, swap, wait, listener, error);
	int code = -EPIPE;
	while (code == -EPIPE && !container->owner) {
		struct news news;
		cleanup_fd int connection = monitor_request(container, memory, swap, wait, &news, error);
		if (connection == -EAGAIN)
			return ended_meanwhile(container, memory, error);
		if (connection < 0)
			code = connection;
		else if (wait || news.result != SCALE_PENDING)
			code = scale_follow(container, memory, connection, &news, listener, error);
		else
			code = 0;
	}
	return code == -EPIPE || code == -ENOTCONN ? scale_here(container, memory, swap, listener, error) : code;
}

/* Who waited, and hears that it was killed, may count on its being gone. */
static int wait_if_killed(struct berth_container *container, int code)
{
	if (code == -ENOMEM)
		container_wait(container, GONE_TIMEOUT_MS, NULL);
	return code;
}

static int update(struct berth_container *container, struct cgroup_limits limits, struct error *error)
{
	if (container_require_cgroup(container, error) < 0 || require_controllers(container, &limits, error) < 0)
		return -error->code;
	uint64_t memory = limits.memory, swap = limits.swap;
	limits.memory = limits.swap = 0;
	int code = cgroup_limits_controllers(&limits) ? cgroup_apply(container->cgroup, &limits, error) : 0;
	static const struct listener nobody;
	if (code == 0 && (memory || swap))
		code = container_set_memory(container, memory, swap, false, &nobody, error);
	/* It was accepted, and that it was replaced later is no failure. */
	return code == -ECANCELED ? 0 : code;
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
	struct listener listener = {tell, data};
	if (container_require_cgroup(container, &inner) < 0 || require_controllers(container, &limits, &inner) < 0 ||
	    wait_if_killed(container, container_set_memory(container, memory, 0, true, &listener, &inner)) < 0)
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

static int write_file(const struct berth_container *container, const char *file, const char *value, struct error *error)
{
	int code = scale_note_is_swap(file) ? scale_note_make(container->file) : 0;
	if (code < 0)
		return error_errno(error, -code, "note the limit of swap of container '%s'", container->record.name);
	return cgroup_file_write(container->cgroup, file, value, error);
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
		code = limits.memory ? update(container, limits, &inner) : write_file(container, file, value, &inner);
	return code < 0 ? error_export(&inner, error) : 0;
}
