/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a transaction finds up to 500 receipts, writes a tombstone over
 * each, tells the audit log, commits; again until none is left. Then the write-ahead log
 * is copied into the file and cut to nothing, because it still holds the old pages.
 *
 * What can go wrong:
 *
 *   a worker writes      Each waits for the other's transaction; both are short.
 *   a reader is inside   The write-ahead log cannot be cut: tried again for 10 s, then said.
 *   killed in between    What is committed is forgotten, the rest is found by the next call.
 *   a copy of the file   Not ours to reach: backups, snapshots and the cells of a flash disk
 *                        keep what they have.
 */
#include "base/clock.h"
#include "ledger/audit.h"
#include "ledger/store_inside.h"
#include "json/json.h"

#include <stdlib.h>

#define AT_ONCE 500
#define WAIT_MS 5000
#define CUT_TRIES 10 /* of a second each */

/* `redacted` and the legs' bytes stay: what left this device, and to whom, is not about a person any more. */
static const char *const kept_keys[] = {
    "id",
    "time",
    "strategy",
    "tier",
    "backend",
    "model",
    "cost_usd",
    "always_cloud_cost_usd",
    "always_cloud_estimated",
    "ttft_us",
    "total_us",
    "overhead_us",
    "degraded",
    "redacted",
    "outcome",
};
static const char *const kept_leg_keys[] = {
    "leg",        "backend",       "tier",          "model",
    "labels",     "outcome",       "start_us",      "ttft_us",
    "total_us",   "input_tokens",  "output_tokens", "cached_tokens",
    "cost_usd",   "estimated",     "attempts",      "left_device_bytes",
    "redactions", "left_in_clear",
};

static bool is_kept(struct span key, const char *const *kept, size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
        found = span_is(key, kept[i]);
    }
    return found;
}

/* Every key stays, so that readers find what they expect; what is not kept is null, or an empty array. */
static void strip(struct json_out *w, const struct json *from, const char *const *kept,
                  size_t count)
{
    for (struct json_iter it = json_iter(from); json_next(&it);) {
        if (span_is(it.key, "legs") || span_is(it.key, "forgotten")) {
            continue;
        }
        json_key_span(w, it.key);
        if (is_kept(it.key, kept, count)) {
            json_value(w, it.value);
        } else if (json_type(it.value) == JSON_ARRAY) {
            json_begin_array(w);
            json_end_array(w);
        } else {
            json_null(w);
        }
    }
}

/* The receipt without what belongs to somebody. What cannot be read is kept as nothing at all. */
static void write_tombstone(struct span json, const char *now, struct text *out)
{
    struct json_doc *doc = NULL;
    const struct json *root = json_parse(json, &doc, NULL) == OK ? json_root(doc) : NULL;
    struct json_out w = json_out(out);
    text_clear(out);
    json_begin_object(&w);
    strip(&w, root, kept_keys, ARRAY_LEN(kept_keys));
    json_key(&w, "legs");
    json_begin_array(&w);
    for (struct json_iter it = json_iter(json_get(root, "legs")); json_next(&it);) {
        json_begin_object(&w);
        strip(&w, it.value, kept_leg_keys, ARRAY_LEN(kept_leg_keys));
        json_end_object(&w);
    }
    json_end_array(&w);
    json_put_c(&w, "forgotten", now);
    json_end_object(&w);
    json_free(doc);
}

/* ---- finding ---- */

/* A session is in the JSON alone. Tombstones have neither key nor session; `--before` must pass them by as well. */
#define WANTED                                                                                     \
    " FROM receipts r JOIN documents d ON d.receipt=r.rowid"                                       \
    " WHERE (?1 IS NULL OR r.client=?1) AND (?2=0 OR r.wall_us<?2)"                                \
    " AND (?3 IS NULL OR json_extract(d.json,'$.session')=?3)"                                     \
    " AND json_extract(d.json,'$.forgotten') IS NULL"

