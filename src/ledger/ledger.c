/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is:
 *
 *   loop thread    ledger_put()      columns and JSON are copied into an item, the item goes into the queue and
 *                                    onto the list of pending ones (by-id reads look there first)
 *   writer thread  take, gather      up to 100 ms or 512 items
 *                  one transaction   receipts (small columns, for reports) and documents (JSON)
 *                  settle            intents are cleared on the page, items leave the list
 *
 * SQLite is opened by the first thing that needs it: an idle server holds no connection and no thread.
 *
 * What can go wrong:
 *
 *   disk full, locked file    The batch is kept and tried again (0.1 s, doubling to 2 s); failures are counted and
 *                             logged when they begin, once a minute, and when they end. 10,000 waiting: unhealthy.
 *   queue full                Receipts of answers that never left the device are dropped and counted. Those of
 *                             other answers have 2,048 places more; beyond, their intents stay on the page and
 *                             are found as `lost` at the next start. Nothing disappears without a trace.
 *   file deleted or replaced  Noticed by its inode before each batch; a new file is made.
 *   file of a newer weir      Refused at open, never written.
 *   a row SQLite cannot take  Skipped, counted; the others of its batch are written.
 *   process killed            What was queued is gone; the intents tell of every attempt that left the device.
 */
#include "ledger/ledger.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/queue.h"
#include "crypto/seal.h"
#include "ledger/store.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define WAITING_MAX 10000 /* then the ledger is unhealthy */
#define HEADROOM 2048     /* for receipts of legs that had already left */
#define BATCH_MAX 512
#define PROMPT_MAX (4 * MIB) /* a longer one is not kept */
#define GATHER_US (100 * US_PER_MS)
#define READ_WAIT_US (100 * US_PER_MS)
#define BACKOFF_FIRST_US (100 * US_PER_MS)
#define BACKOFF_MOST_US (2 * US_PER_S)
#define LOG_AGAIN_US (60ull * US_PER_S)
#define RETENTION_US (3600ull * US_PER_S)

enum item_kind { ITEM_RECEIPT, ITEM_LOST, ITEM_FEEDBACK, ITEM_FLUSH };

struct item {
    struct link link; /* among shared.pending */
    enum item_kind kind;
    struct store_row row;
    struct store_feedback feedback;
    char *json; /* what row.json points at */
    char *prompt;
    struct page *page;
    int *slots;
    int slots_count;
    uint64_t flush; /* ITEM_FLUSH: its number */
};

struct ledger {
    struct ledger_options options;
    char *path;
    struct queue queue;
    struct store *reader; /* loop thread; NULL until the first read */
    char *key_path;
    struct seal *seal; /* with store_prompts */
    struct {
        pthread_mutex_t lock;
        pthread_cond_t flushed;
        pthread_t thread;
        bool running;
        struct link pending;
        uint64_t flush_asked, flush_done;
        char why[LEDGER_WHY_BYTES];
    } shared;
    _Atomic int64_t waiting;
    _Atomic int64_t errors;
    _Atomic bool failing;
    _Atomic uint64_t close_by_us; /* 0 = open */
};

/* Real time even in tests: it bounds waiting for a disk, not for the world of a request. */
static uint64_t ticks_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_nsec / 1000;
}

/* ---- items ---- */

static struct item *item_new(enum item_kind kind)
{
    struct item *it = NEW(struct item);
    it->kind = kind;
    return it;
}

static void item_free(struct item *it)
{
    mem_free(it->json);
    mem_free(it->prompt);
    mem_free(it->slots);
    mem_free(it);
}

static bool is_receipt(const struct item *it)
{
    return it->kind == ITEM_RECEIPT || it->kind == ITEM_LOST;
}

static void copy_name(char *out, size_t size, struct span s)
{
    span_to_c(s, out, size);
}

/* Answers from another tier after the device had tried. */
static bool handed_up(const struct receipt *r, const struct leg_receipt *author)
{
    if (!author || !author->backend || author->backend->tier == TIER_DEVICE) {
        return false;
    }
    for (int i = 0; i < r->author - 1; i++) {
        const struct leg_receipt *leg = &r->legs[i];
        if (leg->backend && leg->backend->tier == TIER_DEVICE && leg->outcome != LEG_REFUSED) {
            return true;
        }
    }
    return false;
}

