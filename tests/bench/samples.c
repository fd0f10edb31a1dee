/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "tests/bench/figures.h"

void samples_add(struct samples *samples, double value)
{
	if (samples->count == samples->room) {
		samples->room = samples->room ? samples->room * 2 : 256;
		samples->values = reallocarray(samples->values, samples->room, sizeof value);
		if (!samples->values)
			fail("out of memory");
	}
	samples->values[samples->count++] = value;
}

void samples_free(struct samples *samples)
{
	free(samples->values);
	*samples = (struct samples){0};
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

double samples_quantile(struct samples *samples, double part)
{
	if (samples->count == 0)
		return 0;
	qsort(samples->values, samples->count, sizeof *samples->values, compare);
	size_t at = (size_t)(part * (double)samples->count);
	return samples->values[at < samples->count ? at : samples->count - 1];
}

struct summary samples_summary(struct samples *samples)
{
	struct summary summary = {
		.p10 = samples_quantile(samples, 0.1),
		.p50 = samples_quantile(samples, 0.5),
		.p90 = samples_quantile(samples, 0.9),
		.p99 = samples_quantile(samples, 0.99),
		.n = samples->count,
	};
	/* The number of values below the median is binomial, with a deviation of sqrt(n) / 2. */
	double n = (double)samples->count, width = n > 0 ? 1.96 * sqrt(n) / 2 / n : 0;
	summary.low = samples_quantile(samples, fmax(0.5 - width, 0));
	summary.high = samples_quantile(samples, fmin(0.5 + width, 1));
	samples_free(samples);
	return summary;
}

struct summary summary_of(double value)
{
	return (struct summary){value, value, value, value, value, value, 1};
}
