/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for one flow, on virtual time: host timers, scripted drivers, a scripted
 * gate with a filter that holds bytes back, a sink that writes everything down.
 * Included by one test program each, so everything is static.
 *
 * Each attempt at a backend follows a script: a list of things that its driver
 * says, each after a delay. A scenario writes scripts by hand, the law tests roll
 * dice. What is broken on the way is noted in `world.broken` (the first law wins),
 * so that a test can also expect it.
 */
#ifndef WEIR_TESTS_FLOW_WORLD_H
#define WEIR_TESTS_FLOW_WORLD_H

#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "flow/flow.h"
#include "flow/inside.h"

#include <stdio.h>

#define WORLD_BACKENDS 6
#define WORLD_ATTEMPTS 64
#define SCRIPT_STEPS 8

enum says { SAYS_FIRST_BYTE, SAYS_TEXT, SAYS_CONFIDENCE, SAYS_END };

struct says_step {
    enum says says;
    uint64_t delay_us; /* after the step before; with `inside`, during start() itself */
    bool inside;
    double p;
    bool final, refusal, bad_call;
    struct leg_end end;
    size_t text_bytes; /* 0 = a short word */
};

struct script {
    struct says_step steps[SCRIPT_STEPS];
    int count;
};

enum gate_says { GATE_ADMITS, GATE_REFUSES, GATE_HANGS };
struct gate_script {
    enum gate_says says;
    uint64_t delay_us; /* 0 = inside the call */
    enum err err;
    bool offline;
    bool filter;
};

struct world;

struct attempt {
    struct world *w;
    struct leg *leg;
    int number; /* of the leg */
    int backend;
    bool admitted, settled, started, ended, cancelled;
    struct text text; /* that its driver said */
    struct script script;
    struct leg_end end;
    struct filter *filter;
};

struct flow_timer {
    struct flow_timer *next;
    uint64_t at_us, order;
    void (*fn)(void *arg);
    void *arg;
    struct attempt *owner; /* of a driver's or gate's step; NULL = the flow's */
    int step;
};

struct filter {
    struct delta_filter base;
    char held;
    bool holds;
};

struct world {
    uint64_t now_us, order;
    struct flow_timer *timers;
    struct flow_host host;
    struct backend backends[WORLD_BACKENDS];
    char names[WORLD_BACKENDS][12];
    struct attempt attempts[WORLD_ATTEMPTS];
    int attempts_count;
    struct request *request;
    struct facts *facts;
    struct decision *decision;
    struct flow *flow; /* NULL once freed */
    /* scripts: asked for at each attempt */
    void (*next_script)(struct world *w, const struct backend *b, struct script *out);
    void (*next_gate)(struct world *w, const struct backend *b, struct gate_script *out);
    unsigned encode_fails_percent;
    uint32_t no_driver_for; /* bit per backend */
    void *user;
    struct rng rng;
    /* written down */
    int begins, deltas, ends, receipts, leg_ends, pauses;
    struct text shown;
    bool gone, abandoned, freed, paused;
    int author_at_end;
    enum outcome outcome;
    struct fault fault;
    struct leg_end last_end;
    bool had_end;
    struct receipt receipt; /* a copy; its spans are gone with the arena */
    char reason[200];
    char hint[200];
    int redacted;
    /* does something nasty inside a sink call */
    int gone_in_delta, abandon_in_delta, gone_in_begin,
        gone_on_admit;  /* 1.. = at that call; 0 = never */
    const char *broken; /* the first law that did not hold */
    char detail[200];
};

/* ---- laws ---- */

static void broke(struct world *w, const char *law, const char *detail)
{
    if (!w->broken) {
        w->broken = law;
        (void)snprintf(w->detail, sizeof w->detail, "%s", detail);
    }
}
#define LAW(w, holds, law)                                                                         \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            broke((w), (law), #holds);                                                             \
        }                                                                                          \
    } while (0)

/* ---- time ---- */

static uint64_t world_now(void *user)
{
    return ((struct world *)user)->now_us;
}

static struct flow_timer *add_timer(struct world *w, uint64_t delay_us, void (*fn)(void *arg),
                                    void *arg)
{
    struct flow_timer *t = NEW(struct flow_timer);
    *t = (struct flow_timer){
        .at_us = w->now_us + delay_us, .order = ++w->order, .fn = fn, .arg = arg};
    struct flow_timer **at = &w->timers;
    while (*at && (*at)->at_us <= t->at_us) {
        at = &(*at)->next;
    }
    t->next = *at;
    *at = t;
    return t;
}

