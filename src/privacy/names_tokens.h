/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text as the tagger sees it: words, numbers, single marks.
 *
 * A token carries everything features are made of, so that nothing is looked up
 * in the text again: a hash of its folded letters (lower case, no accents, full
 * width as plain), its first and last four, the shape of its capitals, and how it
 * stands (glued to what is before, first in a line or sentence). Scripts without
 * blanks give one token per character (Han, Hiragana, Hangul) or per run
 * (Katakana, Thai). A mail address or a URL up to its `?` is one token: what is in it is no name.
 *
 * The trainer runs this very code. Any bytes are fine; those that are no UTF-8
 * are marks of one byte. No allocation; each byte is looked at a fixed number of times.
 */
#ifndef WEIR_PRIVACY_NAMES_TOKENS_H
#define WEIR_PRIVACY_NAMES_TOKENS_H

#include "base/span.h"

#include <assert.h>

enum name_shape {
    SHAPE_NONE, /* no token: before the first, after the last */
    SHAPE_LOWER,
    SHAPE_CAPITAL, /* Anna */
    SHAPE_UPPER,   /* ANNA */
    SHAPE_INITIAL, /* A */
    SHAPE_MIXED,   /* McNeil */
    SHAPE_CAMEL,   /* userName */
    SHAPE_UNCASED, /* Arabic, Hebrew, Devanagari, Thai … */
    SHAPE_HAN,
    SHAPE_KANA,
    SHAPE_HANGUL,
    SHAPE_NUMBER,
    SHAPE_CODE, /* letters with digits or _ */
    SHAPE_LINK, /* URL, mail address */
    SHAPE_MARK,
};

/* How the line around a token writes its words. */
enum name_mode { MODE_PLAIN, MODE_LOWER, MODE_UPPER, MODE_TITLE };

struct name_token {
    uint64_t word;       /* of the folded letters; a mark: its code point */
    uint64_t head, tail; /* first and last four letters, 16 bits each */
    uint64_t
        stems[3];   /* `word` without the last one, two, three letters; 0 when too little is left */
    uint64_t field; /* the word before the last `:` or `=` of this line, 0 for none */
    uint32_t start, end;         /* bytes */
    uint8_t shape, mode, length; /* length in letters, at most 255 */
    bool glued;                  /* nothing stands between it and the token before */
    bool first_in_line, first_in_sentence, accented;
    uint8_t lists, stem_lists; /* enum name_list, filled in by the model */
};

/* Reads up to `max` tokens from byte `from` on; gives the byte to go on from. `out` gets the text's own fields. */
size_t names_tokens(struct span text, size_t from, struct name_token *out, int max, int *count);
/* Fills in mode, field and the sentence's beginnings of tokens that follow each other. `field` and what stood before
 * are carried from call to call. */
struct name_flow {
    uint64_t field, last_word;
    int field_age, capital_age; /* tokens since then */
    bool after_stop, after_initial, capitals;
};
void names_context(struct name_token *tokens, int count, struct name_flow *flow);

#endif
