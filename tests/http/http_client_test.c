/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a scripted peer (plain sockets, so that it can misbehave) and against our own server. */
#include "base/clock.h"
#include "http/client.h"
#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_US (20 * (uint64_t)US_PER_S)
#define ROUND_US 1000

struct fixture {
    struct loop *loop;
    struct http_client *client;
    int listener;
    char address[128];
    /* the scripted peer's end of the newest connection */
    int peer;
    struct text heard;
    /* our own server, where a test starts one */
    struct http_server *server;
    int requests;
};

struct answer {
    struct fixture *f;
    struct http_call *call;
    int heads, ends, status;
    enum http_end end;
    struct text body;
    char detail[256];
    char type[64];
    bool cancel_in_head, cancel_in_body, again;
};

/* ---- the caller's side ---- */

static void on_head(void *user, int status, const struct headers *headers)
{
    struct answer *a = user;
    a->heads++;
    a->status = status;
    snprintf(a->type, sizeof a->type, "%.*s", SPAN_ARG(headers_get(headers, "content-type")));
    if (a->cancel_in_head) {
        http_call_cancel(a->call);
    }
}

static void on_body(void *user, struct span bytes)
{
    struct answer *a = user;
    assert_int_equal(a->heads, 1);
    assert_int_equal(a->ends, 0);
    text_add(&a->body, bytes);
    if (a->cancel_in_body) {
        http_call_cancel(a->call);
    }
}

static void on_end(void *user, enum http_end end, const char *detail);
static const struct http_call_type type = {on_head, on_body, on_end};

static void ask(struct fixture *f, struct answer *a, struct http_call_options o)
{
    if (!a->body.max) {
        *a = (struct answer){.f = f,
                             .cancel_in_head = a->cancel_in_head,
                             .cancel_in_body = a->cancel_in_body,
                             .again = a->again};
        text_init(&a->body, 64 * MIB);
        text_add_c(&a->body, "");
    }
    o.address = o.address ? o.address : f->address;
    o.path = o.path ? o.path : "/";
    o.method = o.method ? o.method : "GET";
    int ends = a->ends;
    a->call = http_call_start(f->client, &o, &type, a);
    assert_int_equal(a->ends, ends); /* never inside start */
}

static void on_end(void *user, enum http_end end, const char *detail)
{
    struct answer *a = user;
    a->ends++;
    a->end = end;
    snprintf(a->detail, sizeof a->detail, "%s", detail);
    if (a->again) { /* a new call from inside on_end may use the same connection */
        a->again = false;
        ask(a->f, a, (struct http_call_options){.path = "/again"});
    }
}

static void answer_done(struct answer *a)
{
    text_done(&a->body);
    *a = (struct answer){0};
}

/* ---- the peer's side ---- */

static void start(struct fixture *f, size_t idle_max)
{
    *f = (struct fixture){.loop = loop_new(), .peer = -1};
    f->client = http_client_new(f->loop, idle_max);
    assert_int_equal(http_listen("127.0.0.1:0", &f->listener, f->address, NULL), OK);
    text_init(&f->heard, 64 * MIB);
    text_add_c(&f->heard, "");
}

static void hang_up(struct fixture *f)
{
    if (f->peer >= 0) {
        close(f->peer);
        f->peer = -1;
    }
}

static void finish(struct fixture *f)
{
    http_client_free(f->client);
    http_server_free(f->server);
    hang_up(f);
    close(f->listener);
    text_done(&f->heard);
    loop_free(f->loop);
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

static bool picked_up(struct fixture *f)
{
    int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        hang_up(f);
        f->peer = fd;
    }
    return fd >= 0;
}

static bool heard(struct fixture *f, const char *text)
{
    char bytes[65536];
    ssize_t n = recv(f->peer, bytes, sizeof bytes, 0);
    if (n > 0) {
        text_add(&f->heard, span_of(bytes, (size_t)n));
    }
    size_t from = f->heard.len > MIB ? f->heard.len - sizeof bytes - 64
                                     : 0; /* long bodies: only what is new */
    return strstr(f->heard.data + from, text) != NULL;
}

