/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a prompt: features within their bounds, a score that is a number, and a lesson that keeps the heads valid. */
#include "router/features.h"
#include "router/learned.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct heads heads;
    if (!heads.magic) {
        heads_init(&heads);
    }
    const struct facts facts = {.turns = 1};
    struct features f;
    features_read(span_of((const char *)data, size), &facts, &f);
    ASSERT(f.words <= FEATURES_WORDS_MAX && f.pairs <= FEATURES_WORDS_MAX);
    for (int m = 0; m < MARKER_COUNT; m++) {
        ASSERT(marker_kind((enum marker)m) != MARKER_KIND_FLAG || f.marker[m] <= 1);
        ASSERT(marker_kind((enum marker)m) != MARKER_KIND_SHARE || f.marker[m] <= 16);
        ASSERT(f.marker[m] <= 127);
    }
    double outcome = size ? data[0] / 255.0 : -1;
    heads_learn(
        &heads, &f,
        &(struct label){.device = outcome, .cloud = size ? 1 - outcome : -1, .importance = 1});
    struct score s = learned_score(&heads, &f);
    ASSERT(s.p_device >= 0 && s.p_device <= 1 && s.p_cloud >= 0 && s.p_cloud <= 1);
    ASSERT(isfinite(score_raw(&s)));
    ASSERT_SLOW(heads_valid(&heads, sizeof heads));
    return 0;
}
