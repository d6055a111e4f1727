/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver inside a real flow, against a real server that misbehaves, over plain
 * sockets and over TLS. Only strategy, gate and sink are the test's own: one leg,
 * an open door, and a note of what was shown.
 */
#include "upstream/upstream.h"

#include "base/clock.h"
#include "flow/flow.h"
#include "support/bad_upstream.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct bad_upstream *server;
static char ca_file[] = "/tmp/weir-upstream-test-XXXXXX";

/* ---- a world with one leg ---- */

struct world {
    struct loop *loop;
    struct upstream *upstream;
    struct flow_host host;
    struct driver driver;
    struct backend backend;
    struct request *request;
    struct flow *flow;
    struct text shown;
    struct leg_end end;
    char end_text[512];
    char model[128];
    bool over, first_byte;
    int settled;
    uint64_t first_shown_us;
};

static struct world *the_world; /* strategies have no user pointer */

struct flow_timer {
    struct loop_timer timer;
    void (*fn)(void *arg);
    void *arg;
};

static uint64_t now_us(void *user)
{
    (void)user;
    return clock_now_us();
}

static void timer_fired(void *user)
{
    struct flow_timer *t = user;
    void (*fn)(void *arg) = t->fn;
    void *arg = t->arg;
    loop_timer_done(&t->timer);
    mem_free(t);
    fn(arg);
}

static struct flow_timer *timer_start(void *user, uint64_t delay_us, void (*fn)(void *arg),
                                      void *arg)
{
    struct world *w = user;
    struct flow_timer *t = NEW(struct flow_timer);
    *t = (struct flow_timer){.fn = fn, .arg = arg};
    loop_timer_init(&t->timer, w->loop, timer_fired, t);
    loop_timer_start(&t->timer, delay_us);
    return t;
}

static void timer_stop(void *user, struct flow_timer *t)
{
    (void)user;
    loop_timer_done(&t->timer);
    mem_free(t);
}

static const struct driver *driver_of(void *user, const struct backend *backend)
{
    (void)backend;
    return &((struct world *)user)->driver;
}

static void admit(void *gate, struct leg *leg, struct span body)
{
    (void)gate;
    leg_admitted(leg, &(struct admission){.body = body});
}

static void forget(void *gate, struct leg *leg)
{
    (void)gate;
    (void)leg;
}

static void settle(void *gate, struct leg *leg, const struct leg_end *end, int64_t left_bytes)
{
    (void)leg;
    (void)end;
    (void)left_bytes;
    ((struct world *)gate)->settled++;
}

static const struct gate_type open_door = {"open", admit, forget, settle};

static void leg_ended(void *user, const struct leg *leg, const struct leg_receipt *lr,
                      const struct leg_end *end)
{
    struct world *w = user;
    (void)leg;
    (void)lr;
    w->end = *end;
    snprintf(w->end_text, sizeof w->end_text, "%.*s", SPAN_ARG(end->text));
    snprintf(w->model, sizeof w->model, "%.*s", SPAN_ARG(end->model));
}

static void sink_begin(void *sink, const struct receipt *r)
{
    (void)sink;
    (void)r;
}

static void sink_delta(void *sink, const struct delta *d)
{
    struct world *w = sink;
    if (!w->first_shown_us) {
        w->first_shown_us = clock_now_us();
    }
    if (d->kind == DELTA_TOOL_CALL) {
        text_addf(&w->shown, "[%.*s%.*s]", SPAN_ARG(d->tool_name), SPAN_ARG(d->text));
    } else {
        text_add(&w->shown, d->text);
    }
}

static void sink_end(void *sink, const struct receipt *r, const struct leg_end *end)
{
    (void)r;
    (void)end;
    ((struct world *)sink)->over = true;
}

static const struct sink_type notes = {sink_begin, sink_delta, sink_end};

