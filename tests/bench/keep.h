/* SPDX-License-Identifier: Apache-2.0 */
/* What has been added so far: arrays of the result's file; and how numbers are printed. */
#ifndef BENCH_KEEP_H
#define BENCH_KEEP_H

#include <jansson.h>

struct kept {
	json_t *figures, *targets, *left_out;
};
struct kept *kept_all(void);
/* Takes the item over; the list is made when it is needed. */
void keep(json_t **list, json_t *item);

/* Four digits, or all those before the point. */
int figure_decimals(double value);

#endif
