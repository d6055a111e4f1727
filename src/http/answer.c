/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a whole answer leaves at once with one sendmsg() of head and
 * body, straight from the caller's memory. A streamed answer collects in `out`
 * what is written in a round of the loop, and the connection's post sends it, so
 * that the head and the first event share a segment.
 *
 * What can go wrong: the kernel takes only a part; the rest waits in `out` for
 * the descriptor to become writable (bounded by the owner, who watches the
 * backlog). Writing fails: the verb only marks the connection `broken`, because
 * a verb never calls back; its post then tells the owner.
 */
#include "http/conn.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/event.h>

#define OUT_KEEP ((size_t)512) /* memory an open, idle stream may hold on to */
#define ERROR_BODY_MAX (16 * KIB)

/* ---- bytes ---- */

static void break_later(struct conn *c)
{
    c->broken = true;
    loop_post_send(&c->turn);
}

static void set_writing(struct conn *c, bool on)
{
    if (c->writing != on) {
        c->writing = on;
        if (on) {
            event_add(&c->writable, NULL);
        } else {
            event_del(&c->writable);
        }
    }
}

/* What the kernel took; SIZE_MAX when the connection is broken. */
static size_t try_send(struct conn *c, struct span a, struct span b)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)a.data, a.len},
                             {(void *)(uintptr_t)b.data, b.len}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = b.len ? 2 : 1};
    ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : SIZE_MAX;
    }
    return (size_t)n;
}

/* Something waits for the reader; `progress` starts its time anew. */
static void wait_for_reader(struct conn *c, bool progress)
{
    set_writing(c, true);
    bool answering = c->state == CONN_ANSWER || c->state == CONN_FLUSH;
    if (answering && (progress || c->wait != WAIT_WRITE)) {
        conn_wait(c, WAIT_WRITE);
    }
}

void conn_flush(struct conn *c)
{
    size_t backlog = conn_backlog(c);
    if (backlog == 0) {
        return;
    }
    size_t n = try_send(c, span_of(c->out.data + c->out_done, backlog), SPAN(""));
    if (n == SIZE_MAX) {
        break_later(c);
        return;
    }
    c->out_done += n;
    if (n < backlog) {
        wait_for_reader(c, n > 0);
        return;
    }
    c->out_done = 0;
    if (c->out.capacity > OUT_KEEP) {
        text_done(&c->out);
    } else {
        text_clear(&c->out);
    }
    set_writing(c, false);
    if (c->wait == WAIT_WRITE) {
        conn_wait(c, WAIT_NONE);
    }
}

static void keep_out(struct conn *c, struct span bytes)
{
    if (c->out_done > 64 * KIB && c->out_done > c->out.len / 2) {
        text_drop_front(&c->out, c->out_done);
        c->out_done = 0;
    }
    text_add(&c->out, bytes);
    if (c->out.overflow) {
        break_later(c);
    }
}

void conn_send(struct conn *c, struct span head, struct span body)
{
    size_t n = 0;
    if (conn_backlog(c) == 0) {
        n = try_send(c, head, body);
        if (n == SIZE_MAX) {
            break_later(c);
            return;
        }
        if (n == head.len + body.len) {
            return;
        }
    }
    keep_out(c, span_from(head, n));
    keep_out(c, span_from(body, n > head.len ? n - head.len : 0));
    wait_for_reader(c, true);
}

/* ---- heads ---- */

