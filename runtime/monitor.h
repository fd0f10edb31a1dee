/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attending to a container: its owner listens on a socket in the container's record for requests to lower its memory
 * limit, and carries them out between its other doings, so that who asks need not wait. Who connects may be slow, die,
 * or talk nonsense: the owner never waits for it.
 */
#ifndef RUNTIME_MONITOR_H
#define RUNTIME_MONITOR_H

#include "runtime/scale.h"

struct monitor; /* in the handle of an owner that attends */

void monitor_free(struct monitor *monitor, const struct berth_container *container);

/* For who removes the record: removes the socket beside it. Nothing for a handle that does not attend. */
void monitor_unlink(const struct berth_container *container);

/* What an owner tells of a request. */
struct news {
	int result; /* enum scale_result, or -errno with the error's text */
	struct berth_scale report;
	char text[256];
};

/*
 * Asks the container's owner for new memory limits. Returns the connection, on which the owner tells of progress if
 * follow is set and news->result is SCALE_PENDING, once the owner has answered with *news; -EAGAIN if the container has
 * ended without an answer; -ENOTCONN if nobody attends; -ETIMEDOUT for an owner that does not answer; or what the owner
 * refused it with.
 */
int monitor_request(const struct berth_container *container, uint64_t memory, uint64_t swap, bool follow,
		    struct news *news, struct error *error);

/* Takes the next news from such a connection: 1, 0 when the owner has hung up, -EAGAIN while there is none, -errno. */
int monitor_follow(int connection, struct news *news);

/* The descriptor to poll, or -1 where the handle does not attend. */
int monitor_descriptor(const struct berth_container *container);

/* berth_container_attend, with an inner error, for a handle that attends. */
int monitor_attend(struct berth_container *container, int *timeout_ms, struct error *error);

/*
 * Attends to its own request: as from outside, without the socket. The answer is scale_start's, and also in *news;
 * *token is the request's where that is SCALE_PENDING.
 */
int monitor_own_request(struct berth_container *container, uint64_t memory, uint64_t swap, uint64_t *token,
			struct news *news, struct error *error);
/* How the request of that token stands, for its owner. */
void monitor_own_news(const struct berth_container *container, uint64_t token, struct news *news);

#endif
