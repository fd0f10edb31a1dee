/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/self/cgroup. cgroups(7) */
#include "cgroup/internal.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *path = cgroup_own_parse(text);
	fuzz_require(!path || (!strchr(path, '\n') && strncmp(path, "..", 2) != 0));
	free(path);
	free(text);
	return 0;
}
