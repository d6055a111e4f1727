/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: on_chat() reads the request, gives its arena to a flow, and
 * the sink (begin, delta, end) writes the answer.
 *
 * What can go wrong: the body is not valid (400 before any flow); the flow fails
 * before it showed anything (a JSON error with the fitting status); it fails in the
 * middle (an error event, no [DONE]); the client leaves (on_gone → flow_client_gone);
 * the client stops reading (pause until drained); a whole answer outgrows 8 MiB.
 */
#include "server/inference.h"

#include "base/clock.h"
#include "chat/dialect.h"

#include <stdio.h>
#include <string.h>

#define KEEPALIVE_US (10 * US_PER_S)
#define BACKLOG_PAUSE (256 * KIB)

struct inference {
    struct server *server;
    struct gateway *gateway;
    struct loop *loop;
};

/* One answer on its way out; in the request's arena. */
struct answer {
    struct inference *inference;
    struct call *call; /* NULL once answered or gone */
    struct flow *flow;
    const struct receipt *receipt; /* so far; from begin on */
    struct openai_answer wire;
    struct text events; /* SSE bytes of one delta */
    struct loop_timer keepalive;
    bool begun, paused, too_large;
};

/* ---- headers ---- */

static void add_name(struct headers *h, const char *name, const char *value)
{
    headers_add(h, span_c(name), span_c(value));
}

/* What is known before the first byte goes on every answer. */
static void add_receipt_headers(struct headers *h, const struct receipt *r, bool complete)
{
    const struct leg_receipt *author = r->author > 0 ? &r->legs[r->author - 1] : NULL;
    if (author) {
        add_name(h, "X-Weir-Tier", tier_name(author->backend->tier));
        add_name(h, "X-Weir-Backend", author->backend->name);
        headers_add(h, SPAN("X-Weir-Model"),
                    span_given(author->model) ? author->model : span_c(author->backend->model));
    }
    if (r->decision->strategy) {
        add_name(h, "X-Weir-Strategy", r->decision->strategy);
    }
    headers_add(h, SPAN("X-Weir-Reason"), span_given(r->reason) ? r->reason : SPAN(""));
    headers_add_int(h, "X-Weir-Redacted", receipt_redacted(r));
    if (r->degraded != DEGRADED_NO) {
        add_name(h, "X-Weir-Degraded", degraded_name(r->degraded));
    }
    if (!complete) {
        return;
    }
    if (r->confidence >= 0) {
        headers_addf(h, "X-Weir-Confidence", "%.4f", r->confidence);
    }
    if (r->cost_usd_nano >= 0) {
        headers_addf(h, "X-Weir-Cost-Usd", "%lld.%09lld", (long long)(r->cost_usd_nano / USD_NANO),
                     (long long)(r->cost_usd_nano % USD_NANO));
    }
    headers_add_int(h, "X-Weir-Overhead-Us", MAX(r->overhead_us, 0));
    headers_add_int(h, "OpenAI-Processing-Ms", MAX(r->total_us, 0) / 1000);
}

static void log_receipt(struct call *call, const struct receipt *r)
{
    const struct leg_receipt *author = r->author > 0 ? &r->legs[r->author - 1] : NULL;
    call_log(call, "outcome=%s tier=%s backend=%s legs=%d%s%s", outcome_name(r->outcome),
             author ? tier_name(author->backend->tier) : "none",
             author ? author->backend->name : "none", r->legs_count,
             r->degraded ? " degraded=" : "", r->degraded ? degraded_name(r->degraded) : "");
}

/* ---- the sink ---- */

static void write_events(struct answer *a)
{
    call_stream_write(a->call, text_span(&a->events));
    text_clear(&a->events);
    loop_timer_start(&a->keepalive, KEEPALIVE_US);
    if (!a->paused && a->flow && call_stream_backlog(a->call) > BACKLOG_PAUSE) {
        a->paused = true;
        flow_pause(a->flow, true);
    }
}

