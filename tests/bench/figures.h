/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of measured times: quantiles, figures, what must be reached, and the difference between two files. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Ends the program with a sentence: a figure of which a part failed is no figure. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- Samples ---- */

struct samples {
	double *values;
	size_t count, room;
};
void samples_add(struct samples *samples, double value);
void samples_free(struct samples *samples);
/* Sorts; part: 0.5 for the median. 0 without samples. */
double samples_quantile(struct samples *samples, double part);

struct summary {
	double p10, p50, p90, p99;
	/* Where the median of all such runs lies, with 95 % confidence: of this run's, the values at the ranks that the
	 * binomial distribution gives. */
	double low, high;
	size_t n;
};
/* Takes the samples over. */
struct summary samples_summary(struct samples *samples);
/* Of a single number. */
struct summary summary_of(double value);

/* ---- Figures: printed and kept as they are added ---- */

/* x: the sweep's variable. */
void figure_add(const char *group, const char *name, double x, const char *unit, struct summary summary);
/* The same with its ratio to another; a base whose p50 is 0 is none. */
void figure_add_ratio(const char *group, const char *name, double x, const char *unit, struct summary summary,
		      const char *against, struct summary base);
/* Tells of what is not here to be measured. */
void figure_left_out(const char *what, const char *why);

/* ---- What must be reached ---- */

enum reach { AT_MOST, AT_LEAST };
/* ours / theirs, both in the unit, must be at most, or at least, the bound. */
void target_ratio(const char *what, const char *unit, double ours, const char *against, double theirs, enum reach reach,
		  double bound);
/* ours itself must. */
void target_value(const char *what, const char *unit, double ours, enum reach reach, double bound);
/* One that could not be measured here. */
void target_unmeasured(const char *what, const char *why);
/* Prints them as a table. Returns how many were missed or not measured. */
size_t targets_print(void);

/* ---- Files ---- */

/* Writes all figures and targets, with the date and what is told of the machine (JSON text). */
void figures_write(const char *path, const char *machine, bool quick);

/*
 * Tells of every figure of berth's that has changed between two files by more than their spread. Returns how many got
 * worse. A figure is told by its ratio where both files have one, for the files may be of machines, or hours, of
 * different speed.
 */
size_t figures_compare(const char *old_path, const char *new_path, FILE *out);

#endif
