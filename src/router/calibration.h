/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From labels to a threshold that keeps a promise.
 *
 * A label is one prompt of the user's traffic: the value that a threshold is compared with (the
 * score before an answer, or the confidence after it), how good the device's answer was and how
 * good the cloud's. For every threshold that could be told apart the table says which share of the
 * prompts would go to the cloud, what share of always-cloud quality would be left
 *
 *   quality      Σ quality of what would have answered / Σ quality of the cloud
 *
 * and how much of it is certain:
 *
 *   quality_low  1 − (share of the cloud's good answers that the device would have spoilt, at most)
 *                  + (what only the device gets right, at least, over the cloud's quality, at most)
 *
 * with 95 % confidence (calibration_bounds.h). The last term is left out below 400 labels: there
 * next to nothing of it is certain, and the whole error goes to what is spoilt. The threshold is the
 * lowest whose bound holds and whose every higher one's does. Tested in this order, which no label can
 * change, stopping at the first that fails, that keeps the promise without a correction for having
 * chosen (fixed-sequence testing; Angelopoulos et al., "Learn then Test", 2021).
 *
 * Labels of 0 and 1 need no more than Clopper and Pearson's bound: of the prompts that the cloud
 * gets right, how many does the device? With graded labels both sums are bounded, at half the
 * error each. With gains 80 % of the error is for what is spoilt and 10 % for each of the two sums of gains.
 *
 * Too few labels for any promise: the table says how many more, and the threshold in force is the
 * more careful of the stated default and of what the labels seem to say.
 */
#ifndef WEIR_ROUTER_CALIBRATION_H
#define WEIR_ROUTER_CALIBRATION_H

#include "router/calibration_isotonic.h"

/* P(device good enough) below which the cloud answers, while nothing is calibrated: on the careful side. */
#define THRESHOLD_DEFAULT 0.60
#define QUALITY_DEFAULT 0.95
#define CALIBRATION_DELTA 0.05 /* promises hold with 95 % confidence */

#define CALIBRATION_GAINS_FROM 400
#define CALIBRATION_LABELS_MAX 1000000
#define CALIBRATION_POINTS_MAX 200

struct calibration_label {
    double value;  /* 0..1 */
    double device; /* quality 0..1; < 0 = unknown: counts as useless where it would be shown */
    double cloud;  /* quality 0..1; < 0 = unknown: counts as perfect */
};

struct calibration_point {
    double threshold; /* the device answers where value >= threshold; 0 = always, 1 = never */
    double cloud_share;
    double quality, quality_low; /* shares of always-cloud quality; the first may exceed 1 */
};

/* What is known of one value (score or confidence) for one pair of models. Plain data, about 10 KiB. */
struct calibration {
    int64_t n;            /* labels; 0 = nothing is known */
    int64_t assumed;      /* of them, with a quality that is unknown on one side */
    bool graded;          /* some quality is neither 0 nor 1 */
    double device, cloud; /* mean qualities of what is known; -1 = none */
    double cloud_sum;     /* Σ quality of the cloud, unknown ones perfect */
    int points_count;     /* by rising threshold; the first is 0, the last is 1 */
    struct calibration_point points[CALIBRATION_POINTS_MAX];
    struct isotonic isotonic; /* P(device good) as it may be shown */
    struct reliability reliability;
    double isotonic_ece; /* -1 = unknown */
};

/* Sorts `labels`. Labels with a value outside 0..1 must not be there. */
void calibration_make(struct calibration_label *labels, int64_t count, struct calibration *out);

struct calibration_choice {
    struct calibration_point point; /* threshold in force */
    bool supported;                 /* quality_low reaches the wish */
    int64_t more_labels;            /* needed until it could; 0 = none, -1 = no number is enough */
};
/* `quality` 0..1. Any calibration, also an empty one: the default. */
void calibration_choose(const struct calibration *c, double quality,
                        struct calibration_choice *out);
/* The threshold without labels: the default, moved in proportion to the quality. */
double calibration_default(double quality);
/* The table at the point in force for a given threshold. */
struct calibration_point calibration_at(const struct calibration *c, double threshold);

#endif