static const char *phrase(int status)
{
    switch (status) {
#define P(code, text)                                                                              \
    case code:                                                                                     \
        return text
        P(200, "OK");
        P(201, "Created");
        P(202, "Accepted");
        P(204, "No Content");
        P(301, "Moved Permanently");
        P(302, "Found");
        P(303, "See Other");
        P(304, "Not Modified");
        P(307, "Temporary Redirect");
        P(308, "Permanent Redirect");
        P(400, "Bad Request");
        P(401, "Unauthorized");
        P(402, "Payment Required");
        P(403, "Forbidden");
        P(404, "Not Found");
        P(405, "Method Not Allowed");
        P(406, "Not Acceptable");
        P(408, "Request Timeout");
        P(409, "Conflict");
        P(411, "Length Required");
        P(412, "Precondition Failed");
        P(413, "Content Too Large");
        P(415, "Unsupported Media Type");
        P(422, "Unprocessable Content");
        P(429, "Too Many Requests");
        P(431, "Request Header Fields Too Large");
        P(499, "Client Closed Request");
        P(500, "Internal Server Error");
        P(501, "Not Implemented");
        P(502, "Bad Gateway");
        P(503, "Service Unavailable");
        P(504, "Gateway Timeout");
#undef P
    default:
        return "Unknown";
    }
}

/* "Date: Sun, 06 Nov 1994 08:49:37 GMT", made once a second (RFC 9110, 5.6.7). */
static struct span date_line(struct http_server *s)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    uint64_t now_s = clock_wall_us() / US_PER_S;
    if (now_s != s->date_s || !s->date[0]) {
        time_t t = (time_t)now_s;
        struct tm tm;
        gmtime_r(&t, &tm);
        s->date_s = now_s;
        snprintf(s->date, sizeof s->date, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                 days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], (tm.tm_year + 1900) % 10000,
                 tm.tm_hour, tm.tm_min, tm.tm_sec);
    }
    return span_c(s->date);
}

/* Fields that frame the message are the server's own. */
static bool is_reserved(struct span name)
{
    switch (name.len) {
    case 4:
        return span_eq_nocase(name, SPAN("date"));
    case 10:
        return span_eq_nocase(name, SPAN("connection")) || span_eq_nocase(name, SPAN("keep-alive"));
    case 14:
        return span_eq_nocase(name, SPAN("content-length"));
    case 17:
        return span_eq_nocase(name, SPAN("transfer-encoding"));
    default:
        return false;
    }
}

#define LENGTH_CHUNKED (SIZE_MAX - 1)
#define LENGTH_NONE SIZE_MAX

static void add_decimal(struct text *t, size_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    text_add(t, span_of(digits + at, sizeof digits - at));
}

static struct span build_head(struct conn *c, int status, const struct headers *headers,
                              size_t length, bool http10)
{
    struct text *t = &c->server->head;
    text_clear(t);
    text_add(t, SPAN("HTTP/1.1 "));
    add_decimal(t, (size_t)status);
    text_add_char(t, ' ');
    text_add_c(t, phrase(status));
    text_add(t, SPAN("\r\n"));
    text_add(t, date_line(c->server));
    for (size_t i = 0; headers && i < headers->count; i++) {
        const struct header *h = &headers->items[i];
        if (!is_reserved(h->name)) {
            text_add(t, h->name);
            text_add(t, SPAN(": "));
            text_add(t, h->value);
            text_add(t, SPAN("\r\n"));
        }
    }
    if (length == LENGTH_CHUNKED) {
        text_add(t, SPAN("Transfer-Encoding: chunked\r\n"));
    } else if (length != LENGTH_NONE) {
        text_add(t, SPAN("Content-Length: "));
        add_decimal(t, length);
        text_add(t, SPAN("\r\n"));
    }
    if (c->close_after) {
        text_add(t, SPAN("Connection: close\r\n"));
    } else if (http10) {
        text_add(t, SPAN("Connection: keep-alive\r\n"));
    }
    text_add(t, SPAN("\r\n"));
    ASSERT(!t->overflow);
    return text_span(t);
}

static bool status_has_no_body(int status)
{
    return status == 204 || status == 304;
}

void conn_send_error(struct conn *c, int status, enum err err, const char *text)
{
    struct arena *a = arena_new();
    struct headers headers;
    headers_init(&headers, a);
    struct text body;
    text_init(&body, ERROR_BODY_MAX);
    const struct http_server_type *type = c->server->type;
    if (type->error_body) {
        type->error_body(c->server->user, err, text, &headers, &body);
    }
    if (!span_given(headers_get(&headers, "content-type"))) {
        headers_add(&headers, SPAN("Content-Type"), SPAN("application/json"));
    }
    c->close_after = true;
    struct span head = build_head(c, status, &headers, body.len, false);
    conn_send(c, head, text_span(&body));
    text_done(&body);
    arena_free(a);
}

