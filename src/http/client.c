/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three nouns: a `call` (the caller's), a `wire` (one connection) and a `pool`
 * (one address: its idle wires, and the calls that wait for its name).
 *
 * The happy path is: a call takes an idle wire of its pool and sends head and
 * body with one sendmsg() before http_call_start() returns; the answer is parsed
 * as it comes; at its end the wire goes back and on_end runs. One libevent timer
 * per call is moved only when it fires too early: progress costs no timer work.
 *
 *   LOOKUP ──▶ CONNECT ──▶ SEND ──▶ WAIT ──▶ ANSWER ──▶ ended
 *                            ▲ (a reused wire starts here)
 *
 * What can go wrong:
 *  - No connection (any address, any reason): END_CONNECT, or END_OFFLINE when
 *    the network or the name is missing; nothing was sent.
 *  - An idle wire was closed by its peer: noticed by its read event, or, when it
 *    was idle for long, by a look before use. What slips through is END_STALE.
 *  - on_head or on_body cancels the call while its bytes are being parsed: the
 *    call is gone at once, the wire (`feeding`) is closed when the parser returns.
 *  - An answer comes before the request is sent whole: it is delivered; the wire
 *    is not used again.
 */
#include "http/client.h"

#include "base/clock.h"
#include "http/address.h"
#include "http/link.h"
#include "http/lookup.h"
#include "http/message.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#define READ_BYTES (64 * KIB)
#define BODY_MAX_DEFAULT (64 * MIB)
#define CONNECT_MS_DEFAULT 2000
#define NAME_FRESH_US (30 * (uint64_t)US_PER_S)   /* a looked-up name is believed that long */
#define PEEK_AFTER_US (100 * (uint64_t)US_PER_MS) /* an idle wire older than that is looked at */
#define IDLE_MAX_US (60 * (uint64_t)US_PER_S)
#define INTERIM_MAX 64 /* 1xx answers before the real one */

struct pool {
    struct link link;
    struct http_client *client;
    char *name; /* the address as given */
    bool valid;
    struct address_list addresses;
    uint64_t looked_up_us; /* 0: numeric, never stale */
    struct lookup *lookup;
    struct link idle; /* oldest first */
    size_t idle_count;
    struct link waiting; /* calls in LOOKUP */
};

struct wire {
    struct link idle;
    struct pool *pool;
    struct http_call *call; /* NULL while idle, or cancelled while feeding */
    int fd;
    bool reused, feeding, reading, writing;
    uint64_t idle_since_us;
    struct event readable, writable;
    struct message message;
};

enum phase { CALL_LOOKUP, CALL_CONNECT, CALL_SEND, CALL_WAIT, CALL_ANSWER, CALL_ENDED };

struct http_call {
    struct link all;
    struct link waiting;
    struct http_client *client;
    struct pool *pool;
    struct wire *wire;
    const struct http_call_type *type;
    void *user;
    enum phase phase;
    bool paused, is_head, too_big;
    int interim;
    size_t address_next; /* of the pool's, when this one does not answer */
    struct text request; /* what is not sent yet */
    size_t request_done;
    size_t body_left;
    uint32_t connect_ms, first_byte_ms, idle_ms, total_ms;
    uint64_t start_us, progress_us, connect_us;
    uint64_t armed_us; /* when the timer fires; UINT64_MAX when it does not */
    struct event timer;
    struct loop_post fail;
    enum http_end end;
    char detail[200];
};

struct http_client {
    struct loop *loop;
    size_t idle_max;
    struct link pools;
    struct link calls;
    struct head_spare spare;
    struct text head; /* of the request being started */
    char scratch[READ_BYTES];
};

static void on_wire_readable(evutil_socket_t fd, short what, void *user);
static void on_wire_writable(evutil_socket_t fd, short what, void *user);

/* ---- wires ---- */

static struct wire *wire_new(struct pool *pool, int fd)
{
    struct wire *w = NEW(struct wire);
    w->pool = pool;
    w->fd = fd;
    struct event_base *base = loop_base(pool->client->loop);
    event_assign(&w->readable, base, fd, EV_READ | EV_PERSIST, on_wire_readable, w);
    event_assign(&w->writable, base, fd, EV_WRITE | EV_PERSIST, on_wire_writable, w);
    return w;
}

static void wire_free(struct wire *w)
{
    event_del(&w->readable);
    event_del(&w->writable);
    close(w->fd);
    if (w->idle.next) {
        list_remove(&w->idle);
        w->pool->idle_count--;
    }
    message_end(&w->message);
    mem_free(w);
}

static void set_reading(struct wire *w, bool on)
{
    if (w->reading != on) {
        w->reading = on;
        if (on) {
            event_add(&w->readable, NULL);
        } else {
            event_del(&w->readable);
        }
    }
}

static void set_writing(struct wire *w, bool on)
{
    if (w->writing != on) {
        w->writing = on;
        if (on) {
            event_add(&w->writable, NULL);
        } else {
            event_del(&w->writable);
        }
    }
}

static bool still_open(const struct wire *w)
{
    char byte;
    return recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* The wire used last is the one least likely to be closed. */
static struct wire *take_idle(struct pool *pool)
{
    uint64_t now_us = clock_now_us();
    while (!list_empty(&pool->idle)) {
        struct wire *w = CONTAINER_OF(pool->idle.prev, struct wire, idle);
        uint64_t idle_us = now_us - w->idle_since_us;
        if (idle_us < IDLE_MAX_US && (idle_us < PEEK_AFTER_US || still_open(w))) {
            list_remove(&w->idle);
            pool->idle_count--;
            w->reused = true;
            return w;
        }
        wire_free(w);
    }
    return NULL;
}

static void give_idle(struct wire *w)
{
    struct pool *pool = w->pool;
    if (pool->client->idle_max == 0) {
        wire_free(w);
        return;
    }
    if (pool->idle_count == pool->client->idle_max) {
        wire_free(CONTAINER_OF(pool->idle.next, struct wire, idle));
    }
    w->call = NULL;
    w->idle_since_us = clock_now_us();
    list_append(&pool->idle, &w->idle);
    pool->idle_count++;
    set_writing(w, false);
    set_reading(w, true); /* so that its end is noticed */
}

/* ---- time ---- */

static uint64_t after(uint64_t from_us, uint32_t ms)
{
    return ms ? from_us + ms * (uint64_t)US_PER_MS : UINT64_MAX;
}

/* The next moment at which the call ends, and as what. */
static uint64_t deadline(const struct http_call *call, enum http_end *out_end)
{
    uint64_t due_us = after(call->start_us, call->total_ms);
    uint64_t phase_us = UINT64_MAX;
    enum http_end end = HTTP_END_IDLE;
    switch (call->phase) {
    case CALL_LOOKUP:
    case CALL_CONNECT:
        phase_us = after(call->start_us, call->connect_ms);
        end = HTTP_END_CONNECT;
        break;
    case CALL_WAIT:
        phase_us = after(call->progress_us, call->first_byte_ms);
        end = HTTP_END_FIRST_BYTE;
        break;
    case CALL_SEND:
    case CALL_ANSWER:
        phase_us = call->paused ? UINT64_MAX : after(call->progress_us, call->idle_ms);
        break;
    case CALL_ENDED:
        break;
    }
    *out_end = due_us <= phase_us ? HTTP_END_TOTAL : end;
    return MIN(due_us, phase_us);
}

/* Only ever moves the timer earlier; it finds out itself when it fired too early. */
static void arm(struct http_call *call)
{
    enum http_end end;
    uint64_t due_us = deadline(call, &end);
    if (due_us >= call->armed_us) {
        return;
    }
    uint64_t now_us = clock_now_us();
    uint64_t wait_us = due_us > now_us ? due_us - now_us : 0;
    struct timeval tv = {.tv_sec = (time_t)(wait_us / US_PER_S),
                         .tv_usec = (suseconds_t)(wait_us % US_PER_S)};
    call->armed_us = due_us;
    event_add(&call->timer, &tv);
}

static void enter(struct http_call *call, enum phase phase)
{
    call->phase = phase;
    call->progress_us = clock_now_us();
    arm(call);
}

/* ---- the end of a call ---- */

static void call_free(struct http_call *call)
{
    event_del(&call->timer);
    loop_post_cancel(&call->fail);
    list_remove(&call->all);
    list_remove(&call->waiting);
    text_done(&call->request);
    mem_free(call);
}

static void drop_wire(struct http_call *call)
{
    struct wire *w = call->wire;
    call->wire = NULL;
    if (!w) {
        return;
    }
    w->call = NULL;
    if (!w->feeding) {
        wire_free(w);
    }
}

static void PRINTF_LIKE(3, 4)
    set_end(struct http_call *call, enum http_end end, const char *format, ...)
{
    call->end = end;
    va_list args;
    va_start(args, format);
    vsnprintf(call->detail, sizeof call->detail, format, args);
    va_end(args);
}

/* From events only: calls back. */
static void end_now(struct http_call *call)
{
    drop_wire(call);
    call->phase = CALL_ENDED;
    event_del(&call->timer);
    list_remove(&call->waiting);
    call->type->on_end(call->user, call->end, call->detail);
    call_free(call);
}

static void end_later(struct http_call *call)
{
    loop_post_send(&call->fail);
}

static void on_fail(void *user)
{
    end_now(user);
}

static void on_call_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct http_call *call = user;
    enum http_end end;
    uint64_t due_us = deadline(call, &end);
    call->armed_us = UINT64_MAX;
    if (due_us > clock_now_us()) {
        arm(call);
        return;
    }
    static const char *const words[] = {
        [HTTP_END_CONNECT] = "no connection in time",
        [HTTP_END_FIRST_BYTE] = "no answer in time",
        [HTTP_END_IDLE] = "the answer stalled",
        [HTTP_END_TOTAL] = "the whole call took too long",
    };
    set_end(call, end, "%s: %s", call->pool->name, words[end]);
    end_now(call);
}

/* ---- sending ---- */

/* What the kernel took; SIZE_MAX when the connection is broken. */
static size_t try_send(int fd, struct span a, struct span b)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)a.data, a.len},
                             {(void *)(uintptr_t)b.data, b.len}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = b.len ? 2 : 1};
    ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : SIZE_MAX;
    }
    return (size_t)n;
}

