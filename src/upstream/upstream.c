/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt at a backend behind an API.
 *
 * The happy path is: start() → (device tier, Ollama: is the model really here?) →
 * wire_start() → on_head with 200 → bytes are a stream of events, or one whole
 * JSON object → the dialect's decoder turns them into deltas → [DONE] → the wire's
 * own end, which makes the connection reusable → leg_got_end.
 *
 * What can go wrong, and what is said (the table is docs/internals/upstream.md):
 * - no connection: WIRE_OFFLINE, WIRE_CONNECT, WIRE_LATE, WIRE_TLS. Nothing was sent.
 * - a status other than 200: its body is read up to ERROR_BODY_MAX, then status.c.
 * - an answer that is neither events nor JSON (HTML), broken, too long, or cut. A
 *   stream that ends before the decoder has seen its end is broken, however
 *   politely the connection was closed.
 * - silence: before the first event first_token_ms, then idle_ms between any two
 *   bytes; total_ms bounds all. While the client does not read (pause), idle stands.
 * - [DONE] and then a connection that stays open: LINGER_MS, then it is closed.
 *
 * Everything that an attempt owns is released before leg_got_end() is called.
 */
#include "upstream/upstream.h"

#include "base/clock.h"
#include "chat/dialect.h"
#include "http/sse.h"
#include "upstream/local.h"
#include "upstream/status.h"
#include "upstream/wire.h"

#include <stdio.h>

#define ERROR_BODY_MAX (16 * KIB)
#define WHOLE_MAX (8 * MIB)   /* one JSON answer */
#define STREAM_MAX (64 * MIB) /* all events of an answer */
#define EVENT_MAX (8 * MIB)
#define LINGER_MS 100
#define DISTRUST_MS 2000 /* so long kept connections are left alone after one of them died */
#define URL_MAX 2048
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct upstream {
    struct loop *loop;
    struct wires *wires;
    struct locals *locals; /* which local models were found to be local */
    struct link gets;
    uint64_t stale_us
        [BACKENDS_MAX]; /* when a kept connection of that backend last died under a request */
};

enum phase {
    PHASE_CHECK, /* asking the local server about its model */
    PHASE_HEAD,  /* waiting for the answer's headers */
    PHASE_SNIFF, /* 200; the first byte will tell what it is */
    PHASE_STREAM,
    PHASE_WHOLE,
    PHASE_ERROR,  /* not 200; collecting its body */
    PHASE_LINGER, /* the answer is complete, the connection not yet free */
};

/* Of one attempt; lies in the leg. */
struct attempt {
    struct upstream *u;
    struct leg *leg;
    const struct backend *backend;
    const struct outbound_type *dialect;
    enum phase phase;
    struct span request_body;
    struct wire *wire;         /* NULL when none is alive */
    struct local_check *check; /* NULL when none is alive */
    struct decoder *decoder;
    struct sse sse;
    struct text body; /* a whole answer, or an error's */
    struct wire_head head;
    struct loop_timer timer;
    uint64_t started_us, active_us;
    uint64_t total_bytes;
    bool got_event, paused, over;
    enum err err; /* the first thing that went wrong in the answer */
    struct fault fault;
};

static struct attempt *attempt_of(struct leg *leg)
{
    return leg_driver_state(leg);
}

/* ---- the end ---- */

static void release_wire(struct attempt *a)
{
    if (a->wire) {
        struct wire *wire = a->wire;
        a->wire = NULL;
        wire_cancel(wire);
    }
    if (a->check) {
        struct local_check *check = a->check;
        a->check = NULL;
        local_check_cancel(check);
    }
    loop_timer_stop(&a->timer);
}

static void release_rest(struct attempt *a)
{
    a->dialect->decoder_free(a->decoder);
    a->decoder = NULL;
    sse_done(&a->sse);
    text_done(&a->body);
    loop_timer_done(&a->timer);
}

/* The one way out, but for cancel(). */
static void end_attempt(struct attempt *a, struct leg_end *end)
{
    PRE(!a->over);
    a->over = true;
    release_wire(a);
    leg_got_end(a->leg, end); /* copies; only queues */
    release_rest(a);
}