static bool peer_sees_end(struct fixture *f)
{
    char bytes[4096];
    ssize_t n = recv(f->peer, bytes, sizeof bytes, 0);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

/* The peer takes a connection and hears a request on it. */
static void hear_request(struct fixture *f)
{
    UNTIL(f, picked_up(f));
    text_clear(&f->heard);
    UNTIL(f, heard(f, "\r\n\r\n"));
}

static void say(struct fixture *f, const char *text)
{
    assert_int_equal(send(f->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* ---- tests ---- */

static void a_call_and_its_answer(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    struct arena *arena = arena_new();
    struct headers h;
    headers_init(&h, arena);
    headers_add(&h, SPAN("X-A"), SPAN("one\r\nX-Forged: 1"));
    headers_add(&h, SPAN("Content-Length"), SPAN("77"));
    struct answer a = {0};
    ask(&f, &a,
        (struct http_call_options){
            .method = "POST", .path = "/p q\r\n?x", .headers = &h, .body = SPAN("hello")});
    UNTIL(&f, picked_up(&f));
    UNTIL(&f, heard(&f, "hello"));
    char expected[256];
    snprintf(
        expected, sizeof expected,
        "POST /p%%20q%%0D%%0A?x HTTP/1.1\r\nHost: %s\r\nX-A: one  X-Forged: 1\r\nContent-Length: 5\r\n\r\nhello",
        f.address);
    assert_string_equal(f.heard.data, expected);
    say(&f, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    rounds(&f, 3);
    assert_int_equal(a.heads, 0);
    say(&f,
        "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    UNTIL(&f, a.body.len == 3); /* as it comes */
    assert_int_equal(a.status, 201);
    assert_string_equal(a.type, "text/plain");
    say(&f, "2\r\nde\r\n0\r\n\r\n");
    assert_true(http_call_connect_us(a.call) > 0);
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_OK);
    assert_string_equal(a.body.data, "abcde");
    answer_done(&a);
    arena_free(arena);
    finish(&f);
}

static void one_byte_at_a_time(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    struct answer a = {0};
    ask(&f, &a, (struct http_call_options){0});
    hear_request(&f);
    for (const char *p = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"; *p; p++) {
        assert_int_equal(send(f.peer, p, 1, 0), 1);
        loop_run_once(f.loop, ROUND_US);
    }
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_OK);
    assert_string_equal(a.body.data, "hello");
    answer_done(&a);
    finish(&f);
}

static void bodies_of_every_framing(void **state)
{
    (void)state;
    static const struct {
        const char *method, *answer, *body;
        bool close, reusable;
        enum http_end end;
    } cases[] = {
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false, true, HTTP_END_OK},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", "ok", false, false, HTTP_END_OK},
        {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok", false,
         false, HTTP_END_OK},
        {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false, false, HTTP_END_OK},
        {"GET", "HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", true, false, HTTP_END_OK},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\n", "", false, true, HTTP_END_OK},
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "", false, true, HTTP_END_OK},
        {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", false, true,
         HTTP_END_OK},
        {"GET", "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "", false, true,
         HTTP_END_OK},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", "half", true, false,
         HTTP_END_CUT},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "half", true,
         false, HTTP_END_CUT},
        {"GET", "HTTP/1.1 200 O", "", true, false, HTTP_END_CUT},
        {"GET", "", "", true, false, HTTP_END_CUT},
        {"GET", "SSH-2.0-OpenSSH_9.2\r\n", "", false, false, HTTP_END_BAD},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "", false, false,
         HTTP_END_BAD},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "", false,
         false, HTTP_END_BAD},
        {"GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "",
         false, false, HTTP_END_BAD},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokxx", "ok", false,
         false, HTTP_END_BAD},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        start(&f, 4);
        struct answer a = {0};
        ask(&f, &a, (struct http_call_options){.method = cases[i].method});
        hear_request(&f);
        say(&f, cases[i].answer);
        if (cases[i].close) {
            shutdown(f.peer, SHUT_WR);
        }
        UNTIL(&f, a.ends);
        if (a.end != cases[i].end || strcmp(a.body.data, cases[i].body) != 0) {
            fail_msg("end %d (%s), body %s for\n%s", a.end, a.detail, a.body.data, cases[i].answer);
        }
        if (cases[i].reusable) {
            answer_done(&a);
            ask(&f, &a, (struct http_call_options){.path = "/second"});
            assert_int_equal(http_call_connect_us(a.call), 0);
            UNTIL(&f, heard(&f, "/second"));
            say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            UNTIL(&f, a.ends);
            assert_int_equal(a.end, HTTP_END_OK);
        } else {
            UNTIL(&f, peer_sees_end(&f));
        }
        answer_done(&a);
        finish(&f);
    }
}

