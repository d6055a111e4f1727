/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two passes in one read transaction. The first reads the events: what Weir took
 * away and what it made of forgotten receipts. The second walks the audit log beside
 * the receipts. A row that does not fit is told and then believed, so that one change
 * is one problem and not a thousand.
 */
#include "ledger/audit.h"
#include "ledger/store_inside.h"
#include "json/json.h"

#include <stdio.h>
#include <stdlib.h>

#define MISFITS_MAX 1000 /* among these a swapped pair is recognised */

struct range {
    int64_t first, last;
};

/* A receipt whose content is not what its digest says. */
struct misfit {
    int64_t seq;
    char id[40];
    unsigned char is[SHA256_BYTES], should_be[SHA256_BYTES];
};

struct check {
    struct store *st;
    struct json_out *w; /* inside "problems" */
    struct range *gone;
    size_t gone_count, gone_capacity;
    struct audit_forgotten *forgotten;
    size_t forgotten_count, forgotten_capacity;
    struct misfit *misfits;
    int misfits_count;
    int64_t dropped_seq; /* the log before it is gone; -1 = all of it is there */
    unsigned char dropped_chain[SHA256_BYTES];
    int64_t first, seq; /* of the log as it is; 0 = not seen yet */
    unsigned char chain[SHA256_BYTES];
    int64_t begin_after;
    unsigned char wanted_head[SHA256_BYTES];
    bool wants_head, found_head;
    int64_t rows, receipts, forgotten_seen, gone_seen, older, problems;
};

/* ---- telling ---- */

static void tell(struct check *c, const char *problem, int64_t seq, struct span id, const char *why)
{
    if (++c->problems > AUDIT_PROBLEMS_MAX) {
        return;
    }
    json_begin_object(c->w);
    json_put_c(c->w, "problem", problem);
    json_put_int(c->w, "seq", seq);
    json_put(c->w, "id", id);
    json_put_c(c->w, "why", why);
    json_end_object(c->w);
}

/* ---- events ---- */

static bool from_hex(struct span hex, unsigned char out[SHA256_BYTES])
{
    if (hex.len != 2 * (size_t)SHA256_BYTES) {
        return false;
    }
    for (size_t i = 0; i < hex.len; i++) {
        char ch = hex.data[i];
        int digit = ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
        if (digit < 0) {
            return false;
        }
        out[i / 2] = (unsigned char)(i % 2 ? out[i / 2] | digit : digit << 4);
    }
    return true;
}

static void add_gone(struct check *c, struct range r)
{
    if (c->gone_count == c->gone_capacity) {
        size_t grown = MAX(c->gone_capacity * 2, (size_t)64);
        c->gone = mem_grow(c->gone, c->gone_capacity * sizeof r, grown * sizeof r);
        c->gone_capacity = grown;
    }
    c->gone[c->gone_count++] = r;
}

static void add_forgotten(struct check *c, const struct audit_forgotten *f)
{
    if (c->forgotten_count == c->forgotten_capacity) {
        size_t grown = MAX(c->forgotten_capacity * 2, (size_t)64);
        c->forgotten = mem_grow(c->forgotten, c->forgotten_capacity * sizeof *f, grown * sizeof *f);
        c->forgotten_capacity = grown;
    }
    c->forgotten[c->forgotten_count++] = *f;
}

/* One pair of "rows"; an event speaks only of what came before it. */
static void read_pair(struct check *c, const struct json *pair, bool forget, int64_t event_seq)
{
    int64_t seq = json_i64_or(json_at(pair, 0), -1);
    struct audit_forgotten f = {.seq = seq};
    int64_t last = json_i64_or(json_at(pair, 1), -1);
    if (seq < 0 || seq >= event_seq) {
        return;
    }
    if (!forget && last >= seq && last < event_seq) {
        add_gone(c, (struct range){seq, last});
    } else if (forget && from_hex(json_str(json_at(pair, 1)), f.digest)) {
        add_forgotten(c, &f);
    }
}

static void read_event(struct check *c, int64_t seq, struct span event)
{
    struct json_doc *doc = NULL;
    if (json_parse(event, &doc, NULL) != OK) {
        return; /* its digest will not fit either */
    }
    const struct json *root = json_root(doc);
    struct span name = json_str(json_get(root, "event"));
    for (struct json_iter it = json_iter(json_get(root, "rows")); json_next(&it);) {
        read_pair(c, it.value, span_is(name, "forget"), seq);
    }
    const struct json *dropped = json_get(root, "dropped");
    int64_t dropped_seq = json_i64_or(json_get(dropped, "seq"), -1);
    if (dropped_seq > c->dropped_seq &&
        from_hex(json_str(json_get(dropped, "chain")), c->dropped_chain)) {
        c->dropped_seq = dropped_seq;
    }
    if (span_is(name, "begin")) {
        c->begin_after = json_i64_or(json_get(root, "after"), 0);
    }
    json_free(doc);
}

