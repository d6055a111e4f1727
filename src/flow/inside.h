/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flow.c (queue, verbs, sink), leg.c (attempts) and accounts.c (receipt) share. Nobody else
 * includes this, except tests that measure which moves they have seen.
 *
 * The states of a leg; every move is checked against the table in leg.c:
 *
 *              flow_open
 *                  │
 *                 NEW ──────────(device)──────────┐
 *                  │ gate.admit                   │
 *                 GATE ──refused──┐               │
 *                  │ admitted     │               │
 *               ADMITTED <────────┼───────────────┘
 *                  │ driver.start │
 *               RUNNING           │
 *                  │ its end      │
 *               ENDING <──────────┘<── cut (closed, deadline, client gone) from any state above or WAITING
 *                 │  │ retryable
 *                 │  └──> WAITING ──timer──> NEW
 *                OVER  (EV_END went to the strategy)
 */
#ifndef WEIR_FLOW_INSIDE_H
#define WEIR_FLOW_INSIDE_H

#include "base/text.h"
#include "flow/flow.h"

enum leg_state {
    LEG_NEW,
    LEG_GATE,
    LEG_ADMITTED,
    LEG_RUNNING,
    LEG_ENDING,
    LEG_WAITING,
    LEG_OVER,
    LEG_STATE_COUNT
};

struct leg {
    struct flow *flow;
    int number;
    const struct backend *backend;
    struct leg_options options;
    struct driver driver;
    void *driver_state;
    enum leg_state state;
    bool closed;   /* nobody wants more of it: no text, no retry */
    bool admitted; /* the gate is owed a settle() */
    bool started;  /* driver.start() was called in this attempt */
    bool paused;
    bool refusal; /* a complete local answer that is the model's refusal sentence */
    int attempts;
    struct admission admission;
    void *gate_state;
    struct text body;      /* as encoded; kept for further attempts */
    size_t received_bytes; /* of text in this attempt */
    int64_t left_bytes;    /* of the body that this attempt sent */
    uint64_t ended_us;     /* when the last attempt ended */
    struct flow_timer *retry_timer;
    struct leg_end end; /* of the last attempt */
    struct leg_receipt *receipt;
};

enum queued_kind {
    QUEUED_BEGIN,
    QUEUED_FIRST_BYTE,
    QUEUED_DELTA,
    QUEUED_CONFIDENCE,
    QUEUED_END,
    QUEUED_TIMER
};

struct queued {
    struct queued *next;
    enum queued_kind kind;
    int number; /* leg or timer */
    union {
        struct delta delta; /* its spans point into `bytes` */
        struct confidence confidence;
    } u;
    char bytes[];
};

/* A timer of the strategy: the host hands back only one pointer, so each knows its flow and number. */
struct armed {
    struct flow *flow;
    int number;
    struct flow_timer *timer;
};

struct flow {
    const struct flow_host *host;
    struct request *request;
    const struct facts *facts;
    const struct decision *decision;
    const struct strategy *strategy;
    void *strategy_state;
    const struct sink_type *sink_type;
    void *sink;
    struct receipt receipt;
    struct leg *legs[LEGS_MAX];
    int legs_count;
    struct queued *queue_first, **queue_last;
    struct armed armed[FLOW_TIMERS];
    struct flow_timer *pump_timer, *silence_timer, *deadline_timer;
    bool pumping;
    bool pause;    /* the client does not read */
    bool begun;    /* sink.begin was called */
    bool shown;    /* something was emitted */
    bool answered; /* flow_answer_done() was called */
    bool ended;    /* sink.end was called, or never will be */
    bool gone;     /* the client left: the sink is not touched any more */
    bool finished; /* flow_finish(), or nobody is left who could call it */
    bool abandoned;
    bool deadline_missed;
    bool silence_due;
};

/* ---- flow.c ---- */
void flow_wake(struct flow *f); /* pump soon, on a clean stack */
struct queued *flow_queue(struct flow *f, enum queued_kind kind, int number, size_t bytes);
void flow_step(struct flow *f, const struct event *ev);
uint64_t flow_now_us(const struct flow *f);
uint64_t flow_since_received_us(const struct flow *f, uint64_t now_us);
void flow_arm_deadline(struct flow *f);

/* ---- leg.c ---- */
bool leg_live(const struct leg *leg);
bool leg_work(struct leg *leg); /* one move, if one is due */
void leg_cut(struct leg *leg, enum leg_outcome outcome, enum err err,
             const char *text); /* ends it from outside */
void leg_sync_pause(struct leg *leg);
void leg_handle(struct leg *leg, const struct queued *q); /* a queued thing of this leg */
void leg_done(struct leg *leg);                           /* memory */

/* ---- accounts.c ---- */
void account_attempt(
    struct leg *leg); /* the last attempt's end into the leg's receipt; estimates missing usage */
void account_answer(struct flow *f); /* totals, costs, overhead, hint */

/* How often each move was made on this thread: law tests ask whether they have seen them all. */
extern _Thread_local uint64_t leg_moves_seen[LEG_STATE_COUNT][LEG_STATE_COUNT];
extern const bool leg_moves_allowed[LEG_STATE_COUNT][LEG_STATE_COUNT];
extern const char *const leg_state_names[LEG_STATE_COUNT];

#endif
