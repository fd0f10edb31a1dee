/* SPDX-License-Identifier: Apache-2.0 */
/* The policy alone: its defaults and checks, what the host's files say, and when time is up. Pure. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/memory_policy.h"

static struct error error;

Test(memory_policy, defaults)
{
	struct berth_memory_policy policy, given = BERTH_MEMORY_POLICY_INIT;
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(memory_policy_import(i ? &given : NULL, &policy, &error), 0);
		cr_expect_eq(policy.size, sizeof policy);
		cr_expect_eq(policy.grace_ms, 10000);
		cr_expect_eq(policy.lenient_ms, 0);
		cr_expect_eq(policy.reserve, 0);
		cr_expect_eq(policy.pressure, 10);
		cr_expect_not(policy.freeze);
	}
}

Test(memory_policy, given_values_stay)
{
	struct berth_memory_policy policy, given = {sizeof given, 1, 2, 3, 4.5, true};
	cr_assert_eq(memory_policy_import(&given, &policy, &error), 0);
	cr_expect(policy.grace_ms == 1 && policy.lenient_ms == 2 && policy.reserve == 3 && policy.pressure == 4.5 &&
		  policy.freeze);
	given.grace_ms = BERTH_NO_GRACE;
	cr_assert_eq(memory_policy_import(&given, &policy, &error), 0);
	cr_expect_eq(policy.grace_ms, BERTH_NO_GRACE);
	cr_expect_eq(memory_policy_grace(&policy), 0);
}

/* A program that was built when the struct ended with grace_ms. */
Test(memory_policy, of_an_older_program)
{
	struct berth_memory_policy policy, given;
	memset(&given, 0xff, sizeof given);
	given.size = offsetof(struct berth_memory_policy, lenient_ms);
	given.grace_ms = 7;
	cr_assert_eq(memory_policy_import(&given, &policy, &error), 0, "%s", error.text);
	cr_expect(policy.grace_ms == 7 && policy.lenient_ms == 0 && policy.reserve == 0 && policy.pressure == 10 &&
		  !policy.freeze);
}

Test(memory_policy, refused)
{
	static const struct {
		struct berth_memory_policy policy;
		int code;
	} refused[] = {
		{{sizeof(struct berth_memory_policy), -2, 0, 0, 0, false}, EINVAL},
		{{sizeof(struct berth_memory_policy), 0, -1, 0, 0, false}, EINVAL},
		{{sizeof(struct berth_memory_policy), 0, 0, 0, -1, false}, EINVAL},
		{{sizeof(struct berth_memory_policy), 0, 0, 0, 100.5, false}, EINVAL},
		{{sizeof(struct berth_memory_policy), 0, 0, 0, NAN, false}, EINVAL},
		{{sizeof(struct berth_memory_policy), 0, 0, 0, INFINITY, false}, EINVAL},
		{{0, 0, 0, 0, 0, false}, EINVAL},
		{{3, 0, 0, 0, 0, false}, EINVAL},
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct berth_memory_policy policy;
		error = (struct error){0};
		cr_expect_eq(memory_policy_import(&refused[i].policy, &policy, &error), -refused[i].code, "case %zu",
			     i);
		cr_expect(error.text[0], "case %zu has no sentence", i);
	}
	struct {
		struct berth_memory_policy policy;
		long unknown;
	} newer = {{sizeof newer, 0, 0, 0, 0, false}, 1};
	struct berth_memory_policy policy;
	cr_expect_eq(memory_policy_import(&newer.policy, &policy, &error), -E2BIG);
}

/* ---- The host ---- */

static const char meminfo[] = "MemTotal:       24105164 kB\n"
			      "MemFree:        22482112 kB\n"
			      "MemAvailable:   23300480 kB\n"
			      "Buffers:          120000 kB\n"
			      "HugePages_Total:       0\n";
static const char pressure[] = "some avg10=1.25 avg60=0.50 avg300=0.10 total=177638\n"
			       "full avg10=0.00 avg60=0.00 avg300=0.00 total=48964\n";

Test(memory_policy, host_parsed)
{
	struct host_memory memory;
	cr_assert_eq(host_memory_parse(meminfo, pressure, &memory), 0);
	cr_expect_eq(memory.total, 24105164ULL << 10);
	cr_expect_eq(memory.available, 23300480ULL << 10);
	cr_expect_float_eq(memory.pressure, 1.25, 1e-9);
	/* A kernel without PSI. */
	cr_assert_eq(host_memory_parse(meminfo, NULL, &memory), 0);
	cr_expect_eq(memory.pressure, 0);
	cr_assert_eq(host_memory_parse("MemTotal: 0 kB\nMemAvailable: 0 kB\n", pressure, &memory), 0);
	cr_expect_eq(memory.available, 0);
}