static void bind_wish(sqlite3_stmt *s, const struct forget_wish *w)
{
    if (w->key) {
        sqlite3_bind_text(s, 1, w->key, -1, SQLITE_STATIC);
    }
    sqlite3_bind_int64(s, 2, (int64_t)w->before_wall_us);
    if (w->session) {
        sqlite3_bind_text(s, 3, w->session, -1, SQLITE_STATIC);
    }
}

static enum err count_wanted(struct store *st, const struct forget_wish *wish, int64_t *out,
                             struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare(st, "SELECT count(*)" WANTED, &s, fault);
    if (err != OK) {
        return err;
    }
    bind_wish(s, wish);
    int rc = sqlite3_step(s);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    err = store_step_error(st, rc, fault);
    sqlite3_finalize(s);
    return err;
}

static enum err find_wanted(struct store *st, const struct forget_wish *wish, int64_t after,
                            int64_t out[AT_ONCE], int *out_count, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare(
        st, "SELECT r.rowid" WANTED " AND r.rowid>?4 ORDER BY r.rowid LIMIT ?5", &s, fault);
    if (err != OK) {
        return err;
    }
    bind_wish(s, wish);
    sqlite3_bind_int64(s, 4, after);
    sqlite3_bind_int(s, 5, AT_ONCE);
    int rc;
    int n = 0;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        out[n++] = sqlite3_column_int64(s, 0);
    }
    *out_count = n;
    err = store_step_error(st, rc, fault);
    sqlite3_finalize(s);
    return err;
}

/* ---- one batch ---- */

struct forgetting {
    struct store *st;
    const struct forget_wish *wish;
    char now[CLOCK_ISO_BYTES];
    sqlite3_stmt *read, *bury, *strip, *unrate, *digest;
    struct text tombstone;
};

static enum err bury(struct forgetting *f, struct audit_forgotten *row, struct fault *fault)
{
    sqlite3_bind_int64(f->read, 1, row->seq);
    int rc = sqlite3_step(f->read);
    if (rc == SQLITE_ROW) {
        const char *json = (const char *)sqlite3_column_text(f->read, 0);
        write_tombstone(span_of(json ? json : "", (size_t)sqlite3_column_bytes(f->read, 0)), f->now,
                        &f->tombstone);
    }
    enum err err = store_step_error(f->st, rc, fault);
    sqlite3_reset(f->read);
    if (err != OK || rc != SQLITE_ROW) {
        return err;
    }
    sqlite3_bind_text64(f->bury, 1, f->tombstone.data, f->tombstone.len, SQLITE_STATIC,
                        SQLITE_UTF8);
    sqlite3_bind_int64(f->bury, 2, row->seq);
    sqlite3_bind_int64(f->strip, 1, row->seq);
    sqlite3_bind_int64(f->unrate, 1, row->seq);
    err = store_run(f->st, f->bury, fault);
    err = err == OK ? store_run(f->st, f->strip, fault) : err;
    err = err == OK ? store_run(f->st, f->unrate, fault) : err;
    if (err != OK) {
        return err;
    }
    sqlite3_bind_int64(f->digest, 1, row->seq);
    rc = sqlite3_step(f->digest);
    if (rc == SQLITE_ROW) {
        audit_digest_columns(f->st, f->digest, 0, row->digest);
    }
    err = store_step_error(f->st, rc, fault);
    sqlite3_reset(f->digest);
    return err;
}

