/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the router says: which strategy, over which backends in which order,
 * within which bounds, and why. Pure data in the request's arena.
 */
#ifndef WEIR_CORE_DECISION_H
#define WEIR_CORE_DECISION_H

#include "base/err.h"
#include "core/backend.h"
#include "core/consent.h"

enum verdict { VERDICT_PASS, VERDICT_TAKE, VERDICT_FORBID };
const char *verdict_name(enum verdict v);

struct rule_verdict {
    const char *rule;
    enum verdict verdict;
    struct span why;
};

#define RULES_MAX 64

/*
 * What a scorer expects of both sides, before anybody answers. Routing looks at the
 * difference: the cloud is worth asking where it is expected to do better, by more than its
 * price. So `score` on receipts, which thresholds are compared with, is 1 − (p_cloud − p_device).
 */
struct score {
    double p_device, p_cloud;             /* P(answer is good), 0..1: both parts blended */
    double prior_device, prior_cloud;     /* the part that needs no labels */
    double learned_device, learned_cloud; /* the part learned here; < 0 = nothing learned */
    double labels;                        /* outcomes it was learned from */
    double novelty;     /* 0..1: share of the prompt's features that no label told of */
    double weight;      /* 0..1: of the learned part in the blend */
    const char *source; /* "prior", "blend" */
};
/* 1 − (p_cloud − p_device), not clamped: what prompts are ranked by. */
double score_raw(const struct score *s);
/* The same within 0..1. */
double score_of(const struct score *s);

struct decision {
    enum err err; /* OK, or why nothing may be tried */
    struct span err_text;
    const char *strategy; /* "device", "cloud", "fallback", "cascade", "split" */
    const struct backend *backends[BACKENDS_MAX]; /* in order of preference */
    int backends_count;
    /* For split and cascade: how many of `backends` (from the front) are local; the rest are the way up. */
    int local_count;
    struct span reason;         /* one line for X-Weir-Reason */
    struct rule_verdict *rules; /* in the request's arena */
    int rules_count, rules_room;
    double score; /* score_of(&scored), before answering; < 0 = none */
    struct score scored;
    double claims_gain; /* by how much words that only claim difficulty lower the score, 0..1 */
    bool claims_won;    /* without them it would have reached the threshold */
    bool by_score;      /* the score chose the side; not a rule, a battery, a deadline, a wish */
    bool easy;     /* would suit the device clearly enough to count as evidence (router/sticky.h) */
    bool explored; /* the side was drawn by chance, to learn from it (policy.explore) */
    double propensity; /* probability of the side that was taken; 1 unless policy.explore > 0 */
    double threshold;  /* below it the cloud answers; < 0 = none */
    bool threshold_calibrated; /* from labels of this pair of models */
    const char *
        threshold_from; /* "config", "cloud_share", "calibration", "default"; NULL = no threshold */
    double score_threshold; /* the same on the score's scale; < 0 = none */
    double quality; /* share of always-cloud quality asked for; < 0 = no threshold is used */
    bool quality_supported;   /* labels promise it */
    struct span quality_note; /* the promise, or why there is none; SPAN_NONE */
    enum degraded degraded;   /* known before the first leg */
    const char *reduced[8]; /* what a device answer lacks beside the cloud's; told while degraded */
    int reduced_count;
    const char *kept_rule; /* policy held the request on the device: by which rule … */
    const char *kept_type; /* … for which kind of finding, or NULL */
    struct span hint; /* kept or refused by privacy: one sentence with the options; SPAN_NONE */
    const struct consent *consent; /* that this answer needs; NULL = none */
    bool media_may_leave;          /* a rule lets pictures, sounds and files go */
    enum privacy_level privacy;    /* in force for every leg of this answer */
    uint64_t deadline_us;          /* to the first token, after received_us; 0 = none */
    int64_t max_cost_usd_nano;     /* -1 = none */
    const char *require[8];        /* labels that every backend of this answer has; from rules */
    int require_count;
    const struct backend *
        always_cloud; /* first priced cloud backend: what always-cloud would have cost; NULL = none */
    bool budget_refuses; /* `on_exhausted: refuse`: a leg refused for the budget ends the answer */
};

#endif
