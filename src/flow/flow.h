/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow: one answer in the making.
 *
 * Whatever legs and timers do becomes an event in the flow's queue. The flow
 * hands them to its strategy one at a time; the strategy answers with verbs that
 * only queue work, so it can never be re-entered. It has no I/O, no threads and
 * no clock: the same file runs in production and under random scripts.
 *
 * The flow promises: EV_BEGIN first, once; every opened leg ends with exactly one
 * EV_END, also when it was closed or could not be opened; a closed leg delivers no
 * more text; after flow_finish(), or once the client left, step() is not called
 * unless a background leg was asked to live on. The strategy promises: every path
 * ends in flow_finish().
 *
 * Life: flow_new() → flow_start() → sink.begin once, sink.delta*, sink.end once →
 * the receipt goes to host.receipt → the flow frees itself and its request's arena.
 * flow_client_gone() may come at any moment before sink.end.
 *
 * Back pressure: flow_pause() (the client does not read) pauses the legs whose
 * text is being shown; retries, time-outs that belong to no driver and the settling
 * of costs live here too, once.
 */
#ifndef WEIR_FLOW_FLOW_H
#define WEIR_FLOW_FLOW_H

#include "flow/leg.h"

/* ---- for strategies ---- */

enum event_kind { EV_BEGIN, EV_FIRST_BYTE, EV_DELTA, EV_CONFIDENCE, EV_END, EV_TIMER };

struct event {
    enum event_kind kind;
    int leg; /* 1..; 0 for EV_BEGIN and EV_TIMER */
    union {
        const struct delta *delta; /* EV_DELTA; borrowed for the step */
        const struct confidence *confidence;
        const struct leg_end *end;
        int timer;
    } u;
};

struct strategy { /* one per strategy, static const */
    const char *name;
    size_t state_size; /* zeroed, in the request's arena */
    void (*step)(void *state, struct flow *flow, const struct event *ev);
};

#define FLOW_TIMERS 4

const struct request *flow_request(const struct flow *f);
const struct decision *flow_decision(const struct flow *f);
struct arena *flow_arena(const struct flow *f);

int flow_open(struct flow *f, const struct backend *backend,
              const struct leg_options *options); /* leg number */
void flow_close(struct flow *f, int leg);         /* no-op on an ended leg */
/* From now on this leg is the answer's author: its model, tier and usage are the answer's. Required before emit. */
void flow_author(struct flow *f, int leg);
void flow_emit(struct flow *f, const struct delta *d);       /* copies; cannot be taken back */
void flow_arm(struct flow *f, int timer, uint64_t delay_ms); /* again = moved */
void flow_disarm(struct flow *f, int timer);
/* What the receipt says. Each may be called any time before flow_answer_done(). */
void flow_reason(struct flow *f, const char *format, ...) PRINTF_LIKE(2, 3);
void flow_degraded(struct flow *f, enum degraded d);
void flow_confidence(struct flow *f, double p);
void flow_fail(struct flow *f, enum err err, const char *format, ...)
    PRINTF_LIKE(3, 4); /* what the client will read */
/* The client's part is over; background legs may live on. `finish` of each choice comes from the author's end. */
void flow_answer_done(struct flow *f, enum outcome outcome);
void flow_finish(struct flow *f);      /* closes what is left; after it no step */
bool flow_shown(const struct flow *f); /* something was emitted */

/* ---- for whoever shows the answer (server/) ---- */

struct sink_type {
    /* Just before the first delta or the end, or after 10 s of silence: headers may be sent. Receipt so far. */
    void (*begin)(void *sink, const struct receipt *r);
    void (*delta)(void *sink, const struct delta *d);
    /* `r` is complete but for legs in the background. `end` is the author's, or NULL when nobody answered
     * (then r->fault says why). A broken answer after text was shown: outcome partial or failed, fault set. */
    void (*end)(void *sink, const struct receipt *r, const struct leg_end *end);
};

/* ---- for app/: the world a flow lives in ---- */

struct flow_timer; /* the host's */

struct flow_host { /* one per worker, outlives its flows */
    void *user;
    uint64_t (*now_us)(void *user);
    /* fn(arg) later, on the loop thread, not inside the call. Returns a handle for stop(). */
    struct flow_timer *(*timer_start)(void *user, uint64_t delay_us, void (*fn)(void *arg),
                                      void *arg);
    void (*timer_stop)(void *user, struct flow_timer *t); /* also frees it; before it fired only */
    const struct driver *(*driver)(void *user, const struct backend *backend);
    const struct gate_type *gate;
    void *gate_self;
    /* An attempt ended (each retry counts; also one that the gate refused or nothing was sent of): for health and
     * running estimates. May be NULL. */
    void (*leg_ended)(void *user, const struct leg *leg, const struct leg_receipt *lr,
                      const struct leg_end *end);
    /* The receipt is final, borrowed for the call. */
    void (*receipt)(void *user, const struct receipt *r);
};

/* Takes request->arena (freed with the flow). `facts` and `decision` live in that arena. */
struct flow *flow_new(const struct flow_host *host, struct request *request,
                      const struct facts *facts, const struct decision *decision,
                      const struct strategy *strategy, const struct sink_type *sink_type,
                      void *sink);
void flow_start(struct flow *f);
void flow_client_gone(struct flow *f);
void flow_pause(struct flow *f, bool pause);
/* The worker is going down: ends the flow now, receipts legs as cancelled. */
void flow_abandon(struct flow *f);
const struct receipt *flow_receipt(const struct flow *f);

#endif