static void set_lost(struct http_call *call, const char *why)
{
    bool unanswered = call->phase == CALL_SEND || call->phase == CALL_WAIT;
    bool stale = call->wire->reused && unanswered && call->interim == 0;
    set_end(call, stale ? HTTP_END_STALE : HTTP_END_CUT, "%s: %s", call->pool->name, why);
}

/*
 * A broken connection is not reported here: the answer may be in the kernel
 * already (a refusal of a long body), or the end of it, and reading tells which.
 */
static void send_request(struct http_call *call, struct span head, struct span body)
{
    struct wire *w = call->wire;
    size_t n = try_send(w->fd, head, body);
    if (n != SIZE_MAX && n < head.len + body.len) {
        if (call->request.len == 0) {
            text_add(&call->request, span_from(head, n));
            text_add(&call->request, span_from(body, n > head.len ? n - head.len : 0));
        } else {
            call->request_done += n;
        }
        set_writing(w, true);
        if (n && call->phase == CALL_SEND) {
            enter(call, CALL_SEND); /* progress */
        }
        return;
    }
    text_done(&call->request);
    call->request_done = 0;
    set_writing(w, false);
    if (call->phase == CALL_SEND) { /* or the answer has begun */
        enter(call, CALL_WAIT);
    }
}

static void send_rest(struct http_call *call)
{
    send_request(call, span_from(text_span(&call->request), call->request_done), SPAN(""));
}

