/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/utsname.h>

#include "runtime/cli/cli.h"

int cli_version(int argc, char **argv)
{
	cleanup_berth struct berth *berth = NULL;
	struct cli_words none = {.what = "argument"};
	struct berth_error error = BERTH_ERROR_INIT;
	struct utsname system;
	if (cli_parse_words(argc, argv, "",
			    "Print the versions of berth and of the kernel, and how cgroups are mounted.", &none) < 0)
		return ERROR_STATUS_FAILED;
	printf("berth    %s\n", berth_version());
	if (uname(&system) == 0)
		printf("kernel   %s %s %s\n", system.sysname, system.release, system.machine);
	if (cli_open(&berth, &error) < 0)
		printf("cgroups  unknown: %s\n", error.text);
	else
		printf("cgroups  %s\n", berth_cgroup_layout(berth));
	return 0;
}