static void no_connection(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    static const char *const bad[] = {"127.0.0.1:1", "unix:/nonexistent/sock", "no-port",
                                      "[::1",        "host.invalid:80",        "localhost:1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct answer a = {0};
        ask(&f, &a, (struct http_call_options){.address = bad[i]});
        UNTIL(&f, a.ends);
        bool unknown = strstr(bad[i], ".invalid"); /* a name that nobody knows is a network fact */
        if (a.end != (unknown ? HTTP_END_OFFLINE : HTTP_END_CONNECT) || !strstr(a.detail, bad[i])) {
            fail_msg("%s: %d %s", bad[i], a.end, a.detail);
        }
        answer_done(&a);
    }
    struct answer a = {0};
    ask(&f, &a, (struct http_call_options){.address = "other.invalid:80"});
    http_call_cancel(a.call); /* while its name is looked up */
    answer_done(&a);
    ask(&f, &a, (struct http_call_options){.address = "third.invalid:80"});
    finish(&f); /* with a lookup under way */
    assert_int_equal(a.ends, 0);
    answer_done(&a);
}

static void names_and_unix_sockets(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    char address[128];
    snprintf(address, sizeof address, "localhost:%s", strrchr(f.address, ':') + 1);
    struct answer a = {0};
    ask(&f, &a, (struct http_call_options){.address = address});
    hear_request(&f);
    say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_OK);
    answer_done(&a);

    int v6 = -1;
    char bound[128];
    if (http_listen("[::1]:0", &v6, bound, NULL) ==
        OK) { /* nobody on 127.0.0.1: the second address it is */
        hang_up(&f);
        close(f.listener);
        f.listener = v6;
        snprintf(address, sizeof address, "localhost:%s", strrchr(bound, ':') + 1);
        ask(&f, &a, (struct http_call_options){.address = address});
        hear_request(&f);
        say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        UNTIL(&f, a.ends);
        assert_int_equal(a.end, HTTP_END_OK);
        answer_done(&a);
    }

    hang_up(&f);
    close(f.listener);
    snprintf(address, sizeof address, "unix:/tmp/weir-client-test-%d", (int)getpid());
    assert_int_equal(http_listen(address, &f.listener, NULL, NULL), OK);
    ask(&f, &a, (struct http_call_options){.address = address});
    hear_request(&f);
    assert_non_null(strstr(f.heard.data, "Host: localhost\r\n"));
    say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_OK);
    answer_done(&a);
    unlink(address + 5);
    finish(&f);
}

static void expect_timeout(struct http_call_options o, const char *part, enum http_end end)
{
    struct fixture f;
    start(&f, 4);
    struct answer a = {0};
    uint64_t begin = clock_now_us();
    ask(&f, &a, o);
    hear_request(&f);
    say(&f, part);
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, end);
    uint64_t took = clock_now_us() - begin;
    assert_true(took >= 40 * US_PER_MS && took < 1000 * US_PER_MS);
    UNTIL(&f, peer_sees_end(&f));
    answer_done(&a);
    finish(&f);
}

