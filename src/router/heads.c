/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The constants were chosen on half of the MMLU outcomes and on GSM8K (docs/internals/router.md); the figures change
 * little when any of them is halved or doubled.
 */
#include "router/heads.h"

#include "base/rng.h"
#include "router/prior.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define MAGIC 0x5344414548524957ull /* "WIRHEADS" */
#define UNIT 4096.0                 /* integer steps in a weight of 1 */
#define STEP 0.05
#define DECAY 0.01
#define START 0.1       /* of the squared gradients: the first steps are not wild */
#define START_BINS 30.0 /* bins wait for evidence: single markers first, then their bends */
#define SCALE_MARKER 0.25
#define SCALE_BIN 0.2
#define DEVIATIONS_MAX 3.0F
#define DEVIATION_LEAST 0.1
#define PRETENDED 10.0 /* prompts behind the mean and deviation that a marker starts with */
#define IMPORTANCE_MAX 4.0

#define AT_BIAS 0
#define AT_MARKER(m) (1 + (int)(m))
#define AT_BIN(m, bin) (1 + MARKER_COUNT + (int)(m)*HEADS_BINS + (bin))
#define AT_BUCKET(hash16)                                                                          \
    (1 + MARKER_COUNT + MARKER_COUNT * HEADS_BINS + (int)FEATURES_BUCKET(hash16))

static_assert(ATOMIC_INT_LOCK_FREE == 2, "heads are shared by processes");
static_assert(sizeof(_Atomic float) == 4, "heads are saved as they are");

#define GET(x) atomic_load_explicit(&(x), memory_order_relaxed)
#define SET(x, value) atomic_store_explicit(&(x), (value), memory_order_relaxed)

/* ---- life ---- */

/* Typical mean and deviation of a kind of marker, until there are better ones. */
static void typical(enum marker m, float *out_mean, float *out_deviation)
{
    static const float typical_of[][2] = {
        [MARKER_KIND_LOG] = {8, 6},
        [MARKER_KIND_COUNT] = {0.7F, 1.5F},
        [MARKER_KIND_SHARE] = {2, 2},
        [MARKER_KIND_FLAG] = {0.1F, 0.3F},
    };
    *out_mean = m == MARKER_LENGTH ? 30 : typical_of[marker_kind(m)][0];
    *out_deviation = typical_of[marker_kind(m)][1];
}

static float per_unit(float square, uint32_t prompts)
{
    double deviation = sqrt((double)square / (PRETENDED + prompts));
    return (float)(1 / fmax(deviation, DEVIATION_LEAST));
}

void heads_init(struct heads *h)
{
    memset((void *)h, 0, sizeof *h);
    for (int m = 0; m < MARKER_COUNT; m++) {
        float mean;
        float deviation;
        typical((enum marker)m, &mean, &deviation);
        SET(h->mean[m], mean);
        SET(h->square[m], deviation * deviation * (float)PRETENDED);
        SET(h->per_unit[m], per_unit(GET(h->square[m]), 0));
    }
    h->version = HEADS_VERSION;
    h->features_version = FEATURES_VERSION;
    h->bytes = sizeof *h;
    h->magic = MAGIC;
}

bool heads_valid(const struct heads *h, size_t bytes)
{
    if (bytes != sizeof *h || h->magic != MAGIC || h->version != HEADS_VERSION ||
        h->features_version != FEATURES_VERSION || h->bytes != sizeof *h) {
        return false;
    }
    bool fine = true;
    for (int m = 0; m < MARKER_COUNT; m++) {
        float mean = GET(h->mean[m]);
        float square = GET(h->square[m]);
        float unit = GET(h->per_unit[m]);
        fine = fine && mean >= 0 && mean <= 255 && square >= 0 && isfinite(square) && unit >= 0 &&
               unit <= 1 / (float)DEVIATION_LEAST + 1;
    }
    for (int i = 0; i < HEADS_COUNT; i++) {
        for (int head = 0; head < HEAD_BOTH; head++) {
            float step = GET(h->steps[i][head]);
            fine = fine && step >= 0 && isfinite(step);
        }
    }
    for (int head = 0; head < HEAD_BOTH; head++) {
        float outcome = GET(h->outcome[head]);
        float prior = GET(h->prior[head]);
        fine = fine && outcome >= 0 && outcome <= 1 && prior >= 0 && prior <= 1 &&
               GET(h->labels[head]) <= UINT32_MAX / 2;
    }
    return fine;
}

/* ---- reading ---- */

static int bin_of(enum marker m, uint8_t value)
{
    int bin = value;
    switch (marker_kind(m)) {
    case MARKER_KIND_LOG:
        bin = (value + 2) / 4; /* octaves */
        break;
    case MARKER_KIND_SHARE:
        bin = value / 2;
        break;
    case MARKER_KIND_COUNT:
        bin = value < 4 ? value : value < 6 ? 4 : value < 9 ? 5 : 6;
        break;
    case MARKER_KIND_FLAG:
        break;
    }
    return MIN(bin, HEADS_BINS - 1);
}