static void one_leg(void *state, struct flow *f, const struct event *ev)
{
    int *author = state;
    if (ev->kind == EV_BEGIN) {
        flow_open(f, flow_decision(f)->backends[0], &(struct leg_options){.prefix = SPAN_NONE});
    } else if (ev->kind == EV_FIRST_BYTE) {
        the_world->first_byte = true;
    } else if (ev->kind == EV_DELTA) {
        if (!*author) {
            flow_author(f, *author = ev->leg);
        }
        flow_emit(f, ev->u.delta);
    } else if (ev->kind == EV_END) {
        if (ev->u.end->outcome != LEG_OK) {
            flow_fail(f, ev->u.end->err, "%.*s", SPAN_ARG(ev->u.end->text));
        }
        flow_answer_done(f, ev->u.end->outcome == LEG_OK ? OUTCOME_OK : OUTCOME_FAILED);
        flow_finish(f);
    }
}

static const struct strategy strategy_one_leg = {"one-leg", sizeof(int), one_leg};

static void world_init(struct world *w)
{
    *w = (struct world){.loop = loop_new()};
    the_world = w;
    w->upstream = upstream_new(w->loop, ca_file);
    w->driver = (struct driver){&upstream_driver, w->upstream};
    w->host = (struct flow_host){.user = w,
                                 .now_us = now_us,
                                 .timer_start = timer_start,
                                 .timer_stop = timer_stop,
                                 .driver = driver_of,
                                 .gate = &open_door,
                                 .gate_self = w,
                                 .leg_ended = leg_ended};
    text_init(&w->shown, 64 * MIB);
    w->backend = (struct backend){.name = "cloud",
                                  .tier = TIER_CLOUD,
                                  .api = API_OPENAI,
                                  .key = "sk-test-key",
                                  .timeout = {2000, 250, 250, 600},
                                  .max_output_tokens = 100};
}

static void world_done(struct world *w)
{
    upstream_free(w->upstream);
    loop_free(w->loop);
    text_done(&w->shown);
}

static void begin(struct world *w, const char *url, const char *model)
{
    struct arena *arena = arena_new();
    struct request *r = ARENA_NEW(arena, struct request);
    struct decision *d = ARENA_NEW(arena, struct decision);
    struct facts *facts = ARENA_NEW(arena, struct facts);
    w->backend.url = url;
    w->backend.model = model;
    struct fault fault = {0};
    if (upstream_prepare(w->upstream, &w->backend, &fault)) {
        fail_msg("%s", fault.text);
    }
    *r = (struct request){
        .arena = arena, .n = 1, .id = "req_01JABCDEFGHJKMNPQRSTVWXYZ0", .model = SPAN("auto")};
    r->received_us = clock_now_us();
    assert_int_equal(
        json_parse_in(arena, SPAN("{\"messages\":[{\"role\":\"user\",\"content\":\"canary-7\"}]}"),
                      &r->body, NULL),
        OK);
    r->messages = json_get(r->body, "messages");
    *d =
        (struct decision){.strategy = "one-leg", .backends_count = 1, .threshold = -1, .score = -1};
    d->backends[0] = &w->backend;
    text_clear(&w->shown);
    w->over = w->first_byte = false;
    w->settled = 0;
    w->first_shown_us = 0;
    w->end = (struct leg_end){0};
    w->request = r;
    w->flow = flow_new(&w->host, r, facts, d, &strategy_one_leg, &notes, w);
    flow_start(w->flow);
}

static void run_until_over(struct world *w, unsigned ms)
{
    uint64_t until = clock_now_us() + (uint64_t)ms * US_PER_MS;
    while (!w->over && clock_now_us() < until) {
        loop_run_once(w->loop, 20 * US_PER_MS);
    }
    loop_run_once(w->loop, 0);
    if (!w->over) {
        fail_msg("no end after %u ms", ms);
    }
}

enum over { PLAIN, TLS, H2, OVER_COUNT };
static const char *const over_names[] = {"plain", "tls", "http/2"};