static void on_keepalive(void *user)
{
    struct answer *a = user;
    if (a->call) {
        text_add_c(&a->events, ": keepalive\n\n");
        write_events(a);
    }
}

static void sink_begin(void *sink, const struct receipt *r)
{
    struct answer *a = sink;
    a->receipt = r;
    if (!a->call || a->begun || !r->request->stream || r->fault.code) {
        return; /* a failure before the first byte is an ordinary error with its status */
    }
    a->begun = true;
    add_receipt_headers(call_headers(a->call), r, false);
    call_stream_begin(a->call, "text/event-stream; charset=utf-8");
    openai_stream_begin(&a->wire, r, &a->events);
    write_events(a);
}

static void sink_delta(void *sink, const struct delta *d)
{
    struct answer *a = sink;
    if (!a->call) {
        return;
    }
    if (!a->wire.request->stream) {
        a->too_large |= openai_collect(&a->wire, d) != OK;
        return;
    }
    openai_stream_delta(&a->wire, a->receipt, d, &a->events);
    write_events(a);
}

/* A device that loads its model answers soon: the SDKs wait and try again. */
static bool device_starting(const struct answer *a, const struct receipt *r)
{
    const struct config *c = gateway_config(a->inference->gateway);
    for (int i = 0; i < c->backends_count; i++) {
        const struct backend_state *s = &r->facts->backends[i];
        if (c->backends[i].tier == TIER_DEVICE && !s->usable && !s->dead && !s->busy) {
            return true;
        }
    }
    return false;
}

static void reply_failure(struct answer *a, const struct receipt *r)
{
    struct call *call = a->call;
    enum err err = r->fault.code ? r->fault.code : ERR_INTERNAL;
    const char *text = r->fault.text[0] ? r->fault.text : err_sentence(err);
    add_receipt_headers(call_headers(call), r, true);
    if (r->retry_after_ms > 0 && (err == ERR_RATE_LIMITED || err == ERR_UPSTREAM)) {
        headers_addf(call_headers(call), "Retry-After", "%lld",
                     (long long)(r->retry_after_ms + 999) / 1000);
    }
    if (err == ERR_NO_BACKEND && device_starting(a, r)) {
        headers_add(call_headers(call), SPAN("Retry-After"), SPAN("1"));
    }
    call_reply_error(call, err, NULL, text);
}

static void reply_whole(struct answer *a, const struct receipt *r, const struct leg_end *end)
{
    struct text body;
    text_init(&body, 64 * MIB);
    text_reserve(&body, 4 * KIB);
    openai_whole_end(&a->wire, r, end, &body);
    add_receipt_headers(call_headers(a->call), r, true);
    log_receipt(a->call, r);
    call_reply_json(a->call, 200, &body);
    text_done(&body);
}

static void sink_end(void *sink, const struct receipt *r, const struct leg_end *end)
{
    struct answer *a = sink;
    loop_timer_stop(&a->keepalive);
    if (!a->call) {
        return;
    }
    call_watch(a->call, NULL, NULL, NULL);
    if (a->begun) {
        openai_stream_end(&a->wire, r, end, &a->events);
        log_receipt(a->call, r);
        call_stream_write(a->call, text_span(&a->events));
        call_stream_end(a->call);
    } else if (r->fault.code) {
        reply_failure(a, r);
    } else if (r->request->stream) {
        sink_begin(a, r); /* an answer without a single byte of text */
        sink_end(a, r, end);
        return;
    } else if (a->too_large) {
        call_reply_error(a->call, ERR_UPSTREAM, NULL, "the answer is over 8 MiB; ask for a stream");
    } else {
        reply_whole(a, r, end);
    }
    a->call = NULL;
}

static void on_gone(void *user)
{
    struct answer *a = user;
    a->call = NULL;
    loop_timer_stop(&a->keepalive);
    if (a->flow) {
        flow_client_gone(a->flow);
    }
}