static void time_outs(void **state)
{
    (void)state;
    expect_timeout((struct http_call_options){.first_byte_ms = 40, .idle_ms = 5000}, "",
                   HTTP_END_FIRST_BYTE);
    expect_timeout((struct http_call_options){.first_byte_ms = 40}, "HTTP/1.1 100 Continue\r\n\r\n",
                   HTTP_END_FIRST_BYTE);
    expect_timeout((struct http_call_options){.first_byte_ms = 2000, .idle_ms = 40},
                   "HTTP/1.1 200 OK\r\n", HTTP_END_IDLE);
    expect_timeout((struct http_call_options){.idle_ms = 40},
                   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", HTTP_END_IDLE);
    expect_timeout((struct http_call_options){.total_ms = 40},
                   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", HTTP_END_TOTAL);
    expect_timeout((struct http_call_options){.total_ms = 40}, "", HTTP_END_TOTAL);
}

static void progress_puts_idleness_off(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    struct answer a = {0};
    ask(&f, &a, (struct http_call_options){.idle_ms = 40, .first_byte_ms = 40});
    hear_request(&f);
    say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    uint64_t begin = clock_now_us();
    for (int i = 0; i < 10; i++) {
        say(&f, "x");
        for (uint64_t next = clock_now_us() + 10 * US_PER_MS; clock_now_us() < next;) {
            loop_run_once(f.loop, ROUND_US);
        }
    }
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_OK);
    assert_true(clock_now_us() - begin > 60 * US_PER_MS);
    answer_done(&a);
    finish(&f);
}

static void connecting_takes_too_long(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    /* A listener whose queue is full drops the SYN: the connection stays in the making. */
    assert_int_equal(listen(f.listener, 0), 0);
    struct answer filler[3] = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(filler); i++) {
        ask(&f, &filler[i], (struct http_call_options){.fresh = true});
        rounds(&f, 2);
    }
    struct answer a = {0};
    ask(&f, &a, (struct http_call_options){.connect_ms = 40});
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_CONNECT);
    answer_done(&a);
    finish(&f);
    for (size_t i = 0; i < ARRAY_LEN(filler); i++) {
        answer_done(&filler[i]);
    }
}

static void a_dead_idle_connection_is_stale_or_not_used(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    struct answer a = {0};
    for (int noticed = 0; noticed < 2; noticed++) {
        ask(&f, &a, (struct http_call_options){0});
        hear_request(&f);
        say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        UNTIL(&f, a.ends);
        answer_done(&a);
        if (noticed) {
            hang_up(&f);
            rounds(&f, 2); /* the loop sees the end first */
            ask(&f, &a, (struct http_call_options){0});
            hear_request(&f);
            say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            UNTIL(&f, a.ends);
            assert_int_equal(a.end, HTTP_END_OK);
        } else {
            ask(&f, &a, (struct http_call_options){.method = "POST", .body = SPAN("x")});
            UNTIL(&f, heard(&f, "POST"));
            hang_up(&f);
            UNTIL(&f, a.ends);
            assert_int_equal(a.end, HTTP_END_STALE);
        }
        answer_done(&a);
    }
    finish(&f);
}

static void a_reused_connection_that_dies_mid_answer_is_cut(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    struct answer a = {0};
    ask(&f, &a, (struct http_call_options){0});
    hear_request(&f);
    say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    UNTIL(&f, a.ends);
    answer_done(&a);
    ask(&f, &a, (struct http_call_options){.path = "/2"});
    UNTIL(&f, heard(&f, "/2"));
    say(&f, "H");
    hang_up(&f);
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_CUT);
    answer_done(&a);
    finish(&f);
}

static void cancelling_closes_at_once(void **state)
{
    (void)state;
    for (int how = 0; how < 5; how++) {
        struct fixture f;
        start(&f, 4);
        struct answer a = {.cancel_in_head = how == 3, .cancel_in_body = how == 4};
        ask(&f, &a, (struct http_call_options){0});
        if (how == 0) {
            http_call_cancel(a.call); /* while connecting */
            rounds(&f, 3);
        } else {
            hear_request(&f);
            if (how == 1) {
                http_call_cancel(a.call);
            } else {
                say(&f,
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
                if (how == 2) {
                    UNTIL(&f, a.ends);
                }
                UNTIL(&f, a.heads);
            }
            if (how != 2) {
                UNTIL(&f, peer_sees_end(&f));
            }
        }
        assert_int_equal(a.ends, how == 2);
        assert_int_equal(a.body.len, how == 2 ? 6 : how == 4 ? 3 : 0);
        answer_done(&a);
        finish(&f);
    }
}

static void freeing_the_client_ends_calls_silently(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    struct answer a = {0};
    struct answer b = {0};
    ask(&f, &a, (struct http_call_options){0});
    hear_request(&f);
    say(&f, "HTTP/1.1 200 OK\r\n\r\nabc");
    UNTIL(&f, a.body.len);
    ask(&f, &b, (struct http_call_options){.address = "unix:/nonexistent"});
    finish(&f);
    assert_int_equal(a.ends + b.ends, 0);
    answer_done(&a);
    answer_done(&b);
}

static void limits(void **state)
{
    (void)state;
    static const struct {
        const char *head, *piece;
        size_t times;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "", 0}, /* announced: at once */
        {"HTTP/1.1 200 OK\r\n\r\n", "x", 1001},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 1001},
        {"HTTP/1.1 200 OK\r\n", "A: b\r\n", 101},
        {"HTTP/1.1 200 OK\r\nA: ", "x", 65536},
        {"", "HTTP/1.1 100 Continue\r\n\r\n", 65},
        {"HTTP/1.1 200 ", "x", 65536},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        start(&f, 4);
        struct answer a = {0};
        ask(&f, &a, (struct http_call_options){.body_max = 1000});
        hear_request(&f);
        struct text t;
        text_init(&t, MIB);
        text_add_c(&t, cases[i].head);
        for (size_t k = 0; k < cases[i].times; k++) {
            text_add_c(&t, cases[i].piece);
        }
        say(&f, t.data);
        text_done(&t);
        UNTIL(&f, a.ends);
        if (a.end != HTTP_END_BAD) {
            fail_msg("case %zu ended as %d: %s", i, a.end, a.detail);
        }
        assert_true(a.body.len <= 1000);
        answer_done(&a);
        finish(&f);
    }
}

