/* SPDX-License-Identifier: Apache-2.0 */
/* The server over real sockets on loopback; the client side is plain send() and recv() between loop rounds. */
#include "base/clock.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_US (20 * (uint64_t)US_PER_S)
#define ROUND_US 1000
#define CLIENTS 64

struct fixture {
    struct loop *loop;
    struct http_server *server;
    int listener;
    char bound[128];
    struct http_exchange *held; /* from /hold */
    struct text last;           /* what the last request said */
    int requests, gone, drained, drain_ended;
};

/* ---- the owner's side ---- */

static void on_gone(void *user)
{
    struct fixture *f = user;
    f->gone++;
    f->held = NULL;
}

static void on_drained(void *user)
{
    struct fixture *f = user;
    f->drained++;
}

static void on_request(void *user, struct http_exchange *x, const struct http_request *r)
{
    struct fixture *f = user;
    f->requests++;
    assert_true(r->received_us <= r->complete_us);
    text_clear(&f->last);
    text_addf(&f->last, "%.*s %.*s", SPAN_ARG(r->method), SPAN_ARG(r->path));
    if (span_given(r->query)) {
        text_addf(&f->last, "?%.*s", SPAN_ARG(r->query));
    }
    text_addf(&f->last, " [%.*s]", SPAN_ARG(span_first(r->body, 64)));
    if (span_is(r->path, "/hold")) {
        f->held = x;
        http_exchange_watch(x, on_gone, on_drained, f);
    } else if (span_is(r->path, "/unwatched")) {
        f->held = x;
    } else if (span_is(r->path, "/cut")) {
        http_answer_cut(x);
    } else if (span_is(r->path, "/204")) {
        http_answer(x, 204, NULL, SPAN("never sent"));
    } else if (span_is(r->path, "/stream")) {
        http_answer_begin(x, 200, NULL);
        http_answer_write(x, SPAN("one"));
        http_answer_write(x, SPAN(""));
        http_answer_write(x, SPAN("0123456789abcdefg"));
        http_answer_end(x);
    } else {
        struct headers h;
        headers_init(&h, r->headers.arena);
        headers_add(&h, SPAN("X-Peer"), span_c(r->peer.is_loopback ? "loopback" : "far"));
        headers_add(&h, SPAN("Content-Length"), SPAN("999")); /* ours must win */
        http_answer(x, 200, &h, text_span(&f->last));
    }
}

static void error_body(void *user, enum err err, const char *text, struct headers *headers,
                       struct text *body)
{
    (void)user;
    headers_add(headers, SPAN("X-Request-Id"), SPAN("req_1"));
    text_addf(body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", err_code(err), text);
}

static const struct http_server_type type = {.on_request = on_request, .error_body = error_body};

static void start(struct fixture *f, const struct http_server_options *options)
{
    *f = (struct fixture){.loop = loop_new()};
    text_init(&f->last, 4096);
    f->server = http_server_new(f->loop, options, &type, f);
    assert_int_equal(http_listen("127.0.0.1:0", &f->listener, f->bound, NULL), OK);
    http_server_listen(f->server, f->listener);
}

static void finish(struct fixture *f)
{
    http_server_free(f->server);
    loop_free(f->loop);
    close(f->listener);
    text_done(&f->last);
}

/* ---- the client's side ---- */

struct client {
    struct fixture *f;
    int fd;
    bool eof, reset;
    struct text got;
};

static struct client dial(struct fixture *f)
{
    struct client c = {.f = f};
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sin.sin_port = htons((uint16_t)atoi(strrchr(f->bound, ':') + 1));
    c.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(c.fd, (struct sockaddr *)&sin, sizeof sin), 0);
    int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    text_init(&c.got, 64 * MIB);
    text_add_c(&c.got, "");
    return c;
}

static void hang_up(struct client *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = -1;
    text_done(&c->got);
}

static void say_span(struct client *c, struct span s)
{
    assert_int_equal(send(c->fd, s.data, s.len, MSG_NOSIGNAL), s.len);
}

static void say(struct client *c, const char *text)
{
    say_span(c, span_c(text));
}

static void hear(struct client *c)
{
    char bytes[65536];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) {
        text_add(&c->got, span_of(bytes, (size_t)n));
    } else if (n == 0) {
        c->eof = true;
    } else if (errno == ECONNRESET) {
        c->eof = c->reset = true;
    }
}

