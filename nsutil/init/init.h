/* SPDX-License-Identifier: Apache-2.0 */
/* What only init does, beside carrying out a plan. */
#ifndef NSUTIL_INIT_INIT_H
#define NSUTIL_INIT_INIT_H

#include "nsutil/carry/carry.h"

/* reaper.c: FORK. In the child goes on with the plan; in the parent does not return. */
step_function step_fork;

#endif
