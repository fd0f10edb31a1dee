/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"

bool quick;

void fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

double now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

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

/* Of this process and of its children that it has waited for. */
static double cpu_us(void)
{
	double sum = 0;
	for (int i = 0; i < 2; i++) {
		struct rusage usage;
		getrusage(i ? RUSAGE_CHILDREN : RUSAGE_SELF, &usage);
		sum += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
		       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	}
	return sum;
}

bool round_goes_on(int round, int rounds, double start_us)
{
	enum { LEAST = 10 };
	return round < rounds && (round < LEAST || now_us() - start_us < (quick ? 3e6 : 18e6));
}

void contenders_run(struct contender *contenders, size_t count, size_t rounds)
{
	/* One round that doesn't count: caches, and what is made on first use. */
	for (size_t i = 0; i < count; i++)
		contenders[i].run(contenders[i].data);
	double start = now_us();
	for (size_t round = 0; round_goes_on((int)round, (int)rounds, start); round++)
		for (size_t i = 0; i < count; i++) {
			struct contender *contender = &contenders[(round + i) % count];
			double before = cpu_us();
			samples_add(&contender->samples, contender->run(contender->data));
			samples_add(&contender->cpu, cpu_us() - before);
		}
}
