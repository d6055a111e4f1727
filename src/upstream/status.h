/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer other than 200 means for a leg: which error the client hears,
 * whether trying again makes sense, whether it may have cost something. Pure
 * functions; the table is in docs/internals/upstream.md. Private to upstream/.
 */
#ifndef WEIR_UPSTREAM_STATUS_H
#define WEIR_UPSTREAM_STATUS_H

#include "flow/leg.h"
#include "upstream/wire.h"

#define RETRY_AFTER_MAX_MS (24ll * 3600 * 1000)

/* `retry-after-ms` wins; seconds, also broken ones, or a date in any of HTTP's three forms. -1 = nothing usable. */
int64_t status_retry_after_ms(const struct wire_head *head, uint64_t wall_us);

/* Fills outcome, err, retryable, may_be_billed, http_status, retry_after_ms, and `out_text` with one line.
 * `body` is what was read of the error's body; `key` must not show up in the text. */
void status_explain(const struct wire_head *head, struct span body, const char *key,
                    uint64_t wall_us, struct leg_end *out, struct text *out_text);

#endif
