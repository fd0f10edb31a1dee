/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmark makes of its samples: a wrong quantile or comparison would be believed. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/bench/figures.h"

static struct samples samples_of(int first, int last)
{
	struct samples samples = {0};
	/* From both ends, so that they are not in order. */
	while (first <= last) {
		samples_add(&samples, last--);
		if (first <= last)
			samples_add(&samples, first++);
	}
	return samples;
}

Test(figures, quantiles_are_those_of_the_sorted_values)
{
	struct samples samples = samples_of(0, 999);
	cr_assert_eq(samples.count, 1000);
	cr_assert_eq(samples_quantile(&samples, 0), 0);
	cr_assert_eq(samples_quantile(&samples, 0.5), 500);
	cr_assert_eq(samples_quantile(&samples, 0.99), 990);
	cr_assert_eq(samples_quantile(&samples, 1), 999);
	samples_free(&samples);
	cr_assert_eq(samples_quantile(&samples, 0.5), 0);
}

Test(figures, the_median_lies_between_the_ranks_of_the_binomial_distribution)
{
	struct samples samples = samples_of(0, 9999);
	struct summary summary = samples_summary(&samples);
	cr_assert_eq(summary.n, 10000);
	cr_assert_eq(summary.p50, 5000);
	/* 1.96 x 100 / 2 ranks to either side. */
	cr_assert_float_eq(summary.low, 4902, 1);
	cr_assert_float_eq(summary.high, 5098, 1);
	cr_assert_null(samples.values, "the samples were not taken over");
}

Test(figures, one_sample_has_no_spread)
{
	struct samples samples = samples_of(7, 7);
	struct summary summary = samples_summary(&samples);
	cr_assert(summary.low == 7 && summary.p50 == 7 && summary.high == 7 && summary.n == 1);
}

/* ---- Files ---- */

/* In memory: a path that is gone with the process. */
struct place {
	char path[32];
};

static struct place file_new(const char *before, const char *text, const char *after)
{
	struct place place;
	int fd = memfd_create("figures", 0);
	cr_assert_geq(fd, 0);
	cr_assert_gt(dprintf(fd, "%s%s%s\n", before, text, after), 0);
	snprintf(place.path, sizeof place.path, "/proc/self/fd/%d", fd);
	return place;
}

static void silence(void)
{
	fflush(stdout);
	cr_assert_not_null(freopen("/dev/null", "w", stdout));
}

/* In a process of its own, as each test is: what was added before would be written too. */
Test(figures, a_file_holds_what_was_added, .init = silence)
{
	struct place place = file_new("", "", "");
	struct summary half = {5, 10, 15, 20, 9, 11, 100}, whole = {10, 20, 30, 40, 19, 21, 100};
	figure_add("group", "limit", 3, "us", half);
	figure_add_ratio("group", "ours", 3, "us", whole, "limit", half);
	target_ratio("is missed", "us", 20, "limit", 10, AT_MOST, 1.5);
	target_ratio("is met", "launches/s", 90, "limit", 100, AT_LEAST, 0.85);
	target_value("is met too", "KiB", 64, AT_MOST, 64);
	target_ratio("has no other", "us", 20, "nobody", 0, AT_MOST, 1);
	figure_left_out("crun", "it is not here");
	cr_assert_eq(targets_print(), 2, "what was missed or not measured is not counted");
	figures_write(place.path, "{\"kernel\": \"6.1\"}", true);

	json_t *all = json_load_file(place.path, 0, NULL);
	const char *group, *against, *unit, *kernel, *why;
	double ratio, low, high, theirs;
	int quick, missed, met, unmeasured;
	cr_assert_eq(
		json_unpack(
			all,
			"{s:b, s:{s:s}, s:[{s:s, s:s}, {s:s, s:f, s:f, s:f}], s:[{s:b, s:f}, {s:b}, {}, {s:b, s:s}]}",
			"quick", &quick, "machine", "kernel", &kernel, "results", "group", &group, "unit", &unit,
			"against", &against, "ratio", &ratio, "ratio_low", &low, "ratio_high", &high, "targets", "met",
			&missed, "theirs", &theirs, "met", &met, "met", &unmeasured, "why", &why),
		0);
	cr_assert(quick && met && !missed && !unmeasured);
	cr_assert_str_eq(kernel, "6.1");
	cr_assert_str_eq(against, "limit");
	cr_assert_float_eq(ratio, 2, 1e-6);
	cr_assert_float_eq(low, 19.0 / 11, 1e-4);
	cr_assert_float_eq(high, 21.0 / 9, 1e-4);
	json_decref(all);
}

