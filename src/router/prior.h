/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about prompts in general, before a single label: longer prompts, and work with
 * symbols (code, formulas), are where a large model is worth its price; chatting, writing and playing
 * a part are not. One number says how hard a prompt looks, in doublings of its length; both
 * probabilities follow from it.
 *
 * The weights are small round numbers set by hand (docs/internals/router.md tells on what they were tried).
 * They are a prior, not a judge: learned heads take over as labels come.
 */
#ifndef WEIR_ROUTER_PRIOR_H
#define WEIR_ROUTER_PRIOR_H

#include "core/decision.h"
#include "core/facts.h"

/* In doublings of the length: 0 for plain words of 128 bytes, 4 more for code. */
double prior_hardness(const struct features *f);
void prior_score(const struct features *f, double *out_device, double *out_cloud);

/* `features` of explain, the same for both scorers: one object. */
void scorer_explain_facts(const char *scorer, const struct facts *f, struct text *out);

#endif
