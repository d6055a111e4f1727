/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the listener is readable, up to ACCEPTS_PER_ROUND
 * connections are taken; each stands in one wait list while it waits for its
 * peer; one sweep timer looks at the heads of the lists.
 *
 * What can go wrong:
 *  - A sibling process took the connection first: EAGAIN, nothing to do.
 *  - No descriptors are left (EMFILE): the listener stays readable and would
 *    spin, so accepting pauses for ACCEPT_PAUSE_US; pending clients wait in the
 *    kernel's queue. The same when connections_max is reached, until one closes.
 *  - Draining: idle connections close now, the others after their answer; the
 *    caller hears of the end from a post, never from inside the call.
 */
#include "http/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/address.h"
#include "http/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#define ACCEPTS_PER_ROUND 16 /* so that siblings get their share */
#define ACCEPT_PAUSE_US (100 * US_PER_MS)
#define WARN_EVERY_US (10 * (uint64_t)US_PER_S)
#define LINGER_MS 2000
#define SWEEP_MIN_US (5 * US_PER_MS)
#define SWEEP_MAX_US (1 * US_PER_S)
#define ANSWER_HEAD_MAX (1 * MIB)

struct listener {
    struct link link;
    struct http_server *server;
    struct event readable;
    int fd;
};

static void resume_accepting(struct http_server *s);

/* ---- time-outs ---- */

void server_sweep(struct http_server *s)
{
    if (!s->sweeping) {
        s->sweeping = true;
        loop_timer_start(&s->sweep, s->sweep_us);
    }
}

void conn_wait(struct conn *c, enum wait wait)
{
    list_remove(&c->waiting);
    c->wait = wait;
    if (wait == WAIT_NONE) {
        return;
    }
    struct http_server *s = c->server;
    c->waiting_since_us = clock_now_us();
    list_append(&s->waits[wait].list, &c->waiting);
    server_sweep(s);
}

static void on_sweep(void *user)
{
    struct http_server *s = user;
    uint64_t now_us = clock_now_us();
    bool any = false;
    for (size_t i = 0; i < WAIT_COUNT; i++) {
        struct link *list = &s->waits[i].list;
        while (!list_empty(list)) {
            struct conn *c = CONTAINER_OF(list->next, struct conn, waiting);
            if (c->waiting_since_us + s->waits[i].after_us > now_us) {
                any = true;
                break;
            }
            conn_wait(c, WAIT_NONE);
            conn_expired(c);
        }
    }
    LIST_EACH (it, &s->deaf) {
        conn_check_deaf(CONTAINER_OF(it, struct conn, deaf));
    }
    any = any || !list_empty(&s->deaf);
    for (size_t i = 0; i < WAIT_COUNT; i++) { /* what expired may wait anew, to linger */
        any = any || !list_empty(&s->waits[i].list);
    }
    s->sweeping = any;
    if (any) {
        loop_timer_start(&s->sweep, s->sweep_us);
    }
}

/* ---- connections ---- */

