/* SPDX-License-Identifier: Apache-2.0 */
#include "strategy/plain.h"

#include "base/text.h"

#include <stdio.h>

/* ---- endings ---- */

static enum outcome outcome_of(enum err err)
{
    return err == ERR_POLICY || err == ERR_BUDGET ? OUTCOME_REFUSED : OUTCOME_FAILED;
}

static void end(struct plain *p, struct flow *f, enum outcome outcome)
{
    p->phase = PHASE_DONE;
    flow_answer_done(f, outcome);
    flow_finish(f);
}

void plain_end_well(struct plain *p, struct flow *f)
{
    end(p, f, OUTCOME_OK);
}

void plain_end_broken(struct plain *p, struct flow *f, const struct leg_end *leg_end)
{
    flow_fail(f, leg_end->err, "the answer broke off: %.*s", SPAN_ARG(leg_end->text));
    end(p, f, OUTCOME_PARTIAL);
}

void plain_end_failed(struct plain *p, struct flow *f)
{
    flow_fail(f, p->err, "%s", p->story);
    end(p, f, outcome_of(p->err));
}

bool plain_may_begin(struct plain *p, struct flow *f)
{
    const struct decision *d = flow_decision(f);
    if (d->err == OK && d->backends_count > 0) {
        return true;
    }
    p->err = d->err == OK ? ERR_NO_BACKEND : d->err;
    struct span text = d->err == OK ? SPAN_NONE : d->err_text;
    flow_fail(f, p->err, "%.*s", SPAN_ARG(text.len ? text : span_c(err_sentence(p->err))));
    end(p, f, outcome_of(p->err));
    return false;
}

/* ---- failures ---- */

static void tell(struct plain *p, const struct backend *b, const struct leg_end *leg_end)
{
    size_t at = strlen(p->story);
    struct span text = leg_end->text.len ? leg_end->text : span_c(err_sentence(leg_end->err));
    (void)snprintf(p->story + at, sizeof p->story - at, "%s%s: %.*s", at ? "; " : "", b->name,
                   SPAN_ARG(text));
    size_t whole = span_utf8_whole(span_c(p->story));
    p->story[whole] = 0;
}

/* What the client hears is the last failure of a backend that was tried; one that the gate held back counts only
 * while there is no other. */
static void keep_err(struct plain *p, const struct leg_end *leg_end)
{
    bool refused = leg_end->outcome == LEG_REFUSED;
    if (p->err == OK || p->err_refused || !refused) {
        p->err = leg_end->err == OK ? ERR_UPSTREAM : leg_end->err;
        p->err_refused = refused;
    }
}

static enum degraded degraded_as(const struct leg_end *leg_end)
{
    /* the gate holds back with ERR_NO_BACKEND only what no network leads to */
    if (leg_end->offline || (leg_end->outcome == LEG_REFUSED && leg_end->err == ERR_NO_BACKEND)) {
        return DEGRADED_OFFLINE;
    }
    if (leg_end->err == ERR_BUDGET) {
        return DEGRADED_BUDGET;
    }
    if (leg_end->outcome == LEG_REFUSED && leg_end->err == ERR_POLICY) {
        return DEGRADED_NO; /* policy was honoured, nothing failed */
    }
    return DEGRADED_CLOUD_FAILED;
}

bool plain_note_failure(struct plain *p, const struct flow *f, const struct backend *b,
                        const struct leg_end *leg_end)
{
    tell(p, b, leg_end);
    keep_err(p, leg_end);
    if (b->tier == TIER_DEVICE) {
        p->device_failed = true;
    } else {
        p->cloud_failed = true;
        p->cloud_failed_as = degraded_as(leg_end);
    }
    if (leg_end->err == ERR_BUDGET && flow_decision(f)->budget_refuses) {
        p->err = ERR_BUDGET;
        return true;
    }
    return false;
}

/* ---- going on ---- */

bool plain_try_next(struct plain *p, struct flow *f)
{
    const struct decision *d = flow_decision(f);
    if (p->next >= p->stop || p->next >= d->backends_count) {
        return false;
    }
    p->backend = d->backends[p->next++];
    p->phase = PHASE_TRYING;
    p->leg = flow_open(f, p->backend,
                       &(struct leg_options){.want_confidence = p->backend->tier == TIER_DEVICE});
    if (p->story[0]) {
        flow_reason(f, "%s", p->story);
    }
    return true;
}

void plain_take_author(struct plain *p, struct flow *f, int leg, const struct backend *backend)
{
    flow_author(f, leg);
    if (backend->tier == TIER_DEVICE) {
        if (p->cloud_failed && p->cloud_failed_as != DEGRADED_NO) {
            flow_degraded(f, p->cloud_failed_as);
        }
    } else if (p->device_failed && flow_request(f)->options.mode == MODE_PREFER_ON_DEVICE) {
        flow_degraded(f, DEGRADED_DEVICE_FAILED);
    }
}

static void on_delta(struct plain *p, struct flow *f, const struct delta *d)
{
    if (p->phase == PHASE_TRYING) {
        p->phase = PHASE_SHOWING;
        plain_take_author(p, f, p->leg, p->backend);
    }
    flow_emit(f, d);
}

static void on_end(struct plain *p, struct flow *f, const struct leg_end *leg_end)
{
    if (leg_end->outcome == LEG_OK) {
        if (p->phase == PHASE_TRYING) { /* an empty answer is one */
            plain_take_author(p, f, p->leg, p->backend);
        }
        plain_end_well(p, f);
        return;
    }
    if (p->phase == PHASE_SHOWING) {
        plain_end_broken(p, f, leg_end);
        return;
    }
    flow_confidence(f, -1);
    if (plain_note_failure(p, f, p->backend, leg_end) || !plain_try_next(p, f)) {
        plain_end_failed(p, f);
    }
}

void plain_step(struct plain *p, struct flow *f, const struct event *ev)
{
    if (ev->kind == EV_BEGIN) {
        if (plain_may_begin(p, f)) {
            (void)plain_try_next(p, f);
        }
        return;
    }
    if (ev->leg != p->leg || p->phase == PHASE_DONE) {
        return;
    }
    switch (ev->kind) {
    case EV_DELTA:
        on_delta(p, f, ev->u.delta);
        break;
    case EV_CONFIDENCE:
        flow_confidence(f, ev->u.confidence->p);
        break;
    case EV_END:
        on_end(p, f, ev->u.end);
        break;
    default:
        break;
    }
}