static int by_range(const void *a, const void *b)
{
    const struct range *x = a;
    const struct range *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static int by_seq(const void *a, const void *b)
{
    const struct audit_forgotten *x = a;
    const struct audit_forgotten *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static struct span column_text(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text ? span_of(text, (size_t)sqlite3_column_bytes(s, column)) : SPAN_NONE;
}

static enum err read_events(struct check *c, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare(
        c->st, "SELECT seq,event FROM audit WHERE event IS NOT NULL ORDER BY seq", &s, fault);
    if (err != OK) {
        return err;
    }
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        read_event(c, sqlite3_column_int64(s, 0), column_text(s, 1));
    }
    err = store_step_error(c->st, rc, fault);
    sqlite3_finalize(s);
    if (c->gone_count) {
        qsort(c->gone, c->gone_count, sizeof *c->gone, by_range);
    }
    if (c->forgotten_count) {
        qsort(c->forgotten, c->forgotten_count, sizeof *c->forgotten, by_seq);
    }
    return err;
}

/* Ranges are disjoint: a receipt is taken away once. */
static bool is_gone(const struct check *c, int64_t seq)
{
    size_t low = 0;
    size_t high = c->gone_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->gone[mid].last < seq) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < c->gone_count && c->gone[low].first <= seq;
}

static bool is_forgotten_as(const struct check *c, int64_t seq, const unsigned char *digest)
{
    size_t low = 0;
    size_t high = c->forgotten_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->forgotten[mid].seq < seq) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < c->forgotten_count && c->forgotten[low].seq == seq &&
           memcmp(c->forgotten[low].digest, digest, SHA256_BYTES) == 0;
}

/* ---- rows ---- */

enum column {
    C_SEQ,
    C_ID,
    C_DIGEST,
    C_CHAIN,
    C_EVENT,
    C_ROWID,
    C_ROW, /* STORE_ROW_COLUMNS, then the JSON */
};

static const char rows_sql[] =
    "SELECT a.seq,a.id,a.digest,a.chain,a.event,r.*,d.json FROM audit a"
    " LEFT JOIN (SELECT rowid," STORE_ROW_COLUMNS " FROM receipts) r ON r.rowid=a.seq"
    " LEFT JOIN documents d ON d.receipt=a.seq ORDER BY a.seq";

/* The first row that is there: either the log begins with it, or an event says how it stood before. */
static bool knows_before(struct check *c, int64_t seq, bool is_begin)
{
    if (c->dropped_seq >= 0 && c->dropped_seq < seq) {
        memcpy(c->chain, c->dropped_chain, SHA256_BYTES);
        return true;
    }
    return is_begin;
}

static void check_chain(struct check *c, sqlite3_stmt *s, int64_t seq, struct span id,
                        const unsigned char *digest, const unsigned char *chain)
{
    bool is_begin = span_starts(column_text(s, C_EVENT), SPAN("{\"event\":\"begin\""));
    if (c->first == 0 && !knows_before(c, seq, is_begin)) {
        tell(c, "removed", seq, id, "the audit log begins here; the rows before it are missing");
    } else {
        unsigned char expected[SHA256_BYTES];
        audit_chain(c->st, c->chain, seq, id, digest, expected);
        if (memcmp(expected, chain, SHA256_BYTES) != 0) {
            tell(c, "chain", seq, id,
                 c->first && seq > c->seq + 1
                     ? "audit rows right before this one were removed"
                     : "this audit row was changed, moved or put in, or the one before it");
        }
    }
    c->first = c->first ? c->first : seq;
    c->seq = seq;
    memcpy(c->chain, chain, SHA256_BYTES);
    c->found_head |= c->wants_head && memcmp(chain, c->wanted_head, SHA256_BYTES) == 0;
}