/* A tier's cost stays unknown when it had no leg, or one without a known cost. */
static void add_legs(struct store_row *row, const struct receipt *r)
{
    int64_t sum[TIER_COUNT] = {0};
    bool paid[TIER_COUNT] = {false};
    bool unknown[TIER_COUNT] = {false};
    for (int i = 0; i < r->legs_count; i++) {
        const struct leg_receipt *leg = &r->legs[i];
        row->left_bytes += leg->left_device_bytes;
        row->input_tokens += MAX(leg->usage.input_tokens, 0);
        row->output_tokens += MAX(leg->usage.output_tokens, 0);
        if (leg->backend && leg->outcome != LEG_REFUSED) {
            enum tier t = leg->backend->tier;
            paid[t] = true;
            unknown[t] |= leg->cost_usd_nano < 0;
            sum[t] += MAX(leg->cost_usd_nano, 0);
        }
    }
    for (int t = 0; t < TIER_COUNT; t++) {
        row->tier_cost_nano[t] = paid[t] && !unknown[t] ? sum[t] : USD_UNKNOWN;
    }
}

static void fill_row(struct store_row *row, const struct receipt *r)
{
    const struct request *q = r->request;
    const struct leg_receipt *author =
        r->author > 0 && r->author <= r->legs_count ? &r->legs[r->author - 1] : NULL;
    const struct backend *b = author ? author->backend : NULL;
    copy_name(row->id, sizeof row->id, span_c(q->id));
    copy_name(row->client, sizeof row->client, q->client);
    row->has_client = span_given(q->client);
    copy_name(row->backend, sizeof row->backend, b ? span_c(b->name) : SPAN_NONE);
    struct span model = author && span_given(author->model) ? author->model
                        : b                                 ? span_c(b->model)
                                                            : SPAN_NONE;
    copy_name(row->model, sizeof row->model, model);
    row->tier = b ? tier_name(b->tier) : NULL;
    copy_name(row->strategy, sizeof row->strategy,
              r->decision ? span_c(r->decision->strategy) : SPAN_NONE);
    row->outcome = outcome_name(r->outcome);
    row->degraded = degraded_name(r->degraded);
    row->wall_us = (int64_t)q->wall_us;
    row->cost_nano = r->cost_usd_nano;
    row->always_nano = r->always_cloud_cost_usd_nano;
    row->always_estimated = r->always_cloud_estimated;
    row->ttft_us = r->ttft_us;
    row->total_us = r->total_us;
    row->overhead_us = r->overhead_us;
    row->redacted = receipt_redacted(r);
    row->handed_up = handed_up(r, author);
    add_legs(row, r);
}

static void set_json(struct item *it, const struct receipt *r)
{
    struct text json;
    text_init(&json, MIB);
    receipt_write(r, true, &json);
    it->row.json_len = json.len;
    it->json = text_take(&json);
    it->row.json = it->json;
}

static void set_prompt(struct item *it, const struct seal *seal, const struct request *q)
{
    struct text prompt, sealed;
    text_init(&prompt, PROMPT_MAX);
    text_init(&sealed, PROMPT_MAX + SEAL_OVERHEAD);
    struct json_out w = json_out(&prompt);
    json_value(&w, q->body);
    if (!prompt.overflow && seal_wrap(seal, text_span(&prompt), span_c(q->id), &sealed) == OK) {
        it->row.prompt_len = sealed.len;
        it->prompt = text_take(&sealed);
        it->row.prompt = it->prompt;
    }
    if (prompt.data) {
        explicit_bzero(prompt.data, prompt.len);
    }
    text_done(&prompt);
    text_done(&sealed);
}

/* ---- writer thread ---- */

static void count(struct ledger *l, enum metric m, int64_t add)
{
    if (l->options.page) {
        page_count(l->options.page, l->options.worker, m, add);
    }
}

static void set_why(struct ledger *l, const char *why)
{
    pthread_mutex_lock(&l->shared.lock);
    snprintf(l->shared.why, sizeof l->shared.why, "%.*s", LEDGER_WHY_BYTES - 1, why);
    pthread_mutex_unlock(&l->shared.lock);
}

