/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: gateway_answer() fills the facts, router_decide() fills the
 * decision, flow_new() + flow_start() do the rest; on_receipt() hands the finished
 * record to the ledger.
 *
 * What can go wrong: the decision may allow nothing (refuse() writes the receipt
 * and tells the sink); a flow may outlive its config (each holds a reference); the
 * ledger may be full (the gate then refuses legs to other tiers, see egress/).
 */
#include "server/gateway.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/rng.h"
#include "chat/dialect.h"
#include "device/device.h"
#include "egress/consent.h"
#include "router/calibration_quantile.h"
#include "router/latency.h"
#include "router/learned.h"
#include "router/sticky.h"
#include "server/policy.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STARTING_US (10 * US_PER_S)

struct gateway {
    struct gateway_parts parts;
    struct flow_host host;
    struct config *config;
    struct privacy_policy *policy;
    struct router *router;
    struct egress *egress;
    const struct calibrations *calibrations;
    struct quantile scores, confidences; /* of recent answers, for policy.cloud_share */
    struct latency latencies[BACKENDS_MAX];
    struct learning *learning, *own_learning;
    struct rng chances;
    struct sticky *sticky;
    struct guard *guard;
    uint64_t started_us;
    struct link flows; /* struct running */
    int running;
    uint64_t crowded_us; /* when last more than one ran */
};

/* Lives in the request's arena: gone with the flow. */
struct running {
    struct link link;
    struct gateway *gateway;
    struct config *config;
    struct flow *flow;
};

/* ---- the flow's host ---- */

static uint64_t host_now(void *user)
{
    (void)user;
    return clock_now_us();
}

/* A delay of zero is a post, which costs no system call: that is how every flow is pumped. */
struct flow_timer {
    struct loop_timer timer;
    struct loop_post post;
    bool posted;
    void (*fn)(void *arg);
    void *arg;
};

static void host_timer_free(struct flow_timer *t)
{
    if (t->posted) {
        loop_post_cancel(&t->post);
    } else {
        loop_timer_done(&t->timer);
    }
    mem_free(t);
}

static void host_timer_fired(void *user)
{
    struct flow_timer *t = user;
    void (*fn)(void *) = t->fn;
    void *arg = t->arg;
    host_timer_free(t);
    fn(arg);
}

static struct flow_timer *host_timer_start(void *user, uint64_t delay_us, void (*fn)(void *),
                                           void *arg)
{
    struct gateway *g = user;
    struct flow_timer *t = NEW(struct flow_timer);
    t->fn = fn;
    t->arg = arg;
    t->posted = delay_us == 0;
    if (t->posted) {
        loop_post_init(&t->post, g->parts.loop, host_timer_fired, t);
        loop_post_send(&t->post);
    } else {
        loop_timer_init(&t->timer, g->parts.loop, host_timer_fired, t);
        loop_timer_start(&t->timer, delay_us);
    }
    return t;
}

static void host_timer_stop(void *user, struct flow_timer *t)
{
    (void)user;
    host_timer_free(t);
}

static const struct driver *host_driver(void *user, const struct backend *b)
{
    struct gateway *g = user;
    return g->parts.driver(g->parts.user, b);
}

/* A refusal of the request itself (400, 413 …) says nothing about how the backend is. */
static bool at_fault(const struct leg_end *end)
{
    bool refused = end->http_status >= 400 && end->http_status < 500 && end->http_status != 408 &&
                   end->http_status != 429;
    return (end->outcome == LEG_ERROR || end->outcome == LEG_TIMEOUT) && !refused;
}

/* Nothing of this worker ran beside it. What other workers asked of the same engine is not seen here. */
static bool ran_alone(const struct gateway *g, const struct leg *leg)
{
    return g->running <= 1 && g->config->workers <= 1 &&
           g->crowded_us < leg_request(leg)->received_us;
}

