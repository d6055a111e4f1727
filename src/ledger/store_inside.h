/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the store share: the connection, and the audit log that every
 * change of a receipt goes through.
 *
 * The audit log is a table of its own, one row per receipt and per event, numbered
 * without reuse; a receipt's rowid in `receipts` and `documents` is its number there.
 *
 *   digest   SHA-256 of the receipt's columns and JSON (of an event: its JSON)
 *   chain    SHA-256 of the chain before it, its number, its id and its digest
 *
 * So a changed receipt no longer fits its digest, a changed or moved audit row no
 * longer fits its chain, and a removed one breaks the chain after it. What Weir itself
 * takes away (keep_days, `weir forget`, a lost receipt replaced by a fuller one) is
 * told by an event further down the chain; what is gone without one was removed by
 * somebody else. `audit_head` holds the last number and chain, so that a cut tail shows.
 *
 * All of it happens inside the writer's transaction, so several processes keep one
 * chain, and a crash leaves receipt and audit row together or neither.
 */
#ifndef WEIR_LEDGER_STORE_INSIDE_H
#define WEIR_LEDGER_STORE_INSIDE_H

#include "crypto/keys.h"
#include "ledger/store.h"

#include <sqlite3.h>
#include <sys/types.h>

/* Statements that are kept prepared (texts in store.c). */
enum store_statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_INSERT,
    ST_INSERT_DOCUMENT,
    ST_FIND,
    ST_DELETE,
    ST_DELETE_DOCUMENT,
    ST_DELETE_FEEDBACK,
    ST_FEEDBACK,
    ST_GET,
    ST_LIST,
    ST_AUDIT,
    ST_AUDIT_TIP,
    ST_AUDIT_HEAD,
    ST_COUNT,
};

/* The columns of a receipt that the audit log covers, in the order they are digested. Columns that come later are
 * copies of what the JSON says, which is covered whole. */
#define STORE_ROW_COLUMNS                                                                          \
    "id,wall_us,client,tier,backend,model,strategy,outcome,degraded,cost_nano,always_nano,"        \
    "always_estimated,handed_up,ttft_us,total_us,overhead_us,redacted,left_bytes,input_tokens,"    \
    "output_tokens,device_nano,edge_nano,cloud_nano,human_nano,lost"
#define STORE_ROW_COLUMNS_COUNT 25

/* The last row of the audit log, as it stands in the open transaction. */
struct audit_tip {
    int64_t seq;     /* 0 = nothing yet */
    int64_t highest; /* of seq and of the receipts' rowids */
    unsigned char chain[SHA256_BYTES];
    bool moved; /* the head has to be written */
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statement[ST_COUNT];
    char *path;
    dev_t device;
    ino_t inode;
    uint64_t read_until_us; /* 0 = no limit */
    struct audit_tip tip;
    struct text scratch; /* of the audit log */
};

enum err store_execute(struct store *st, const char *sql, struct fault *fault) MUST_USE;
/* Steps once and resets, so that no read stays open. */
enum err store_run(struct store *st, sqlite3_stmt *s, struct fault *fault) MUST_USE;
/* A kept statement, without bindings. */
enum err store_use(struct store *st, enum store_statement which, sqlite3_stmt **out,
                   struct fault *fault) MUST_USE;
/* A statement for one use; sqlite3_finalize() it. */
enum err store_prepare(struct store *st, const char *sql, sqlite3_stmt **out,
                       struct fault *fault) MUST_USE;

/* After BEGIN, before COMMIT. */
enum err audit_begin(struct store *st, struct fault *fault) MUST_USE;
enum err audit_end(struct store *st, struct fault *fault) MUST_USE;
/* The number of the row that is added next. */
int64_t audit_next(const struct store *st);
enum err audit_add_receipt(struct store *st, const struct store_row *row, bool lost,
                           struct fault *fault) MUST_USE;
/* Receipts that Weir took away, by number, ascending. `event`: "replace" or "expire". */
enum err audit_add_gone(struct store *st, const char *event, const int64_t *seqs, int n,
                        struct fault *fault) MUST_USE;
/* The same for keep_days; also drops the rows that no receipt needs any more. */
enum err audit_add_expired(struct store *st, const int64_t *seqs, int n,
                           struct fault *fault) MUST_USE;
/* Receipts whose private parts were erased, and what they are now. */
struct audit_forgotten {
    int64_t seq;
    unsigned char digest[SHA256_BYTES];
};
enum err audit_add_forgotten(struct store *st, const struct audit_forgotten *rows, int n,
                             struct fault *fault) MUST_USE;

/* Digest of a receipt as it lies in the file: STORE_ROW_COLUMNS and then the JSON, from `column` on. */
void audit_digest_columns(struct store *st, sqlite3_stmt *s, int column,
                          unsigned char out[SHA256_BYTES]);
void audit_chain(struct store *st, const unsigned char before[SHA256_BYTES], int64_t seq,
                 struct span id, const unsigned char digest[SHA256_BYTES],
                 unsigned char out[SHA256_BYTES]);

#endif
