/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sum of log-probabilities only falls while an answer grows, and every
 * calibration here rises with it, so p of a running answer is an upper bound of
 * its final p: whoever waits for a threshold may give up early. A probe also
 * weighs values that rise and fall; it speaks only at the end, and may then lift
 * p above what the sum says by PROBE_OVER_SUM at most, so the bound holds.
 */
#include "llama/judge.h"

#include "crypto/keys.h"
#include "json/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PROBE_BYTES_MAX (16 * MIB)
enum { STATISTICS_MAX = 16, POINTS_MAX = 4096, DEFAULT_TOKENS_MAX = 256 };
#define PROBE_OVER_SUM 0.25 /* how much better than the sum alone a probe may find an answer */

enum statistic {
    STAT_SUM,
    STAT_MEAN,
    STAT_MIN,
    STAT_FIRST,
    STAT_MARGIN,
    STAT_ENTROPY,
    STAT_TOKENS,
    STAT_REFUSAL,
    STAT_UNKNOWN,
    STAT_COUNT,
};
static const char *const statistic_names[STAT_COUNT] = {
    /* tools/train/probe.py, STATS */
    "sum_logprob",  "mean_logprob", "min_logprob", "first_logprob", "min_margin",
    "mean_entropy", "n_tokens",     "is_refusal",  "is_unknown",
};

struct curve { /* piecewise linear, both rising */
    int count;
    double *score, *p;
};

struct judge {
    bool has_sum, has_probe;
    struct curve sum_curve, probe_curve;
    int statistics;
    enum statistic which[STATISTICS_MAX];
    double mean[STATISTICS_MAX], scale[STATISTICS_MAX], weight[STATISTICS_MAX], bias;
};

void token_sums_init(struct token_sums *s)
{
    *s = (struct token_sums){.min_margin = INFINITY};
}

void token_sums_add(struct token_sums *s, double logprob, double margin, double entropy)
{
    s->first = s->tokens == 0 ? logprob : s->first;
    s->sum += logprob;
    s->min = MIN(s->min, logprob);
    s->min_margin = MIN(s->min_margin, margin);
    s->entropy += entropy;
    s->tokens++;
}

static double curve_at(const struct curve *c, double score)
{
    if (score <= c->score[0]) {
        return c->p[0];
    }
    for (int i = 1; i < c->count; i++) {
        if (score <= c->score[i]) {
            double width = c->score[i] - c->score[i - 1];
            double share = width > 0 ? (score - c->score[i - 1]) / width : 1;
            return c->p[i - 1] + share * (c->p[i] - c->p[i - 1]);
        }
    }
    return c->p[c->count - 1];
}

static double value_of(const struct token_sums *s, enum statistic which)
{
    double n = s->tokens ? s->tokens : 1;
    switch (which) {
    case STAT_SUM:
        return s->sum;
    case STAT_MEAN:
        return s->sum / n;
    case STAT_MIN:
        return s->min;
    case STAT_FIRST:
        return s->first;
    case STAT_MARGIN:
        return isfinite(s->min_margin) ? s->min_margin : 0;
    case STAT_ENTROPY:
        return s->entropy / n;
    case STAT_TOKENS:
        return s->tokens;
    default:
        return 0; /* a refusal never gets here: its p is 0 */
    }
}

static double probe_p(const struct judge *j, const struct token_sums *s)
{
    double score = j->bias;
    for (int i = 0; i < j->statistics; i++) {
        score += j->weight[i] * (value_of(s, j->which[i]) - j->mean[i]) / j->scale[i];
    }
    return j->probe_curve.count ? curve_at(&j->probe_curve, score) : 1 / (1 + exp(-score));
}

/*
 * The default: what a token may cost grows with the answer, as long answers have many harmless choices. A
 * 12-token answer with sum -1 (nano's typical right one, FACTS-training 7) gives 0.83, with -4 gives 0.46.
 */
static double default_p(const struct token_sums *s)
{
    return exp(s->sum / (4 + 0.12 * MIN(s->tokens, DEFAULT_TOKENS_MAX)));
}

bool judge_calibrated(const struct judge *j)
{
    return j->has_sum || j->has_probe;
}

/* Nothing that may still come makes the final p larger. */
static double upper_bound(const struct judge *j, const struct token_sums *s)
{
    if (j->has_sum) {
        return curve_at(&j->sum_curve, s->sum) + (j->has_probe ? PROBE_OVER_SUM : 0);
    }
    return j->has_probe ? 1 : exp(s->sum / (4 + 0.12 * DEFAULT_TOKENS_MAX));
}

void judge_fill(const struct judge *j, const struct token_sums *s, bool final,
                struct frame_stats *out)
{
    out->sum_logprob = s->sum;
    out->min_logprob = s->min;
    out->first_logprob = s->first;
    out->min_margin = isfinite(s->min_margin) ? s->min_margin : 0;
    out->mean_entropy = s->tokens ? s->entropy / s->tokens : 0;
    out->tokens = s->tokens;
    out->final = final;
    out->calibrated = judge_calibrated(j);
    double p = upper_bound(j, s);
    if (final && j->has_probe) {
        p = fmin(p, probe_p(j, s));
    } else if (final && !j->has_sum) {
        p = default_p(s);
    }
    bool spoiled = out->refusal || out->bad_tool_call || (final && s->tokens == 0);
    out->p = spoiled ? 0 : fmin(fmax(p, 0), 1);
}

