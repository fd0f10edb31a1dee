/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "runtime/lxc/commands.h"
#include "runtime/lxc/one.h"

enum { LOOK_MS = 50 };

/* One container, from when it was first seen until it is gone. The handle tells its end even then. */
struct watched {
	struct berth_container *container;
	const char *state;
	bool listed; /* in this round */
};

struct monitor {
	struct tool tool;
	regex_t expression;
	struct watched *watched;
	size_t n;
};

static const struct args_option options[] = {
	{"quit", 'Q', NULL, ARGS_HIDDEN, NULL, 0},
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	(void)argument;
	if (key != 'Q')
		return ARGS_UNKNOWN;
	tool_refuse(state, "--quit", "there is no daemon to end");
}

static int expression_compile(struct monitor *monitor)
{
	cleanup_free char *whole = NULL;
	if (asprintf(&whole, "^(%s)$", monitor->tool.name ? monitor->tool.name : ".*") < 0)
		whole = NULL;
	if (whole && regcomp(&monitor->expression, whole, REG_EXTENDED | REG_NOSUB) == 0)
		return 0;
	tool_log(&monitor->tool, LEVEL_ERROR, "'%s' is no regular expression", monitor->tool.name);
	return TOOL_FAILED;
}

static void change_print(const struct watched *watched)
{
	struct berth_end end = BERTH_END_INIT;
	putchar('\'');
	tool_print(stdout, berth_container_name(watched->container));
	if (!watched->listed && berth_container_wait(watched->container, 0, &end, NULL) == 0) {
		printf("' exited with status [%d]: %s\n'", berth_end_status(&end), end.text);
		tool_print(stdout, berth_container_name(watched->container));
	}
	printf("' changed state to [%s]\n", watched->state);
}

/* Takes a container of this round's list in, or closes the handle. */
static int take(struct monitor *monitor, struct berth_container *container)
{
	const char *name = berth_container_name(container);
	for (size_t i = 0; i < monitor->n; i++) {
		struct watched *known = &monitor->watched[i];
		if (strcmp(berth_container_name(known->container), name) == 0 &&
		    berth_container_started(known->container) == berth_container_started(container)) {
			known->listed = true;
			/* What was found while it was being made knows no process of it. */
			if (berth_container_state(known->container) == BERTH_STARTING) {
				struct berth_container *before = known->container;
				known->container = container;
				container = before;
			}
			berth_container_close(container);
			return 0;
		}
	}
	struct watched *grown = reallocarray(monitor->watched, monitor->n + 1, sizeof(*grown));
	if (!grown || regexec(&monitor->expression, name, 0, NULL, 0) != 0) {
		monitor->watched = grown ? grown : monitor->watched;
		berth_container_close(container);
		return grown ? 0 : -ENOMEM;
	}
	monitor->watched = grown;
	grown[monitor->n++] = (struct watched){.container = container, .state = "", .listed = true};
	return 0;
}

/* Looks at each once; what it was before the first round is nothing that changed. */
static void round_finish(struct monitor *monitor, bool first)
{
	size_t kept = 0;
	for (size_t i = 0; i < monitor->n; i++) {
		struct watched *watched = &monitor->watched[i];
		const char *state = watched->listed ? tool_state_name(watched->container) : "STOPPED";
		bool changed = strcmp(state, watched->state) != 0;
		watched->state = state;
		if (changed && !first)
			change_print(watched);
		if (watched->listed)
			monitor->watched[kept++] = *watched;
		else
			berth_container_close(watched->container);
	}
	monitor->n = kept;
}

int lxc_monitor(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "",
		"Print the changes of containers' states as they happen, until interrupted."
		"\v"
		"The name is a regular expression; without one all containers are watched. A state that "
		"lasts less than a twentieth of a second may pass unseen.",
		NULL};
	cleanup_berth struct berth *berth = NULL;
	struct monitor monitor = {.tool = TOOL_INIT(TOOL_NAME_ALLOWED)};
	struct berth_error error = BERTH_ERROR_INIT;

	tool_parse(&monitor.tool, &args, argc, argv);
	if (expression_compile(&monitor) != 0)
		return TOOL_FAILED;
	if (tool_open_for_all(&monitor.tool, &berth, &error) < 0)
		return tool_fail(&monitor.tool, &error);
	for (bool first = true;; first = false) {
		cleanup_free struct berth_container **containers = NULL;
		ssize_t n = berth_list(berth, &containers, &error);
		if (n < 0)
			return tool_fail(&monitor.tool, &error);
		for (size_t i = 0; i < monitor.n; i++)
			monitor.watched[i].listed = false;
		for (ssize_t i = 0; i < n; i++)
			if (take(&monitor, containers[i]) < 0)
				return TOOL_FAILED;
		round_finish(&monitor, first);
		if (tool_flush(&monitor.tool, 0) != 0)
			return TOOL_FAILED;
		poll(NULL, 0, LOOK_MS);
	}
}