static const char *url_of(enum over over, char out[64])
{
    int ports[] = {bad_upstream_port(server), bad_upstream_tls_port(server),
                   bad_upstream_h2_port(server)};
    snprintf(out, 64, "%s://127.0.0.1:%d/v1", over == PLAIN ? "http" : "https", ports[over]);
    return out;
}

static void ask(struct world *w, enum over over, const char *script)
{
    char url[64];
    bad_upstream_reset(server);
    begin(w, url_of(over, url), script);
    run_until_over(w, 10000);
}

/* ---- what each misbehaviour becomes ---- */

struct cell {
    const char *script;
    enum leg_outcome outcome;
    enum err err;
    const char *shown, *said;
    bool retryable, may_be_billed;
    int status;
};

#define WORDS "one two three"

static const struct cell cells[] = {
    {"ok", LEG_OK, OK, WORDS, "", false, true, 200},
    {"whole", LEG_OK, OK, WORDS, "", false, true, 200},
    {"no-done", LEG_OK, OK, WORDS, "", false, true, 200},
    {"done-open", LEG_OK, OK, WORDS, "", false, true, 200},
    {"no-usage", LEG_OK, OK, WORDS, "", false, true, 200},
    {"usage-twice", LEG_OK, OK, "w1 w2 w3 ", "", false, true, 200},
    {"tools", LEG_OK, OK, "[f][{\"a\":1}]", "", false, true, 200},
    {"interim", LEG_OK, OK, WORDS, "", false, true, 200},
    {"hang", LEG_TIMEOUT, ERR_DEADLINE, "", "no first token", false, true, 0},
    {"stall-first", LEG_TIMEOUT, ERR_DEADLINE, "", "no first token", false, true, 200},
    {"drip", LEG_TIMEOUT, ERR_DEADLINE, "", "no first token", false, true, 200},
    {"comments", LEG_TIMEOUT, ERR_DEADLINE, "", "no first token", false, true, 200},
    {"stall", LEG_TIMEOUT, ERR_DEADLINE, WORDS, "fell silent", false, true, 200},
    {"drip-late", LEG_TIMEOUT, ERR_DEADLINE, "one ", "not complete within 600 ms", false, true,
     200},
    {"500", LEG_ERROR, ERR_UPSTREAM, "",
     "the provider failed (status 500): “The server had an error”", true, true, 500},
    {"503", LEG_ERROR, ERR_UPSTREAM, "", "overloaded (status 503)", true, false, 503},
    {"429", LEG_ERROR, ERR_RATE_LIMITED, "", "limits the rate (status 429): “Rate limit reached",
     true, false, 429},
    {"401", LEG_ERROR, ERR_UPSTREAM, "",
     "refused the key (status 401): “Incorrect API key provided: [key]. See [address].”", false,
     false, 401},
    {"403", LEG_ERROR, ERR_UPSTREAM, "", "refused the key (status 403): “forbidden”", false, false,
     403},
    {"400", LEG_ERROR, ERR_INVALID, "", "'temperature' is out of range", false, false, 400},
    {"404", LEG_ERROR, ERR_UPSTREAM, "", "The model does not exist", false, false, 404},
    {"302", LEG_ERROR, ERR_UPSTREAM, "", "redirects", false, false, 302},
    {"context", LEG_ERROR, ERR_CONTEXT_LENGTH, "", "8192 tokens", false, false, 400},
    {"html", LEG_ERROR, ERR_UPSTREAM, "", "an HTML page", false, true, 200},
    {"html-502", LEG_ERROR, ERR_UPSTREAM, "", "(status 502): an HTML page", true, true, 502},
    {"malformed", LEG_ERROR, ERR_UPSTREAM, "", "broken data", false, true, 200},
    {"truncated", LEG_ERROR, ERR_UPSTREAM, "", "broken data", false, true, 200},
    {"short", LEG_ERROR, ERR_UPSTREAM, "", "cut off", false, true, 200},
    {"cut", LEG_ERROR, ERR_UPSTREAM, WORDS, "cut off", false, true, 200},
    {"cut-first", LEG_ERROR, ERR_UPSTREAM, "", "cut off", false, true, 200},
    {"cut-clean", LEG_ERROR, ERR_UPSTREAM, WORDS, "broke off", false, true, 200},
    {"cut-done", LEG_ERROR, ERR_UPSTREAM, WORDS, "broke off", false, true, 200},
    {"garbage", LEG_ERROR, ERR_UPSTREAM, WORDS, "broken data", false, true, 200},
    {"garbage-first", LEG_ERROR, ERR_UPSTREAM, "", "broken data", false, true, 200},
    {"utf8", LEG_ERROR, ERR_UPSTREAM, WORDS, "broken data", false, true, 200},
    {"error", LEG_ERROR, ERR_UPSTREAM, WORDS, "The engine is gone", false, true, 200},
    {"error-first", LEG_ERROR, ERR_UPSTREAM, "", "The engine is gone", false, true, 200},
    {"big", LEG_ERROR, ERR_UPSTREAM, "", "larger than 8 MiB", false, true, 200},
    {"big-error", LEG_ERROR, ERR_UPSTREAM, "", "(status 500)", true, true, 500},
    {"big-event", LEG_ERROR, ERR_UPSTREAM, "", "larger than 8 MiB", false, true, 200},
    {"close", LEG_ERROR, ERR_UPSTREAM, "", "without an answer", false, true, 0},
    {"reset", LEG_ERROR, ERR_UPSTREAM, "", "without an answer", false, true, 0},
    {"not-http", LEG_ERROR, ERR_UPSTREAM, "", "", false, true, 0},
    {"header-flood", LEG_ERROR, ERR_UPSTREAM, "", "", false, true, 0},
};

