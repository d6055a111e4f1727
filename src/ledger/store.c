/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/store_inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WRITE_WAIT_MS 500 /* for a lock that another worker or program holds */
#define READ_WAIT_MS 200
#define READ_MOST_US (2ull * US_PER_S)
#define DELETE_AT_ONCE 1000

/* What makes a file of one version into one of the next; PRAGMA user_version counts them. */
static const char *const schema_steps[] = {
    "CREATE TABLE receipts("
    "  id TEXT NOT NULL UNIQUE, wall_us INTEGER NOT NULL, client TEXT, tier TEXT, backend TEXT,"
    "  model TEXT, strategy TEXT, outcome TEXT NOT NULL, degraded TEXT, cost_nano INTEGER,"
    "  always_nano INTEGER, always_estimated INTEGER NOT NULL, handed_up INTEGER NOT NULL,"
    "  ttft_us INTEGER, total_us INTEGER, overhead_us INTEGER, redacted INTEGER NOT NULL,"
    "  left_bytes INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,"
    "  device_nano INTEGER, edge_nano INTEGER, cloud_nano INTEGER, human_nano INTEGER,"
    "  lost INTEGER NOT NULL);"
    "CREATE INDEX receipts_by_time ON receipts(wall_us);"
    "CREATE TABLE documents(receipt INTEGER PRIMARY KEY, json TEXT NOT NULL, prompt TEXT);"
    "CREATE TABLE feedback(id TEXT NOT NULL, source TEXT NOT NULL, score REAL NOT NULL,"
    "  wall_us INTEGER NOT NULL, PRIMARY KEY(id, source)) WITHOUT ROWID;",
    /* 2: the audit log; receipts of before are not in it */
    "CREATE TABLE audit(seq INTEGER PRIMARY KEY, id TEXT, digest BLOB NOT NULL,"
    "  chain BLOB NOT NULL, event TEXT);"
    "CREATE TABLE audit_head(one INTEGER PRIMARY KEY, seq INTEGER NOT NULL, chain BLOB NOT NULL);",
};
#define SCHEMA_VERSION ((int)ARRAY_LEN(schema_steps))

static const char *const statements[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_INSERT] = "INSERT INTO receipts(rowid," STORE_ROW_COLUMNS ")"
                  " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [ST_INSERT_DOCUMENT] = "INSERT OR REPLACE INTO documents VALUES(?,?,?)",
    [ST_FIND] = "SELECT r.rowid, r.lost, d.json, r.cost_nano, r.left_bytes FROM receipts r"
                " LEFT JOIN documents d ON d.receipt=r.rowid WHERE r.id=?",
    [ST_DELETE] = "DELETE FROM receipts WHERE rowid=?",
    [ST_DELETE_DOCUMENT] = "DELETE FROM documents WHERE receipt=?",
    [ST_DELETE_FEEDBACK] = "DELETE FROM feedback WHERE id=(SELECT id FROM receipts WHERE rowid=?)",
    [ST_FEEDBACK] = "INSERT OR REPLACE INTO feedback VALUES(?,?,?,?)",
    [ST_GET] = "SELECT d.json FROM receipts r JOIN documents d ON d.receipt=r.rowid"
               " WHERE r.id=?1 AND (?2 IS NULL OR r.client=?2)",
    [ST_LIST] = "SELECT d.json FROM receipts r JOIN documents d ON d.receipt=r.rowid"
                " WHERE ?2 IS NULL OR r.client=?2 ORDER BY r.wall_us DESC, r.rowid DESC LIMIT ?1",
    [ST_AUDIT] = "INSERT INTO audit(seq,id,digest,chain,event) VALUES(?,?,?,?,?)",
    [ST_AUDIT_TIP] = "SELECT ifnull((SELECT max(rowid) FROM receipts),0), a.seq, a.chain"
                     " FROM (SELECT 1) LEFT JOIN"
                     " (SELECT seq,chain FROM audit ORDER BY seq DESC LIMIT 1) a",
    [ST_AUDIT_HEAD] = "INSERT OR REPLACE INTO audit_head VALUES(1,?,?)",
};

/* ---- errors ---- */

static enum err err_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_OVERLOADED;
    case SQLITE_FULL:
        return ERR_IO;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
        return ERR_INVALID;
    case SQLITE_INTERRUPT:
        return ERR_DEADLINE;
    default:
        return ERR_INTERNAL;
    }
}