/* ---- verbs ---- */

/* Verbs on an exchange whose client left: only its memory is left to care for. */
static bool is_orphan(struct http_exchange *x, bool ends)
{
    if (x->conn) {
        return false;
    }
    if (ends && !x->leaving) {
        exchange_free(x);
    }
    return true;
}

static void end_exchange(struct conn *c)
{
    exchange_free(c->x);
    c->x = NULL;
    conn_move(c, CONN_FLUSH);
    if (conn_backlog(c) > 0 && !c->writing) {
        conn_flush(c);
    }
    if (conn_backlog(c) > 0) {
        wait_for_reader(c, false);
    } else if (c->close_after || c->broken || c->server->draining) {
        loop_post_send(&c->turn); /* closing frees, which a verb must not */
    } else {
        conn_to_idle(c);
    }
}

static void decide_keep_alive(struct conn *c, const struct http_exchange *x)
{
    c->close_after = c->close_after || !x->keep_alive || c->server->draining;
}

void http_answer(struct http_exchange *x, int status, const struct headers *headers,
                 struct span body)
{
    if (is_orphan(x, true)) {
        return;
    }
    PRE(!x->begun && status >= 200 && status <= 999);
    struct conn *c = x->conn;
    decide_keep_alive(c, x);
    bool none = status_has_no_body(status);
    struct span head = build_head(c, status, headers, none ? LENGTH_NONE : body.len, x->http10);
    conn_send(c, head, none || x->is_head ? SPAN("") : body);
    end_exchange(c);
}

void http_answer_begin(struct http_exchange *x, int status, const struct headers *headers)
{
    if (is_orphan(x, false)) {
        return;
    }
    PRE(!x->begun && status >= 200 && status <= 999);
    struct conn *c = x->conn;
    x->begun = true;
    x->chunked = !x->http10 && !status_has_no_body(status);
    x->bodiless = x->is_head || status_has_no_body(status);
    c->close_after = c->close_after || x->http10;
    decide_keep_alive(c, x);
    keep_out(c,
             build_head(c, status, headers, x->chunked ? LENGTH_CHUNKED : LENGTH_NONE, x->http10));
    loop_post_send(&c->turn);
}

void http_answer_write(struct http_exchange *x, struct span bytes)
{
    if (is_orphan(x, false)) {
        return;
    }
    PRE(x->begun);
    if (bytes.len == 0 || x->bodiless) {
        return; /* an empty chunk would end the answer */
    }
    struct conn *c = x->conn;
    if (x->chunked) {
        static const char hex[] = "0123456789abcdef";
        char size[18] = "";
        size_t at = sizeof size;
        size[--at] = '\n';
        size[--at] = '\r';
        for (size_t n = bytes.len; n; n >>= 4) {
            size[--at] = hex[n & 15];
        }
        keep_out(c, span_of(size + at, sizeof size - at));
        keep_out(c, bytes);
        keep_out(c, SPAN("\r\n"));
    } else {
        keep_out(c, bytes);
    }
    if (!c->writing) {
        loop_post_send(&c->turn);
    }
}

void http_answer_end(struct http_exchange *x)
{
    if (is_orphan(x, true)) {
        return;
    }
    PRE(x->begun);
    struct conn *c = x->conn;
    if (x->chunked && !x->bodiless) {
        keep_out(c, SPAN("0\r\n\r\n"));
    }
    end_exchange(c);
}

void http_answer_cut(struct http_exchange *x)
{
    if (is_orphan(x, true)) {
        return;
    }
    struct conn *c = x->conn;
    c->close_after = true;
    c->reset = x->begun && !x->chunked;
    end_exchange(c);
}

size_t http_answer_backlog(const struct http_exchange *x)
{
    return x->conn ? conn_backlog(x->conn) : 0;
}
