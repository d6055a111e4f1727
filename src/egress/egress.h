/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one door to every tier that is not `device`. It fails closed.
 *
 * Every attempt (first, retry, fallback, warm-up) passes anew, in this order:
 *
 *   1 level     `local` or a never_leave finding: refused, ERR_POLICY naming the rule
 *   2 labels    decision's required labels
 *   3 offline   the backend is offline (network fact): nothing is sent, whatever the mode
 *   4 breaker   open: refused (ERR_UPSTREAM "breaker open"); half-open: one probe
 *   5 in flight max_in_flight of the backend
 *   6 ledger    not healthy: refused, a receipt could not be kept
 *   7 privacy   `redact`: the serialised body is scanned and rewritten; any error closes the gate.
 *             With consent: these very bytes, to this backend
 *   8 budget    reserved: body bytes / 3 as input, n × min(max_tokens, max_output_tokens) as output
 *   9 intent    written to the shared page; then, and only then, leg_admitted()
 *
 * settle() puts the real cost in place of the reservation (estimated from bytes when the
 * provider said nothing), reports to the breaker and gives the in-flight slot back.
 */
#ifndef WEIR_EGRESS_EGRESS_H
#define WEIR_EGRESS_EGRESS_H

#include "config/config.h"
#include "flow/leg.h"
#include "ledger/ledger.h"
#include "privacy/privacy.h"

struct egress;

struct egress_options {
    struct page *page;     /* page_worker_begin() came first */
    struct ledger *ledger; /* NULL: explain only */
    int worker;
};
struct egress *egress_new(const struct egress_options *o);
void egress_free(struct egress *e);
/* Once at start and at each reload. Borrows `policy` and refs the config. */
void egress_configure(struct egress *e, struct config *c, const struct privacy_policy *policy);
extern const struct gate_type egress_gate; /* self = struct egress */

/* What the router needs: breaker, in flight, offline of one backend. */
void egress_backend_state(const struct egress *e, const struct backend *b,
                          struct backend_state *io);
/* A connect failure that means "no network" was seen, or a success. A backend seen offline stays so for 3 s and is
 * then tried again; one on loopback or in the local network is never offline this way. */
void egress_note_network(struct egress *e, const struct backend *b, bool offline);
/* What the facts of this machine say, at each decision. `everything`: the override file says offline, nothing goes out
 * at all. `no_route`: measured, there is no way to the internet; loopback and the local network may still be asked. */
void egress_set_offline(struct egress *e, bool everything, bool no_route);
uint64_t egress_breaker_id(const struct backend *b);
/* Intent slots that this request's legs hold (one a leg); they are cleared when its receipt is on disk. Gives the count. */
int egress_take_intents(struct egress *e, const struct request *r, int *out_slots, int max);
/* What would leave, for `weir explain --payload` and before consent: steps 1 and 7 only. `out->body` was initialised
 * by the caller. */
struct preview {
    struct text body;
    struct redaction_count redactions[FINDING_TYPES_MAX];
    int redactions_count;
};
enum err egress_preview(struct egress *e, const struct request *r, const struct decision *d,
                        const struct backend *b, struct span body, struct preview *out,
                        struct fault *fault) MUST_USE;

#endif
