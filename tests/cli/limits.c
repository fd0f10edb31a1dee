/* SPDX-License-Identifier: Apache-2.0 */
/* The options that take away: capabilities, and memory from a container that runs. */
#include <stdio.h>
#include <string.h>

#include "tests/cli/harness.h"

TestSuite(cli_limits, .init = world_init, .fini = world_fini);

/* Capabilities: the command has one fewer, or one more, than by default. */
Test(cli_limits, capabilities)
{
	static const char script[] = "grep ^CapEff: /proc/self/status | cut -f2";
	cleanup_job struct job usual, fewer, more, all, unknown;
	unsigned long long sets[3] = {0};
	BERTH(&usual, "run", "sh", "-c", script);
	BERTH(&fewer, "run", "--cap-drop", "kill", "sh", "-c", script);
	BERTH(&more, "run", "--cap-add", "CAP_SYS_TIME", "sh", "-c", script);
	BERTH(&all, "run", "--cap-drop", "ALL", "sh", "-c", script);
	cr_assert(sscanf(usual.out_text, "%llx", &sets[0]) == 1 && sscanf(fewer.out_text, "%llx", &sets[1]) == 1 &&
		  sscanf(more.out_text, "%llx", &sets[2]) == 1);
	cr_expect_eq(sets[0] & ~sets[1], 1ULL << 5, "%llx %llx", sets[0], sets[1]);  /* CAP_KILL */
	cr_expect_eq(sets[2] & ~sets[0], 1ULL << 25, "%llx %llx", sets[2], sets[0]); /* CAP_SYS_TIME */
	cr_expect_str_eq(all.out_text, "0000000000000000\n");
	BERTH(&unknown, "run", "--cap-add", "FLY", "true");
	expect_status(&unknown, 125);
	expect_complaint(&unknown, "FLY");
}

/* Lowered below what is in use, with nothing to reclaim and no time given: killed, and everybody says why. */
Test(cli_limits, memory_scaled_down)
{
	cleanup_job struct job run, update, wait, list;
	char script[300];
	snprintf(script, sizeof(script), "sleep 1000 | %s 64 hold", payload_path("eat"));
	BERTH(&run, "run", "-d", "-n", "box", "-m", "256M", "--swap", "0", "--mem-grace", "0", "--log",
	      world_path("log"), "sh", "-c", script);
	expect_status(&run, 0);
	await_written("log", "eaten");
	BERTH(&update, "update", "box", "-m", "16M", "--wait");
	expect_status(&update, 125);
	cr_expect(strstr(update.err_text, "memory"), "%s", update.err_text);
	BERTH(&wait, "wait", "box");
	cr_expect_str_eq(wait.out_text, "137\n");
	BERTH(&list, "ps", "-a", "--json");
	cr_expect(strstr(list.out_text, "scale-down-failed"), "%s", list.out_text);
}
