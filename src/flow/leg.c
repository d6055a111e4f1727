/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One leg: attempts at one backend (states and moves: flow/inside.h).
 *
 * The happy path is: NEW, encode the body; GATE, the gate lets it through;
 * ADMITTED, RUNNING, the driver's deltas pass the gate's filter to the strategy;
 * the driver's end makes it ENDING; the attempt is accounted and settled; OVER,
 * EV_END goes to the strategy.
 *
 * What can go wrong:
 * - the body cannot be written, or no driver is there: ENDING without the gate;
 * - the gate refuses: ENDING as LEG_REFUSED, nothing to settle;
 * - the attempt fails and may be repeated: settled all the same, then WAITING,
 *   then NEW, through the gate again;
 * - it is cut from outside (closed by the strategy, deadline, client gone): the
 *   driver is cancelled or the gate told to forget, and what was queued of it is
 *   dropped when its turn comes;
 * - the driver goes on talking after its end: ignored.
 */
#include "flow/inside.h"

#include "base/clock.h"

#define BODY_MAX (64 * MIB)
#define END_TEXT_MAX 1000
#define RETRY_WAIT_MAX_MS 2000
#define RETRY_CONNECT_WAIT_MS 20
#define RETRY_STATUS_WAIT_MS 200

_Thread_local uint64_t leg_moves_seen[LEG_STATE_COUNT][LEG_STATE_COUNT];

const char *const leg_state_names[LEG_STATE_COUNT] = {
    "new", "gate", "admitted", "running", "ending", "waiting", "over",
};

/* Rows: from; columns: to. */
const bool leg_moves_allowed[LEG_STATE_COUNT][LEG_STATE_COUNT] = {
    [LEG_NEW] = {[LEG_GATE] = true, [LEG_ADMITTED] = true, [LEG_ENDING] = true},
    [LEG_GATE] = {[LEG_ADMITTED] = true, [LEG_ENDING] = true},
    [LEG_ADMITTED] = {[LEG_RUNNING] = true, [LEG_ENDING] = true},
    [LEG_RUNNING] = {[LEG_ENDING] = true},
    [LEG_ENDING] = {[LEG_WAITING] = true, [LEG_OVER] = true},
    [LEG_WAITING] = {[LEG_NEW] = true, [LEG_ENDING] = true},
};

static void move(struct leg *leg, enum leg_state to)
{
    ASSERT(leg_moves_allowed[leg->state][to]);
    leg_moves_seen[leg->state][to]++;
    leg->state = to;
}

bool leg_live(const struct leg *leg)
{
    return leg->state != LEG_OVER;
}

/* ---- the end of an attempt ---- */

/* Keeps `end` with copied spans; its turn comes when what was queued before it has been handled. */
static void end_attempt(struct leg *leg, const struct leg_end *end)
{
    struct arena *arena = leg->flow->request->arena;
    leg->end = *end;
    leg->end.text = arena_copy(arena, span_first(end->text, END_TEXT_MAX));
    leg->end.model = arena_copy(arena, span_first(end->model, END_TEXT_MAX));
    leg->ended_us = flow_now_us(leg->flow);
    move(leg, LEG_ENDING);
    flow_queue(leg->flow, QUEUED_END, leg->number, 0);
}

static void end_unsent(struct leg *leg, enum leg_outcome outcome, enum err err, const char *text)
{
    end_attempt(leg, &(struct leg_end){.outcome = outcome,
                                       .err = err,
                                       .text = span_c(text && *text ? text : err_sentence(err)),
                                       .usage = USAGE_UNKNOWN,
                                       .retry_after_ms = -1});
}