static struct leg_end blank_end(const struct attempt *a)
{
    return (struct leg_end){.outcome = LEG_ERROR,
                            .usage = USAGE_UNKNOWN,
                            .model = SPAN_NONE,
                            .http_status = a->head.status,
                            .rtt_us = a->head.rtt_us,
                            .retry_after_ms = -1};
}

/* Usage and model as far as they are known; whether the answer is complete. */
static enum err settle_decoder(struct attempt *a, struct leg_end *end, struct fault *fault)
{
    return a->dialect->end(a->decoder, end, fault);
}

static void end_ok(struct attempt *a)
{
    struct leg_end end = blank_end(a);
    struct fault fault = {0};
    enum err err = settle_decoder(a, &end, &fault);
    end.outcome = err ? LEG_ERROR : LEG_OK;
    end.err = err;
    end.text = span_c(fault.text);
    end.may_be_billed = true;
    end_attempt(a, &end);
}

/* Something is wrong with the answer itself, after a 200. */
static void end_broken(struct attempt *a, enum err err, const char *text)
{
    struct leg_end end = blank_end(a);
    (void)settle_decoder(a, &end, NULL);
    end.outcome = LEG_ERROR;
    end.err = err;
    end.text = span_c(text);
    end.may_be_billed = true;
    end_attempt(a, &end);
}

static void end_late(struct attempt *a, bool sent, const char *format, uint32_t ms)
{
    char text[200];
    struct leg_end end = blank_end(a);
    (void)settle_decoder(a, &end, NULL);
    int n = snprintf(text, sizeof text, "%s within %u ms", format, ms);
    end.outcome = LEG_TIMEOUT;
    end.err = ERR_DEADLINE;
    end.text = span_of(text, (size_t)n);
    end.may_be_billed = sent;
    end_attempt(a, &end);
}

/* A status other than 200, with as much of its body as came. */
static void end_status(struct attempt *a)
{
    struct text line;
    struct leg_end end = blank_end(a);
    text_init(&line, KIB);
    status_explain(&a->head, text_span(&a->body), a->backend->key, clock_wall_us(), &end, &line);
    end.text = text_span(&line);
    end_attempt(a, &end);
    text_done(&line);
}

/* Where one kept connection died the others are dead too, most likely: the next attempt takes a new one. */
static void note_stale(struct attempt *a)
{
    a->u->stale_us[a->backend->index % BACKENDS_MAX] = clock_now_us();
}

static bool distrusts_kept(const struct attempt *a)
{
    uint64_t died_us = a->u->stale_us[a->backend->index % BACKENDS_MAX];
    return died_us && clock_now_us() - died_us < (uint64_t)DISTRUST_MS * US_PER_MS;
}

/* Nothing was sent, or nothing came back. */
static void end_unanswered(struct attempt *a, enum wire_end how, const char *detail)
{
    static const struct {
        enum err err;
        const char *said;
        bool retryable, may_be_billed, offline, detailed;
    } rows[] = {
        [WIRE_OK] = {ERR_UPSTREAM, "the provider closed the connection without an answer", false,
                     true, false, false},
        [WIRE_OFFLINE] = {ERR_UPSTREAM, "no network: the provider cannot be found or reached",
                          false, false, true, false},
        [WIRE_CONNECT] = {ERR_UPSTREAM, "the connection was refused", true, false, false, false},
        [WIRE_LATE] = {ERR_DEADLINE, "no connection in time", false, false, false, false},
        [WIRE_TLS] = {ERR_UPSTREAM, "tls", false, false, false, true},
        [WIRE_STALE] = {ERR_UPSTREAM, "a kept connection died before the answer", true, true, false,
                        false},
        [WIRE_CUT] = {ERR_UPSTREAM, "the provider closed the connection without an answer", false,
                      true, false, false},
        [WIRE_BAD] = {ERR_UPSTREAM, "the provider's answer is not valid HTTP", false, true, false,
                      false},
    };
    struct text line;
    struct leg_end end = blank_end(a);
    if (how == WIRE_STALE) {
        note_stale(a);
    }
    text_init(&line, KIB);
    text_add_c(&line, rows[how].said);
    if (rows[how].detailed && detail[0]) {
        text_add_c(&line, ": ");
        outbound_add_clean(&line, span_c(detail));
    }
    end.err = rows[how].err;
    end.text = text_span(&line);
    end.retryable = rows[how].retryable;
    end.may_be_billed = rows[how].may_be_billed;
    end.offline = rows[how].offline;
    end_attempt(a, &end);
    text_done(&line);
}

