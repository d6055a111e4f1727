/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: one recv() brings a whole request; message_feed() stops at
 * the head, where limits are checked, and at the end, where on_request runs; the
 * owner answers within it or later; the answer leaves with one sendmsg(), and the
 * connection is idle again. No epoll_ctl() and no timer in between.
 *
 * What can go wrong:
 *  - Bytes arrive while an answer is made: kept in `ahead`, parsed when the
 *    answer is written, from the connection's post (never inside a verb).
 *  - The peer closes or half-closes, or writing fails, at any moment: conn_lost()
 *    frees the connection, then tells the owner once. An exchange that nobody
 *    watches lives on without connection until its owner ends it.
 *  - The request is refused before it was read whole: closing at once would make
 *    the kernel send a reset that can overtake the error, so the write side is
 *    shut and reading goes on, into nothing, for LINGER_MS at most.
 */
#include "http/conn.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#define BODY_RESERVE_MAX (64 * KIB) /* of an announced length: the rest grows as it comes */
#define READS_PER_ROUND 4

void conn_move(struct conn *c, enum conn_state to)
{
#define TO(state) (1u << CONN_##state)
    static const unsigned allowed[] = {
        [CONN_IDLE] = TO(HEAD),
        [CONN_HEAD] = TO(BODY) | TO(FLUSH),
        [CONN_BODY] = TO(ANSWER) | TO(FLUSH),
        [CONN_ANSWER] = TO(FLUSH),
        [CONN_FLUSH] = TO(IDLE) | TO(LINGER),
        [CONN_LINGER] = 0,
    };
#undef TO
    ASSERT(allowed[c->state] & (1u << to));
    c->state = to;
}

/* ---- exchanges ---- */

void exchange_free(struct http_exchange *x)
{
    loop_post_cancel(&x->told_late);
    text_done(&x->body);
    arena_free(x->arena);
}

static void tell_gone(struct http_exchange *x)
{
    x->leaving = true;
    x->gone(x->user);
    exchange_free(x);
}

static void on_told_late(void *user)
{
    struct http_exchange *x = user;
    if (x->gone) {
        tell_gone(x);
    }
}

static void exchange_begin(struct conn *c, uint64_t now_us)
{
    struct arena *a = arena_new();
    struct http_exchange *x = ARENA_NEW(a, struct http_exchange);
    x->arena = a;
    x->conn = c;
    x->request.peer = c->peer;
    x->request.received_us = now_us;
    headers_init(&x->request.headers, a);
    text_init(&x->body, c->server->options.body_max);
    loop_post_init(&x->told_late, c->server->loop, on_told_late, x);
    c->x = x;
}

void http_exchange_watch(struct http_exchange *x, http_gone_fn *gone, http_drained_fn *drained,
                         void *user)
{
    x->gone = gone;
    x->drained = drained;
    x->user = user;
    if (!x->conn && gone && !x->leaving) {
        loop_post_send(&x->told_late);
    }
}

/* ---- the end of a connection ---- */

void conn_lost(struct conn *c)
{
    struct http_exchange *x = c->x;
    bool with_owner = c->state == CONN_ANSWER;
    c->x = NULL;
    conn_free(c);
    if (!x) {
        return;
    }
    x->conn = NULL;
    if (!with_owner) {
        exchange_free(x);
    } else if (x->gone) {
        tell_gone(x);
    }
}

/* ---- reading ---- */

static void on_readable(evutil_socket_t fd, short what, void *user);
static void on_writable(evutil_socket_t fd, short what, void *user);
static void on_turn(void *user);

/*
 * Reading stops while `ahead` is full. The descriptor then leaves epoll, because
 * level-triggered readiness would spin, and EPOLLRDHUP alone does too after a
 * reset (libevent maps EPOLLERR to EV_READ, which nobody waits for). The sweep
 * looks after such connections.
 */
static void set_deaf(struct conn *c, bool deaf)
{
    if (c->is_deaf == deaf) {
        return;
    }
    c->is_deaf = deaf;
    if (deaf) {
        event_del(&c->readable);
        list_append(&c->server->deaf, &c->deaf);
        server_sweep(c->server);
    } else {
        list_remove(&c->deaf);
        event_add(&c->readable, NULL);
    }
}

void conn_check_deaf(struct conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    if (poll(&p, 1, 0) > 0) {
        conn_lost(c);
    }
}