static void note_latency(struct gateway *g, const struct leg *leg, const struct leg_receipt *lr,
                         const struct leg_end *end)
{
    const struct backend *b = leg_backend(leg);
    const struct facts *f = leg_facts(leg);
    if (f->backends[b->index].switching) {
        return; /* the old model's times are not the new one's */
    }
    uint64_t now_us = clock_now_us();
    bool told = f->device.rtt_ms >= 0; /* by the override file */
    latency_note(&g->latencies[b->index],
                 &(struct latency_leg){
                     .now_us = now_us,
                     .ok = end->outcome == LEG_OK,
                     .failed = at_fault(end),
                     .alone = ran_alone(g, leg),
                     .new_tokens = f->prompt_tokens - MAX(end->usage.cached_tokens, 0),
                     .output_tokens = end->usage.output_tokens,
                     .ttft_us = lr->ttft_us < 0 ? -1 : lr->ttft_us - (int64_t)lr->start_us,
                     .total_us = (int64_t)(now_us - leg_request(leg)->received_us - lr->start_us),
                     .task = f->task,
                     .rtt_ms = told              ? f->device.rtt_ms
                               : end->rtt_us > 0 ? (double)end->rtt_us / 1000
                                                 : -1,
                     .load = f->device.load,
                 });
}

static void host_leg_ended(void *user, const struct leg *leg, const struct leg_receipt *lr,
                           const struct leg_end *end)
{
    struct gateway *g = user;
    const struct backend *b = leg_backend(leg);
    if (b->tier != TIER_DEVICE) {
        egress_note_network(g->egress, b, end->offline);
    }
    note_latency(g, leg, lr, end);
}

static void count_receipt(struct gateway *g, const struct receipt *r)
{
    static const enum metric by_tier[TIER_COUNT] = {METRIC_ANSWERS_DEVICE, METRIC_ANSWERS_EDGE,
                                                    METRIC_ANSWERS_CLOUD, METRIC_ANSWERS_HUMAN};
    struct page *p = g->parts.page;
    int w = g->parts.worker;
    page_count(p, w, METRIC_REQUESTS, 1);
    page_count(p, w, METRIC_STREAMS, r->request->stream);
    if (r->author > 0) {
        page_count(p, w, by_tier[r->legs[r->author - 1].backend->tier], 1);
    }
    page_count(p, w, METRIC_FAILED, r->outcome == OUTCOME_FAILED || r->outcome == OUTCOME_PARTIAL);
    page_count(p, w, METRIC_CANCELLED, r->outcome == OUTCOME_CANCELLED);
    page_count(p, w, METRIC_REFUSED, r->outcome == OUTCOME_REFUSED);
    page_count(p, w, METRIC_DEGRADED, r->degraded != DEGRADED_NO);
    page_count(p, w, METRIC_ESCALATED,
               r->legs_count > 1 && r->legs[0].backend->tier == TIER_DEVICE && r->author > 1);
    page_count(p, w, METRIC_REDACTED_VALUES, receipt_redacted(r));
    for (int i = 0; i < r->legs_count; i++) {
        const struct leg_receipt *l = &r->legs[i];
        page_count(p, w, METRIC_LEFT_BYTES, l->left_device_bytes);
        page_count(p, w, METRIC_INPUT_TOKENS, MAX(l->usage.input_tokens, 0));
        page_count(p, w, METRIC_OUTPUT_TOKENS, MAX(l->usage.output_tokens, 0));
        page_count(p, w, METRIC_CACHED_TOKENS, MAX(l->usage.cached_tokens, 0));
        page_count(p, w, METRIC_RETRIES, MAX(l->attempts - 1, 0));
    }
    page_count(p, w, METRIC_COST_NANO, MAX(r->cost_usd_nano, 0));
    page_count(p, w, METRIC_OVERHEAD_US, MAX(r->overhead_us, 0));
    if (r->ttft_us >= 0) {
        page_count(p, w, METRIC_TTFT_US, r->ttft_us);
        page_count(p, w, METRIC_TTFT_COUNT, 1);
    }
}

static bool asked_elsewhere(const struct receipt *r)
{
    bool any = false;
    for (int i = 0; i < r->legs_count; i++) {
        any |= r->legs[i].backend->tier != TIER_DEVICE && r->legs[i].left_device_bytes > 0;
    }
    return any;
}

/* The answer's features wait for what is said of it. What its own confidence says of a device answer, kept or
 * handed up, is heard at once. */
