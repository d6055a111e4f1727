/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request asks of the decoder, read from its canonical OpenAI body and
 * bounded. Anything of a wrong type or absurd size is an error naming the field.
 */
#ifndef WEIR_LLAMA_PARAMS_H
#define WEIR_LLAMA_PARAMS_H

#include "base/arena.h"
#include "base/err.h"
#include "json/json.h"

#define CHOICES_MAX 8 /* frame_end has room for so many */
#define STOPS_MAX 32
#define STOP_BYTES_MAX 1024
#define TOP_LOGPROBS_MAX 20
#define BIASES_MAX 1024

struct token_bias {
    int32_t token;
    float bias;
};

struct params {
    int n;                                     /* 1 */
    int64_t max_tokens;                        /* 0 = to the end of the context */
    float temperature;                         /* 0.8; demo models 0 */
    float top_p;                               /* 0.95 */
    float min_p;                               /* 0.05 */
    int top_k;                                 /* 40; 0 = all */
    float presence_penalty, frequency_penalty; /* 0 */
    float repeat_penalty;                      /* 1 = off */
    uint32_t seed;                             /* random */
    bool logprobs;
    int top_logprobs;
    bool ignore_eos;
    struct span stops[STOPS_MAX];
    int stops_count;
    struct token_bias biases[BIASES_MAX];
    int biases_count;
};

struct params_defaults {
    bool greedy; /* a demo model, or deterministic */
    int slots;   /* bound of n */
    int32_t vocabulary;
};

/* Strings are copied to `arena`. */
enum err params_read(const struct json *body, const struct params_defaults *defaults,
                     struct arena *arena, struct params *out, struct fault *fault) MUST_USE;
/* One more stop string; dropped when there are too many or it is empty. */
void params_add_stop(struct params *p, struct arena *arena, struct span stop);

#endif
