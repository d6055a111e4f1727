/* SPDX-License-Identifier: Apache-2.0 */
#include "router/latency.h"

#include <math.h>

#define LEG_WEIGHT 0.95      /* of a leg beside the next one, in the line */
#define QUICK 0.3            /* weight of the newest: rates, deviation */
#define TRY 0.5              /* … failures: two in a row mean something */
#define SLOW 0.02            /* … in what is usual: about fifty answers */
#define FAILING_HALF_US 60e6 /* without news a share of failures halves, and how far times stray */
#define SLOWED_HALF_US 300e6 /* … and being slowed: heat goes in minutes */
#define KEPT_US 30e6         /* a connection that was used so recently is still there */
#define TRIPS_KEPT 1.0
#define TRIPS_NEW 3.0
#define SPREAD_TOKENS 8.0 /* prompts less different than this tell nothing about reading */
#define LATE_DEVIATIONS 2.0

/* ---- the line through the legs ---- */

struct line {
    double start_us, per_token_us;
};

/* Weighted least squares; reading takes time and nothing starts before it begins, so both are kept at 0 or more. */
static struct line line_of(const struct latency *l)
{
    double x = l->tokens / l->legs;
    double y = l->us / l->legs;
    double spread = l->tokens_tokens / l->legs - x * x;
    double slope = 0;
    if (spread > SPREAD_TOKENS * SPREAD_TOKENS) {
        slope = (l->tokens_us / l->legs - x * y) / spread;
    }
    slope = MAX(slope, 0);
    if (slope * x > y) {
        slope = y / x; /* through the origin */
    }
    return (struct line){y - slope * x, slope};
}

static void add_to_line(struct latency *l, double tokens, double us)
{
    l->legs = LEG_WEIGHT * l->legs + 1;
    l->tokens = LEG_WEIGHT * l->tokens + tokens;
    l->us = LEG_WEIGHT * l->us + us;
    l->tokens_tokens = LEG_WEIGHT * l->tokens_tokens + tokens * tokens;
    l->tokens_us = LEG_WEIGHT * l->tokens_us + tokens * us;
}

/* ---- noting ---- */

static void mix(double *mean, double sample, double weight)
{
    *mean = *mean > 0 ? *mean + weight * (sample - *mean) : sample;
}

/* What is left of a piece of news: 1 at once, half after `half_us`. */
static double fading(uint64_t since_us, uint64_t now_us, double half_us)
{
    double idle = now_us > since_us ? (double)(now_us - since_us) : 0;
    return exp2(-idle / half_us);
}

double latency_failing(const struct latency *l, uint64_t now_us)
{
    return l->failing * fading(l->failing_us, now_us, FAILING_HALF_US);
}

static void note_failing(struct latency *l, bool failed, uint64_t now_us)
{
    double share = latency_failing(l, now_us);
    l->failing = share + TRY * ((failed ? 1.0 : 0.0) - share);
    l->failing_us = now_us;
}

static void note_rate(struct latency *l, const struct latency_leg *leg)
{
    if (leg->output_tokens < 2 || leg->total_us <= leg->ttft_us) {
        return;
    }
    double token_us = (double)(leg->total_us - leg->ttft_us) / (double)(leg->output_tokens - 1);
    mix(&l->token_us, token_us, QUICK);
    if (leg->alone) {
        l->alone_us = leg->now_us;
        mix(&l->alone_token_us, token_us, QUICK);
        mix(&l->usual_token_us, token_us, SLOW);
    }
}

void latency_note(struct latency *l, const struct latency_leg *leg)
{
    if (leg->ok || leg->failed) {
        note_failing(l, !leg->ok, leg->now_us);
    }
    if (!leg->ok || leg->ttft_us < 0) {
        return;
    }
    double tokens = (double)MAX(leg->new_tokens, 0);
    double us = (double)leg->ttft_us;
    if (l->legs > 0) {
        struct line line = line_of(l);
        double off = fabs(us - line.start_us - line.per_token_us * tokens);
        mix(&l->deviation_us, off, QUICK);
    }
    add_to_line(l, tokens, us);
    note_rate(l, leg);
    if (leg->output_tokens > 0) {
        mix(&l->output_tokens[leg->task], (double)leg->output_tokens, QUICK);
        mix(&l->any, (double)leg->output_tokens, QUICK);
    }
    if (leg->total_us > 0) {
        mix(&l->total_us, (double)leg->total_us, QUICK);
    }
    if (leg->rtt_ms >= 0) {
        mix(&l->rtt_ms, leg->rtt_ms, QUICK);
    }
    if (leg->load >= 0) {
        mix(&l->load, leg->load, QUICK);
    }
    l->answered_us = leg->now_us;
}

/* ---- predicting ---- */

/* A machine with more to do than cores shares them out: what is over its load while we measured slows us down. */
static double load_factor(const struct latency *l, const struct latency_question *q)
{
    double then = MAX(l->load, 1);
    return q->local && q->load > then ? q->load / then : 1;
}

static double link_us(const struct latency *l, const struct latency_question *q)
{
    double more_ms = l->rtt_ms > 0 && q->rtt_ms > l->rtt_ms ? q->rtt_ms - l->rtt_ms : 0;
    bool kept = (double)(q->now_us - l->answered_us) < KEPT_US;
    return q->local ? 0 : more_ms * 1000 * (kept ? TRIPS_KEPT : TRIPS_NEW);
}

/* Back to 1 when nothing was heard: who is found slow is not asked, so it could never show that it recovered. */
static double slowed_now(const struct latency *l, uint64_t now_us)
{
    if (l->usual_token_us <= 0) {
        return 0;
    }
    double left = fading(l->alone_us, now_us, SLOWED_HALF_US);
    return 1 + (l->alone_token_us / l->usual_token_us - 1) * left;
}

static double output_tokens(const struct latency *l, const struct latency_question *q)
{
    double tokens = l->output_tokens[q->task] > 0 ? l->output_tokens[q->task] : l->any;
    return q->max_tokens > 0 ? MIN(tokens, (double)q->max_tokens) : tokens;
}

void latency_predict(const struct latency *l, const struct latency_question *q,
                     struct prediction *out)
{
    *out = (struct prediction){.failing = latency_failing(l, q->now_us)};
    if (l->legs <= 0) {
        return;
    }
    struct line line = line_of(l);
    double factor = load_factor(l, q);
    double waiting = l->total_us * (double)q->queue / MAX(q->slots, 1);
    double reading = line.per_token_us * (double)MAX(q->new_tokens, 0);
    out->ttft_us = factor * (line.start_us + reading + waiting) + link_us(l, q);
    double strayed = l->deviation_us * fading(l->answered_us, q->now_us, FAILING_HALF_US);
    out->late_us = out->ttft_us + LATE_DEVIATIONS * strayed * factor;
    out->total_us = out->ttft_us + factor * l->token_us * output_tokens(l, q);
    out->slowed = slowed_now(l, q->now_us);
    out->read_tokens_s = line.per_token_us > 0 ? 1e6 / line.per_token_us : 0;
}
