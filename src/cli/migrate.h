/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir report --migrate`: which of the cloud's work could the device take?
 *
 * Receipts hold the task and the shape of a prompt, no words, so requests are put together by kind:
 * task, size (tiny < 30 tokens, short < 150, medium < 1000, long), and what they need (tools, images,
 * schema). For each kind: what it costs, what is known of the device's quality there, and
 *
 *   move      labels of the device's answers promise the quality wished for, with 95 % confidence
 *   likely    the labels there are say so, but are too few to promise it: how many more is said
 *   part      no labels of this kind, but a calibration: the share whose score is over its threshold
 *   keep      labels say that the device is not good enough
 *   cannot    the device's model lacks context, tools or images
 *   unknown   nothing is known: how many labels are missing, and the command that makes them
 *
 * Quality of a kind is the device's over the cloud's (which counts as 1 where nobody told); the
 * promise is a bound of calibration_bounds.h. Saving is what the cloud cost for the share that would
 * move, in the time looked at; risk is how many of these answers would be worse, expected and at most.
 * What the teacher asked (session weir-calibrate-…) is no traffic, but its scores are labels.
 */
#ifndef WEIR_CLI_MIGRATE_H
#define WEIR_CLI_MIGRATE_H

#include "core/types.h"
#include "router/calibration.h"
#include "json/json.h"

struct migrate;

struct migrate_options {
    double quality;                  /* share of always-cloud quality to keep */
    const struct calibration *split; /* of the pair in use; NULL = none. Borrowed */
    const char *pair;                /* "device,cloud", for advice. Borrowed */
    int64_t context;                 /* of the device's model; 0 = unknown */
    uint32_t tasks;                  /* it says it is made for; 0 = it does not say */
    bool tools;                      /* it can call tools */
};

struct migrate *migrate_new(const struct migrate_options *o);
void migrate_free(struct migrate *m);
/* One receipt, and the mean of its feedback (< 0 = none). What is no receipt is ignored. */
void migrate_add(struct migrate *m, struct span json, double feedback);
/* {"requests","cloud_requests","cost_usd","kinds":[…],"pareto":{…},"movable":{…},"advice"}; kinds by cost. */
void migrate_write(struct migrate *m, struct text *out);

/* The same for people, from that JSON. */
void migrate_print(const struct json *report, const char *since);

#endif
