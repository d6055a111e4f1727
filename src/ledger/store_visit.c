/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/store_inside.h"

static const char sql[] =
    "SELECT d.json, (SELECT avg(f.score) FROM feedback f WHERE f.id=r.id)"
    " FROM receipts r JOIN documents d ON d.receipt=r.rowid"
    " WHERE r.wall_us>=?1 AND (?2 IS NULL OR r.client=?2) ORDER BY r.wall_us, r.rowid";

enum err store_visit(struct store *st, uint64_t since_wall_us, store_visit_fn *fn, void *user,
                     struct fault *fault)
{
    sqlite3_stmt *s;
    enum err err = store_prepare_since(st, sql, since_wall_us, SPAN_NONE, &s, fault);
    if (err) {
        return err;
    }
    st->read_until_us = UINT64_MAX; /* a command waits for itself alone */
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *json = (const char *)sqlite3_column_text(s, 0);
        bool told = sqlite3_column_type(s, 1) != SQLITE_NULL;
        fn(user, span_of(json ? json : "", (size_t)sqlite3_column_bytes(s, 0)),
           told ? sqlite3_column_double(s, 1) : -1);
    }
    st->read_until_us = 0;
    err = store_step_error(st, rc, fault);
    sqlite3_finalize(s);
    return err;
}
