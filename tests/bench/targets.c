/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>

#include "tests/bench/figures.h"
#include "tests/bench/keep.h"

static void target_add(const char *what, const char *unit, double ours, const char *against, double theirs,
		       enum reach reach, double bound)
{
	double value = against ? ours / theirs : ours;
	json_t *item = json_pack("{s:s, s:s, s:f, s:f, s:f, s:b, s:b}", "what", what, "unit", unit, "ours", ours,
				 "value", value, "bound", bound, "at_least", reach == AT_LEAST, "met",
				 reach == AT_LEAST ? value >= bound : value <= bound);
	if (against) {
		json_object_set_new(item, "against", json_string(against));
		json_object_set_new(item, "theirs", json_real(theirs));
	}
	keep(&kept_all()->targets, item);
}

void target_ratio(const char *what, const char *unit, double ours, const char *against, double theirs, enum reach reach,
		  double bound)
{
	if (theirs > 0)
		target_add(what, unit, ours, against, theirs, reach, bound);
	else
		target_unmeasured(what, "there is nothing to compare with");
}

void target_value(const char *what, const char *unit, double ours, enum reach reach, double bound)
{
	target_add(what, unit, ours, NULL, 0, reach, bound);
}

void target_unmeasured(const char *what, const char *why)
{
	keep(&kept_all()->targets, json_pack("{s:s, s:s, s:b}", "what", what, "why", why, "met", 0));
}

size_t targets_print(void)
{
	size_t i, missed = 0;
	json_t *item;
	if (json_array_size(kept_all()->targets) > 0)
		printf("\n%-46s %16s   %-34s %8s %9s\n", "to be reached", "berth", "against", "ratio", "must be");
	json_array_foreach(kept_all()->targets, i, item)
	{
		const char *what, *unit, *why, *against = NULL;
		char text[64];
		double ours, theirs, value, bound;
		int at_least, met;
		if (json_unpack(item, "{s:s, s:s}", "what", &what, "why", &why) == 0) {
			printf("%-46s not measured: %s\n", what, why);
			missed++;
			continue;
		}
		if (json_unpack(item, "{s:s, s:s, s:f, s:f, s:f, s:b, s:b, s?s, s?f}", "what", &what, "unit", &unit,
				"ours", &ours, "value", &value, "bound", &bound, "at_least", &at_least, "met", &met,
				"against", &against, "theirs", &theirs) < 0)
			fail("a target that can't be read");
		snprintf(text, sizeof text, "%.*f %s", figure_decimals(ours), ours, unit);
		printf("%-46s %16s", what, text);
		*text = '\0';
		if (against)
			snprintf(text, sizeof text, "%s: %.*f %s", against, figure_decimals(theirs), theirs, unit);
		printf("   %-34s", text);
		*text = '\0';
		if (against)
			snprintf(text, sizeof text, "%.3f", value);
		printf(" %8s %s %7g  %s\n", text, at_least ? ">=" : "<=", bound, met ? "met" : "MISSED");
		missed += !met;
	}
	return missed;
}