void leg_cut(struct leg *leg, enum leg_outcome outcome, enum err err, const char *text)
{
    leg->closed = true;
    bool sent = false;
    switch (leg->state) {
    case LEG_RUNNING:
        sent = true;
        leg->driver.type->cancel(leg->driver.self, leg);
        break;
    case LEG_GATE:
        leg->flow->host->gate->forget(leg->flow->host->gate_self, leg);
        break;
    case LEG_WAITING:
        leg->flow->host->timer_stop(leg->flow->host->user, leg->retry_timer);
        leg->retry_timer = NULL;
        break;
    case LEG_NEW:
    case LEG_ADMITTED:
        break;
    default: /* its end is on the way already */
        return;
    }
    end_attempt(leg, &(struct leg_end){.outcome = outcome,
                                       .err = err,
                                       .text = span_c(text),
                                       .usage = USAGE_UNKNOWN,
                                       .may_be_billed = sent,
                                       .retry_after_ms = -1});
}

/* ---- an attempt, forward ---- */

static bool encode_body(struct leg *leg)
{
    if (leg->body.data || !leg->driver.type->encode) {
        return true;
    }
    struct fault fault = {0};
    text_init(&leg->body, BODY_MAX);
    enum err err = leg->driver.type->encode(leg->driver.self, leg, &leg->body, &fault);
    if (!err && leg->body.overflow) {
        err = fault_set(&fault, ERR_TOO_LARGE, "the request for %s would be over %zu MiB",
                        leg->backend->name, BODY_MAX / MIB);
    }
    if (err) {
        end_unsent(leg, LEG_ERROR, err, fault.text);
    }
    return !err;
}

static void begin_attempt(struct leg *leg)
{
    struct flow *f = leg->flow;
    leg->attempts++;
    leg->receipt->attempts = leg->attempts;
    leg->started = false;
    leg->received_bytes = 0;
    leg->gate_state = NULL;
    leg->admission = (struct admission){0};
    const struct driver *driver = f->host->driver(f->host->user, leg->backend);
    if (!driver) {
        end_unsent(leg, LEG_ERROR, ERR_NO_BACKEND, "nothing here speaks to this backend");
        return;
    }
    leg->driver = *driver;
    if (!leg->driver_state) {
        leg->driver_state =
            arena_alloc(f->request->arena, MAX(driver->type->state_size, (size_t)1));
    } else {
        memset(leg->driver_state, 0, driver->type->state_size);
    }
    if (!encode_body(leg)) {
        return;
    }
    if (f->deadline_missed && !f->shown) {
        flow_arm_deadline(f); /* the next backend gets as long as the first had */
    }
    if (leg->backend->tier == TIER_DEVICE) {
        leg->admission.body = text_span(&leg->body);
        move(leg, LEG_ADMITTED);
        return;
    }
    move(leg, LEG_GATE);
    f->host->gate->admit(f->host->gate_self, leg, text_span(&leg->body));
}

static void start_driver(struct leg *leg)
{
    struct flow *f = leg->flow;
    move(leg, LEG_RUNNING);
    leg->started = true;
    leg->paused = false;
    if (leg->attempts == 1) {
        leg->receipt->start_us = flow_since_received_us(f, flow_now_us(f));
    }
    leg->driver.type->start(leg->driver.self, leg, leg->admission.body);
    if (leg->admission.body.data != leg->body.data) {
        text_done(&leg->body); /* the gate wrote its own; a further attempt encodes again */
    }
    leg_sync_pause(leg);
}

bool leg_work(struct leg *leg)
{
    if (leg->closed && leg->state != LEG_ENDING && leg->state != LEG_OVER) {
        leg_cut(leg, LEG_CANCELLED, ERR_CANCELLED, "no longer needed");
        return true;
    }
    if (leg->state == LEG_NEW) {
        begin_attempt(leg);
        return true;
    }
    if (leg->state == LEG_ADMITTED) {
        start_driver(leg);
        return true;
    }
    return false;
}

void leg_sync_pause(struct leg *leg)
{
    bool wanted = leg->flow->pause && leg->flow->receipt.author == leg->number;
    if (leg->state == LEG_RUNNING && wanted != leg->paused) {
        leg->paused = wanted;
        if (leg->driver.type->pause) {
            leg->driver.type->pause(leg->driver.self, leg, wanted);
        }
    }
}

/* ---- queued things, on the pump's stack ---- */

