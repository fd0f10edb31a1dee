/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/figures.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/berth.h"
#include "tests/bench/keep.h"

static struct kept kept;

static json_t *list_of(json_t **list)
{
	if (!*list)
		*list = json_array();
	if (!*list)
		fail("out of memory");
	return *list;
}

void keep(json_t **list, json_t *item)
{
	if (json_array_append_new(list_of(list), item) < 0)
		fail("out of memory");
}

struct kept *kept_all(void)
{
	return &kept;
}

int figure_decimals(double value)
{
	return value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3;
}

static void print_number(double value)
{
	printf(" %9.*f", figure_decimals(value), value);
}

static void print(const char *group, const char *name, double x, const struct summary *s)
{
	static char last[64];
	if (strcmp(last, group) != 0) {
		printf("\n%-36s %7s %9s %9s %9s %9s\n", group, "", "p10", "p50", "p90", "p99");
		snprintf(last, sizeof last, "%s", group);
	}
	printf("  %-34s ", name);
	if (x > 0)
		printf("%7g", x);
	else
		printf("%7s", "");
	if (s->n > 1)
		print_number(s->p10);
	else
		printf(" %9s", "");
	print_number(s->p50);
	if (s->n > 1) {
		print_number(s->p90);
		print_number(s->p99);
	} else {
		printf(" %9s %9s", "", "");
	}
}

void figure_add_ratio(const char *group, const char *name, double x, const char *unit, struct summary s,
		      const char *against, struct summary base)
{
	json_t *item = json_pack("{s:s, s:s, s:f, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "group", group, "name",
				 name, "x", x, "unit", unit, "p10", s.p10, "p50", s.p50, "p90", s.p90, "p99", s.p99,
				 "low", s.low, "high", s.high, "n", (json_int_t)s.n);
	print(group, name, x, &s);
	printf(" %s", unit);
	if (base.p50 > 0) {
		json_object_set_new(item, "against", json_string(against));
		json_object_set_new(item, "ratio", json_real(s.p50 / base.p50));
		json_object_set_new(item, "ratio_low", json_real(s.low / base.high));
		json_object_set_new(item, "ratio_high", json_real(s.high / base.low));
		printf("  %.3f of %s", s.p50 / base.p50, against);
	}
	putchar('\n');
	fflush(stdout);
	keep(&kept.figures, item);
}

void figure_add(const char *group, const char *name, double x, const char *unit, struct summary summary)
{
	figure_add_ratio(group, name, x, unit, summary, "", (struct summary){0});
}

void figure_left_out(const char *what, const char *why)
{
	printf("  left out: %s: %s\n", what, why);
	keep(&kept.left_out, json_pack("{s:s, s:s}", "what", what, "why", why));
}

void figures_write(const char *path, const char *machine, bool quick)
{
	char date[32];
	time_t now = time(NULL);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	json_t *all = json_pack("{s:s, s:s, s:b, s:o, s:O, s:O, s:O}", "date", date, "berth", berth_version(), "quick",
				quick, "machine", json_loads(machine, 0, NULL), "results", list_of(&kept.figures),
				"targets", list_of(&kept.targets), "left_out", list_of(&kept.left_out));
	if (!all || json_dump_file(all, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) < 0)
		fail("can't write %s", path);
	json_decref(all);
}
