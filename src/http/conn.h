/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of the HTTP server, shared by server.c (accepting, time-outs,
 * the end), conn.c (reading and the states) and answer.c (writing). Internal to
 * http/.
 *
 *           first byte         head           last byte        ended
 *   IDLE ──────────────▶ HEAD ──────▶ BODY ──────────▶ ANSWER ──────▶ FLUSH
 *    ▲                     │            │                               │
 *    │                     └──refused───┴──────────────────────────────▶│
 *    ├──────────────────────── written, keep-alive ─────────────────────┤
 *                                                                       │
 *                  closed ◀── written, close ───────────────────────────┤
 *                  closed ◀── EOF or time ── LINGER ◀── written, refused ┘
 *
 * Invariants:
 *  - `x` is given from HEAD to ANSWER, and NULL in the other states.
 *  - Only descriptor events, the sweep and the connection's own post (`turn`)
 *    free a connection; the owner's verbs (http_answer…) mark and post. So code
 *    that ran on_request may still look at the connection.
 *  - `out` holds bytes the kernel did not take yet; in order, head first.
 *  - `ahead` holds bytes that came after the request in flight, at most
 *    AHEAD_MAX: then the connection is `deaf` (out of epoll; the sweep looks for
 *    the peer's close), so that a pipelining peer costs neither memory nor rounds.
 *  - A connection stands in at most one wait list. All waits of a list last
 *    equally long, so a list is in order of its deadlines and one coarse timer
 *    looks at the heads only.
 */
#ifndef WEIR_HTTP_CONN_H
#define WEIR_HTTP_CONN_H

#include "http/message.h"
#include "http/server.h"

#include <event2/event_struct.h>

#define AHEAD_MAX (64 * KIB)
#define READ_BYTES (64 * KIB)
#define OUT_MAX (256 * MIB) /* an owner that never looks at the backlog is cut here */

enum conn_state { CONN_IDLE, CONN_HEAD, CONN_BODY, CONN_ANSWER, CONN_FLUSH, CONN_LINGER };
enum wait { WAIT_HEAD, WAIT_BODY, WAIT_IDLE, WAIT_WRITE, WAIT_LINGER, WAIT_COUNT, WAIT_NONE };

struct http_exchange {
    struct conn *conn; /* NULL once the client left and nobody watched */
    struct arena *arena;
    struct http_request request;
    struct text body;
    http_gone_fn *gone;
    http_drained_fn *drained;
    void *user;
    struct loop_post told_late; /* the watch was set after the client left */
    bool leaving;               /* `gone` is running: verbs do nothing */
    bool begun;                 /* the head of a streamed answer is out */
    bool chunked, bodiless;
    bool http10, keep_alive, is_head;
};

struct conn {
    struct http_server *server;
    struct link all;
    struct link deaf;
    struct link waiting;
    uint64_t waiting_since_us;
    enum wait wait;
    enum conn_state state;
    int fd;
    bool close_after; /* the answer is the last one here */
    bool linger;      /* … and the request was not read to its end */
    bool reset;       /* … and only a reset tells the client that it is incomplete */
    bool broken;      /* writing failed; `turn` will say so */
    bool is_deaf;     /* reading is stopped */
    bool writing;     /* `writable` is on */
    struct event readable, writable;
    struct loop_post turn;
    struct message message;
    struct http_exchange *x;
    struct text out;
    size_t out_done;
    struct text ahead;
    size_t ahead_done;
    struct http_peer peer;
};

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    const struct http_server_type *type;
    void *user;
    struct link listeners;
    bool accepting, draining;
    struct loop_timer accept_again;
    uint64_t warned_us; /* that no descriptors are left */
    struct link conns;
    struct link deaf; /* those whose peer's close the sweep must find */
    size_t count;
    struct {
        struct link list;
        uint64_t after_us;
    } waits[WAIT_COUNT];
    struct loop_timer sweep;
    bool sweeping;
    uint64_t sweep_us;
    struct loop_post drained;
    struct head_spare spare;
    struct text head; /* of the answer being written */
    uint64_t date_s;
    char date[40];
    char scratch[READ_BYTES];
};

/* server.c */
void conn_wait(struct conn *c, enum wait wait);
void conn_free(struct conn *c);
void server_sweep(struct http_server *s); /* there is something to look after */

/* conn.c */
void conn_init_events(struct conn *c);
void conn_move(struct conn *c, enum conn_state to);
void conn_lost(struct conn *c);       /* the peer left; frees */
void conn_expired(struct conn *c);    /* its wait is over; may free */
void conn_check_deaf(struct conn *c); /* may free */
void conn_to_idle(struct conn *c);
void exchange_free(struct http_exchange *x);

/* answer.c */
void conn_send(struct conn *c, struct span head, struct span body);
void conn_flush(struct conn *c);
/* An error of the server's own, as the last answer here. */
void conn_send_error(struct conn *c, int status, enum err err, const char *text);
static inline size_t conn_backlog(const struct conn *c)
{
    return c->out.len - c->out_done;
}

#endif
