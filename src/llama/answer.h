/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of one choice on its way out: stop strings are found across token
 * borders, characters are never cut, and only what can be neither is let go.
 */
#ifndef WEIR_LLAMA_ANSWER_H
#define WEIR_LLAMA_ANSWER_H

#include "base/text.h"
#include "llama/params.h"

struct answer {
    const struct params *params;
    struct text held;     /* not yet let go */
    struct text logprobs; /* entries of held tokens, joined by commas */
};

void answer_init(struct answer *a, const struct params *p);
void answer_done(struct answer *a);
/* Adds a token's bytes and moves to `out` what may be shown: valid UTF-8, whole characters. True when a stop string
 * is complete: `out` then has what stood before it. */
bool answer_add(struct answer *a, struct span piece, struct text *out);
/* The answer ended otherwise: the rest; a broken character becomes U+FFFD. */
void answer_flush(struct answer *a, struct text *out);

/* Appends `in`, every byte that is not UTF-8 as U+FFFD. */
void utf8_clean(struct text *out, struct span in);

#endif
