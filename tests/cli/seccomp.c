/* SPDX-License-Identifier: Apache-2.0 */
/* --seccomp-log. */
#include <string.h>

#include "tests/cli/harness.h"

TestSuite(cli_seccomp, .init = world_init, .fini = world_fini);

static size_t occurrences(const char *text, const char *part)
{
	size_t count = 0;
	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

Test(cli_seccomp, log_tells_each_call_once)
{
	static const char script[] = "unshare -U true && unshare -U true && echo through";
	static const char told[] = "berth run: seccomp: would refuse unshare(2) by 'unshare' (pid ";
	cleanup_job struct job log, confined, plan;
	BERTH(&confined, "run", "-w", "/", "sh", "-c", script);
	cr_expect_neq(confined.status, 0);
	cr_expect_str_eq(confined.out_text, "");
	BERTH(&log, "run", "--seccomp-log", "-w", "/", "sh", "-c", script);
	expect_status(&log, 0);
	cr_expect_str_eq(log.out_text, "through\n");
	cr_expect_eq(occurrences(log.err_text, told), 1, "%s", log.err_text);
	BERTH(&plan, "plan", "--seccomp-log", "true");
	cr_expect(strstr(plan.out_text, "to tell what it would refuse"), "%s", plan.out_text);
}

Test(cli_seccomp, log_needs_the_foreground_and_a_filter)
{
	cleanup_job struct job detached, unconfined;
	BERTH(&detached, "run", "-d", "--seccomp-log", "true");
	expect_status(&detached, 125);
	expect_complaint(&detached, "--seccomp-log needs the foreground");
	BERTH(&unconfined, "run", "--seccomp-log", "--seccomp", "unconfined", "true");
	expect_status(&unconfined, 125);
	expect_complaint(&unconfined, "no seccomp filter to tell of");
}