static void settle_batch(struct ledger *l, struct item **batch, int n)
{
    for (int i = 0; i < n; i++) {
        for (int s = 0; batch[i]->page && s < batch[i]->slots_count; s++) {
            page_intent_clear(batch[i]->page, batch[i]->slots[s]);
        }
    }
    int receipts = 0;
    for (int i = 0; i < n; i++) {
        receipts += is_receipt(batch[i]);
    }
    atomic_fetch_sub(&l->waiting, receipts);
    count(l, METRIC_LEDGER_WAITING, -receipts);
    pthread_mutex_lock(&l->shared.lock);
    for (int i = 0; i < n; i++) {
        if (batch[i]->kind == ITEM_FLUSH) {
            l->shared.flush_done = MAX(l->shared.flush_done, batch[i]->flush);
        }
        list_remove(&batch[i]->link);
        item_free(batch[i]);
    }
    pthread_cond_broadcast(&l->shared.flushed);
    pthread_mutex_unlock(&l->shared.lock);
}

static enum err write_items(struct ledger *l, struct store *st, struct item **batch, int n,
                            struct fault *fault)
{
    enum err err = store_begin(st, fault);
    for (int i = 0; err == OK && i < n; i++) {
        struct item *it = batch[i];
        switch (it->kind) {
        case ITEM_RECEIPT:
            err = store_insert(st, &it->row, fault);
            break;
        case ITEM_LOST:
            err = store_insert_lost(st, &it->row, fault);
            break;
        case ITEM_FEEDBACK:
            err = store_insert_feedback(st, &it->feedback, fault);
            break;
        case ITEM_FLUSH:
            break;
        }
        if (err == ERR_INVALID) { /* this row alone cannot be stored */
            LOG(LOG_ERROR, "ledger", "receipt %s was not stored: %s", it->row.id, fault->text);
            atomic_fetch_add(&l->errors, 1);
            count(l, METRIC_LEDGER_ERRORS, 1);
            err = OK;
        }
    }
    return err == OK ? store_commit(st, fault) : err;
}

/* Opens the store when it is not open, or when its file is no longer the one at the path. */
static enum err ready_store(struct ledger *l, struct store **st, struct fault *fault)
{
    if (*st && !store_is_current(*st)) {
        LOG(LOG_WARN, "ledger", "%s was moved or deleted: starting a new one", l->path);
        store_close(*st);
        *st = NULL;
    }
    return *st ? OK : store_open(l->path, false, st, fault);
}

/* The first item starts the batch; the rest is waited for once, not item by item. */
static int gather(struct ledger *l, struct item **batch)
{
    struct item *it = queue_take(&l->queue, RETENTION_US);
    if (it && it->kind != ITEM_FLUSH && !atomic_load(&l->close_by_us)) {
        queue_wait_many(&l->queue, BATCH_MAX - 1, GATHER_US);
    }
    int n = 0;
    while (it) {
        batch[n++] = it;
        it = n < BATCH_MAX ? queue_try_take(&l->queue) : NULL;
    }
    return n;
}

static void note_failure(struct ledger *l, const struct fault *fault, uint64_t *logged_us)
{
    uint64_t now = ticks_us();
    atomic_fetch_add(&l->errors, 1);
    count(l, METRIC_LEDGER_ERRORS, 1);
    set_why(l, fault->text);
    if (!atomic_exchange(&l->failing, true) || now - *logged_us >= LOG_AGAIN_US) {
        *logged_us = now;
        LOG(LOG_ERROR, "ledger", "%s; %lld receipts wait", fault->text,
            (long long)atomic_load(&l->waiting));
    }
    pthread_mutex_lock(&l->shared.lock); /* nobody waits for a disk that is full */
    pthread_cond_broadcast(&l->shared.flushed);
    pthread_mutex_unlock(&l->shared.lock);
}

static void note_success(struct ledger *l)
{
    if (atomic_exchange(&l->failing, false)) {
        set_why(l, "");
        LOG(LOG_INFO, "ledger", "writing again");
    }
}

/* Waits, but notices a close within 20 ms. */
static void back_off(struct ledger *l, uint64_t us)
{
    uint64_t until = ticks_us() + us;
    do {
        poll(NULL, 0, 20);
    } while (ticks_us() < until && !atomic_load(&l->close_by_us));
}