static void wait_for_outcome(struct gateway *g, const struct receipt *r)
{
    const struct facts *f = r->facts;
    if (r->author == 0 || !f->features) {
        return;
    }
    const struct leg_receipt *author = &r->legs[r->author - 1];
    bool up = author->backend->tier != TIER_DEVICE;
    bool asked_first = up == (r->legs[0].backend->tier != TIER_DEVICE);
    learning_wait(g->learning, clock_now_us(), span_c(r->request->id), f->features, up,
                  asked_first ? r->decision->propensity : 1);
    if (r->confidence >= 0 && r->legs[0].backend->tier == TIER_DEVICE) {
        learning_hint(g->learning, f->features, r->confidence);
    }
}

/* What the next decisions remember. A device that stands in for a tier that is away moves no conversation. */
static void remember(struct gateway *g, const struct receipt *r)
{
    uint64_t now_us = clock_now_us();
    guard_note(g->guard, now_us, r->facts, r->decision, asked_elsewhere(r));
    if (r->author == 0 || r->outcome != OUTCOME_OK) {
        return;
    }
    const struct leg_receipt *leg = &r->legs[r->author - 1];
    bool up = leg->backend->tier != TIER_DEVICE;
    int64_t in = MAX(leg->usage.input_tokens, 0);
    if (r->degraded != DEGRADED_NO && !up && r->facts->session.known) {
        up = r->facts->session.up;
    }
    sticky_note(g->sticky, now_us, r->facts,
                &(struct sticky_turn){
                    .up = up,
                    .easy = r->decision->easy,
                    .by_score = r->decision->by_score,
                    .score = r->decision->score,
                    .tokens = MAX(in, r->facts->prompt_tokens) + MAX(leg->usage.output_tokens, 0),
                });
}

static void keep_receipt(struct gateway *g, const struct receipt *r)
{
    remember(g, r);
    wait_for_outcome(g, r);
    if (g->parts.page) {
        count_receipt(g, r);
    }
    if (g->parts.ledger) {
        int slots[LEGS_MAX];
        int n = egress_take_intents(g->egress, r->request, slots, LEGS_MAX);
        ledger_put(g->parts.ledger, r, g->parts.page, slots, n);
    }
}

/* What policy.cloud_share is a share of: answers whose side the threshold chose. */
static void note_share(struct gateway *g, const struct receipt *r)
{
    if (r->decision->threshold_from && r->request->options.mode == MODE_AUTO) {
        quantile_add(&g->scores, r->decision->score);
        quantile_add(&g->confidences, r->confidence);
    }
}

static void host_receipt(void *user, const struct receipt *r)
{
    note_share(user, r);
    keep_receipt(user, r);
}

/* ---- life ---- */

struct gateway *gateway_new(const struct gateway_parts *parts)
{
    struct gateway *g = NEW(struct gateway);
    g->parts = *parts;
    g->started_us = clock_now_us();
    g->egress = egress_new(&(struct egress_options){
        .page = parts->page,
        .ledger = parts->ledger,
        .worker = parts->worker,
    });
    g->host = (struct flow_host){
        .user = g,
        .now_us = host_now,
        .timer_start = host_timer_start,
        .timer_stop = host_timer_stop,
        .driver = host_driver,
        .gate = &egress_gate,
        .gate_self = g->egress,
        .leg_ended = host_leg_ended,
        .receipt = host_receipt,
    };
    g->learning = parts->learning;
    if (!g->learning) {
        g->own_learning = g->learning = NEW(struct learning);
        learning_init(g->learning);
    }
    rng_secret(&g->chances.state, sizeof g->chances.state);
    g->sticky = sticky_new(parts->sessions);
    g->guard = guard_new();
    list_init(&g->flows);
    return g;
}

void gateway_free(struct gateway *g)
{
    if (!g) {
        return;
    }
    ASSERT(g->running == 0);
    mem_free(g->own_learning);
    sticky_free(g->sticky);
    guard_free(g->guard);
    egress_free(g->egress);
    router_free(g->router);
    privacy_policy_free(g->policy);
    config_unref(g->config);
    mem_free(g);
}