static void a_large_request_is_sent_in_parts(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    size_t len = 8 * MIB;
    char *body = mem_new(len + 1);
    memset(body, 'r', len);
    struct answer a = {0};
    ask(&f, &a, (struct http_call_options){.method = "PUT", .body = span_of(body, len)});
    memset(body, 'X', len); /* it was copied */
    UNTIL(&f, picked_up(&f));
    UNTIL(&f, (heard(&f, "\r\n\r\nX"), f.heard.len > len));
    assert_int_equal(f.heard.data[f.heard.len - 1], 'r');
    assert_null(strchr(f.heard.data, 'X'));
    mem_free(body);
    say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_OK);
    answer_done(&a);
    finish(&f);
}

static void an_early_refusal_of_a_large_request_is_heard(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    size_t len = 8 * MIB;
    char *body = mem_new(len);
    struct answer a = {0};
    ask(&f, &a, (struct http_call_options){.method = "PUT", .body = span_of(body, len)});
    mem_free(body);
    hear_request(&f);
    say(&f, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_OK);
    assert_int_equal(a.status, 413);
    UNTIL(&f, (heard(&f, "\x01"), peer_sees_end(&f))); /* half a request is on it: not used again */
    answer_done(&a);
    finish(&f);
}

static void an_answer_may_overtake_its_request(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    size_t len = 8 * MIB;
    char *body = mem_new(len);
    memset(body, 'r', len);
    struct answer a = {0};
    ask(&f, &a,
        (struct http_call_options){
            .method = "PUT", .body = span_of(body, len), .first_byte_ms = 40});
    mem_free(body);
    hear_request(&f);
    say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    UNTIL(&f, a.heads);
    UNTIL(&f, (heard(&f, "X"), f.heard.len > len));
    for (uint64_t until = clock_now_us() + 80 * US_PER_MS; clock_now_us() < until;) {
        loop_run_once(f.loop, ROUND_US); /* the first byte came long ago */
    }
    say(&f, "ok");
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_OK);
    answer_done(&a);
    finish(&f);
}

static void pausing_holds_the_bytes_back(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    struct answer a = {0};
    ask(&f, &a, (struct http_call_options){.idle_ms = 40});
    hear_request(&f);
    say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    UNTIL(&f, a.body.len == 3);
    http_call_pause(a.call, true);
    say(&f, "def");
    rounds(&f, 60); /* longer than idle_ms: the peer is not to blame */
    assert_int_equal(a.body.len, 3);
    assert_int_equal(a.ends, 0);
    http_call_pause(a.call, false);
    UNTIL(&f, a.ends);
    assert_int_equal(a.end, HTTP_END_OK);
    assert_string_equal(a.body.data, "abcdef");
    answer_done(&a);
    finish(&f);
}

static void idle_connections_are_bounded_and_watched(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 2);
    struct answer a[4] = {{0}};
    int peers[4];
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        ask(&f, &a[i], (struct http_call_options){0});
        hear_request(&f);
        peers[i] = f.peer;
        f.peer = -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        f.peer = peers[i];
        say(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        UNTIL(&f, a[i].ends);
        answer_done(&a[i]);
    }
    rounds(&f, 2);
    size_t open = 0;
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        f.peer = peers[i];
        open += !peer_sees_end(&f);
    }
    assert_int_equal(open, 2);
    assert_int_equal(send(peers[3], "unasked", 7, MSG_NOSIGNAL), 7);
    f.peer = peers[3];
    UNTIL(&f, peer_sees_end(&f));
    f.peer = -1;
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        close(peers[i]);
    }
    finish(&f);
}