static bool out_of_time(struct ledger *l)
{
    uint64_t by = atomic_load(&l->close_by_us);
    return by && ticks_us() >= by;
}

static bool write_batch(struct ledger *l, struct store **st, struct item **batch, int n)
{
    uint64_t pause = BACKOFF_FIRST_US;
    uint64_t logged_us = 0;
    for (;;) {
        struct fault fault = {0};
        enum err err = ready_store(l, st, &fault);
        err = err == OK ? write_items(l, *st, batch, n, &fault) : err;
        if (err == OK) {
            note_success(l);
            return true;
        }
        if (*st) {
            store_rollback(*st);
        }
        if (*st &&
            err == ERR_INTERNAL) { /* not a full disk, not a lock: try with a new connection */
            store_close(*st);
            *st = NULL;
        }
        note_failure(l, &fault, &logged_us);
        if (out_of_time(l)) {
            return false;
        }
        back_off(l, pause);
        pause = MIN(pause * 2, BACKOFF_MOST_US);
    }
}

static void drop_rest(struct ledger *l, struct item **batch, int n)
{
    int64_t dropped = 0;
    pthread_mutex_lock(&l->shared.lock);
    for (int i = 0;; i++) {
        struct item *it = i < n ? batch[i] : queue_try_take(&l->queue);
        if (!it) {
            break;
        }
        list_remove(&it->link);
        dropped += it->kind != ITEM_FLUSH;
        item_free(it);
    }
    pthread_mutex_unlock(&l->shared.lock);
    LOG(LOG_ERROR, "ledger", "%lld receipts could not be written before the end",
        (long long)dropped);
}

static void *run_writer(void *user)
{
    struct ledger *l = user;
    struct store *st = NULL;
    struct item *batch[BATCH_MAX];
    uint64_t cleaned_us = 0;
    for (;;) {
        int n = gather(l, batch);
        if (n == 0 && atomic_load(&l->close_by_us)) {
            break;
        }
        if (n && !write_batch(l, &st, batch, n)) {
            drop_rest(l, batch, n);
            break;
        }
        settle_batch(l, batch, n);
        uint64_t now = ticks_us();
        if (st && (cleaned_us == 0 || now - cleaned_us >= RETENTION_US)) {
            cleaned_us = now;
            uint64_t keep = (uint64_t)l->options.keep_days * US_PER_DAY;
            uint64_t wall = clock_wall_us();
            store_delete_before(st, wall > keep ? wall - keep : 0);
        }
    }
    store_close(st);
    return NULL;
}

/* ---- putting ---- */

static bool enqueue(struct ledger *l, struct item *it)
{
    pthread_mutex_lock(&l->shared.lock);
    if (!l->shared.running) {
        l->shared.running = pthread_create(&l->shared.thread, NULL, run_writer, l) == 0;
    }
    bool put = l->shared.running && queue_put(&l->queue, it);
    if (put) {
        list_append(&l->shared.pending, &it->link);
    }
    pthread_mutex_unlock(&l->shared.lock);
    return put;
}

static void put_receipt(struct ledger *l, struct item *it)
{
    bool left_device = it->slots_count > 0;
    atomic_fetch_add(&l->waiting, 1);
    count(l, METRIC_LEDGER_WAITING, 1);
    bool room = left_device || atomic_load(&l->waiting) <= WAITING_MAX;
    if (room && !l->options.read_only && enqueue(l, it)) {
        return;
    }
    atomic_fetch_sub(&l->waiting, 1);
    count(l, METRIC_LEDGER_WAITING, -1);
    atomic_fetch_add(&l->errors, 1);
    count(l, METRIC_LEDGER_ERRORS, 1);
    item_free(it);
}

static void hold_slots(struct item *it, struct page *page, const int *slots, int n)
{
    if (page && n > 0) {
        it->page = page;
        it->slots = NEW_ARRAY(int, n);
        memcpy(it->slots, slots, sizeof *slots * (size_t)n);
        it->slots_count = n;
    }
}

void ledger_put(struct ledger *l, const struct receipt *r, struct page *page,
                const int *intent_slots, int slots)
{
    PRE(r->request);
    struct item *it = item_new(ITEM_RECEIPT);
    fill_row(&it->row, r);
    set_json(it, r);
    if (l->seal) {
        set_prompt(it, l->seal, r->request);
    }
    hold_slots(it, page, intent_slots, slots);
    put_receipt(l, it);
}

