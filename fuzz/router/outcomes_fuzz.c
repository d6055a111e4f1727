/* SPDX-License-Identifier: Apache-2.0 */
/* A line of recorded outcomes: whatever comes, it is read within its bounds or refused with a sentence. */
#include "router/outcomes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct outcome_line l;
    struct fault fault = {0};
    struct span line = span_of((const char *)data, size);
    if (outcome_parse(arena, line, &l, &fault)) {
        ASSERT(fault.code != OK && fault.text[0]);
    } else {
        ASSERT(l.prompt.len > 0 && l.set.len > 0 && l.count >= 2 && l.count <= OUTCOMES_MAX);
        for (int i = 0; i < l.count; i++) {
            ASSERT(l.outcomes[i].score >= 0 && l.outcomes[i].score <= 1);
            ASSERT(outcome_of(&l, l.outcomes[i].backend) == &l.outcomes[i]);
        }
        (void)outcome_prompt_hash(l.prompt);
    }
    (void)outcome_prompt_hash(line);
    arena_free(arena);
    return 0;
}