/* ---- Comparing ---- */

#define TIME(low, p50, high)                                                                                           \
	"{\"group\": \"g\", \"name\": \"library\", \"x\": 1, \"unit\": \"us\", \"low\": " #low ", \"p50\": " #p50      \
	", \"high\": " #high "}"
#define RATE(low, p50, high)                                                                                           \
	"{\"group\": \"g\", \"name\": \"library\", \"x\": 1, \"unit\": \"launches/s\", \"low\": " #low                 \
	", \"p50\": " #p50 ", \"high\": " #high "}"
/* A time of twice the other's, whose ratio is the one given. */
#define RATIO(p50, ratio)                                                                                              \
	"{\"group\": \"g\", \"name\": \"library\", \"x\": 1, \"unit\": \"us\", \"low\": " #p50 ", \"p50\": " #p50      \
	", \"high\": " #p50 ", \"ratio_low\": " #ratio ", \"ratio\": " #ratio ", \"ratio_high\": " #ratio "}"

static char said[1024];

/* Returns how many got worse; what was told is in said. */
static size_t compare(const char *old, const char *new)
{
	static const char start[] = "{\"results\": [", end[] = "]}";
	struct place before = file_new(start, old, end), after = file_new(start, new, end);
	FILE *out = fmemopen(said, sizeof said, "w");
	size_t worse = figures_compare(before.path, after.path, out);
	fclose(out);
	return worse;
}

Test(compare, more_time_beyond_the_spread_is_worse)
{
	cr_assert_eq(compare(TIME(99, 100, 101), TIME(119, 120, 121)), 1);
	cr_assert(strstr(said, "worse  g, library at 1: 120, was 100 us"), "%s", said);
	cr_assert(strstr(said, "1 figures compared, 1 worse"), "%s", said);
}

Test(compare, less_time_is_better)
{
	cr_assert_eq(compare(TIME(119, 120, 121), TIME(99, 100, 101)), 0);
	cr_assert(strstr(said, "better g, library"), "%s", said);
}

Test(compare, a_lower_rate_is_worse)
{
	cr_assert_eq(compare(RATE(119, 120, 121), RATE(99, 100, 101)), 1);
	cr_assert_eq(compare(RATE(99, 100, 101), RATE(119, 120, 121)), 0);
}

Test(compare, within_the_spread_nothing_changed)
{
	cr_assert_eq(compare(TIME(80, 100, 125), TIME(115, 120, 130)), 0);
	cr_assert_not(strstr(said, "worse  g") || strstr(said, "better"), "%s", said);
}

Test(compare, a_few_percent_are_no_change)
{
	cr_assert_eq(compare(TIME(100, 100, 100), TIME(104, 104, 104)), 0);
	cr_assert_eq(compare(TIME(100, 100, 100), TIME(106, 106, 106)), 1);
}

Test(compare, a_ratio_is_believed_before_a_time)
{
	cr_assert_eq(compare(RATIO(100, 1.1), RATIO(200, 1.1)), 0);
	cr_assert_eq(compare(RATIO(200, 1.1), RATIO(100, 1.3)), 1);
	cr_assert(strstr(said, "1.3, was 1.1 (ratio)"), "%s", said);
}

Test(compare, what_others_take_is_not_compared)
{
	static const char limit[] = "{\"group\": \"g\", \"name\": \"limit\", \"x\": 1, \"unit\": \"us\", \"low\": 1, "
				    "\"p50\": 1, \"high\": 1}, ";
	static const char slower[] = "{\"group\": \"g\", \"name\": \"limit\", \"x\": 1, \"unit\": \"us\", \"low\": 9, "
				     "\"p50\": 9, \"high\": 9}, ";
	char old[512], new[512];
	snprintf(old, sizeof old, "%s%s", limit, TIME(1, 1, 1));
	snprintf(new, sizeof new, "%s%s", slower, TIME(1, 1, 1));
	cr_assert_eq(compare(old, new), 0);
	cr_assert(strstr(said, "1 figures compared"), "%s", said);
}

Test(compare, files_without_a_figure_in_common_are_refused, .exit_code = 1, .init = silence)
{
	compare(TIME(1, 1, 1), "");
}

Test(compare, a_file_without_results_is_refused, .exit_code = 1, .init = silence)
{
	struct place place = file_new("", "{}", "");
	figures_compare(place.path, place.path, stdout);
}