static void step_delta(void *user, const struct delta *d)
{
    struct leg *leg = user;
    if (!leg->closed) {
        flow_step(leg->flow, &(struct event){.kind = EV_DELTA, .leg = leg->number, .u.delta = d});
    }
}

static void handle_delta(struct leg *leg, const struct delta *d)
{
    struct delta_filter *filter = leg->admission.filter;
    if (filter) {
        filter->type->apply(filter, d, step_delta, leg);
    } else {
        step_delta(leg, d);
    }
}

static void on_retry_timer(void *arg)
{
    struct leg *leg = arg;
    leg->retry_timer = NULL;
    move(leg, LEG_NEW);
    flow_wake(leg->flow);
}

static bool may_retry(const struct leg *leg)
{
    const struct leg_end *end = &leg->end;
    return end->outcome == LEG_ERROR && end->retryable && !leg->closed && !leg->flow->finished &&
           leg->received_bytes == 0 && leg->receipt->ttft_us < 0 &&
           leg->attempts <= leg->backend->retries && end->retry_after_ms <= RETRY_WAIT_MAX_MS;
}

/* What the backend asked for; else almost at once after a connection that did not come about (a pooled one may
 * just have died), and slower after an answer that said no. */
static uint64_t retry_wait_us(const struct leg *leg)
{
    if (leg->end.retry_after_ms >= 0) {
        return (uint64_t)leg->end.retry_after_ms * US_PER_MS;
    }
    uint64_t first_ms = leg->end.http_status == 0 ? RETRY_CONNECT_WAIT_MS : RETRY_STATUS_WAIT_MS;
    return MIN(first_ms << (leg->attempts - 1), (uint64_t)RETRY_WAIT_MAX_MS) * US_PER_MS;
}

static void settle(struct leg *leg)
{
    if (leg->admitted) {
        leg->admitted = false;
        struct flow *f = leg->flow;
        f->host->gate->settle(f->host->gate_self, leg, &leg->end, leg->left_bytes);
        leg->admission.filter = NULL; /* the gate's; gone by now */
    }
}

static void handle_end(struct leg *leg)
{
    struct flow *f = leg->flow;
    struct delta_filter *filter = leg->admission.filter;
    if (filter && !leg->closed) {
        filter->type->apply(filter, NULL, step_delta, leg); /* what restoring had held back */
    }
    account_attempt(leg);
    settle(leg);
    if (f->host->leg_ended) {
        f->host->leg_ended(f->host->user, leg, leg->receipt, &leg->end);
    }
    if (may_retry(leg)) {
        move(leg, LEG_WAITING);
        leg->retry_timer =
            f->host->timer_start(f->host->user, retry_wait_us(leg), on_retry_timer, leg);
        return;
    }
    if (leg->end.outcome != LEG_OK) {
        f->receipt.retry_after_ms = MAX(leg->end.retry_after_ms, 0);
    }
    move(leg, LEG_OVER);
    text_done(&leg->body);
    flow_step(f, &(struct event){.kind = EV_END, .leg = leg->number, .u.end = &leg->end});
}

void leg_handle(struct leg *leg, const struct queued *q)
{
    if (q->kind == QUEUED_END) {
        handle_end(leg);
        return;
    }
    if (leg->closed) {
        return;
    }
    switch (q->kind) {
    case QUEUED_FIRST_BYTE:
        flow_step(leg->flow, &(struct event){.kind = EV_FIRST_BYTE, .leg = leg->number});
        break;
    case QUEUED_DELTA:
        handle_delta(leg, &q->u.delta);
        break;
    case QUEUED_CONFIDENCE:
        flow_step(leg->flow, &(struct event){.kind = EV_CONFIDENCE,
                                             .leg = leg->number,
                                             .u.confidence = &q->u.confidence});
        break;
    default:
        ASSERT(!"a leg has no such event");
    }
}

void leg_done(struct leg *leg)
{
    text_done(&leg->body);
}

/* ---- what a driver sees and says ---- */

const struct request *leg_request(const struct leg *leg)
{
    return leg->flow->request;
}

