/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: receipts in SQLite (WAL), written by one thread per process in
 * batches (at most 100 ms apart), read by anyone.
 *
 * ledger_put() never waits: it copies the receipt into a bounded queue (10,000).
 * When the disk is full or the file is locked, the writer keeps trying and counts;
 * when the queue is full, ledger_healthy() turns false and the gate refuses legs to
 * other tiers (their receipts could not be kept). By-id reads see what is still
 * queued. Prompt text is kept only with `store_prompts`, and sealed (crypto/seal.h)
 * before it enters the queue.
 */
#ifndef WEIR_LEDGER_LEDGER_H
#define WEIR_LEDGER_LEDGER_H

#include "core/receipt.h"
#include "ledger/page.h"

struct ledger;

struct ledger_options {
    const char *path;
    int keep_days; /* default 90; older receipts go */
    bool store_prompts;
    const char *
        key_file; /* that seals them; default PATH.key, made when it is missing. A given one must exist */
    bool read_only;         /* commands: no writer thread */
    struct page *page;      /* where failures and the number waiting are counted; NULL = nowhere */
    uint64_t close_wait_us; /* default 5 s */
    int worker;             /* … in whose row */
};
enum err ledger_open(const struct ledger_options *o, struct ledger **out,
                     struct fault *fault) MUST_USE;
/* Writes what is queued (at most close_wait_us), then closes. NULL is fine. */
void ledger_close(struct ledger *l);

/* Copies. The receipt's intents are cleared on `page` (may be NULL) once the row is on disk. */
void ledger_put(struct ledger *l, const struct receipt *r, struct page *page,
                const int *intent_slots, int slots);
/* A receipt for an attempt whose process ended. Does nothing when its receipt made it to the disk after all; further
 * lost legs of the same request join the first. The second form clears the adopted slot once the row is on disk. */
void ledger_put_lost(struct ledger *l, const struct intent *i);
void ledger_put_lost_at(struct ledger *l, const struct intent *i, struct page *page, int slot);
enum err ledger_feedback(struct ledger *l, struct span id, double score, struct span source,
                         struct span client, bool admin,
                         struct fault *fault) MUST_USE; /* ERR_NOT_FOUND */
bool ledger_healthy(const struct ledger *l);
int64_t ledger_waiting(const struct ledger *l);
int64_t ledger_errors(const struct ledger *l);
/* Why the last write failed; "" once one succeeded. `out` holds LEDGER_WHY_BYTES. */
#define LEDGER_WHY_BYTES 200
void ledger_why(struct ledger *l, char out[LEDGER_WHY_BYTES]);
/* Waits (at most `wait_us`) until all that was put before is on disk. */
bool ledger_flush(struct ledger *l, uint64_t wait_us);

/* Loop thread only. Reads wait for what is queued (at most 100 ms, not while writing fails), so a request sees its
 * own receipt; other workers' follow within 100 ms. A read that takes longer than 2 s ends with ERR_DEADLINE.
 * `client` SPAN_NONE = all (admin). JSON is appended to `out`. */
enum err ledger_get(struct ledger *l, struct span id, struct span client,
                    struct text *out) MUST_USE; /* ERR_NOT_FOUND */
/* The request's body as it was kept with `store_prompts`. ERR_NOT_FOUND no receipt, or no prompt with it · the seal's
 * errors when the key is missing or another one. Not through the queue: what is there was written. */
enum err ledger_prompt(struct ledger *l, struct span id, struct text *out,
                       struct fault *fault) MUST_USE;
enum err ledger_list(struct ledger *l, int last, struct span client, struct text *out,
                     struct fault *fault) MUST_USE;
/* For commands: every receipt's JSON, oldest first, with the mean of its feedback (< 0 = none). */
typedef void ledger_visit_fn(void *user, struct span json, double feedback);
enum err ledger_visit(struct ledger *l, uint64_t since_wall_us, ledger_visit_fn *fn, void *user,
                      struct fault *fault) MUST_USE;
/* {"requests","by_tier",…} of INTERFACE `weir report`. */
enum err ledger_report(struct ledger *l, uint64_t since_wall_us, struct span client,
                       struct text *out, struct fault *fault) MUST_USE;
/* The object of `weir report --privacy` (store.h): recipients, bytes and types; no values. */
enum err ledger_privacy_report(struct ledger *l, uint64_t since_wall_us, struct span client,
                               struct text *out, struct fault *fault) MUST_USE;

#endif
