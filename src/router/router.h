/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts in, decision out. Pure: no I/O, no clock, no memory between calls beyond
 * the compiled rules.
 *
 * An ordered list of rules looks at the facts; each says pass, take or forbid and
 * why. Precedence: privacy > mode > model name > strategy header > rule `take` >
 * policy. Then the scorer (P(device good enough)) fills in what the strategy needs.
 * Every rule's verdict is in the decision, so `weir explain` shows all of them.
 *
 * The scorer is an interface: v0 is an honest prior from prompt length and task.
 */
#ifndef WEIR_ROUTER_ROUTER_H
#define WEIR_ROUTER_ROUTER_H

#include "config/config.h"
#include "core/decision.h"
#include "core/facts.h"
#include "router/calibration_file.h"

struct router;

struct scorer_type {
    const char *name;
    struct score (*score)(void *self, const struct facts *f);
    /* Features for explain: a JSON object. */
    void (*explain)(void *self, const struct facts *f, struct text *out);
};
extern const struct scorer_type scorer_prior;

/* Compiles the rules' patterns. Refs the config. */
enum err router_new(struct config *c, const struct scorer_type *scorer, void *scorer_self,
                    struct router **out, struct fault *fault) MUST_USE;
void router_free(struct router *r);
/* Thresholds from labels, in place of the default; NULL = none. Borrowed until the next call. */
void router_use_calibrations(struct router *r, const struct calibrations *all);

/* Request features into facts: last user turn, token estimates, task, language. Deterministic. */
void router_read_request(const struct request *request, struct facts *out);
/* `out` lives in the request's arena. Never fails: a decision that may try nothing has err set. */
void router_decide(struct router *r, const struct facts *f, struct decision *out);
/* INTERFACE `weir explain`: decision, rules, score, threshold, features, privacy, device. */
void router_explain(struct router *r, const struct facts *f, const struct decision *d,
                    struct text *out);

#endif