/* Rounds until the client has read `text`, or the end of the connection for NULL. */
static void expect(struct client *c, const char *text)
{
    uint64_t until = clock_now_us() + PATIENCE_US;
    size_t seen = 0; /* large answers: look only at what is new */
    while (!(text ? strstr(c->got.data + seen, text) != NULL : c->eof)) {
        if ((c->eof && text) || clock_now_us() > until) {
            fail_msg("expected \"%s\", got%s:\n%s", text ? text : "EOF",
                     c->eof ? " (then EOF)" : "", c->got.data);
        }
        seen = c->got.len > 256 ? c->got.len - 256 : 0;
        loop_run_once(c->f->loop, ROUND_US);
        hear(c);
    }
}

#define UNTIL(f, condition)                                                                        \
    do {                                                                                           \
        uint64_t until_us = clock_now_us() + PATIENCE_US;                                          \
        while (!(condition)) {                                                                     \
            assert_true(clock_now_us() < until_us);                                                \
            loop_run_once((f)->loop, ROUND_US);                                                    \
        }                                                                                          \
    } while (0)

static void rounds(struct fixture *f, int n)
{
    for (int i = 0; i < n; i++) {
        loop_run_once(f->loop, ROUND_US);
    }
}

/* Each round may wait a millisecond; a loop that is woken all the time makes thousands. */
static bool spins(struct fixture *f)
{
    int n = 0;
    for (uint64_t until = clock_now_us() + 30 * US_PER_MS; clock_now_us() < until; n++) {
        loop_run_once(f->loop, ROUND_US);
    }
    return n > 60;
}

static size_t occurrences(const char *text, const char *what)
{
    struct span all = span_c(text);
    size_t n = 0;
    for (size_t at = 0; (at = span_find(all, span_c(what), at)) != SIZE_MAX; at++) {
        n++;
    }
    return n;
}

/* ---- tests ---- */

static void a_request_is_answered_and_the_connection_kept(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c, "POST /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    expect(&c, "POST /a b?q=1 [hello]");
    assert_true(span_starts(text_span(&c.got), SPAN("HTTP/1.1 200 OK\r\nDate: ")));
    assert_non_null(strstr(c.got.data, " GMT\r\nX-Peer: loopback\r\nContent-Length: 21\r\n\r\n"));
    assert_null(strstr(c.got.data, "Connection:"));
    text_clear(&c.got);
    say(&c, "GET http://else.where/two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(&c, "Connection: close\r\n\r\nGET /two []");
    expect(&c, NULL);
    UNTIL(&f, http_server_connections(f.server) == 0);
    hang_up(&c);
    finish(&f);
}

static void one_byte_at_a_time(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    const char *text =
        "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    for (; *text; text++) {
        say_span(&c, span_of(text, 1));
        loop_run_once(f.loop, ROUND_US);
    }
    expect(&c, "POST /x [ok]");
    assert_int_equal(f.requests, 1);
    hang_up(&c);
    finish(&f);
}

