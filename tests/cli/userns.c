/* SPDX-License-Identifier: Apache-2.0 */
/* --userns, --uidmap, --gidmap. */
#include <stdio.h>
#include <string.h>

#include "tests/cli/harness.h"

TestSuite(cli_userns, .init = world_init, .fini = world_fini);

Test(cli_userns, maps)
{
	cleanup_job struct job both, apart, plan;
	BERTH(&both, "run", "--uidmap", "0:100000:1000", "--uidmap", "2000:200000:1", "-w", "/", "sh", "-c",
	      "id -u; tr -s ' ' </proc/self/uid_map; tr -s ' ' </proc/self/gid_map");
	expect_status(&both, 0);
	cr_expect_str_eq(both.out_text, "0\n 0 100000 1000\n 2000 200000 1\n 0 100000 1000\n 2000 200000 1\n");
	BERTH(&apart, "run", "--uidmap", "0:100000:1000", "--gidmap", "0:300000:5", "-w", "/", "-u", "999:4", "sh",
	      "-c", "id -u; id -g; tr -s ' ' </proc/self/gid_map");
	expect_status(&apart, 0);
	cr_expect_str_eq(apart.out_text, "999\n4\n 0 300000 5\n");
	BERTH(&plan, "plan", "--uidmap", "0:100000:1000", "true");
	expect_status(&plan, 0);
	cr_expect(strstr(plan.out_text, "make a user namespace, and in it: uts ipc\n") &&
			  strstr(plan.out_text, "map uids 0-999 inside to 100000-100999\n") &&
			  strstr(plan.out_text, "enter namespaces user\n"),
		  "%s", plan.out_text);
}

Test(cli_userns, managed_like_any_other)
{
	cleanup_job struct job run, list, inside, inspect, stop, removed;
	BERTH(&run, "run", "-d", "-n", "box", "--uidmap", "0:100000:1000", "-w", "/", "sleep", "1000");
	expect_status(&run, 0);
	BERTH(&list, "ps", "-q");
	cr_expect_str_eq(list.out_text, "box\n");
	BERTH(&inside, "exec", "box", "sh", "-c", "id -u; tr -s ' ' </proc/self/uid_map; cat /proc/1/comm");
	expect_status(&inside, 0);
	cr_expect_str_eq(inside.out_text, "0\n 0 100000 1000\nberth-init\n");
	BERTH(&inspect, "inspect", "box");
	cr_expect(strstr(inspect.out_text, "\"outside\": 100000"), "%s", inspect.out_text);
	BERTH(&stop, "stop", "box");
	expect_status(&stop, 0);
	BERTH(&removed, "rm", "box");
	expect_status(&removed, 0);
}
