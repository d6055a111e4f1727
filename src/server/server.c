/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: on_request() makes a call, admit() lets it in, the route's
 * handler answers it, end_call() logs it and frees its arena.
 *
 * What can go wrong: a foreign Host or Origin (403), a missing or wrong key (401),
 * an unknown path (404) or method (405): each answered here. The client may leave
 * at any time: on_gone() tells the handler once, then ends the call.
 */
#include "server/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "chat/dialect.h"

#include <stdio.h>
#include <string.h>

#define ROUTE_TABLES_MAX 4

struct route_table {
    const struct route *routes;
    size_t count;
    void *user;
};

struct server {
    struct loop *loop;
    struct http_server *http;
    struct page *page;
    int worker;
    struct config *config;
    struct keys *keys;
    struct route_table tables[ROUTE_TABLES_MAX];
    size_t tables_count;
};

struct call {
    struct server *server;
    struct http_exchange *exchange;
    const struct http_request *request;
    struct arena *arena;
    bool arena_given;
    bool quiet;
    char id[REQUEST_ID_BYTES];
    struct span client;
    bool admin;
    struct span rest;
    struct headers headers;
    struct span method, path; /* copies for the log line: the exchange is gone by then */
    struct span log_words;
    int status;
    uint64_t started_us;
    http_gone_fn *gone;
    http_drained_fn *drained;
    void *watcher;
};

/* ---- the end of a call ---- */

static void end_call(struct call *call)
{
    LOG(call->quiet ? LOG_DEBUG : LOG_INFO, "http", "%s %.*s %.*s %d %s%.*s%s%.*s %llu us",
        call->id, SPAN_ARG(call->method), SPAN_ARG(call->path), call->status,
        span_given(call->client) ? "client=" : "", SPAN_ARG(call->client),
        span_given(call->client) ? " " : "", SPAN_ARG(call->log_words),
        (unsigned long long)(clock_now_us() - call->started_us));
    if (call->status >= 400) {
        page_count(call->server->page, call->server->worker, METRIC_HTTP_ERRORS, 1);
    }
    if (!call->arena_given) {
        arena_free(call->arena);
    }
}

static void on_gone(void *user)
{
    struct call *call = user;
    call->status = call->status ? call->status : 499;
    if (call->gone) {
        call->gone(call->watcher);
    }
    end_call(call);
}

static void on_drained(void *user)
{
    struct call *call = user;
    if (call->drained) {
        call->drained(call->watcher);
    }
}

/* ---- what handlers use ---- */

struct arena *call_arena(struct call *call)
{
    return call->arena;
}

void call_give_arena(struct call *call)
{
    call->arena_given = true;
}

const char *call_id(const struct call *call)
{
    return call->id;
}

struct span call_client(const struct call *call)
{
    return call->client;
}

bool call_admin(const struct call *call)
{
    return call->admin;
}

struct span call_scope(const struct call *call)
{
    return call->admin ? SPAN_NONE : call->client;
}

const struct http_request *call_request(const struct call *call)
{
    return call->request;
}

struct span call_rest(const struct call *call)
{
    return call->rest;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static struct span decode_percent(struct arena *a, struct span s)
{
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int high, low;
        if (s.data[i] == '%' && i + 2 < s.len && (high = hex_digit(s.data[i + 1])) >= 0 &&
            (low = hex_digit(s.data[i + 2])) >= 0) {
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = s.data[i] == '+' ? ' ' : s.data[i];
        }
    }
    return span_of(out, n);
}

struct span call_query(const struct call *call, const char *name)
{
    struct span rest = call->request->query;
    while (rest.len) {
        struct span pair = span_cut(&rest, '&');
        struct span key = span_cut(&pair, '=');
        if (span_is(key, name)) {
            return decode_percent(call->arena, pair);
        }
    }
    return SPAN_NONE;
}

struct headers *call_headers(struct call *call)
{
    return &call->headers;
}

void call_log(struct call *call, const char *format, ...)
{
    char words[200];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(words, sizeof words, format, args);
    va_end(args);
    call->log_words =
        arena_copy(call->arena, span_of(words, MIN((size_t)MAX(n, 0), sizeof words - 1)));
}

