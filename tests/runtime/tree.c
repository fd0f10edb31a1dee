/* SPDX-License-Identifier: Apache-2.0 */
/* Trees that somebody hostile has made. */
#include "runtime/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

enum { DEPTH = 3000 };

TestSuite(tree, .init = rt_init_unprivileged, .fini = rt_fini);

/* A chain of directories, with another in each. What they take. */
static uint64_t make_deep(void)
{
	uint64_t bytes = 0;
	int at = open(rt.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEPTH; i++) {
		struct stat status;
		cr_assert_eq(mkdirat(at, "deep", 0755), 0);
		int below = openat(at, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cr_assert_geq(below, 0);
		close(at);
		at = below;
		/* Its own blocks may come with its first entries. */
		cr_assert_eq(mkdirat(at, "empty", 0755), 0);
		cr_assert_eq(fstatat(at, "empty", &status, 0), 0);
		bytes += (uint64_t)status.st_blocks * 512;
		cr_assert_eq(fstat(at, &status), 0);
		bytes += (uint64_t)status.st_blocks * 512;
	}
	close(at);
	return bytes;
}

Test(tree, deeper_than_descriptors_and_stack)
{
	uint64_t bytes = make_deep();
	int base = open(rt.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rlimit few = {32, 32}, before;
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few.rlim_max = before.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	cr_expect_eq(tree_bytes(base, "deep"), bytes);
	cr_expect_eq(tree_remove_at(base, "deep"), 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	cr_expect_lt(faccessat(base, "deep", F_OK, 0), 0);
	cr_expect_eq(tree_bytes(base, "deep"), 0);
	close(base);
}
