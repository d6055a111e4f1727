/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One answer: the queue, the strategy's verbs, the sink, the end.
 *
 * Everything that happens (a driver's delta, an admitted body, a timer) is put
 * into the flow's queue or into a leg's state, and a zero-length host timer is
 * started. Its callback is the pump: on a clean stack it does one thing after the
 * other until nothing is due. So drivers, gates, sinks and the server may call
 * into a flow from wherever they stand, and the flow frees itself only in the
 * pump, with nobody else's frames below it but the host's timer.
 *
 * The happy path is: flow_start() queues EV_BEGIN; the strategy opens a leg; the
 * leg's events are stepped; the strategy emits (sink.begin, sink.delta), says
 * answer_done and finish; sink.end; host.receipt; free.
 *
 * What can go wrong:
 * - the client leaves: legs are cancelled inside that very call, the sink is never
 *   touched again, the rest (settle, receipt, free) happens in the pump;
 * - nothing is heard for 10 s: sink.begin, so that headers can go out;
 * - the deadline to the first token passes: the legs under way are cut as
 *   LEG_TIMEOUT and the strategy may try another backend, for as long again;
 * - the strategy forgets to finish: once no leg, timer or event is left nothing
 *   could ever happen, so the flow ends itself as failed. It never hangs.
 */
#include "flow/flow.h"

#include "base/clock.h"
#include "flow/inside.h"

#include <stdarg.h>
#include <stdio.h>

#define SILENCE_MS 10000
#define REASON_MAX 400

static void pump(struct flow *f);

/* ---- time ---- */

uint64_t flow_now_us(const struct flow *f)
{
    return f->host->now_us(f->host->user);
}

uint64_t flow_since_received_us(const struct flow *f, uint64_t now_us)
{
    return now_us > f->request->received_us ? now_us - f->request->received_us : 0;
}

static void stop_timer(struct flow *f, struct flow_timer **timer)
{
    if (*timer) {
        f->host->timer_stop(f->host->user, *timer);
        *timer = NULL;
    }
}

static struct flow_timer *start_timer(struct flow *f, uint64_t delay_us, void (*fn)(void *arg),
                                      void *arg)
{
    return f->host->timer_start(f->host->user, delay_us, fn, arg);
}

/* ---- the queue ---- */

static void on_pump_timer(void *arg)
{
    struct flow *f = arg;
    f->pump_timer = NULL;
    pump(f);
}

void flow_wake(struct flow *f)
{
    if (!f->pumping && !f->pump_timer) {
        f->pump_timer = start_timer(f, 0, on_pump_timer, f);
    }
}

struct queued *flow_queue(struct flow *f, enum queued_kind kind, int number, size_t bytes)
{
    struct queued *q = mem_new(sizeof *q + bytes);
    q->kind = kind;
    q->number = number;
    *f->queue_last = q;
    f->queue_last = &q->next;
    flow_wake(f);
    return q;
}

static struct queued *take_queued(struct flow *f)
{
    struct queued *q = f->queue_first;
    if (q) {
        f->queue_first = q->next;
        if (!f->queue_first) {
            f->queue_last = &f->queue_first;
        }
    }
    return q;
}

static bool wants_step(const struct flow *f, int number)
{
    if (f->finished || f->abandoned) {
        return false;
    }
    return !f->gone || (number > 0 && f->legs[number - 1]->options.background);
}

void flow_step(struct flow *f, const struct event *ev)
{
    if (wants_step(f, ev->leg)) {
        f->strategy->step(f->strategy_state, f, ev);
    }
}

static void handle(struct flow *f, const struct queued *q)
{
    if (q->kind == QUEUED_BEGIN) {
        flow_step(f, &(struct event){.kind = EV_BEGIN});
    } else if (q->kind == QUEUED_TIMER) {
        flow_step(f, &(struct event){.kind = EV_TIMER, .u.timer = q->number});
    } else {
        leg_handle(f->legs[q->number - 1], q);
    }
}

/* ---- the sink ---- */

static void begin_sink(struct flow *f)
{
    if (f->begun || f->gone || f->ended) {
        return;
    }
    f->begun = true;
    stop_timer(f, &f->silence_timer);
    f->sink_type->begin(f->sink, &f->receipt);
}

/* Ten seconds of silence. Headers name the leg under way; who the author will be is not known yet. */
static void begin_in_silence(struct flow *f)
{
    int author = f->receipt.author;
    for (int i = 0; !f->receipt.author && i < f->legs_count; i++) {
        if (leg_live(f->legs[i]) && !f->legs[i]->options.background) {
            f->receipt.author = i + 1;
        }
    }
    begin_sink(f);
    f->receipt.author = author;
}

static void on_silence(void *arg)
{
    struct flow *f = arg;
    f->silence_timer = NULL;
    f->silence_due = true;
    flow_wake(f);
}

static void end_sink(struct flow *f)
{
    struct receipt *r = &f->receipt;
    const struct leg *author = r->author ? f->legs[r->author - 1] : NULL;
    account_answer(f);
    begin_sink(f);
    f->ended = true;
    stop_timer(f, &f->silence_timer);
    stop_timer(f, &f->deadline_timer);
    if (!f->gone) {
        f->sink_type->end(f->sink, r, author && !leg_live(author) ? &author->end : NULL);
    }
}

/* ---- the deadline ---- */

static void on_deadline(void *arg)
{
    struct flow *f = arg;
    f->deadline_timer = NULL;
    if (f->shown || f->answered || f->gone) {
        return;
    }
    f->deadline_missed = true;
    char text[80];
    (void)snprintf(text, sizeof text, "no token within %llu ms",
                   (unsigned long long)(f->decision->deadline_us / 1000));
    for (int i = 0; i < f->legs_count; i++) {
        if (!f->legs[i]->options.background) {
            leg_cut(f->legs[i], LEG_TIMEOUT, ERR_DEADLINE, text);
        }
    }
    flow_wake(f);
}

void flow_arm_deadline(struct flow *f)
{
    if (f->decision->deadline_us && !f->deadline_timer && !f->gone) {
        uint64_t now_us = flow_now_us(f);
        uint64_t spent_us = f->deadline_missed ? 0 : flow_since_received_us(f, now_us);
        uint64_t left_us =
            f->decision->deadline_us > spent_us ? f->decision->deadline_us - spent_us : 0;
        f->deadline_timer = start_timer(f, left_us, on_deadline, f);
    }
}

/* ---- the pump ---- */

static bool any_leg_live(const struct flow *f)
{
    for (int i = 0; i < f->legs_count; i++) {
        if (leg_live(f->legs[i])) {
            return true;
        }
    }
    return false;
}

static bool any_timer_armed(const struct flow *f)
{
    for (int i = 0; i < FLOW_TIMERS; i++) {
        if (f->armed[i].timer) {
            return true;
        }
    }
    return false;
}

static bool work_on_legs(struct flow *f)
{
    for (int i = 0; i < f->legs_count; i++) {
        if (leg_work(f->legs[i])) {
            return true;
        }
    }
    return false;
}

/* Nothing is due: may the answer be shown as ended? An author that was closed ends first. */
static bool end_answer(struct flow *f)
{
    if (f->ended || !(f->answered || f->finished)) {
        return false;
    }
    if (f->receipt.author && leg_live(f->legs[f->receipt.author - 1])) {
        return false;
    }
    end_sink(f);
    return true;
}

/* Nobody is left who could ever call flow_finish(). */
static bool end_stalled(struct flow *f)
{
    if (f->finished || any_leg_live(f) || (!f->gone && any_timer_armed(f))) {
        return false;
    }
    if (!f->answered && !f->gone) {
        flow_fail(f, ERR_INTERNAL, "strategy %s stopped without an answer", f->strategy->name);
    }
    flow_finish(f);
    return true;
}

static void clear(struct flow *f)
{
    for (int i = 0; i < FLOW_TIMERS; i++) {
        stop_timer(f, &f->armed[i].timer);
    }
    stop_timer(f, &f->pump_timer);
    stop_timer(f, &f->silence_timer);
    stop_timer(f, &f->deadline_timer);
    for (struct queued *q; (q = take_queued(f));) {
        mem_free(q);
    }
    for (int i = 0; i < f->legs_count; i++) {
        leg_done(f->legs[i]);
    }
}

/* The flow lives in its request's arena, so this is its last breath. */
static void free_flow(struct flow *f)
{
    account_answer(f);
    f->ended = true;
    if (f->host->receipt) {
        f->host->receipt(f->host->user, &f->receipt);
    }
    clear(f);
    arena_free(f->request->arena);
}

static bool pump_one(struct flow *f)
{
    if (f->silence_due) {
        f->silence_due = false;
        begin_in_silence(f);
        return true;
    }
    if (work_on_legs(f)) {
        return true;
    }
    struct queued *q = take_queued(f);
    if (q) {
        handle(f, q);
        mem_free(q);
        return true;
    }
    return end_answer(f) || end_stalled(f);
}

static void pump(struct flow *f)
{
    ASSERT(!f->pumping);
    f->pumping = true;
    while (pump_one(f)) {
    }
    f->pumping = false;
    if (f->finished && (f->ended || f->gone) && !any_leg_live(f)) {
        free_flow(f);
    }
}

/* ---- verbs ---- */

const struct request *flow_request(const struct flow *f)
{
    return f->request;
}

const struct decision *flow_decision(const struct flow *f)
{
    return f->decision;
}

struct arena *flow_arena(const struct flow *f)
{
    return f->request->arena;
}

const struct receipt *flow_receipt(const struct flow *f)
{
    return &f->receipt;
}

bool flow_shown(const struct flow *f)
{
    return f->shown;
}

int flow_open(struct flow *f, const struct backend *backend, const struct leg_options *options)
{
    PRE(backend && !f->finished);
    PRE(f->legs_count < LEGS_MAX);
    struct leg *leg = ARENA_NEW(f->request->arena, struct leg);
    int number = ++f->legs_count;
    f->legs[number - 1] = leg;
    leg->flow = f;
    leg->number = number;
    leg->backend = backend;
    if (options) {
        leg->options = *options;
        leg->options.prefix = arena_copy(f->request->arena, options->prefix);
    }
    leg->end.usage = USAGE_UNKNOWN;
    leg->receipt = &f->receipt.legs[number - 1];
    *leg->receipt = (struct leg_receipt){.leg = number,
                                         .backend = backend,
                                         .model = span_c(backend->model),
                                         .start_us = flow_since_received_us(f, flow_now_us(f)),
                                         .ttft_us = -1,
                                         .total_us = -1,
                                         .usage = USAGE_UNKNOWN};
    f->receipt.legs_count = number;
    leg->closed = f->gone && !leg->options.background;
    flow_wake(f);
    return number;
}

void flow_close(struct flow *f, int number)
{
    PRE(number >= 1 && number <= f->legs_count);
    f->legs[number - 1]->closed = true;
    flow_wake(f);
}

void flow_author(struct flow *f, int number)
{
    PRE(number >= 1 && number <= f->legs_count);
    if (f->answered) {
        return;
    }
    f->receipt.author = number;
    for (int i = 0; i < f->legs_count; i++) {
        leg_sync_pause(f->legs[i]);
    }
}

void flow_emit(struct flow *f, const struct delta *d)
{
    PRE(f->receipt.author > 0);
    if (f->gone || f->answered || f->finished || f->abandoned) {
        return;
    }
    begin_sink(f);
    if (f->gone) { /* it left while headers were written */
        return;
    }
    if (!f->shown) {
        f->shown = true;
        f->receipt.ttft_us = (int64_t)flow_since_received_us(f, flow_now_us(f));
        stop_timer(f, &f->deadline_timer);
    }
    f->sink_type->delta(f->sink, d);
}

static void on_armed(void *arg)
{
    struct armed *armed = arg;
    armed->timer = NULL;
    flow_queue(armed->flow, QUEUED_TIMER, armed->number, 0);
}

void flow_disarm(struct flow *f, int timer)
{
    PRE(timer >= 0 && timer < FLOW_TIMERS);
    stop_timer(f, &f->armed[timer].timer);
    /* it may have fired and wait in the queue */
    for (struct queued **at = &f->queue_first; *at;) {
        struct queued *q = *at;
        if (q->kind == QUEUED_TIMER && q->number == timer) {
            *at = q->next;
            if (f->queue_last == &q->next) {
                f->queue_last = at;
            }
            mem_free(q);
        } else {
            at = &q->next;
        }
    }
}

void flow_arm(struct flow *f, int timer, uint64_t delay_ms)
{
    PRE(timer >= 0 && timer < FLOW_TIMERS);
    flow_disarm(f, timer);
    if (!f->finished && !f->gone) {
        f->armed[timer].timer = start_timer(f, delay_ms * US_PER_MS, on_armed, &f->armed[timer]);
    }
}

void flow_reason(struct flow *f, const char *format, ...)
{
    if (f->answered) {
        return;
    }
    char line[REASON_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    f->receipt.reason = arena_copy(f->request->arena, span_c(line));
}

void flow_degraded(struct flow *f, enum degraded d)
{
    if (!f->answered) {
        f->receipt.degraded = d;
    }
}

void flow_confidence(struct flow *f, double p)
{
    if (!f->answered) {
        f->receipt.confidence = p;
    }
}

void flow_fail(struct flow *f, enum err err, const char *format, ...)
{
    if (f->answered) {
        return;
    }
    va_list args;
    va_start(args, format);
    f->receipt.fault.code = err == OK ? ERR_INTERNAL : err;
    (void)vsnprintf(f->receipt.fault.text, sizeof f->receipt.fault.text, format, args);
    va_end(args);
}

void flow_answer_done(struct flow *f, enum outcome outcome)
{
    if (f->answered || f->gone) {
        return;
    }
    f->answered = true;
    f->receipt.outcome = outcome;
    if (outcome != OUTCOME_OK && f->receipt.fault.code == OK) {
        fault_set(&f->receipt.fault, ERR_INTERNAL, "%s", err_sentence(ERR_INTERNAL));
    }
    if (!f->shown && outcome != OUTCOME_OK) {
        f->receipt.author = 0; /* nobody answered */
    }
    flow_wake(f);
}

void flow_finish(struct flow *f)
{
    if (f->finished) {
        return;
    }
    if (!f->answered && !f->gone) {
        if (f->receipt.fault.code == OK) {
            fault_set(&f->receipt.fault, ERR_INTERNAL, "%s", err_sentence(ERR_INTERNAL));
        }
        flow_answer_done(f, f->shown ? OUTCOME_PARTIAL : OUTCOME_FAILED);
    }
    f->finished = true;
    for (int i = 0; i < FLOW_TIMERS; i++) {
        stop_timer(f, &f->armed[i].timer);
    }
    for (int i = 0; i < f->legs_count; i++) {
        f->legs[i]->closed = true;
    }
    flow_wake(f);
}

/* ---- from outside ---- */

struct flow *flow_new(const struct flow_host *host, struct request *request,
                      const struct facts *facts, const struct decision *decision,
                      const struct strategy *strategy, const struct sink_type *sink_type,
                      void *sink)
{
    struct flow *f = ARENA_NEW(request->arena, struct flow);
    f->host = host;
    f->request = request;
    f->facts = facts;
    f->decision = decision;
    f->strategy = strategy;
    f->strategy_state = arena_alloc(request->arena, MAX(strategy->state_size, (size_t)1));
    f->sink_type = sink_type;
    f->sink = sink;
    f->queue_last = &f->queue_first;
    for (int i = 0; i < FLOW_TIMERS; i++) {
        f->armed[i] = (struct armed){.flow = f, .number = i};
    }
    f->receipt = (struct receipt){.request = request,
                                  .decision = decision,
                                  .facts = facts,
                                  .reason = decision->reason,
                                  .confidence = -1,
                                  .degraded = decision->degraded,
                                  .ttft_us = -1,
                                  .total_us = -1,
                                  .cost_usd_nano = 0,
                                  .always_cloud_cost_usd_nano = USD_UNKNOWN};
    return f;
}

void flow_start(struct flow *f)
{
    flow_queue(f, QUEUED_BEGIN, 0, 0);
    f->silence_timer = start_timer(f, SILENCE_MS * US_PER_MS, on_silence, f);
    flow_arm_deadline(f);
}

void flow_client_gone(struct flow *f)
{
    if (f->gone || f->ended) {
        return;
    }
    account_answer(f); /* the client's clock stops here */
    f->gone = true;
    f->answered = true;
    f->receipt.outcome = OUTCOME_CANCELLED;
    fault_set(&f->receipt.fault, ERR_CANCELLED, "the client left");
    stop_timer(f, &f->silence_timer);
    stop_timer(f, &f->deadline_timer);
    for (int i = 0; i < FLOW_TIMERS; i++) {
        stop_timer(f, &f->armed[i].timer);
    }
    for (int i = 0; i < f->legs_count; i++) {
        if (!f->legs[i]->options.background) {
            leg_cut(f->legs[i], LEG_CANCELLED, ERR_CANCELLED, "the client left");
        }
    }
    flow_wake(f);
}

void flow_pause(struct flow *f, bool pause)
{
    f->pause = pause;
    for (int i = 0; i < f->legs_count; i++) {
        leg_sync_pause(f->legs[i]);
    }
}

void flow_abandon(struct flow *f)
{
    if (!f->answered) {
        flow_fail(f, ERR_OVERLOADED, "the server is going down");
        flow_answer_done(f, f->shown ? OUTCOME_PARTIAL : OUTCOME_FAILED);
    }
    f->abandoned = true;
    for (int i = 0; i < f->legs_count; i++) {
        leg_cut(f->legs[i], LEG_CANCELLED, ERR_CANCELLED, "the server is going down");
    }
    flow_finish(f);
    if (!f->pumping) {
        stop_timer(f, &f->pump_timer);
        pump(f); /* ends with the flow freed */
    }
}
