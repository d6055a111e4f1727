/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded outcomes: what several backends made of one prompt, one JSON object a line.
 *
 *   {"id":"…","set":"mmlu","group":"law","prompt":"…",
 *    "outcomes":[{"backend":"device","model":"m","score":0..1},{"backend":"cloud",…}]}
 *
 * `prompt` and at least two outcomes are needed; `set` is "all" when it is not there; other fields are
 * ignored. `id` and `group` only name things: nothing that decides may look at them.
 */
#ifndef WEIR_ROUTER_OUTCOMES_H
#define WEIR_ROUTER_OUTCOMES_H

#include "json/json.h"

#define OUTCOMES_MAX 16
#define OUTCOMES_LINE_MAX (4 * MIB)

struct backend_score {
    struct span backend, model; /* model: SPAN_NONE when it is not told */
    double score;               /* 0..1 */
};

struct outcome_line {
    struct span id, set, group; /* id, group: SPAN_NONE when they are not there */
    struct span prompt;
    struct backend_score outcomes[OUTCOMES_MAX];
    int count;
};

/* Spans point into the document, which lives in the arena. ERR_INVALID says what is wrong with the line. */
enum err outcome_parse(struct arena *arena, struct span line, struct outcome_line *out,
                       struct fault *fault) MUST_USE;
/* The outcome of that backend, or NULL. */
const struct backend_score *outcome_of(const struct outcome_line *l, struct span backend);

/* Hash of a prompt without regard to case (ASCII), white space and signs at its ends: what is the same
 * question falls into the same fold. */
uint64_t outcome_prompt_hash(struct span prompt);

#endif
