/* SPDX-License-Identifier: Apache-2.0 */
/* What only init does, beside carrying out a plan. */
#ifndef NSUTIL_INIT_INIT_H
#define NSUTIL_INIT_INIT_H

#include "nsutil/carry/carry.h"

/* descriptors.c: takes what the parent sends. Their number; -ECONNRESET when there is no parent any more; -errno. */
int descriptors_receive(int status, int *descriptors, size_t most);

/* enter.c: ENTER. Waits for the parent; does not return when there is none any more. */
step_function step_enter;

/*
 * await.c: AWAIT. Tells the parent, and waits until it has sent the plan to go on with; does not return when there is
 * no parent any more.
 */
step_function step_await;

/*
 * take.c: maps the plan behind the descriptor, closes that, and gives the carrier what it takes to carry it out. 0,
 * -EBADMSG or -ENOMEM.
 */
int plan_take(struct carrier *carrier, int fd);

/* reaper.c: FORK. A child goes on with the plan; this process stays beside it, and does not return but with -errno. */
step_function step_fork;

#endif
