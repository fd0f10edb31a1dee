/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/detach.h"
#include "runtime/cli/foreground.h"
#include "runtime/cli/format.h"
#include "runtime/cli/refusals.h"
#include "runtime/cli/run_options.h"
#include "runtime/cli/tty.h"

/* Before the owner listens for requests: for what ends sooner nobody had the time to ask for something. */
enum { BRIEF_MS = 1 };

static int pass_signal(void *target, int signal, struct berth_error *error)
{
	return berth_container_signal(target, signal, error);
}

static int time_out(void *target, struct berth_error *error)
{
	return berth_container_kill(target, BERTH_TIMEOUT, error);
}

static void attend(void *target, int *timeout_ms)
{
	/* A failure is told to whoever asked for the new limit. */
	berth_container_attend(target, timeout_ms, NULL);
}

/* What the exit status alone does not tell. A command that ended by itself, or by a signal of its own, has told. */
static void tell_end(const struct berth_end *end, uint64_t timeout_ns)
{
	char duration[FORMAT_SIZE];
	switch (end->reason) {
	case BERTH_TIMEOUT:
		if (timeout_ns)
			cli_complain("killed: its time limit of %s was up", format_duration(timeout_ns, duration));
		else
			cli_complain("%s", end->text);
		break;
	case BERTH_OUT_OF_MEMORY:
	case BERTH_SCALE_DOWN:
	case BERTH_KILLED:
	case BERTH_LOST:
		cli_complain("%s", end->text);
		break;
	default:
		if (end->oom_kills) {
			char limit[FORMAT_SIZE], peak[FORMAT_SIZE];
			cli_complain("out of memory on the way: limit %s, peak %s, %llu process%s killed",
				     format_bytes(end->memory_limit, limit), format_bytes(end->memory_peak, peak),
				     (unsigned long long)end->oom_kills, end->oom_kills == 1 ? "" : "es");
		}
	}
}

static void print_part(void *data, const char *part, unsigned int count, uint64_t ns)
{
	uint64_t *total = data;
	*total += ns;
	fprintf(stderr, "%-18s %4u %8.1f us\n", part, count, (double)ns / 1000);
}

/* Whether the command has ended at once. One with a terminal, or a filter that asks, is not to wait for this. */
static bool is_brief(struct berth_container *container)
{
	struct pollfd ended = {.fd = berth_container_pidfd(container), .events = POLLIN};
	return berth_container_tty(container) < 0 && berth_container_seccomp_log(container) < 0 &&
	       poll(&ended, 1, BRIEF_MS) == 1;
}

/* Attends to the command and to who wants something of it, until it has ended. */
static int stand_by(struct berth_container *container, uint64_t timeout_ns, struct berth_error *error)
{
	struct refusals refusals = {.container = container, .fd = berth_container_seccomp_log(container)};
	const struct foreground foreground = {
		.pidfd = berth_container_pidfd(container),
		.tty = berth_container_tty(container),
		.timeout_ns = timeout_ns,
		.monitor = berth_container_monitor(container, NULL),
		.refusals = &refusals,
		.target = container,
		.signal = pass_signal,
		.expire = time_out,
		.attend = attend,
	};
	return foreground_run(&foreground, error);
}

static int run_foreground(struct run_options *options)
{
	cleanup_berth struct berth *berth = NULL;
	cleanup_container struct berth_container *container = NULL;
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_end end = BERTH_END_INIT;
	struct berth_options *launch = &options->launch;
	launch->flags |= BERTH_DIE_WITH_THREAD;
	if (launch->flags & BERTH_TTY)
		tty_size(&launch->tty_rows, &launch->tty_columns);
	foreground_block_signals();
	uint64_t total_ns = 0;
	if (options->timing) {
		launch->timing = print_part;
		launch->timing_data = &total_ns;
	}
	if (cli_open(&berth, &error) < 0 || berth_launch(berth, launch, &container, &error) < 0)
		return cli_fail(&error);
	if (options->timing)
		fprintf(stderr, "%-18s      %8.1f us\n", "total", (double)total_ns / 1000);

	if (!is_brief(container) && stand_by(container, options->timeout_ns, &error) < 0) {
		cli_fail(&error);
		berth_container_kill(container, BERTH_KILLED, NULL);
		berth_container_wait(container, -1, &end, NULL);
		return ERROR_STATUS_FAILED;
	}
	if (berth_container_wait(container, -1, &end, &error) < 0)
		return cli_fail(&error);
	tell_end(&end, options->timeout_ns);
	/* The kernel releases all of it at once, and sooner than it could be given back one by one. */
	exit(cli_finish(berth_end_status(&end)));
}

int cli_run(int argc, char **argv)
{
	cleanup_run_options struct run_options options;
	if (run_options_parse(argc, argv, false, &options) < 0)
		return ERROR_STATUS_FAILED;
	return options.detach ? detach_run(&options) : run_foreground(&options);
}
