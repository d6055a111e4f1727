/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device answers in full; an answer that is not good enough is given up for
 * the cloud's. `decision->backends` holds `local_count` device backends, then the
 * way up.
 *
 * The happy path is: JUDGING, the device's deltas are held and its running
 * confidence watched; at its end the confidence is at least the threshold, and the
 * held answer is shown whole.
 *
 *        ┌────────── next device ─────────┐
 *        v                                │ failed
 *     JUDGING ───────────── sure ─────────┼──────────────> shown, DONE
 *        │ unsure, declined, bad call     │
 *        v                                v
 *     ESCALATED ── first delta ──> SHOWING ──end──> DONE (well, or partial when broken)
 *        │ no cloud left
 *        └── device text complete, or still coming ──> shown, degraded, DONE
 *
 * The running value only falls, so ESCALATED begins in the middle of the device's
 * answer when it can. The device goes on writing behind it: should the cloud fail,
 * its answer is there, whole, and is served with `degraded`. The cloud's first
 * delta closes the device leg and frees what was held.
 *
 * What can go wrong:
 * - the device fails: what it wrote is dropped, the next device is judged, then
 *   the cloud answers;
 * - it gives no confidence (a local server behind an API): the score from before
 *   the answer stands in for it;
 * - its answer passes HELD_MAX while it looks good: it is shown from there on, for
 *   it cannot be held; while it was given up for the cloud: it is dropped;
 * - no device or no cloud in the decision: a plain list, nothing to judge.
 */
#include "strategy/held.h"
#include "strategy/plain.h"
#include "strategy/strategy.h"

#include <math.h>
#include <stdio.h>

struct cascade {
    struct plain p; /* p.leg: the device while JUDGING, the cloud when ESCALATED */
    bool plain;     /* nothing to judge */
    struct held held;
    int device_leg; /* being held; 0 = none, or dropped */
    const struct backend *device;
    bool device_ended; /* well: the held answer is whole */
    bool final;        /* the last confidence was about the whole answer */
    double confidence; /* < 0 = none came */
    bool declined, bad_call;
    char why[120]; /* it was given up */
};

static void emit_held(void *user, const struct delta *d)
{
    flow_emit(user, d);
}

static void drop_device(struct cascade *c, struct flow *f)
{
    if (c->device_leg) {
        flow_close(f, c->device_leg);
        c->device_leg = 0;
    }
    held_drop(&c->held);
}

/* ---- the device's answer goes out ---- */

static void show_held(struct cascade *c, struct flow *f)
{
    plain_take_author(&c->p, f, c->device_leg, c->device);
    held_give(&c->held, emit_held, f);
    held_drop(&c->held);
}

/* It is shown before its end: the rest follows as it comes. */
static void show_from_here(struct cascade *c, struct flow *f)
{
    show_held(c, f);
    c->p.leg = c->device_leg;
    c->p.backend = c->device;
    c->p.phase = PHASE_SHOWING;
}

/* ---- up ---- */

static bool has_device(const struct cascade *c)
{
    return c->device_leg != 0;
}

/* No cloud could answer: better the unsure answer, said to be one, than none. */
static void serve_rejected(struct cascade *c, struct flow *f)
{
    if (!has_device(c)) {
        plain_end_failed(&c->p, f);
        return;
    }
    flow_reason(f, "%s; the device's answer is served although %s", c->p.story, c->why);
    if (c->device_ended) {
        show_held(c, f);
        plain_end_well(&c->p, f);
    } else {
        show_from_here(c, f);
    }
}

static void try_cloud(struct cascade *c, struct flow *f)
{
    if (!plain_try_next(&c->p, f)) {
        serve_rejected(c, f);
        return;
    }
    c->p.phase = PHASE_ESCALATED;
    if (c->why[0] && !c->p.story[0]) {
        flow_reason(f, "%s", c->why);
    }
}

static void escalate(struct cascade *c, struct flow *f)
{
    c->p.next = flow_decision(f)->local_count;
    try_cloud(c, f);
}

/* ---- judging ---- */

static double threshold(const struct flow *f)
{
    return flow_decision(f)->threshold;
}

/* Is what is known so far too little? Fills `why`. A threshold of 1 means that the cloud always
 * answers. */
static bool is_unsure(struct cascade *c, const struct flow *f)
{
    const char *known_as = "confidence";
    double p = c->confidence;
    if (threshold(f) >= 1) {
        (void)snprintf(c->why, sizeof c->why, "a threshold of 1 lets the cloud answer");
        return true;
    }
    if (p < 0 && c->device_ended) { /* no confidence came: the score is all there is */
        known_as = "score";
        p = flow_decision(f)->score;
        if (p < 0) {
            return false;
        }
    }
    if (c->declined) {
        (void)snprintf(c->why, sizeof c->why, "the device declined to answer");
    } else if (c->bad_call) {
        (void)snprintf(c->why, sizeof c->why, "the device's tool call does not parse");
    } else if (p >= 0 && p < threshold(f)) {
        /* two digits, but never ones that look equal when they are not */
        int digits = fabs(p - threshold(f)) < 0.01 ? 4 : 2;
        (void)snprintf(c->why, sizeof c->why, "%s %.*f below %.*f", known_as, digits, p, digits,
                       threshold(f));
    } else {
        return false;
    }
    return true;
}