static void on_drained(void *user)
{
    struct answer *a = user;
    if (a->paused && a->flow) {
        a->paused = false;
        flow_pause(a->flow, false);
    }
}

static void answer_done(void *user)
{
    struct answer *a = user;
    loop_timer_done(&a->keepalive);
    openai_answer_done(&a->wire);
    text_done(&a->events);
}

static const struct sink_type openai_sink = {
    .begin = sink_begin, .delta = sink_delta, .end = sink_end};

/* ---- reading a request ---- */

/* `when: header` may look at every header but those that carry secrets. */
static const struct json *headers_as_json(struct arena *arena, const struct headers *headers)
{
    static const char *const secret[] = {"authorization", "x-api-key", "cookie",
                                         "proxy-authorization"};
    struct text t;
    text_init(&t, 256 * KIB);
    struct json_out w = json_out(&t);
    json_begin_object(&w);
    for (size_t i = 0; i < headers->count; i++) {
        char name[128];
        struct span n = headers->items[i].name;
        if (n.len >= sizeof name) {
            continue;
        }
        for (size_t k = 0; k < n.len; k++) {
            name[k] = n.data[k] >= 'A' && n.data[k] <= 'Z' ? (char)(n.data[k] + 32) : n.data[k];
        }
        name[n.len] = '\0';
        bool hide = false;
        for (size_t k = 0; k < ARRAY_LEN(secret); k++) {
            hide |= strcmp(secret[k], name) == 0;
        }
        if (!hide) {
            json_put(&w, name, headers->items[i].value);
        }
    }
    json_end_object(&w);
    const struct json *root = NULL;
    if (json_parse_in(arena, text_span(&t), &root, NULL)) {
        root = NULL; /* a header that is not UTF-8: rules then see none */
    }
    text_done(&t);
    return root;
}

static bool rules_read_headers(const struct config *c)
{
    for (int i = 0; i < c->rules_count; i++) {
        if (c->rules[i].when.header_names) {
            return true;
        }
    }
    return false;
}

struct request *inference_read(struct call *call, enum endpoint endpoint,
                               const struct config *config)
{
    const struct http_request *rq = call_request(call);
    struct arena *arena = call_arena(call);
    struct request *r = ARENA_NEW(arena, struct request);
    struct fault fault = {0};
    const char *param = NULL;
    enum err err = endpoint == ENDPOINT_CHAT
                       ? openai_decode_chat(arena, rq->body, r, &param, &fault)
                       : openai_decode_completion(arena, rq->body, r, &param, &fault);
    if (!err) {
        err = options_decode(r, &rq->headers, &param, &fault);
    }
    if (err) {
        call_reply_error(call, err, param, fault.text);
        return NULL;
    }
    r->arena = arena;
    memcpy(r->id, call_id(call), sizeof r->id);
    r->client = call_client(call);
    r->client_request_id = arena_copy(arena, headers_get(&rq->headers, "X-Client-Request-Id"));
    if (rules_read_headers(config)) {
        r->headers = headers_as_json(arena, &rq->headers);
    }
    r->body_bytes = rq->body.len;
    r->received_us = rq->received_us;
    r->wall_us = clock_wall_us();
    return r;
}

static void answer(struct inference *i, struct call *call, enum endpoint endpoint)
{
    const struct config *c = gateway_config(i->gateway);
    struct request *r = inference_read(call, endpoint, c);
    if (!r) {
        return;
    }
    r->options.disclose_model |= c->disclose != NULL;
    r->options.deterministic |= c->deterministic;
    struct answer *a = ARENA_NEW(r->arena, struct answer);
    a->inference = i;
    a->call = call;
    openai_answer_init(&a->wire, r);
    text_init(&a->events, 16 * MIB);
    loop_timer_init(&a->keepalive, i->loop, on_keepalive, a);
    arena_on_free(r->arena, answer_done, a);
    call_give_arena(call);
    call_watch(call, on_gone, on_drained, a);
    struct flow *flow = gateway_answer(i->gateway, r, &openai_sink, a);
    if (flow) { /* else `a` is gone already */
        a->flow = flow;
    }
}

