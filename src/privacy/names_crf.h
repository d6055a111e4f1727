/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear-chain conditional random field (Lafferty et al. 2001): scores of single
 * tokens and of neighbouring labels → the probability of each label at each token.
 */
#ifndef WEIR_PRIVACY_NAMES_CRF_H
#define WEIR_PRIVACY_NAMES_CRF_H

#include "base/base.h"

/* Outside, begin and inside of a person, place, organisation. */
enum name_label {
    LABEL_O,
    LABEL_B_PER,
    LABEL_I_PER,
    LABEL_B_LOC,
    LABEL_I_LOC,
    LABEL_B_ORG,
    LABEL_I_ORG
};
#define NAME_LABELS 7
#define NAME_START NAME_LABELS /* the row of what may come first */

/* An inside follows only its own begin or inside. */
static inline bool name_may_follow(int from, int to)
{
    bool inside = to > 0 && to % 2 == 0;
    return !inside || (from != NAME_START && (from == to || from == to - 1));
}

/* exp(score of `to` after `from`), 0 where forbidden. */
typedef float name_moves[NAME_LABELS + 1][NAME_LABELS];

/* `odds`: exp of the tokens' scores, each row scaled at will; `forward`, `backward` and `out` are as long as `odds`.
 * `out` gets the probabilities, each row summing to 1. */
void names_marginals(const float (*odds)[NAME_LABELS], int count, const name_moves moves,
                     float (*forward)[NAME_LABELS], float (*backward)[NAME_LABELS],
                     float (*out)[NAME_LABELS]);

#endif