static bool on_body_bytes(void *user, struct span bytes);

/* The wire is the call's from here on. */
static void attach(struct http_call *call, struct wire *w)
{
    call->wire = w;
    w->call = call;
    message_start(&w->message, false, &call->client->spare, on_body_bytes, w);
    w->message.skip_body = call->is_head;
    set_reading(w, !call->paused);
    call->phase = CALL_SEND; /* the sending that follows sets the clock */
    call->progress_us = call->start_us + call->connect_us;
}

/* ---- connecting ---- */

static int open_socket(const struct address *a)
{
    int fd = socket(a->sock.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && a->sock.ss_family != AF_UNIX) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return fd;
}

/* Is it the network that is missing, or only this server? */
static enum http_end end_of_errno(int error)
{
    bool offline = error == ENETUNREACH || error == EHOSTUNREACH || error == ENETDOWN;
    return offline ? HTTP_END_OFFLINE : HTTP_END_CONNECT;
}

/* Tries the addresses that are left; when none is, the end is set and posted. */
static void connect_next(struct http_call *call)
{
    struct pool *pool = call->pool;
    while (call->address_next < pool->addresses.count) {
        const struct address *a = &pool->addresses.items[call->address_next++];
        int fd = open_socket(a);
        if (fd >= 0 &&
            (connect(fd, (const struct sockaddr *)&a->sock, a->len) == 0 || errno == EINPROGRESS)) {
            call->wire = wire_new(pool, fd);
            call->wire->call = call;
            set_writing(call->wire, true); /* connected, or failed */
            enter(call, CALL_CONNECT);
            return;
        }
        set_end(call, end_of_errno(errno), "%s: %s", pool->name, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
    }
    end_later(call);
}

static void on_connected(struct http_call *call)
{
    struct wire *w = call->wire;
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        set_end(call, end_of_errno(error), "%s: %s", call->pool->name, strerror(error));
        drop_wire(call);
        connect_next(call);
        return;
    }
    call->connect_us = MAX(clock_now_us() - call->start_us, (uint64_t)1);
    attach(call, w);
    send_rest(call);
}

