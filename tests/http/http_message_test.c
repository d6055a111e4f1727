/* SPDX-License-Identifier: Apache-2.0 */
/* The parser without sockets: every message is fed whole and in steps of every length. */
#include "http/message.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct reading {
    struct arena *arena;
    struct head_spare spare;
    struct headers headers;
    struct span method, target;
    struct text body;
    int heads, status;
    enum message_result result;
    size_t rest;
};

static bool add_body(void *user, struct span bytes)
{
    struct reading *r = user;
    text_add(&r->body, bytes);
    return !r->body.overflow;
}

static void read_done(struct reading *r)
{
    head_spare_done(&r->spare);
    text_done(&r->body);
    arena_free(r->arena);
}

/* One message; `rest` is what it left of the bytes. */
static void read_message(struct reading *r, bool is_request, struct span bytes, size_t step,
                         bool eof)
{
    *r = (struct reading){.arena = arena_new(), .result = MESSAGE_MORE};
    headers_init(&r->headers, r->arena);
    text_init(&r->body, 1000);
    text_add_c(&r->body, "");
    struct message m;
    message_start(&m, is_request, &r->spare, add_body, r);
    while (bytes.len && r->result == MESSAGE_MORE) {
        struct span portion = span_first(bytes, step);
        size_t fed = portion.len;
        do {
            r->result = message_feed(&m, &portion);
            if (r->result == MESSAGE_HEAD) {
                message_take_head(&m, &r->headers, &r->method, &r->target);
                r->heads++;
            }
        } while (r->result == MESSAGE_HEAD);
        bytes = span_from(bytes, fed - portion.len);
    }
    if (eof && r->result == MESSAGE_MORE) {
        r->result = message_feed_eof(&m);
    }
    r->status = message_status(&m);
    r->rest = bytes.len;
    message_end(&m);
    message_end(&m);
}

static void expect_body(bool is_request, const char *text, bool eof, const char *body, size_t rest)
{
    for (size_t step = 1; step <= strlen(text); step++) {
        struct reading r;
        read_message(&r, is_request, span_c(text), step, eof);
        if (r.result != MESSAGE_DONE || strcmp(r.body.data, body) != 0 || r.rest != rest) {
            fail_msg("step %zu: result %d, body %s, rest %zu of\n%s", step, r.result, r.body.data,
                     r.rest, text);
        }
        assert_int_equal(r.heads, 1);
        read_done(&r);
    }
}

