/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/cgroup.h"

enum { WEIGHT_MIN = 1, WEIGHT_MAX = 10000 };
/* What both versions give a group that was given nothing, and what one CPU stands for. */
enum { SHARES_DEFAULT = 1024, WEIGHT_DEFAULT = 100 };

uint64_t cgroup_weight_from_shares(uint64_t shares)
{
	uint64_t weight = shares >= (uint64_t)WEIGHT_MAX * SHARES_DEFAULT / WEIGHT_DEFAULT
				  ? WEIGHT_MAX
				  : (shares * WEIGHT_DEFAULT + SHARES_DEFAULT / 2) / SHARES_DEFAULT;
	return weight < WEIGHT_MIN ? WEIGHT_MIN : weight;
}

uint64_t cgroup_shares_from_weight(uint64_t weight)
{
	return (weight * SHARES_DEFAULT + WEIGHT_DEFAULT / 2) / WEIGHT_DEFAULT;
}
