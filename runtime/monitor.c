/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

enum { FOLLOWERS = 16, PROGRESS_MS = 1000, ANSWER_TIMEOUT_MS = 5000 };

struct monitor {
	int listener;
	struct scale scale;
	int followers[FOLLOWERS]; /* connections that want to hear of the progress; -1: free */
	uint64_t told_ms;
};

/* One packet each way, between processes of one build. */
struct request {
	uint64_t memory, swap;
	bool follow;
};
struct answer {
	int result; /* enum scale_result, or -errno */
	struct berth_scale report;
	char text[256];
};

/* The socket's address, by way of the record's descriptor: its path may be longer than an address. unix(7) */
static socklen_t address_fill(const struct berth_container *container, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/control", container->directory);
	return sizeof *address;
}

void monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return;
	for (size_t i = 0; i < FOLLOWERS; i++)
		if (monitor->followers[i] >= 0)
			close(monitor->followers[i]);
	if (monitor->listener >= 0)
		close(monitor->listener);
	free(monitor);
}

static int monitor_open(struct berth_container *container, struct error *error)
{
	struct monitor *monitor = calloc(1, sizeof *monitor);
	if (!monitor)
		return error_errno(error, ENOMEM, "attend to container '%s'", container->record.name);
	memset(monitor->followers, -1, sizeof monitor->followers);
	monitor->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	socklen_t length = address_fill(container, &address);
	/* One that a dead owner left. */
	unlinkat(container->directory, "control", 0);
	if (monitor->listener < 0 || bind(monitor->listener, (struct sockaddr *)&address, length) < 0 ||
	    listen(monitor->listener, FOLLOWERS) < 0) {
		int code = errno;
		monitor_free(monitor);
		return error_errno(error, code, "listen for requests to container '%s'", container->record.name);
	}
	container->monitor = monitor;
	return 0;
}

int berth_container_monitor(struct berth_container *container, struct berth_error *error)
{
	struct error inner = {0};
	int code = 0;
	if (!container->owner)
		code = error_set(&inner, EPERM, "only the owner of container '%s' attends to it",
				 container->record.name);
	else if (!container->monitor)
		code = monitor_open(container, &inner);
	return code < 0 ? error_export(&inner, error) : container->monitor->listener;
}

int monitor_listener(const struct berth_container *container)
{
	return container->monitor ? container->monitor->listener : -1;
}

int monitor_timeout(const struct berth_container *container)
{
	return container->monitor ? scale_timeout(&container->monitor->scale) : -1;
}

static void tell(const struct berth_container *container, int connection, int result, const struct error *error)
{
	struct answer answer = {.result = result};
	scale_describe(container, &container->monitor->scale, &answer.report);
	if (result < 0)
		snprintf(answer.text, sizeof answer.text, "%.255s", error->text);
	send(connection, &answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Tells all followers; those of a scale-down that is over (or replaced: -ECANCELED) are let go. */
static void tell_followers(const struct berth_container *container, int result, const struct error *error)
{
	struct monitor *monitor = container->monitor;
	for (size_t i = 0; i < FOLLOWERS; i++) {
		if (monitor->followers[i] < 0)
			continue;
		tell(container, monitor->followers[i], result, error);
		if (result == SCALE_PENDING)
			continue;
		close(monitor->followers[i]);
		monitor->followers[i] = -1;
	}
	monitor->told_ms = monotonic_ms();
}

int monitor_own_request(struct berth_container *container, uint64_t memory, uint64_t swap, struct error *error)
{
	struct error replaced;
	error_set(&replaced, ECANCELED, "another limit took its place");
	int result = scale_start(container, &container->monitor->scale, memory, swap, error);
	if (result != -EINVAL)
		tell_followers(container, -ECANCELED, &replaced);
	return result;
}

static void keep_follower(struct monitor *monitor, int connection)
{
	for (size_t i = 0; i < FOLLOWERS; i++) {
		if (monitor->followers[i] < 0) {
			monitor->followers[i] = connection;
			return;
		}
	}
	close(connection);
}

static void serve(struct berth_container *container, int connection)
{
	struct request request;
	/* Who connects sends at once; the bound is for one that died in between. */
	struct pollfd readable = {.fd = connection, .events = POLLIN};
	if (poll(&readable, 1, ANSWER_TIMEOUT_MS) <= 0 ||
	    recv(connection, &request, sizeof request, MSG_DONTWAIT) != sizeof request) {
		close(connection);
		return;
	}
	struct error error = {0};
	int result = monitor_own_request(container, request.memory, request.swap, &error);
	tell(container, connection, result, &error);
	if (result == SCALE_PENDING && request.follow)
		keep_follower(container->monitor, connection);
	else
		close(connection);
}

int monitor_attend(struct berth_container *container, int *timeout_ms, struct error *error)
{
	struct monitor *monitor = container->monitor;
	for (int connection; (connection = accept4(monitor->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
		serve(container, connection);
	int result = SCALE_DONE;
	bool was_active = monitor->scale.active;
	if (was_active)
		result = scale_step(container, &monitor->scale, error);
	if (was_active && (result != SCALE_PENDING || monotonic_ms() - monitor->told_ms >= PROGRESS_MS))
		tell_followers(container, result, error);
	*timeout_ms = scale_timeout(&monitor->scale);
	return result < 0 ? result : 0;
}

int berth_container_attend(struct berth_container *container, int *timeout_ms, struct berth_error *error)
{
	struct error inner = {0};
	*timeout_ms = -1;
	if (!container->monitor || container->ended)
		return 0;
	return monitor_attend(container, timeout_ms, &inner) < 0 ? error_export(&inner, error) : 0;
}

int monitor_request(const struct berth_container *container, uint64_t memory, uint64_t swap, bool follow,
		    struct error *error)
{
	cleanup_fd int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	socklen_t length = address_fill(container, &address);
	if (connection < 0 || connect(connection, (struct sockaddr *)&address, length) < 0)
		return error_errno(error, ENOTCONN, "reach the owner of container '%s'", container->record.name);
	struct request request = {.memory = memory, .swap = swap, .follow = follow};
	struct answer answer;
	if (send(connection, &request, sizeof request, MSG_NOSIGNAL) < 0 ||
	    recv(connection, &answer, sizeof answer, 0) != sizeof answer)
		return error_errno(error, ENOTCONN, "hear from the owner of container '%s'", container->record.name);
	if (answer.result < 0)
		return error_set(error, -answer.result, "%s", answer.text);
	return steal_fd(&connection);
}

int monitor_follow(int connection, struct berth_scale *report, int *result)
{
	struct answer answer;
	ssize_t length = recv(connection, &answer, sizeof answer, 0);
	if (length <= 0)
		return length < 0 ? -errno : 0;
	*report = answer.report;
	*result = answer.result;
	return length == sizeof answer ? 1 : -EPROTO;
}
