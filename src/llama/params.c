/* SPDX-License-Identifier: Apache-2.0 */
#include "llama/params.h"

#include "base/rng.h"

static enum err number_between(const struct json *body, const char *key, double low, double high,
                               float *out, struct fault *fault)
{
    const struct json *v = json_get(body, key);
    double x;
    if (json_type(v) == JSON_NONE || json_type(v) == JSON_NULL) {
        return OK;
    }
    if (!json_to_f64(v, &x) || x < low || x > high) {
        return fault_set(fault, ERR_INVALID, "%s must be a number between %g and %g", key, low,
                         high);
    }
    *out = (float)x;
    return OK;
}

static enum err integer_between(const struct json *body, const char *key, int64_t low, int64_t high,
                                int64_t *out, struct fault *fault)
{
    const struct json *v = json_get(body, key);
    int64_t x;
    if (json_type(v) == JSON_NONE || json_type(v) == JSON_NULL) {
        return OK;
    }
    if (!json_to_i64(v, &x) || x < low || x > high) {
        return fault_set(fault, ERR_INVALID, "%s must be an integer between %lld and %lld", key,
                         (long long)low, (long long)high);
    }
    *out = x;
    return OK;
}

void params_add_stop(struct params *p, struct arena *arena, struct span stop)
{
    if (stop.len > 0 && stop.len <= STOP_BYTES_MAX && p->stops_count < STOPS_MAX) {
        p->stops[p->stops_count++] = arena_copy(arena, stop);
    }
}

static enum err read_stops(const struct json *body, struct arena *arena, struct params *out,
                           struct fault *fault)
{
    const struct json *stop = json_get(body, "stop");
    if (json_type(stop) == JSON_STRING) {
        params_add_stop(out, arena, json_str(stop));
        return OK;
    }
    if (json_type(stop) != JSON_ARRAY) {
        return json_type(stop) == JSON_NONE || json_type(stop) == JSON_NULL
                   ? OK
                   : fault_set(fault, ERR_INVALID, "stop must be a string or an array of strings");
    }
    for (struct json_iter it = json_iter(stop); json_next(&it);) {
        struct span s = json_str(it.value);
        if (!span_given(s) || s.len > STOP_BYTES_MAX || it.index >= STOPS_MAX / 2) {
            return fault_set(fault, ERR_INVALID,
                             "stop must be at most %d strings of at most %d bytes", STOPS_MAX / 2,
                             STOP_BYTES_MAX);
        }
        params_add_stop(out, arena, s);
    }
    return OK;
}

static enum err read_biases(const struct json *body, int32_t vocabulary, struct params *out,
                            struct fault *fault)
{
    const struct json *map = json_get(body, "logit_bias");
    if (json_type(map) == JSON_NONE || json_type(map) == JSON_NULL) {
        return OK;
    }
    if (json_type(map) != JSON_OBJECT) {
        return fault_set(fault, ERR_INVALID, "logit_bias must be an object of token ids");
    }
    for (struct json_iter it = json_iter(map); json_next(&it);) {
        int64_t token;
        double bias;
        if (!span_to_i64(it.key, &token) || token < 0 || token >= vocabulary ||
            !json_to_f64(it.value, &bias) || bias < -100 || bias > 100 ||
            out->biases_count == BIASES_MAX) {
            return fault_set(
                fault, ERR_INVALID,
                "logit_bias must map at most %d token ids below %d to numbers between -100 and 100",
                BIASES_MAX, (int)vocabulary);
        }
        /* OpenAI: -100 bans, 100 forces. */
        float value = bias <= -100 ? -1e9f : (float)bias;
        out->biases[out->biases_count++] = (struct token_bias){(int32_t)token, value};
    }
    return OK;
}

/* Chat: logprobs is a bool with top_logprobs beside it; the older completions dialect has a count. */
static enum err read_logprobs(const struct json *body, struct params *out, struct fault *fault)
{
    const struct json *v = json_get(body, "logprobs");
    int64_t top = 0;
    if (json_type(v) == JSON_NUMBER) {
        enum err err = integer_between(body, "logprobs", 0, TOP_LOGPROBS_MAX, &top, fault);
        out->logprobs = true;
        out->top_logprobs = (int)top;
        return err;
    }
    if (json_type(v) != JSON_NONE && json_type(v) != JSON_NULL && json_type(v) != JSON_BOOL) {
        return fault_set(fault, ERR_INVALID, "logprobs must be a boolean");
    }
    out->logprobs = json_true(v);
    enum err err = integer_between(body, "top_logprobs", 0, TOP_LOGPROBS_MAX, &top, fault);
    if (!err && top > 0 && !out->logprobs) {
        return fault_set(fault, ERR_INVALID, "top_logprobs needs logprobs: true");
    }
    out->top_logprobs = (int)top;
    return err;
}

static enum err read_counts(const struct json *body, const struct params_defaults *defaults,
                            struct params *out, struct fault *fault)
{
    int64_t n = 1;
    int64_t top_k = out->top_k;
    int64_t seed = -1;
    int64_t limit = 0;
    int most = MIN(defaults->slots, CHOICES_MAX);
    enum err err = integer_between(body, "n", 1, 128, &n, fault);
    if (!err && n > most) {
        return fault_set(fault, ERR_INVALID,
                         "n is %lld, but the local model has room for %d choices (slots)",
                         (long long)n, most);
    }
    err = err ? err : integer_between(body, "top_k", 0, INT32_MAX, &top_k, fault);
    err = err ? err : integer_between(body, "seed", INT64_MIN, INT64_MAX, &seed, fault);
    err = err ? err : integer_between(body, "max_tokens", 1, INT32_MAX, &limit, fault);
    err = err ? err : integer_between(body, "max_completion_tokens", 1, INT32_MAX, &limit, fault);
    out->n = (int)n;
    out->top_k = (int)top_k;
    out->max_tokens = limit;
    if (json_type(json_get(body, "seed")) == JSON_NUMBER) {
        out->seed = (uint32_t)((uint64_t)seed ^ (uint64_t)seed >> 32);
    } else {
        rng_secret(&out->seed, sizeof out->seed);
    }
    return err;
}

enum err params_read(const struct json *body, const struct params_defaults *defaults,
                     struct arena *arena, struct params *out, struct fault *fault)
{
    struct params *p = out;
    *p = (struct params){
        .n = 1,
        .temperature = defaults->greedy ? 0.0f : 0.8f,
        .top_p = 0.95f,
        .min_p = 0.05f,
        .top_k = 40,
        .repeat_penalty = 1.0f,
    };
    enum err err = read_counts(body, defaults, p, fault);
    err = err ? err : number_between(body, "temperature", 0, 100, &p->temperature, fault);
    err = err ? err : number_between(body, "top_p", 0, 1, &p->top_p, fault);
    err = err ? err : number_between(body, "min_p", 0, 1, &p->min_p, fault);
    err = err ? err
              : number_between(body, "presence_penalty", -100, 100, &p->presence_penalty, fault);
    err = err ? err
              : number_between(body, "frequency_penalty", -100, 100, &p->frequency_penalty, fault);
    err = err ? err : number_between(body, "repeat_penalty", 0.01, 100, &p->repeat_penalty, fault);
    err = err ? err : read_stops(body, arena, p, fault);
    err = err ? err : read_biases(body, defaults->vocabulary, p, fault);
    err = err ? err : read_logprobs(body, p, fault);
    p->ignore_eos =
        json_true(json_get(body, "ignore_eos")); /* llama-server's own, for benchmarks */
    return err;
}
