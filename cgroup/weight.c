/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "cgroup/cgroup.h"

enum { SHARES_MIN = 2, SHARES_MAX = 1 << 18, WEIGHT_MIN = 1, WEIGHT_MAX = 10000 };

/*
 * The conversion of crun 1.23 and runc 1.3.2: with l = log2(shares), log10(weight) is the parabola through
 * (1, 0), (10, 2) and (18, 4), so that both defaults and both ends meet: 2 -> 1, 1024 -> 100, 262144 -> 10000.
 */
uint64_t cgroup_weight_from_shares(uint64_t shares)
{
	if (shares <= SHARES_MIN)
		return WEIGHT_MIN;
	if (shares >= SHARES_MAX)
		return WEIGHT_MAX;
	double l = log2((double)shares);
	double weight = pow(10, (l * l + 125 * l) / 612 - 7.0 / 34);
	/* Rounded up, but 1024 must not become 101 for an error in the last digit. */
	return (uint64_t)ceil(weight - 1e-9);
}

/* The smallest shares whose weight is at least `weight`. The conversion only grows, so halving finds it. */
static uint64_t shares_first(uint64_t weight)
{
	uint64_t low = SHARES_MIN, high = SHARES_MAX;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (cgroup_weight_from_shares(middle) >= weight)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

uint64_t cgroup_shares_from_weight(uint64_t weight)
{
	if (weight <= WEIGHT_MIN)
		return SHARES_MIN;
	if (weight >= WEIGHT_MAX)
		return SHARES_MAX;
	/* Several shares have one weight: of those from first to last, the roundest in binary is the likeliest asked.
	 */
	uint64_t first = shares_first(weight), last = shares_first(weight + 1) - 1;
	for (unsigned int bits = 17; bits > 0; bits--) {
		uint64_t round = last >> bits << bits;
		if (round >= first)
			return round;
	}
	return last > first ? last : first;
}
