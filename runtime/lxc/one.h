/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that need no more than one container's name. */
#ifndef RUNTIME_LXC_ONE_H
#define RUNTIME_LXC_ONE_H

#include "runtime/lxc/tool.h"

/* An argp parser's refusal of further words; for commands without any of their own. */
error_t one_parse(int key, char *argument, struct argp_state *state);

/* Opens berth and finds the container tool->name; complains and returns NULL when it can't. */
struct berth_container *one_find(struct tool *tool, struct berth **berth);

#endif
