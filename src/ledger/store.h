/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's SQLite file, seen from one thread: one connection, its prepared
 * statements, its schema. ledger.c decides when; this module knows how.
 *
 *   receipts   one row an answer, small columns only: what reports and filters read
 *   documents  its whole JSON (and the sealed prompt, with `store_prompts`), by the same rowid
 *   feedback   one score per receipt and source
 *
 * PRAGMA user_version is the schema's number; a file with a higher one is refused.
 *
 * Errors: ERR_OVERLOADED another process holds the lock · ERR_IO disk full · ERR_INVALID this row cannot be
 * stored · ERR_NOT_FOUND no file, or none of that id · ERR_DEADLINE the read took too long · ERR_INTERNAL the rest.
 */
#ifndef WEIR_LEDGER_STORE_H
#define WEIR_LEDGER_STORE_H

#include "base/err.h"
#include "base/text.h"
#include "core/types.h"

struct store_row {
    char id[31];
    char client[65];
    bool has_client;
    char backend[65], model[129], strategy[33];
    const char *tier, *outcome, *degraded; /* static; NULL = none */
    int64_t wall_us;
    int64_t cost_nano, always_nano; /* -1 = unknown */
    bool always_estimated, handed_up;
    int64_t ttft_us, total_us; /* -1 = none */
    int64_t overhead_us;
    int64_t redacted, left_bytes, input_tokens, output_tokens;
    int64_t tier_cost_nano[TIER_COUNT];
    const char *json; /* borrowed */
    size_t json_len;
    const char *prompt; /* sealed, borrowed; NULL = not kept */
    size_t prompt_len;
};

struct store_feedback {
    char id[31];
    char source[9];
    double score;
    int64_t wall_us;
};

struct store;

/* Without SQLite: may this path be a ledger? */
enum err store_check(const char *path, bool read_only, struct fault *fault) MUST_USE;
enum err store_open(const char *path, bool read_only, struct store **out,
                    struct fault *fault) MUST_USE;
void store_close(struct store *st); /* NULL is fine */
/* The file at the path is still the one that is open. */
bool store_is_current(const struct store *st);

enum err store_begin(struct store *st, struct fault *fault) MUST_USE;
enum err store_insert(struct store *st, const struct store_row *row, struct fault *fault) MUST_USE;
enum err store_insert_lost(struct store *st, const struct store_row *row,
                           struct fault *fault) MUST_USE;
enum err store_insert_feedback(struct store *st, const struct store_feedback *f,
                               struct fault *fault) MUST_USE;
enum err store_commit(struct store *st, struct fault *fault) MUST_USE;
void store_rollback(struct store *st);
/* Some of what is older, at most 1,000 rows; called again later. Failures wait for the next time. */
void store_delete_before(struct store *st, uint64_t wall_us);

/* `client` SPAN_NONE = all. `out` may be NULL: only whether it is there. */
enum err store_get(struct store *st, struct span id, struct span client, struct text *out) MUST_USE;
/* The sealed prompt of a receipt. ERR_NOT_FOUND when there is none. */
enum err store_get_prompt(struct store *st, struct span id, struct text *out) MUST_USE;
/* Documents, newest first, with commas between; `comma` = one is due before the first. */
enum err store_list(struct store *st, int last, struct span client, bool comma, struct text *out,
                    struct fault *fault) MUST_USE;
/* Every receipt's JSON, oldest first, with the mean of its feedback (< 0 = none). Takes as long as it takes. */
typedef void store_visit_fn(void *user, struct span json, double feedback);
enum err store_visit(struct store *st, uint64_t since_wall_us, store_visit_fn *fn, void *user,
                     struct fault *fault) MUST_USE;
/* `st` NULL: the report of an empty ledger. */
enum err store_report(struct store *st, uint64_t since_wall_us, struct span client,
                      struct text *out, struct fault *fault) MUST_USE;

/* {"since","requests","left_requests","kept_requests","forgotten","left_device_bytes","redactions":{type:n},
 * "left_in_clear":{type:n},"kept":{type:n},"recipients":[{"backend","tier","model","labels","requests",
 * "left_device_bytes","redactions","left_in_clear","first","last"}],"by_day":[…]}. `st` NULL as above. */
enum err store_privacy_report(struct store *st, uint64_t since_wall_us, struct span client,
                              struct text *out, struct fault *fault) MUST_USE;

/* For the reports. Prepares, binds ?1 = since and ?2 = client (NULL = all). */
struct sqlite3_stmt;
enum err store_prepare_since(struct store *st, const char *sql, uint64_t since_wall_us,
                             struct span client, struct sqlite3_stmt **out,
                             struct fault *fault) MUST_USE;
enum err store_step_error(struct store *st, int rc,
                          struct fault *fault) MUST_USE; /* OK for ROW and DONE */

#endif