static void note_misfit(struct check *c, int64_t seq, struct span id, const unsigned char *is,
                        const unsigned char *should_be)
{
    if (c->misfits_count == MISFITS_MAX) {
        tell(c, "changed", seq, id, "its content is not what was written");
        return;
    }
    struct misfit *m = &c->misfits[c->misfits_count++];
    *m = (struct misfit){.seq = seq};
    snprintf(m->id, sizeof m->id, "%.*s", SPAN_ARG(span_first(id, sizeof m->id - 1)));
    memcpy(m->is, is, SHA256_BYTES);
    memcpy(m->should_be, should_be, SHA256_BYTES);
}

static void check_receipt(struct check *c, sqlite3_stmt *s, int64_t seq, struct span id,
                          const unsigned char *digest)
{
    bool there = sqlite3_column_type(s, C_ROWID) != SQLITE_NULL;
    bool document = sqlite3_column_type(s, C_ROW + STORE_ROW_COLUMNS_COUNT) != SQLITE_NULL;
    bool gone = is_gone(c, seq);
    if (gone && !there && !document) {
        c->gone_seen++;
        return;
    }
    if (gone) {
        tell(c, "inserted", seq, id, "it had been taken away, and is there again");
        return;
    }
    if (!there || !document) {
        tell(c, "removed", seq, id, there ? "its document is missing" : "the receipt is missing");
        return;
    }
    unsigned char is[SHA256_BYTES];
    audit_digest_columns(c->st, s, C_ROW, is);
    if (memcmp(is, digest, SHA256_BYTES) == 0) {
        c->receipts++;
    } else if (is_forgotten_as(c, seq, is)) {
        c->forgotten_seen++;
    } else {
        note_misfit(c, seq, id, is, digest);
    }
}

static void check_row(struct check *c, sqlite3_stmt *s)
{
    int64_t seq = sqlite3_column_int64(s, C_SEQ);
    struct span id = column_text(s, C_ID);
    const unsigned char *digest = sqlite3_column_blob(s, C_DIGEST);
    const unsigned char *chain = sqlite3_column_blob(s, C_CHAIN);
    c->rows++;
    if (sqlite3_column_bytes(s, C_DIGEST) != SHA256_BYTES ||
        sqlite3_column_bytes(s, C_CHAIN) != SHA256_BYTES) {
        tell(c, "chain", seq, id, "this audit row was changed: its hashes have no length of ours");
        return;
    }
    check_chain(c, s, seq, id, digest, chain);
    struct span event = column_text(s, C_EVENT);
    if (!span_given(event)) {
        check_receipt(c, s, seq, id, digest);
        return;
    }
    unsigned char is[SHA256_BYTES];
    sha256(event, is);
    if (memcmp(is, digest, SHA256_BYTES) != 0) {
        tell(c, "changed", seq, id, "this event is not what was written");
    }
}

static enum err check_rows(struct check *c, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare(c->st, rows_sql, &s, fault);
    if (err != OK) {
        return err;
    }
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        check_row(c, s);
    }
    err = store_step_error(c->st, rc, fault);
    sqlite3_finalize(s);
    return err;
}

/* A misfit that holds what belongs to another one was moved. */
static void tell_misfits(struct check *c)
{
    for (int i = 0; i < c->misfits_count; i++) {
        const struct misfit *m = &c->misfits[i];
        const struct misfit *other = NULL;
        for (int k = 0; k < c->misfits_count && !other; k++) {
            other = k != i && memcmp(m->is, c->misfits[k].should_be, SHA256_BYTES) == 0
                        ? &c->misfits[k]
                        : NULL;
        }
        char why[100] = "its content is not what was written";
        if (other) {
            snprintf(why, sizeof why, "its content is that of %s, row %lld", other->id,
                     (long long)other->seq);
        }
        tell(c, other ? "reordered" : "changed", m->seq, span_c(m->id), why);
    }
}

/* ---- what the log does not know ---- */

static enum err check_strangers(struct check *c, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare(c->st,
                                 "SELECT rowid,id FROM receipts r WHERE NOT EXISTS"
                                 " (SELECT 1 FROM audit WHERE seq=r.rowid) ORDER BY rowid",
                                 &s, fault);
    if (err != OK) {
        return err;
    }
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t seq = sqlite3_column_int64(s, 0);
        if (seq < c->first && seq <= MAX(c->begin_after, c->dropped_seq)) {
            c->older++;
        } else {
            tell(c, "inserted", seq, column_text(s, 1), "the audit log does not know this receipt");
        }
    }
    err = store_step_error(c->st, rc, fault);
    sqlite3_finalize(s);
    return err;
}

