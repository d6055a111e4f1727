/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person does with a ledger's file beside the server that writes it: check
 * that nobody changed it, and erase what it says about somebody. Both open the file
 * themselves and may run while workers write to it.
 *
 * Checking follows the chain of the audit log (its story is in store_inside.h) and
 * holds every receipt against its digest. A chain proves order and content as long as
 * its head is known from elsewhere: who can write the file could compute a new one
 * throughout. So keep a head now and then; `head` of a later check must still be in it.
 *
 * Forgetting makes a receipt a tombstone that belongs to nobody. It keeps when it was,
 * which backends and models answered, the bytes that left, counts, costs and times, so
 * that reports and budgets stay true. It loses the key's name, the session, the client's
 * request id, reason, rules, errors, hints, task, scores, what was kept, the stored
 * prompt and the feedback. The bytes are overwritten and the write-ahead log emptied.
 */
#ifndef WEIR_LEDGER_AUDIT_H
#define WEIR_LEDGER_AUDIT_H

#include "base/err.h"
#include "base/text.h"

#define AUDIT_PROBLEMS_MAX 100

/* {"ok","rows","receipts","forgotten","gone","older","head":{"seq","hash"},"problems":[{"problem","seq","id","why"}],
 * "problems_total"}, appended. A problem is one of changed, removed, reordered, inserted, chain, head.
 * `head`: a hash (64 hex digits) that an earlier check showed; SPAN_NONE = none.
 * ERR_NOT_FOUND no ledger · ERR_INVALID `head` is no hash · others as in store.h. */
enum err ledger_verify(const char *path, struct span head, struct text *out, bool *out_ok,
                       struct fault *fault) MUST_USE;

/* Which receipts: all that are given must hold, and at least one must be given. */
struct forget_wish {
    const char *key, *session; /* NULL = any */
    uint64_t before_wall_us;   /* 0 = any */
};
struct forget_result {
    int64_t receipts; /* that are tombstones now (or would be) */
    bool wal_busy;    /* a reader kept the write-ahead log: its bytes go with the next checkpoint */
};
/* `only_count`: changes nothing. Already forgotten ones are not counted again. */
enum err ledger_forget(const char *path, const struct forget_wish *wish, bool only_count,
                       struct forget_result *out, struct fault *fault) MUST_USE;

#endif