static void on_chat(void *user, struct call *call)
{
    answer(user, call, ENDPOINT_CHAT);
}

static void on_completion(void *user, struct call *call)
{
    answer(user, call, ENDPOINT_COMPLETION);
}

/* ---- models ---- */

static void write_model(struct json_out *w, struct span id)
{
    json_begin_object(w);
    json_put(w, "id", id);
    json_put_c(w, "object", "model");
    json_put_int(w, "created",
                 1760000000); /* required by clients, means nothing here: a fixed date */
    json_put_c(w, "owned_by", "weir");
    json_end_object(w);
}

static bool tier_present(const struct config *c, enum tier t)
{
    for (int i = 0; i < c->backends_count; i++) {
        if (c->backends[i].tier == t) {
            return true;
        }
    }
    return false;
}

/* Calls `fn` for every model id: auto, the tiers that exist, the backends, the plain aliases. Backends may be
 * called like their tier: each id comes once. */
static void each_model(const struct config *c, void (*fn)(void *user, struct span id), void *user)
{
    fn(user, SPAN("auto"));
    for (int t = 0; t < TIER_COUNT; t++) {
        if (tier_present(c, (enum tier)t)) {
            fn(user, span_c(tier_name((enum tier)t)));
        }
    }
    for (int i = 0; i < c->backends_count; i++) {
        const struct backend *b = &c->backends[i];
        enum tier same;
        if (!tier_from(span_c(b->name), &same) || !tier_present(c, same)) {
            fn(user, span_c(b->name));
        }
        for (const char *const *alias = b->aliases; alias && *alias; alias++) {
            if (!strchr(*alias, '*')) {
                fn(user, span_c(*alias));
            }
        }
    }
}

static void list_one(void *user, struct span id)
{
    write_model(user, id);
}

static void on_models(void *user, struct call *call)
{
    struct inference *i = user;
    struct text body;
    text_init(&body, MIB);
    struct json_out w = json_out(&body);
    json_begin_object(&w);
    json_put_c(&w, "object", "list");
    json_key(&w, "data");
    json_begin_array(&w);
    each_model(gateway_config(i->gateway), list_one, &w);
    json_end_array(&w);
    json_end_object(&w);
    call_reply_json(call, 200, &body);
    text_done(&body);
}

struct wanted {
    struct span id;
    bool found;
};

static void match_one(void *user, struct span id)
{
    struct wanted *wanted = user;
    wanted->found |= span_eq(wanted->id, id);
}

static void on_model(void *user, struct call *call)
{
    struct inference *i = user;
    struct wanted wanted = {.id = call_rest(call)};
    each_model(gateway_config(i->gateway), match_one, &wanted);
    if (!wanted.found) {
        call_reply_error(call, ERR_MODEL_NOT_FOUND, "model",
                         "there is no such model; GET /v1/models lists them");
        return;
    }
    struct text body;
    text_init(&body, 64 * KIB);
    struct json_out w = json_out(&body);
    write_model(&w, wanted.id);
    call_reply_json(call, 200, &body);
    text_done(&body);
}

static const struct route routes[] = {
    {"POST", "/v1/chat/completions", 0, on_chat},
    {"POST", "/v1/completions", 0, on_completion},
    {"GET", "/v1/models", 0, on_models},
    {"GET", "/v1/models/", ROUTE_REST, on_model},
};

struct inference *inference_new(struct server *s, struct gateway *g, struct loop *loop)
{
    struct inference *i = NEW(struct inference);
    *i = (struct inference){.server = s, .gateway = g, .loop = loop};
    server_routes(s, routes, ARRAY_LEN(routes), i);
    return i;
}

void inference_free(struct inference *i)
{
    mem_free(i);
}