void ledger_put_lost_at(struct ledger *l, const struct intent *i, struct page *page, int slot)
{
    struct backend b = {.name = i->backend, .tier = i->tier < TIER_COUNT ? i->tier : TIER_CLOUD};
    struct request q = {.wall_us = i->wall_us, .n = 1};
    struct receipt r = {
        .request = &q,
        .legs_count = 1,
        .confidence = -1,
        .outcome = OUTCOME_FAILED,
        .ttft_us = -1,
        .total_us = -1,
        .cost_usd_nano = i->reserved_nano,
        .always_cloud_cost_usd_nano = USD_UNKNOWN,
        .reason = SPAN("the process that served it ended"),
        .fault = {ERR_INTERNAL, "the process that served it ended"},
    };
    r.legs[0] = (struct leg_receipt){
        .leg = i->leg,
        .backend = &b,
        .model = span_c(i->model),
        .outcome = LEG_LOST,
        .error = SPAN("its process ended"),
        .ttft_us = -1,
        .total_us = -1,
        .usage = USAGE_UNKNOWN,
        .cost_usd_nano = i->reserved_nano,
        .cost_estimated = i->reserved_nano >= 0,
        .attempts = 1,
        .left_device_bytes = i->body_bytes,
    };
    memcpy(q.id, i->request_id, sizeof q.id);
    q.client = i->client[0] ? span_c(i->client) : SPAN_NONE;
    struct item *it = item_new(ITEM_LOST);
    fill_row(&it->row, &r);
    set_json(it, &r);
    hold_slots(it, page, &slot, slot >= 0);
    put_receipt(l, it);
}

void ledger_put_lost(struct ledger *l, const struct intent *i)
{
    ledger_put_lost_at(l, i, NULL, -1);
}

/* ---- state ---- */

bool ledger_healthy(const struct ledger *l)
{
    return atomic_load(&l->waiting) < WAITING_MAX;
}

int64_t ledger_waiting(const struct ledger *l)
{
    return atomic_load(&l->waiting);
}

int64_t ledger_errors(const struct ledger *l)
{
    return atomic_load(&l->errors);
}

void ledger_why(struct ledger *l, char out[LEDGER_WHY_BYTES])
{
    pthread_mutex_lock(&l->shared.lock);
    memcpy(out, l->shared.why, LEDGER_WHY_BYTES);
    pthread_mutex_unlock(&l->shared.lock);
}

static bool nothing_pending(struct ledger *l)
{
    pthread_mutex_lock(&l->shared.lock);
    bool empty = list_empty(&l->shared.pending);
    pthread_mutex_unlock(&l->shared.lock);
    return empty;
}

bool ledger_flush(struct ledger *l, uint64_t wait_us)
{
    if (nothing_pending(l)) {
        return true;
    }
    if (atomic_load(&l->failing) && wait_us <= READ_WAIT_US) {
        return false;
    }
    struct item *it = item_new(ITEM_FLUSH);
    pthread_mutex_lock(&l->shared.lock);
    uint64_t mine = it->flush = ++l->shared.flush_asked;
    pthread_mutex_unlock(&l->shared.lock);
    if (!enqueue(l, it)) {
        item_free(it);
        return false;
    }
    queue_hurry(&l->queue);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + wait_us % US_PER_S * 1000;
    until.tv_sec += (time_t)(wait_us / US_PER_S + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&l->shared.lock);
    int timed_out = 0;
    while (l->shared.flush_done < mine && !timed_out) {
        timed_out = pthread_cond_timedwait(&l->shared.flushed, &l->shared.lock, &until);
    }
    bool done = l->shared.flush_done >= mine;
    pthread_mutex_unlock(&l->shared.lock);
    return done;
}

/* ---- reading ---- */

static bool may_see(const struct item *it, struct span client)
{
    return !span_given(client) || (it->row.has_client && span_is(client, it->row.client));
}

/* Opens the reader, again if the file was replaced. ERR_NOT_FOUND: there is no ledger yet. */
static enum err ready_reader(struct ledger *l, struct fault *fault)
{
    if (l->reader && !store_is_current(l->reader)) {
        store_close(l->reader);
        l->reader = NULL;
    }
    return l->reader ? OK : store_open(l->path, true, &l->reader, fault);
}

