/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From token statistics to P(the answer is good enough).
 *
 * A model may come with MODEL.probe.json beside it (format weir-probe-1, bound to
 * the model by its SHA-256): a linear probe over statistics, or a calibration of the sum of log-probabilities.
 * Without one a length-aware default is used and marked uncalibrated.
 */
#ifndef WEIR_LLAMA_JUDGE_H
#define WEIR_LLAMA_JUDGE_H

#include "base/err.h"
#include "engine/frames.h"

struct judge;

/* Running sums of one choice. */
struct token_sums {
    double sum, min, first, min_margin, entropy;
    uint32_t tokens;
};
void token_sums_init(struct token_sums *s);
void token_sums_add(struct token_sums *s, double logprob, double margin, double entropy);

/* Never NULL; a probe file that cannot be used leaves a sentence in `note`. */
struct judge *judge_new(const char *model_path, char *note, size_t note_room);
void judge_free(struct judge *j);
bool judge_calibrated(const struct judge *j);
/* Fills all of `out` but refusal and bad_tool_call, which it reads: either makes p 0. */
void judge_fill(const struct judge *j, const struct token_sums *s, bool final,
                struct frame_stats *out);

#endif
