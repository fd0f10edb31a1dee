/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user namespace made ready before there is a container in it: a process that does nothing but hold it, and the
 * other namespaces that are to belong to it, while its maps are written. user_namespaces(7)
 */
#ifndef NSUTIL_USERNS_H
#define NSUTIL_USERNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "nsutil/base/error.h"
#include "nsutil/id_map.h"

struct userns {
	int fd;         /* the namespace, CLOEXEC; -1: none */
	int pidfd;      /* the holder, CLOEXEC: setns(2) with it enters what it holds */
	bool no_groups; /* setgroups(2) is denied inside */
	int gate;       /* the holder lives until this is closed */
	void *stack;
};
#define USERNS_INIT                                                                                                    \
	{                                                                                                              \
		.fd = -1, .pidfd = -1, .gate = -1                                                                      \
	}

/*
 * Makes the namespace, and with it those of the kinds given (CLONE_NEWNET, ...), and writes the maps: itself for root
 * and for a user that maps nothing but its own ids, else by newuidmap(1) and newgidmap(1). Released with
 * userns_release, when the container runs or will not. 0 or -errno.
 */
int userns_make(const struct id_maps *maps, uint64_t namespaces, struct userns *userns, struct error *error);

/* Ends the holder, closes all. */
void userns_release(struct userns *userns);

/* Whether newuidmap and newgidmap are installed. */
bool userns_has_helpers(void);

#define cleanup_userns __attribute__((cleanup(userns_release)))

#endif
