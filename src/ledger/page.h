/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared page: what all workers must agree on, in one file mapped by all of
 * them beside the ledger (weir.db.page). See DECISIONS: Shared page.
 *
 *   rows      one per worker: generation, in flight, counters for /metrics
 *   budget    spent and reserved by UTC day and month, in nano-dollars, per key too
 *   breakers  per backend (and model): closed → open → half-open, one probe by compare-and-swap
 *   intents   256-byte slots: written before bytes leave, cleared when the receipt is on disk
 *   switches  `weir offline on`
 *
 * Everything is C11 atomics on fixed-size structs; no locks, so a killed process
 * leaves nothing locked. A slot's owner is boot id + worker + generation; the
 * supervisor folds a dead owner's row: its reservations become spent, its intents
 * are given out as `lost`.
 */
#ifndef WEIR_LEDGER_PAGE_H
#define WEIR_LEDGER_PAGE_H

#include "base/err.h"
#include "core/backend.h"

#include <stdatomic.h>

#define PAGE_WORKERS_MAX 64
#define PAGE_INTENTS 16384 /* 10,000 streams on one worker, and receipts on their way to disk */

enum metric { /* per worker, summed by readers */
              METRIC_REQUESTS,
              METRIC_STREAMS,
              METRIC_ANSWERS_DEVICE,
              METRIC_ANSWERS_EDGE,
              METRIC_ANSWERS_CLOUD,
              METRIC_ANSWERS_HUMAN,
              METRIC_FAILED,
              METRIC_CANCELLED,
              METRIC_REFUSED,
              METRIC_DEGRADED,
              METRIC_ESCALATED,
              METRIC_REDACTED_VALUES,
              METRIC_LEFT_BYTES,
              METRIC_INPUT_TOKENS,
              METRIC_OUTPUT_TOKENS,
              METRIC_CACHED_TOKENS,
              METRIC_COST_NANO,
              METRIC_LEDGER_ERRORS,
              METRIC_LEDGER_WAITING,
              METRIC_IN_FLIGHT,
              METRIC_HTTP_ERRORS,
              METRIC_OVERHEAD_US,
              METRIC_TTFT_US,
              METRIC_TTFT_COUNT,
              METRIC_RETRIES,
              METRIC_LOST,
              METRIC_COUNT,
};
const char *metric_name(enum metric m); /* "weir_requests_total" */
const char *metric_help(enum metric m);
bool metric_is_gauge(enum metric m);

struct page;

/* Supervisor: creates or re-opens the file and takes over what a dead run left. Workers inherit the mapping. */
enum err page_open(const char *path, struct page **out, struct fault *fault) MUST_USE;
/* The page of a running (or past) server, as it is: nothing is created or taken over. ERR_NOT_FOUND. */
enum err page_attach(const char *path, struct page **out, struct fault *fault) MUST_USE;
/* A page in memory only, for tests and one-shot commands; shared with children that are forked later. */
struct page *page_memory(void);
void page_close(struct page *p); /* NULL is fine */

/* A worker takes its row after fork. */
void page_worker_begin(struct page *p, int worker, int pid);
/* A program beside the server (`weir ask` alone) takes any row that nobody holds; -1 when there is none. */
int page_worker_begin_any(struct page *p, int pid);
/* Supervisor: a worker died. Folds its reservations into spent. */
void page_worker_lost(struct page *p, int worker);
/* A worker leaves in good order. */
void page_worker_end(struct page *p, int worker);

void page_count(struct page *p, int worker, enum metric m, int64_t add);
int64_t page_metric(const struct page *p, enum metric m); /* over all workers, dead ones too */

/* Legs in flight at a backend (by index), over all live workers. enter: false when `max` are; a race between two
 * workers may let at most one more in per worker. */
bool page_backend_enter(struct page *p, int worker, int backend, int max);
void page_backend_leave(struct page *p, int worker, int backend);
int page_backend_in_flight(const struct page *p, int backend);

/* ---- budget ----
 * One 64-bit word per period holds its number (16 bits) and what is spent or reserved (48 bits, nano-dollars: up to
 * 281,474 USD a period; a larger limit acts like that one). Reserving is one compare-and-swap per limit; nothing has
 * to be folded when a process dies, its reservation simply stays spent. */
struct budget_limits {
    int64_t per_day, per_month, per_key_per_day;
}; /* nano-dollars; -1 = none */
#define PAGE_BUDGET_KEYS 4096
struct budget_ticket {
    uint32_t day, month, key_day;
    uint64_t key_hash;
    int64_t reserved;
    int worker;
};
/* Reserves on the UTC day of now. ERR_BUDGET when any limit would be passed; ERR_OVERLOADED when the table of keys
 * (PAGE_BUDGET_KEYS a day) is full and a key limit is set. `out_ticket` for settle. Exact across processes.
 * `key_hash` 0 = no key. */
enum err page_budget_reserve(struct page *p, int worker, const struct budget_limits *l,
                             uint64_t key_hash, int64_t nano,
                             struct budget_ticket *out_ticket) MUST_USE;
void page_budget_settle(struct page *p, const struct budget_ticket *t, int64_t spent_nano);
/* Left today under the tightest limit; -1 = no limit. */
int64_t page_budget_left(const struct page *p, const struct budget_limits *l, uint64_t key_hash);
int64_t page_budget_spent_today(const struct page *p);

/* ---- breakers: one per (backend, model); see egress ---- */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
const char *breaker_state_name(enum breaker_state s);
/* May a request go out now? In half-open exactly one caller gets true until it reports. */
bool page_breaker_admit(struct page *p, uint64_t id, uint64_t now_us);
void page_breaker_report(struct page *p, uint64_t id, bool ok,
                         uint64_t now_us); /* failures that count only */
void page_breaker_release(struct page *p,
                          uint64_t id); /* the probe ended without a verdict (client left) */
enum breaker_state page_breaker_state(const struct page *p, uint64_t id, uint64_t now_us);

/* ---- intents ---- */
struct intent { /* what is known before bytes leave */
    char request_id[31];
    char backend[33];
    char client[33];
    uint8_t leg;
    uint8_t tier; /* enum tier */
    uint64_t wall_us;
    int64_t body_bytes;
    int64_t reserved_nano; /* -1 = the backend has no price */
    char model[65];
};
/* ERR_OVERLOADED when all slots are taken. */
enum err page_intent_write(struct page *p, int worker, const struct intent *i,
                           int *out_slot) MUST_USE;
void page_intent_clear(struct page *p, int slot);
/* Supervisor or next start: intents of owners that are no more, one at a time; false when there is none left. */
bool page_intent_take_lost(struct page *p, struct intent *out);
/* The same, but the slot passes to `worker`, who clears it once the lost receipt is on disk: survives its death too. */
bool page_intent_adopt_lost(struct page *p, int worker, struct intent *out, int *out_slot);
int page_intents_used(const struct page *p);

/* ---- switches ---- */
enum offline_switch { OFFLINE_AUTO, OFFLINE_ON };
void page_set_offline(struct page *p, bool on);
bool page_offline(const struct page *p);

#endif
