/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tagger looks at, as hashes: one per feature that holds of a token.
 *
 * Word, affixes, capitals, lists and field of the token and its neighbours up to
 * two away, alone and in pairs. The trainer learns one weight per hash and label
 * from the same function, so the two can never differ.
 */
#ifndef WEIR_PRIVACY_NAMES_FEATURES_H
#define WEIR_PRIVACY_NAMES_FEATURES_H

#include "privacy/names_tokens.h"

#define NAMES_FEATURES_MAX 64
#define NAMES_REACH                                                                                \
    2 /* tokens to each side; `t` must have as many on both sides (SHAPE_NONE at the ends) */

/* Word lists, one bit each. */
enum name_list {
    LIST_GIVEN = 1,    /* given names */
    LIST_FAMILY = 2,   /* family names */
    LIST_PLACE = 4,    /* towns, regions */
    LIST_COUNTRY = 8,  /* countries */
    LIST_ORDINARY = 16 /* words seen in lower case in running text */
};

/* A small word of every day in plain text, as most words are. */
static inline bool names_small(const struct name_token *t)
{
    return t->shape == SHAPE_LOWER && t->mode == MODE_PLAIN && t->lists == LIST_ORDINARY;
}

/* Gives the number of hashes written to `out` (room for NAMES_FEATURES_MAX). */
int names_features(const struct name_token *t, uint64_t *out);

#endif
