/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leg: one attempt (with its retries) at one backend inside a flow, and the
 * two interfaces it stands between.
 *
 * A driver (engine/, upstream/) carries a request to a backend. It implements
 * `struct driver_type` and reports back with the leg_got_* calls. Life of one
 * attempt, everything on the loop thread:
 *
 *   flow_open() ──> driver.encode()   the exact body bytes for this backend (only if not TIER_DEVICE engine)
 *               ──> gate.admit()      unless the tier is device: privacy, budget, breaker, intent
 *               ──> driver.start()    with the body that the gate let through
 *               ──> leg_got_first_byte / leg_got_delta* / leg_got_confidence …  from the driver
 *               ──> leg_got_end()     exactly once per started attempt
 *               ──> gate.settle()     once per admitted attempt
 *
 * leg_got_* only queue events, so a driver may call them from anywhere on the
 * loop thread, also inside start(). After driver.cancel() the driver must make
 * no further call for that attempt: the flow itself reports the end.
 *
 * Retries are the flow's: it opens a new attempt (through the gate again) only
 * when the driver said `retryable`, nothing of a body arrived, the client has
 * seen nothing of this leg, and `retries` allows it.
 */
#ifndef WEIR_FLOW_LEG_H
#define WEIR_FLOW_LEG_H

#include "core/delta.h"
#include "core/receipt.h"

struct flow;
struct leg;

struct leg_options {
    struct span prefix;   /* text that the answer must continue (relay); SPAN_NONE */
    bool want_confidence; /* engine: send EV_CONFIDENCE while generating and at the end */
    bool background;      /* the client does not wait for it: not cut when the client leaves */
};

/* Token statistics of a local answer (FACTS-training section 7), natural logs of raw probabilities. */
struct confidence {
    double sum_logprob, min_logprob, first_logprob, min_margin, mean_entropy;
    int tokens;
    bool final;         /* the answer is complete */
    bool refusal;       /* the model's own refusal sentence, or `unknown` */
    bool bad_tool_call; /* a tool call that does not parse */
    double p;           /* calibrated P(good enough); while not final an upper bound */
    bool calibrated;    /* false: the length-aware default */
};

struct leg_end {
    enum leg_outcome outcome;
    enum finish finish;      /* of choice 0 */
    enum finish finishes[8]; /* by choice, when n > 1 */
    enum err err;            /* what a client should hear, when outcome is not LEG_OK */
    struct span text;        /* one line for receipt and client, without addresses or keys */
    struct usage usage;
    struct span model;      /* as the backend says; SPAN_NONE = as configured */
    int http_status;        /* 0 = no answer came */
    bool retryable;         /* connect error, or 429/5xx before any body byte */
    bool may_be_billed;     /* the request was sent and may have been worked on */
    bool offline;           /* no route or no name: a network fact */
    int64_t retry_after_ms; /* -1 = not said */
    int64_t rtt_us;         /* of the link; 0 = unknown */
};

/* ---- what the flow gives a driver ---- */
const struct request *leg_request(const struct leg *leg);
const struct decision *leg_decision(const struct leg *leg);
const struct facts *leg_facts(const struct leg *leg);
const struct backend *leg_backend(const struct leg *leg);
const struct leg_options *leg_options(const struct leg *leg);
int leg_number(const struct leg *leg);          /* 1.. in the flow */
struct arena *leg_arena(const struct leg *leg); /* the request's */
void *leg_driver_state(struct leg *leg);        /* type->state_size bytes, zeroed per attempt */

/* ---- what a driver tells the flow ---- */
void leg_got_first_byte(struct leg *leg); /* answer headers with status 200 came */
void leg_got_delta(struct leg *leg, const struct delta *d); /* copies */
void leg_got_confidence(struct leg *leg, const struct confidence *c);
void leg_got_end(struct leg *leg, const struct leg_end *end); /* copies */

struct driver_type {
    const char *name;
    size_t state_size;
    /* Writes the whole request body for this backend: what would leave. ERR_* when the request cannot be expressed. */
    enum err (*encode)(void *driver, struct leg *leg, struct text *out_body, struct fault *fault);
    /* `body` is borrowed until the attempt ends. Must lead to exactly one leg_got_end() unless cancelled. */
    void (*start)(void *driver, struct leg *leg, struct span body);
    /* Within milliseconds, before or after the first byte. */
    void (*cancel)(void *driver, struct leg *leg);
    /* Stop or resume taking the answer from the backend. */
    void (*pause)(void *driver, struct leg *leg, bool pause);
};

struct driver {
    const struct driver_type *type;
    void *self;
};

/*
 * The gate: the one door to every tier that is not `device` (egress/). Asynchronous,
 * so that a large prompt can be scanned in slices.
 */
struct admission {
    struct span body; /* what may leave: borrowed until settle */
    struct delta_filter *
        filter; /* restores pseudonyms in the answer; NULL = none. Owned by the gate, until settle */
    const struct redaction_count *redactions; /* borrowed until settle */
    int redactions_count;
};

struct gate_type {
    const char *name;
    /* Ends with exactly one leg_admitted() or leg_refused(), maybe inside the call. `body` is borrowed until then. */
    void (*admit)(void *gate, struct leg *leg, struct span body);
    /* The flow no longer wants the answer of a pending admit(); no call may follow. */
    void (*forget)(void *gate, struct leg *leg);
    /* Once per admitted attempt. `cost_nano` USD_UNKNOWN when there is no price. */
    void (*settle)(void *gate, struct leg *leg, const struct leg_end *end, int64_t left_bytes);
};
void leg_admitted(struct leg *leg, const struct admission *a);
void leg_refused(struct leg *leg, enum err err, const char *text); /* ends the leg as LEG_REFUSED */
void leg_refused_offline(
    struct leg *leg,
    const char *text); /* the same, because the backend is offline: a network fact */
void *leg_gate_state(struct leg *leg);                 /* a pointer slot … */
void leg_set_gate_state(struct leg *leg, void *state); /* … for the gate's own use */

/* Something that changes deltas in passing and may hold bytes back (restore). */
struct delta_filter_type {
    /* Calls `emit` any number of times. `d` NULL = the leg ended: give out what is held. */
    void (*apply)(struct delta_filter *f, const struct delta *d,
                  void (*emit)(void *user, const struct delta *d), void *user);
    void (*free)(struct delta_filter *f);
};
struct delta_filter {
    const struct delta_filter_type *type;
};

#endif
