/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: greedy and nothing else asked for: the best token of
 * logits_measure(). Otherwise the top_k candidates go through llama.cpp's chain
 * (top_p, min_p, temperature, dist); with penalties or biases all candidates do.
 *
 * Grammar: the choice is made without it first and only then checked, as the
 * check of one token is cheap and that of a vocabulary is not; when refused, the
 * grammar goes over all candidates and the choice is made again.
 */
#include "llama/sample.h"

#include <math.h>

enum { BLOCK = 64 }; /* logits looked at together */

struct sampler {
    const struct params *params; /* borrowed from the job */
    int32_t vocabulary;
    bool greedy;                           /* no randomness */
    bool all;                              /* the chain must see every candidate */
    struct llama_sampler *chain, *grammar; /* NULL = none */
};

/* e^x for x <= 0, relative error below 1e-5: 2^n by exponent bits, the rest by a polynomial. Branch-free so that
 * compilers turn the loops over it into SIMD. */
static inline float exp_fast(float x)
{
    float y = (x < -87.0f ? -87.0f : x) * 1.44269504f;
    float whole = (float)(int32_t)(y - 0.5f); /* towards zero: nearest for y <= 0 */
    float f = (y - whole) * 0.69314718f;
    float p =
        1.0f + f * (1.0f + f * (0.5f + f * (0.16666667f + f * (0.041666667f + f * 0.0083333333f))));
    union {
        uint32_t bits;
        float value;
    } scale = {.bits = (uint32_t)((int32_t)whole + 127) << 23};
    return p * scale.value;
}

static inline float block_max(const float *logits, int32_t n)
{
    float max = -INFINITY;
    for (int32_t i = 0; i < n; i++) {
        max = logits[i] > max ? logits[i] : max;
    }
    return max;
}

void logits_best(const float *logits, int32_t n, struct logit_facts *out)
{
    float max = -INFINITY;
    float second = -INFINITY;
    int32_t best = 0;
    for (int32_t start = 0; start < n; start += BLOCK) {
        int32_t end = MIN(start + BLOCK, n);
        if (block_max(logits + start, end - start) <= second) {
            continue; /* nearly all blocks */
        }
        for (int32_t i = start; i < end; i++) {
            if (logits[i] > max) {
                second = max;
                max = logits[i];
                best = i;
            } else if (logits[i] > second) {
                second = logits[i];
            }
        }
    }
    out->best = best;
    out->max = max;
    out->second = second;
}

static void sums(const float *restrict logits, int32_t n, float max, double *out_sum,
                 double *out_weighted)
{
    enum { LANES = 16 };
    float sum[LANES] = {0};
    float weighted[LANES] = {0};
    int32_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            float x = logits[i + k] - max;
            float e = exp_fast(x);
            sum[k] += e;
            weighted[k] += e * (x < -87.0f ? 0.0f : x);
        }
    }
    double s = 0;
    double w = 0;
    for (; i < n; i++) {
        float x = logits[i] - max;
        float e = exp_fast(x);
        s += (double)e;
        w += (double)(e * (x < -87.0f ? 0.0f : x));
    }
    for (int k = 0; k < LANES; k++) {
        s += (double)sum[k];
        w += (double)weighted[k];
    }
    *out_sum = s;
    *out_weighted = w;
}

void logits_measure(const float *logits, int32_t n, struct logit_facts *out)
{
    logits_best(logits, n, out);
    double sum;
    double weighted;
    sums(logits, n, out->max, &sum, &weighted);
    out->log_sum = (double)out->max + log(sum);
    out->entropy = log(sum) - weighted / sum; /* -Σ p ln p with p = e^x / sum */
}