static void conn_new(struct http_server *s, int fd, const struct address *from)
{
    struct conn *c = NEW(struct conn);
    c->server = s;
    c->fd = fd;
    c->wait = WAIT_NONE;
    text_init(&c->out, OUT_MAX);
    c->peer.is_unix = from->sock.ss_family == AF_UNIX;
    c->peer.is_loopback = address_is_loopback(from);
    if (c->peer.is_unix) {
        memcpy(c->peer.address, "unix", sizeof "unix");
    } else {
        char text[ADDRESS_TEXT_BYTES];
        address_format(from, text);
        snprintf(c->peer.address, sizeof c->peer.address, "%.63s", text);
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    list_append(&s->conns, &c->all);
    s->count++;
    conn_init_events(c);
    conn_wait(c, WAIT_HEAD);
}

void conn_free(struct conn *c)
{
    struct http_server *s = c->server;
    loop_post_cancel(&c->turn);
    event_del(&c->readable);
    event_del(&c->writable);
    close(c->fd);
    list_remove(&c->waiting);
    list_remove(&c->deaf);
    list_remove(&c->all);
    message_end(&c->message);
    text_done(&c->out);
    text_done(&c->ahead);
    mem_free(c);
    s->count--;
    if (s->drained.fn && s->count == 0) {
        loop_post_send(&s->drained);
    }
    resume_accepting(s);
}

/* ---- accepting ---- */

static void set_accepting(struct http_server *s, bool on)
{
    if (s->accepting == on) {
        return;
    }
    s->accepting = on;
    LIST_EACH (it, &s->listeners) {
        struct listener *l = CONTAINER_OF(it, struct listener, link);
        if (on) {
            event_add(&l->readable, NULL);
        } else {
            event_del(&l->readable);
        }
    }
}

static void resume_accepting(struct http_server *s)
{
    if (!s->draining && s->count < s->options.connections_max) {
        set_accepting(s, true);
    }
}

static void on_accept_again(void *user)
{
    resume_accepting(user);
}

static void warn_paused(struct http_server *s, int error)
{
    uint64_t now_us = clock_now_us();
    if (s->warned_us == 0 || now_us - s->warned_us > WARN_EVERY_US) {
        s->warned_us = now_us;
        LOG(LOG_WARN, "http", "accepting pauses with %zu connections open: %s", s->count,
            strerror(error));
    }
}

static void on_acceptable(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct listener *l = user;
    struct http_server *s = l->server;
    for (int i = 0; i < ACCEPTS_PER_ROUND; i++) {
        if (s->count >= s->options.connections_max) {
            set_accepting(s, false);
            return;
        }
        struct address from = {.len = sizeof from.sock};
        int accepted = accept4((int)fd, (struct sockaddr *)&from.sock, &from.len,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            conn_new(s, accepted, &from);
            continue;
        }
        if (errno == EAGAIN) {
            return;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            warn_paused(s, errno);
            set_accepting(s, false);
            loop_timer_start(&s->accept_again, ACCEPT_PAUSE_US);
            return;
        }
        /* anything else is about that one connection, which is gone */
    }
}

void http_server_listen(struct http_server *s, int listener_fd)
{
    struct listener *l = NEW(struct listener);
    l->server = s;
    l->fd = listener_fd;
    event_assign(&l->readable, loop_base(s->loop), listener_fd, EV_READ | EV_PERSIST, on_acceptable,
                 l);
    list_append(&s->listeners, &l->link);
    if (s->accepting) {
        event_add(&l->readable, NULL);
    }
}

static void forget_listeners(struct http_server *s)
{
    set_accepting(s, false);
    while (!list_empty(&s->listeners)) {
        struct listener *l = CONTAINER_OF(s->listeners.next, struct listener, link);
        list_remove(&l->link);
        mem_free(l);
    }
}

/* ---- life ---- */

static struct http_server_options with_defaults(const struct http_server_options *given)
{
    struct http_server_options o = given ? *given : (struct http_server_options){0};
    o.body_max = o.body_max ? o.body_max : 32 * MIB;
    o.header_ms = o.header_ms ? o.header_ms : 10000;
    o.body_ms = o.body_ms ? o.body_ms : 30000;
    o.idle_ms = o.idle_ms ? o.idle_ms : 75000;
    o.write_ms = o.write_ms ? o.write_ms : 60000;
    o.connections_max = o.connections_max ? o.connections_max : 20000;
    return o;
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
                                    const struct http_server_type *type, void *user)
{
    struct http_server *s = NEW(struct http_server);
    s->loop = loop;
    s->options = with_defaults(options);
    s->type = type;
    s->user = user;
    s->accepting = true;
    list_init(&s->listeners);
    list_init(&s->conns);
    list_init(&s->deaf);
    text_init(&s->head, ANSWER_HEAD_MAX);
    const uint32_t wait_ms[WAIT_COUNT] = {
        [WAIT_HEAD] = s->options.header_ms, [WAIT_BODY] = s->options.body_ms,
        [WAIT_IDLE] = s->options.idle_ms,   [WAIT_WRITE] = s->options.write_ms,
        [WAIT_LINGER] = LINGER_MS,
    };
    s->sweep_us = SWEEP_MAX_US;
    for (size_t i = 0; i < WAIT_COUNT; i++) {
        list_init(&s->waits[i].list);
        s->waits[i].after_us = wait_ms[i] * (uint64_t)US_PER_MS;
        s->sweep_us = MIN(s->sweep_us, s->waits[i].after_us / 4);
    }
    s->sweep_us = MAX(s->sweep_us, (uint64_t)SWEEP_MIN_US);
    loop_timer_init(&s->sweep, loop, on_sweep, s);
    loop_timer_init(&s->accept_again, loop, on_accept_again, s);
    return s;
}

void http_server_free(struct http_server *s)
{
    if (!s) {
        return;
    }
    forget_listeners(s);
    s->draining = true; /* nothing starts again while connections go */
    while (!list_empty(&s->conns)) {
        conn_lost(CONTAINER_OF(s->conns.next, struct conn, all));
    }
    loop_post_cancel(&s->drained);
    loop_timer_done(&s->sweep);
    loop_timer_done(&s->accept_again);
    head_spare_done(&s->spare);
    text_done(&s->head);
    mem_free(s);
}

static void close_idle(struct conn *c)
{
    c->broken = true; /* closed by its post: the caller may stand inside one of its callbacks */
    loop_post_send(&c->turn);
}

void http_server_drain(struct http_server *s, loop_fn *drained, void *user)
{
    PRE(!s->draining);
    forget_listeners(s);
    s->draining = true;
    loop_post_init(&s->drained, s->loop, drained, user);
    LIST_EACH (it, &s->conns) {
        struct conn *c = CONTAINER_OF(it, struct conn, all);
        if (c->state == CONN_IDLE && c->ahead.len == 0) {
            close_idle(c);
        }
    }
    if (s->count == 0) {
        loop_post_send(&s->drained);
    }
}

size_t http_server_connections(const struct http_server *s)
{
    return s->count;
}