static void judge_next(struct cascade *c, struct flow *f)
{
    (void)plain_try_next(&c->p, f);
    c->p.phase = PHASE_JUDGING;
    c->device_leg = c->p.leg;
    c->device = c->p.backend;
    c->device_ended = c->declined = c->bad_call = false;
    c->confidence = -1;
}

static void on_confidence(struct cascade *c, struct flow *f, const struct confidence *confidence)
{
    c->confidence = confidence->bad_tool_call ? 0 : confidence->p;
    c->declined = confidence->refusal;
    c->bad_call = confidence->bad_tool_call;
    flow_confidence(f, c->confidence);
    if (c->p.phase == PHASE_JUDGING && is_unsure(c, f)) {
        escalate(c, f);
    }
}

static void on_device_delta(struct cascade *c, struct flow *f, const struct delta *d)
{
    if (held_add(&c->held, flow_arena(f), d)) {
        return;
    }
    if (c->p.phase == PHASE_JUDGING) {
        flow_reason(f, "the device's answer is long and sure so far");
        show_from_here(c, f);
        flow_emit(f, d);
    } else {
        drop_device(c, f);
    }
}

static void on_device_well(struct cascade *c, struct flow *f)
{
    c->device_ended = true;
    if (c->p.phase != PHASE_JUDGING) {
        return; /* the cloud is being asked; this answer waits behind it */
    }
    if (is_unsure(c, f)) {
        escalate(c, f);
        return;
    }
    if (c->confidence >= 0) {
        flow_reason(f, "confidence %.2f at least %.2f", c->confidence, threshold(f));
    }
    show_held(c, f);
    plain_end_well(&c->p, f);
}

static void on_device_failed(struct cascade *c, struct flow *f, const struct leg_end *end)
{
    bool over = plain_note_failure(&c->p, f, c->device, end);
    c->device_leg = 0;
    held_drop(&c->held);
    flow_confidence(f, -1);
    if (c->p.phase != PHASE_JUDGING) {
        return; /* the cloud is being asked already */
    }
    if (over) {
        plain_end_failed(&c->p, f);
    } else if (c->p.next < flow_decision(f)->local_count) {
        judge_next(c, f);
    } else {
        escalate(c, f);
    }
}

/* The device, held. */
static void step_device(struct cascade *c, struct flow *f, const struct event *ev)
{
    if (ev->kind == EV_DELTA) {
        on_device_delta(c, f, ev->u.delta);
    } else if (ev->kind == EV_CONFIDENCE) {
        on_confidence(c, f, ev->u.confidence);
    } else if (ev->kind == EV_END && ev->u.end->outcome == LEG_OK) {
        on_device_well(c, f);
    } else if (ev->kind == EV_END) {
        on_device_failed(c, f, ev->u.end);
    }
}

/* The cloud, asked after the device. */
static void step_cloud(struct cascade *c, struct flow *f, const struct event *ev)
{
    if (ev->kind == EV_DELTA) {
        drop_device(c, f);
        plain_take_author(&c->p, f, c->p.leg, c->p.backend);
        c->p.phase = PHASE_SHOWING;
        flow_emit(f, ev->u.delta);
    } else if (ev->kind == EV_END && ev->u.end->outcome == LEG_OK) {
        drop_device(c, f);
        plain_take_author(&c->p, f, c->p.leg, c->p.backend);
        plain_end_well(&c->p, f);
    } else if (ev->kind == EV_END) {
        if (plain_note_failure(&c->p, f, c->p.backend, ev->u.end)) {
            plain_end_failed(&c->p, f);
        } else {
            try_cloud(c, f);
        }
    }
}

static void begin(struct cascade *c, struct flow *f)
{
    const struct decision *d = flow_decision(f);
    c->p.stop = d->backends_count;
    c->plain = d->local_count <= 0 || d->local_count >= d->backends_count;
    if (c->plain) {
        plain_step(&c->p, f, &(struct event){.kind = EV_BEGIN});
    } else if (plain_may_begin(&c->p, f)) {
        judge_next(c, f);
    }
}

static void step(void *state, struct flow *f, const struct event *ev)
{
    struct cascade *c = state;
    if (ev->kind == EV_BEGIN) {
        begin(c, f);
    } else if (c->plain || c->p.phase == PHASE_SHOWING) {
        plain_step(&c->p, f, ev);
    } else if (c->p.phase != PHASE_DONE && ev->leg != 0 && ev->leg == c->device_leg) {
        step_device(c, f, ev);
    } else if (c->p.phase == PHASE_ESCALATED && ev->leg == c->p.leg) {
        step_cloud(c, f, ev);
    }
}

const struct strategy strategy_cascade = {
    .name = "cascade",
    .state_size = sizeof(struct cascade),
    .step = step,
};