static void on_found(void *user, const struct address_list *found, const char *why)
{
    struct pool *pool = user;
    pool->lookup = NULL;
    if (found->count) {
        pool->addresses = *found;
    }
    bool known = pool->addresses.count > 0; /* now, or from before: better than nothing */
    pool->looked_up_us = clock_now_us();
    while (!list_empty(&pool->waiting)) {
        struct http_call *call = CONTAINER_OF(pool->waiting.next, struct http_call, waiting);
        list_remove(&call->waiting);
        if (known) {
            connect_next(call);
        } else {
            set_end(call, HTTP_END_OFFLINE, "%s: %s", pool->name, why);
            end_later(call);
        }
    }
}

static void connect_call(struct http_call *call)
{
    struct pool *pool = call->pool;
    bool old = pool->looked_up_us && clock_now_us() - pool->looked_up_us > NAME_FRESH_US;
    if (pool->addresses.count && !old) {
        connect_next(call);
        return;
    }
    enter(call, CALL_LOOKUP);
    list_append(&pool->waiting, &call->waiting);
    if (!pool->lookup) {
        pool->lookup = lookup_start(call->client->loop, &pool->addresses, on_found, pool);
    }
}

/* ---- the answer ---- */

static bool on_body_bytes(void *user, struct span bytes)
{
    struct wire *w = user;
    struct http_call *call = w->call;
    if (bytes.len > call->body_left) {
        call->too_big = true;
        return false;
    }
    call->body_left -= bytes.len;
    if (call->type->on_body) {
        call->type->on_body(call->user, bytes);
    }
    return w->call != NULL; /* cancelled? then `call` is gone */
}

/* True to go on. Else w->call is NULL (cancelled) or its end is set. */
static bool take_head(struct wire *w)
{
    struct http_call *call = w->call;
    struct message *m = &w->message;
    int status = message_status(m);
    if (status < 200) {
        message_end(m);
        if (++call->interim > INTERIM_MAX) {
            set_end(call, HTTP_END_BAD, "%s: too many interim answers", call->pool->name);
            return false;
        }
        return true;
    }
    if (!m->skip_body && m->length != MESSAGE_LENGTH_UNKNOWN && m->length > call->body_left) {
        set_end(call, HTTP_END_BAD, "%s: the answer is too large", call->pool->name);
        return false;
    }
    struct arena *a = arena_new();
    struct headers headers;
    headers_init(&headers, a);
    struct span none;
    message_take_head(m, &headers, &none, &none);
    if (call->type->on_head) {
        call->type->on_head(call->user, status, &headers);
    }
    arena_free(a);
    return w->call != NULL;
}

static void answer_complete(struct wire *w, bool more_bytes)
{
    struct http_call *call = w->call;
    bool sent = call->request.len == 0;
    call->end = HTTP_END_OK;
    if (w->message.keep_alive && sent && !more_bytes) {
        call->wire = NULL;
        message_end(&w->message);
        give_idle(w); /* before on_end, which may start the next call */
    }
    end_now(call);
}