/* ---- the file ---- */

static bool read_curve(const struct json *v, struct curve *out)
{
    const struct json *score = json_get(v, "score");
    const struct json *p = json_get(v, "p");
    size_t count = json_len(score);
    if (count < 2 || count > POINTS_MAX || json_len(p) != count) {
        return false;
    }
    struct curve c = {(int)count, NEW_ARRAY(double, count), NEW_ARRAY(double, count)};
    bool ok = true;
    struct json_iter ps = json_iter(p);
    for (struct json_iter it = json_iter(score); json_next(&it) && json_next(&ps);) {
        size_t i = it.index;
        ok = ok && json_to_f64(it.value, &c.score[i]) && json_to_f64(ps.value, &c.p[i]) &&
             c.p[i] >= 0 && c.p[i] <= 1;
        ok = ok && (i == 0 || (c.score[i] >= c.score[i - 1] && c.p[i] >= c.p[i - 1]));
    }
    if (!ok) {
        mem_free(c.score);
        mem_free(c.p);
        return false;
    }
    *out = c;
    return true;
}

static bool find_statistic(struct span name, enum statistic *out)
{
    for (int i = 0; i < STAT_COUNT; i++) {
        if (span_is(name, statistic_names[i])) {
            *out = (enum statistic)i;
            return true;
        }
    }
    return false;
}

static bool numbers(const struct json *array, int count, double *out)
{
    if (json_len(array) != (size_t)count) {
        return false;
    }
    bool ok = true;
    for (struct json_iter it = json_iter(array); json_next(&it);) {
        ok = ok && json_to_f64(it.value, &out[it.index]);
    }
    return ok;
}

static bool read_probe(const struct json *root, struct judge *j)
{
    const struct json *names = json_get(root, "statistics");
    int count = (int)json_len(names);
    if (json_i64_or(json_get(root, "hidden"), 0) != 0 || count == 0 || count > STATISTICS_MAX) {
        return false;
    }
    for (struct json_iter it = json_iter(names); json_next(&it);) {
        if (!find_statistic(json_str(it.value), &j->which[it.index])) {
            return false;
        }
    }
    if (!numbers(json_get(root, "mean"), count, j->mean) ||
        !numbers(json_get(root, "scale"), count, j->scale) ||
        !numbers(json_get(root, "weights"), count, j->weight)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (j->scale[i] <= 0) {
            return false;
        }
    }
    j->statistics = count;
    return json_to_f64(json_get(root, "bias"), &j->bias) &&
           read_curve(json_get(root, "calibration"), &j->probe_curve);
}

static bool read_file(const char *path, struct text *out)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        return false;
    }
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) {
        text_add(out, span_of(piece, n));
    }
    fclose(f);
    return !out->overflow;
}

static void read_judge(struct judge *j, const struct json *root, const char *digest, char *note,
                       size_t room)
{
    struct span bound_to = json_str(json_get(root, "model_sha256"));
    if (!span_is(json_str(json_get(root, "format")), "weir-probe-1")) {
        snprintf(note, room,
                 "the probe file is not of format weir-probe-1: confidence is uncalibrated");
    } else if (!span_is(bound_to, digest)) {
        snprintf(note, room,
                 "the probe file belongs to another model file: confidence is uncalibrated");
    } else {
        j->has_probe = read_probe(root, j);
        j->has_sum = read_curve(json_get(root, "sum_logprob_calibration"), &j->sum_curve);
        if (!j->has_probe && !j->has_sum) {
            snprintf(note, room, "the probe file has nothing usable: confidence is uncalibrated");
        }
    }
}

struct judge *judge_new(const char *model_path, char *note, size_t note_room)
{
    struct judge *j = NEW(struct judge);
    struct text path;
    struct text file;
    text_init(&path, 8 * KIB);
    text_init(&file, PROBE_BYTES_MAX);
    struct span stem = span_c(model_path);
    stem.len -= span_ends(stem, SPAN(".gguf")) ? 5 : 0;
    text_addf(&path, "%.*s.probe.json", SPAN_ARG(stem));
    note[0] = 0;
    struct json_doc *doc = NULL;
    struct fault fault = {0};
    char digest[SHA256_HEX_BYTES];
    if (read_file(path.data, &file)) {
        if (json_parse(text_span(&file), &doc, &fault) != OK) {
            snprintf(note, note_room, "the probe file is not JSON: confidence is uncalibrated");
        } else if (sha256_file_hex(model_path, digest, NULL) == OK) {
            read_judge(j, json_root(doc), digest, note, note_room);
        }
    }
    json_free(doc);
    text_done(&path);
    text_done(&file);
    return j;
}

void judge_free(struct judge *j)
{
    if (j) {
        mem_free(j->sum_curve.score);
        mem_free(j->sum_curve.p);
        mem_free(j->probe_curve.score);
        mem_free(j->probe_curve.p);
        mem_free(j);
    }
}
