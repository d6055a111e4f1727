/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/1.1 server side: accepts on inherited listeners, parses strictly
 * (llhttp), hands each complete request to one function and writes what that
 * function answers, at once or bit by bit.
 *
 * Nouns: http_server (listeners + connections), http_exchange (one request and
 * its answer). One exchange is in flight per connection; the next pipelined
 * request is parsed only after the answer is written. While an answer is being
 * made, the connection is read only to notice that the peer left (half-close
 * counts as gone).
 *
 * Life of an exchange: on_request → any number of http_answer_* calls, now or
 * later → ended by http_answer(), http_answer_end() or http_answer_cut(). After
 * the ending call the exchange must not be touched. If the client leaves first,
 * `gone` is called once; the exchange is dead after it returns and the owner
 * must make no further call. An exchange that nobody watches outlives its client
 * and must still be ended; a watch set too late is told in the next round. No
 * verb calls back: what it causes (drained, the next request) comes later.
 * Everything on the loop thread.
 *
 * Limits (each answered with a JSON error made by `error_body`): header bytes and
 * count → 431, body → 413, bad framing or syntax, unknown transfer coding → 400,
 * headers slower than `header_ms` and bodies without progress for `body_ms` → 408
 * (with ERR_INVALID). Such an error closes the connection, after the client had two
 * seconds to read it. Time-outs are looked at in sweeps: up to a quarter of the
 * shortest one, at most a second, late. A reader that stops costs at most `http_answer_backlog()` bytes: the
 * owner watches it and pauses its source; `drained` says when to go on.
 */
#ifndef WEIR_HTTP_SERVER_H
#define WEIR_HTTP_SERVER_H

#include "base/err.h"
#include "base/text.h"
#include "http/headers.h"
#include "loop/loop.h"

struct http_server;
struct http_exchange;

struct http_peer {
    bool is_unix;
    bool is_loopback;
    char address[64]; /* "127.0.0.1:4711", "unix" */
};

struct http_request {
    struct span method, target, path, query; /* path percent-decoded; target as sent */
    struct headers headers;
    struct span body; /* whole, de-chunked */
    struct http_peer peer;
    uint64_t received_us; /* clock_now_us() when its first byte was read */
    uint64_t complete_us; /* … when its last byte was read */
};

struct http_server_options {
    size_t body_max;        /* default 32 MiB */
    uint32_t header_ms;     /* default 10000 */
    uint32_t body_ms;       /* default 30000 without progress */
    uint32_t idle_ms;       /* default 75000 between requests */
    uint32_t write_ms;      /* default 60000 without progress of a stuck reader */
    size_t connections_max; /* default 20000; beyond it accept waits */
};

struct http_server_type {
    /* Borrowed until the exchange ends. */
    void (*on_request)(void *user, struct http_exchange *x, const struct http_request *request);
    /* Writes the body of an error that the server itself answers (400, 408, 413, 431), and may add headers. */
    void (*error_body)(void *user, enum err err, const char *text, struct headers *headers,
                       struct text *body);
};

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
                                    const struct http_server_type *type, void *user);
void http_server_free(struct http_server *s); /* cuts what is left; watchers are told `gone` */
/* Borrows a listening descriptor (TCP or Unix), shared with sibling processes. */
void http_server_listen(struct http_server *s, int listener_fd);
/* Stops accepting, closes idle connections, answers what is in flight with `Connection: close`;
 * `drained` is called (async) when no connection is left. */
void http_server_drain(struct http_server *s, loop_fn *drained, void *user);
size_t http_server_connections(const struct http_server *s);

/* Makes a listening socket for "127.0.0.1:8080", "[::1]:0" or "unix:/path": TCP without SO_REUSEPORT, a stale
 * Unix socket is replaced, a live one is an error. Non-blocking, close-on-exec. ERR_IO names the address and reason
 * ("address already in use"). `out_bound` (may be NULL, 128 bytes) gets the real address. */
enum err http_listen(const char *address, int *out_fd, char *out_bound,
                     struct fault *fault) MUST_USE;

typedef void http_gone_fn(void *user);
typedef void http_drained_fn(void *user);
/* Replaces what was set before. `drained` fires when the backlog fell to zero. */
void http_exchange_watch(struct http_exchange *x, http_gone_fn *gone, http_drained_fn *drained,
                         void *user);

/* A whole answer. Content-Length, Date, Connection are added. Headers are copied. */
void http_answer(struct http_exchange *x, int status, const struct headers *headers,
                 struct span body);
/* A streamed answer (chunked; close-delimited for HTTP/1.0). Bytes of one loop round leave in one write. */
void http_answer_begin(struct http_exchange *x, int status, const struct headers *headers);
void http_answer_write(struct http_exchange *x, struct span bytes);
void http_answer_end(struct http_exchange *x);
/* Ends without the terminating chunk, so that the client sees a broken answer. */
void http_answer_cut(struct http_exchange *x);
size_t http_answer_backlog(const struct http_exchange *x); /* bytes waiting for the reader */

#endif