static const char *what_to_do(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return " (another program holds it)";
    case SQLITE_FULL:
        return " (free some space)";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return " (move the file away: a new one is made)";
    case SQLITE_INTERRUPT:
        return " (ask for a shorter time)";
    default:
        return "";
    }
}

enum err store_step_error(struct store *st, int rc, struct fault *fault)
{
    enum err err = err_of(rc);
    if (err != OK) {
        fault_set(fault, err, "ledger %s: %s%s", st->path, sqlite3_errmsg(st->db), what_to_do(rc));
    }
    return err;
}

/* ---- opening ---- */

#define HEADER_BYTES 100 /* of the SQLite file format: magic at 0, user_version at 60, big-endian */

static enum err check_header(const char *path, int fd, struct fault *fault)
{
    unsigned char head[HEADER_BYTES];
    ssize_t got = pread(fd, head, sizeof head, 0);
    if (got == 0) {
        return OK; /* empty: SQLite begins here */
    }
    if (got != (ssize_t)sizeof head || memcmp(head, "SQLite format 3", 16) != 0) {
        return fault_set(fault, ERR_IO, "ledger %s: the file is there but is no SQLite database",
                         path);
    }
    unsigned version = (unsigned)head[60] << 24 | (unsigned)head[61] << 16 |
                       (unsigned)head[62] << 8 | (unsigned)head[63];
    if (version > SCHEMA_VERSION) {
        return fault_set(fault, ERR_IO,
                         "ledger %s was written by a newer weir (schema %u, this one knows %d)",
                         path, version, SCHEMA_VERSION);
    }
    return OK;
}

enum err store_check(const char *path, bool read_only, struct fault *fault)
{
    int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd >= 0) {
        enum err err = check_header(path, fd, fault);
        close(fd);
        return err;
    }
    if (errno != ENOENT) {
        return fault_set(fault, ERR_IO, "ledger %s: %s", path, strerror(errno));
    }
    char folder[4096];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    if (!read_only && access(folder, W_OK) != 0) {
        return fault_set(fault, ERR_IO, "ledger %s: its folder: %s", path, strerror(errno));
    }
    return OK;
}

static void configure_sqlite(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 128, 64);
    sqlite3_initialize();
}

enum err store_execute(struct store *st, const char *sql, struct fault *fault)
{
    return store_step_error(st, sqlite3_exec(st->db, sql, NULL, NULL, NULL), fault);
}

static int user_version(struct store *st)
{
    sqlite3_stmt *s = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(st->db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
        version = sqlite3_column_int(s, 0);
    }
    sqlite3_finalize(s);
    return version;
}