static enum err forget_batch(struct forgetting *f, int64_t *io_after, int *out_count,
                             struct fault *fault)
{
    int64_t found[AT_ONCE];
    struct audit_forgotten rows[AT_ONCE];
    int n = 0;
    enum err err = store_begin(f->st, fault);
    err = err == OK ? find_wanted(f->st, f->wish, *io_after, found, &n, fault) : err;
    for (int i = 0; err == OK && i < n; i++) {
        rows[i] = (struct audit_forgotten){.seq = found[i]};
        err = bury(f, &rows[i], fault);
    }
    err = err == OK && n > 0 ? audit_add_forgotten(f->st, rows, n, fault) : err;
    err = err == OK ? store_commit(f->st, fault) : err;
    if (err != OK) {
        store_rollback(f->st);
        return err;
    }
    *out_count = n;
    *io_after = n > 0 ? found[n - 1] : *io_after;
    return OK;
}

static enum err forget_all(struct forgetting *f, int64_t *out_total, struct fault *fault)
{
    int64_t after = INT64_MIN;
    int n = 0;
    enum err err;
    do {
        err = forget_batch(f, &after, &n, fault);
        *out_total += err == OK ? n : 0;
    } while (err == OK && n == AT_ONCE);
    return err;
}

static enum err prepare_all(struct forgetting *f, struct fault *fault)
{
    struct store *st = f->st;
    clock_iso(clock_wall_us(), f->now);
    text_init(&f->tombstone, MIB);
    enum err err = store_prepare(st, "SELECT json FROM documents WHERE receipt=?", &f->read, fault);
    err = err ? err
              : store_prepare(st, "UPDATE documents SET json=?1, prompt=NULL WHERE receipt=?2",
                              &f->bury, fault);
    err =
        err ? err
            : store_prepare(st, "UPDATE receipts SET client=NULL WHERE rowid=?", &f->strip, fault);
    err = err ? err
              : store_prepare(
                    st, "DELETE FROM feedback WHERE id=(SELECT id FROM receipts WHERE rowid=?)",
                    &f->unrate, fault);
    return err ? err
               : store_prepare(st,
                               "SELECT " STORE_ROW_COLUMNS ",(SELECT json FROM documents WHERE"
                               " receipt=receipts.rowid) FROM receipts WHERE rowid=?",
                               &f->digest, fault);
}

static void finish_all(struct forgetting *f)
{
    sqlite3_finalize(f->read);
    sqlite3_finalize(f->bury);
    sqlite3_finalize(f->strip);
    sqlite3_finalize(f->unrate);
    sqlite3_finalize(f->digest);
    text_done(&f->tombstone);
}

/* The old pages lie in the write-ahead log until it is copied and cut. */
static bool cut_log(struct store *st)
{
    sqlite3_busy_timeout(st->db, 1000);
    for (int i = 0; i < CUT_TRIES; i++) {
        if (sqlite3_wal_checkpoint_v2(st->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
            SQLITE_OK) {
            return true;
        }
    }
    return false;
}

enum err ledger_forget(const char *path, const struct forget_wish *wish, bool only_count,
                       struct forget_result *out, struct fault *fault)
{
    PRE(wish->key || wish->session || wish->before_wall_us);
    struct forgetting f = {.wish = wish};
    struct forget_result result = {0};
    enum err err = store_check(path, true, fault);
    err = err == OK ? store_open(path, true, &f.st, fault) : err;
    if (err != OK) {
        return err == ERR_NOT_FOUND ? fault_set(fault, err, "%.150s: there is no ledger yet", path)
                                    : err;
    }
    sqlite3_progress_handler(f.st->db, 0, NULL, NULL);
    err = count_wanted(f.st, wish, &result.receipts, fault);
    store_close(f.st);
    if (err == OK &&
        !only_count) { /* also when none is found: an interrupted call left the log to cut */
        result.receipts = 0;
        err = store_open(path, false, &f.st, fault);
        if (err != OK) {
            return err;
        }
        sqlite3_busy_timeout(f.st->db, WAIT_MS);
        err = prepare_all(&f, fault);
        err = err == OK ? forget_all(&f, &result.receipts, fault) : err;
        finish_all(&f);
        result.wal_busy = !cut_log(f.st);
        store_close(f.st);
    }
    if (err == OK) {
        *out = result;
    }
    return err;
}
