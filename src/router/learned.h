/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scorer that is used: prior and learned heads, blended.
 *
 *   p = prior · n0 / (n + n0)  +  learned · n / (n + n0)        n: labels of that head, n0 = HEADS_N0
 *
 * and the learned share shrinks with novelty: what is learned from other kinds of prompts can be worse
 * than chance, so unfamiliar prompts are left to the prior.
 *
 * `self` of scorer_learned is a struct heads, or NULL for the prior alone.
 */
#ifndef WEIR_ROUTER_LEARNED_H
#define WEIR_ROUTER_LEARNED_H

#include "router/heads.h"
#include "router/router.h"

#define LEARNED_FAMILIAR 0.10 /* novelty up to which nothing is taken away */
#define LEARNED_STRANGE 0.25  /* … from which nothing learned counts */

extern const struct scorer_type scorer_learned;

struct score learned_score(const struct heads *heads, const struct features *f);

#endif