/* Several workers may start at once: the version is looked at again inside the transaction. */
static enum err make_schema(struct store *st, struct fault *fault)
{
    enum err err = store_execute(st, "BEGIN IMMEDIATE", fault);
    for (int v = user_version(st); err == OK && v >= 0 && v < SCHEMA_VERSION; v++) {
        char done[40];
        snprintf(done, sizeof done, "PRAGMA user_version=%d", v + 1);
        err = store_execute(st, schema_steps[v], fault);
        err = err == OK ? store_execute(st, done, fault) : err;
    }
    if (err == OK) {
        return store_execute(st, "COMMIT", fault);
    }
    sqlite3_exec(st->db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

/* Ends reads that hold the loop for too long. */
static int is_too_late(void *user)
{
    struct store *st = user;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now = (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_nsec / 1000;
    if (st->read_until_us == 0) {
        st->read_until_us = now + READ_MOST_US;
    }
    return now >= st->read_until_us;
}

static enum err set_up_writer(struct store *st, struct fault *fault)
{
    sqlite3_busy_timeout(st->db, WRITE_WAIT_MS);
    enum err err = store_execute(st,
                                 "PRAGMA auto_vacuum=INCREMENTAL;PRAGMA journal_mode=WAL;"
                                 "PRAGMA synchronous=NORMAL;PRAGMA cache_size=-256;"
                                 "PRAGMA secure_delete=ON;"
                                 "PRAGMA journal_size_limit=4194304;",
                                 fault);
    if (err == OK && user_version(st) < SCHEMA_VERSION) {
        err = make_schema(st, fault);
    }
    return err;
}

static enum err set_up_reader(struct store *st, struct fault *fault)
{
    sqlite3_busy_timeout(st->db, READ_WAIT_MS);
    sqlite3_progress_handler(st->db, 100000, is_too_late, st);
    enum err err = store_execute(st, "PRAGMA query_only=1;PRAGMA cache_size=-256;", fault);
    return err == OK && user_version(st) == 0 ? ERR_NOT_FOUND : err; /* its writer has not begun */
}

static enum err touch(const char *path, bool read_only, struct stat *out, struct fault *fault)
{
    /* Private from the first byte; SQLite gives its other files the same mode. */
    int fd = open(path, (read_only ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, out) != 0) {
        enum err err = errno == ENOENT && read_only ? ERR_NOT_FOUND : ERR_INTERNAL;
        fault_set(fault, err, "ledger %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return err;
    }
    /* Closing a second descriptor drops SQLite's POSIX locks on the file of this process: only before it opens. */
    close(fd);
    return OK;
}

enum err store_open(const char *path, bool read_only, struct store **out, struct fault *fault)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_sqlite);
    struct stat stat_now;
    if (stat(path, &stat_now) != 0 || stat_now.st_size == 0) {
        enum err err = read_only ? ERR_NOT_FOUND : touch(path, read_only, &stat_now, fault);
        if (err != OK) {
            return err;
        }
    }
    struct store *st = NEW(struct store);
    text_init(&st->scratch, 2 * MIB);
    size_t len = strlen(path);
    st->path = mem_new(len + 1);
    memcpy(st->path, path, len);
    st->device = stat_now.st_dev;
    st->inode = stat_now.st_ino;
    int rc = sqlite3_open_v2(path, &st->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    enum err err = store_step_error(st, rc, fault);
    if (err == OK) {
        err = read_only ? set_up_reader(st, fault) : set_up_writer(st, fault);
    }
    if (err == OK && user_version(st) > SCHEMA_VERSION) {
        err = fault_set(fault, ERR_INTERNAL, "ledger %s was written by a newer weir", path);
    }
    if (err != OK) {
        store_close(st);
        return err;
    }
    *out = st;
    return OK;
}

void store_close(struct store *st)
{
    if (st) {
        for (int i = 0; i < ST_COUNT; i++) {
            sqlite3_finalize(st->statement[i]);
        }
        sqlite3_close(st->db);
        text_done(&st->scratch);
        mem_free(st->path);
        mem_free(st);
    }
}

bool store_is_current(const struct store *st)
{
    struct stat now;
    return stat(st->path, &now) == 0 && now.st_dev == st->device && now.st_ino == st->inode;
}

/* ---- statements ---- */

enum err store_use(struct store *st, enum store_statement which, sqlite3_stmt **out,
                   struct fault *fault)
{
    sqlite3_stmt **s = &st->statement[which];
    st->read_until_us = 0;
    if (!*s) {
        int rc =
            sqlite3_prepare_v3(st->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL);
        if (rc != SQLITE_OK) {
            return store_step_error(st, rc, fault);
        }
    }
    sqlite3_reset(*s);
    sqlite3_clear_bindings(*s);
    *out = *s;
    return OK;
}

static void bind_text(sqlite3_stmt *s, int at, const char *c)
{
    if (c && c[0]) {
        sqlite3_bind_text(s, at, c, -1, SQLITE_STATIC);
    }
}

static void bind_known(sqlite3_stmt *s, int at, int64_t n)
{
    if (n >= 0) {
        sqlite3_bind_int64(s, at, n);
    }
}

static void bind_span(sqlite3_stmt *s, int at, struct span v)
{
    if (span_given(v)) {
        sqlite3_bind_text64(s, at, v.data, v.len, SQLITE_STATIC, SQLITE_UTF8);
    }
}

/* Steps once and resets, so that no read stays open. */
enum err store_run(struct store *st, sqlite3_stmt *s, struct fault *fault)
{
    int rc = sqlite3_step(s);
    enum err err = store_step_error(st, rc, fault);
    sqlite3_reset(s);
    return err;
}

enum err store_prepare(struct store *st, const char *sql, sqlite3_stmt **out, struct fault *fault)
{
    *out = NULL;
    st->read_until_us = 0;
    return store_step_error(st, sqlite3_prepare_v2(st->db, sql, -1, out, NULL), fault);
}

static enum err run_plain(struct store *st, enum store_statement which, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    enum err err = store_use(st, which, &s, fault);
    return err == OK ? store_run(st, s, fault) : err;
}

enum err store_begin(struct store *st, struct fault *fault)
{
    enum err err = run_plain(st, ST_BEGIN, fault);
    return err == OK ? audit_begin(st, fault) : err;
}

enum err store_commit(struct store *st, struct fault *fault)
{
    enum err err = audit_end(st, fault);
    return err == OK ? run_plain(st, ST_COMMIT, fault) : err;
}

void store_rollback(struct store *st)
{
    if (!sqlite3_get_autocommit(st->db)) {
        sqlite3_exec(st->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

/* ---- writing ---- */

/* In the order of STORE_ROW_COLUMNS; audit.c digests the same values. */
static void bind_row(sqlite3_stmt *s, int64_t rowid, const struct store_row *row, bool lost)
{
    int at = 1;
    sqlite3_bind_int64(s, at++, rowid);
    bind_text(s, at++, row->id);
    sqlite3_bind_int64(s, at++, row->wall_us);
    bind_span(s, at++, row->has_client ? span_c(row->client) : SPAN_NONE);
    bind_text(s, at++, row->tier);
    bind_text(s, at++, row->backend);
    bind_text(s, at++, row->model);
    bind_text(s, at++, row->strategy);
    bind_text(s, at++, row->outcome);
    bind_text(s, at++, row->degraded);
    bind_known(s, at++, row->cost_nano);
    bind_known(s, at++, row->always_nano);
    sqlite3_bind_int(s, at++, row->always_estimated);
    sqlite3_bind_int(s, at++, row->handed_up);
    bind_known(s, at++, row->ttft_us);
    bind_known(s, at++, row->total_us);
    bind_known(s, at++, row->overhead_us);
    sqlite3_bind_int64(s, at++, row->redacted);
    sqlite3_bind_int64(s, at++, row->left_bytes);
    sqlite3_bind_int64(s, at++, row->input_tokens);
    sqlite3_bind_int64(s, at++, row->output_tokens);
    for (int t = 0; t < TIER_COUNT; t++) {
        bind_known(s, at++, row->tier_cost_nano[t]);
    }
    sqlite3_bind_int(s, at++, lost);
}

static enum err write_document(struct store *st, int64_t rowid, struct span json,
                               struct span sealed, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_use(st, ST_INSERT_DOCUMENT, &s, fault);
    if (err != OK) {
        return err;
    }
    sqlite3_bind_int64(s, 1, rowid);
    bind_span(s, 2, json);
    if (span_given(sealed)) {
        sqlite3_bind_blob64(s, 3, sealed.data, sealed.len, SQLITE_STATIC);
    }
    err = store_run(st, s, fault);
    sqlite3_clear_bindings(s); /* they were borrowed */
    return err;
}

static enum err insert_new(struct store *st, const struct store_row *row, bool lost,
                           struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_use(st, ST_INSERT, &s, fault);
    if (err != OK) {
        return err;
    }
    /* A receipt's rowid is its place in the audit log. */
    int64_t rowid = audit_next(st);
    bind_row(s, rowid, row, lost);
    err = store_run(st, s, fault);
    sqlite3_clear_bindings(s);
    err = err == OK ? write_document(st, rowid, span_of(row->json, row->json_len),
                                     span_of(row->prompt, row->prompt_len), fault)
                    : err;
    return err == OK ? audit_add_receipt(st, row, lost, fault) : err;
}

static enum err delete_by_rowid(struct store *st, enum store_statement which, int64_t rowid,
                                struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_use(st, which, &s, fault);
    if (err == OK) {
        sqlite3_bind_int64(s, 1, rowid);
        err = store_run(st, s, fault);
    }
    return err;
}

/* What is there under an id; `json` (may be NULL) is appended to. */
struct found {
    bool there, lost;
    int64_t rowid, cost_nano, left_bytes;
};

static enum err find(struct store *st, const char *id, struct found *out, struct text *json,
                     struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_use(st, ST_FIND, &s, fault);
    if (err != OK) {
        return err;
    }
    *out = (struct found){0};
    bind_text(s, 1, id);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        bool priced = sqlite3_column_type(s, 3) != SQLITE_NULL;
        *out = (struct found){
            .there = true,
            .rowid = sqlite3_column_int64(s, 0),
            .lost = sqlite3_column_int(s, 1) != 0,
            .cost_nano = priced ? sqlite3_column_int64(s, 3) : USD_UNKNOWN,
            .left_bytes = sqlite3_column_int64(s, 4),
        };
        const char *text = (const char *)sqlite3_column_text(s, 2);
        text_add(json, span_of(text, text ? (size_t)sqlite3_column_bytes(s, 2) : 0));
    }
    err = store_step_error(st, rc, fault);
    sqlite3_reset(s);
    return err;
}

/* Makes room for a fuller receipt of the same request. */
static enum err remove_found(struct store *st, const struct found *f, struct fault *fault)
{
    enum err err = delete_by_rowid(st, ST_DELETE, f->rowid, fault);
    err = err == OK ? delete_by_rowid(st, ST_DELETE_DOCUMENT, f->rowid, fault) : err;
    return err == OK ? audit_add_gone(st, "replace", &f->rowid, 1, fault) : err;
}

enum err store_insert(struct store *st, const struct store_row *row, struct fault *fault)
{
    enum err err = insert_new(st, row, false, fault);
    if (err != ERR_INVALID) {
        return err;
    }
    /* The id is taken: by a lost receipt, or by this one in a batch whose commit was not heard. */
    struct found f;
    struct text none;
    text_init(&none, MIB);
    err = find(st, row->id, &f, &none, fault);
    text_done(&none);
    if (err != OK || !f.there) {
        return err == OK ? ERR_INVALID : err;
    }
    err = remove_found(st, &f, fault);
    return err == OK ? insert_new(st, row, false, fault) : err;
}

/* The lost receipt that is there, with one more leg (from `added`, a receipt with one leg). */
static enum err add_lost_leg(struct span there, struct span added, int64_t cost_nano,
                             struct text *out, struct fault *fault)
{
    struct json_doc *a = NULL;
    struct json_doc *b = NULL;
    enum err err = json_parse(there, &a, fault);
    err = err == OK ? json_parse(added, &b, fault) : err;
    if (err == OK) {
        struct json_out w = json_out(out);
        json_begin_object(&w);
        for (struct json_iter it = json_iter(json_root(a)); json_next(&it);) {
            json_key_span(&w, it.key);
            if (span_is(it.key, "cost_usd")) {
                json_usd(&w, cost_nano);
            } else if (span_is(it.key, "legs")) {
                json_begin_array(&w);
                for (struct json_iter leg = json_iter(it.value); json_next(&leg);) {
                    json_value(&w, leg.value);
                }
                json_value(&w, json_at(json_get(json_root(b), "legs"), 0));
                json_end_array(&w);
            } else {
                json_value(&w, it.value);
            }
        }
        json_end_object(&w);
    }
    json_free(a);
    json_free(b);
    return err;
}

static enum err merge_lost(struct store *st, const struct found *f, struct span there,
                           const struct store_row *row, struct fault *fault)
{
    bool priced = f->cost_nano >= 0 && row->cost_nano >= 0;
    struct text json;
    text_init(&json, MIB);
    struct store_row merged = *row;
    merged.cost_nano = priced ? f->cost_nano + row->cost_nano : USD_UNKNOWN;
    merged.tier_cost_nano[TIER_CLOUD] = merged.cost_nano;
    merged.left_bytes += f->left_bytes;
    enum err err =
        add_lost_leg(there, span_of(row->json, row->json_len), merged.cost_nano, &json, fault);
    merged.json = json.data;
    merged.json_len = json.len;
    err = err == OK ? remove_found(st, f, fault) : err;
    err = err == OK ? insert_new(st, &merged, true, fault) : err;
    text_done(&json);
    return err;
}

enum err store_insert_lost(struct store *st, const struct store_row *row, struct fault *fault)
{
    struct found f;
    struct text there;
    text_init(&there, MIB);
    enum err err = find(st, row->id, &f, &there, fault);
    if (err == OK && !f.there) {
        err = insert_new(st, row, true, fault);
    } else if (err == OK && f.lost) {
        err = merge_lost(st, &f, text_span(&there), row, fault);
    } /* else its receipt is complete: the process died after writing it */
    text_done(&there);
    return err;
}

enum err store_insert_feedback(struct store *st, const struct store_feedback *f,
                               struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_use(st, ST_FEEDBACK, &s, fault);
    if (err != OK) {
        return err;
    }
    bind_text(s, 1, f->id);
    bind_text(s, 2, f->source);
    sqlite3_bind_double(s, 3, f->score);
    sqlite3_bind_int64(s, 4, f->wall_us);
    return store_run(st, s, fault);
}

/* Numbers of the oldest receipts of before, ascending; gives the count. */
static enum err find_old(struct store *st, uint64_t wall_us, int64_t out[DELETE_AT_ONCE],
                         int *out_count, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare(st,
                                 "SELECT rowid FROM (SELECT rowid FROM receipts WHERE wall_us<?1"
                                 " ORDER BY wall_us LIMIT ?2) ORDER BY rowid",
                                 &s, fault);
    if (err != OK) {
        return err;
    }
    sqlite3_bind_int64(s, 1, (int64_t)wall_us);
    sqlite3_bind_int(s, 2, DELETE_AT_ONCE);
    int rc;
    int n = 0;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        out[n++] = sqlite3_column_int64(s, 0);
    }
    err = store_step_error(st, rc, fault);
    sqlite3_finalize(s);
    *out_count = n;
    return err;
}

static enum err delete_old(struct store *st, uint64_t wall_us, struct fault *fault)
{
    int64_t old[DELETE_AT_ONCE];
    int n;
    enum err err = find_old(st, wall_us, old, &n, fault);
    for (int i = 0; err == OK && i < n; i++) {
        err = delete_by_rowid(st, ST_DELETE_FEEDBACK, old[i], fault);
        err = err == OK ? delete_by_rowid(st, ST_DELETE_DOCUMENT, old[i], fault) : err;
        err = err == OK ? delete_by_rowid(st, ST_DELETE, old[i], fault) : err;
    }
    return err == OK && n > 0 ? audit_add_expired(st, old, n, fault) : err;
}

void store_delete_before(struct store *st, uint64_t wall_us)
{
    struct fault fault = {0};
    enum err err = store_begin(st, &fault);
    err = err == OK ? delete_old(st, wall_us, &fault) : err;
    err = err == OK ? store_commit(st, &fault) : err;
    if (err != OK) {
        store_rollback(st);
        LOG(LOG_WARN, "ledger", "old receipts stay for now: %s", fault.text);
        return;
    }
    sqlite3_exec(st->db, "PRAGMA incremental_vacuum(256)", NULL, NULL, NULL);
}

/* ---- reading ---- */

enum err store_get(struct store *st, struct span id, struct span client, struct text *out)
{
    sqlite3_stmt *s;
    enum err err = store_use(st, ST_GET, &s, NULL);
    if (err != OK) {
        return err;
    }
    bind_span(s, 1, id);
    bind_span(s, 2, client);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW && out) {
        const char *text = (const char *)sqlite3_column_text(s, 0);
        text_add(out, span_of(text ? text : "", (size_t)sqlite3_column_bytes(s, 0)));
    }
    err = rc == SQLITE_DONE ? ERR_NOT_FOUND : store_step_error(st, rc, NULL);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return err;
}

enum err store_get_prompt(struct store *st, struct span id, struct text *out)
{
    sqlite3_stmt *s;
    enum err err = store_prepare(st,
                                 "SELECT d.prompt FROM receipts r JOIN documents d"
                                 " ON d.receipt=r.rowid WHERE r.id=?1 AND d.prompt IS NOT NULL",
                                 &s, NULL);
    if (err != OK) {
        return err;
    }
    bind_span(s, 1, id);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        const char *bytes = sqlite3_column_blob(s, 0);
        text_add(out, span_of(bytes ? bytes : "", (size_t)sqlite3_column_bytes(s, 0)));
    }
    err = rc == SQLITE_DONE ? ERR_NOT_FOUND : store_step_error(st, rc, NULL);
    sqlite3_finalize(s);
    return err;
}

enum err store_list(struct store *st, int last, struct span client, bool comma, struct text *out,
                    struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_use(st, ST_LIST, &s, fault);
    if (err != OK) {
        return err;
    }
    sqlite3_bind_int(s, 1, MAX(last, 0));
    bind_span(s, 2, client);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 0);
        text_add_c(out, comma ? "," : "");
        text_add(out, span_of(text ? text : "null", text ? (size_t)sqlite3_column_bytes(s, 0) : 4));
        comma = true;
    }
    err = store_step_error(st, rc, fault);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return err;
}

enum err store_prepare_since(struct store *st, const char *sql, uint64_t since_wall_us,
                             struct span client, struct sqlite3_stmt **out, struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare(st, sql, &s, fault);
    if (err != OK) {
        return err;
    }
    sqlite3_bind_int64(s, 1, (int64_t)since_wall_us);
    bind_span(s, 2, client);
    *out = s;
    return OK;
}
