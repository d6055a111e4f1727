/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How good is a ranking of prompts at spending cloud calls where they help? The measures of
 * RouteLLM (Ong et al. 2024, routellm/evals/evaluate.py and benchmarks.py), to the letter:
 *
 *   curve   ten equally filled bins of the gain (pandas.qcut: linear interpolation, equal
 *           edges dropped); at each edge all prompts at or above it go to the cloud (above it,
 *           for the last): cloud share → mean score
 *   APGR    area under the curve (trapezoid) between always-device (0) and always-cloud (1)
 *   CPT(x)  cloud share at which the curve has made up x of the way from the device's score to
 *           the cloud's (numpy.interp over the curve, by score)
 *
 * Pure functions over arrays, nothing kept.
 */
#ifndef WEIR_ROUTER_METRICS_H
#define WEIR_ROUTER_METRICS_H

#include "base/rng.h"

#define METRICS_BINS 10
#define METRICS_POINTS (METRICS_BINS + 1)

/* One prompt: what it is ranked by (higher = the cloud first), and how good each answer was, 0..1. */
struct routed {
    double gain, device, cloud;
};

struct metrics {
    double device, cloud;                                /* mean scores */
    double apgr, cpt50, cpt80;                           /* NAN when both means are equal */
    int points;                                          /* 2..METRICS_POINTS */
    double share[METRICS_POINTS], score[METRICS_POINTS]; /* from share 0 to 1 */
};

/* By rising gain, in place; equal gains keep their order. */
void metrics_sort(struct routed *routed, size_t n);
/* `sorted` by metrics_sort(); `times`: how often each counts, or NULL for once. n >= 1. */
void metrics_of(const struct routed *sorted, const uint16_t *times, size_t n, struct metrics *out);
/* 95 % interval of the APGR: percentiles over `rounds` resamples of the prompts with replacement. */
void metrics_interval(const struct routed *sorted, size_t n, int rounds, struct rng *rng,
                      double out_low_high[2]);
/* The curve's score at a share of cloud calls, straight between its points. */
double metrics_score_at(const struct metrics *m, double share);

#endif
