/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir report --privacy`: what left this device, to whom, and what was taken out of it
 * first. Read from the receipts' JSON, because recipients and types are nowhere else; only
 * from those where something left, was replaced or was kept home.
 */
#include "base/clock.h"
#include "ledger/store_inside.h"
#include "json/json.h"

#include <stdlib.h>

#define TYPES_MAX 128
#define RECIPIENTS_MAX 128
#define DAYS_MAX 400

static const char rows_sql[] =
    "SELECT r.wall_us, d.json FROM receipts r JOIN documents d ON d.receipt=r.rowid"
    " WHERE r.wall_us>=?1 AND (?2 IS NULL OR r.client=?2)"
    " AND (r.left_bytes>0 OR r.redacted>0 OR instr(d.json,'\"kept\":{')>0)"
    " ORDER BY r.wall_us";

struct type_counts {
    struct {
        char type[49];
        int64_t count;
    } items[TYPES_MAX];
    int count;
};

struct recipient {
    char backend[65], tier[17], model[129], labels[200]; /* labels: a JSON array */
    int64_t requests, bytes;
    int64_t first_us, last_us;
    int64_t counted; /* the receipt that `requests` counted last */
    struct type_counts replaced, in_clear;
};

struct day {
    uint32_t day;
    int64_t requests, bytes, replaced, in_clear;
};

struct sums {
    int64_t seen; /* receipts read */
    int64_t left_requests, bytes, forgotten, kept_requests;
    struct type_counts replaced, in_clear, kept;
    struct recipient *recipients; /* RECIPIENTS_MAX */
    int recipients_count;
    struct day days[DAYS_MAX]; /* oldest first; when full the oldest goes */
    int days_count;
};

/* ---- adding up ---- */

static void count_type(struct type_counts *t, struct span type, int64_t n)
{
    int i = 0;
    while (i < t->count && !span_is(type, t->items[i].type)) {
        i++;
    }
    if (i == TYPES_MAX || type.len == 0 || type.len >= sizeof t->items[0].type) {
        return;
    }
    if (i == t->count) {
        memcpy(t->items[t->count++].type, type.data, type.len);
    }
    t->items[i].count += n;
}

/* Gives their sum. */
static int64_t count_types(struct type_counts *one, struct type_counts *all, const struct json *v)
{
    int64_t sum = 0;
    for (struct json_iter it = json_iter(v); json_next(&it);) {
        int64_t n = json_i64_or(it.value, 0);
        count_type(one, it.key, n);
        count_type(all, it.key, n);
        sum += n;
    }
    return sum;
}

static struct recipient *recipient_of(struct sums *m, const struct json *leg)
{
    struct recipient r = {0};
    span_to_c(json_str(json_get(leg, "backend")), r.backend, sizeof r.backend);
    span_to_c(json_str(json_get(leg, "tier")), r.tier, sizeof r.tier);
    span_to_c(json_str(json_get(leg, "model")), r.model, sizeof r.model);
    struct text labels;
    text_init(&labels, sizeof r.labels - 1);
    struct json_out w = json_out(&labels);
    const struct json *given = json_get(leg, "labels");
    given ? json_value(&w, given) : text_add_c(&labels, "[]");
    span_to_c(labels.overflow ? SPAN("[]") : text_span(&labels), r.labels, sizeof r.labels);
    text_done(&labels);
    for (int i = 0; i < m->recipients_count; i++) {
        struct recipient *at = &m->recipients[i];
        if (strcmp(at->backend, r.backend) == 0 && strcmp(at->model, r.model) == 0 &&
            strcmp(at->labels, r.labels) == 0) {
            return at;
        }
    }
    if (m->recipients_count == RECIPIENTS_MAX) {
        return &m->recipients[RECIPIENTS_MAX - 1]; /* still counted, under the last name */
    }
    m->recipients[m->recipients_count] = r;
    return &m->recipients[m->recipients_count++];
}

static struct day *day_of(struct sums *m, int64_t wall_us)
{
    uint32_t day = clock_day((uint64_t)MAX(wall_us, 0));
    if (m->days_count == 0 || m->days[m->days_count - 1].day != day) {
        if (m->days_count == DAYS_MAX) {
            memmove(m->days, m->days + 1, sizeof m->days[0] * (DAYS_MAX - 1));
            m->days_count--;
        }
        m->days[m->days_count++] = (struct day){.day = day};
    }
    return &m->days[m->days_count - 1];
}

static bool add_leg(struct sums *m, struct day *day, const struct json *leg, int64_t wall_us)
{
    int64_t bytes = json_i64_or(json_get(leg, "left_device_bytes"), 0);
    if (bytes <= 0) {
        return false;
    }
    struct recipient *r = recipient_of(m, leg);
    r->requests += r->counted != m->seen;
    r->counted = m->seen;
    r->bytes += bytes;
    r->first_us = r->first_us ? r->first_us : wall_us;
    r->last_us = wall_us;
    m->bytes += bytes;
    day->bytes += bytes;
    day->replaced += count_types(&r->replaced, &m->replaced, json_get(leg, "redactions"));
    day->in_clear += count_types(&r->in_clear, &m->in_clear, json_get(leg, "left_in_clear"));
    return true;
}

static void add_receipt(struct sums *m, int64_t wall_us, struct span json)
{
    struct json_doc *doc = NULL;
    m->seen++;
    if (json_parse(json, &doc, NULL) != OK) {
        return;
    }
    const struct json *root = json_root(doc);
    struct day *day = day_of(m, wall_us);
    bool left = false;
    for (struct json_iter it = json_iter(json_get(root, "legs")); json_next(&it);) {
        left |= add_leg(m, day, it.value, wall_us);
    }
    m->left_requests += left;
    day->requests += left;
    m->forgotten += span_given(json_str(json_get(root, "forgotten")));
    const struct json *kept = json_get(root, "kept");
    if (json_type(kept) == JSON_OBJECT) {
        struct span type = json_str(json_get(kept, "type"));
        m->kept_requests++;
        count_type(&m->kept, span_given(type) ? type : SPAN("policy"), 1);
    }
    json_free(doc);
}

static enum err add_all(struct store *st, uint64_t since_wall_us, struct span client,
                        struct sums *m, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare_since(st, rows_sql, since_wall_us, client, &s, fault);
    if (err != OK) {
        return err;
    }
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *json = (const char *)sqlite3_column_text(s, 1);
        add_receipt(m, sqlite3_column_int64(s, 0),
                    span_of(json ? json : "", (size_t)sqlite3_column_bytes(s, 1)));
    }
    err = store_step_error(st, rc, fault);
    sqlite3_finalize(s);
    return err;
}

/* ---- writing ---- */

static void put_types(struct json_out *w, const char *key, const struct type_counts *t)
{
    json_key(w, key);
    json_begin_object(w);
    for (int i = 0; i < t->count; i++) {
        json_put_int(w, t->items[i].type, t->items[i].count);
    }
    json_end_object(w);
}

static void put_time(struct json_out *w, const char *key, int64_t wall_us)
{
    char iso[CLOCK_ISO_BYTES];
    clock_iso((uint64_t)MAX(wall_us, 0), iso);
    json_put_c(w, key, iso);
}

static int by_bytes(const void *a, const void *b)
{
    const struct recipient *x = a;
    const struct recipient *y = b;
    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static void put_recipients(struct json_out *w, struct sums *m)
{
    if (m->recipients_count) {
        qsort(m->recipients, (size_t)m->recipients_count, sizeof *m->recipients, by_bytes);
    }
    json_key(w, "recipients");
    json_begin_array(w);
    for (int i = 0; i < m->recipients_count; i++) {
        const struct recipient *r = &m->recipients[i];
        json_begin_object(w);
        json_put_c(w, "backend", r->backend);
        json_put_c(w, "tier", r->tier);
        json_put_c(w, "model", r->model);
        json_key(w, "labels");
        json_raw(w, span_c(r->labels));
        json_put_int(w, "requests", r->requests);
        json_put_int(w, "left_device_bytes", r->bytes);
        put_types(w, "redactions", &r->replaced);
        put_types(w, "left_in_clear", &r->in_clear);
        put_time(w, "first", r->first_us);
        put_time(w, "last", r->last_us);
        json_end_object(w);
    }
    json_end_array(w);
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
        json_put_int(w, "left_requests", d->requests);
        json_put_int(w, "left_device_bytes", d->bytes);
        json_put_int(w, "redacted_values", d->replaced);
        json_put_int(w, "values_in_clear", d->in_clear);
        json_end_object(w);
    }
    json_end_array(w);
}

static enum err count_requests(struct store *st, uint64_t since_wall_us, struct span client,
                               int64_t *out, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare_since(
        st, "SELECT count(*) FROM receipts WHERE wall_us>=?1 AND (?2 IS NULL OR client=?2)",
        since_wall_us, client, &s, fault);
    if (err != OK) {
        return err;
    }
    int rc = sqlite3_step(s);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    err = store_step_error(st, rc, fault);
    sqlite3_finalize(s);
    return err;
}

enum err store_privacy_report(struct store *st, uint64_t since_wall_us, struct span client,
                              struct text *out, struct fault *fault)
{
    struct sums *m = NEW(struct sums);
    m->recipients = NEW_ARRAY(struct recipient, RECIPIENTS_MAX);
    int64_t requests = 0;
    enum err err = st ? count_requests(st, since_wall_us, client, &requests, fault) : OK;
    err = err == OK && st ? add_all(st, since_wall_us, client, m, fault) : err;
    if (err == OK) {
        struct json_out w = json_out(out);
        json_begin_object(&w);
        put_time(&w, "since", (int64_t)since_wall_us);
        json_put_int(&w, "requests", requests);
        json_put_int(&w, "left_requests", m->left_requests);
        json_put_int(&w, "kept_requests", m->kept_requests);
        json_put_int(&w, "forgotten", m->forgotten);
        json_put_int(&w, "left_device_bytes", m->bytes);
        put_types(&w, "redactions", &m->replaced);
        put_types(&w, "left_in_clear", &m->in_clear);
        put_types(&w, "kept", &m->kept);
        put_recipients(&w, m);
        put_days(&w, m);
        json_end_object(&w);
    }
    mem_free(m->recipients);
    mem_free(m);
    return err;
}