static void drop_timer(struct world *w, struct flow_timer *t)
{
    for (struct flow_timer **at = &w->timers; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            mem_free(t);
            return;
        }
    }
    broke(w, "timers", "a timer was stopped that is not there");
}

static struct flow_timer *world_timer_start(void *user, uint64_t delay_us, void (*fn)(void *arg),
                                            void *arg)
{
    return add_timer(user, delay_us, fn, arg);
}

static void world_timer_stop(void *user, struct flow_timer *t)
{
    drop_timer(user, t);
}

/* Runs what is due until nothing is left, or until `until_us`. False = it never ends. */
static bool world_run_until(struct world *w, uint64_t until_us)
{
    for (int rounds = 0; w->timers && w->timers->at_us <= until_us; rounds++) {
        if (rounds > 20000) {
            broke(w, "terminates", "20,000 timers and no end");
            return false;
        }
        struct flow_timer *t = w->timers;
        w->timers = t->next;
        w->now_us = MAX(w->now_us, t->at_us);
        if (t->owner) {
            t->fn(t); /* frees it */
        } else {
            void (*fn)(void *) = t->fn;
            void *arg = t->arg;
            mem_free(t);
            fn(arg);
        }
    }
    return true;
}

UNUSED static bool world_run(struct world *w)
{
    return world_run_until(w, UINT64_MAX);
}

/* ---- the scripted driver ---- */

static void say_text(struct attempt *a, size_t bytes)
{
    char word[64];
    int n = snprintf(word, sizeof word, "%d.%zu ", (int)(a - a->w->attempts), a->text.len);
    struct text big = {0};
    struct span s = span_of(word, (size_t)n);
    if (bytes) {
        text_init(&big, bytes + 64);
        while (big.len < bytes) {
            text_add(&big, s);
        }
        s = text_span(&big);
    }
    /* some with logprobs, which are not joined with their neighbours */
    struct span logprobs = rng_below(&a->w->rng, 100) < 30 ? SPAN("[]") : SPAN_NONE;
    text_add(&a->text, s);
    leg_got_delta(a->leg, &(struct delta){.kind = DELTA_TEXT, .text = s, .logprobs = logprobs});
    text_done(&big);
}

static void say(struct attempt *a, const struct says_step *step)
{
    switch (step->says) {
    case SAYS_FIRST_BYTE:
        leg_got_first_byte(a->leg);
        break;
    case SAYS_TEXT:
        say_text(a, step->text_bytes);
        break;
    case SAYS_CONFIDENCE:
        leg_got_confidence(a->leg, &(struct confidence){.p = step->p,
                                                        .final = step->final,
                                                        .refusal = step->refusal,
                                                        .bad_tool_call = step->bad_call});
        break;
    case SAYS_END:
        a->ended = true;
        a->end = step->end;
        leg_got_end(a->leg, &step->end);
        break;
    }
}

static void on_step(void *arg)
{
    struct flow_timer *t = arg;
    struct attempt *a = t->owner;
    int step = t->step;
    mem_free(t);
    say(a, &a->script.steps[step]);
}

static struct attempt *attempt_of(struct world *w, const struct leg *leg)
{
    for (int i = w->attempts_count - 1; i >= 0; i--) {
        if (w->attempts[i].leg == leg) {
            return &w->attempts[i];
        }
    }
    return NULL;
}

static enum err driver_encode(void *driver, struct leg *leg, struct text *out_body,
                              struct fault *fault)
{
    struct world *w = driver;
    if (w->encode_fails_percent && rng_below(&w->rng, 100) < w->encode_fails_percent) {
        return fault_set(fault, ERR_INVALID, "cannot be said to %s", leg_backend(leg)->name);
    }
    text_addf(out_body, "{\"for\":\"%s\"}", leg_backend(leg)->name);
    return OK;
}

static struct attempt *new_attempt(struct world *w, struct leg *leg)
{
    ASSERT(w->attempts_count < WORLD_ATTEMPTS);
    struct attempt *a = &w->attempts[w->attempts_count++];
    *a = (struct attempt){
        .w = w, .leg = leg, .number = leg_number(leg), .backend = leg_backend(leg)->index};
    text_init(&a->text, 4 * MIB);
    return a;
}

