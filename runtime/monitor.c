/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/oom_guard.h"

enum {
	BACKLOG = 64,
	CONNECTIONS = 1024, /* more at a time are refused */
	EVENTS = 64,
	PROGRESS_MS = 500,
	ANSWER_TIMEOUT_MS = 10000,
};

/* Who asked, or is about to. */
struct connection {
	int fd;
	bool follows;
};

struct monitor {
	int epoll; /* of all that follows: one descriptor for the caller to poll */
	int timer; /* expires when the next step is due */
	int listener;
	struct scale scale;
	struct oom_guard guard;
	struct connection *connections;
	size_t count;
	uint64_t told_ms;
	struct news last; /* of the scale-down that ended last, and which that was */
	uint64_t last_token;
};

/* One packet each way, between processes of one build. */
struct request {
	uint64_t magic;
	uint64_t memory, swap;
	uint64_t follow;
};
struct answer {
	uint64_t magic;
	struct news news;
};
static const uint64_t magic = 0x6265727468000002; /* "berth", and the packets' version */

/* The socket's address, by way of the state root's descriptor: its path may be longer than an address. unix(7) */
static socklen_t address_fill(const struct berth_container *container, struct sockaddr_un *address)
{
	char name[STATE_BESIDE_SIZE];
	state_beside_name(container->file, STATE_CONTROL, name);
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", container->berth->state_fd, name);
	return sizeof *address;
}

/* ---- Opening ---- */

void monitor_free(struct monitor *monitor, const struct berth_container *container)
{
	if (!monitor)
		return;
	oom_guard_free(&monitor->guard, container);
	for (size_t i = 0; i < monitor->count; i++)
		close(monitor->connections[i].fd);
	free(monitor->connections);
	if (monitor->listener >= 0)
		close(monitor->listener);
	if (monitor->timer >= 0)
		close(monitor->timer);
	if (monitor->epoll >= 0)
		close(monitor->epoll);
	free(monitor);
}

void monitor_unlink(const struct berth_container *container)
{
	if (!container->monitor)
		return;
	char name[STATE_BESIDE_SIZE];
	state_beside_name(container->file, STATE_CONTROL, name);
	unlinkat(container->berth->state_fd, name, 0);
}

