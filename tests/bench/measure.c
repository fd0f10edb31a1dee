/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/bench/bench.h"

bool quick;

double now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
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

bool pace_goes_on(struct pace *pace)
{
	enum { LEAST = 10, PART = 6 };
	if (pace->round == 0)
		pace->start_us = now_us();
	int round = pace->round++, part = quick ? PART : 1;
	return round < LEAST || (round < pace->rounds / part && now_us() - pace->start_us < pace->seconds * 1e6 / part);
}

void contenders_run(struct contender *contenders, size_t count, struct pace pace)
{
	/* One round that doesn't count: caches, and what is made on first use. */
	for (size_t i = 0; i < count; i++)
		contenders[i].run(contenders[i].data);
	for (size_t first = 0; pace_goes_on(&pace); first++)
		for (size_t i = 0; i < count; i++) {
			struct contender *contender = &contenders[(first + i) % count];
			double before = cpu_us();
			samples_add(&contender->samples, contender->run(contender->data));
			samples_add(&contender->cpu, cpu_us() - before);
		}
	for (size_t i = 0; i < count; i++) {
		contenders[i].summary = samples_summary(&contenders[i].samples);
		contenders[i].cpu_summary = samples_summary(&contenders[i].cpu);
	}
}

void contenders_add(const char *group, double x, const struct contender *contenders, size_t count)
{
	for (size_t i = 0; i < count; i++)
		figure_add_ratio(group, contenders[i].name, x, "us", contenders[i].summary, contenders[0].name,
				 i ? contenders[0].summary : (struct summary){0});
}

void contenders_add_cpu(const char *group, const struct contender *contenders, size_t count)
{
	for (size_t i = 0; i < count; i++)
		figure_add_ratio(group, contenders[i].name, 0, "us", contenders[i].cpu_summary, contenders[0].name,
				 i ? contenders[0].cpu_summary : (struct summary){0});
}