/* Raw bytes of HTTP/1.1, or too many for a server without flow control. */
static bool only_http_1(const char *script)
{
    static const char *const names[] = {"interim", "not-http",  "header-flood",
                                        "big",     "big-error", "big-event"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(script, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void check_cell(struct world *w, enum over over, const struct cell *c)
{
    bool big =
        strncmp(c->script, "big", 3) == 0; /* 8 MiB through a sanitizer build take their time */
    w->backend.timeout =
        (struct timeouts){2000, big ? 9000 : 250, big ? 9000 : 250, big ? 9000 : 600};
    ask(w, over, c->script);
    bool right = w->end.outcome == c->outcome && w->end.err == c->err &&
                 strstr(w->end_text, c->said) && w->end.retryable == c->retryable &&
                 w->end.may_be_billed == c->may_be_billed && w->end.http_status == c->status &&
                 !w->end.offline && span_is(text_span(&w->shown), c->shown) &&
                 (c->outcome == LEG_OK || w->end_text[0]) && w->settled == 1 &&
                 bad_upstream_requests(server) == 1;
    if (!right) {
        fail_msg("%s over %s: %s, %s, \"%s\", shown \"%.60s\", status %d%s%s, %d requests",
                 c->script, over_names[over], leg_outcome_name(w->end.outcome),
                 err_code(w->end.err), w->end_text, w->shown.data ? w->shown.data : "",
                 w->end.http_status, w->end.retryable ? ", retryable" : "",
                 w->end.may_be_billed ? ", billed" : "", bad_upstream_requests(server));
    }
}

static void every_misbehaviour_has_its_outcome(enum over over)
{
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        if (over != H2 || !only_http_1(cells[i].script)) {
            check_cell(&w, over, &cells[i]);
        }
    }
    world_done(&w);
}

static void over_plain_http(void **state)
{
    (void)state;
    every_misbehaviour_has_its_outcome(PLAIN);
}

static void over_tls(void **state)
{
    (void)state;
    every_misbehaviour_has_its_outcome(TLS);
}

static void over_http_2(void **state)
{
    (void)state;
    every_misbehaviour_has_its_outcome(H2);
}

/* ---- single promises ---- */

static void usage_and_model_are_recorded(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (enum over over = PLAIN; over < OVER_COUNT; over++) {
        ask(&w, over, "ok");
        assert_int_equal(w.end.usage.input_tokens, 11);
        assert_int_equal(w.end.usage.output_tokens, 7);
        assert_string_equal(w.model, "m-answered");
        assert_int_equal(w.end.finish, FINISH_STOP);
        ask(&w, over, "usage-twice");
        assert_int_equal(w.end.usage.output_tokens, 7);
        ask(&w, over, "no-usage");
        assert_true(w.end.usage.output_tokens < 0 || w.end.usage.estimated);
    }
    w.backend.api = API_ANTHROPIC;
    ask(&w, false, "ok");
    assert_string_equal(w.shown.data, WORDS);
    assert_int_equal(w.end.usage.input_tokens, 11);
    assert_true(bad_upstream_saw(server, "POST /v1/messages"));
    assert_true(bad_upstream_saw(server, "anthropic-version: 2023-06-01"));
    ask(&w, true, "cut");
    assert_int_equal(w.end.err, ERR_UPSTREAM);
    ask(&w, true, "error");
    assert_non_null(strstr(w.end_text, "Overloaded"));
    world_done(&w);
}

static void the_request_tells_nothing_about_user_or_machine(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (int tls = 0; tls <= 1; tls++) {
        ask(&w, tls, "ok");
        assert_true(bad_upstream_saw(server, "POST /v1/chat/completions HTTP/1.1"));
        assert_true(bad_upstream_saw(server, "Authorization: Bearer sk-test-key"));
        assert_true(bad_upstream_saw(server, "User-Agent: weir/" WEIR_VERSION));
        assert_true(bad_upstream_saw(server, "canary-7"));
        assert_true(bad_upstream_saw(server, "\"include_usage\":true"));
        assert_false(bad_upstream_saw(server, "curl"));
        assert_false(bad_upstream_saw(server, "Expect"));
        assert_false(bad_upstream_saw(server, "Accept-Encoding"));
        assert_false(bad_upstream_saw(server, "req_"));
    }
    world_done(&w);
}

static void retry_after_is_handed_on(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (enum over over = PLAIN; over < OVER_COUNT; over++) {
        ask(&w, over, "429");
        assert_int_equal(w.end.retry_after_ms, 7000);
        ask(&w, over, "429-ms");
        assert_int_equal(w.end.retry_after_ms, 50);
        ask(&w, over, "503");
        assert_int_equal(w.end.retry_after_ms, 3000);
        ask(&w, over, "500");
        assert_int_equal(w.end.retry_after_ms, -1);
    }
    world_done(&w);
}

/* A connection that is kept and then dies must not make anyone send the POST a second time. */
static void a_dead_kept_connection_is_not_sent_to_twice(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (enum over over = PLAIN; over < OVER_COUNT; over++) {
        w.backend.index = (int)over;
        ask(&w, over, "stale");
        assert_int_equal(w.end.outcome, LEG_OK);
        ask(&w, over, "stale");
        assert_int_equal(w.end.outcome, LEG_ERROR);
        assert_non_null(strstr(w.end_text, "kept connection"));
        assert_true(w.end.retryable);
        assert_true(w.end.may_be_billed);
        assert_int_equal(bad_upstream_requests(server), 1);
        ask(&w, over, "ok"); /* leaves a kept connection behind, but … */
        ask(&w, over, "stale");
        assert_int_equal(w.end.outcome, LEG_OK); /* … kept ones are not trusted for a while */
    }
    world_done(&w);
}

static void connections_are_kept(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.backend.timeout = (struct timeouts){2000, 2000, 2000, 5000};
    for (enum over over = PLAIN; over < OVER_COUNT; over++) {
        w.backend.index = (int)over;
        ask(&w, over, "ok");
        ask(&w, over, "stale"); /* answers only if it is the first on its connection */
        assert_int_equal(w.end.outcome, LEG_ERROR);
    }
    world_done(&w);
}

static int closed_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    close(fd);
    return ntohs(in.sin_port);
}

static void refused_is_not_offline(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (int tls = 0; tls <= 1; tls++) {
        char url[64];
        snprintf(url, sizeof url, "%s://127.0.0.1:%d/v1", tls ? "https" : "http", closed_port());
        begin(&w, url, "ok");
        run_until_over(&w, 5000);
        assert_int_equal(w.end.outcome, LEG_ERROR);
        assert_string_equal(w.end_text, "the connection was refused");
        assert_true(w.end.retryable);
        assert_false(w.end.may_be_billed);
        assert_false(w.end.offline);
    }
    world_done(&w);
}

static void a_name_that_nobody_knows_is_offline(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (int tls = 0; tls <= 1; tls++) {
        w.backend.timeout = (struct timeouts){4000, 4000, 4000, 4500};
        begin(&w, tls ? "https://no-such-host.invalid/v1" : "http://no-such-host.invalid/v1", "ok");
        run_until_over(&w, 6000);
        if (w.end.outcome == LEG_TIMEOUT) {
            continue; /* a resolver that does not answer at all: slow, but honest */
        }
        assert_true(w.end.offline);
        assert_false(w.end.may_be_billed);
        assert_non_null(strstr(w.end_text, "no network"));
    }
    world_done(&w);
}

static void an_unknown_certificate_is_refused(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    upstream_free(w.upstream);
    w.upstream = upstream_new(w.loop, "/etc/ssl/certs/ca-certificates.crt");
    w.driver.self = w.upstream;
    ask(&w, true, "ok");
    assert_int_equal(w.end.outcome, LEG_ERROR);
    assert_int_equal(strncmp(w.end_text, "tls: ", 5), 0);
    assert_false(w.end.retryable);
    assert_int_equal(bad_upstream_requests(server), 0); /* nothing was sent */
    world_done(&w);
}

static void the_upstream_is_left_at_once_when_the_client_leaves(void **state)
{
    (void)state;
    static const char *const scripts[] = {"hang", "slow", "stall"};
    struct world w;
    world_init(&w);
    w.backend.timeout = (struct timeouts){2000, 9000, 9000, 9000};
    for (size_t i = 0; i < OVER_COUNT * ARRAY_LEN(scripts); i++) {
        char url[64];
        bad_upstream_reset(server);
        begin(&w, url_of((enum over)(i % OVER_COUNT), url), scripts[i / OVER_COUNT]);
        uint64_t until = clock_now_us() + 100 * US_PER_MS;
        while (clock_now_us() < until) {
            loop_run_once(w.loop, 10 * US_PER_MS);
        }
        assert_int_equal(bad_upstream_requests(server), 1);
        uint64_t left_us = clock_now_us();
        flow_client_gone(w.flow);
        for (int round = 0; round < 3; round++) {
            loop_run_once(w.loop, 0);
        }
        while (bad_upstream_gone_ms(server) < 0 && clock_now_us() < left_us + US_PER_S) {
            usleep(500);
        }
        assert_in_range(clock_now_us() - left_us, 0,
                        100 * US_PER_MS); /* milliseconds; the rest is this machine */
    }
    world_done(&w);
}

/* The client does not read: the upstream is not read either, and idle time does not count. */
static void a_paused_leg_takes_no_more(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.backend.timeout = (struct timeouts){2000, 2000, 100, 9000};
    for (enum over over = PLAIN; over < OVER_COUNT; over++) {
        char url[64];
        begin(&w, url_of(over, url), "endless");
        while (w.shown.len < 10000) {
            loop_run_once(w.loop, 10 * US_PER_MS);
        }
        flow_pause(w.flow, true);
        uint64_t until = clock_now_us() + 100 * US_PER_MS;
        while (clock_now_us() < until) {
            loop_run_once(w.loop, 10 * US_PER_MS);
        }
        size_t then = w.shown.len;
        until = clock_now_us() + 300 * US_PER_MS;
        while (clock_now_us() < until) {
            loop_run_once(w.loop, 10 * US_PER_MS);
        }
        assert_int_equal(w.shown.len, then);
        assert_false(w.over);
        flow_pause(w.flow, false);
        until = clock_now_us() + US_PER_S;
        while (w.shown.len < then + 10000 && clock_now_us() < until) {
            loop_run_once(w.loop, 10 * US_PER_MS);
        }
        assert_true(w.shown.len >= then + 10000);
        flow_client_gone(w.flow);
        loop_run_once(w.loop, 0);
    }
    world_done(&w);
}

static void an_endless_stream_ends_with_total_ms(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (enum over over = PLAIN; over < OVER_COUNT; over++) {
        uint64_t start = clock_now_us();
        ask(&w, over, "endless");
        assert_int_equal(w.end.outcome, LEG_TIMEOUT);
        assert_int_equal(w.end.err, ERR_DEADLINE);
        assert_in_range(clock_now_us() - start, 550 * US_PER_MS, 3000 * US_PER_MS);
    }
    world_done(&w);
}

static void a_device_backend_must_be_here(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    static const struct {
        const char *url;
        enum err err;
    } rows[] = {
        {"http://127.0.0.1:11434", OK},
        {"http://localhost:1234/v1", OK},
        {"http://[::1]:1234/v1", OK},
        {"unix:/run/llama.sock", OK},
        {"http://unix:/run/llama.sock:/v1", OK},
        {"http://192.168.1.5:11434", ERR_INVALID},
        {"http://127.0.0.1.example.com/v1", ERR_INVALID},
        {"http://localhost.example.com/v1", ERR_INVALID},
        {"http://user:pw@127.0.0.1/v1", ERR_INVALID},
        {"https://api.example.com/v1", ERR_INVALID},
        {"ftp://127.0.0.1/", ERR_INVALID},
        {"http://127.0.0.1:99999/", ERR_INVALID},
        {"http://127.0.0.1/a b", ERR_INVALID},
        {"http://", ERR_INVALID},
    };
    w.backend.tier = TIER_DEVICE;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fault fault = {0};
        w.backend.url = rows[i].url;
        if (upstream_prepare(w.upstream, &w.backend, &fault) != rows[i].err) {
            fail_msg("%s: %s", rows[i].url, fault.text);
        }
        assert_true(!rows[i].err || strstr(fault.text, "backend cloud: "));
    }
    world_done(&w);
}