Test(memory_policy, host_broken)
{
	static const char *const broken[] = {
		"",
		"\n",
		"MemTotal:       24105164 kB\n",
		"MemAvailable:   24105164 kB\n",
		"MemTotal:       24105164 kB\nMemAvailable:\n",
		"MemTotal:       24105164 kB\nMemAvailable: x kB\n",
		"MemTotal:       24105164 kB\nMemAvailable: -5 kB\n",
		"MemTotal:       24105164 kB\nMemAvailable: 5\n",
		"MemTotal:       24105164 kB\nMemAvailable: 5 MB\n",
		"MemTotal:       24105164 kB\nMemAvailable: 18446744073709551615 kB\n",
		"MemTotal:       24105164 kB\nHiMemAvailable: 5 kB\n",
		"MemTotal:       24105164 kB MemAvailable: 5 kB\n",
	};
	struct host_memory memory;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		cr_expect_eq(host_memory_parse(broken[i], pressure, &memory), -EINVAL, "'%s'", broken[i]);
	static const char *const broken_pressure[] = {
		"",
		"full avg10=0.00\n",
		"some avg10=\n",
		"some avg10=x avg60=0\n",
		"some avg10=-1\n",
		"some avg10=101\n",
		"some avg10=nan\n",
	};
	for (size_t i = 0; i < sizeof broken_pressure / sizeof *broken_pressure; i++)
		cr_expect_eq(host_memory_parse(meminfo, broken_pressure[i], &memory), -EINVAL, "'%s'",
			     broken_pressure[i]);
}

Test(memory_policy, host_read)
{
	struct host_memory memory;
	cr_assert_eq(host_memory_read(&memory, &error), 0, "%s", error.text);
	cr_expect(memory.total > 0 && memory.available > 0 && memory.available <= memory.total);
	cr_expect(memory.pressure >= 0 && memory.pressure <= 100);
}

/* ---- Time ---- */

Test(memory_policy, lenient_while_there_is_to_spare)
{
	static const struct {
		uint64_t reserve;
		double pressure;
		struct host_memory memory;
		bool lenient;
	} cases[] = {
		/* The default reserve: an eighth of the host's memory. */
		{0, 10, {800, 101, 0}, true},
		{0, 10, {800, 100, 0}, false},
		{0, 10, {800, 0, 0}, false},
		{300, 10, {800, 301, 0}, true},
		{300, 10, {800, 300, 0}, false},
		{UINT64_MAX, 10, {800, 800, 0}, false},
		/* Memory to spare, but tasks wait for it. */
		{300, 10, {800, 700, 9.99}, true},
		{300, 10, {800, 700, 10}, false},
		{300, 0.5, {800, 700, 0.6}, false},
		{300, 100, {800, 700, 99}, true},
		{300, 10, {800, 200, 50}, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct berth_memory_policy policy = BERTH_MEMORY_POLICY_INIT;
		policy.reserve = cases[i].reserve;
		policy.pressure = cases[i].pressure;
		cr_expect_eq(memory_policy_is_lenient(&policy, &cases[i].memory), cases[i].lenient, "case %zu", i);
	}
}

Test(memory_policy, when_time_is_up)
{
	static const struct {
		int grace, lenient_ms;
		uint64_t elapsed;
		bool spare, over, lenient;
		uint64_t left;
	} cases[] = {
		{10000, 0, 0, false, false, false, 10000},
		{10000, 0, 9999, true, false, false, 1},
		{10000, 0, 10000, true, true, false, 0},
		{10000, 0, UINT64_MAX, false, true, false, 0},
		{10000, 60000, 9999, false, false, false, 1},
		{10000, 60000, 10000, true, false, true, 50000},
		{10000, 60000, 10000, false, true, false, 50000},
		{10000, 60000, 59999, true, false, true, 1},
		{10000, 60000, 60000, true, true, false, 0},
		/* A second deadline before the first changes nothing. */
		{10000, 5000, 7000, true, false, false, 3000},
		{10000, 5000, 10000, true, true, false, 0},
		{BERTH_NO_GRACE, 0, 0, true, true, false, 0},
		{BERTH_NO_GRACE, 1000, 0, true, false, true, 1000},
		{BERTH_NO_GRACE, 1000, 0, false, true, false, 1000},
		{BERTH_NO_GRACE, 1000, 1000, true, true, false, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct berth_memory_policy policy = BERTH_MEMORY_POLICY_INIT;
		policy.grace_ms = cases[i].grace;
		policy.lenient_ms = cases[i].lenient_ms;
		bool lenient = true;
		cr_expect_eq(memory_policy_is_over(&policy, cases[i].elapsed, cases[i].spare, &lenient), cases[i].over,
			     "case %zu", i);
		cr_expect_eq(lenient, cases[i].lenient, "case %zu", i);
		cr_expect_eq(memory_policy_left(&policy, cases[i].elapsed), cases[i].left, "case %zu", i);
	}
}