void call_reply(struct call *call, int status, const char *content_type, struct span body)
{
    headers_add(&call->headers, SPAN("Content-Type"), span_c(content_type));
    call->status = status;
    http_answer(call->exchange, status, &call->headers, body);
    end_call(call);
}

void call_reply_json(struct call *call, int status, const struct text *body)
{
    if (body->overflow) {
        call_reply_error(call, ERR_INTERNAL, NULL, "the answer is too large to send");
        return;
    }
    call_reply(call, status, "application/json", text_span(body));
}

void call_reply_error(struct call *call, enum err err, const char *param, const char *text)
{
    struct text body;
    text_init(&body, 64 * KIB);
    openai_error_body(err, text, param, &body);
    text_add_c(&body, "\n");
    if (err == ERR_BUDGET ||
        err == ERR_POLICY) { /* a retry cannot help: the SDKs would try three times */
        headers_add(&call->headers, SPAN("X-Should-Retry"), SPAN("false"));
    } else if (err == ERR_OVERLOADED) {
        headers_add(&call->headers, SPAN("Retry-After"), SPAN("1"));
    } else if (err == ERR_UNAUTHORIZED) {
        headers_add(&call->headers, SPAN("WWW-Authenticate"), SPAN("Bearer"));
    }
    call_log(call, "error=%s", err_code(err));
    call_reply(call, err_http_status(err), "application/json", text_span(&body));
    text_done(&body);
}

void call_watch(struct call *call, http_gone_fn *gone, http_drained_fn *drained, void *user)
{
    call->gone = gone;
    call->drained = drained;
    call->watcher = user;
}

void call_stream_begin(struct call *call, const char *content_type)
{
    headers_add(&call->headers, SPAN("Content-Type"), span_c(content_type));
    headers_add(&call->headers, SPAN("Cache-Control"), SPAN("no-cache"));
    headers_add(&call->headers, SPAN("X-Accel-Buffering"), SPAN("no"));
    call->status = 200;
    http_answer_begin(call->exchange, 200, &call->headers);
}

void call_stream_write(struct call *call, struct span bytes)
{
    http_answer_write(call->exchange, bytes);
}

void call_stream_end(struct call *call)
{
    http_answer_end(call->exchange);
    end_call(call);
}

void call_stream_cut(struct call *call)
{
    http_answer_cut(call->exchange);
    end_call(call);
}

size_t call_stream_backlog(const struct call *call)
{
    return http_answer_backlog(call->exchange);
}

/* ---- who may come in ---- */

/* The host part of "host:port", "[::1]:port". */
static struct span host_name(struct span host)
{
    if (host.len && host.data[0] == '[') {
        size_t end = span_find_char(host, ']', 0);
        return end == SIZE_MAX ? host : span_first(host, end + 1);
    }
    return span_first(host, MIN(span_find_char(host, ':', 0), host.len));
}

static bool is_ipv4(struct span s)
{
    int dots = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '.') {
            dots++;
        } else if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
    }
    return dots == 3 && s.len <= 15;
}

static bool is_loopback_name(struct span name)
{
    return span_eq_nocase(name, SPAN("localhost")) || span_is(name, "[::1]") ||
           (span_starts(name, SPAN("127.")) && is_ipv4(name));
}

static bool listed(const char *const *list, struct span name)
{
    for (; list && *list; list++) {
        if (span_eq_nocase(name, span_c(*list))) {
            return true;
        }
    }
    return false;
}

/*
 * A page on evil.example whose name resolves to 127.0.0.1 reaches us with its own
 * name in Host. Names that cannot be rebound are fine: loopback names, addresses, and
 * what the config lists.
 */
static bool host_allowed(const struct server *s, const struct http_request *rq)
{
    struct span host = headers_get(&rq->headers, "Host");
    if (rq->peer.is_unix || !span_given(host)) {
        return true; /* HTTP/1.0 without Host: no browser */
    }
    struct span name = host_name(span_trim(host));
    bool address = is_ipv4(name) || (name.len && name.data[0] == '[');
    return is_loopback_name(name) || address || listed(s->config->allow_hosts, name) ||
           listed(s->config->allow_hosts, host);
}