static void an_ollama_model_that_runs_elsewhere_is_refused(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", bad_upstream_port(server));
    w.backend.tier = TIER_DEVICE;
    w.backend.api = API_OLLAMA;
    bad_upstream_reset(server);
    begin(&w, url, "gpt-oss:120b-cloud");
    run_until_over(&w, 3000);
    assert_int_equal(w.end.err, ERR_POLICY);
    assert_non_null(strstr(w.end_text, "remote"));
    assert_int_equal(bad_upstream_requests(server), 0); /* the prompt stayed here */
    begin(&w, url, "llama3.2");
    run_until_over(&w, 3000);
    assert_int_equal(w.end.outcome, LEG_OK);
    assert_string_equal(w.shown.data, WORDS);
    assert_true(bad_upstream_saw(server, "POST /v1/chat/completions"));
    world_done(&w);
}

static void set_proxies(int port)
{
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", port);
    setenv("http_proxy", proxy, 1);
    setenv("https_proxy", proxy, 1);
}

static void proxies_are_used_by_the_usual_variables(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    set_proxies(bad_upstream_port(server));
    bad_upstream_reset(server);
    begin(&w, "http://provider.example/v1", "ok");
    run_until_over(&w, 5000);
    assert_int_equal(w.end.outcome, LEG_OK);
    assert_true(bad_upstream_saw(server, "POST http://provider.example/v1/chat/completions"));
    bad_upstream_reset(server);
    begin(&w, "https://provider.example/v1", "ok");
    run_until_over(&w, 5000);
    assert_int_equal(w.end.outcome, LEG_OK);
    assert_string_equal(w.shown.data, WORDS);
    assert_true(bad_upstream_saw(server, "CONNECT provider.example:443"));
    set_proxies(1);
    begin(&w, "https://provider.example/v1", "ok");
    run_until_over(&w, 5000);
    assert_int_equal(w.end.outcome, LEG_ERROR);
    assert_false(w.end.may_be_billed);
    world_done(&w);
}