static bool watch(const struct monitor *monitor, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
	return epoll_ctl(monitor->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* The descriptor wakes its owner also for a step that is due. */
static void timer_arm(const struct monitor *monitor)
{
	int timeout_ms = scale_timeout(&monitor->scale);
	struct itimerspec when = {0};
	if (timeout_ms >= 0)
		when.it_value =
			(struct timespec){.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L + 1};
	timerfd_settime(monitor->timer, 0, &when, NULL);
}

/* After whatever may have begun or ended a scale-down. */
static void prepare(const struct berth_container *container)
{
	struct monitor *monitor = container->monitor;
	if (oom_guard_update(&monitor->guard, container, &monitor->scale))
		watch(monitor, monitor->guard.event);
	timer_arm(monitor);
}

static int monitor_open(struct berth_container *container, struct error *error)
{
	struct monitor *monitor = calloc(1, sizeof *monitor);
	if (!monitor)
		return error_errno(error, ENOMEM, "attend to container '%s'", container->record.name);
	monitor->guard = (struct oom_guard)OOM_GUARD_INIT;
	monitor->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	monitor->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	monitor->epoll = epoll_create1(EPOLL_CLOEXEC);
	struct sockaddr_un address;
	socklen_t length = address_fill(container, &address);
	/* One that a dead owner left. */
	unlink(address.sun_path);
	if (monitor->listener < 0 || monitor->timer < 0 || monitor->epoll < 0 ||
	    bind(monitor->listener, (struct sockaddr *)&address, length) < 0 ||
	    listen(monitor->listener, BACKLOG) < 0 || !watch(monitor, monitor->listener) ||
	    !watch(monitor, monitor->timer)) {
		int code = errno;
		unlink(address.sun_path);
		monitor_free(monitor, container);
		return error_errno(error, code, "listen for requests to container '%s'", container->record.name);
	}
	container->monitor = monitor;
	/* What a dead owner had accepted is still to be done. */
	uint64_t memory, swap;
	struct error ignored;
	if (scale_recover(container, &memory, &swap))
		scale_start(container, &monitor->scale, memory, swap, &ignored);
	prepare(container);
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
	return code < 0 ? error_export(&inner, error) : container->monitor->epoll;
}

int monitor_descriptor(const struct berth_container *container)
{
	return container->monitor ? container->monitor->epoll : -1;
}

/* ---- Telling ---- */

static void news_fill(const struct berth_container *container, int result, const struct error *error, struct news *news)
{
	*news = (struct news){.result = result};
	scale_describe(container, &container->monitor->scale, &news->report);
	if (result < 0)
		snprintf(news->text, sizeof news->text, "%.255s", error->text);
}

static void tell(int connection, const struct news *news)
{
	struct answer answer = {.magic = magic, .news = *news};
	send(connection, &answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void connection_drop(struct monitor *monitor, size_t i)
{
	/* A child that the owner has forked may hold a copy, which would keep it in the set. epoll(7) */
	epoll_ctl(monitor->epoll, EPOLL_CTL_DEL, monitor->connections[i].fd, NULL);
	close(monitor->connections[i].fd);
	monitor->connections[i] = monitor->connections[--monitor->count];
}

/* Tells all followers; those of a scale-down that is over (or replaced: -ECANCELED) are let go. */
static void tell_followers(const struct berth_container *container, int result, const struct error *error)
{
	struct monitor *monitor = container->monitor;
	struct news news;
	news_fill(container, result, error, &news);
	for (size_t i = monitor->count; i-- > 0;) {
		if (!monitor->connections[i].follows)
			continue;
		tell(monitor->connections[i].fd, &news);
		if (result != SCALE_PENDING)
			connection_drop(monitor, i);
	}
	monitor->told_ms = monotonic_ms();
	if (result != SCALE_PENDING)
		monitor->last = news;
}

/* ---- Requests ---- */

int monitor_own_request(struct berth_container *container, uint64_t memory, uint64_t swap, uint64_t *token,
			struct news *news, struct error *error)
{
	struct monitor *monitor = container->monitor;
	struct scale before = monitor->scale;
	int result = scale_start(container, &monitor->scale, memory, swap, error);
	*token = monitor->scale.token;
	if (before.active && monitor->scale.token != before.token) {
		struct error replaced;
		error_set(&replaced, ECANCELED, "another memory limit took its place");
		tell_followers(container, -ECANCELED, &replaced);
		monitor->last_token = before.token;
	}
	prepare(container);
	news_fill(container, result, error, news);
	return result;
}

void monitor_own_news(const struct berth_container *container, uint64_t token, struct news *news)
{
	const struct monitor *monitor = container->monitor;
	struct error replaced;
	error_set(&replaced, ECANCELED, "another memory limit took its place");
	if (monitor->scale.active && monitor->scale.token == token)
		news_fill(container, SCALE_PENDING, NULL, news);
	else if (monitor->last_token == token)
		*news = monitor->last;
	else
		news_fill(container, -ECANCELED, &replaced, news);
}

/* Hears the connection out; false: it is of no more use. */
static bool serve(struct berth_container *container, struct connection *connection)
{
	struct request request;
	ssize_t length = recv(connection->fd, &request, sizeof request, MSG_DONTWAIT | MSG_TRUNC);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	/* A follower has nothing more to say: it has hung up. */
	if (length != sizeof request || request.magic != magic || connection->follows)
		return false;
	struct error error = {0};
	uint64_t token;
	int fd = connection->fd;
	struct news news;
	int result = monitor_own_request(container, request.memory, request.swap, &token, &news, &error);
	tell(fd, &news);
	if (result != SCALE_PENDING || !request.follow)
		return false;
	/* Followers of what it replaced are gone, so it may have moved. */
	struct monitor *monitor = container->monitor;
	for (size_t i = 0; i < monitor->count; i++)
		if (monitor->connections[i].fd == fd)
			monitor->connections[i].follows = true;
	return true;
}

static void connection_accept(struct monitor *monitor)
{
	for (int fd; (fd = accept4(monitor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
		struct connection *grown =
			monitor->count < CONNECTIONS
				? reallocarray(monitor->connections, monitor->count + 1, sizeof *grown)
				: NULL;
		if (grown)
			monitor->connections = grown;
		if (!grown || !watch(monitor, fd))
			close(fd);
		else
			grown[monitor->count++] = (struct connection){.fd = fd};
	}
}

static void connections_serve(struct berth_container *container)
{
	struct monitor *monitor = container->monitor;
	struct epoll_event events[EVENTS];
	int count = epoll_wait(monitor->epoll, events, EVENTS, 0);
	for (int event = 0; event < count; event++) {
		int fd = events[event].data.fd;
		if (fd == monitor->listener)
			connection_accept(monitor);
		for (size_t i = 0; i < monitor->count; i++) {
			if (monitor->connections[i].fd != fd)
				continue;
			bool keep = serve(container, &monitor->connections[i]);
			for (i = 0; !keep && i < monitor->count; i++)
				if (monitor->connections[i].fd == fd)
					connection_drop(monitor, i);
			break;
		}
	}
}

int monitor_attend(struct berth_container *container, int *timeout_ms, struct error *error)
{
	struct monitor *monitor = container->monitor;
	connections_serve(container);
	oom_guard_attend(&monitor->guard, container, &monitor->scale);
	int result = SCALE_DONE;
	bool was_active = monitor->scale.active;
	if (was_active)
		result = scale_step(container, &monitor->scale, error);
	if (was_active && (result != SCALE_PENDING || monotonic_ms() - monitor->told_ms >= PROGRESS_MS))
		tell_followers(container, result, error);
	if (was_active && result != SCALE_PENDING)
		monitor->last_token = monitor->scale.token;
	*timeout_ms = scale_timeout(&monitor->scale);
	if (was_active && result != SCALE_PENDING)
		prepare(container);
	else
		timer_arm(monitor);
	/* Another process, that began before this one attended, has gone on with a newer request: no failure. */
	return result < 0 && result != -ECANCELED ? result : 0;
}

int berth_container_attend(struct berth_container *container, int *timeout_ms, struct berth_error *error)
{
	struct error inner = {0};
	*timeout_ms = -1;
	if (!container->monitor || container->ended)
		return 0;
	return monitor_attend(container, timeout_ms, &inner) < 0 ? error_export(&inner, error) : 0;
}

/* ---- Asking ---- */

/* One packet if there is one; its length, 0 at the end of file, or -errno. */
static ssize_t answer_receive(int connection, struct answer *answer)
{
	ssize_t length;
	do
		length = recv(connection, answer, sizeof *answer, MSG_TRUNC | MSG_DONTWAIT);
	while (length < 0 && errno == EINTR);
	if (length <= 0)
		return length < 0 ? -errno : 0;
	return length == sizeof *answer && answer->magic == magic ? length : -EPROTO;
}

/* The same, having waited for it; -EAGAIN when the container has ended instead, -ETIMEDOUT. */
static ssize_t answer_await(const struct berth_container *container, int connection, struct answer *answer)
{
	uint64_t deadline = monotonic_ms() + ANSWER_TIMEOUT_MS;
	for (uint64_t now; (now = monotonic_ms()) < deadline;) {
		struct pollfd polled[] = {{.fd = connection, .events = POLLIN},
					  {.fd = container->pidfd, .events = POLLIN}};
		if (poll(polled, 2, (int)(deadline - now)) < 0 && errno != EINTR)
			return -errno;
		if (polled[0].revents || polled[1].revents)
			return answer_receive(connection, answer);
	}
	return -ETIMEDOUT;
}

static int connect_patiently(int connection, const struct berth_container *container)
{
	/* For an owner that is alive but does not come round to attending, with many that wait already. socket(7) */
	const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_MS / 1000};
	setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	struct sockaddr_un address;
	socklen_t length = address_fill(container, &address);
	int code;
	do
		code = connect(connection, (struct sockaddr *)&address, length);
	while (code < 0 && errno == EINTR);
	return code == 0 ? 0 : errno == EAGAIN ? -ETIMEDOUT : -errno;
}

int monitor_request(const struct berth_container *container, uint64_t memory, uint64_t swap, bool follow,
		    struct news *news, struct error *error)
{
	const char *name = container->record.name;
	cleanup_fd int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (connection < 0)
		return error_errno(error, errno, "reach the owner of container '%s'", name);
	int code = connect_patiently(connection, container);
	struct request request = {.magic = magic, .memory = memory, .swap = swap, .follow = follow};
	struct answer answer;
	if (code == 0 && send(connection, &request, sizeof request, MSG_NOSIGNAL) < 0)
		code = -errno;
	ssize_t length = code < 0 ? code : answer_await(container, connection, &answer);
	if (length == -ETIMEDOUT)
		return error_set(error, ETIMEDOUT, "the owner of container '%s' has not answered for %d s", name,
				 ANSWER_TIMEOUT_MS / 1000);
	if (length == -EAGAIN)
		return error_set(error, EAGAIN, "container '%s' has ended", name);
	if (length == -EPROTO)
		return error_set(error, EPROTO, "the owner of container '%s' speaks another version of berth", name);
	if (length <= 0)
		return error_set(error, ENOTCONN, "the owner of container '%s' does not attend to it", name);
	if (answer.news.result < 0)
		return error_set(error, -answer.news.result, "%s", answer.news.text);
	*news = answer.news;
	return steal_fd(&connection);
}

int monitor_follow(int connection, struct news *news)
{
	struct answer answer;
	ssize_t length = answer_receive(connection, &answer);
	if (length > 0)
		*news = answer.news;
	return length > 0 ? 1 : (int)length;
}