enum err gateway_configure(struct gateway *g, struct config *c, struct fault *fault)
{
    struct privacy_policy *policy;
    enum err err = policy_compile(c, false, &policy, fault);
    if (err) {
        return err;
    }
    struct router *router;
    err = router_new(c, &scorer_learned, &g->learning->heads, &router, fault);
    if (err) {
        privacy_policy_free(policy);
        return err;
    }
    egress_configure(g->egress, c, policy);
    router_free(g->router);
    privacy_policy_free(g->policy);
    struct config *old = g->config;
    g->config = config_ref(c);
    g->router = router;
    router_use_calibrations(router, g->calibrations);
    g->policy = policy;
    memset(g->latencies, 0, sizeof g->latencies);
    config_unref(old);
    return OK;
}

void gateway_use_calibrations(struct gateway *g, const struct calibrations *all)
{
    g->calibrations = all;
    if (g->router) {
        router_use_calibrations(g->router, all);
    }
}

const struct calibrations *gateway_calibrations(const struct gateway *g)
{
    return g->calibrations;
}

struct learning *gateway_learning(const struct gateway *g)
{
    return g->learning;
}

void gateway_feedback(struct gateway *g, struct span id, double score, struct span source)
{
    (void)learning_tell(g->learning, clock_now_us(), id, score, learning_source_from(source));
}

struct config *gateway_config(const struct gateway *g)
{
    return g->config;
}

const struct gateway_parts *gateway_parts(const struct gateway *g)
{
    return &g->parts;
}

const struct guard *gateway_guard(const struct gateway *g)
{
    return g->guard;
}

int gateway_running(const struct gateway *g)
{
    return g->running;
}

/* ---- facts ---- */

void gateway_backend_state(struct gateway *g, const struct backend *b, struct backend_state *out)
{
    *out = (struct backend_state){
        .usable = true,
        .context = b->context,
        .tools = b->tools,
        .images = b->images,
        .json_schema = b->json_schema,
        .logprobs = b->logprobs,
        .multiple_choices = b->multiple_choices,
    };
    if (b->tier != TIER_DEVICE) {
        egress_backend_state(g->egress, b, out);
    }
    g->parts.backend_state(g->parts.user, b, out);
    const struct latency *l = &g->latencies[b->index];
    out->ttft_us = l->legs > 0 ? l->us / l->legs : 0;
    uint64_t now_us = clock_now_us();
    out->failing = latency_failing(l, now_us);
    out->rtt_ms = l->rtt_ms;
    latency_predict(l,
                    &(struct latency_question){
                        .now_us = now_us,
                        .local = b->tier == TIER_DEVICE,
                        .new_tokens = l->legs > 0 ? (int64_t)(l->tokens / l->legs) : 0,
                        .slots = 1,
                        .rtt_ms = -1,
                        .load = -1,
                    },
                    &out->predicted);
    if (l->token_us > 0) {
        out->tokens_per_s = 1e6 / l->token_us;
    }
}

/* How long this request would take at each backend. */
static void predict(struct gateway *g, struct facts *f)
{
    uint64_t now_us = clock_now_us();
    for (int i = 0; i < g->config->backends_count; i++) {
        const struct backend *b = &g->config->backends[i];
        struct backend_state *state = &f->backends[i];
        bool local = b->tier == TIER_DEVICE;
        bool warm = f->session.known && f->session.up != local;
        latency_predict(
            &g->latencies[i],
            &(struct latency_question){
                .now_us = now_us,
                .local = local,
                .new_tokens = f->prompt_tokens - (warm ? f->session.cached_tokens : 0),
                .max_tokens = f->request->max_tokens,
                .task = f->task,
                .queue = local ? state->queue : 0, /* a provider's is in its first token */
                .slots = b->slots,
                .rtt_ms = f->device.rtt_ms,
                .load = f->device.load,
            },
            &state->predicted);
    }
}

static int64_t budget_left(struct gateway *g, struct span client)
{
    const struct config *c = g->config;
    struct budget_limits limits = {c->usd_nano_per_day, c->usd_nano_per_month,
                                   c->usd_nano_per_key_per_day};
    if (!g->parts.page) {
        return -1;
    }
    return page_budget_left(g->parts.page, &limits, span_given(client) ? span_hash(client) : 0);
}

