/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that scales down while lxc-execute attends to it. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lxc/fixture.h"

#define NAME "mesos_executor_default_framework_F"

static void init(void)
{
	lx_init();
	lx_require_controller("memory");
}

TestSuite(memory, .init = init, .fini = lx_fini);

static bool has_ended(const struct job *run)
{
	struct pollfd ended = {.fd = run->pidfd, .events = POLLIN};
	return poll(&ended, 1, 0) == 1;
}

/* What keeps memory out of swap, where there is some. */
static const char *no_swap(void)
{
	return lx_require_controller("memory") == 2 ? "lxc.cgroup2.memory.swap.max=0"
						    : "lxc.cgroup.memory.swappiness=0";
}

/* Holds 96 MiB that can't be swapped out, of 160. */
static struct job *hog(const char *grace)
{
	char setting[100];
	snprintf(setting, sizeof setting, "berth.memory.grace=%s", grace);
	const char *log = lx_path("log");
	struct job *run = LX_START("lxc-execute", "-n", NAME, "-s", "lxc.cgroup.memory.limit_in_bytes=160m", "-s",
				   setting, "-s", no_swap(), "-o", log, "-l", "INFO", lx_payload("eat"), "96", "hold");
	job_await_output(run, "eaten\n");
	/* And lxc-execute attends to it. */
	for (int i = 0; !strstr(lx_read(log), "INFO launched"); i++) {
		cr_assert_lt(i, lx_patience() / 5);
		poll(NULL, 0, 5);
	}
	return run;
}

/* Who asks is told, where the one try is over so soon, or the first as late as the grace. */
static void ask_in_vain(void)
{
	struct job *cgroup = lx_shell("lxc-cgroup -n " NAME " memory.limit_in_bytes 67108864");
	if (cgroup->status != 0) {
		lx_expect_status(cgroup, 1);
		lx_expect_complaint(cgroup, "was killed");
	}
}

Test(memory, a_limit_that_can_not_be_met_kills_and_everyone_learns_why)
{
	struct job *run = hog("3s");
	ask_in_vain();
	cr_expect_eq(job_await_end(run), 137);
	lx_expect_complaint(run, "lxc-execute: container '" NAME "' was killed: ");
	lx_expect_complaint(run, "64.0 MiB");
}

Test(memory, strict_kills_at_once)
{
	struct job *run = hog("0");
	ask_in_vain();
	cr_expect_eq(job_await_end(run), 137);
	lx_expect_complaint(run, "was killed: ");
}

Test(memory, one_that_can_be_met_is)
{
	lx_configure("berth.memory.grace = 60s\n");
	struct job *run = LX_START("lxc-execute", "-n", NAME, "-s", "lxc.cgroup.memory.limit_in_bytes=160m", "-s",
				   no_swap(), lx_payload("hog"), "ask");
	job_await_output(run, "ready\n");
	cr_assert_eq(write(run->in, "take 96\n", 8), 8);
	job_await_output(run, "taken\n");
	struct job *wait = LX_START("lxc-cgroup", "-n", NAME, "--wait", "memory.limit_in_bytes", "67108864");
	job_await_error(wait, "to be 64.0 MiB");
	cr_assert_eq(write(run->in, "free\n", 5), 5);
	cr_expect_eq(job_finish(wait), 0, "%s", wait->err_text);
	cr_expect_str_eq(LX("lxc-cgroup", "-n", NAME, "memory.limit_in_bytes")->out_text, "67108864\n");
	cr_expect_eq(job_finish(run), 0);
}

Test(memory, waiting_tells_how_it_gets_on_and_how_it_ends)
{
	struct job *run = hog("2s");
	struct job *wait = LX("lxc-cgroup", "-n", NAME, "--wait", "memory.limit_in_bytes", "67108864");
	lx_expect_status(wait, 1);
	lx_expect_complaint(wait, "to be 64.0 MiB");
	lx_expect_complaint(wait, "was killed");
	cr_expect_eq(job_finish(run), 137);
}

Test(memory, a_newer_request_takes_the_place_of_the_one_under_way)
{
	struct job *run = hog("60s");
	struct job *wait = LX_START("lxc-cgroup", "-n", NAME, "--wait", "memory.limit_in_bytes", "67108864");
	job_await_error(wait, "to be 64.0 MiB");
	lx_expect_status(LX("lxc-cgroup", "-n", NAME, "memory.limit_in_bytes", "200m"), 0);
	cr_expect_eq(job_finish(wait), 1);
	cr_expect_str_eq(LX("lxc-cgroup", "-n", NAME, "memory.limit_in_bytes")->out_text, "209715200\n");
	cr_expect_eq(job_finish(run), 0, "%s", run->err_text);
}

Test(memory, a_stop_in_the_middle)
{
	struct job *run = hog("60s");
	lx_expect_status(LX("lxc-cgroup", "-n", NAME, "memory.limit_in_bytes", "64m"), 0);
	cr_expect(!has_ended(run), "the caller was kept waiting");
	lx_expect_status(LX("lxc-stop", "-n", NAME), 0);
	cr_expect_eq(job_finish(run), 137);
	cr_expect_null(strstr(run->err_text, "was killed"), "%s", run->err_text);
}

Test(memory, out_of_memory_is_told)
{
	struct job *run = LX("lxc-execute", "-n", NAME, "-s", "lxc.cgroup.memory.limit_in_bytes=32m", "-s", no_swap(),
			     lx_payload("eat"), "64");
	lx_expect_status(run, 137);
	lx_expect_complaint(run, "container '" NAME "' was killed: out of memory");
	lx_expect_complaint(run, "32.0 MiB");
}