static bool origin_allowed(const struct server *s, struct span origin)
{
    struct span rest = origin;
    if (listed(s->config->allow_origins, origin)) {
        return true;
    }
    if (span_starts(rest, SPAN("http://"))) {
        rest = span_from(rest, 7);
    } else if (span_starts(rest, SPAN("https://"))) {
        rest = span_from(rest, 8);
    } else {
        return false; /* "null", file:, extensions */
    }
    return is_loopback_name(host_name(rest));
}

static void add_cors(struct call *call, struct span origin)
{
    struct headers *h = &call->headers;
    headers_add(h, SPAN("Access-Control-Allow-Origin"), origin);
    headers_add(h, SPAN("Vary"), SPAN("Origin"));
    headers_add(
        h, SPAN("Access-Control-Expose-Headers"),
        SPAN("x-request-id, x-client-request-id, x-weir-tier, x-weir-backend, x-weir-model, "
             "x-weir-strategy, x-weir-reason, x-weir-confidence, x-weir-cost-usd, "
             "x-weir-degraded, x-weir-redacted, x-weir-overhead-us, openai-processing-ms, "
             "retry-after, x-should-retry"));
}

static void answer_preflight(struct call *call)
{
    struct headers *h = &call->headers;
    headers_add(h, SPAN("Access-Control-Allow-Methods"), SPAN("GET, POST, DELETE, OPTIONS"));
    struct span asked = headers_get(&call->request->headers, "Access-Control-Request-Headers");
    /* Origin was checked, so what it wants to send may be sent: Authorization, x-stainless-*, X-Weir-*. */
    headers_add(h, SPAN("Access-Control-Allow-Headers"),
                span_given(asked) ? asked : SPAN("Authorization, Content-Type"));
    headers_add(h, SPAN("Access-Control-Max-Age"), SPAN("600"));
    call->status = 204;
    http_answer(call->exchange, 204, h, SPAN(""));
    end_call(call);
}

static struct span presented_key(const struct http_request *rq)
{
    struct span auth = headers_get(&rq->headers, "Authorization");
    if (span_given(auth) && span_starts_nocase(auth, SPAN("Bearer "))) {
        return span_trim(span_from(auth, 7));
    }
    return headers_get(&rq->headers, "x-api-key");
}

static bool key_allowed(struct call *call, int flags)
{
    struct server *s = call->server;
    if (!s->keys) {
        call->admin = true;
        return true;
    }
    const char *name;
    bool admin;
    struct span key = presented_key(call->request);
    if (span_given(key) && keys_check(s->keys, key, &name, &admin)) {
        call->client = arena_copy(call->arena, span_c(name));
        call->admin = admin;
        return true;
    }
    return flags & ROUTE_OPEN;
}

/* ---- routing ---- */

static struct span plain_path(struct span path)
{
    while (path.len > 1 && path.data[path.len - 1] == '/') {
        path.len--;
    }
    return path;
}

static bool route_matches(const struct route *route, struct span path, struct span *out_rest)
{
    struct span pattern = span_c(route->path);
    for (int round = 0; round < 2; round++) {
        if (route->flags & ROUTE_REST) {
            if (span_starts(path, pattern) && path.len > pattern.len) {
                *out_rest = span_from(path, pattern.len);
                return true;
            }
        } else if (span_eq(path, pattern)) {
            return true;
        }
        if (!span_starts(pattern, SPAN("/v1/"))) {
            return false;
        }
        pattern = span_from(pattern, 3);
    }
    return false;
}

static void dispatch(struct call *call)
{
    struct server *s = call->server;
    struct span path = plain_path(call->request->path);
    bool path_known = false;
    for (size_t t = 0; t < s->tables_count; t++) {
        for (size_t i = 0; i < s->tables[t].count; i++) {
            const struct route *route = &s->tables[t].routes[i];
            if (!route_matches(route, path, &call->rest)) {
                continue;
            }
            path_known = true;
            call->quiet = route->flags & ROUTE_QUIET;
            struct span method = call->request->method;
            bool head = span_is(method, "HEAD") && strcmp(route->method, "GET") == 0;
            if (!head && !span_is(method, route->method)) {
                continue;
            }
            if (!key_allowed(call, route->flags)) {
                call_reply_error(call, ERR_UNAUTHORIZED, NULL,
                                 "a valid API key is needed: Authorization: Bearer KEY (make one "
                                 "with `weir keys add NAME`)");
            } else if ((route->flags & ROUTE_ADMIN) && !call->admin) {
                call_reply_error(call, ERR_POLICY, NULL, "only an admin key may do this");
            } else {
                route->fn(s->tables[t].user, call);
            }
            return;
        }
    }
    if (path_known) {
        call_reply_error(call, ERR_METHOD, NULL, "this path does not take that method");
    } else {
        call_reply_error(call, ERR_NOT_FOUND, NULL,
                         "there is nothing here; chat is at POST /v1/chat/completions");
    }
}