static void read_device(struct gateway *g, struct device_facts *out)
{
    struct fault fault;
    if (device_read(g->config->facts_override, out, &fault)) {
        LOG(LOG_WARN, "device", "%s", fault.text);
    }
    if (g->parts.page && page_offline(g->parts.page)) {
        out->network = NETWORK_OFFLINE;
        out->network_override = true;
    }
}

/* A proxy on this machine or in this house may lead out where no route does. */
static bool behind_proxy(void)
{
    return getenv("HTTPS_PROXY") || getenv("https_proxy") || getenv("ALL_PROXY") ||
           getenv("all_proxy");
}

/* A never_leave value that was said in this session keeps it home, also when the request no longer holds it. */
static void recall_taint(struct gateway *g, const struct request *r, struct facts *f)
{
    if (!g->parts.page || !span_given(r->options.session)) {
        return;
    }
    for (const char *const *type = g->config->never_leave; type && *type; type++) {
        bool here = false;
        for (int i = 0; i < f->findings_count && !here; i++) {
            here = strcmp(f->findings[i].type, *type) == 0;
        }
        if (!here && f->findings_count < FINDING_TYPES_MAX &&
            page_tainted(g->parts.page, taint_key(r->client, r->options.session, *type))) {
            f->findings[f->findings_count++] =
                (struct finding_count){.type = *type, .never_leave = true};
        }
    }
}

static void keep_taint(struct gateway *g, const struct request *r, const struct facts *f)
{
    for (int i = 0; g->parts.page && span_given(r->options.session) && i < f->findings_count; i++) {
        if (f->findings[i].never_leave) {
            page_taint(g->parts.page, taint_key(r->client, r->options.session, f->findings[i].type),
                       clock_wall_us());
        }
    }
}

static struct facts *gather(struct gateway *g, struct request *request)
{
    struct facts *f = ARENA_NEW(request->arena, struct facts);
    f->request = request;
    f->backends = ARENA_ARRAY(request->arena, struct backend_state, g->config->backends_count);
    router_read_request(request, f);
    privacy_scan_request(g->policy, g->config->scan_budget_ms, request, f);
    recall_taint(g, request, f);
    read_device(g, &f->device);
    bool no_network = f->device.network == NETWORK_OFFLINE;
    egress_set_offline(g->egress, no_network && f->device.network_override,
                       no_network && !f->device.network_override && !behind_proxy());
    for (int i = 0; i < g->config->backends_count; i++) {
        gateway_backend_state(g, &g->config->backends[i], &f->backends[i]);
    }
    sticky_recall(g->sticky, clock_now_us(), f);
    guard_look(g->guard, config_cap(g->config, request->client), f);
    predict(g, f);
    f->chance = rng_unit(&g->chances);
    f->budget_left_usd_nano = budget_left(g, request->client);
    f->share_score = quantile_threshold(&g->scores, g->config->cloud_share);
    f->share_confidence = quantile_threshold(&g->confidences, g->config->cloud_share);
    time_t now = (time_t)(request->wall_us / US_PER_S);
    struct tm local;
    localtime_r(&now, &local);
    f->hour = local.tm_hour;
    return f;
}

/* ---- answering ---- */

static void on_arena_freed(void *user)
{
    struct running *run = user;
    list_remove(&run->link);
    run->gateway->running--;
    config_unref(run->config);
}

/* Nothing may be tried: a receipt without legs, and the reason for the client. */
static void refuse(struct gateway *g, struct request *request, const struct facts *facts,
                   const struct decision *d, const struct sink_type *type, void *sink)
{
    struct receipt *r = ARENA_NEW(request->arena, struct receipt);
    *r = (struct receipt){
        .request = request,
        .decision = d,
        .facts = facts,
        .reason = span_given(d->reason) && d->reason.len ? d->reason : d->err_text,
        .confidence = -1,
        .degraded = d->degraded,
        .outcome =
            d->err == ERR_NO_BACKEND || d->err == ERR_OVERLOADED ? OUTCOME_FAILED : OUTCOME_REFUSED,
        .ttft_us = -1,
        .total_us = (int64_t)(clock_now_us() - request->received_us),
        .always_cloud_cost_usd_nano = USD_UNKNOWN,
        .hint = d->hint,
    };
    r->overhead_us = r->total_us;
    fault_set(&r->fault, d->err, "%.*s", SPAN_ARG(d->err_text));
    type->end(sink, r, NULL);
    keep_receipt(g, r);
    arena_free(request->arena);
}