void conn_init_events(struct conn *c)
{
    struct event_base *base = loop_base(c->server->loop);
    event_assign(&c->readable, base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
    event_assign(&c->writable, base, c->fd, EV_WRITE | EV_PERSIST, on_writable, c);
    event_add(&c->readable, NULL);
    loop_post_init(&c->turn, c->server->loop, on_turn, c);
}

void conn_to_idle(struct conn *c)
{
    conn_move(c, CONN_IDLE);
    text_done(&c->out);
    c->out_done = 0;
    conn_wait(c, WAIT_IDLE);
    if (c->ahead.len) {
        loop_post_send(&c->turn);
    }
}

/* The answer is written: what next? True when the connection is freed. */
static bool finish(struct conn *c)
{
    if (c->linger) {
        shutdown(c->fd, SHUT_WR);
        conn_move(c, CONN_LINGER);
        conn_wait(c, WAIT_LINGER);
        return false;
    }
    if (c->close_after || c->server->draining) {
        if (c->reset) {
            struct linger now = {.l_onoff = 1, .l_linger = 0};
            setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        }
        conn_free(c);
        return true;
    }
    conn_to_idle(c);
    return false;
}

static void refuse(struct conn *c, int status, enum err err, const char *text)
{
    exchange_free(c->x);
    c->x = NULL;
    message_end(&c->message);
    text_done(&c->ahead);
    c->ahead_done = 0;
    conn_move(c, CONN_FLUSH);
    c->linger = true;
    conn_send_error(c, status, err, text);
    if (conn_backlog(c) == 0 && !c->broken) {
        finish(c);
    }
}

static bool take_body(void *user, struct span bytes)
{
    struct conn *c = user;
    text_add(&c->x->body, bytes);
    return !c->x->body.overflow;
}

static size_t count_header(const struct headers *h, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < h->count; i++) {
        count += span_eq_nocase(h->items[i].name, span_c(name));
    }
    return count;
}

/* False when the request was refused. `more`: bytes of the body are here already. */
static bool take_head(struct conn *c, bool more)
{
    struct http_exchange *x = c->x;
    struct http_request *r = &x->request;
    const struct message *m = &c->message;
    message_take_head(&c->message, &r->headers, &r->method, &r->target);
    x->http10 = message_is_http10(m);
    x->keep_alive = m->keep_alive;
    x->is_head = span_is(r->method, "HEAD");
    if (!target_split(x->arena, r->target, &r->path, &r->query)) {
        refuse(c, 400, ERR_INVALID, "the request target is not a valid path");
        return false;
    }
    size_t hosts = count_header(&r->headers, "host");
    if (hosts > 1 || (hosts == 0 && !x->http10)) {
        refuse(c, 400, ERR_INVALID, "exactly one Host header is needed");
        return false;
    }
    size_t body_max = c->server->options.body_max;
    if (m->length != MESSAGE_LENGTH_UNKNOWN && m->length > body_max) {
        refuse(c, 413, ERR_TOO_LARGE, "the request body is too large");
        return false;
    }
    conn_move(c, CONN_BODY);
    if (m->length == 0) {
        return true;
    }
    conn_wait(c, WAIT_BODY);
    if (m->length != MESSAGE_LENGTH_UNKNOWN) {
        text_reserve(&x->body, (size_t)MIN(m->length, (uint64_t)BODY_RESERVE_MAX));
    }
    if (!more && !x->http10 && headers_has_token(&r->headers, "expect", "100-continue")) {
        conn_send(c, SPAN("HTTP/1.1 100 Continue\r\n\r\n"), SPAN(""));
    }
    return true;
}

static void keep_ahead(struct conn *c, struct span bytes)
{
    if (c->ahead.max == 0) {
        text_init(&c->ahead, AHEAD_MAX);
    }
    if (c->ahead_done) {
        text_drop_front(&c->ahead, c->ahead_done);
        c->ahead_done = 0;
    }
    text_add(&c->ahead, bytes);
    ASSERT(!c->ahead.overflow); /* no more was asked for than there is room */
    set_deaf(c, c->ahead.len == AHEAD_MAX);
}

