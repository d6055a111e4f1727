/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a client's traffic still what it was, and is somebody playing with the router?
 *
 * For each client (API key; one record for all that come without) a few histograms and sums are
 * kept, about 1 KiB, at most GUARD_CLIENTS of them, the longest silent one makes room. One more
 * record, "*", is of all traffic together. Three alarms:
 *
 *   claims  words that only say that a prompt is hard ("step by step", "expert", "proof") push it
 *           below the threshold again and again: the same prompt without them would have reached
 *           it (decision.claims_won; a prompt that is hard anyway wins nothing by them). A
 *           one-sided CUSUM (Page 1954) adds up won - 0.2 and alarms at 8: ten prompts in a row, or
 *           27 when every second wins; a client that honestly tips the scales so in one prompt of
 *           ten raises it once in more than 100,000 requests. While it stands the words are
 *           ignored for this client (facts.guard.discount), which costs nothing on prompts that
 *           are hard; 40 requests that win nothing let it fall.
 *   share   the share of answers from other tiers has changed: two-sided CUSUM against the share
 *           of the last 1000 requests, from the 200th on, allowance 0.15, limit 12. By Siegmund's
 *           formula (1985) that is one false alarm in more than 250,000 requests even when the
 *           usual share is two standard errors off, and a change of a half is seen after 35.
 *   drift   tasks, lengths, scores or claims are distributed otherwise: the population stability
 *           index of each 200 requests against the reference. Above 0.25 it is called a shift
 *           (Siddiqi 2006), but only when chance does not do the same: PSI is about
 *           (1/n + 1/m) χ² (Yurdakul 2018), and the 0.9999 quantile of that must be passed too.
 *           Without alarm the reference follows by a tenth; after GUARD_ACCEPT windows of drift
 *           in a row the new traffic becomes the reference.
 *
 * Alarms warn; only `claims` changes decisions, and never what policy, privacy or budget say:
 * those read no score. A cap on the cloud share acts only for keys that policy names
 * (policy.caps): a token bucket, each request earns the share, each answer that asked another tier
 * spends one, and at most GUARD_BURST are saved. So of n requests at most share · n + GUARD_BURST
 * go up, plus those in flight. Each worker keeps its own books: with W workers the burst is W times
 * as large, the share holds.
 *
 * No I/O, no clock; the caller feeds it.
 */
#ifndef WEIR_ROUTER_GUARD_H
#define WEIR_ROUTER_GUARD_H

#include "core/decision.h"
#include "core/facts.h"

#define GUARD_CLIENTS 256
#define GUARD_WINDOW 200
#define GUARD_ACCEPT 5
#define GUARD_BURST 10

struct guard;

struct guard *guard_new(void);
void guard_free(struct guard *g);

/* Fills f->guard. `cap`: the share of the cloud that policy gives this key, 0..1; < 0 = no cap. */
void guard_look(const struct guard *g, double cap, struct facts *f);
/* A request is over. `up`: another tier than the device was asked. */
void guard_note(struct guard *g, uint64_t now_us, const struct facts *f, const struct decision *d,
                bool up);

/* Population stability index of two histograms of `bins` counts: Σ (p − q) ln(p / q), empty bins as half a count. */
double guard_psi(const float *reference, const float *seen, int bins);
/* What chance alone stays under in 9,999 of 10,000 windows: (1/n + 1/m) · χ²(bins − 1). */
double guard_psi_chance(double n, double m, int bins);

/* {"clients":3,"alarms":[{"client","alarm","since_s","value","limit"}],"raised":{"claims":1,…}} */
void guard_write(const struct guard *g, uint64_t now_us, struct json_out *w);
int64_t guard_raised(const struct guard *g, enum guard_alarm a); /* since the start */
int guard_standing(const struct guard *g, enum guard_alarm a);   /* now */

#endif