static enum err get_pending(struct ledger *l, struct span id, struct span client, struct text *out)
{
    enum err err = ERR_NOT_FOUND;
    pthread_mutex_lock(&l->shared.lock);
    LIST_EACH (at, &l->shared.pending) {
        struct item *it = CONTAINER_OF(at, struct item, link);
        if (is_receipt(it) && span_is(id, it->row.id) && may_see(it, client)) {
            if (out) {
                text_add(out, span_of(it->row.json, it->row.json_len));
            }
            err = OK;
            break;
        }
    }
    pthread_mutex_unlock(&l->shared.lock);
    return err;
}

enum err ledger_get(struct ledger *l, struct span id, struct span client, struct text *out)
{
    if (get_pending(l, id, client, out) == OK) {
        return OK;
    }
    enum err err = ready_reader(l, NULL);
    return err == OK ? store_get(l->reader, id, client, out) : err;
}

enum err ledger_prompt(struct ledger *l, struct span id, struct text *out, struct fault *fault)
{
    struct seal *seal = l->seal;
    struct text sealed;
    text_init(&sealed, PROMPT_MAX + SEAL_OVERHEAD);
    enum err err = ready_reader(l, fault);
    err = err == OK ? store_get_prompt(l->reader, id, &sealed) : err;
    if (err == ERR_NOT_FOUND) {
        fault_set(fault, err, "no prompt is kept with this receipt (ledger.store_prompts)");
    }
    bool sealed_at_all = seal_is_sealed(text_span(&sealed)); /* a weir of before schema 2 did not */
    err = err == OK && sealed_at_all && !seal ? seal_load(l->key_path, false, &seal, fault) : err;
    if (err == OK && !sealed_at_all) {
        text_add(out, text_span(&sealed));
    } else if (err == OK) {
        err = seal_unwrap(seal, text_span(&sealed), id, out, fault);
    }
    if (!l->seal) {
        seal_free(seal);
    }
    text_done(&sealed);
    return err;
}

enum err ledger_list(struct ledger *l, int last, struct span client, struct text *out,
                     struct fault *fault)
{
    last = MIN(MAX(last, 1), 1000);
    ledger_flush(l, READ_WAIT_US);
    text_add_c(out, "{\"receipts\":[");
    int written = 0;
    pthread_mutex_lock(&l->shared.lock); /* newest first: only what could not be flushed */
    for (struct link *at = l->shared.pending.prev; at != &l->shared.pending && written < last;
         at = at->prev) {
        struct item *it = CONTAINER_OF(at, struct item, link);
        if (is_receipt(it) && may_see(it, client)) {
            text_add_c(out, written++ ? "," : "");
            text_add(out, span_of(it->row.json, it->row.json_len));
        }
    }
    pthread_mutex_unlock(&l->shared.lock);
    enum err err = ready_reader(l, fault);
    if (err == OK) {
        err = store_list(l->reader, last - written, client, written > 0, out, fault);
    }
    text_add_c(out, "]}");
    return err == ERR_NOT_FOUND ? OK : err;
}

typedef enum err report_fn(struct store *st, uint64_t since_wall_us, struct span client,
                           struct text *out, struct fault *fault);

static enum err report(struct ledger *l, report_fn *make, uint64_t since_wall_us,
                       struct span client, struct text *out, struct fault *fault)
{
    ledger_flush(l, READ_WAIT_US);
    enum err err = ready_reader(l, fault);
    if (err != OK && err != ERR_NOT_FOUND) {
        return err;
    }
    return make(err == OK ? l->reader : NULL, since_wall_us, client, out, fault);
}

enum err ledger_visit(struct ledger *l, uint64_t since_wall_us, ledger_visit_fn *fn, void *user,
                      struct fault *fault)
{
    enum err err = ready_reader(l, fault);
    return err ? err : store_visit(l->reader, since_wall_us, fn, user, fault);
}

enum err ledger_report(struct ledger *l, uint64_t since_wall_us, struct span client,
                       struct text *out, struct fault *fault)
{
    return report(l, store_report, since_wall_us, client, out, fault);
}