static double standard(const struct heads *h, enum marker m, uint8_t value)
{
    float x = ((float)value - GET(h->mean[m])) * GET(h->per_unit[m]);
    x = x > DEVIATIONS_MAX ? DEVIATIONS_MAX : x < -DEVIATIONS_MAX ? -DEVIATIONS_MAX : x;
    return SCALE_MARKER * (double)x;
}

/* Words weigh as much together in a short prompt as in a long one. */
static double scale_of_words(const struct features *f)
{
    return 1 / sqrt(5.0 + f->words + f->pairs);
}

struct sums {
    int64_t of[HEAD_BOTH];
};

static void add_weight(struct sums *s, uint32_t weights)
{
    s->of[HEAD_DEVICE] += (int16_t)(weights & 0xffff);
    s->of[HEAD_CLOUD] += (int16_t)(weights >> 16);
}

static int16_t weight_of(const struct heads *h, int at, enum head head)
{
    uint32_t both = GET(h->weights[at]);
    return (int16_t)(head == HEAD_DEVICE ? both & 0xffff : both >> 16);
}

static void sum_words(const struct heads *h, const struct features *f, struct sums *out)
{
    *out = (struct sums){{0, 0}};
    for (int i = 0; i < f->words; i++) {
        add_weight(out, GET(h->weights[AT_BUCKET(f->word[i])]));
    }
    for (int i = 0; i < f->pairs; i++) {
        add_weight(out, GET(h->weights[AT_BUCKET(f->pair[i])]));
    }
}

static bool has_bins(enum marker m)
{
    return marker_kind(m) != MARKER_KIND_FLAG;
}

static void log_odds_of_marker(const struct heads *h, const struct features *f, enum marker m,
                               double out[HEAD_BOTH])
{
    double x = standard(h, m, f->marker[m]) / UNIT;
    for (int head = 0; head < HEAD_BOTH; head++) {
        out[head] = x * weight_of(h, AT_MARKER(m), (enum head)head);
        if (has_bins(m)) {
            out[head] += SCALE_BIN / UNIT *
                         weight_of(h, AT_BIN(m, bin_of(m, f->marker[m])), (enum head)head);
        }
    }
}