/* Keeps the `count` largest in a heap whose root is the smallest kept. */
static void sift_down(llama_token_data *heap, int count, int at)
{
    for (;;) {
        int child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && heap[child + 1].logit < heap[child].logit) {
            child++;
        }
        if (heap[at].logit <= heap[child].logit) {
            return;
        }
        llama_token_data swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

static int largest(const float *logits, int32_t n, int count, llama_token_data *heap)
{
    count = MIN(count, n);
    for (int i = 0; i < count; i++) {
        heap[i] = (llama_token_data){.id = i, .logit = logits[i]};
    }
    for (int i = count / 2 - 1; i >= 0; i--) {
        sift_down(heap, count, i);
    }
    for (int32_t start = count; start < n; start += BLOCK) {
        int32_t end = MIN(start + BLOCK, n);
        if (block_max(logits + start, end - start) <= heap[0].logit) {
            continue; /* nearly all blocks */
        }
        for (int32_t i = start; i < end; i++) {
            if (logits[i] > heap[0].logit) {
                heap[0] = (llama_token_data){.id = i, .logit = logits[i]};
                sift_down(heap, count, 0);
            }
        }
    }
    for (int left = count - 1; left > 0; left--) { /* smallest to the end: sorted, largest first */
        llama_token_data swap = heap[0];
        heap[0] = heap[left];
        heap[left] = swap;
        sift_down(heap, left, 0);
    }
    return count;
}

int logits_top(const float *logits, int32_t n, int count, int32_t *out_tokens)
{
    llama_token_data heap[TOP_LOGPROBS_MAX];
    PRE(count <= TOP_LOGPROBS_MAX);
    count = largest(logits, n, count, heap);
    for (int i = 0; i < count; i++) {
        out_tokens[i] = heap[i].id;
    }
    return count;
}

/* ---- the sampler ---- */

static void add_biases(struct sampler *s, const struct llama_vocab *vocab)
{
    const struct params *p = s->params;
    llama_logit_bias *list = NEW_ARRAY(llama_logit_bias, p->biases_count + 64);
    int count = 0;
    for (int i = 0; i < p->biases_count; i++) {
        list[count++] = (llama_logit_bias){p->biases[i].token, p->biases[i].bias};
    }
    int32_t suppressed = 0;
    const llama_token *suppress = llama_vocab_get_suppress_tokens(vocab, &suppressed);
    for (int32_t i = 0; i < MIN(suppressed, 64); i++) {
        list[count++] = (llama_logit_bias){suppress[i], -INFINITY};
    }
    if (count) {
        llama_sampler_chain_add(s->chain,
                                llama_sampler_init_logit_bias(s->vocabulary, count, list));
        s->all = true;
    }
    mem_free(list);
}

struct sampler *sampler_new(const struct llama_model *model, const struct params *p,
                            const struct chat_prompt *prompt, int choice)
{
    const struct llama_vocab *vocab = llama_model_get_vocab(model);
    struct sampler *s = NEW(struct sampler);
    s->params = p;
    s->vocabulary = llama_vocab_n_tokens(vocab);
    s->greedy = p->temperature <= 0;
    s->chain = llama_sampler_chain_init((struct llama_sampler_chain_params){.no_perf = true});
    add_biases(s, vocab);
    bool penalties =
        p->repeat_penalty != 1.0f || p->presence_penalty != 0 || p->frequency_penalty != 0;
    if (penalties) {
        llama_sampler_chain_add(
            s->chain, llama_sampler_init_penalties(s->vocabulary, 64, p->repeat_penalty,
                                                   p->frequency_penalty, p->presence_penalty));
        s->all = true;
    }
    if (s->greedy) {
        llama_sampler_chain_add(s->chain, llama_sampler_init_greedy());
    } else {
        if (p->top_k > 0) {
            llama_sampler_chain_add(s->chain, llama_sampler_init_top_k(p->top_k));
        }
        llama_sampler_chain_add(s->chain, llama_sampler_init_top_p(p->top_p, 1));
        llama_sampler_chain_add(s->chain, llama_sampler_init_min_p(p->min_p, 1));
        llama_sampler_chain_add(s->chain, llama_sampler_init_temp(p->temperature));
        llama_sampler_chain_add(s->chain, llama_sampler_init_dist(p->seed + (uint32_t)choice));
    }
    if (prompt && prompt->grammar) {
        s->grammar = chat_grammar_new(vocab, prompt);
        if (!s->grammar) {
            sampler_free(s);
            return NULL;
        }
    }
    return s;
}

void sampler_free(struct sampler *s)
{
    if (s) {
        llama_sampler_free(s->chain);
        if (s->grammar) {
            llama_sampler_free(s->grammar);
        }
        mem_free(s);
    }
}

bool sampler_needs_best(const struct sampler *s)
{
    return s->greedy && !s->all;
}

static llama_token_data_array candidates(const struct sampler *s, const float *logits, bool all,
                                         llama_token_data *scratch)
{
    int top_k = s->params->top_k;
    if (!all && top_k > 0 && top_k < s->vocabulary) {
        size_t n = (size_t)largest(logits, s->vocabulary, top_k, scratch);
        return (llama_token_data_array){scratch, n, -1, true};
    }
    for (int32_t i = 0; i < s->vocabulary; i++) {
        scratch[i] = (llama_token_data){.id = i, .logit = logits[i]};
    }
    return (llama_token_data_array){scratch, (size_t)s->vocabulary, -1, false};
}

static int32_t choose(struct sampler *s, llama_token_data_array *list)
{
    llama_sampler_apply(s->chain, list);
    return list->selected >= 0 && (size_t)list->selected < list->size
               ? list->data[list->selected].id
               : -1;
}

static bool grammar_allows(struct sampler *s, int32_t token)
{
    llama_token_data one = {.id = token, .logit = 1.0f};
    llama_token_data_array list = {&one, 1, -1, false};
    llama_sampler_apply(s->grammar, &list);
    return one.logit != -INFINITY;
}

static bool any_left(const llama_token_data_array *list)
{
    for (size_t i = 0; i < list->size; i++) {
        if (list->data[i].logit != -INFINITY) {
            return true;
        }
    }
    return false;
}

int32_t sampler_take(struct sampler *s, const float *logits, const struct logit_facts *facts,
                     llama_token_data *scratch)
{
    int32_t token = facts->best;
    if (!s->greedy || s->all) {
        llama_token_data_array list = candidates(s, logits, s->all, scratch);
        token = choose(s, &list);
    }
    if (s->grammar && token >= 0 && !grammar_allows(s, token)) {
        llama_token_data_array list = candidates(s, logits, true, scratch);
        llama_sampler_apply(s->grammar, &list);
        token = any_left(&list) ? choose(s, &list) : -1;
    }
    if (token >= 0) {
        if (s->grammar && !chat_grammar_accept(s->grammar, token)) {
            return -1;
        }
        if (s->all || !s->greedy) {
            llama_sampler_accept(s->chain, token);
        }
    }
    return token;
}
