/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structured detector: one pass over the bytes, one table of validators.
 *
 * The table (detect.c) says with which byte a value of a kind can begin; only
 * there, and only where a word begins, its validator is tried: check digits,
 * ranges, prefixes, the words before it. A validator looks at a bounded stretch
 * to the right and at most CONTEXT_BYTES to the left, so the whole is linear in
 * the text and may stop anywhere and go on later (detect_some()).
 *
 * Words that give a number its meaning ("passport no.", "fecha de nacimiento") are
 * looked up once, as the pass goes by (detect_words.h). Text in disguise (full
 * width, look-alikes, zero width, escapes, base64) is read through
 * detect_disguise.h first; spans are of the original text all the same.
 *
 * Validators stand by family: detect_contact, _net, _money, _ids, _national,
 * _dates, _places, _secrets. A new type is one name in core/personal.h, one row
 * of the table and its samples in tests/privacy/detect_test.c.
 */
#ifndef WEIR_PRIVACY_DETECT_H
#define WEIR_PRIVACY_DETECT_H

#include "privacy/detect_parts.h"
#include "privacy/detect_words.h"
#include "privacy/findings.h"

/* One text on its way through. `text` and `near` are borrowed until the last detect_some(). */
struct detection {
    struct span text, near; /* near: what stands before the text (a JSON key) */
    struct findings *out;
    size_t at;       /* everything before it is done */
    size_t last_end; /* of the last finding */
    size_t
        link_end; /* of the last link: a link inside of it is no other, unless it holds a password */
    struct labels labels;
    const struct word *word; /* the word that begins at `at`, when the lexicon has it */
    size_t word_end;         /* … and where it ends */
    struct groups groups;    /* at a digit: the digits from `at` on */
};

void detect_begin(struct detection *d, struct span text, struct span near, struct findings *out);
/* Goes on for about `bytes`; false when the text is done. */
bool detect_some(struct detection *d, size_t bytes);

/* All at once, in disguise or not. Findings of every type but names; the caller settles them. */
void detect_text(struct span text, struct span near, struct findings *out);

#endif
