/* SPDX-License-Identifier: Apache-2.0 */
/* Figures: the table, the file, and the difference between two files. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static json_t *results;

static void print(json_t *figure)
{
	static char last[64];
	const char *group = json_string_value(json_object_get(figure, "group"));
	if (strcmp(last, group) != 0) {
		printf("\n%-34s %9s %10s %10s %10s %10s %8s\n", group, "", "p10", "p50", "p90", "p99", "ratio");
		snprintf(last, sizeof last, "%s", group);
	}
	printf("  %-34s %7g %10.4g %10.4g", json_string_value(json_object_get(figure, "name")),
	       json_number_value(json_object_get(figure, "x")), json_number_value(json_object_get(figure, "p10")),
	       json_number_value(json_object_get(figure, "p50")));
	for (int i = 0; i < 2; i++) {
		const json_t *quantile = json_object_get(figure, i ? "p99" : "p90");
		if (quantile)
			printf(" %10.4g", json_number_value(quantile));
		else
			printf(" %10s", "");
	}
	printf(" %s", json_string_value(json_object_get(figure, "unit")));
	const json_t *ratio = json_object_get(figure, "ratio"), *target = json_object_get(figure, "target");
	if (ratio)
		printf("  %.3f of %s", json_number_value(ratio), json_string_value(json_object_get(figure, "against")));
	if (target)
		printf(" (to reach: %g)", json_number_value(target));
	putchar('\n');
	fflush(stdout);
}

static json_t *figure_make(const char *group, const char *name, double x, const char *unit, double value,
			   const char *against, double base, double target)
{
	json_t *figure = json_pack("{s:s, s:s, s:f, s:s, s:f}", "group", group, "name", name, "x", x, "unit", unit,
				   "p50", value);
	if (base > 0) {
		json_object_set_new(figure, "against", json_string(against));
		json_object_set_new(figure, "ratio", json_real(value / base));
	}
	if (target > 0)
		json_object_set_new(figure, "target", json_real(target));
	return figure;
}

static void keep(json_t *figure)
{
	if (!results)
		results = json_array();
	print(figure);
	if (!results || json_array_append_new(results, figure) < 0)
		fail("out of memory");
}

void result_add(const char *group, const char *name, double x, const char *unit, struct samples *samples,
		const char *against, double base, double target)
{
	json_t *figure = figure_make(group, name, x, unit, samples_quantile(samples, 0.5), against, base, target);
	json_object_set_new(figure, "p10", json_real(samples_quantile(samples, 0.1)));
	json_object_set_new(figure, "p90", json_real(samples_quantile(samples, 0.9)));
	json_object_set_new(figure, "p99", json_real(samples_quantile(samples, 0.99)));
	json_object_set_new(figure, "n", json_integer((json_int_t)samples->count));
	keep(figure);
	samples_free(samples);
}

void result_add_value(const char *group, const char *name, double x, const char *unit, double value,
		      const char *against, double base, double target)
{
	keep(figure_make(group, name, x, unit, value, against, base, target));
}

void result_add_all(const char *group, double x, struct contender *contenders, size_t count, const double *targets)
{
	double base = samples_quantile(&contenders[0].samples, 0.5);
	for (size_t i = 0; i < count; i++)
		result_add(group, contenders[i].name, x, "us", &contenders[i].samples, contenders[0].name, i ? base : 0,
			   targets ? targets[i] : 0);
}

void result_add_cpu(const char *group, double x, struct contender *contenders, size_t count)
{
	double base = samples_quantile(&contenders[0].cpu, 0.5);
	for (size_t i = 0; i < count; i++)
		result_add(group, contenders[i].name, x, "us", &contenders[i].cpu, contenders[0].name, i ? base : 0, 0);
}

static json_t *machine_describe(void)
{
	struct utsname name;
	uname(&name);
	char model[128] = "", line[256];
	FILE *cpus = fopen("/proc/cpuinfo", "re");
	while (cpus && fgets(line, sizeof line, cpus))
		if (!*model)
			sscanf(line, "model name : %127[^\n]", model);
	if (cpus)
		fclose(cpus);
	/* A figure of a busy machine is worth less than its digits say. */
	double load = 0;
	getloadavg(&load, 1);
	struct berth *berth = bench_open();
	json_t *machine = json_pack("{s:s, s:s, s:s, s:i, s:I, s:f, s:s}", "kernel", name.release, "architecture",
				    name.machine, "processor", model, "processors", (int)sysconf(_SC_NPROCESSORS_ONLN),
				    "memory_mib", (json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) >> 20,
				    "load", load, "cgroups", berth_cgroup_layout(berth));
	berth_close(berth);
	return machine;
}

void result_write(const char *path)
{
	char date[32];
	time_t now = time(NULL);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	json_t *all = json_pack("{s:s, s:s, s:b, s:o, s:O}", "date", date, "berth", berth_version(), "quick", quick,
				"machine", machine_describe(), "results", results);
	if (!all || json_dump_file(all, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) < 0)
		fail("can't write %s", path);
	json_decref(all);
}

/* ---- Comparing ---- */

static json_t *figures_load(const char *path)
{
	json_error_t error;
	json_t *all = json_load_file(path, 0, &error);
	json_t *figures = json_object_get(all, "results");
	if (!json_is_array(figures))
		fail("%s: %s", path, all ? "no results in it" : error.text);
	return figures;
}

static json_t *figure_find(json_t *figures, const json_t *like)
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

/* A ratio says more than a time: the two files may be of machines, or hours, of different speed. */
int result_compare(const char *old_path, const char *new_path)
{
	enum { TOLERANCE_PERCENT = 10 };
	json_t *old = figures_load(old_path), *new = figures_load(new_path), *figure;
	size_t i, slower = 0, compared = 0;
	json_array_foreach(new, i, figure)
	{
		json_t *before = figure_find(old, figure);
		const char *key =
			json_object_get(figure, "ratio") && json_object_get(before, "ratio") ? "ratio" : "p50";
		double was = json_number_value(json_object_get(before, key));
		double is = json_number_value(json_object_get(figure, key));
		if (!before || was <= 0)
			continue;
		bool worse = is * 100 > was * (100 + TOLERANCE_PERCENT);
		compared++;
		slower += worse;
		if (worse || is * (100 + TOLERANCE_PERCENT) < was * 100)
			printf("%-7s %s, %s at %g: %s %.4g, was %.4g\n", worse ? "slower" : "faster",
			       json_string_value(json_object_get(figure, "group")),
			       json_string_value(json_object_get(figure, "name")),
			       json_number_value(json_object_get(figure, "x")), key, is, was);
	}
	printf("%zu figures compared, %zu slower by more than %d %%\n", compared, slower, TOLERANCE_PERCENT);
	if (compared == 0)
		fail("%s and %s have no figure in common", old_path, new_path);
	return slower > 0;
}