static void requests(void **state)
{
    (void)state;
    expect_body(true, "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET", false, "", 3);
    expect_body(true, "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", false, "", 0);
    expect_body(true, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloPOST /", false, "hello", 6);
    expect_body(true, "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nx", false, "", 1);
    expect_body(
        true,
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b;c=\"d\"\r\nabc\r\n00A\r\n0123456789\r\n0\r\nT: r\r\n\r\nX",
        false, "abc0123456789", 1);
    /* Asking to switch protocols is answered as if it had not asked. */
    expect_body(
        true,
        "POST / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok",
        false, "ok", 0);
    expect_body(true, "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nGET",
                false, "", 3);
    expect_body(true, "CONNECT h:1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nok", false, "ok", 0);
    expect_body(true, "GET / HTTP/1.0\r\n\r\n", false, "", 0);
    expect_body(true, "GET / HTTP/1.1\r\nConnection: close\r\n\r\nmore", false, "", 4);
}

static void heads_are_copied_out(void **state)
{
    (void)state;
    const char *text =
        "POST /p?q HTTP/1.1\r\nHost:x\r\nEmpty:\r\nX-A:  two words \t\r\nx-a: \xfc\r\nContent-Length: 0\r\n\r\n";
    for (size_t step = 1; step <= strlen(text); step++) {
        struct reading r;
        read_message(&r, true, span_c(text), step, false);
        assert_int_equal(r.result, MESSAGE_DONE);
        assert_true(span_is(r.method, "POST"));
        assert_true(span_is(r.target, "/p?q"));
        assert_int_equal(r.headers.count, 5);
        assert_true(span_is(headers_get(&r.headers, "host"), "x"));
        assert_true(span_is(headers_get(&r.headers, "EMPTY"), ""));
        assert_true(span_is(headers_get(&r.headers, "x-a"), "two words"));
        assert_true(span_is(r.headers.items[3].value, "\xfc"));
        headers_add(&r.headers, SPAN("Later"), SPAN("a\r\nb: c"));
        assert_true(span_is(headers_get(&r.headers, "later"), "a  b: c"));
        read_done(&r);
    }
}

static void malformed_requests_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\nNa me: x\r\n\r\n",
        "GET / HTTP/1.1\r\nName : x\r\n\r\n",
        "GET / HTTP/1.1\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nA: x\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n A: x\r\n\r\n",
        "GET / HTTP/1.1\nA: x\n\n",
        "GET / HTTP/1.1\r\nA: x\nB: y\r\n\r\n",
        "GET / HTTP/1.1\r\nA: x\rB: y\r\n\r\n",
        "GET / HTTP/1.1\r\nA: x\x01y\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.2\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/0.9\r\n\r\n",
        "GET / HTTPS/1.1\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "BREW / HTTP/1.1\r\n\r\n",
        "get / HTTP/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        for (size_t step = 1; step <= strlen(bad[i]); step++) {
            struct reading r;
            read_message(&r, true, span_c(bad[i]), step, true);
            if (r.result != MESSAGE_BAD) {
                fail_msg("step %zu: result %d for\n%s", step, r.result, bad[i]);
            }
            read_done(&r);
        }
    }
    struct reading r;
    read_message(&r, true, SPAN("GET / HTTP/1.1\r\nA: x\0y\r\n\r\n"), 99, false);
    assert_int_equal(r.result, MESSAGE_BAD);
    read_done(&r);
    read_message(&r, true, SPAN("GET /\0 HTTP/1.1\r\n\r\n"), 99, false);
    assert_int_equal(r.result, MESSAGE_BAD);
    read_done(&r);
}

