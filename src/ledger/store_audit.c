/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is digested (all numbers 8 bytes, little-endian):
 *
 *   receipt  each column of STORE_ROW_COLUMNS as 'n' (null), 'i' number or 't' length bytes, then the JSON as 't'
 *   event    its JSON
 *   chain    chain before (32 bytes) · seq · id as 't' or 'n' · digest (32 bytes)
 *
 * Events:
 *
 *   {"event":"begin","time":…,"after":N}                 the log begins here; receipts up to N are older than it
 *   {"event":"replace","time":…,"rows":[[a,b],…]}        from a to b: a fuller receipt of the same id came
 *   {"event":"expire","time":…,"rows":[[a,b],…],
 *    "dropped":{"seq":N,"chain":hex}}                    keep_days; the log itself is gone up to N, and there it stood so
 *   {"event":"forget","time":…,"rows":[[n,hex],…]}       private parts erased; what is there now has this digest
 */
#include "ledger/store_inside.h"

#include "base/clock.h"
#include "json/json.h"

#define EVENT_BYTES_MAX MIB

/* ---- digests ---- */

static void add_number(struct text *t, int64_t n)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)((uint64_t)n >> (8 * i));
    }
    text_add(t, span_of((const char *)bytes, sizeof bytes));
}

static void add_int(struct text *t, int64_t n)
{
    text_add_char(t, 'i');
    add_number(t, n);
}

static void add_text(struct text *t, struct span s)
{
    if (!span_given(s)) {
        text_add_char(t, 'n');
        return;
    }
    text_add_char(t, 't');
    add_number(t, (int64_t)s.len);
    text_add(t, s);
}

/* The three as bind_row() stores them. */
static void add_name(struct text *t, const char *c)
{
    add_text(t, c && c[0] ? span_c(c) : SPAN_NONE);
}

static void add_known(struct text *t, int64_t n)
{
    if (n < 0) {
        text_add_char(t, 'n');
    } else {
        add_int(t, n);
    }
}

static void digest_row(struct store *st, const struct store_row *row, bool lost,
                       unsigned char out[SHA256_BYTES])
{
    struct text *t = &st->scratch;
    text_clear(t);
    add_name(t, row->id);
    add_int(t, row->wall_us);
    add_text(t, row->has_client ? span_c(row->client) : SPAN_NONE);
    add_name(t, row->tier);
    add_name(t, row->backend);
    add_name(t, row->model);
    add_name(t, row->strategy);
    add_name(t, row->outcome);
    add_name(t, row->degraded);
    add_known(t, row->cost_nano);
    add_known(t, row->always_nano);
    add_int(t, row->always_estimated);
    add_int(t, row->handed_up);
    add_known(t, row->ttft_us);
    add_known(t, row->total_us);
    add_known(t, row->overhead_us);
    add_int(t, row->redacted);
    add_int(t, row->left_bytes);
    add_int(t, row->input_tokens);
    add_int(t, row->output_tokens);
    for (int i = 0; i < TIER_COUNT; i++) {
        add_known(t, row->tier_cost_nano[i]);
    }
    add_int(t, lost);
    add_text(t, span_of(row->json, row->json_len));
    sha256(text_span(t), out);
}

static void add_column(struct text *t, sqlite3_stmt *s, int column)
{
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_NULL:
        text_add_char(t, 'n');
        break;
    case SQLITE_INTEGER:
        add_int(t, sqlite3_column_int64(s, column));
        break;
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(s, column);
        add_text(t, span_of(text, (size_t)sqlite3_column_bytes(s, column)));
        break;
    }
    default:
        text_add_char(t, 'x'); /* nothing of ours: it will not fit */
        break;
    }
}

void audit_digest_columns(struct store *st, sqlite3_stmt *s, int column,
                          unsigned char out[SHA256_BYTES])
{
    text_clear(&st->scratch);
    for (int i = 0; i <= STORE_ROW_COLUMNS_COUNT; i++) {
        add_column(&st->scratch, s, column + i);
    }
    sha256(text_span(&st->scratch), out);
}

