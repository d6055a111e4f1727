/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From logits to the next token, and what the logits say about its certainty.
 *
 * Confidence is taken from the raw logits, before grammar, temperature, bias and
 * penalties (DECISIONS: Cascade), in two passes over the vocabulary that also
 * give the greedy choice, so that a greedy request costs nothing beyond them.
 */
#ifndef WEIR_LLAMA_SAMPLE_H
#define WEIR_LLAMA_SAMPLE_H

#include "llama/chat_shim.h"
#include "llama/params.h"

#include "llama.h"

struct logit_facts {
    int32_t best;
    float max, second; /* the two largest logits */
    double log_sum;    /* of the exponentials */
    double entropy;    /* nats */
};
void logits_measure(const float *logits, int32_t n, struct logit_facts *out);
/* Only best, max and second: a third of the cost. */
void logits_best(const float *logits, int32_t n, struct logit_facts *out);
/* The `count` largest, sorted, largest first. Returns how many there are. */
int logits_top(const float *logits, int32_t n, int count, int32_t *out_tokens);

struct sampler;

/* NULL when the grammar does not compile. `prompt` may be NULL. `choice` varies the seed. */
struct sampler *sampler_new(const struct llama_model *model, const struct params *p,
                            const struct chat_prompt *prompt, int choice);
void sampler_free(struct sampler *s);
bool sampler_needs_best(const struct sampler *s); /* greedy: sampler_take() wants facts->best */
/* Chooses and accepts. `scratch` has room for a whole vocabulary. -1: the grammar allows nothing. */
int32_t sampler_take(struct sampler *s, const float *logits, const struct logit_facts *facts,
                     llama_token_data *scratch);

#endif