const struct facts *leg_facts(const struct leg *leg)
{
    return leg->flow->facts;
}

const struct decision *leg_decision(const struct leg *leg)
{
    return leg->flow->decision;
}

const struct backend *leg_backend(const struct leg *leg)
{
    return leg->backend;
}

const struct leg_options *leg_options(const struct leg *leg)
{
    return &leg->options;
}

int leg_number(const struct leg *leg)
{
    return leg->number;
}

struct arena *leg_arena(const struct leg *leg)
{
    return leg->flow->request->arena;
}

void *leg_driver_state(struct leg *leg)
{
    return leg->driver_state;
}

void leg_got_first_byte(struct leg *leg)
{
    if (leg->state == LEG_RUNNING) {
        flow_queue(leg->flow, QUEUED_FIRST_BYTE, leg->number, 0);
    }
}

static struct span put(char **at, struct span s)
{
    if (!span_given(s)) {
        return SPAN_NONE;
    }
    char *start = *at;
    memcpy(start, s.data, s.len);
    *at += s.len;
    return span_of(start, s.len);
}

void leg_got_delta(struct leg *leg, const struct delta *d)
{
    if (leg->state != LEG_RUNNING || leg->closed) {
        return;
    }
    size_t bytes = d->text.len + d->tool_id.len + d->tool_name.len + d->logprobs.len;
    if (leg->receipt->ttft_us < 0) {
        leg->receipt->ttft_us = (int64_t)flow_since_received_us(leg->flow, flow_now_us(leg->flow));
    }
    leg->received_bytes += d->text.len + d->tool_id.len + d->tool_name.len;
    struct queued *q = flow_queue(leg->flow, QUEUED_DELTA, leg->number, bytes);
    char *at = q->bytes;
    q->u.delta = *d;
    q->u.delta.text = put(&at, d->text);
    q->u.delta.tool_id = put(&at, d->tool_id);
    q->u.delta.tool_name = put(&at, d->tool_name);
    q->u.delta.logprobs = put(&at, d->logprobs);
}

void leg_got_confidence(struct leg *leg, const struct confidence *c)
{
    if (leg->state != LEG_RUNNING) {
        return;
    }
    if (c->final) {
        leg->refusal = c->refusal;
    }
    flow_queue(leg->flow, QUEUED_CONFIDENCE, leg->number, 0)->u.confidence = *c;
}

void leg_got_end(struct leg *leg, const struct leg_end *end)
{
    if (leg->state == LEG_RUNNING) {
        end_attempt(leg, end);
    }
}

/* ---- what the gate says ---- */

void leg_admitted(struct leg *leg, const struct admission *a)
{
    PRE(leg->state == LEG_GATE);
    leg->admission = *a;
    leg->admitted = true;
    leg->receipt->redactions_count = a->redactions_count;
    size_t bytes = sizeof *a->redactions * (size_t)a->redactions_count;
    if (bytes) {
        struct redaction_count *kept = arena_alloc(leg->flow->request->arena, bytes);
        memcpy(kept, a->redactions, bytes);
        leg->receipt->redactions = kept;
    }
    move(leg, LEG_ADMITTED);
    flow_wake(leg->flow);
}

void leg_refused(struct leg *leg, enum err err, const char *text)
{
    PRE(leg->state == LEG_GATE && err != OK);
    end_unsent(leg, LEG_REFUSED, err, text);
}

void leg_refused_offline(struct leg *leg, const char *text)
{
    PRE(leg->state == LEG_GATE);
    end_attempt(leg, &(struct leg_end){.outcome = LEG_REFUSED,
                                       .err = ERR_NO_BACKEND,
                                       .text = span_c(text),
                                       .usage = USAGE_UNKNOWN,
                                       .offline = true,
                                       .retry_after_ms = -1});
}

void *leg_gate_state(struct leg *leg)
{
    return leg->gate_state;
}

void leg_set_gate_state(struct leg *leg, void *state)
{
    leg->gate_state = state;
}
