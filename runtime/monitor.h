/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attending to a container: its owner listens on a socket in the container's record for requests to lower its memory
 * limit, and carries them out between its other doings, so that who asks need not wait.
 */
#ifndef RUNTIME_MONITOR_H
#define RUNTIME_MONITOR_H

#include "runtime/scale.h"

struct monitor; /* in the handle of an owner that attends */

void monitor_free(struct monitor *monitor);

/*
 * Asks the container's owner for new memory limits. Returns the connection, on which the owner tells of progress if
 * follow is set, once the owner has accepted; -ENOTCONN if nobody attends; or what the owner refused it with.
 */
int monitor_request(const struct berth_container *container, uint64_t memory, uint64_t swap, bool follow,
		    struct error *error);

/* Takes the next news from such a connection: 1 with *report and *result filled, 0 when the owner has hung up, or
 * -errno. */
int monitor_follow(int connection, struct berth_scale *report, int *result);

/* The descriptor to poll, or -1 where the handle does not attend; and when its next step is due, in ms, or -1. */
int monitor_listener(const struct berth_container *container);
int monitor_timeout(const struct berth_container *container);

/* berth_container_attend, with an inner error, for a handle that attends. */
int monitor_attend(struct berth_container *container, int *timeout_ms, struct error *error);

/* Attends to its own request: as from outside, without the socket. */
int monitor_own_request(struct berth_container *container, uint64_t memory, uint64_t swap, struct error *error);

#endif