/* Uses up the consent that came with the request. */
static void take_consent(struct gateway *g, struct request *request, struct facts *facts,
                         struct fault *fault)
{
    if (!span_given(request->options.consent)) {
        return;
    }
    struct consent *c = ARENA_NEW(request->arena, struct consent);
    enum err err = g->parts.page ? consent_take(g->parts.page, g->config, request->client,
                                                request->options.consent, c, fault)
                                 : fault_set(fault, ERR_POLICY, "nothing leaves here");
    facts->consent = err ? NULL : c;
}

struct flow *gateway_answer(struct gateway *g, struct request *request,
                            const struct sink_type *type, void *sink)
{
    struct facts *facts = gather(g, request);
    struct fault no_consent = {0};
    keep_taint(g, request, facts);
    take_consent(g, request, facts, &no_consent);
    struct decision *decision = ARENA_NEW(request->arena, struct decision);
    router_decide(g->router, facts, decision);
    if (no_consent.code && !decision->err) {
        decision->err = no_consent.code;
        decision->err_text = arena_printf(request->arena, "%s", no_consent.text);
    }
    struct running *run = ARENA_NEW(request->arena, struct running);
    *run = (struct running){.gateway = g, .config = config_ref(g->config)};
    list_append(&g->flows, &run->link);
    g->running++;
    if (g->running > 1) {
        g->crowded_us = clock_now_us();
    }
    arena_on_free(request->arena, on_arena_freed, run);
    const struct strategy *strategy =
        decision->err ? NULL : g->parts.strategy(span_c(decision->strategy));
    if (!decision->err && !strategy) {
        decision->err = ERR_INTERNAL;
        decision->err_text =
            arena_printf(request->arena, "no strategy named %s", decision->strategy);
    }
    if (decision->err) {
        refuse(g, request, facts, decision, type, sink);
        return NULL;
    }
    run->flow = flow_new(&g->host, request, facts, decision, strategy, type, sink);
    flow_start(run->flow);
    return run->flow;
}

static enum err preview(struct gateway *g, const struct request *request, const struct decision *d,
                        const struct backend *b, struct preview *out, struct fault *fault)
{
    struct text body;
    struct leg_options none = {0};
    text_init(&body, 64 * MIB);
    text_init(&out->body, 64 * MIB);
    enum err err = outbound_for(b->api)->encode(request, b, &none, &body, fault);
    err = err ? err : egress_preview(g->egress, request, d, b, text_span(&body), out, fault);
    text_done(&body);
    return err;
}

static enum err add_payload(struct gateway *g, struct request *request, const struct decision *d,
                            struct text *out, struct fault *fault)
{
    for (int i = 0; i < d->backends_count; i++) {
        const struct backend *b = d->backends[i];
        if (b->tier == TIER_DEVICE) {
            continue;
        }
        struct preview p = {0};
        enum err err = preview(g, request, d, b, &p, fault);
        text_add(out, text_span(&p.body));
        text_done(&p.body);
        return err;
    }
    return OK; /* every tier in the decision is the device: nothing would leave */
}

enum err gateway_payload(struct gateway *g, struct request *request, struct text *out,
                         struct fault *fault)
{
    struct facts *facts = gather(g, request);
    struct decision *decision = ARENA_NEW(request->arena, struct decision);
    router_decide(g->router, facts, decision);
    return decision->err ? fault_set(fault, decision->err, "%.*s", SPAN_ARG(decision->err_text))
                         : add_payload(g, request, decision, out, fault);
}

