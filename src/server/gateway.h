/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway: one neutral request in, one flow out.
 *
 * It gathers the facts (request, findings, device, backends, budget), asks the
 * router for a decision, and starts a flow with the strategy that the decision
 * names. It is also the flow's host: timers, drivers, the gate, and what happens
 * when a leg or a whole answer is over (running estimates, metrics, the ledger).
 *
 * A gateway serves one config at a time. gateway_configure() swaps in another;
 * running flows keep the config they started with, because each holds a
 * reference to it. Everything on the loop thread.
 */
#ifndef WEIR_SERVER_GATEWAY_H
#define WEIR_SERVER_GATEWAY_H

#include "config/config.h"
#include "egress/egress.h"
#include "flow/flow.h"
#include "ledger/ledger.h"
#include "loop/loop.h"
#include "router/guard.h"
#include "router/learning.h"
#include "router/router.h"

struct gateway;

/* What app/ knows and the gateway does not: who carries legs, and how each backend is. */
struct gateway_parts {
    struct loop *loop; /* NULL: explain only */
    struct page *page;
    struct ledger *ledger; /* NULL: receipts are dropped (explain) */
    int worker;
    struct learning *learning; /* shared by all workers (router/learning.h); NULL = its own */
    void *sessions; /* STICKY_BYTES shared by all workers (router/sticky.h); NULL = its own */
    void *user;
    const struct driver *(*driver)(void *user, const struct backend *b);
    void (*backend_state)(void *user, const struct backend *b, struct backend_state *io);
    const struct strategy *(*strategy)(struct span name);
};

struct gateway *gateway_new(const struct gateway_parts *parts);
void gateway_free(struct gateway *g); /* no flow may be running: gateway_abandon() first */
/* Compiles rules and privacy policy of `c` and refs it. On a fault the old config stays. */
enum err gateway_configure(struct gateway *g, struct config *c, struct fault *fault) MUST_USE;
/* Thresholds from labels; NULL = none. Borrowed until the next call. */
void gateway_use_calibrations(struct gateway *g, const struct calibrations *all);
const struct calibrations *gateway_calibrations(const struct gateway *g);
struct config *gateway_config(const struct gateway *g);

/* Takes the request's arena. The sink hears begin, delta…, end; also when nothing may be tried. Returns the flow for
 * flow_client_gone() and flow_pause(), or NULL when it is over already. */
struct flow *gateway_answer(struct gateway *g, struct request *request,
                            const struct sink_type *type, void *sink);
/* The decision as JSON, running nothing; with `payload` also the exact body that would leave. */
void gateway_explain(struct gateway *g, struct request *request, bool payload, struct text *out);
/* That body alone, byte by byte as the first leg beyond the device would send it; nothing when nothing would leave.
 * The decision's or the gate's error when it refuses. */
enum err gateway_payload(struct gateway *g, struct request *request, struct text *out,
                         struct fault *fault) MUST_USE;

/* What would leave if a person agreed, and a one-time id for X-Weir-Consent: {consent, expires_s, backend, tier, model,
 * bytes, types}. ERR_POLICY when the config leaves no way open. */
enum err gateway_consent(struct gateway *g, struct request *request, struct text *out,
                         struct fault *fault) MUST_USE;

/* How good the answer `id` was, 0..1: the router learns from it, if its features still wait. */
void gateway_feedback(struct gateway *g, struct span id, double score, struct span source);
struct learning *gateway_learning(const struct gateway *g);

/* One line per backend for /weir/v1/status and /readyz. */
void gateway_backend_state(struct gateway *g, const struct backend *b, struct backend_state *out);
bool gateway_ready(struct gateway *g);
const struct guard *gateway_guard(const struct gateway *g); /* of this worker */
int gateway_running(const struct gateway *g);               /* flows alive */
/* Ends every flow now (worker shutdown). */
void gateway_abandon(struct gateway *g);
const struct gateway_parts *gateway_parts(const struct gateway *g);

#endif