/* ---- time ---- */

/* When silence becomes too long, as things stand. */
static uint64_t silence_deadline(const struct attempt *a)
{
    const struct timeouts *t = &a->backend->timeout;
    if (a->phase == PHASE_LINGER) {
        return a->active_us + (uint64_t)LINGER_MS * US_PER_MS;
    }
    if (a->paused) {
        return UINT64_MAX;
    }
    if (!a->got_event && a->phase != PHASE_ERROR) {
        return t->first_token_ms ? a->started_us + (uint64_t)t->first_token_ms * US_PER_MS
                                 : UINT64_MAX;
    }
    return t->idle_ms ? a->active_us + (uint64_t)t->idle_ms * US_PER_MS : UINT64_MAX;
}

static uint64_t total_deadline(const struct attempt *a)
{
    uint32_t ms = a->backend->timeout.total_ms;
    return ms ? a->started_us + (uint64_t)ms * US_PER_MS : UINT64_MAX;
}

static void arm(struct attempt *a)
{
    uint64_t deadline = MIN(silence_deadline(a), total_deadline(a));
    uint64_t now = clock_now_us();
    if (deadline == UINT64_MAX) {
        loop_timer_stop(&a->timer);
    } else {
        loop_timer_start(&a->timer, deadline > now ? deadline - now : 0);
    }
}

static void on_time(void *user)
{
    struct attempt *a = user;
    const struct timeouts *t = &a->backend->timeout;
    uint64_t now = clock_now_us();
    bool total = now >= total_deadline(a);
    if (!total && now < silence_deadline(a)) {
        arm(a); /* bytes came meanwhile: the timer is not moved for each of them */
    } else if (a->phase == PHASE_LINGER) {
        end_ok(a);
    } else if (a->phase == PHASE_ERROR) {
        end_status(a); /* its status says enough */
    } else if (total) {
        end_late(a, true, "the answer was not complete", t->total_ms);
    } else if (!a->got_event) {
        end_late(a, a->phase != PHASE_CHECK, "the provider sent no first token", t->first_token_ms);
    } else {
        end_late(a, true, "the provider fell silent: no more bytes", t->idle_ms);
    }
}

/* ---- the answer's bytes ---- */

static void give_delta(void *user, const struct delta *d)
{
    struct attempt *a = user;
    leg_got_delta(a->leg, d);
}

static const struct decoder_events to_leg = {give_delta};

static bool on_event(void *user, struct span event, struct span data)
{
    struct attempt *a = user;
    if (!a->got_event && data.len) {
        a->got_event = true;
        arm(a);
    }
    a->err = a->dialect->event(a->decoder, event, data, &to_leg, a, &a->fault);
    return a->err == OK && !a->dialect->done(a->decoder);
}

static void feed_stream(struct attempt *a, struct span bytes)
{
    enum err err = sse_feed(&a->sse, bytes, on_event, a);
    if (a->err) {
        end_broken(a, a->err, a->fault.text);
    } else if (a->dialect->done(a->decoder)) {
        a->phase = PHASE_LINGER;
        arm(a);
    } else if (err) {
        end_broken(a, ERR_UPSTREAM, "an event of the provider is larger than 8 MiB");
    }
}

static void feed_whole(struct attempt *a, struct span bytes)
{
    text_add(&a->body, bytes);
    if (a->body.overflow) {
        end_broken(a, ERR_UPSTREAM, "the provider's answer is larger than 8 MiB");
    }
}

/*
 * What is this answer? Its first byte is more reliable than its content type: whole
 * objects come as text/event-stream and events as text/plain. False: more is needed.
 */