static void dispatch(struct conn *c, uint64_t now_us)
{
    struct http_exchange *x = c->x;
    message_end(&c->message);
    conn_move(c, CONN_ANSWER);
    conn_wait(c, WAIT_NONE);
    x->request.body = text_span(&x->body);
    x->request.complete_us = now_us;
    c->server->type->on_request(c->server->user, x, &x->request); /* may end x at once */
}

/* Takes bytes until a request is complete or refused; what follows it stays in `ahead`. */
static void consume(struct conn *c, struct span bytes, bool from_ahead)
{
    uint64_t now_us = clock_now_us();
    if (c->state == CONN_IDLE) {
        conn_move(c, CONN_HEAD);
        conn_wait(c, WAIT_HEAD);
        exchange_begin(c, now_us);
        message_start(&c->message, true, &c->server->spare, take_body, c);
    }
    for (;;) {
        switch (message_feed(&c->message, &bytes)) {
        case MESSAGE_HEAD:
            if (!take_head(c, bytes.len > 0)) {
                return;
            }
            break;
        case MESSAGE_MORE:
            if (c->state == CONN_BODY) {
                conn_wait(c, WAIT_BODY); /* progress */
            }
            if (from_ahead) {
                text_done(&c->ahead);
                c->ahead_done = 0;
                set_deaf(c, false);
            }
            return;
        case MESSAGE_DONE:
            if (from_ahead) {
                c->ahead_done = c->ahead.len - bytes.len;
            } else if (bytes.len) {
                keep_ahead(c, bytes);
            }
            if (from_ahead && bytes.len == 0) {
                text_done(&c->ahead);
                c->ahead_done = 0;
                set_deaf(c, false);
            }
            dispatch(c, now_us);
            return;
        case MESSAGE_HEAD_SIZE:
            refuse(c, 431, ERR_HEADERS_TOO_LARGE, err_sentence(ERR_HEADERS_TOO_LARGE));
            return;
        case MESSAGE_STOPPED:
            refuse(c, 413, ERR_TOO_LARGE, "the request body is too large");
            return;
        case MESSAGE_BAD: {
            char text[128];
            snprintf(text, sizeof text, "malformed HTTP request: %s", message_why(&c->message));
            refuse(c, 400, ERR_INVALID, text);
            return;
        }
        }
    }
}

/* ---- events ---- */

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct conn *c = user;
    for (int round = 0; round < READS_PER_ROUND; round++) {
        bool later = c->state == CONN_ANSWER || (c->state == CONN_FLUSH && !c->linger) ||
                     (c->state == CONN_IDLE && c->ahead.len);
        size_t room = later ? AHEAD_MAX - (c->ahead.len - c->ahead_done) : READ_BYTES;
        ssize_t n = recv((int)fd, c->server->scratch, room, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (n <= 0) {
            conn_lost(c);
            return;
        }
        struct span bytes = span_of(c->server->scratch, (size_t)n);
        if (later) {
            keep_ahead(c, bytes);
            return;
        }
        if (c->state != CONN_LINGER && c->state != CONN_FLUSH) {
            consume(c, bytes, false);
        }
        if ((size_t)n < room || (c->state != CONN_BODY && c->state != CONN_LINGER)) {
            return;
        }
    }
}

static void on_turn(void *user)
{
    struct conn *c = user;
    bool waited = conn_backlog(c) > 0;
    if (!c->broken) {
        conn_flush(c);
    }
    if (c->broken) {
        conn_lost(c);
        return;
    }
    if (conn_backlog(c) > 0) {
        return;
    }
    if (c->state == CONN_FLUSH && finish(c)) {
        return;
    }
    if (c->state == CONN_ANSWER && waited && c->x->drained) {
        c->x->drained(c->x->user);
        return;
    }
    if (c->state == CONN_IDLE && c->ahead.len) {
        consume(c, span_from(text_span(&c->ahead), c->ahead_done), true);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct conn *c = user;
    loop_post_cancel(&c->turn); /* this is it */
    on_turn(c);
}

void conn_expired(struct conn *c)
{
    switch (c->state) {
    case CONN_HEAD:
        refuse(c, 408, ERR_INVALID, "the request's headers did not come in time");
        break;
    case CONN_BODY:
        refuse(c, 408, ERR_INVALID, "the request's body did not come in time");
        break;
    default: /* idle, a reader that does not read, or the end of lingering */
        conn_lost(c);
        break;
    }
}