static void driver_start(void *driver, struct leg *leg, struct span body)
{
    struct world *w = driver;
    struct attempt *a = attempt_of(w, leg);
    bool local = leg_backend(leg)->tier == TIER_DEVICE;
    if (local) {
        a = new_attempt(w, leg);
    } else {
        LAW(w, a && a->admitted && !a->settled && !a->started, "gated");
        if (!a || a->started) {
            a = new_attempt(w, leg);
        }
    }
    LAW(w, body.len > 0, "gated");
    bool shown_before = w->deltas > 0;
    LAW(w, !shown_before || leg_options(leg)->background, "one-request-once-shown");
    a->started = true;
    *(struct attempt **)leg_driver_state(leg) = a;
    w->next_script(w, leg_backend(leg), &a->script);
    uint64_t at = 0;
    bool later = false;
    for (int i = 0; i < a->script.count; i++) {
        const struct says_step *step = &a->script.steps[i];
        later |= !step->inside;
        if (!later) {
            say(a, step);
        } else {
            at += step->delay_us;
            struct flow_timer *t = add_timer(w, at, on_step, NULL);
            t->owner = a;
            t->step = i;
        }
    }
}

static void drop_steps(struct world *w, const struct attempt *a)
{
    for (struct flow_timer **at = &w->timers; *at;) {
        struct flow_timer *t = *at;
        if (t->owner == a) {
            *at = t->next;
            mem_free(t);
        } else {
            at = &t->next;
        }
    }
}

static void driver_cancel(void *driver, struct leg *leg)
{
    struct world *w = driver;
    struct attempt *a = *(struct attempt **)leg_driver_state(leg);
    LAW(w, a && a->started && !a->ended && !a->cancelled, "cancel-only-running");
    if (a) {
        a->cancelled = true;
        drop_steps(w, a);
    }
}

static void driver_pause(void *driver, struct leg *leg, bool pause)
{
    struct world *w = driver;
    struct attempt *a = *(struct attempt **)leg_driver_state(leg);
    LAW(w, a && a->started && !a->ended && !a->cancelled, "pause-only-running");
    w->pauses += pause;
}

static const struct driver_type world_driver_type = {
    .name = "scripted",
    .state_size = sizeof(struct attempt *),
    .encode = driver_encode,
    .start = driver_start,
    .cancel = driver_cancel,
    .pause = driver_pause,
};

static const struct driver *world_driver(void *user, const struct backend *backend)
{
    static _Thread_local struct driver driver;
    struct world *w = user;
    if (w->no_driver_for & (1u << backend->index)) {
        return NULL;
    }
    driver = (struct driver){&world_driver_type, user};
    return &driver;
}

/* ---- the scripted gate, with a filter that holds back the last byte of each text ---- */

static void filter_apply(struct delta_filter *base, const struct delta *d,
                         void (*emit)(void *user, const struct delta *d), void *user)
{
    struct filter *f = (struct filter *)base;
    char buffer[256];
    size_t len = 0;
    if (f->holds) {
        buffer[len++] = f->held;
        f->holds = false;
    }
    if (!d) {
        if (len) {
            emit(user, &(struct delta){.kind = DELTA_TEXT, .text = span_of(buffer, len)});
        }
        return;
    }
    struct delta out = *d;
    if (d->kind != DELTA_TEXT || d->text.len == 0 || d->text.len > 200) {
        if (len) {
            emit(user, &(struct delta){.kind = DELTA_TEXT, .text = span_of(buffer, len)});
        }
        emit(user, d);
        return;
    }
    memcpy(buffer + len, d->text.data, d->text.len - 1);
    len += d->text.len - 1;
    f->held = d->text.data[d->text.len - 1];
    f->holds = true;
    if (len) {
        out.text = span_of(buffer, len);
        emit(user, &out);
    }
}

static const struct delta_filter_type world_filter_type = {.apply = filter_apply};

static void answer_gate(struct attempt *a, const struct gate_script *g)
{
    if (g->says == GATE_REFUSES) {
        a->ended = true;
        if (g->offline) {
            leg_refused_offline(a->leg, "no route");
        } else {
            leg_refused(a->leg, g->err, "the gate says no");
        }
        return;
    }
    struct admission admission = {.body = SPAN("{\"let\":\"through\"}")};
    if (g->filter) {
        a->filter = NEW(struct filter);
        a->filter->base.type = &world_filter_type;
        admission.filter = &a->filter->base;
        static const struct redaction_count one = {"PERSON", 1};
        admission.redactions = &one;
        admission.redactions_count = 1;
    }
    a->admitted = true;
    leg_admitted(a->leg, &admission);
}

static void on_gate(void *arg)
{
    struct flow_timer *t = arg;
    struct attempt *a = t->owner;
    struct gate_script g = {.says = (enum gate_says)(t->step & 3),
                            .err = (enum err)(t->step >> 4),
                            .filter = t->step & 4,
                            .offline = t->step & 8};
    mem_free(t);
    answer_gate(a, &g);
    if (a->w->gone_on_admit && !a->w->gone && a->w->ends == 0) {
        a->w->gone = true;
        flow_client_gone(a->w->flow);
    }
}