static enum err check_head(struct check *c, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare(c->st, "SELECT seq,chain FROM audit_head", &s, fault);
    if (err != OK) {
        return err;
    }
    int rc = sqlite3_step(s);
    bool there = rc == SQLITE_ROW && sqlite3_column_bytes(s, 1) == SHA256_BYTES;
    if (!there && c->rows) {
        tell(c, "head", c->seq, SPAN_NONE, "the head of the log is missing");
    } else if (there && sqlite3_column_int64(s, 0) != c->seq) {
        char why[100];
        snprintf(why, sizeof why, "the log ends at row %lld, but row %lld was written last",
                 (long long)c->seq, (long long)sqlite3_column_int64(s, 0));
        tell(c, "removed", sqlite3_column_int64(s, 0), SPAN_NONE, why);
    } else if (there && memcmp(sqlite3_column_blob(s, 1), c->chain, SHA256_BYTES) != 0) {
        tell(c, "head", c->seq, SPAN_NONE, "the last row is not the one that was written last");
    }
    err = store_step_error(c->st, rc, fault);
    sqlite3_finalize(s);
    c->found_head |= c->wants_head && c->dropped_seq >= 0 &&
                     memcmp(c->dropped_chain, c->wanted_head, SHA256_BYTES) == 0;
    if (c->wants_head && !c->found_head) {
        tell(
            c, "head", c->seq, SPAN_NONE,
            "the given head is not in the chain: the log was written anew since, or keep_days took "
            "that part");
    }
    return err;
}

/* ---- all of it ---- */

static bool has_log(struct store *st)
{
    sqlite3_stmt *s = NULL;
    bool has = sqlite3_prepare_v2(st->db, "SELECT 1 FROM audit LIMIT 1", -1, &s, NULL) == SQLITE_OK;
    sqlite3_finalize(s);
    return has;
}

static enum err check_all(struct check *c, struct text *out, bool *out_ok, struct fault *fault)
{
    enum err err = store_execute(c->st, "BEGIN", fault);
    err = err == OK ? read_events(c, fault) : err;
    struct json_out w = json_out(out);
    c->w = &w;
    json_begin_object(&w);
    json_key(&w, "problems");
    json_begin_array(&w);
    err = err == OK ? check_rows(c, fault) : err;
    tell_misfits(c);
    err = err == OK ? check_strangers(c, fault) : err;
    err = err == OK ? check_head(c, fault) : err;
    json_end_array(&w);
    char hex[SHA256_HEX_BYTES];
    sha256_to_hex(c->chain, hex);
    json_put_bool(&w, "ok", c->problems == 0);
    json_put_int(&w, "problems_total", c->problems);
    json_put_int(&w, "rows", c->rows);
    json_put_int(&w, "receipts", c->receipts);
    json_put_int(&w, "forgotten", c->forgotten_seen);
    json_put_int(&w, "gone", c->gone_seen);
    json_put_int(&w, "older", c->older);
    json_key(&w, "head");
    json_begin_object(&w);
    json_put_int(&w, "seq", c->seq);
    json_put(&w, "hash", c->rows ? span_c(hex) : SPAN_NONE);
    json_end_object(&w);
    json_end_object(&w);
    *out_ok = c->problems == 0;
    return err;
}

enum err ledger_verify(const char *path, struct span head, struct text *out, bool *out_ok,
                       struct fault *fault)
{
    struct check c = {.dropped_seq = -1, .wants_head = span_given(head)};
    if (c.wants_head && !from_hex(head, c.wanted_head)) {
        return fault_set(fault, ERR_INVALID, "a head is a hash of 64 hex digits, in lower case");
    }
    enum err err = store_check(path, true, fault);
    err = err == OK ? store_open(path, true, &c.st, fault) : err;
    if (err == ERR_NOT_FOUND) {
        return fault_set(fault, err, "%.150s: there is no ledger yet", path);
    }
    if (err != OK) {
        return err;
    }
    sqlite3_progress_handler(c.st->db, 0, NULL, NULL); /* nobody else waits for this read */
    if (!has_log(c.st)) {
        err =
            fault_set(fault, ERR_NOT_FOUND,
                      "%.120s is from before the audit log; it begins with the next receipt", path);
    } else {
        c.misfits = NEW_ARRAY(struct misfit, MISFITS_MAX);
        err = check_all(&c, out, out_ok, fault);
        mem_free(c.misfits);
        mem_free(c.gone);
        mem_free(c.forgotten);
    }
    store_close(c.st);
    return err;
}
