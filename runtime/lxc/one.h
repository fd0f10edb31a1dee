/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that need no more than one container's name. */
#ifndef RUNTIME_LXC_ONE_H
#define RUNTIME_LXC_ONE_H

#include "runtime/lxc/tool.h"

/* Opens berth and finds the container tool->name; complains and returns NULL when it can't. */
struct berth_container *one_find(struct tool *tool, struct berth **berth);

#endif
