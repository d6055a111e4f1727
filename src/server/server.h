/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front door: who may come in, and which function answers which path.
 *
 * Every request becomes a `struct call`: an id, a client, an arena. Before a
 * route sees it, the door checks Host (DNS rebinding), Origin (CORS), the API key
 * and the method. Each error is JSON with X-Request-Id. A call ends with exactly
 * one call_reply*() or, for streams, call_stream_end()/call_stream_cut(); then one
 * log line is written and the call is gone. If the client leaves first, the
 * handler's `gone` runs once and the call is gone after it.
 *
 * Paths are matched without a trailing slash, and `/v1/x` also as `/x`.
 */
#ifndef WEIR_SERVER_SERVER_H
#define WEIR_SERVER_SERVER_H

#include "config/config.h"
#include "crypto/keys.h"
#include "http/server.h"
#include "ledger/page.h"

struct server;
struct call;

typedef void route_fn(void *user, struct call *call);

enum route_flags {
    ROUTE_OPEN = 1,  /* no key needed (health) */
    ROUTE_ADMIN = 2, /* admin keys only */
    ROUTE_QUIET = 8, /* asked for again and again (health, status): logged at debug */
    ROUTE_REST = 4,  /* the path is a prefix ending in '/'; call_rest() is what follows */
};

struct route {
    const char *method; /* "GET", "POST" */
    const char *path;
    int flags;
    route_fn *fn;
};

struct server *server_new(struct loop *loop, struct page *page, int worker);
void server_free(struct server *s);
void server_listen(struct server *s, int listener_fd);
void server_drain(struct server *s, loop_fn *drained, void *user);
/* Routes are borrowed for ever (static tables). */
void server_routes(struct server *s, const struct route *routes, size_t count, void *user);
/* At start and at each reload: refs the config, takes `keys` (NULL = no auth). */
void server_configure(struct server *s, struct config *c, struct keys *keys);

/* ---- for handlers ---- */

struct arena *call_arena(struct call *call);
/* The handler keeps the arena alive beyond the call (a flow's); the call then lives in it but does not free it. */
void call_give_arena(struct call *call);
const char *call_id(const struct call *call);
struct span call_client(const struct call *call); /* key name; SPAN_NONE without auth */
bool call_admin(const struct call *call);         /* true without auth */
/* Whose receipts this call may see: SPAN_NONE = all. */
struct span call_scope(const struct call *call);
const struct http_request *call_request(const struct call *call);
struct span call_rest(const struct call *call);
struct span call_query(const struct call *call, const char *name); /* percent-decoded; SPAN_NONE */
struct headers *call_headers(struct call *call);                   /* answer headers, to add to */
void call_log(struct call *call, const char *format, ...)
    PRINTF_LIKE(2, 3); /* words for the log line */

void call_reply(struct call *call, int status, const char *content_type, struct span body);
void call_reply_json(struct call *call, int status, const struct text *body);
void call_reply_error(struct call *call, enum err err, const char *param, const char *text);
void call_watch(struct call *call, http_gone_fn *gone, http_drained_fn *drained, void *user);
void call_stream_begin(struct call *call, const char *content_type);
void call_stream_write(struct call *call, struct span bytes);
void call_stream_end(struct call *call);
void call_stream_cut(struct call *call);
size_t call_stream_backlog(const struct call *call);

#endif
