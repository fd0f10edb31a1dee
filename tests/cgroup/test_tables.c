/* SPDX-License-Identifier: Apache-2.0 */
/* Pure parts: names, weights, keyed files, what limits need. */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>

#include "cgroup/cgroup.h"
#include "nsutil/base/file.h"

Test(tables, names)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		cr_expect_eq(cgroup_controller_find(cgroup_controller_name((enum cgroup_controller)i)), i);
	cr_expect_eq(cgroup_controller_find("io"), CGROUP_IO);
	cr_expect_eq(cgroup_controller_find("blkio"), CGROUP_IO);
	cr_expect_eq(cgroup_controller_find("hugetlb"), -1);
	cr_expect_eq(cgroup_controller_find(""), -1);
}

Test(tables, weights)
{
	static const struct {
		uint64_t shares, weight;
	} known[] = {{0, 1},        {2, 1},          {10, 1},         {20, 2},
		     {256, 25},     {512, 50},       {1024, 100},     {1029, 100},
		     {1030, 101},   {2048, 200},     {3072, 300},     {4096, 400},
		     {10240, 1000}, {102400, 10000}, {262144, 10000}, {UINT64_MAX, 10000}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		cr_expect_eq(cgroup_weight_from_shares(known[i].shares), known[i].weight, "%" PRIu64 " -> %" PRIu64,
			     known[i].shares, cgroup_weight_from_shares(known[i].shares));
	uint64_t before = 0;
	for (uint64_t shares = 2; shares <= 262144; shares++) {
		uint64_t weight = cgroup_weight_from_shares(shares);
		cr_assert(weight >= before && weight <= 10000, "shares %" PRIu64, shares);
		before = weight;
	}
}

Test(tables, weights_back)
{
	for (uint64_t weight = 1; weight <= 10000; weight++)
		cr_assert_eq(cgroup_weight_from_shares(cgroup_shares_from_weight(weight)), weight, "weight %" PRIu64,
			     weight);
	for (uint64_t shares = 256; shares <= 65536; shares *= 2)
		cr_expect_eq(cgroup_shares_from_weight(cgroup_weight_from_shares(shares)), shares, "shares %" PRIu64,
			     shares);
	for (uint64_t shares = 10; shares <= 102400; shares++) {
		int64_t back = (int64_t)cgroup_shares_from_weight(cgroup_weight_from_shares(shares));
		cr_assert_leq(llabs(back - (int64_t)shares), 5, "shares %" PRIu64 " came back as %" PRId64, shares,
			      back);
	}
	cr_expect_eq(cgroup_shares_from_weight(cgroup_weight_from_shares(10)), 10);
}

/* What a share promises: its part, whatever the version. */
Test(tables, weights_keep_proportions)
{
	for (uint64_t shares = 1024; shares <= 34000; shares += 512) {
		double ratio =
			(double)cgroup_weight_from_shares(3 * shares) / (double)cgroup_weight_from_shares(shares);
		cr_assert(ratio > 2.97 && ratio < 3.03, "shares %" PRIu64 ": %g", shares, ratio);
	}
}

Test(tables, keyed)
{
	static const char text[] = "oom_kill_disable 0\nunder_oom 1\noom_kill 12\n";
	uint64_t value = 77;
	cr_expect_eq(file_keyed_u64(text, "oom_kill", &value), 0);
	cr_expect_eq(value, 12, "the whole key counts, not its beginning");
	cr_expect_eq(file_keyed_u64(text, "under_oom", &value), 0);
	cr_expect_eq(value, 1);
	cr_expect_eq(file_keyed_u64(text, "oom", &value), -ENOENT);
	cr_expect_eq(file_keyed_u64("", "oom", &value), -ENOENT);
}

Test(tables, what_limits_need)
{
	struct cgroup_limits limits = {0};
	cr_expect_eq(cgroup_limits_controllers(&limits), 0);
	limits = (struct cgroup_limits){.cpu_shares = 2, .swap = CGROUP_NO_SWAP};
	cr_expect_eq(cgroup_limits_controllers(&limits), CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_MEMORY));
	limits = (struct cgroup_limits){.cpuset_mems = "0", .pids = 1};
	cr_expect_eq(cgroup_limits_controllers(&limits), CGROUP_BIT(CGROUP_CPUSET) | CGROUP_BIT(CGROUP_PIDS));
	limits = (struct cgroup_limits){.cpu_quota_us = CGROUP_UNLIMITED};
	cr_expect_eq(cgroup_limits_controllers(&limits), CGROUP_BIT(CGROUP_CPU));
}