static void answers(void **state)
{
    (void)state;
    expect_body(false, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP", false, "ok", 4);
    expect_body(false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                false, "ok", 0);
    expect_body(false, "HTTP/1.1 200 OK\r\n\r\nuntil the end", true, "until the end", 0);
    expect_body(false, "HTTP/1.0 200 OK\r\n\r\n", true, "", 0);
    expect_body(false, "HTTP/1.1 204\r\n\r\nx", false, "", 1);
    expect_body(false, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\nx", false, "", 1);
    expect_body(false, "HTTP/1.1 100 Continue\r\n\r\nHTTP", false, "", 4);
    expect_body(false, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP", false, "", 4);
    expect_body(false, "HTTP/1.1 150 Odd\r\nContent-Length: 5\r\n\r\nHTTP/", false, "", 5);
    expect_body(false, "HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n", false, "", 0);
    static const char *const bad[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ncut",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ncut",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ncut\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Enc",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nNa me: x\r\n\r\nx",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/3.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "<html>",
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        for (size_t step = 1; step <= strlen(bad[i]) + 1; step++) {
            struct reading r;
            read_message(&r, false, span_c(bad[i]), step, true);
            if (r.result != MESSAGE_BAD) {
                fail_msg("step %zu: result %d for\n%s", step, r.result, bad[i]);
            }
            read_done(&r);
        }
    }
}

static enum message_result read_filled(const char *start, const char *piece, size_t times,
                                       const char *end, size_t step)
{
    struct text t;
    text_init(&t, MIB);
    text_add_c(&t, start);
    for (size_t i = 0; i < times; i++) {
        text_add_c(&t, piece);
    }
    text_add_c(&t, end);
    struct reading r;
    read_message(&r, true, text_span(&t), step, false);
    read_done(&r);
    text_done(&t);
    return r.result;
}

static void limits(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 1000, MIB};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        size_t step = steps[i];
        assert_int_equal(read_filled("GET / HTTP/1.1\r\n", "A: b\r\n", 100, "\r\n", step),
                         MESSAGE_DONE);
        assert_int_equal(read_filled("GET / HTTP/1.1\r\n", "A: b\r\n", 101, "\r\n", step),
                         MESSAGE_HEAD_SIZE);
        size_t room = HEADER_BYTES_MAX - strlen("GET / HTTP/1.1\r\nA: \r\n\r\n");
        assert_int_equal(read_filled("GET / HTTP/1.1\r\nA: ", "x", room - 1, "\r\n\r\n", step),
                         MESSAGE_DONE);
        assert_int_equal(read_filled("GET / HTTP/1.1\r\nA: ", "x", room, "\r\n\r\n", step),
                         MESSAGE_HEAD_SIZE);
        assert_int_equal(read_filled("GET / HTTP/1.1\r\nA: ", " ", room, "\r\n\r\n", step),
                         MESSAGE_HEAD_SIZE);
        assert_int_equal(read_filled("GET /", "x", 70000, " HTTP/1.1\r\n\r\n", step),
                         MESSAGE_HEAD_SIZE);
        assert_int_equal(read_filled("", "\r\n", 70000, "", step), MESSAGE_HEAD_SIZE);
        const char *chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_int_equal(read_filled(chunked, "1\r\nx\r\n", 1000, "0\r\n\r\n", step), MESSAGE_DONE);
        assert_int_equal(read_filled(chunked, "1\r\nx\r\n", 1001, "0\r\n\r\n", step),
                         MESSAGE_STOPPED);
        assert_int_equal(read_filled("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x",
                                     200000, "", step),
                         MESSAGE_BAD);
        assert_int_equal(read_filled("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                                     "T: x\r\n", 100000, "", step),
                         MESSAGE_BAD);
    }
}

static void targets(void **state)
{
    (void)state;
    static const struct {
        const char *target, *path, *query;
    } cases[] = {
        {"/", "/", NULL},
        {"/a?b=c?d", "/a", "b=c?d"},
        {"/a?", "/a", ""},
        {"/a%20b%2Fc%c3%A4", "/a b/c\xc3\xa4", NULL},
        {"/x?%zz", "/x", "%zz"},
        {"*", "*", NULL},
        {"http://host:80/p?q", "/p", "q"},
        {"HTTPS://host", "/", NULL},
        {"http://host?q", "/", "q"},
        {"//double/slash", "//double/slash", NULL},
        {"/%00", NULL, NULL},
        {"/%", NULL, NULL},
        {"/%4", NULL, NULL},
        {"/%g1", NULL, NULL},
        {"host:443", NULL, NULL},
        {"http:///p", NULL, NULL},
        {"ftp://host/", NULL, NULL},
        {"/a#b", NULL, NULL},
        {"http://host#x", NULL, NULL},
        {"", NULL, NULL},
        {"a", NULL, NULL},
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span path = SPAN_NONE;
        struct span query = SPAN_NONE;
        bool good = target_split(a, span_c(cases[i].target), &path, &query);
        if (good != (cases[i].path != NULL) || (good && !span_is(path, cases[i].path)) ||
            (good && (span_given(query) != (cases[i].query != NULL) ||
                      !span_eq(query, span_c(cases[i].query))))) {
            fail_msg("%s gave %d %.*s ? %.*s", cases[i].target, good, SPAN_ARG(path),
                     SPAN_ARG(query));
        }
    }
    arena_free(a);
}

static void tokens(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct headers h;
    headers_init(&h, a);
    headers_add(&h, SPAN("Connection"), SPAN("keep-alive , Upgrade"));
    headers_add(&h, SPAN("connection"), SPAN("x"));
    headers_addf(&h, "N", "%0300d", 7);
    assert_true(headers_has_token(&h, "connection", "upgrade"));
    assert_true(headers_has_token(&h, "connection", "X"));
    assert_false(headers_has_token(&h, "connection", "keep"));
    assert_false(headers_has_token(NULL, "connection", "keep"));
    assert_int_equal(headers_get(&h, "n").len, 300);
    assert_false(span_given(headers_get(&h, "none")));
    for (int i = 0; i < 50; i++) {
        headers_addf(&h, "K", "%d", i);
    }
    assert_true(span_is(h.items[h.count - 1].value, "49"));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(heads_are_copied_out),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(answers),
        cmocka_unit_test(limits),
        cmocka_unit_test(targets),
        cmocka_unit_test(tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