static void gate_admit(void *gate, struct leg *leg, struct span body)
{
    struct world *w = gate;
    LAW(w, leg_backend(leg)->tier != TIER_DEVICE && body.len > 0, "gated");
    struct attempt *a = new_attempt(w, leg);
    struct gate_script g = {.says = GATE_ADMITS};
    if (w->next_gate) {
        w->next_gate(w, leg_backend(leg), &g);
    }
    if (g.says == GATE_HANGS) {
        return;
    }
    if (g.delay_us == 0) {
        answer_gate(a, &g);
        return;
    }
    struct flow_timer *t = add_timer(w, g.delay_us, on_gate, NULL);
    t->owner = a;
    t->step = (int)g.says | (g.filter ? 4 : 0) | (g.offline ? 8 : 0) | (int)g.err << 4;
}

static void gate_forget(void *gate, struct leg *leg)
{
    struct world *w = gate;
    struct attempt *a = attempt_of(w, leg);
    LAW(w, a && !a->admitted && !a->ended, "forget-only-pending");
    if (a) {
        a->ended = true;
        drop_steps(w, a);
    }
}

static void gate_settle(void *gate, struct leg *leg, const struct leg_end *end, int64_t left_bytes)
{
    struct world *w = gate;
    struct attempt *a = attempt_of(w, leg);
    LAW(w, a && a->admitted && !a->settled, "settled-once");
    LAW(w, left_bytes == 0 || (a && a->started), "settled-once");
    (void)end;
    if (a) {
        a->settled = true;
        mem_free(a->filter); /* a later use is a use after free */
        a->filter = NULL;
    }
}

static const struct gate_type world_gate = {
    .name = "scripted",
    .admit = gate_admit,
    .forget = gate_forget,
    .settle = gate_settle,
};

/* ---- the sink ---- */

static void sink_begin(void *sink, const struct receipt *r)
{
    struct world *w = sink;
    w->begins++;
    LAW(w, w->begins == 1 && w->deltas == 0 && w->ends == 0, "begin-once");
    LAW(w, !w->gone, "nothing-after-gone");
    LAW(w, r == flow_receipt(w->flow), "begin-once");
    if (w->gone_in_begin) {
        w->gone = true;
        flow_client_gone(w->flow);
    }
}

static void sink_delta(void *sink, const struct delta *d)
{
    struct world *w = sink;
    w->deltas++;
    LAW(w, w->begins == 1, "begin-once");
    LAW(w, w->ends == 0, "nothing-after-end");
    LAW(w, !w->gone && !w->abandoned, "nothing-after-gone");
    text_add(&w->shown, d->text);
    if (w->gone_in_delta == w->deltas) {
        w->gone = true;
        flow_client_gone(w->flow);
    } else if (w->abandon_in_delta == w->deltas) {
        w->abandoned = true;
        flow_abandon(w->flow);
    }
}

static void sink_end(void *sink, const struct receipt *r, const struct leg_end *end)
{
    struct world *w = sink;
    w->ends++;
    LAW(w, w->ends == 1 && w->begins == 1, "sink-end-once");
    LAW(w, !w->gone, "nothing-after-gone");
    w->author_at_end = r->author;
    w->outcome = r->outcome;
    w->fault = r->fault;
    w->had_end = end != NULL;
    if (end) {
        w->last_end = *end;
    }
    LAW(w,
        r->outcome != OUTCOME_OK ||
            (end && end->outcome == LEG_OK && r->author && r->fault.code == OK),
        "clean-end");
    LAW(w, r->outcome == OUTCOME_OK || r->fault.code != OK, "failure-has-fault");
    LAW(w, r->outcome != OUTCOME_CANCELLED, "clean-end");
    LAW(w, (r->outcome == OUTCOME_FAILED || r->outcome == OUTCOME_REFUSED) <= (w->deltas == 0),
        "clean-end");
    LAW(w, r->total_us >= 0 && r->overhead_us >= 0, "receipt-complete");
}

static const struct sink_type world_sink = {
    .begin = sink_begin, .delta = sink_delta, .end = sink_end};

/* ---- the host ---- */

static void world_leg_ended(void *user, const struct leg *leg, const struct leg_receipt *lr,
                            const struct leg_end *end)
{
    struct world *w = user;
    (void)leg;
    LAW(w, lr->outcome == end->outcome, "receipt-complete");
    w->leg_ends++;
}

