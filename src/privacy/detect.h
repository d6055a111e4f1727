/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structured detector: one pass over the bytes.
 *
 * A table says with which byte a value of a kind can begin; only there, and only
 * where a word begins, its validator is tried (check digits, ranges, prefixes,
 * words nearby). A validator looks at a bounded stretch to the right and at most
 * CONTEXT_BYTES to the left, so the whole is linear in the text.
 */
#ifndef WEIR_PRIVACY_DETECT_H
#define WEIR_PRIVACY_DETECT_H

#include "privacy/privacy.h"

#define CONTEXT_BYTES 48

/* Findings as they come; grows up to `max`, then `overflow`. */
struct findings {
    struct finding *items;
    int count, capacity, max;
    bool overflow;
};
void findings_init(struct findings *f, int max);
void findings_done(struct findings *f);
void findings_add(struct findings *f, const char *type, size_t start, size_t end, double score);
/* Sorts by place; of two that overlap the better scored, then the longer one stays. */
void findings_settle(struct findings *f);

/* Built-in types, NULL-terminated; findings' types are these very pointers. */
extern const char *const detect_types[];
bool detect_knows(struct span type);

/* `near` is what stands before the text (a JSON key), for words that give a number its meaning. */
void detect_text(struct span text, struct span near, struct findings *out);

#endif