/* False when the call has ended, or was cancelled; `w` must not be touched then. */
static bool feed(struct wire *w, struct span bytes)
{
    struct http_call *call = w->call;
    for (;;) {
        w->feeding = true;
        enum message_result result = message_feed(&w->message, &bytes);
        bool go_on = result != MESSAGE_HEAD || take_head(w);
        w->feeding = false;
        if (!w->call) {
            wire_free(w);
            return false;
        }
        if (!go_on) {
            end_now(call);
            return false;
        }
        switch (result) {
        case MESSAGE_HEAD:
            break;
        case MESSAGE_MORE:
            return true;
        case MESSAGE_DONE:
            if (message_status(&w->message) < 200) {
                message_start(&w->message, false, &call->client->spare, on_body_bytes, w);
                w->message.skip_body = call->is_head;
                if (bytes.len == 0) {
                    enter(call, CALL_WAIT);
                    return true;
                }
                break;
            }
            answer_complete(w, bytes.len > 0);
            return false;
        case MESSAGE_BAD:
            set_end(call, HTTP_END_BAD, "%s: malformed answer: %s", call->pool->name,
                    message_why(&w->message));
            end_now(call);
            return false;
        case MESSAGE_HEAD_SIZE:
            set_end(call, HTTP_END_BAD, "%s: the answer's headers are too large", call->pool->name);
            end_now(call);
            return false;
        case MESSAGE_STOPPED:
            set_end(call, HTTP_END_BAD, "%s: the answer is too large", call->pool->name);
            end_now(call);
            return false;
        }
    }
}

static void peer_closed(struct wire *w, const char *why)
{
    struct http_call *call = w->call;
    if (call->phase == CALL_ANSWER && !why && message_feed_eof(&w->message) == MESSAGE_DONE) {
        w->message.keep_alive = false;
        answer_complete(w, false);
        return;
    }
    set_lost(call, why ? why : "closed by the peer");
    end_now(call);
}

static void on_wire_readable(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct wire *w = user;
    struct http_client *client = w->pool->client;
    ssize_t n = recv((int)fd, client->scratch, sizeof client->scratch, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    struct http_call *call = w->call;
    if (!call) {
        wire_free(w); /* idle: an end, or bytes that nobody asked for */
        return;
    }
    if (n <= 0) {
        peer_closed(w, n < 0 ? strerror(errno) : NULL);
        return;
    }
    call->phase = CALL_ANSWER;
    call->progress_us = clock_now_us();
    if (feed(w, span_of(client->scratch, (size_t)n))) {
        arm(call);
    }
}

static void on_wire_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct http_call *call = ((struct wire *)user)->call;
    if (call->phase == CALL_CONNECT) {
        on_connected(call);
    } else {
        send_rest(call);
    }
}

/* ---- starting ---- */

static struct pool *find_pool(struct http_client *c, const char *address)
{
    LIST_EACH (it, &c->pools) {
        struct pool *pool = CONTAINER_OF(it, struct pool, link);
        if (strcmp(pool->name, address) == 0) {
            return pool;
        }
    }
    struct pool *pool = NEW(struct pool);
    pool->client = c;
    size_t len = strlen(address) + 1;
    pool->name = mem_new(len);
    memcpy(pool->name, address, len);
    pool->valid = address_parse(address, &pool->addresses);
    list_init(&pool->idle);
    list_init(&pool->waiting);
    list_append(&c->pools, &pool->link);
    return pool;
}

/* Fields that frame the message are ours; Host is the caller's if given. */
static bool is_reserved(struct span name)
{
    return span_eq_nocase(name, SPAN("connection")) || span_eq_nocase(name, SPAN("keep-alive")) ||
           span_eq_nocase(name, SPAN("content-length")) ||
           span_eq_nocase(name, SPAN("transfer-encoding")) || span_eq_nocase(name, SPAN("expect"));
}

static void add_path(struct text *t, const char *path)
{
    for (const char *p = path; *p; p++) { /* nothing in it may end the request line */
        if ((unsigned char)*p <= ' ' || *p == 0x7f) {
            text_addf(t, "%%%02X", (unsigned char)*p);
        } else {
            text_add_char(t, *p);
        }
    }
}

