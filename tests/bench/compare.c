/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "tests/bench/figures.h"

/* What runs of the same program differ by, for reasons that the spread of one run does not show. */
enum { TOLERANCE_PERCENT = 5 };

static json_t *load(const char *path)
{
	json_error_t error;
	json_t *all = json_load_file(path, 0, &error);
	if (!all)
		fail("%s: %s", path, error.text);
	if (!json_is_array(json_object_get(all, "results")))
		fail("%s: there are no results in it", path);
	return all;
}

static const json_t *find(const json_t *figures, const json_t *like)
{
	size_t i;
	json_t *figure;
	json_array_foreach(figures, i, figure)
	{
		if (json_equal(json_object_get(figure, "group"), json_object_get(like, "group")) &&
		    json_equal(json_object_get(figure, "name"), json_object_get(like, "name")) &&
		    json_equal(json_object_get(figure, "x"), json_object_get(like, "x")))
			return figure;
	}
	return NULL;
}

/* That the limit, or another launcher, takes another time says nothing of berth. */
static bool is_berths(const json_t *figure)
{
	static const char *const beginnings[] = {"library", "prepared", "berth", "init", "descriptors", "with"};
	const char *name = json_string_value(json_object_get(figure, "name"));
	for (size_t i = 0; name && i < sizeof beginnings / sizeof *beginnings; i++)
		if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

struct range {
	double low, middle, high;
};

static struct range range_of(const json_t *figure, bool ratio)
{
	return (struct range){
		json_number_value(json_object_get(figure, ratio ? "ratio_low" : "low")),
		json_number_value(json_object_get(figure, ratio ? "ratio" : "p50")),
		json_number_value(json_object_get(figure, ratio ? "ratio_high" : "high")),
	};
}

/* Of a rate, more is better. */
static bool is_rate(const json_t *figure)
{
	const char *unit = json_string_value(json_object_get(figure, "unit"));
	size_t length = unit ? strlen(unit) : 0;
	return length > 2 && strcmp(unit + length - 2, "/s") == 0;
}

/* 1: it went up, -1: down, 0: within the spread. */
static int change(struct range was, struct range is)
{
	if (is.low > was.high && is.middle * 100 > was.middle * (100 + TOLERANCE_PERCENT))
		return 1;
	if (is.high < was.low && is.middle * (100 + TOLERANCE_PERCENT) < was.middle * 100)
		return -1;
	return 0;
}

size_t figures_compare(const char *old_path, const char *new_path, FILE *out)
{
	json_t *old = load(old_path), *new = load(new_path), *figure;
	size_t i, worse = 0, compared = 0;
	json_array_foreach(json_object_get(new, "results"), i, figure)
	{
		const json_t *before = find(json_object_get(old, "results"), figure);
		if (!before || !is_berths(figure))
			continue;
		bool ratio = json_object_get(figure, "ratio") && json_object_get(before, "ratio");
		struct range was = range_of(before, ratio), is = range_of(figure, ratio);
		int direction = change(was, is) * (is_rate(figure) ? -1 : 1);
		compared++;
		worse += direction > 0;
		if (direction != 0)
			fprintf(out, "%-6s %s, %s at %g: %.4g, was %.4g %s\n", direction > 0 ? "worse" : "better",
				json_string_value(json_object_get(figure, "group")),
				json_string_value(json_object_get(figure, "name")),
				json_number_value(json_object_get(figure, "x")), is.middle, was.middle,
				ratio ? "(ratio)" : json_string_value(json_object_get(figure, "unit")));
	}
	json_decref(old);
	json_decref(new);
	fprintf(out, "%zu figures compared, %zu worse by more than their spread and %d %%\n", compared, worse,
		TOLERANCE_PERCENT);
	if (compared == 0)
		fail("%s and %s have no figure in common", old_path, new_path);
	return worse;
}