static void check_leg_receipt(struct world *w, const struct leg_receipt *lr)
{
    LAW(w, lr->total_us >= 0, "receipt-complete");
    LAW(w, lr->ttft_us < 0 || lr->ttft_us <= lr->total_us, "receipt-complete");
    LAW(w, (lr->outcome == LEG_OK) == !span_given(lr->error), "receipt-complete");
    LAW(w, lr->attempts >= 0 && lr->attempts <= 1 + lr->backend->retries, "attempts");
    LAW(w, lr->left_device_bytes == 0 || lr->backend->tier != TIER_DEVICE, "receipt-complete");
}

static void world_receipt(void *user, const struct receipt *r)
{
    struct world *w = user;
    w->receipts++;
    w->receipt = *r;
    w->redacted = receipt_redacted(r);
    (void)snprintf(w->reason, sizeof w->reason, "%.*s", SPAN_ARG(r->reason));
    (void)snprintf(w->hint, sizeof w->hint, "%.*s", SPAN_ARG(r->hint));
    LAW(w, w->receipts == 1, "receipt-once");
    LAW(w, w->ends == 1 || w->gone, "sink-end-once");
    LAW(w, w->gone == (r->outcome == OUTCOME_CANCELLED), "receipt-complete");
    for (int i = 0; i < r->legs_count; i++) {
        check_leg_receipt(w, &r->legs[i]);
    }
}

static void on_arena_freed(void *user)
{
    struct world *w = user;
    w->freed = true;
    w->flow = NULL;
}

/* ---- life of a world ---- */

static void world_backend(struct world *w, int index, enum tier tier, int retries)
{
    (void)snprintf(w->names[index], sizeof w->names[index], "%s%d", tier_name(tier), index);
    w->backends[index] = (struct backend){.name = w->names[index],
                                          .tier = tier,
                                          .api = tier == TIER_DEVICE ? API_LOCAL : API_OPENAI,
                                          .index = index,
                                          .model = w->names[index],
                                          .retries = retries,
                                          .price = {1000000000, 2000000000, -1},
                                          .max_output_tokens = 4096};
}

/* The flow is made but not started; backends and decision are to be filled in between. */
static void world_open(struct world *w)
{
    static const struct facts no_facts = {.prompt_tokens = 10, .budget_left_usd_nano = -1};
    w->now_us = 1000000;
    text_init(&w->shown, 16 * MIB);
    w->host = (struct flow_host){.user = w,
                                 .now_us = world_now,
                                 .timer_start = world_timer_start,
                                 .timer_stop = world_timer_stop,
                                 .driver = world_driver,
                                 .gate = &world_gate,
                                 .gate_self = w,
                                 .leg_ended = world_leg_ended,
                                 .receipt = world_receipt};
    struct arena *arena = arena_new();
    arena_on_free(arena, on_arena_freed, w);
    w->request = ARENA_NEW(arena, struct request);
    w->request->arena = arena;
    w->request->received_us = w->now_us;
    w->request->options.max_cost_usd_nano = -1;
    w->request->options.quality = -1;
    w->facts = (struct facts *)(uintptr_t)&no_facts;
    w->decision = ARENA_NEW(arena, struct decision);
    w->decision->score = w->decision->threshold = -1;
    w->decision->max_cost_usd_nano = -1;
    w->decision->reason = SPAN("as scripted");
}

static void world_start(struct world *w, const struct strategy *strategy)
{
    w->flow = flow_new(&w->host, w->request, w->facts, w->decision, strategy, &world_sink, w);
    flow_start(w->flow);
}

/* Everything must be over. */
static void world_close(struct world *w)
{
    LAW(w, w->freed, "freed");
    LAW(w, w->receipts == 1, "receipt-once");
    LAW(w, w->ends == (w->gone ? 0 : 1) || (w->gone && w->ends == 0), "sink-end-once");
    LAW(w, !w->timers, "timers");
    for (int i = 0; i < w->attempts_count; i++) {
        struct attempt *a = &w->attempts[i];
        LAW(w, a->admitted == a->settled, "settled-once");
        LAW(w, !a->started || a->ended || a->cancelled, "cancelled");
        text_done(&a->text);
        mem_free(a->filter);
    }
    while (w->timers) {
        struct flow_timer *t = w->timers;
        w->timers = t->next;
        mem_free(t);
    }
    text_done(&w->shown);
}

/* The text that the author's driver said, over its attempts. */
UNUSED static struct span author_text(const struct world *w, int leg)
{
    for (int i = w->attempts_count - 1; i >= 0; i--) {
        if (w->attempts[i].number == leg && w->attempts[i].text.len) {
            return text_span(&w->attempts[i].text);
        }
    }
    return SPAN("");
}

#endif