static double novelty(const struct heads *h, const struct features *f)
{
    if (GET(h->prompts) == 0) {
        return 1;
    }
    double unknown_words = 0;
    double unknown_bins = 0;
    for (int i = 0; i < f->words; i++) {
        uint32_t word = GET(h->words[f->word[i] / 32]);
        unknown_words += !(word & 1u << f->word[i] % 32);
    }
    for (int m = 0; m < MARKER_COUNT; m++) {
        if (has_bins((enum marker)m)) {
            int at = AT_BIN(m, bin_of((enum marker)m, f->marker[m]));
            unknown_bins += GET(h->weights[at]) == 0; /* the first step moves it */
        }
    }
    return fmax(unknown_words / MAX(f->words, 1), fmin(4 * unknown_bins / MARKER_COUNT, 1));
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static void log_odds(const struct heads *h, const struct features *f, double out[HEAD_BOTH])
{
    double of_marker[HEAD_BOTH];
    struct sums words;
    sum_words(h, f, &words);
    double scale = scale_of_words(f) / UNIT;
    out[HEAD_DEVICE] = (double)words.of[HEAD_DEVICE] * scale;
    out[HEAD_CLOUD] = (double)words.of[HEAD_CLOUD] * scale;
    out[HEAD_DEVICE] += weight_of(h, AT_BIAS, HEAD_DEVICE) / UNIT;
    out[HEAD_CLOUD] += weight_of(h, AT_BIAS, HEAD_CLOUD) / UNIT;
    for (int m = 0; m < MARKER_COUNT; m++) {
        log_odds_of_marker(h, f, (enum marker)m, of_marker);
        out[HEAD_DEVICE] += of_marker[HEAD_DEVICE];
        out[HEAD_CLOUD] += of_marker[HEAD_CLOUD];
    }
}

static double odds_of(double p)
{
    p = fmin(fmax(p, 0.01), 0.99);
    return log(p / (1 - p));
}

static double levelled(const struct heads *h, enum head head, double prior)
{
    double n = GET(h->labels[head]);
    double shift = odds_of(GET(h->outcome[head])) - odds_of(GET(h->prior[head]));
    return n > 0 ? logistic(odds_of(prior) + shift * n / (n + HEADS_N0)) : prior;
}

void heads_read(const struct heads *h, const struct features *f, struct head_sums *out)
{
    double z[HEAD_BOTH];
    double prior[HEAD_BOTH];
    log_odds(h, f, z);
    prior_score(f, &prior[HEAD_DEVICE], &prior[HEAD_CLOUD]);
    *out = (struct head_sums){
        .device = logistic(z[HEAD_DEVICE]),
        .cloud = logistic(z[HEAD_CLOUD]),
        .prior_device = levelled(h, HEAD_DEVICE, prior[HEAD_DEVICE]),
        .prior_cloud = levelled(h, HEAD_CLOUD, prior[HEAD_CLOUD]),
        .labels_device = GET(h->labels[HEAD_DEVICE]),
        .labels_cloud = GET(h->labels[HEAD_CLOUD]),
        .novelty = novelty(h, f),
    };
}

/* ---- learning ---- */

static void note_level(struct heads *h, enum head head, double outcome, double prior)
{
    float n = (float)GET(h->labels[head]); /* this one included */
    float outcomes = GET(h->outcome[head]);
    float priors = GET(h->prior[head]);
    SET(h->outcome[head], outcomes + ((float)outcome - outcomes) / n);
    SET(h->prior[head], priors + ((float)prior - priors) / n);
}

/* Running mean and sum of squared deviations (Welford 1962), the pretended prompts included. */
static void note_markers(struct heads *h, const struct features *f)
{
    uint32_t prompts = GET(h->prompts) + 1;
    SET(h->prompts, prompts);
    for (int m = 0; m < MARKER_COUNT; m++) {
        float mean = GET(h->mean[m]);
        float off = (float)f->marker[m] - mean;
        float next = mean + off / (float)(PRETENDED + prompts);
        SET(h->mean[m], next);
        SET(h->square[m], GET(h->square[m]) + off * ((float)f->marker[m] - next));
        SET(h->per_unit[m], per_unit(GET(h->square[m]), prompts));
    }
}

static void note_words(struct heads *h, const struct features *f)
{
    for (int i = 0; i < f->words; i++) {
        _Atomic uint32_t *word = &h->words[f->word[i] / 32];
        uint32_t bit = 1u << f->word[i] % 32;
        if (!(GET(*word) & bit)) {
            (void)atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
        }
    }
}

struct lesson {
    struct heads *heads;
    double error[HEAD_BOTH]; /* P − outcome, times importance; 0 = not told */
    bool told[HEAD_BOTH];
    struct rng rng;
};

static uint32_t moved(struct lesson *l, double weight)
{
    double units = fmin(fmax(weight * UNIT, INT16_MIN), INT16_MAX - 1);
    double below = floor(units);
    return (uint16_t)(int16_t)(below + (rng_unit(&l->rng) < units - below));
}

/* One step of both weights of feature `at`, whose value is `x`. */
static void step(struct lesson *l, int at, double x, double start)
{
    uint32_t both = GET(l->heads->weights[at]);
    for (int head = 0; head < HEAD_BOTH; head++) {
        if (!l->told[head]) {
            continue;
        }
        int shift = head == HEAD_DEVICE ? 0 : 16;
        double weight = (int16_t)(both >> shift & 0xffff) / UNIT;
        double gradient = l->error[head] * x + DECAY * weight;
        double sum = (double)GET(l->heads->steps[at][head]) + gradient * gradient;
        SET(l->heads->steps[at][head], (float)fmin(sum, 1e30));
        weight -= STEP * gradient / sqrt(start + sum);
        both = (both & ~(0xffffu << shift)) | moved(l, weight) << shift;
    }
    SET(l->heads->weights[at], both);
}

void heads_learn(struct heads *h, const struct features *f, const struct label *label)
{
    double z[HEAD_BOTH];
    double importance = fmin(fmax(label->importance, 0), IMPORTANCE_MAX);
    const double outcome[HEAD_BOTH] = {label->device, label->cloud};
    double prior[HEAD_BOTH];
    struct lesson l = {.heads = h};
    log_odds(h, f, z);
    prior_score(f, &prior[HEAD_DEVICE], &prior[HEAD_CLOUD]);
    for (int head = 0; head < HEAD_BOTH; head++) {
        l.told[head] = outcome[head] >= 0 && importance > 0;
        l.error[head] = l.told[head] ? importance * (logistic(z[head]) - outcome[head]) : 0;
        if (l.told[head] && !label->hint) {
            SET(h->labels[head], GET(h->labels[head]) + 1);
            note_level(h, (enum head)head, outcome[head], prior[head]);
        }
    }
    if (!l.told[HEAD_DEVICE] && !l.told[HEAD_CLOUD]) {
        return;
    }
    note_markers(h, f);
    note_words(h, f);
    l.rng.state = GET(h->prompts);
    step(&l, AT_BIAS, 1, START);
    for (int m = 0; m < MARKER_COUNT; m++) {
        step(&l, AT_MARKER(m), standard(h, (enum marker)m, f->marker[m]), START);
        if (has_bins((enum marker)m)) {
            step(&l, AT_BIN(m, bin_of((enum marker)m, f->marker[m])), SCALE_BIN, START_BINS);
        }
    }
    double x = scale_of_words(f);
    for (int i = 0; i < f->words; i++) {
        step(&l, AT_BUCKET(f->word[i]), x, START);
    }
    for (int i = 0; i < f->pairs; i++) {
        step(&l, AT_BUCKET(f->pair[i]), x, START);
    }
}
