/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threshold of a cost target: of the last 1,024 values, which one has the wanted share of them
 * below it? Exact, over a window, so that it follows traffic that changes. A threshold found this
 * way sends that share to the cloud as long as the next thousand prompts are like the last.
 */
#ifndef WEIR_ROUTER_CALIBRATION_QUANTILE_H
#define WEIR_ROUTER_CALIBRATION_QUANTILE_H

#include "base/base.h"

#define QUANTILE_WINDOW 1024
#define QUANTILE_LEAST 50 /* before that many values nothing is said */

struct quantile { /* zeroed = empty; 8 KiB */
    float ring[QUANTILE_WINDOW], sorted[QUANTILE_WINDOW];
    int count, next;
};

void quantile_add(struct quantile *q, double value); /* 0..1; others are ignored */
/* `share` in 0..1 of the values lie below the threshold that this gives; -1 while too few were seen. */
double quantile_threshold(const struct quantile *q, double share);

#endif
