/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the router's files share. One decision is made by narrowing down a table of
 * candidates, one per backend of the config:
 *
 *   decide.c   the order of the built-in rules, and what to say when nobody is left
 *   when.c     does a rule of the config hold?
 *   wishes.c   who may: the config's rules, privacy, mode, model, strategy
 *   filters.c  who can, who is well, who is affordable
 *   threshold.c  below which value the cloud answers, and what that promises
 *   claims.c   the score, and what it would be without words that only claim difficulty
 *   timing.c   who can be in time
 *   order.c    who first, by which strategy, and why
 *   explain.c  the decision as JSON
 *   why.c      … its score taken apart, and what each backend would take
 */
#ifndef WEIR_ROUTER_INSIDE_H
#define WEIR_ROUTER_INSIDE_H

#include "regex/regex.h"
#include "router/router.h"

/* The last choice of a threshold. */
struct threshold_memo {
    const struct calibration *of;
    double quality;
    struct calibration_choice choice;
};

struct router {
    struct config *config;
    const struct calibrations *calibrations; /* NULL = none */
    struct threshold_memo memo;
    const struct scorer_type *scorer;
    void *scorer_self;
    struct regex **matches; /* by rule; NULL entries */
};

enum why_out {
    IN,
    OUT_TIER,
    OUT_PRIVACY,
    OUT_MODE,
    OUT_MODEL,
    OUT_STRATEGY,
    OUT_RULE,
    OUT_LABEL,
    OUT_CAPABILITY,
    OUT_CONTEXT,
    OUT_OFFLINE,
    OUT_BREAKER,
    OUT_DEAD,
    OUT_BUSY,
    OUT_UNUSABLE,
    OUT_BUDGET,
    OUT_COST
};

struct candidate {
    const struct backend *backend;
    const struct backend_state *state;
    enum why_out out;
    struct span why; /* one line, when out */
    bool last;       /* would answer, but better another first (task, battery, heat) */
    bool late;       /* would miss the deadline */
};

/* Everything a decision is made from, while it is made. */
struct deciding {
    struct router *router;
    const struct config *config;
    const struct facts *facts;
    const struct request *request;
    struct arena *arena;
    struct decision *d;
    struct candidate candidates[BACKENDS_MAX];
    int count;
    enum mode mode;
    /* what the rules of the config say together */
    const struct rule *take;
    const char *strategy;     /* by rule */
    const char *privacy_rule; /* the rule that tightened privacy, or NULL */
    bool lifted;              /* by consent: something that would have kept it home */
    /* what was settled */
    bool forced;           /* model name or strategy header picked one side */
    const char *must_stay; /* rule that keeps the request on the device, or NULL */
    bool refuse_loosening;
};

#define SAY(x, ...) arena_printf((x)->arena, __VA_ARGS__)

/* ---- decide.c ---- */
void verdict_add(struct deciding *x, const char *rule, enum verdict v, struct span why);
void candidate_out(struct candidate *c, enum why_out out, struct span why);
bool is_local(const struct backend *b);
int count_in(const struct deciding *x, int local); /* local: 1 device, 0 the rest, -1 all */

void out_all(struct deciding *x, int local, enum why_out out,
             struct span why); /* everybody of one side */
bool means(const struct deciding *x, const char *word,
           const struct backend *b);                                    /* a name, or a tier word */
const char *known_strategy(struct span name);                           /* NULL = not built in */
void decision_fail(struct deciding *x, enum err err, struct span text); /* the first one stays */
bool any_out(const struct deciding *x, enum why_out from, enum why_out to);
struct span everybodys_reason(struct deciding *x);
struct span one_line(struct arena *arena, struct span s); /* texts become header values */

/* ---- when.c ---- */
/* `why` gets the first key that does not hold, or "all conditions hold". */
bool when_holds(const struct router *r, int rule, const struct facts *f, struct arena *arena,
                struct span *out_why);

/* ---- wishes.c ---- */
struct rule_result {
    bool holds;
    struct span why;
};
/* All rules of the config are looked at first, because they may tighten privacy; they act later. */
void read_rules(struct deciding *x, struct rule_result *results);
void apply_rules(struct deciding *x, const struct rule_result *results);
void rule_privacy(struct deciding *x);
void rule_mode(struct deciding *x);
void rule_model(struct deciding *x);
void rule_strategy(struct deciding *x);

/* ---- claims.c ---- */
struct score score_request(struct deciding *x); /* also fills the decision's claims_gain */
enum task task_in_force(
    const struct facts *f); /* without claims of difficulty, where these are ignored */

/* ---- timing.c ---- */
enum timing_say {
    TIMING_ANY,    /* has nothing to say */
    TIMING_DEVICE, /* the device first */
    TIMING_OTHERS, /* other tiers first */
    TIMING_NOW     /* there is no time for a second try: the score decides now */
};
struct timing {
    enum timing_say say;
    bool weak; /* because the way to other tiers hardly works */
    struct span why;
};
/* Verdict `latency`; marks candidates that would be late. The strategy must be known. */
struct timing rule_latency(struct deciding *x);

/* ---- order.c ---- */
void settle_order(struct deciding *x);

/* ---- threshold.c ---- */
/* For cascade and split: fills the decision's threshold and what it promises. Either backend may be NULL. */
void settle_threshold(struct deciding *x, const struct backend *device,
                      const struct backend *cloud);

/* ---- why.c: members of explain's object ---- */
void put_contributions(struct json_out *w, const struct router *r, const struct facts *f);
void put_score_parts(struct json_out *w, const struct decision *d);
void put_predictions(struct json_out *w, const struct router *r, const struct facts *f);
void put_memory(struct json_out *w, const struct facts *f);

/* ---- filters.c ---- */
void filter_capability(struct deciding *x);
void filter_health(struct deciding *x);
void filter_cost(struct deciding *x);
int64_t cost_at_most(const struct facts *f,
                     const struct backend *b); /* as the gate would reserve; USD_UNKNOWN */

#endif