/* ---- GET ---- */

static void got(void *user, int status, struct span body, const char *error)
{
    struct world *w = user;
    w->over = true;
    w->end.http_status = status;
    snprintf(w->end_text, sizeof w->end_text, "%.*s%s", SPAN_ARG(body), error ? error : "");
}

static void a_backend_can_be_asked_for_its_models(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (int tls = 0; tls <= 1; tls++) {
        char url[64];
        w.over = false;
        w.backend.url = url_of(tls, url);
        w.backend.model = "m";
        upstream_get(w.upstream, &w.backend, "/models", 2000, got, &w);
        assert_false(w.over);
        run_until_over(&w, 3000);
        assert_int_equal(w.end.http_status, 200);
        assert_non_null(strstr(w.end_text, "\"id\":\"ok\""));
        w.over = false;
        snprintf(url, sizeof url, "%s://127.0.0.1:%d/v1", tls ? "https" : "http", closed_port());
        upstream_get(w.upstream, &w.backend, "/models", 2000, got, &w);
        run_until_over(&w, 3000);
        assert_int_equal(w.end.http_status, 0);
        assert_non_null(strstr(w.end_text, "refused"));
    }
    w.over = false;
    w.backend.url = "nonsense";
    upstream_get(w.upstream, &w.backend, "/models", 2000, got, &w);
    run_until_over(&w, 3000);
    assert_int_equal(w.end.http_status, 0);
    world_done(&w);
}

