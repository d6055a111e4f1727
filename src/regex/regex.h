/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns that a person wrote into the config, run over text that a stranger
 * wrote. A thin layer over PCRE2: compiled once (with JIT where the CPU has it),
 * searched many times.
 *
 * A pattern may be hostile to itself ("(a+)+$"), so a search has a budget of
 * steps and of memory: REGEX_STEPS_MAX. When the budget is used up regex_find()
 * says "no match" and regex_search() says REGEX_GAVE_UP, so that whoever guards
 * something can fail closed. Bytes that are not UTF-8 never match part-way: they
 * are stepped over.
 *
 * A struct regex is immutable after regex_new() and may be shared by threads;
 * each thread has its own scratch memory.
 */
#ifndef WEIR_REGEX_REGEX_H
#define WEIR_REGEX_REGEX_H

#include "base/err.h"
#include "base/span.h"

struct regex;

#define REGEX_NOCASE 1u             /* letters match both cases */
#define REGEX_BYTES 2u              /* text is bytes, not UTF-8: no Unicode classes, no checking */
#define REGEX_ANCHORED 4u           /* must match exactly at `from` */
#define REGEX_PATTERN_MAX (4 * KIB) /* bytes of a pattern */
#define REGEX_STEPS_MAX 100000u

/* ERR_INVALID says what is wrong with the pattern and at which byte. */
enum err regex_new(const char *pattern, unsigned flags, struct regex **out,
                   struct fault *fault) MUST_USE;
void regex_free(struct regex *r); /* NULL is fine */

enum regex_result { REGEX_NO_MATCH, REGEX_MATCH, REGEX_GAVE_UP };
/* First match that begins at or after byte `from`. Offsets are bytes of `text`; `out_*` may be NULL. */
enum regex_result regex_search(const struct regex *r, struct span text, size_t from,
                               size_t *out_start, size_t *out_end);
/* The same for callers to whom "gave up" is "no match". */
bool regex_find(const struct regex *r, struct span text, size_t from, size_t *out_start,
                size_t *out_end);

#endif
