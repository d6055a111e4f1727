/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the shared page that privacy needs, so that any worker agrees:
 *
 *   taints    sessions (X-Weir-Session) in which a never_leave value was said: hashes of
 *             caller, session and type, nothing that could be read back. They survive a
 *             restart; when a row is full the oldest goes.
 *   consents  what a person agreed to, from the question until it is used, once, or
 *             has run out
 *
 * Atomics only, like the rest of the page. A process that dies while it writes a
 * consent leaves a slot that runs out like any other.
 */
#ifndef WEIR_LEDGER_PAGE_PRIVACY_H
#define WEIR_LEDGER_PAGE_PRIVACY_H

#include "ledger/page.h"

#define PAGE_TAINTS 16384
#define PAGE_CONSENTS 256

struct page_privacy { /* part of the file; only page_privacy.c looks inside */
    struct {
        _Atomic uint64_t key; /* 0 = free */
        _Atomic uint64_t wall_us;
    } taints[PAGE_TAINTS];
    struct {
        _Atomic uint64_t
            state; /* wall time in us at which it runs out, times 2, + 1 when ready; 0 = free */
        _Atomic uint64_t words[10]; /* struct page_consent */
    } consents[PAGE_CONSENTS];
};
struct page_privacy *page_privacy(const struct page *p); /* page.c */

/* Never forgotten by itself. `key` is a hash. */
void page_taint(struct page *p, uint64_t key, uint64_t wall_us);
bool page_tainted(const struct page *p, uint64_t key);

struct page_consent {
    uint64_t id[2];   /* random */
    uint64_t client;  /* hash of the caller's name; 0 = nobody */
    uint64_t backend; /* hash of its name */
    uint64_t level;   /* enum privacy_level */
    uint64_t body[4]; /* SHA-256 of the bytes that may leave */
    uint64_t what;    /* hash of what is loosened: types and rules */
};
/* ERR_OVERLOADED when PAGE_CONSENTS wait to be used. */
enum err page_consent_put(struct page *p, const struct page_consent *c, uint64_t now_us,
                          uint64_t until_us) MUST_USE;
/* Takes it out: true for one caller only, whoever asks how often. Fills all but `id`. */
bool page_consent_take(struct page *p, const uint64_t id[2], uint64_t now_us,
                       struct page_consent *out);

#endif