static void on_request(void *user, struct http_exchange *x, const struct http_request *rq)
{
    struct server *s = user;
    struct arena *arena = arena_new();
    struct call *call = ARENA_NEW(arena, struct call);
    *call = (struct call){
        .server = s,
        .exchange = x,
        .request = rq,
        .arena = arena,
        .client = SPAN_NONE,
        .rest = SPAN_NONE,
        .method = arena_copy(arena, rq->method),
        .path = arena_copy(arena, span_first(rq->path, 200)),
        .log_words = SPAN_NONE,
        .started_us = rq->received_us,
    };
    rng_request_id(call->id);
    headers_init(&call->headers, arena);
    headers_add(&call->headers, SPAN("X-Request-Id"), span_c(call->id));
    struct span client_id = headers_get(&rq->headers, "X-Client-Request-Id");
    if (span_given(client_id) && client_id.len <= 200) {
        headers_add(&call->headers, SPAN("X-Client-Request-Id"), client_id);
    }
    http_exchange_watch(x, on_gone, on_drained, call);
    struct span origin = headers_get(&rq->headers, "Origin");
    if (!host_allowed(s, rq)) {
        call_reply_error(call, ERR_POLICY, NULL,
                         "this Host is not allowed; list it under http.allow_hosts in the config");
        return;
    }
    if (span_given(origin)) {
        if (!origin_allowed(s, origin)) {
            call_reply_error(
                call, ERR_POLICY, NULL,
                "this Origin is not allowed; list it under http.allow_origins in the config");
            return;
        }
        add_cors(call, origin);
    }
    if (span_is(rq->method, "OPTIONS")) {
        answer_preflight(call);
        return;
    }
    dispatch(call);
}

/* An error that the HTTP layer answers before there is a call (bad framing, limits). */
static void error_body(void *user, enum err err, const char *text, struct headers *headers,
                       struct text *body)
{
    struct server *s = user;
    char id[REQUEST_ID_BYTES];
    rng_request_id(id);
    headers_add(headers, SPAN("X-Request-Id"), span_c(id));
    headers_add(headers, SPAN("Content-Type"), SPAN("application/json"));
    openai_error_body(err, text, NULL, body);
    LOG(LOG_INFO, "http", "%s rejected: %s", id, text);
    page_count(s->page, s->worker, METRIC_HTTP_ERRORS, 1);
}

/* ---- life ---- */

struct server *server_new(struct loop *loop, struct page *page, int worker)
{
    static const struct http_server_type type = {.on_request = on_request,
                                                 .error_body = error_body};
    struct server *s = NEW(struct server);
    s->loop = loop;
    s->page = page;
    s->worker = worker;
    s->http = http_server_new(loop, &(struct http_server_options){0}, &type, s);
    return s;
}

void server_free(struct server *s)
{
    if (!s) {
        return;
    }
    http_server_free(s->http);
    keys_free(s->keys);
    config_unref(s->config);
    mem_free(s);
}

void server_listen(struct server *s, int listener_fd)
{
    http_server_listen(s->http, listener_fd);
}

void server_drain(struct server *s, loop_fn *drained, void *user)
{
    http_server_drain(s->http, drained, user);
}

void server_routes(struct server *s, const struct route *routes, size_t count, void *user)
{
    ASSERT(s->tables_count < ROUTE_TABLES_MAX);
    s->tables[s->tables_count++] = (struct route_table){routes, count, user};
}

void server_configure(struct server *s, struct config *c, struct keys *keys)
{
    struct config *old = s->config;
    s->config = config_ref(c);
    config_unref(old);
    keys_free(s->keys);
    s->keys = keys;
}
