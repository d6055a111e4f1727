/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a score to a probability that may be shown: the rising step function that fits the labels
 * best (pool adjacent violators: Ayer et al., Annals of Mathematical Statistics 26, 1955), with
 * straight lines from the end of a step to the beginning of the next. And how far a score is from being a
 * probability: bins, and their expected calibration error
 *
 *   ECE = Σ n_bin / n · |mean score − mean quality|       (Naeini, Cooper, Hauskrecht, AAAI 2015)
 *
 * Prompts are ranked by the raw score, never by this: ties cost quality.
 */
#ifndef WEIR_ROUTER_CALIBRATION_ISOTONIC_H
#define WEIR_ROUTER_CALIBRATION_ISOTONIC_H

#include "base/base.h"

struct labelled {
    double value;   /* score or confidence, 0..1 */
    double quality; /* 0..1 */
};
void labelled_sort(struct labelled *items, int count); /* by value */

#define ISOTONIC_MAX 128

struct isotonic {
    int count;                                   /* 0: nothing is known */
    double value[ISOTONIC_MAX], p[ISOTONIC_MAX]; /* values rise, p never falls; two points a step */
};

/* `items` sorted by value. Steps beyond ISOTONIC_MAX are joined with their neighbours. */
void isotonic_fit(const struct labelled *items, int count, struct isotonic *out);
double isotonic_at(const struct isotonic *fit,
                   double value); /* `value` itself while nothing is known */

#define RELIABILITY_BINS 10

struct reliability {
    struct reliability_bin {
        int n;
        double value, quality; /* means; 0 for n = 0 */
    } bins[RELIABILITY_BINS];  /* of the same width over 0..1 */
    int n;
    double ece;
};
void reliability_measure(const struct labelled *items, int count, struct reliability *out);
/* The error that is left when the score is read through an isotonic fit, each half of `items` (sorted) through the
 * fit of the other half; -1 for less than four. */
double isotonic_ece(const struct labelled *items, int count);

#endif