enum err ledger_privacy_report(struct ledger *l, uint64_t since_wall_us, struct span client,
                               struct text *out, struct fault *fault)
{
    return report(l, store_privacy_report, since_wall_us, client, out, fault);
}

static bool known_source(struct span s)
{
    static const char *const known[] = {"user", "judge", "test", "verify", "retry", "edit"};
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        found = found || span_is(s, known[i]);
    }
    return found;
}

enum err ledger_feedback(struct ledger *l, struct span id, double score, struct span source,
                         struct span client, bool admin, struct fault *fault)
{
    if (!(score >= 0 && score <= 1)) {
        return fault_set(fault, ERR_INVALID, "`score` must be a number from 0 to 1");
    }
    if (!known_source(source)) {
        return fault_set(fault, ERR_INVALID,
                         "`source` must be one of user, judge, test, verify, retry, edit");
    }
    struct span seen_by = admin ? SPAN_NONE : client;
    if (get_pending(l, id, seen_by, NULL) != OK) {
        enum err err = ready_reader(l, fault);
        err = err == OK ? store_get(l->reader, id, seen_by, NULL) : err;
        if (err == ERR_NOT_FOUND) {
            return fault_set(fault, err, "there is no receipt with this id");
        }
        if (err != OK) {
            return err;
        }
    }
    struct item *it = item_new(ITEM_FEEDBACK);
    copy_name(it->feedback.id, sizeof it->feedback.id, id);
    copy_name(it->feedback.source, sizeof it->feedback.source, source);
    it->feedback.score = score;
    it->feedback.wall_us = (int64_t)clock_wall_us();
    if (l->options.read_only || !enqueue(l, it)) {
        item_free(it);
        return fault_set(fault, ERR_OVERLOADED, "the ledger cannot write just now");
    }
    return OK;
}

/* ---- life ---- */

static char *key_path_of(const struct ledger_options *o)
{
    struct text path;
    text_init(&path, 4096);
    o->key_file ? text_add_c(&path, o->key_file) : text_addf(&path, "%s.key", o->path);
    return text_take(&path);
}

enum err ledger_open(const struct ledger_options *o, struct ledger **out, struct fault *fault)
{
    enum err err = store_check(o->path, o->read_only, fault);
    struct seal *seal = NULL;
    char *key_path = key_path_of(o);
    if (err == OK && o->store_prompts && !o->read_only) {
        bool fresh = !o->key_file && access(key_path, F_OK) != 0;
        err = seal_load(key_path, o->key_file == NULL, &seal, fault);
        err == OK ? (void)0
                  : fault_prefix(fault, "ledger.store_prompts: the key that seals them: ");
        if (err == OK && fresh) {
            LOG(LOG_WARN, "ledger", "made the key %s; without it the stored prompts cannot be read",
                key_path);
        }
    }
    if (err != OK) {
        mem_free(key_path);
        return err;
    }
    struct ledger *l = NEW(struct ledger);
    l->seal = seal;
    l->key_path = key_path;
    l->options = *o;
    l->options.keep_days = o->keep_days > 0 ? o->keep_days : 90;
    l->options.close_wait_us = o->close_wait_us ? o->close_wait_us : 5 * US_PER_S;
    size_t len = strlen(o->path);
    l->path = mem_new(len + 1);
    memcpy(l->path, o->path, len);
    l->options.path = l->path;
    queue_init(&l->queue, o->read_only ? 1 : WAITING_MAX + HEADROOM);
    list_init(&l->shared.pending);
    pthread_mutex_init(&l->shared.lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->shared.flushed, &attr);
    pthread_condattr_destroy(&attr);
    *out = l;
    return OK;
}

void ledger_close(struct ledger *l)
{
    if (!l) {
        return;
    }
    atomic_store(&l->close_by_us, ticks_us() + l->options.close_wait_us);
    queue_close(&l->queue);
    if (l->shared.running) {
        pthread_join(l->shared.thread, NULL);
    }
    ASSERT(list_empty(&l->shared.pending));
    store_close(l->reader);
    queue_done(&l->queue);
    pthread_mutex_destroy(&l->shared.lock);
    pthread_cond_destroy(&l->shared.flushed);
    seal_free(l->seal);
    mem_free(l->key_path);
    mem_free(l->path);
    mem_free(l);
}