void gateway_explain(struct gateway *g, struct request *request, bool payload, struct text *out)
{
    struct facts *facts = gather(g, request);
    struct decision *decision = ARENA_NEW(request->arena, struct decision);
    router_decide(g->router, facts, decision);
    router_explain(g->router, facts, decision, out);
    if (!payload || out->len == 0) {
        return;
    }
    struct text body;
    text_init(&body, 64 * MIB);
    struct fault fault;
    enum err err = add_payload(g, request, decision, &body, &fault);
    text_truncate(out, out->len - 1); /* re-opens the object that router_explain closed */
    struct json_out w = json_out(out);
    w.comma = true;
    if (err) {
        json_put_null(&w, "payload");
        json_put_c(&w, "payload_refused", fault.text);
    } else {
        json_key(&w, "payload");
        body.len ? json_raw(&w, text_span(&body)) : json_null(&w);
    }
    json_end_object(&w);
    text_done(&body);
}

static int count_of(const struct redaction_count *counts, int n, const char *type)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(counts[i].type, type) == 0) {
            return counts[i].count;
        }
    }
    return 0;
}

static void write_consent(const struct consent *c, const struct facts *f, const struct preview *p,
                          struct text *out)
{
    struct json_out w = json_out(out);
    json_begin_object(&w);
    json_put_c(&w, "consent", c->id);
    json_put_int(&w, "expires_s", CONSENT_LIFE_S);
    json_put_c(&w, "backend", c->to->name);
    json_put_c(&w, "tier", tier_name(c->to->tier));
    json_put_c(&w, "model", c->to->model);
    json_put_int(&w, "bytes", (int64_t)p->body.len);
    json_key(&w, "types");
    json_begin_object(&w);
    for (int i = 0; i < f->findings_count; i++) {
        const struct finding_count *found = &f->findings[i];
        int replaced = count_of(p->redactions, p->redactions_count, found->type);
        json_key(&w, found->type);
        json_begin_object(&w);
        json_put_int(&w, "count", found->count);
        json_put_c(&w, "leaves", replaced ? "as a pseudonym" : "as it is");
        json_end_object(&w);
    }
    json_end_object(&w);
    json_end_object(&w);
}

/* The first way that the config leaves open and the router takes, to the model that was asked for. */
static bool find_way(struct gateway *g, struct facts *facts, struct decision *d)
{
    struct consent *c = ARENA_NEW(facts->request->arena, struct consent);
    for (int at = 0; consent_next(g->config, facts->request->client, &at, c);) {
        facts->consent = c;
        router_decide(g->router, facts, d);
        if (!d->err && d->consent == c) {
            return true;
        }
    }
    facts->consent = NULL;
    return false;
}

enum err gateway_consent(struct gateway *g, struct request *request, struct text *out,
                         struct fault *fault)
{
    struct facts *facts = gather(g, request);
    struct decision *plain = ARENA_NEW(request->arena, struct decision);
    struct decision *d = ARENA_NEW(request->arena, struct decision);
    router_decide(g->router, facts, plain);
    if (!plain->err && !plain->kept_rule) {
        text_add_c(out, "{\"consent\":null,\"why\":\"nothing keeps this request on the device\"}");
        return OK;
    }
    if (!g->parts.page || !find_way(g, facts, d)) {
        return fault_set(fault, ERR_POLICY,
                         "no entry of privacy.consent lets this request go%s%.*s",
                         plain->hint.len ? ". " : "", SPAN_ARG(plain->hint));
    }
    struct consent c = *d->consent;
    struct preview p = {0};
    enum err err = preview(g, request, d, c.to, &p, fault);
    err = err ? err : consent_issue(g->parts.page, request->client, text_span(&p.body), &c, fault);
    if (!err) {
        write_consent(&c, facts, &p, out);
    }
    text_done(&p.body);
    return err;
}

/* A device that loads its model is worth a moment's wait, or the first prompts would all go elsewhere. */
bool gateway_ready(struct gateway *g)
{
    bool any = false, starting = false;
    for (int i = 0; i < g->config->backends_count; i++) {
        struct backend_state s;
        const struct backend *b = &g->config->backends[i];
        gateway_backend_state(g, b, &s);
        any |= s.usable;
        starting |= b->tier == TIER_DEVICE && !s.usable && !s.dead;
    }
    return any && !(starting && clock_now_us() - g->started_us < STARTING_US);
}

void gateway_abandon(struct gateway *g)
{
    LIST_EACH (it, &g->flows) {
        struct running *run = CONTAINER_OF(it, struct running, link);
        if (run->flow) {
            flow_abandon(run->flow);
        }
    }
}
