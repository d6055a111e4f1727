/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wire: one HTTP exchange with a backend, over whichever transport its address
 * needs. Private to upstream/.
 *
 *   plain   http:// and Unix sockets, through http/client.h            (plain.c)
 *   curl    https://, and http:// through a proxy, through libcurl     (curl.c)
 *
 * Life: wire_start() → head? → body* → end, exactly one end and never inside
 * wire_start(). After wire_cancel() nothing is called any more; it may be called
 * from anywhere, also from inside head and body. Time is the caller's business,
 * but for connect_ms. The wire is dead once `end` was called.
 *
 * Nothing is ever sent twice by a wire: a kept-alive connection that dies before
 * the first answer byte ends it with WIRE_STALE.
 */
#ifndef WEIR_UPSTREAM_WIRE_H
#define WEIR_UPSTREAM_WIRE_H

#include "base/err.h"
#include "base/text.h"
#include "http/headers.h"
#include "loop/loop.h"

struct wires; /* the connections of one worker, both transports */
struct wire;

enum wire_end {
    WIRE_OK,
    WIRE_OFFLINE, /* no route or no name; nothing was sent */
    WIRE_CONNECT, /* refused; nothing was sent */
    WIRE_LATE,    /* not connected within connect_ms; nothing was sent */
    WIRE_TLS,     /* the handshake or the certificate failed; nothing was sent */
    WIRE_STALE,   /* a reused connection died before the first answer byte */
    WIRE_CUT,     /* closed or reset in the middle */
    WIRE_BAD,     /* not HTTP, or over a limit */
};

struct wire_head {
    int status;
    char content_type[64];
    char retry_after[64];
    char retry_after_ms[32];
    int64_t rtt_us; /* of the connection; 0 = unknown, or on this machine */
};

struct wire_events {
    void (*head)(void *user, const struct wire_head *head);
    void (*body)(void *user, struct span bytes);
    void (*end)(void *user, enum wire_end end, const char *detail);
};

struct wire_request {
    const char *method;            /* "GET" or "POST" */
    const char *url;               /* whole */
    const struct headers *headers; /* copied */
    struct span body;              /* borrowed until the wire is over */
    uint32_t connect_ms;
    bool local; /* loopback or Unix socket only, and never a proxy */
    bool fresh; /* not on a kept connection */
};

struct wires *wires_new(struct loop *loop, const char *ca_file);
void wires_free(struct wires *w); /* wires in flight end without a call */
/* Loads what `url` needs. ERR_INVALID for an address that cannot be used, ERR_INTERNAL when libcurl is missing. */
enum err wires_prepare(struct wires *w, const char *url, bool local, struct fault *fault) MUST_USE;
struct wire *wire_start(struct wires *w, const struct wire_request *request,
                        const struct wire_events *events, void *user);
void wire_cancel(struct wire *wire);
void wire_pause(struct wire *wire, bool pause);

/* ---- addresses ---- */

/*
 * "http://host:port/path", "https://…", or a Unix socket: "unix:/path/to.sock", "http://unix:/path/to.sock:/v1".
 */
struct wire_url {
    bool tls;
    bool loopback;     /* a loopback literal, "localhost" or a Unix socket */
    char address[256]; /* as http/client.h wants it: "127.0.0.1:80", "unix:/path" */
    struct span path;  /* points into the url; "" = "/" */
};
bool wire_url_parse(const char *url, struct wire_url *out) MUST_USE;

/* ---- the transports ---- */

struct wire_type {
    void (*cancel)(struct wire *wire);
    void (*pause)(struct wire *wire, bool pause);
};

struct wire { /* embedded first in each transport's own struct */
    const struct wire_type *type;
    const struct wire_events *events;
    void *user;
};

struct plain;
struct plain *plain_new(struct loop *loop);
void plain_free(struct plain *p);
struct wire *plain_start(struct plain *p, const struct wire_request *request,
                         const struct wire_url *url, const struct wire_events *events, void *user);

struct curls;
/* ERR_INTERNAL when libcurl cannot be loaded; the text names the package. `ca_file` may be NULL; borrowed for ever. */
enum err curls_new(struct loop *loop, const char *ca_file, struct curls **out,
                   struct fault *fault) MUST_USE;
void curls_free(struct curls *c); /* NULL is fine */
struct wire *curls_start(struct curls *c, const struct wire_request *request,
                         const struct wire_events *events, void *user);

#endif
