/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain HTTP/1.1 client: keep-alive connections per address over the loop.
 *
 * For http:// upstreams (loopback, LAN, another Weir) and for the command line
 * talking to a running server. https:// goes through upstream/ and libcurl.
 *
 * A call ends with exactly one on_end, never inside http_call_start(). A reused
 * connection that dies before any answer byte is reported as such
 * (`HTTP_END_STALE`): whether to send again is the caller's decision, because the
 * request may have been carried out. http_call_cancel() closes the connection at
 * once and no callback follows.
 *
 * Names other than "localhost" are looked up on a helper thread, tried in the
 * order given, and believed for 30 s. Pausing stops the reading; up to 64 KiB that
 * were read already, the end included, may still be delivered.
 *
 * Interim 1xx answers are skipped, redirects are not followed, answers to HEAD
 * and 204/304 have no body. The body is bounded by `body_max` for the whole call.
 */
#ifndef WEIR_HTTP_CLIENT_H
#define WEIR_HTTP_CLIENT_H

#include "base/err.h"
#include "http/headers.h"
#include "loop/loop.h"

struct http_client;
struct http_call;

enum http_end {
    HTTP_END_OK,      /* complete answer, properly framed */
    HTTP_END_CONNECT, /* refused, unreachable, unknown host, connect time-out: nothing was sent */
    HTTP_END_STALE,   /* a reused connection died before the first answer byte */
    HTTP_END_CUT,     /* the peer closed or reset in the middle */
    HTTP_END_BAD,     /* not HTTP, or over a limit */
    HTTP_END_FIRST_BYTE, /* no answer byte within first_byte_ms */
    HTTP_END_IDLE,       /* no byte for idle_ms in the middle */
    HTTP_END_TOTAL,      /* total_ms is over */
    HTTP_END_OFFLINE, /* no route or no name (ENETUNREACH, EHOSTUNREACH, ENETDOWN, a failed look-up): a network
                          * fact, nothing was sent. Refused and late connections stay HTTP_END_CONNECT */
};

struct http_call_type {
    void (*on_head)(void *user, int status, const struct headers *headers);
    void (*on_body)(void *user, struct span bytes); /* de-chunked, as it arrives */
    void (*on_end)(void *user, enum http_end end, const char *detail);
};

struct http_call_options {
    const char *address;           /* "127.0.0.1:9000", "host:80", "[::1]:80", "unix:/path" */
    const char *method;            /* default "POST" */
    const char *path;              /* origin-form */
    const struct headers *headers; /* Host, Content-Length, Connection are added; copied */
    struct span body;              /* copied */
    size_t body_max;               /* answer bytes; default 64 MiB */
    uint32_t connect_ms;           /* default 2000 */
    uint32_t first_byte_ms;        /* 0 = none, measured from the request's last byte */
    uint32_t idle_ms;              /* 0 = none */
    uint32_t total_ms;             /* 0 = none */
    bool fresh;                    /* do not reuse a pooled connection */
};

struct http_client *http_client_new(struct loop *loop, size_t idle_max_per_address);
void http_client_free(struct http_client *c); /* calls in flight end without callback */
struct http_call *http_call_start(struct http_client *c, const struct http_call_options *options,
                                  const struct http_call_type *type, void *user);
void http_call_cancel(struct http_call *call);
/* Stops and resumes reading, for back pressure; time-outs but total_ms stand still meanwhile. */
void http_call_pause(struct http_call *call, bool pause);
/* Microseconds from start to connected (0 when reused) — for link estimates. */
uint64_t http_call_connect_us(const struct http_call *call);
/* The connection's round trip as the kernel measured it; -1 = unknown. */
int64_t http_call_rtt_us(const struct http_call *call);

#endif