void audit_chain(struct store *st, const unsigned char before[SHA256_BYTES], int64_t seq,
                 struct span id, const unsigned char digest[SHA256_BYTES],
                 unsigned char out[SHA256_BYTES])
{
    struct text *t = &st->scratch;
    text_clear(t);
    text_add(t, span_of((const char *)before, SHA256_BYTES));
    add_number(t, seq);
    add_text(t, id);
    text_add(t, span_of((const char *)digest, SHA256_BYTES));
    sha256(text_span(t), out);
}

/* ---- adding ---- */

int64_t audit_next(const struct store *st)
{
    return st->tip.highest + 1;
}

static enum err add_row(struct store *st, const char *id, const unsigned char digest[SHA256_BYTES],
                        struct span event, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_use(st, ST_AUDIT, &s, fault);
    if (err != OK) {
        return err;
    }
    unsigned char chain[SHA256_BYTES];
    int64_t seq = audit_next(st);
    audit_chain(st, st->tip.chain, seq, id ? span_c(id) : SPAN_NONE, digest, chain);
    sqlite3_bind_int64(s, 1, seq);
    if (id) {
        sqlite3_bind_text(s, 2, id, -1, SQLITE_STATIC);
    }
    sqlite3_bind_blob(s, 3, digest, SHA256_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(s, 4, chain, SHA256_BYTES, SQLITE_STATIC);
    if (span_given(event)) {
        sqlite3_bind_text64(s, 5, event.data, event.len, SQLITE_STATIC, SQLITE_UTF8);
    }
    err = store_run(st, s, fault);
    sqlite3_clear_bindings(s); /* they were borrowed */
    if (err == OK) {
        st->tip.seq = st->tip.highest = seq;
        memcpy(st->tip.chain, chain, sizeof chain);
        st->tip.moved = true;
    }
    return err;
}

enum err audit_add_receipt(struct store *st, const struct store_row *row, bool lost,
                           struct fault *fault)
{
    unsigned char digest[SHA256_BYTES];
    digest_row(st, row, lost, digest);
    return add_row(st, row->id, digest, SPAN_NONE, fault);
}

static struct json_out begin_event(struct text *t, const char *name)
{
    char now[CLOCK_ISO_BYTES];
    clock_iso(clock_wall_us(), now);
    text_init(t, EVENT_BYTES_MAX);
    struct json_out w = json_out(t);
    json_begin_object(&w);
    json_put_c(&w, "event", name);
    json_put_c(&w, "time", now);
    return w;
}

static enum err add_event(struct store *st, struct json_out *w, struct fault *fault)
{
    json_end_object(w);
    unsigned char digest[SHA256_BYTES];
    sha256(text_span(w->text), digest);
    enum err err = add_row(st, NULL, digest, text_span(w->text), fault);
    text_done(w->text);
    return err;
}

static void put_ranges(struct json_out *w, const int64_t *seqs, int n)
{
    json_key(w, "rows");
    json_begin_array(w);
    for (int i = 0; i < n;) {
        int last = i;
        while (last + 1 < n && seqs[last + 1] == seqs[last] + 1) {
            last++;
        }
        json_begin_array(w);
        json_int(w, seqs[i]);
        json_int(w, seqs[last]);
        json_end_array(w);
        i = last + 1;
    }
    json_end_array(w);
}

enum err audit_add_gone(struct store *st, const char *event, const int64_t *seqs, int n,
                        struct fault *fault)
{
    struct text t;
    struct json_out w = begin_event(&t, event);
    put_ranges(&w, seqs, n);
    return add_event(st, &w, fault);
}

enum err audit_add_forgotten(struct store *st, const struct audit_forgotten *rows, int n,
                             struct fault *fault)
{
    struct text t;
    struct json_out w = begin_event(&t, "forget");
    json_key(&w, "rows");
    json_begin_array(&w);
    for (int i = 0; i < n; i++) {
        char hex[SHA256_HEX_BYTES];
        sha256_to_hex(rows[i].digest, hex);
        json_begin_array(&w);
        json_int(&w, rows[i].seq);
        json_c(&w, hex);
        json_end_array(&w);
    }
    json_end_array(&w);
    return add_event(st, &w, fault);
}

/* The last row before the oldest receipt that is left; 0 = none. */
static enum err find_droppable(struct store *st, int64_t *out_seq,
                               unsigned char chain[SHA256_BYTES], struct fault *fault)
{
    sqlite3_stmt *s;
    *out_seq = 0;
    enum err err = store_prepare(st,
                                 "SELECT seq,chain FROM audit WHERE seq<"
                                 " ifnull((SELECT min(rowid) FROM receipts),9223372036854775807)"
                                 " ORDER BY seq DESC LIMIT 1",
                                 &s, fault);
    if (err != OK) {
        return err;
    }
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 1) == SHA256_BYTES) {
        *out_seq = sqlite3_column_int64(s, 0);
        memcpy(chain, sqlite3_column_blob(s, 1), SHA256_BYTES);
    }
    err = store_step_error(st, rc, fault);
    sqlite3_finalize(s);
    return err;
}