static struct span build_head(struct http_client *c, const struct http_call_options *o)
{
    struct text *t = &c->head;
    const char *method = o->method ? o->method : "POST";
    text_clear(t);
    text_add_c(t, method);
    text_add_char(t, ' ');
    add_path(t, o->path);
    text_add(t, SPAN(" HTTP/1.1\r\n"));
    if (!span_given(headers_get(o->headers, "host"))) {
        bool is_unix = strncmp(o->address, "unix:", 5) == 0;
        text_add(t, SPAN("Host: "));
        text_add_c(t, is_unix ? "localhost" : o->address);
        text_add(t, SPAN("\r\n"));
    }
    for (size_t i = 0; o->headers && i < o->headers->count; i++) {
        const struct header *h = &o->headers->items[i];
        if (!is_reserved(h->name)) {
            text_add(t, h->name);
            text_add(t, SPAN(": "));
            text_add(t, h->value);
            text_add(t, SPAN("\r\n"));
        }
    }
    bool empty = o->body.len == 0;
    if (!empty || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)) {
        text_addf(t, "Content-Length: %zu\r\n", o->body.len);
    }
    if (c->idle_max == 0) {
        text_add(t, SPAN("Connection: close\r\n"));
    }
    text_add(t, SPAN("\r\n"));
    return text_span(t);
}

static struct http_call *call_new(struct http_client *c, const struct http_call_options *o,
                                  const struct http_call_type *type, void *user)
{
    struct http_call *call = NEW(struct http_call);
    call->client = c;
    call->pool = find_pool(c, o->address);
    call->type = type;
    call->user = user;
    call->is_head = o->method && strcmp(o->method, "HEAD") == 0;
    call->body_left = o->body_max ? o->body_max : BODY_MAX_DEFAULT;
    call->connect_ms = o->connect_ms ? o->connect_ms : CONNECT_MS_DEFAULT;
    call->first_byte_ms = o->first_byte_ms;
    call->idle_ms = o->idle_ms;
    call->total_ms = o->total_ms;
    call->start_us = clock_now_us();
    call->armed_us = UINT64_MAX;
    text_init(&call->request, SIZE_MAX / 4);
    evtimer_assign(&call->timer, loop_base(c->loop), on_call_timer, call);
    loop_post_init(&call->fail, c->loop, on_fail, call);
    list_append(&c->calls, &call->all);
    return call;
}

struct http_call *http_call_start(struct http_client *c, const struct http_call_options *options,
                                  const struct http_call_type *type, void *user)
{
    PRE(options->address && options->path && type->on_end);
    struct http_call *call = call_new(c, options, type, user);
    if (!call->pool->valid) {
        set_end(call, HTTP_END_CONNECT, "%s: not an address", options->address);
        end_later(call);
        return call;
    }
    struct span head = build_head(c, options);
    struct wire *w = options->fresh ? NULL : take_idle(call->pool);
    if (w) {
        attach(call, w);
        send_request(call, head, options->body);
        return call;
    }
    text_add(&call->request, head);
    text_add(&call->request, options->body);
    connect_call(call);
    return call;
}

void http_call_cancel(struct http_call *call)
{
    if (call->phase == CALL_ENDED) {
        return; /* on_end is running */
    }
    drop_wire(call);
    call_free(call);
}

void http_call_pause(struct http_call *call, bool pause)
{
    if (call->paused == pause || call->phase == CALL_ENDED) {
        return;
    }
    call->paused = pause;
    call->progress_us = clock_now_us();
    if (call->wire && call->phase != CALL_CONNECT) {
        set_reading(call->wire, !pause);
    }
    arm(call);
}

uint64_t http_call_connect_us(const struct http_call *call)
{
    return call->connect_us;
}

int64_t http_call_rtt_us(const struct http_call *call)
{
    return call->wire ? link_rtt_us(call->wire->fd) : -1;
}

/* ---- life ---- */

struct http_client *http_client_new(struct loop *loop, size_t idle_max_per_address)
{
    struct http_client *c = NEW(struct http_client);
    c->loop = loop;
    c->idle_max = idle_max_per_address;
    list_init(&c->pools);
    list_init(&c->calls);
    text_init(&c->head, MIB);
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c) {
        return;
    }
    while (!list_empty(&c->calls)) {
        http_call_cancel(CONTAINER_OF(c->calls.next, struct http_call, all));
    }
    while (!list_empty(&c->pools)) {
        struct pool *pool = CONTAINER_OF(c->pools.next, struct pool, link);
        lookup_cancel(pool->lookup);
        while (!list_empty(&pool->idle)) {
            wire_free(CONTAINER_OF(pool->idle.next, struct wire, idle));
        }
        list_remove(&pool->link);
        mem_free(pool->name);
        mem_free(pool);
    }
    head_spare_done(&c->spare);
    text_done(&c->head);
    mem_free(c);
}
