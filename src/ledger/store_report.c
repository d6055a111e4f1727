/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir report`: one pass over the small columns, added up here (a GROUP BY per
 * table costs ten times as much, and the loop waits for it).
 *
 *   always_cloud_cost_usd  what the answers that came out well would have cost, had the cloud made all of them
 *                          (refusals and failures save nothing); null without a priced cloud
 *   saved_usd              that, less everything that was paid, failed attempts included; may be negative
 *   escalation_rate        share of the answered requests that a tier beyond the device answered
 *   handed_up              of those, the ones the device had tried first
 *   percentiles            nearest rank, over the first million of rows that have the value
 */
#include "base/clock.h"
#include "ledger/store.h"
#include "json/json.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>

static const char sql[] =
    "SELECT wall_us, tier, backend, strategy, outcome, degraded, cost_nano, always_nano, always_estimated,"
    " handed_up, ttft_us, total_us, overhead_us, redacted, left_bytes, input_tokens, output_tokens, lost,"
    " device_nano, edge_nano, cloud_nano, human_nano FROM receipts"
    " WHERE wall_us>=?1 AND (?2 IS NULL OR client=?2) ORDER BY wall_us";

enum column {
    C_WALL_US,
    C_TIER,
    C_BACKEND,
    C_STRATEGY,
    C_OUTCOME,
    C_DEGRADED,
    C_COST,
    C_ALWAYS,
    C_ALWAYS_ESTIMATED,
    C_HANDED_UP,
    C_TTFT_US,
    C_TOTAL_US,
    C_OVERHEAD_US,
    C_REDACTED,
    C_LEFT_BYTES,
    C_INPUT_TOKENS,
    C_OUTPUT_TOKENS,
    C_LOST,
    C_TIER_COST, /* one per tier, in the order of enum tier */
};

#define GROUPS_MAX 64
#define DAYS_MAX 400
#define TIMES_MAX 1000000

/* Sums of some kind of rows, by name. */
struct group {
    char name[65];
    int64_t requests, cost_nano, known; /* `known`: rows whose cost is */
};

struct groups {
    struct group items[GROUPS_MAX];
    int count;
};

struct day {
    uint32_t day;
    int64_t requests, device, cost_nano, known;
};

struct times {
    int64_t *us;
    size_t count, capacity;
};

struct sums {
    int64_t requests, cost, cost_known, always, always_known, always_estimated;
    int64_t ok, partial, cancelled, failed, refused, answered, escalated, handed_up;
    int64_t redacted_requests, redacted_values, left_bytes, input_tokens, output_tokens, lost;
    int64_t overhead_us, overhead_known;
    struct group tiers[TIER_COUNT];
    struct groups backends, strategies, degraded;
    struct day days[DAYS_MAX];
    int days_count; /* oldest first; when full the oldest goes */
    struct times ttft, total;
};

/* ---- adding up ---- */

static struct span text_of(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text ? span_of(text, (size_t)sqlite3_column_bytes(s, column)) : SPAN_NONE;
}

/* -1 = not known */
static int64_t known_of(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, column);
}

static void add_known(int64_t *sum, int64_t *count, int64_t value)
{
    if (value >= 0) {
        *sum += value;
        (*count)++;
    }
}

static void add_to_group(struct groups *g, struct span name, int64_t cost)
{
    int i = 0;
    while (i < g->count && !span_is(name, g->items[i].name)) {
        i++;
    }
    if (!span_given(name) || i == GROUPS_MAX || name.len >= sizeof g->items[0].name) {
        return;
    }
    if (i == g->count) {
        memcpy(g->items[g->count++].name, name.data, name.len);
    }
    g->items[i].requests++;
    add_known(&g->items[i].cost_nano, &g->items[i].known, cost);
}

static void add_time(struct times *t, int64_t us)
{
    if (us < 0 || t->count == TIMES_MAX) {
        return;
    }
    if (t->count == t->capacity) {
        size_t grown = MAX(t->capacity * 2, (size_t)256);
        t->us = mem_grow(t->us, t->capacity * sizeof *t->us, grown * sizeof *t->us);
        t->capacity = grown;
    }
    t->us[t->count++] = us;
}

static void add_to_day(struct sums *m, int64_t wall_us, bool by_device, int64_t cost)
{
    uint32_t day = clock_day((uint64_t)MAX(wall_us, 0));
    if (m->days_count == 0 || m->days[m->days_count - 1].day != day) {
        if (m->days_count == DAYS_MAX) {
            memmove(m->days, m->days + 1, sizeof m->days[0] * (DAYS_MAX - 1));
            m->days_count--;
        }
        m->days[m->days_count++] = (struct day){.day = day};
    }
    struct day *d = &m->days[m->days_count - 1];
    d->requests++;
    d->device += by_device;
    add_known(&d->cost_nano, &d->known, cost);
}

static void add_tier_costs(struct sums *m, sqlite3_stmt *s)
{
    for (int t = 0; t < TIER_COUNT; t++) {
        add_known(&m->tiers[t].cost_nano, &m->tiers[t].known, known_of(s, C_TIER_COST + t));
    }
}

static void add_outcome(struct sums *m, sqlite3_stmt *s, bool has_tier, enum tier tier)
{
    struct span outcome = text_of(s, C_OUTCOME);
    bool ok = span_is(outcome, "ok");
    bool partial = span_is(outcome, "partial");
    bool answered = (ok || partial) && has_tier;
    m->ok += ok;
    m->partial += partial;
    m->cancelled += span_is(outcome, "cancelled");
    m->failed += span_is(outcome, "failed");
    m->refused += span_is(outcome, "refused");
    m->answered += answered;
    m->escalated += answered && tier != TIER_DEVICE;
    if (ok) {
        int64_t always = known_of(s, C_ALWAYS);
        add_known(&m->always, &m->always_known, always);
        m->always_estimated += always >= 0 && sqlite3_column_int(s, C_ALWAYS_ESTIMATED);
    }
}

static void add_row(struct sums *m, sqlite3_stmt *s)
{
    enum tier tier = TIER_DEVICE;
    bool has_tier = tier_from(text_of(s, C_TIER), &tier);
    int64_t cost = known_of(s, C_COST);
    int64_t redacted = sqlite3_column_int64(s, C_REDACTED);
    m->requests++;
    add_known(&m->cost, &m->cost_known, cost);
    add_outcome(m, s, has_tier, tier);
    m->tiers[tier].requests += has_tier;
    add_tier_costs(m, s);
    add_to_group(&m->backends, text_of(s, C_BACKEND), cost);
    add_to_group(&m->strategies, text_of(s, C_STRATEGY), cost);
    add_to_group(&m->degraded, text_of(s, C_DEGRADED), cost);
    add_to_day(m, sqlite3_column_int64(s, C_WALL_US), has_tier && tier == TIER_DEVICE, cost);
    m->handed_up += sqlite3_column_int64(s, C_HANDED_UP);
    add_time(&m->ttft, known_of(s, C_TTFT_US));
    add_time(&m->total, known_of(s, C_TOTAL_US));
    add_known(&m->overhead_us, &m->overhead_known, known_of(s, C_OVERHEAD_US));
    m->redacted_requests += redacted > 0;
    m->redacted_values += redacted;
    m->left_bytes += sqlite3_column_int64(s, C_LEFT_BYTES);
    m->input_tokens += sqlite3_column_int64(s, C_INPUT_TOKENS);
    m->output_tokens += sqlite3_column_int64(s, C_OUTPUT_TOKENS);
    m->lost += sqlite3_column_int64(s, C_LOST);
}

static enum err add_all(struct store *st, uint64_t since_wall_us, struct span client,
                        struct sums *m, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare_since(st, sql, since_wall_us, client, &s, fault);
    if (err != OK) {
        return err;
    }
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        add_row(m, s);
    }
    err = store_step_error(st, rc, fault);
    sqlite3_finalize(s);
    return err;
}

/* ---- writing ---- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t rank(const struct times *t, size_t per_cent)
{
    return t->count ? t->us[(t->count * per_cent + 99) / 100 - 1] : -1;
}

static void put_times(struct json_out *w, const char *key, struct times *t)
{
    if (t->count) {
        qsort(t->us, t->count, sizeof *t->us, by_value);
    }
    json_key(w, key);
    json_begin_object(w);
    json_put_known(w, "p50", rank(t, 50));
    json_put_known(w, "p90", rank(t, 90));
    json_put_known(w, "p99", rank(t, 99));
    json_end_object(w);
}

static void put_group(struct json_out *w, const char *name, const struct group *g)
{
    json_key(w, name);
    json_begin_object(w);
    json_put_int(w, "requests", g->requests);
    json_put_usd(w, "cost_usd", g->known ? g->cost_nano : USD_UNKNOWN);
    json_end_object(w);
}

/* Requests by the tier that answered; cost by the tier that was paid, also for what it did not answer. */
static void put_tiers(struct json_out *w, const struct sums *m)
{
    json_key(w, "by_tier");
    json_begin_object(w);
    for (int t = 0; t < TIER_COUNT; t++) {
        if (m->tiers[t].requests > 0 || m->tiers[t].cost_nano > 0) {
            put_group(w, tier_name((enum tier)t), &m->tiers[t]);
        }
    }
    json_end_object(w);
}

static void put_groups(struct json_out *w, const char *key, const struct groups *g)
{
    json_key(w, key);
    json_begin_object(w);
    for (int i = 0; i < g->count; i++) {
        put_group(w, g->items[i].name, &g->items[i]);
    }
    json_end_object(w);
}

static void put_degraded(struct json_out *w, const struct groups *g)
{
    json_key(w, "degraded");
    json_begin_object(w);
    for (int i = 0; i < g->count; i++) {
        json_put_int(w, g->items[i].name, g->items[i].requests);
    }
    json_end_object(w);
}

/* Newest first. */
static void put_days(struct json_out *w, const struct sums *m)
{
    json_key(w, "by_day");
    json_begin_array(w);
    for (int i = m->days_count; i-- > 0;) {
        const struct day *d = &m->days[i];
        char iso[CLOCK_ISO_BYTES];
        clock_iso(d->day * US_PER_DAY, iso);
        json_begin_object(w);
        json_put(w, "day", span_of(iso, 10));
        json_put_int(w, "requests", d->requests);
        json_put_int(w, "device", d->device);
        json_put_usd(w, "cost_usd", d->known ? d->cost_nano : USD_UNKNOWN);
        json_end_object(w);
    }
    json_end_array(w);
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : NAN;
}

static void put_money(struct json_out *w, const struct sums *m)
{
    /* Where only answers without a known cost were not free, a sum of nothing would pretend to be one. */
    int64_t unknown = m->requests - m->cost_known;
    int64_t cost = unknown > 0 && m->cost == 0 ? USD_UNKNOWN : m->cost;
    bool always = m->always_known > 0;
    int64_t saved = m->always - m->cost;
    json_put_usd(w, "cost_usd", cost);
    json_put_int(w, "cost_unknown", unknown);
    json_put_usd(w, "always_cloud_cost_usd", always ? m->always : USD_UNKNOWN);
    json_put_number(w, "saved_usd", always ? (double)saved / (double)USD_NANO : NAN);
    json_put_number(w, "saved_share", always ? share(saved, m->always) : NAN);
    if (always) {
        json_put_bool(w, "estimated", m->always_estimated > 0);
    }
}

static void put_counts(struct json_out *w, const struct sums *m)
{
    json_put_number(w, "escalation_rate", share(m->escalated, m->answered));
    json_put_int(w, "handed_up", m->handed_up);
    json_put_int(w, "answered", m->answered);
    json_put_int(w, "redacted_requests", m->redacted_requests);
    json_put_int(w, "redacted_values", m->redacted_values);
    json_put_int(w, "left_device_bytes", m->left_bytes);
    json_put_int(w, "input_tokens", m->input_tokens);
    json_put_int(w, "output_tokens", m->output_tokens);
    json_put_int(w, "ok", m->ok);
    json_put_int(w, "partial", m->partial);
    json_put_int(w, "cancelled", m->cancelled);
    json_put_int(w, "failed", m->failed);
    json_put_int(w, "refused", m->refused);
    json_put_int(w, "lost", m->lost);
    json_put_known(w, "overhead_us_mean",
                   m->overhead_known ? m->overhead_us / m->overhead_known : -1);
}

enum err store_report(struct store *st, uint64_t since_wall_us, struct span client,
                      struct text *out, struct fault *fault)
{
    struct sums *m = NEW(struct sums);
    enum err err = st ? add_all(st, since_wall_us, client, m, fault) : OK;
    if (err == OK) {
        struct json_out w = json_out(out);
        json_begin_object(&w);
        json_put_int(&w, "requests", m->requests);
        put_tiers(&w, m);
        put_money(&w, m);
        put_times(&w, "ttft_us", &m->ttft);
        put_times(&w, "total_us", &m->total);
        put_counts(&w, m);
        put_degraded(&w, &m->degraded);
        put_groups(&w, "by_backend", &m->backends);
        put_groups(&w, "by_strategy", &m->strategies);
        put_days(&w, m);
        json_end_object(&w);
    }
    mem_free(m->ttft.us);
    mem_free(m->total.us);
    mem_free(m);
    return err;
}