static bool sniff(struct attempt *a, struct span bytes)
{
    struct span rest = span_trim(bytes);
    if (span_starts(rest, SPAN(BYTE_ORDER_MARK))) {
        rest = span_trim(span_from(rest, 3));
    }
    if (!rest.len) {
        return false;
    }
    char c = rest.data[0];
    bool events = span_starts_nocase(span_c(a->head.content_type), SPAN("text/event-stream"));
    if (c == '<') {
        end_broken(a, ERR_UPSTREAM, "the provider answered with an HTML page instead of JSON");
    } else if ((c && strchr("dei:r", c)) ||
               (events && c != '{' && c != '[')) { /* data: event: id: retry: and comments */
        a->phase = PHASE_STREAM;
    } else {
        a->phase = PHASE_WHOLE;
        a->got_event = true;
        arm(a);
    }
    return true;
}

static void on_body(void *user, struct span bytes)
{
    struct attempt *a = user;
    if (a->phase != PHASE_LINGER &&
        a->phase != PHASE_ERROR) { /* those two are not prolonged by bytes */
        a->active_us = clock_now_us();
    }
    a->total_bytes += bytes.len;
    if (a->phase == PHASE_SNIFF && !sniff(a, bytes)) {
        return;
    }
    if (a->over) {
        return;
    }
    if (a->phase == PHASE_ERROR) {
        text_add(&a->body, span_first(bytes, ERROR_BODY_MAX - MIN(a->body.len, ERROR_BODY_MAX)));
        if (a->body.len >= ERROR_BODY_MAX) {
            end_status(a);
        }
    } else if (a->phase == PHASE_STREAM && a->total_bytes > STREAM_MAX) {
        end_broken(a, ERR_UPSTREAM, "the provider's answer is larger than 64 MiB");
    } else if (a->phase == PHASE_STREAM) {
        feed_stream(a, bytes);
    } else if (a->phase == PHASE_WHOLE) {
        feed_whole(a, bytes);
    } /* after the end: nothing that matters */
}

static void on_head(void *user, const struct wire_head *head)
{
    struct attempt *a = user;
    a->head = *head;
    a->active_us = clock_now_us();
    if (head->status != 200) {
        a->phase = PHASE_ERROR;
        a->body.max = ERROR_BODY_MAX;
        arm(a);
        return;
    }
    a->phase = PHASE_SNIFF;
    leg_got_first_byte(a->leg);
}

/* The last event may lack its blank line. */
static void flush_stream(struct attempt *a)
{
    if (a->phase == PHASE_STREAM) {
        feed_stream(a, SPAN("\n\n"));
    }
}

static void end_whole(struct attempt *a)
{
    struct span body = text_span(&a->body);
    if (span_starts(body, SPAN(BYTE_ORDER_MARK))) {
        body = span_from(body, strlen(BYTE_ORDER_MARK));
    }
    enum err err = a->dialect->whole(a->decoder, body, &to_leg, a, &a->fault);
    if (err) {
        end_broken(a, err, a->fault.text);
    } else {
        end_ok(a);
    }
}

static void end_cut(struct attempt *a, enum wire_end how)
{
    struct leg_end end = blank_end(a);
    if (settle_decoder(a, &end, NULL) == OK) { /* every finish reason was there */
        end_ok(a);
    } else {
        end_broken(a, ERR_UPSTREAM,
                   how == WIRE_BAD ? "the provider's answer is not valid HTTP"
                                   : "the provider's answer was cut off");
    }
}

static void on_end(void *user, enum wire_end how, const char *detail)
{
    struct attempt *a = user;
    a->wire = NULL;
    switch (a->phase) {
    case PHASE_CHECK:
    case PHASE_HEAD:
        if (how == WIRE_LATE) {
            end_late(a, false, "no connection to the provider", a->backend->timeout.connect_ms);
        } else {
            end_unanswered(a, how, detail);
        }
        return;
    case PHASE_ERROR:
        end_status(a);
        return;
    case PHASE_LINGER:
        end_ok(a);
        return;
    case PHASE_SNIFF:
        end_broken(a, ERR_UPSTREAM,
                   how == WIRE_OK ? "the provider's answer was empty"
                                  : "the provider's answer was cut off");
        return;
    case PHASE_WHOLE:
        if (how == WIRE_OK) {
            end_whole(a);
        } else {
            end_broken(a, ERR_UPSTREAM, "the provider's answer was cut off");
        }
        return;
    case PHASE_STREAM:
        if (how == WIRE_OK) {
            flush_stream(a);
        }
        if (!a->over && how == WIRE_OK) {
            end_ok(a); /* or not, says the decoder */
        } else if (!a->over) {
            end_cut(a, how);
        }
        return;
    }
}

