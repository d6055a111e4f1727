/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How sure may one be of a share that was counted on few labels?
 *
 * binomial_upper() is the one-sided bound of Clopper and Pearson (Biometrika 26, 1934): exact for
 * labels that are 0 or 1. mean_upper() is for labels anywhere in 0..1: with S their sum,
 * P(sum <= S) <= e · P(Bin(n, mean) <= ceil(S)) (Bentkus, Annals of Probability 32, 2004; used for
 * risks by Bates et al., "Distribution-free, risk-controlling prediction sets", 2021), solved for
 * the mean. Both fail with probability `delta` at most, whatever the labels' distribution.
 */
#ifndef WEIR_ROUTER_CALIBRATION_BOUNDS_H
#define WEIR_ROUTER_CALIBRATION_BOUNDS_H

#include "base/base.h"

/* P(Bin(n, p) <= k). Any p in 0..1, n >= 0. */
double binomial_cdf(int64_t k, int64_t n, double p);
/* The largest p that k successes in n tries leave possible; 1 for n = 0. */
double binomial_upper(int64_t k, int64_t n, double delta);
/* The largest mean of values in 0..1 that a sum of `sum` over n of them leaves possible. */
double mean_upper(double sum, int64_t n, double delta);

#endif
