/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consent: a person lets one request go that policy keeps at home.
 *
 *   1 the config names what may be loosened at all: `privacy.consent`, default nothing
 *   2 POST /weir/v1/consent says what would leave (types, bytes, backend) and gives an id
 *   3 the same request with `X-Weir-Consent: ID` goes to that backend, once
 *
 * An id is bound to the caller, the backend, the level and the SHA-256 of the bytes
 * that were shown: the gate compares it with what would leave. It runs out after
 * CONSENT_LIFE_S and lies in the shared page, so any worker may take it, one only.
 * At each use the config in force is asked again.
 */
#ifndef WEIR_EGRESS_CONSENT_H
#define WEIR_EGRESS_CONSENT_H

#include "config/config.h"
#include "core/facts.h"
#include "ledger/page_privacy.h"

#define CONSENT_LIFE_S 120

/* The next way in which the config lets `client` loosen something: `*io_at` begins at 0. False when there is none
 * left. `out` is not bound to a body yet. */
bool consent_next(const struct config *c, struct span client, int *io_at, struct consent *out);
/* Binds it to the bytes that would leave and gives it an id. ERR_OVERLOADED when too many wait. */
enum err consent_issue(struct page *page, struct span client, struct span body, struct consent *io,
                       struct fault *fault) MUST_USE;
/* Uses it up. ERR_POLICY when it is unknown, used, run out, another caller's, or no longer allowed by `c`. */
enum err consent_take(struct page *page, const struct config *c, struct span client, struct span id,
                      struct consent *out, struct fault *fault) MUST_USE;
/* Is this what was agreed to? */
bool consent_covers(const struct consent *c, const struct backend *to, struct span body);

/* The mark that a value of `type` was said in a caller's session. */
uint64_t taint_key(struct span client, struct span session, const char *type);

#endif