/* ---- the request ---- */

static const struct wire_events wire_events = {on_head, on_body, on_end};

/* "url" + "path"; Ollama speaks OpenAI's dialect under /v1. */
static bool write_url(const struct backend *b, const char *path, char out[URL_MAX])
{
    struct span url = span_c(b->url);
    bool under_v1 = b->api == API_OLLAMA && !span_ends(url, SPAN("/v1"));
    bool socket_only = span_starts(url, SPAN("unix:")) && span_find_char(url, ':', 5) == SIZE_MAX;
    int n = snprintf(out, URL_MAX, "%.*s%s%s%s", SPAN_ARG(url), socket_only ? ":" : "",
                     under_v1 ? "/v1" : "", path);
    return n > 0 && n < URL_MAX;
}

static void send_request(struct attempt *a)
{
    char url[URL_MAX];
    struct headers headers;
    headers_init(&headers, leg_arena(a->leg));
    a->dialect->headers(a->backend, &headers);
    struct fault fault = {0};
    enum err err = write_url(a->backend, a->dialect->path, url)
                       ? wires_prepare(a->u->wires, url, a->backend->tier == TIER_DEVICE, &fault)
                       : fault_set(&fault, ERR_INVALID, "the url is too long");
    if (err) {
        struct leg_end end = blank_end(a);
        end.err = ERR_UPSTREAM;
        end.text = span_c(fault.text);
        end_attempt(a, &end);
        return;
    }
    a->phase = PHASE_HEAD;
    a->wire = wire_start(a->u->wires,
                         &(struct wire_request){
                             .method = "POST",
                             .url = url,
                             .headers = &headers,
                             .body = a->request_body,
                             .connect_ms = a->backend->timeout.connect_ms,
                             .local = a->backend->tier == TIER_DEVICE,
                             .fresh = distrusts_kept(a),
                         },
                         &wire_events, a);
}

static void on_checked(void *user, enum err err, enum wire_end how, const char *text)
{
    struct attempt *a = user;
    a->check = NULL;
    if (err == OK) {
        send_request(a);
    } else if (how != WIRE_OK) {
        on_end(a, how, text);
    } else {
        struct leg_end end = blank_end(a);
        end.err = err;
        end.text = span_c(text);
        end_attempt(a, &end);
    }
}

/* ---- the driver ---- */

static enum err encode(void *driver, struct leg *leg, struct text *out_body, struct fault *fault)
{
    (void)driver;
    const struct backend *b = leg_backend(leg);
    return outbound_for(b->api)->encode(leg_request(leg), b, leg_options(leg), out_body, fault);
}

static void start(void *driver, struct leg *leg, struct span body)
{
    struct attempt *a = attempt_of(leg);
    a->u = driver;
    a->leg = leg;
    a->backend = leg_backend(leg);
    a->dialect = outbound_for(a->backend->api);
    a->request_body = body;
    a->decoder = a->dialect->decoder_new(leg_request(leg), a->backend);
    a->started_us = a->active_us = clock_now_us();
    sse_init(&a->sse, EVENT_MAX);
    text_init(&a->body, WHOLE_MAX);
    loop_timer_init(&a->timer, a->u->loop, on_time, a);
    arm(a);
    if (locals_needs_check(a->u->locals, a->backend)) {
        a->phase = PHASE_CHECK;
        a->check = local_check_start(a->u->locals, a->backend, on_checked, a);
    } else {
        send_request(a);
    }
}

static void cancel(void *driver, struct leg *leg)
{
    (void)driver;
    struct attempt *a = attempt_of(leg);
    if (!a->over) {
        a->over = true;
        release_wire(a);
        release_rest(a);
    }
}

static void pause_attempt(void *driver, struct leg *leg, bool pause)
{
    (void)driver;
    struct attempt *a = attempt_of(leg);
    if (a->over || a->paused == pause) {
        return;
    }
    a->paused = pause;
    a->active_us = clock_now_us();
    arm(a);
    if (a->wire) {
        wire_pause(a->wire, pause); /* last: resuming may deliver, and even end the attempt */
    }
}

