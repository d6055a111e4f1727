/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir report`, made by SQL over the small columns.
 *
 *   always_cloud_cost_usd  what the answers that came out well would have cost, had the cloud made all of them
 *                          (refusals and failures save nothing); null without a priced cloud
 *   saved_usd              that, less everything that was paid, failed attempts included; may be negative
 *   escalation_rate        share of the answered requests that a tier beyond the device answered
 *   handed_up              of those, the ones the device had tried first
 */
#include "ledger/store.h"
#include "json/json.h"

#include <math.h>
#include <sqlite3.h>

#define WHERE_SINCE " FROM receipts WHERE wall_us>=?1 AND (?2 IS NULL OR client=?2) "
#define ANSWERED "(outcome IN('ok','partial') AND tier IS NOT NULL)"

enum total {
    T_REQUESTS,
    T_COST,
    T_COST_UNKNOWN,
    T_ALWAYS,
    T_ALWAYS_ESTIMATED,
    T_OK,
    T_PARTIAL,
    T_CANCELLED,
    T_FAILED,
    T_REFUSED,
    T_ANSWERED,
    T_ESCALATED,
    T_HANDED_UP,
    T_REDACTED_REQUESTS,
    T_REDACTED_VALUES,
    T_LEFT_BYTES,
    T_INPUT_TOKENS,
    T_OUTPUT_TOKENS,
    T_LOST,
    T_OVERHEAD_US,
    T_COUNT,
};

static const char totals_sql[] =
    "SELECT count(*), sum(cost_nano), sum(cost_nano IS NULL),"
    " sum(CASE WHEN outcome='ok' THEN always_nano END),"
    " max(CASE WHEN outcome='ok' AND always_nano IS NOT NULL THEN always_estimated END),"
    " sum(outcome='ok'), sum(outcome='partial'), sum(outcome='cancelled'), sum(outcome='failed'),"
    " sum(outcome='refused'), sum" ANSWERED ", sum(" ANSWERED " AND tier<>'device'),"
    " sum(handed_up), sum(redacted>0), sum(redacted), sum(left_bytes), sum(input_tokens),"
    " sum(output_tokens), sum(lost), avg(overhead_us)" WHERE_SINCE;

struct ask {
    struct store *st; /* NULL: an empty ledger */
    uint64_t since_wall_us;
    struct span client;
    struct fault *fault;
    struct json_out *w;
};

typedef void row_fn(struct ask *q, sqlite3_stmt *s, void *user);

static enum err each_row(struct ask *q, const char *sql, row_fn *fn, void *user)
{
    if (!q->st) {
        return OK;
    }
    sqlite3_stmt *s;
    enum err err = store_prepare_since(q->st, sql, q->since_wall_us, q->client, &s, q->fault);
    if (err != OK) {
        return err;
    }
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        fn(q, s, user);
    }
    err = store_step_error(q->st, rc, q->fault);
    sqlite3_finalize(s);
    return err;
}

static int64_t known_or(sqlite3_stmt *s, int column, int64_t otherwise)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? otherwise
                                                         : sqlite3_column_int64(s, column);
}

static struct span text_of(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text ? span_of(text, (size_t)sqlite3_column_bytes(s, column)) : SPAN("none");
}

static void on_totals(struct ask *q, sqlite3_stmt *s, void *user)
{
    (void)q;
    int64_t *total = user;
    for (int i = 0; i < T_COUNT; i++) {
        total[i] = known_or(s, i, i == T_COST || i == T_ALWAYS || i == T_OVERHEAD_US ? -1 : 0);
    }
}

/* Requests by the tier that answered; cost by the tier that was paid, also for what it did not answer. */
static void on_tiers(struct ask *q, sqlite3_stmt *s, void *user)
{
    (void)user;
    for (int t = 0; t < TIER_COUNT; t++) {
        int64_t requests = known_or(s, 2 * t, 0);
        int64_t cost = known_or(s, 2 * t + 1, -1);
        if (requests > 0 || cost > 0) {
            json_key(q->w, tier_name((enum tier)t));
            json_begin_object(q->w);
            json_put_int(q->w, "requests", requests);
            json_put_usd(q->w, "cost_usd", cost);
            json_end_object(q->w);
        }
    }
}

/* name, requests, cost (null where none is known) */
static void on_group(struct ask *q, sqlite3_stmt *s, void *user)
{
    (void)user;
    json_key_span(q->w, text_of(s, 0));
    json_begin_object(q->w);
    json_put_int(q->w, "requests", sqlite3_column_int64(s, 1));
    json_put_usd(q->w, "cost_usd", known_or(s, 2, -1));
    json_end_object(q->w);
}

static void on_count(struct ask *q, sqlite3_stmt *s, void *user)
{
    (void)user;
    json_key_span(q->w, text_of(s, 0));
    json_int(q->w, sqlite3_column_int64(s, 1));
}

static void on_day(struct ask *q, sqlite3_stmt *s, void *user)
{
    (void)user;
    json_begin_object(q->w);
    json_put(q->w, "day", text_of(s, 0));
    json_put_int(q->w, "requests", sqlite3_column_int64(s, 1));
    json_put_int(q->w, "device", sqlite3_column_int64(s, 2));
    json_put_usd(q->w, "cost_usd", known_or(s, 3, -1));
    json_end_object(q->w);
}

struct shares {
    int64_t n, seen;
    int64_t p50, p90, p99;
};

static void on_number(struct ask *q, sqlite3_stmt *s, void *user)
{
    (void)q;
    struct shares *p = user;
    p->n = sqlite3_column_int64(s, 0);
}

/* Nearest rank: the smallest value that at least p per cent of the answers do not exceed. */
static void on_sorted(struct ask *q, sqlite3_stmt *s, void *user)
{
    (void)q;
    struct shares *p = user;
    p->seen++;
    int64_t value = sqlite3_column_int64(s, 0);
    if (p->seen == (p->n * 50 + 99) / 100) {
        p->p50 = value;
    }
    if (p->seen == (p->n * 90 + 99) / 100) {
        p->p90 = value;
    }
    if (p->seen == (p->n * 99 + 99) / 100) {
        p->p99 = value;
    }
}

static enum err put_times(struct ask *q, const char *key, const char *count_sql,
                          const char *sorted_sql)
{
    struct shares p = {0, 0, -1, -1, -1};
    enum err err = each_row(q, count_sql, on_number, &p);
    err = err == OK ? each_row(q, sorted_sql, on_sorted, &p) : err;
    json_key(q->w, key);
    json_begin_object(q->w);
    json_put_known(q->w, "p50", p.p50);
    json_put_known(q->w, "p90", p.p90);
    json_put_known(q->w, "p99", p.p99);
    json_end_object(q->w);
    return err;
}

static enum err put_groups(struct ask *q, const char *key, const char *sql, row_fn *fn)
{
    bool array = fn == on_day;
    json_key(q->w, key);
    array ? json_begin_array(q->w) : json_begin_object(q->w);
    enum err err = each_row(q, sql, fn, NULL);
    array ? json_end_array(q->w) : json_end_object(q->w);
    return err;
}

static void put_signed_usd(struct json_out *w, const char *key, bool known, int64_t nano)
{
    json_put_number(w, key, known ? (double)nano / (double)USD_NANO : NAN);
}

static void put_money(struct json_out *w, const int64_t *t)
{
    /* With no known cost at all, a sum of nothing would pretend to be one. */
    bool nothing_known = t[T_COST_UNKNOWN] > 0 && t[T_COST] <= 0;
    int64_t cost = t[T_REQUESTS] == 0 ? 0 : nothing_known ? -1 : t[T_COST];
    bool always = t[T_ALWAYS] >= 0;
    int64_t saved = t[T_ALWAYS] - MAX(cost, 0);
    json_put_usd(w, "cost_usd", cost);
    json_put_int(w, "cost_unknown", t[T_COST_UNKNOWN]);
    json_put_usd(w, "always_cloud_cost_usd", t[T_ALWAYS]);
    put_signed_usd(w, "saved_usd", always, saved);
    json_put_number(w, "saved_share",
                    always && t[T_ALWAYS] > 0 ? (double)saved / (double)t[T_ALWAYS] : NAN);
    if (always) {
        json_put_bool(w, "estimated", t[T_ALWAYS_ESTIMATED] > 0);
    }
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : NAN;
}

static void put_counts(struct json_out *w, const int64_t *t)
{
    json_put_number(w, "escalation_rate", share(t[T_ESCALATED], t[T_ANSWERED]));
    json_put_int(w, "handed_up", t[T_HANDED_UP]);
    json_put_int(w, "answered", t[T_ANSWERED]);
    json_put_int(w, "redacted_requests", t[T_REDACTED_REQUESTS]);
    json_put_int(w, "redacted_values", t[T_REDACTED_VALUES]);
    json_put_int(w, "left_device_bytes", t[T_LEFT_BYTES]);
    json_put_int(w, "input_tokens", t[T_INPUT_TOKENS]);
    json_put_int(w, "output_tokens", t[T_OUTPUT_TOKENS]);
    json_put_int(w, "ok", t[T_OK]);
    json_put_int(w, "partial", t[T_PARTIAL]);
    json_put_int(w, "cancelled", t[T_CANCELLED]);
    json_put_int(w, "failed", t[T_FAILED]);
    json_put_int(w, "refused", t[T_REFUSED]);
    json_put_int(w, "lost", t[T_LOST]);
    json_put_known(w, "overhead_us_mean", t[T_OVERHEAD_US]);
}

static const struct group {
    const char *key, *sql;
    row_fn *fn;
} groups[] = {
    {"by_tier",
     "SELECT sum(tier='device'), sum(device_nano), sum(tier='edge'), sum(edge_nano),"
     " sum(tier='cloud'), sum(cloud_nano), sum(tier='human'), sum(human_nano)" WHERE_SINCE,
     on_tiers},
    {"by_backend",
     "SELECT backend, count(*), sum(cost_nano)" WHERE_SINCE
     "AND backend IS NOT NULL GROUP BY backend ORDER BY 2 DESC LIMIT 32",
     on_group},
    {"by_strategy",
     "SELECT strategy, count(*), sum(cost_nano)" WHERE_SINCE
     "AND strategy IS NOT NULL GROUP BY strategy",
     on_group},
    {"degraded",
     "SELECT degraded, count(*)" WHERE_SINCE "AND degraded IS NOT NULL GROUP BY degraded",
     on_count},
    {"by_day",
     "SELECT strftime('%Y-%m-%d', wall_us/1000000, 'unixepoch'), count(*), sum(tier='device'),"
     " sum(cost_nano)" WHERE_SINCE "GROUP BY 1 ORDER BY 1 DESC LIMIT 90",
     on_day},
};

static enum err put_all_groups(struct ask *q)
{
    enum err err = OK;
    for (size_t i = 0; err == OK && i < ARRAY_LEN(groups); i++) {
        err = put_groups(q, groups[i].key, groups[i].sql, groups[i].fn);
    }
    return err;
}

enum err store_report(struct store *st, uint64_t since_wall_us, struct span client,
                      struct text *out, struct fault *fault)
{
    size_t begin = out->len;
    int64_t total[T_COUNT] = {[T_COST] = -1, [T_ALWAYS] = -1, [T_OVERHEAD_US] = -1};
    struct json_out w = json_out(out);
    struct ask q = {st, since_wall_us, client, fault, &w};
    enum err err = each_row(&q, totals_sql, on_totals, total);
    json_begin_object(&w);
    json_put_int(&w, "requests", total[T_REQUESTS]);
    put_money(&w, total);
    put_counts(&w, total);
    err = err == OK ? put_times(&q, "ttft_us", "SELECT count(ttft_us)" WHERE_SINCE,
                                "SELECT ttft_us" WHERE_SINCE "AND ttft_us IS NOT NULL ORDER BY 1")
                    : err;
    err = err == OK ? put_times(&q, "total_us", "SELECT count(total_us)" WHERE_SINCE,
                                "SELECT total_us" WHERE_SINCE "AND total_us IS NOT NULL ORDER BY 1")
                    : err;
    err = err == OK ? put_all_groups(&q) : err;
    json_end_object(&w);
    if (err != OK) {
        text_truncate(out, begin);
    }
    return err;
}
