/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two linear heads, P(device good) and P(cloud good), that learn one outcome at a time.
 *
 *   inputs    each dense marker, standardised by running mean and deviation; its bin, one of
 *             HEADS_BINS, as a feature of its own (so that a linear head may bend); the hashed words and pairs
 *   weights   two 16-bit integers a feature, 1/4096 each: a decision adds up integers in 70 KB
 *   learning  logistic loss, AdaGrad: each weight has its own step, which shrinks with the
 *             gradients it has seen (Duchi, Hazan, Singer 2011); weights decay a little; rounding to integers
 *             is stochastic, by a hash, so that small steps are not lost and runs replay exactly
 *   level     the prior keeps its order of prompts, but its log-odds are moved so that its mean is the mean outcome
 *             seen here (by the same n / (n + n0)): prompts judged by the one or by the other compare
 *   novelty   share of a prompt's words that no outcome told of (a 2^16-bit filter), or of its
 *             markers that are in a bin never seen, whichever is larger
 *
 * A struct heads is plain memory of fixed size, without pointers: it is mapped into all workers and saved as it
 * is. Its fields are atomics, read and written relaxed: two workers that learn at the same moment may lose
 * one of two steps, never more. All zero but the head = nothing learned.
 */
#ifndef WEIR_ROUTER_HEADS_H
#define WEIR_ROUTER_HEADS_H

#include "core/features.h"

#include <stdatomic.h>

#define HEADS_VERSION 1u
#define HEADS_BINS 16
#define HEADS_N0                                                                                   \
    100.0 /* labels at which learning and prior weigh the same; DESIGN section 9: 50–150 */
#define HEADS_COUNT (1 + MARKER_COUNT + MARKER_COUNT * HEADS_BINS + (int)FEATURES_BUCKETS)

enum head { HEAD_DEVICE, HEAD_CLOUD, HEAD_BOTH };

struct heads {
    /* how it is known again */
    uint64_t magic;
    uint32_t version, features_version;
    uint64_t bytes;
    /* what was learned */
    _Atomic uint32_t labels[HEAD_BOTH];
    _Atomic float
        outcome[HEAD_BOTH]; /* mean outcome, and what the prior said of the same prompts */
    _Atomic float prior[HEAD_BOTH];
    _Atomic uint32_t prompts; /* that either head learned from */
    _Atomic uint32_t spare;
    _Atomic float mean[MARKER_COUNT], square[MARKER_COUNT]; /* sum of squared deviations */
    _Atomic float per_unit[MARKER_COUNT];                   /* 1 / deviation, from these */
    _Atomic uint32_t weights[HEADS_COUNT];                  /* two int16: device, cloud */
    _Atomic float steps[HEADS_COUNT][HEAD_BOTH];            /* sums of squared gradients */
    _Atomic uint32_t words[65536 / 32];                     /* the filter */
};

void heads_init(struct heads *h);
/* Is this memory of `bytes` a struct heads of this build, with values in their ranges? */
bool heads_valid(const struct heads *h, size_t bytes);

struct head_sums {
    double device, cloud;               /* P(good), 0..1 */
    double prior_device, prior_cloud;   /* the prior's, moved to the mean outcome seen here */
    double labels_device, labels_cloud; /* outcomes each was learned from */
    double novelty;                     /* 0..1 */
};
void heads_read(const struct heads *h, const struct features *f, struct head_sums *out);

/* How good the answers were, 0..1; < 0 = not known. `importance` scales the step: 1 for an outcome that was looked
 * at, less for a hint, more for one that was drawn with a small probability; at most 4 counts. */
struct label {
    double device, cloud, importance;
    bool hint; /* moves the weights, but does not count as a label: nothing is trusted for it */
};
void heads_learn(struct heads *h, const struct features *f, const struct label *label);

#endif
