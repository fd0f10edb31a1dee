/* SPDX-License-Identifier: Apache-2.0 */
/* What only init does, beside carrying out a plan. */
#ifndef NSUTIL_INIT_INIT_H
#define NSUTIL_INIT_INIT_H

#include "nsutil/carry/carry.h"

/* reaper.c: FORK. A child goes on with the plan; this process stays beside it, and does not return but with -errno. */
step_function step_fork;

#endif
