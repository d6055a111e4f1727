/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why this score? Each marker of the prompt is taken away in turn and the scorer asked again: what
 * the score loses or gains by that is what the marker contributed, whatever the scorer is made of.
 * All hashed words are taken away together; they have no names. Only explain pays for it (about
 * seventy scores).
 */
#include "router/inside.h"

#include <math.h>
#include <stdlib.h>

#define SHOWN_MAX 8
#define SHOWN_LEAST 0.005

struct contribution {
    const char *name, *meaning;
    double value, score;
};

/* The count behind a marker's value (core/features.h: LOG is 4 · log2(1 + n)). */
static double plain_value(enum marker m, uint8_t value)
{
    switch (marker_kind(m)) {
    case MARKER_KIND_LOG:
        return round(exp2(value / 4.0) - 1);
    case MARKER_KIND_SHARE:
        return value / 16.0;
    default:
        return value;
    }
}

static int by_size(const void *a, const void *b)
{
    double x = fabs(((const struct contribution *)a)->score);
    double y = fabs(((const struct contribution *)b)->score);
    return (x < y) - (x > y);
}

static double score_with(const struct router *r, struct facts *f, const struct features *features)
{
    f->features = features;
    struct score s = r->scorer->score(r->scorer_self, f);
    return score_raw(&s);
}

static int collect(const struct router *r, const struct facts *f,
                   struct contribution out[MARKER_COUNT + 1])
{
    struct facts facts = *f;
    struct features *without = NEW(struct features);
    double whole = score_with(r, &facts, f->features);
    int n = 0;
    for (int m = 0; m < MARKER_COUNT; m++) {
        uint8_t value = f->features->marker[m];
        if (value == 0) {
            continue;
        }
        *without = *f->features;
        without->marker[m] = 0;
        out[n++] = (struct contribution){
            marker_name((enum marker)m), marker_meaning((enum marker)m),
            plain_value((enum marker)m, value), whole - score_with(r, &facts, without)};
    }
    *without = *f->features;
    without->words = without->pairs = 0;
    out[n++] = (struct contribution){"wording", "its words and pairs of words together",
                                     f->features->words + f->features->pairs,
                                     whole - score_with(r, &facts, without)};
    mem_free(without);
    return n;
}

void put_contributions(struct json_out *w, const struct router *r, const struct facts *f)
{
    struct contribution all[MARKER_COUNT + 1];
    int n = f->features ? collect(r, f, all) : 0;
    qsort(all, (size_t)n, sizeof *all, by_size);
    json_key(w, "contributions");
    json_begin_array(w);
    for (int i = 0; i < MIN(n, SHOWN_MAX) && fabs(all[i].score) >= SHOWN_LEAST; i++) {
        json_begin_object(w);
        json_put_c(w, "name", all[i].name);
        json_put_number(w, "value", all[i].value);
        json_put_c(w, "meaning", all[i].meaning);
        json_put_number(w, "score", round(all[i].score * 1e4) / 1e4);
        json_end_object(w);
    }
    json_end_array(w);
}

/* ---- how the score is made up ---- */

static void put_known(struct json_out *w, const char *key, double x)
{
    json_put_number(w, key, x >= 0 ? round(x * 1e4) / 1e4 : NAN);
}

void put_score_parts(struct json_out *w, const struct decision *d)
{
    const struct score *s = &d->scored;
    json_key(w, "score_parts");
    if (d->score < 0 || !s->source) {
        json_null(w);
        return;
    }
    bool learned = s->labels > 0;
    json_begin_object(w);
    json_put_c(w, "source", s->source);
    put_known(w, "p_device", s->p_device);
    put_known(w, "p_cloud", s->p_cloud);
    put_known(w, "prior_device", s->prior_device);
    put_known(w, "prior_cloud", s->prior_cloud);
    put_known(w, "learned_device", learned ? s->learned_device : -1);
    put_known(w, "learned_cloud", learned ? s->learned_cloud : -1);
    json_put_number(w, "labels", s->labels);
    put_known(w, "learned_weight", learned ? s->weight : 0);
    put_known(w, "novelty", learned ? s->novelty : -1);
    put_known(w, "claims_gain", d->claims_gain);
    json_end_object(w);
}

/* ---- what each backend would take ---- */

static void put_us(struct json_out *w, const char *key, double us)
{
    json_put_number(w, key, us > 0 ? round(us) : NAN);
}

/* As many tokens as the time between the first and the last allows; < 0 = unknown. */
static double likely_tokens(const struct backend_state *s)
{
    double writing_us = s->predicted.total_us - s->predicted.ttft_us;
    return s->predicted.total_us > 0 && s->tokens_per_s > 0
               ? MAX(writing_us, 0) / 1e6 * s->tokens_per_s
               : -1;
}

static int64_t likely_cost(const struct facts *f, const struct backend *b,
                           const struct backend_state *s)
{
    double tokens = likely_tokens(s);
    struct usage u = {.input_tokens = f->prompt_tokens,
                      .output_tokens = (int64_t)tokens,
                      .cached_tokens = -1,
                      .reasoning_tokens = -1};
    return is_local(b) ? 0 : tokens < 0 ? USD_UNKNOWN : price_cost_nano(&b->price, &u);
}

void put_predictions(struct json_out *w, const struct router *r, const struct facts *f)
{
    json_key(w, "predictions");
    json_begin_array(w);
    for (int i = 0; i < r->config->backends_count; i++) {
        const struct backend *b = &r->config->backends[i];
        const struct backend_state *s = &f->backends[b->index];
        json_begin_object(w);
        json_put_c(w, "backend", b->name);
        json_put_c(w, "tier", tier_name(b->tier));
        json_put_c(w, "model", b->model);
        json_put_bool(w, "usable", s->usable);
        json_put(w, "why", s->usable ? SPAN_NONE : span_c(s->why));
        put_us(w, "ttft_us", s->predicted.ttft_us);
        put_us(w, "ttft_p95_us", s->predicted.late_us);
        put_us(w, "total_us", s->predicted.total_us);
        put_known(w, "failing", s->predicted.failing);
        json_put_usd(w, "cost_usd", likely_cost(f, b, s));
        json_put_usd(w, "cost_usd_at_most", cost_at_most(f, b));
        json_end_object(w);
    }
    json_end_array(w);
}

/* ---- what is remembered of session and client ---- */

void put_memory(struct json_out *w, const struct facts *f)
{
    const struct session_facts *s = &f->session;
    json_key(w, "session");
    if (!s->known && !s->repeats) {
        json_null(w);
    } else {
        json_begin_object(w);
        json_put_bool(w, "known", s->known);
        json_put_bool(w, "up", s->up);
        json_put_bool(w, "repeats", s->repeats);
        json_put_int(w, "easy_turns", s->easy_turns);
        put_known(w, "similarity", s->similarity);
        json_put_int(w, "cached_tokens", s->cached_tokens);
        json_end_object(w);
    }
    json_key(w, "guard");
    json_begin_object(w);
    json_key(w, "alarms");
    json_begin_array(w);
    for (int a = 0; a < GUARD_ALARMS; a++) {
        if (f->guard.alarms & (1u << a)) {
            json_c(w, guard_alarm_name((enum guard_alarm)a));
        }
    }
    json_end_array(w);
    json_put_number(w, "discount", f->guard.discount);
    json_put_bool(w, "capped", f->guard.capped);
    json_end_object(w);
}