const struct driver_type upstream_driver = {
    .name = "upstream",
    .state_size = sizeof(struct attempt),
    .encode = encode,
    .start = start,
    .cancel = cancel,
    .pause = pause_attempt,
};

/* ---- GET, for tests of a backend ---- */

#define GET_BODY_MAX (4 * MIB)

struct get {
    struct link link;
    struct arena *arena;
    struct wire *wire;
    struct loop_timer timer;
    struct text body;
    int status;
    upstream_get_fn *done;
    void *user;
};

static void free_get(struct get *g)
{
    list_remove(&g->link);
    loop_timer_done(&g->timer);
    text_done(&g->body);
    arena_free(g->arena);
    mem_free(g);
}

static void finish_get(struct get *g, const char *error)
{
    if (g->wire) {
        wire_cancel(g->wire);
        g->wire = NULL;
    }
    loop_timer_stop(&g->timer);
    g->done(g->user, error ? 0 : g->status, text_span(&g->body), error);
    free_get(g);
}

static void get_head(void *user, const struct wire_head *head)
{
    ((struct get *)user)->status = head->status;
}

static void get_body(void *user, struct span bytes)
{
    struct get *g = user;
    text_add(&g->body, bytes);
    if (g->body.overflow) {
        finish_get(g, "the answer is larger than 4 MiB");
    }
}

static void get_end(void *user, enum wire_end how, const char *detail)
{
    static const char *const said[] = {
        [WIRE_OFFLINE] = "no network: the name cannot be found or there is no route",
        [WIRE_CONNECT] = "the connection was refused",
        [WIRE_LATE] = "no connection in time",
        [WIRE_STALE] = "the connection died before the answer",
        [WIRE_CUT] = "the answer was cut off",
        [WIRE_BAD] = "the answer is not valid HTTP",
    };
    struct get *g = user;
    g->wire = NULL;
    finish_get(g, how == WIRE_OK ? NULL : how == WIRE_TLS ? detail : said[how]);
}

static void get_late(void *user)
{
    struct get *g = user;
    finish_get(g, g->wire ? "no answer in time" : "the url cannot be used");
}

/* ---- the worker's part ---- */

struct upstream *upstream_new(struct loop *loop, const char *ca_file)
{
    struct upstream *u = NEW(struct upstream);
    u->loop = loop;
    u->wires = wires_new(loop, ca_file);
    u->locals = locals_new(loop, u->wires);
    list_init(&u->gets);
    return u;
}

void upstream_free(struct upstream *u)
{
    if (u) {
        wires_free(u->wires);
        locals_free(u->locals);
        LIST_EACH (link, &u->gets) {
            free_get(CONTAINER_OF(link, struct get, link));
        }
        mem_free(u);
    }
}

enum err upstream_prepare(struct upstream *u, const struct backend *b, struct fault *fault)
{
    enum err err = wires_prepare(u->wires, b->url, b->tier == TIER_DEVICE, fault);
    if (err) {
        fault_prefix(fault, "backend %s: ", b->name);
    }
    return err;
}

void upstream_get(struct upstream *u, const struct backend *b, const char *path, uint32_t total_ms,
                  upstream_get_fn *done, void *user)
{
    static const struct wire_events events = {get_head, get_body, get_end};
    struct get *g = NEW(struct get);
    char url[URL_MAX];
    struct headers headers;
    g->arena = arena_new();
    list_append(&u->gets, &g->link);
    g->done = done;
    g->user = user;
    text_init(&g->body, GET_BODY_MAX);
    loop_timer_init(&g->timer, u->loop, get_late, g);
    headers_init(&headers, g->arena);
    outbound_for(b->api)->headers(b, &headers);
    if (!write_url(b, path, url) || wires_prepare(u->wires, url, b->tier == TIER_DEVICE, NULL)) {
        loop_timer_start(&g->timer, 0);
        return;
    }
    loop_timer_start(&g->timer, (uint64_t)total_ms * US_PER_MS);
    g->wire = wire_start(u->wires,
                         &(struct wire_request){
                             .method = "GET",
                             .url = url,
                             .headers = &headers,
                             .connect_ms = b->timeout.connect_ms ? b->timeout.connect_ms : total_ms,
                             .local = b->tier == TIER_DEVICE,
                         },
                         &events, g);
}