/* ---- against our own server ---- */

static void on_request(void *user, struct http_exchange *x, const struct http_request *r)
{
    struct fixture *f = user;
    f->requests++;
    if (span_is(r->path, "/stream")) {
        http_answer_begin(x, 200, NULL);
        for (int i = 0; i < 100; i++) {
            http_answer_write(x, SPAN("data: token\n\n"));
        }
        http_answer_end(x);
    } else if (span_is(r->path, "/cut")) {
        http_answer_begin(x, 200, NULL);
        http_answer_write(x, SPAN("half"));
        http_answer_cut(x);
    } else {
        http_answer(x, 200, NULL, r->body);
    }
}

static const struct http_server_type server_type = {.on_request = on_request};

static void serve(struct fixture *f)
{
    f->server = http_server_new(f->loop, NULL, &server_type, f);
    http_server_listen(f->server, f->listener);
}

static void a_thousand_calls_share_a_connection(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    serve(&f);
    for (int i = 0; i < 1000; i++) {
        char body[32];
        snprintf(body, sizeof body, "number %d", i);
        struct answer a = {0};
        ask(&f, &a, (struct http_call_options){.method = "POST", .body = span_c(body)});
        UNTIL(&f, a.ends);
        assert_int_equal(a.end, HTTP_END_OK);
        assert_string_equal(a.body.data, body);
        answer_done(&a);
    }
    assert_int_equal(f.requests, 1000);
    assert_int_equal(http_server_connections(f.server), 1);
    finish(&f);
}

static void many_calls_at_once(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    serve(&f);
    static struct answer a[200];
    memset(a, 0, sizeof a);
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        ask(&f, &a[i],
            (struct http_call_options){.path = i % 3 == 0   ? "/stream"
                                               : i % 3 == 1 ? "/cut"
                                                            : "/echo",
                                       .method = "POST",
                                       .body = SPAN("echo")});
    }
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        UNTIL(&f, a[i].ends);
        assert_int_equal(a[i].end, i % 3 == 1 ? HTTP_END_CUT : HTTP_END_OK);
        assert_int_equal(a[i].body.len, i % 3 == 0 ? 1300 : 4);
        answer_done(&a[i]);
    }
    rounds(&f, 3);
    assert_int_equal(http_server_connections(f.server), 4); /* the pool's */
    finish(&f);
}

static void a_call_from_on_end_takes_the_same_connection(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 4);
    serve(&f);
    struct answer a = {.again = true};
    ask(&f, &a, (struct http_call_options){.method = "POST", .body = SPAN("x")});
    a.again = true;
    UNTIL(&f, f.requests == 1);
    a.heads = 0;
    UNTIL(&f, f.requests == 2);
    assert_int_equal(http_server_connections(f.server), 1);
    finish(&f);
    answer_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_and_its_answer),
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(bodies_of_every_framing),
        cmocka_unit_test(no_connection),
        cmocka_unit_test(names_and_unix_sockets),
        cmocka_unit_test(time_outs),
        cmocka_unit_test(progress_puts_idleness_off),
        cmocka_unit_test(connecting_takes_too_long),
        cmocka_unit_test(a_dead_idle_connection_is_stale_or_not_used),
        cmocka_unit_test(a_reused_connection_that_dies_mid_answer_is_cut),
        cmocka_unit_test(cancelling_closes_at_once),
        cmocka_unit_test(freeing_the_client_ends_calls_silently),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_large_request_is_sent_in_parts),
        cmocka_unit_test(an_early_refusal_of_a_large_request_is_heard),
        cmocka_unit_test(an_answer_may_overtake_its_request),
        cmocka_unit_test(pausing_holds_the_bytes_back),
        cmocka_unit_test(idle_connections_are_bounded_and_watched),
        cmocka_unit_test(a_thousand_calls_share_a_connection),
        cmocka_unit_test(many_calls_at_once),
        cmocka_unit_test(a_call_from_on_end_takes_the_same_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
