/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into every suite: a test that hangs is killed after BERTH_TEST_TIMEOUT seconds (120) and reported as a
 * crash. Criterion's own --timeout is not kept by version 2.4.1, and its .timeout not when tests run in parallel.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

static timer_t deadline;
static int armed;

/*
 * Criterion executes this program anew for each test, so this runs in each. A timer of one's own rather than alarm(2):
 * tests are free to use that, and SIGKILL can't be blocked. fork(2) and execve(2) don't hand it on.
 */
__attribute__((constructor)) static void deadline_arm(void)
{
	const char *text = getenv("BERTH_TEST_TIMEOUT");
	int seconds = text ? atoi(text) : 0;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec when = {.it_value.tv_sec = seconds > 0 ? seconds : 120};
	if (timer_create(CLOCK_MONOTONIC, &event, &deadline) < 0)
		return;
	armed = 1;
	timer_settime(deadline, 0, &when, NULL);
}

/* Called in the process that runs the whole suite, and in no test. */
ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	(void)tests;
	if (armed)
		timer_delete(deadline);
	armed = 0;
}
