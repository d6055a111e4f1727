/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one scan of a request found, string by string, so that the gate need not look
 * again at the very same bytes.
 *
 * The facts are scanned from the request as it came, the gate scans what would leave.
 * Most strings are the same in both. Findings are given again only for a string whose
 * bytes, and whose key above it, are equal to what was scanned, with the same policy:
 * what is sent is what was scanned. Nothing but offsets is kept here; texts are
 * borrowed from the request's body, and all of it lies in the request's arena.
 */
#ifndef WEIR_PRIVACY_MEMO_H
#define WEIR_PRIVACY_MEMO_H

#include "base/arena.h"
#include "privacy/detect.h"
#include "privacy/names.h"

struct scan_memo;

struct scan_memo *scan_memo_new(struct arena *a, const struct privacy_policy *policy);
bool scan_memo_fits(const struct scan_memo *m, const struct privacy_policy *policy);
/* The names that were said in the request; whatever is not found in the memo is looked at with these in mind. */
struct names_memory *scan_memo_names(struct scan_memo *m);
/* Borrows both texts for as long as the memo lives. */
void scan_memo_add(struct scan_memo *m, struct span text, struct span near,
                   const struct findings *found);
/* Adds the findings to `out`. False when these bytes were not scanned. */
bool scan_memo_find(const struct scan_memo *m, struct span text, struct span near,
                    struct findings *out);

#endif