static void http_1_0_and_head_and_204(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect(&c, "Connection: keep-alive\r\n\r\nGET /a []");
    text_clear(&c.got);
    say(&c, "HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(&c, "Content-Length: 10\r\n\r\n");
    assert_null(strstr(c.got.data, "HEAD /h"));
    text_clear(&c.got);
    say(&c, "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(&c, "Transfer-Encoding: chunked\r\n\r\n");
    rounds(&f, 2);
    hear(&c);
    assert_true(span_ends(text_span(&c.got), SPAN("\r\n\r\n")));
    assert_null(strstr(c.got.data, "one"));
    text_clear(&c.got);
    say(&c, "GET /204 HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(&c, "HTTP/1.1 204 No Content\r\n");
    assert_null(strstr(c.got.data, "Length"));
    text_clear(&c.got);
    say(&c, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect(&c, NULL);
    assert_non_null(strstr(c.got.data, "Connection: close\r\n\r\none0123456789abcdefg"));
    hang_up(&c);
    c = dial(&f);
    say(&c, "GET /b HTTP/1.0\r\n\r\n");
    expect(&c, NULL);
    assert_non_null(strstr(c.got.data, "Connection: close\r\n\r\nGET /b []"));
    hang_up(&c);
    finish(&f);
}

static void a_streamed_answer_is_chunked_and_its_first_event_comes_with_the_head(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&f, f.requests == 1);
    hear(&c); /* one read gives all that was written in the round */
    assert_non_null(strstr(
        c.got.data,
        "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n"));
    text_clear(&c.got);

    say(&c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&f, f.held);
    http_answer_begin(f.held, 200, NULL);
    hear(&c);
    assert_int_equal(c.got.len, 0); /* held for what else this round brings */
    rounds(&f, 2);
    http_answer_write(f.held, SPAN("late"));
    expect(&c, "\r\n\r\n4\r\nlate\r\n");
    http_answer_end(f.held);
    hear(&c); /* the end needs no further round */
    assert_non_null(strstr(c.got.data, "late\r\n0\r\n\r\n"));
    hang_up(&c);
    finish(&f);
}

static void refused(const char *request, const char *status,
                    const struct http_server_options *options)
{
    struct fixture f;
    start(&f, options);
    struct client c = dial(&f);
    say(&c, request);
    expect(&c, NULL);
    if (!span_starts(text_span(&c.got), span_c(status)) || c.reset) {
        fail_msg("%s\ngave%s\n%s", request, c.reset ? " a reset and" : "", c.got.data);
    }
    assert_non_null(strstr(c.got.data, "Connection: close\r\n"));
    assert_non_null(strstr(c.got.data, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(c.got.data, "X-Request-Id: req_1\r\n"));
    assert_non_null(strstr(c.got.data, "{\"error\":{\"code\":\""));
    assert_int_equal(f.requests, 0);
    hang_up(&c);
    UNTIL(&f, http_server_connections(f.server) == 0);
    finish(&f);
}

static void what_is_malformed_is_refused_with_json(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n", /* no Host */
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nNa me: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nA: x\r\n folded\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT host:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "nonsense\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        refused(bad[i], "HTTP/1.1 400 Bad Request\r\n", NULL);
    }
}

static char *filled(const char *start_text, const char *piece, size_t times, const char *end)
{
    struct text t;
    text_init(&t, MIB);
    text_add_c(&t, start_text);
    for (size_t i = 0; i < times; i++) {
        text_add_c(&t, piece);
    }
    text_add_c(&t, end);
    return text_take(&t);
}

static void limits(void **state)
{
    (void)state;
    struct http_server_options small = {.body_max = 1000};
    char *text = filled("GET / HTTP/1.1\r\nHost: a\r\nA: ", "x", 65536, "\r\n\r\n");
    refused(text, "HTTP/1.1 431 ", NULL);
    mem_free(text);
    text = filled("GET / HTTP/1.1\r\nHost: a\r\n", "A: b\r\n", 100, "\r\n");
    refused(text, "HTTP/1.1 431 ", NULL);
    mem_free(text);
    /* Announced: refused at once, before a byte of it; the client may still be sending. */
    refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413 ", &small);
    refused(
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 413 ", NULL);
    text = filled("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n", "x", 200000, "");
    refused(text, "HTTP/1.1 413 ", &small);
    mem_free(text);
    text = filled(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "64\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n",
        11, "0\r\n\r\n");
    refused(text, "HTTP/1.1 413 ", &small);
    mem_free(text);
}

static void a_large_body_arrives_whole(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    size_t len = 3 * MIB;
    char head[128];
    snprintf(head, sizeof head, "POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
             len);
    say(&c, head);
    char *body = mem_new(len);
    memset(body, 'b', len);
    size_t sent = 0;
    while (sent < len) {
        ssize_t n = send(c.fd, body + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        loop_run_once(f.loop, ROUND_US);
    }
    expect(&c, "POST /big [bbbb");
    mem_free(body);
    hang_up(&c);
    finish(&f);
}

static void expect_100_continue(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c, "POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
    say(&c, "ok");
    expect(&c, "POST /e [ok]");
    text_clear(&c.got);
    say(&c, "POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nno");
    expect(&c, "POST /e [no]");
    assert_null(strstr(c.got.data, "100 Continue")); /* the body was there already */
    hang_up(&c);
    finish(&f);
}

static void pipelined_requests_are_answered_one_after_the_other(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c,
        "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: a\r\n\r\nGET /4 HT");
    UNTIL(&f, f.held);
    say(&c, "TP/1.1\r\nHost: a\r\n\r\nbad\r\n\r\n");
    rounds(&f, 5);
    assert_int_equal(f.requests, 1); /* one in flight */
    int before = f.requests;
    http_answer(f.held, 200, NULL, SPAN("first;"));
    assert_int_equal(f.requests, before); /* no callback inside the verb */
    expect(&c, NULL);
    assert_int_equal(f.requests, 4);
    const char *last = c.got.data;
    const char *order[] = {"first;", "POST /2 [abc]", "GET /3 []", "GET /4 []", "HTTP/1.1 400"};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        last = strstr(last, order[i]);
        assert_non_null(last);
    }
    assert_int_equal(occurrences(c.got.data, "HTTP/1.1 "), 5);
    hang_up(&c);
    finish(&f);
}

static void a_flood_of_pipelined_bytes_waits_outside(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(&f, f.held);
    struct text flood;
    text_init(&flood, 64 * MIB);
    size_t requests = 0;
    while (flood.len < 4 * MIB) {
        text_add_c(
            &flood,
            "GET /p HTTP/1.1\r\nHost: a\r\nX-Fill: 0123456789012345678901234567890123456789\r\n\r\n");
        requests++;
    }
    size_t sent = 0;
    for (int idle = 0; idle < 20;) {
        ssize_t n = send(c.fd, flood.data + sent, flood.len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        idle = n > 0 && sent < flood.len ? 0 : idle + 1;
        loop_run_once(f.loop, ROUND_US);
    }
    assert_int_equal(f.requests, 1);
    assert_false(spins(&f));
    http_answer(f.held, 200, NULL, SPAN("go"));
    while ((size_t)f.requests < requests + 1) {
        ssize_t n = sent < flood.len ? send(c.fd, flood.data + sent, flood.len - sent,
                                            MSG_DONTWAIT | MSG_NOSIGNAL)
                                     : 0;
        sent += n > 0 ? (size_t)n : 0;
        loop_run_once(f.loop, ROUND_US);
        hear(&c);
        assert_false(c.eof);
    }
    UNTIL(&f, (hear(&c), occurrences(c.got.data + c.got.len - 9, "GET /p []")));
    assert_int_equal(occurrences(c.got.data, "GET /p []"), requests);
    text_done(&flood);
    hang_up(&c);
    finish(&f);
}

static void a_flooding_client_that_resets_is_noticed(void **state)
{
    (void)state;
    struct http_server_options options = {.idle_ms = 40}; /* short sweeps */
    struct fixture f;
    start(&f, &options);
    struct client c = dial(&f);
    say(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(&f, f.held);
    char *flood = mem_new(300000);
    memset(flood, 'x', 300000);
    assert_true(send(c.fd, flood, 300000, MSG_NOSIGNAL | MSG_DONTWAIT) > (ssize_t)(64 * KIB));
    mem_free(flood);
    rounds(&f, 20);
    assert_int_equal(f.gone, 0);
    struct linger now = {.l_onoff = 1};
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    hang_up(&c);
    UNTIL(&f, f.gone == 1);
    assert_int_equal(http_server_connections(f.server), 0);
    finish(&f);
}

static void a_client_that_leaves_is_told_once(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct fixture f;
        start(&f, NULL);
        struct client c = dial(&f);
        say(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
        UNTIL(&f, f.held);
        if (how == 1) {
            http_answer_begin(f.held, 200, NULL);
            http_answer_write(f.held, SPAN("x"));
            expect(&c, "x\r\n");
        }
        uint64_t left = clock_now_us();
        if (how == 2) {
            shutdown(c.fd, SHUT_WR); /* half-close counts as gone */
        } else {
            close(c.fd);
            c.fd = -1;
        }
        UNTIL(&f, f.gone == 1);
        assert_true(clock_now_us() - left < 100 * US_PER_MS);
        rounds(&f, 3);
        assert_int_equal(f.gone, 1);
        assert_int_equal(http_server_connections(f.server), 0);
        hang_up(&c);
        finish(&f);
    }
}

static void an_unwatched_exchange_survives_its_client(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct fixture f;
        start(&f, NULL);
        struct client c = dial(&f);
        say(&c, "GET /unwatched HTTP/1.1\r\nHost: a\r\n\r\n");
        UNTIL(&f, f.held);
        hang_up(&c);
        UNTIL(&f, http_server_connections(f.server) == 0);
        struct http_exchange *x = f.held;
        if (how == 0) {
            http_answer(x, 200, NULL, SPAN("nobody reads this"));
        } else if (how == 1) {
            http_answer_begin(x, 200, NULL);
            http_answer_write(x, SPAN("x"));
            assert_int_equal(http_answer_backlog(x), 0);
            http_answer_end(x);
        } else {
            http_exchange_watch(x, on_gone, on_drained, &f);
            assert_int_equal(f.gone, 0);
            rounds(&f, 1);
            assert_int_equal(f.gone, 1);
        }
        finish(&f);
    }
}

static void a_slow_reader_builds_a_backlog_that_drains(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(&f, f.held);
    struct http_exchange *x = f.held;
    http_answer_begin(x, 200, NULL);
    char *block = mem_new(64 * KIB);
    memset(block, 'y', 64 * KIB);
    size_t written = 0;
    /* An owner that keeps to 256 KiB: memory stays bounded while the reader sleeps. */
    for (int i = 0; i < 300; i++) {
        if (http_answer_backlog(x) < 256 * KIB) {
            http_answer_write(x, span_of(block, 64 * KIB));
            written += 64 * KIB;
        }
        loop_run_once(f.loop, 0);
        assert_true(http_answer_backlog(x) < 256 * KIB + 65 * KIB);
    }
    assert_true(http_answer_backlog(x) >= 256 * KIB);
    assert_true(written < 16 * MIB);
    int drained = f.drained;
    assert_false(spins(&f));
    assert_int_equal(f.drained, drained);
    UNTIL(&f, (hear(&c), f.drained > drained));
    assert_int_equal(http_answer_backlog(x), 0);
    http_answer_end(x);
    expect(&c, "\r\n0\r\n\r\n");
    assert_int_equal(occurrences(c.got.data, "y\r\n10000\r\n") + 1, written / (64 * KIB));
    mem_free(block);
    hang_up(&c);
    finish(&f);
}

static void a_large_whole_answer_is_written_in_parts(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(&f, f.held);
    size_t len = 8 * MIB;
    char *body = mem_new(len);
    memset(body, 'z', len);
    http_answer(f.held, 200, NULL, span_of(body, len));
    mem_free(body);
    assert_int_equal(f.requests, 1); /* the next one waits until this is written */
    expect(&c, "GET /next []");
    assert_true(c.got.len > len);
    hang_up(&c);
    finish(&f);
}

static void a_reader_that_stops_is_given_up(void **state)
{
    (void)state;
    struct http_server_options options = {.write_ms = 40};
    struct fixture f;
    start(&f, &options);
    struct client c = dial(&f);
    say(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(&f, f.held);
    size_t len = 16 * MIB;
    char *body = mem_new(len);
    http_answer_begin(f.held, 200, NULL);
    http_answer_write(f.held, span_of(body, len));
    mem_free(body);
    UNTIL(&f, f.gone == 1);
    assert_int_equal(http_server_connections(f.server), 0);
    hang_up(&c);
    finish(&f);
}

static void a_cut_answer_looks_broken(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(&f, f.held);
    http_answer_begin(f.held, 200, NULL);
    http_answer_write(f.held, SPAN("part"));
    http_answer_cut(f.held);
    expect(&c, NULL);
    assert_non_null(strstr(c.got.data, "4\r\npart\r\n"));
    assert_null(strstr(c.got.data, "0\r\n\r\n"));
    hang_up(&c);

    c = dial(&f); /* HTTP/1.0 has no terminating chunk: only a reset says it */
    f.held = NULL;
    say(&c, "GET /hold HTTP/1.0\r\n\r\n");
    UNTIL(&f, f.held);
    http_answer_begin(f.held, 200, NULL);
    http_answer_write(f.held, SPAN("part"));
    expect(&c, "part");
    http_answer_cut(f.held);
    expect(&c, NULL);
    assert_true(c.reset);
    hang_up(&c);

    c = dial(&f);
    say(&c, "GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(&c, NULL);
    assert_int_equal(c.got.len, 0);
    assert_int_equal(f.gone, 0);
    hang_up(&c);
    finish(&f);
}

static void slow_requests_time_out(void **state)
{
    (void)state;
    struct http_server_options options = {.header_ms = 40, .body_ms = 60, .idle_ms = 40};
    struct fixture f;
    start(&f, &options);
    struct client silent = dial(&f);
    struct client head = dial(&f);
    struct client body = dial(&f);
    struct client idle = dial(&f);
    struct client held = dial(&f);
    say(&held, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(&f, f.held);
    uint64_t begin = clock_now_us();
    uint64_t last_drip = begin;
    say(&body, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n");
    say(&idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(&idle, "GET / []");
    text_clear(&idle.got);
    say(&head, "GET / HTTP/1.1\r\n");
    size_t dripped = 0;
    while (!head.eof) { /* more header bytes do not help; body bytes do */
        if (dripped < 20 && clock_now_us() - begin > (dripped + 1) * 5 * US_PER_MS) {
            say(&head, "A: b\r\n");
            say(&body, "x");
            dripped++;
            last_drip = clock_now_us();
        }
        rounds(&f, 1);
        hear(&head);
        assert_true(clock_now_us() - begin < PATIENCE_US);
    }
    assert_non_null(strstr(head.got.data, "HTTP/1.1 408 "));
    expect(&silent, NULL);
    assert_int_equal(silent.got.len, 0);
    expect(&idle, NULL);
    assert_int_equal(idle.got.len, 0);
    expect(&body, NULL);
    assert_non_null(strstr(body.got.data, "HTTP/1.1 408 "));
    assert_true(clock_now_us() - last_drip >= 60 * US_PER_MS);
    rounds(&f, 60);
    http_answer(f.held, 200, NULL, SPAN("in my own time")); /* the owner has no such limit */
    expect(&held, "in my own time");
    assert_int_equal(f.gone, 0);
    hang_up(&held);
    hang_up(&silent);
    hang_up(&head);
    hang_up(&body);
    hang_up(&idle);
    finish(&f);
}

static void count_drain(void *user)
{
    ((struct fixture *)user)->drain_ended++;
}

static void draining_closes_idle_connections_and_answers_the_rest(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client idle = dial(&f);
    struct client busy = dial(&f);
    struct client half = dial(&f);
    say(&idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(&idle, "GET / []");
    say(&half, "GET /half HTTP/1.1\r\n");
    say(&busy, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(&f, f.held);
    rounds(&f, 3);
    http_server_drain(f.server, count_drain, &f);
    expect(&idle, NULL);
    struct client late = dial(&f); /* the kernel still queues it; a sibling would take it */
    say(&half, "Host: a\r\n\r\n");
    expect(&half, "Connection: close\r\n\r\nGET /half []");
    expect(&half, NULL);
    assert_int_equal(f.drain_ended, 0);
    http_answer(f.held, 200, NULL, SPAN("bye"));
    expect(&busy, "Connection: close\r\n\r\nbye");
    expect(&busy, NULL);
    UNTIL(&f, f.drain_ended == 1);
    assert_int_equal(http_server_connections(f.server), 0);
    hang_up(&idle);
    hang_up(&busy);
    hang_up(&half);
    hang_up(&late);
    finish(&f);

    start(&f, NULL); /* nothing to wait for: still not inside the call */
    http_server_drain(f.server, count_drain, &f);
    assert_int_equal(f.drain_ended, 0);
    rounds(&f, 1);
    assert_int_equal(f.drain_ended, 1);
    finish(&f);
}

static void freeing_the_server_tells_the_owners(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(&f, f.held);
    finish(&f);
    assert_int_equal(f.gone, 1);
    hang_up(&c);
}

static void accepting_waits_at_the_limit(void **state)
{
    (void)state;
    struct http_server_options options = {.connections_max = 2};
    struct fixture f;
    start(&f, &options);
    struct client a = dial(&f);
    struct client b = dial(&f);
    struct client c = dial(&f);
    say(&c, "GET /c HTTP/1.1\r\nHost: a\r\n\r\n");
    rounds(&f, 5);
    assert_int_equal(http_server_connections(f.server), 2);
    assert_false(spins(&f));
    hang_up(&a);
    expect(&c, "GET /c []");
    hang_up(&b);
    hang_up(&c);
    finish(&f);
}

static void accepting_survives_a_lack_of_descriptors(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    say(&c, "GET /c HTTP/1.1\r\nHost: a\r\n\r\n");
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    rounds(&f, 3);
    assert_false(spins(&f));
    assert_int_equal(http_server_connections(f.server), 0);
    setrlimit(RLIMIT_NOFILE, &before);
    expect(&c, "GET /c []");
    hang_up(&c);
    finish(&f);
}

static void a_thousand_requests_on_one_connection(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL);
    struct client c = dial(&f);
    for (int i = 0; i < 1000; i++) {
        char text[64];
        snprintf(text, sizeof text, "GET /n%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
        say(&c, text);
        snprintf(text, sizeof text, "GET /n%d []", i);
        text_clear(&c.got);
        expect(&c, text);
    }
    assert_int_equal(f.requests, 1000);
    hang_up(&c);
    finish(&f);
}

static void listening(void **state)
{
    (void)state;
    int fd = -1;
    int other = -1;
    char bound[128];
    struct fault fault = {0};
    assert_int_equal(http_listen("127.0.0.1:0", &fd, bound, &fault), OK);
    assert_int_equal(http_listen(bound, &other, NULL, &fault), ERR_IO);
    assert_non_null(strstr(fault.text, "address already in use"));
    assert_non_null(strstr(fault.text, bound));
    assert_int_equal(other, -1);
    close(fd);
    assert_int_equal(http_listen(bound, &fd, NULL, &fault), OK); /* free again at once */
    close(fd);
    static const char *const bad[] = {"",
                                      ":80",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:x",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "[::1:80",
                                      "a b:80",
                                      "example.org:80",
                                      "unix:",
                                      "127.0.0.1:+80"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (http_listen(bad[i], &fd, NULL, &fault) != ERR_INVALID) {
            fail_msg("%s was taken", bad[i]);
        }
    }
    assert_int_equal(http_listen("192.0.2.1:0", &fd, NULL, &fault), ERR_IO);

    char path[64];
    snprintf(path, sizeof path, "unix:/tmp/weir-http-test-%d", (int)getpid());
    assert_int_equal(http_listen(path, &fd, bound, &fault), OK);
    assert_string_equal(bound, path);
    assert_int_equal(http_listen(path, &other, NULL, &fault), ERR_IO); /* live */
    close(fd);
    assert_int_equal(http_listen(path, &fd, NULL, &fault), OK); /* stale */
    close(fd);
    unlink(path + 5);
    FILE *file = fopen(path + 5, "w");
    fclose(file);
    assert_int_equal(http_listen(path, &fd, NULL, &fault), ERR_IO); /* not ours to replace */
    unlink(path + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered_and_the_connection_kept),
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(http_1_0_and_head_and_204),
        cmocka_unit_test(a_streamed_answer_is_chunked_and_its_first_event_comes_with_the_head),
        cmocka_unit_test(what_is_malformed_is_refused_with_json),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_large_body_arrives_whole),
        cmocka_unit_test(expect_100_continue),
        cmocka_unit_test(pipelined_requests_are_answered_one_after_the_other),
        cmocka_unit_test(a_flood_of_pipelined_bytes_waits_outside),
        cmocka_unit_test(a_flooding_client_that_resets_is_noticed),
        cmocka_unit_test(a_client_that_leaves_is_told_once),
        cmocka_unit_test(an_unwatched_exchange_survives_its_client),
        cmocka_unit_test(a_slow_reader_builds_a_backlog_that_drains),
        cmocka_unit_test(a_large_whole_answer_is_written_in_parts),
        cmocka_unit_test(a_reader_that_stops_is_given_up),
        cmocka_unit_test(a_cut_answer_looks_broken),
        cmocka_unit_test(slow_requests_time_out),
        cmocka_unit_test(draining_closes_idle_connections_and_answers_the_rest),
        cmocka_unit_test(freeing_the_server_tells_the_owners),
        cmocka_unit_test(accepting_waits_at_the_limit),
        cmocka_unit_test(accepting_survives_a_lack_of_descriptors),
        cmocka_unit_test(a_thousand_requests_on_one_connection),
        cmocka_unit_test(listening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