enum err audit_add_expired(struct store *st, const int64_t *seqs, int n, struct fault *fault)
{
    int64_t dropped;
    unsigned char chain[SHA256_BYTES];
    enum err err = find_droppable(st, &dropped, chain, fault);
    if (err != OK) {
        return err;
    }
    struct text t;
    struct json_out w = begin_event(&t, "expire");
    put_ranges(&w, seqs, n);
    if (dropped > 0) {
        char hex[SHA256_HEX_BYTES];
        sha256_to_hex(chain, hex);
        json_key(&w, "dropped");
        json_begin_object(&w);
        json_put_int(&w, "seq", dropped);
        json_put_c(&w, "chain", hex);
        json_end_object(&w);
    }
    err = add_event(st, &w, fault);
    sqlite3_stmt *s = NULL;
    err = err == OK ? store_prepare(st, "DELETE FROM audit WHERE seq<=?", &s, fault) : err;
    if (err == OK) {
        sqlite3_bind_int64(s, 1, dropped);
        err = store_run(st, s, fault);
    }
    sqlite3_finalize(s);
    return err;
}

/* ---- a transaction ---- */

static enum err add_begin(struct store *st, struct fault *fault)
{
    struct text t;
    struct json_out w = begin_event(&t, "begin");
    json_put_int(&w, "after", st->tip.highest);
    return add_event(st, &w, fault);
}

enum err audit_begin(struct store *st, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_use(st, ST_AUDIT_TIP, &s, fault);
    if (err != OK) {
        return err;
    }
    st->tip = (struct audit_tip){0};
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        int64_t highest = sqlite3_column_int64(s, 0);
        st->tip.seq = sqlite3_column_int64(s, 1);
        st->tip.highest = MAX(highest, st->tip.seq);
        if (sqlite3_column_bytes(s, 2) == SHA256_BYTES) {
            memcpy(st->tip.chain, sqlite3_column_blob(s, 2), SHA256_BYTES);
        }
    }
    err = store_step_error(st, rc, fault);
    sqlite3_reset(s);
    return err == OK && st->tip.seq == 0 ? add_begin(st, fault) : err;
}

enum err audit_end(struct store *st, struct fault *fault)
{
    sqlite3_stmt *s;
    if (!st->tip.moved) {
        return OK;
    }
    enum err err = store_use(st, ST_AUDIT_HEAD, &s, fault);
    if (err == OK) {
        sqlite3_bind_int64(s, 1, st->tip.seq);
        sqlite3_bind_blob(s, 2, st->tip.chain, SHA256_BYTES, SQLITE_STATIC);
        err = store_run(st, s, fault);
        sqlite3_clear_bindings(s);
    }
    st->tip.moved = err != OK;
    return err;
}