static int group_setup(void **state)
{
    (void)state;
    int fd = mkstemp(ca_file);
    assert_true(fd >= 0);
    close(fd);
    server = bad_upstream_start(&(struct bad_options){.ca_file = ca_file});
    set_proxies(1); /* loopback is never asked through one of these */
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    bad_upstream_stop(server);
    unlink(ca_file);
    return 0;
}

static int no_proxies(void **state)
{
    (void)state;
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_plain_http),
        cmocka_unit_test(over_tls),
        cmocka_unit_test(over_http_2),
        cmocka_unit_test(usage_and_model_are_recorded),
        cmocka_unit_test(the_request_tells_nothing_about_user_or_machine),
        cmocka_unit_test(retry_after_is_handed_on),
        cmocka_unit_test(a_dead_kept_connection_is_not_sent_to_twice),
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(refused_is_not_offline),
        cmocka_unit_test(an_unknown_certificate_is_refused),
        cmocka_unit_test(the_upstream_is_left_at_once_when_the_client_leaves),
        cmocka_unit_test(a_paused_leg_takes_no_more),
        cmocka_unit_test(an_endless_stream_ends_with_total_ms),
        cmocka_unit_test(a_device_backend_must_be_here),
        cmocka_unit_test(an_ollama_model_that_runs_elsewhere_is_refused),
        cmocka_unit_test(a_backend_can_be_asked_for_its_models),
        cmocka_unit_test(proxies_are_used_by_the_usual_variables),
        cmocka_unit_test_setup(a_name_that_nobody_knows_is_offline, no_proxies),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
