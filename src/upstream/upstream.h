/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leg to a server behind an API: plain http:// (also Unix sockets) through our
 * own client, https:// through libcurl multi on the same loop. Which dialect is
 * spoken is chat/'s business; whether bytes may leave is the gate's. Here are
 * transport, pooling, the four time-outs, statuses, Retry-After and the exact
 * moment of cancellation.
 *
 * libcurl is loaded with dlopen when the first https backend is created, because
 * it costs 8 MiB of memory. No connection is opened before a request needs one.
 *
 * A backend of tier `device` behind an API must be on this machine: the resolved
 * peer address is checked at connect (loopback or Unix socket), proxies are never
 * used for it, and an Ollama model that is itself remote is refused.
 */
#ifndef WEIR_UPSTREAM_UPSTREAM_H
#define WEIR_UPSTREAM_UPSTREAM_H

#include "flow/leg.h"
#include "http/client.h"
#include "loop/loop.h"

struct upstream;

/* One per worker, shared by all backends. `ca_file` NULL = the system's (SSL_CERT_FILE is honoured). */
struct upstream *upstream_new(struct loop *loop, const char *ca_file);
void upstream_free(struct upstream *u);
/* Once per https backend, so that a missing libcurl is known at start. */
enum err upstream_prepare(struct upstream *u, const struct backend *b,
                          struct fault *fault) MUST_USE;
extern const struct driver_type upstream_driver; /* self = struct upstream */

/* GET url + `path` with the backend's key: for `weir backends test` and probes. One call of `done`, async. */
typedef void upstream_get_fn(void *user, int status, struct span body, const char *error);
void upstream_get(struct upstream *u, const struct backend *b, const char *path, uint32_t total_ms,
                  upstream_get_fn *done, void *user);

#endif
