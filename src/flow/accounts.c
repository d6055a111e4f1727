/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receipt's figures: per attempt as it ends, and once for the whole answer.
 *
 * What a backend did not say is estimated where something must be paid or
 * compared, and marked so: a body of N bytes counts as N / 3 tokens in (the
 * gate's own upper estimate), text of N bytes as N / 3.5 tokens out.
 */
#include "flow/inside.h"

#define BODY_BYTES_PER_TOKEN 3
#define ERROR_TEXT_MAX 400

static const char hint_text[] =
    "This is a small demonstration model; for harder questions give Weir a bigger one (weir models add FILE.gguf "
    "--use), a running Ollama, or a cloud key (OPENAI_API_KEY or ANTHROPIC_API_KEY).";

/* ---- one attempt ---- */

/* Did the request's body go out? A connection that never came about took nothing with it. */
static bool body_left(const struct leg *leg)
{
    const struct leg_end *end = &leg->end;
    return leg->started && leg->backend->tier != TIER_DEVICE &&
           (end->may_be_billed || end->http_status != 0 || end->outcome == LEG_OK ||
            leg->received_bytes > 0);
}

static int64_t tokens_out_estimate(const struct leg *leg)
{
    return (int64_t)MAX(leg->received_bytes * 2 / 7, (size_t)1);
}

/* An answer, or a part of one, whose backend gave no count. */
static void estimate_usage(struct leg *leg)
{
    struct usage *usage = &leg->end.usage;
    bool some_answer = leg->end.outcome == LEG_OK || leg->received_bytes > 0;
    if (!leg->started || !some_answer || (usage->input_tokens >= 0 && usage->output_tokens >= 0)) {
        return;
    }
    if (usage->input_tokens < 0) {
        usage->input_tokens = MAX((int64_t)leg->admission.body.len / BODY_BYTES_PER_TOKEN, 1);
    }
    if (usage->output_tokens < 0) {
        usage->output_tokens = leg->received_bytes ? tokens_out_estimate(leg) : 0;
    }
    usage->estimated = true;
}

/* What this attempt cost; *out_estimated when that is our own figure. */
static int64_t attempt_cost(const struct leg *leg, bool *out_estimated)
{
    const struct leg_end *end = &leg->end;
    if (leg->backend->tier == TIER_DEVICE || !leg->started) {
        return 0;
    }
    if (end->usage.input_tokens >= 0 && end->usage.output_tokens >= 0) {
        *out_estimated |= end->usage.estimated;
        return price_cost_nano(&leg->backend->price, &end->usage);
    }
    if (end->outcome != LEG_OK && !end->may_be_billed) {
        return 0;
    }
    /* it may have been worked on and nobody says how much: at least the input */
    struct usage input = {.input_tokens = (int64_t)leg->admission.body.len / BODY_BYTES_PER_TOKEN,
                          .estimated = true};
    *out_estimated = true;
    return price_cost_nano(&leg->backend->price, &input);
}

static int64_t add_cost(int64_t a, int64_t b)
{
    return a < 0 || b < 0 ? USD_UNKNOWN : a + b;
}

void account_attempt(struct leg *leg)
{
    struct flow *f = leg->flow;
    struct leg_receipt *lr = leg->receipt;
    leg->left_bytes = body_left(leg) ? (int64_t)leg->admission.body.len : 0;
    estimate_usage(leg);
    if (leg->end.outcome != LEG_OK && leg->end.err == OK) {
        leg->end.err = ERR_UPSTREAM;
    }
    lr->outcome = leg->end.outcome;
    lr->error = leg->end.outcome == LEG_OK  ? SPAN_NONE
                : span_given(leg->end.text) ? span_first(leg->end.text, ERROR_TEXT_MAX)
                                            : span_c(err_sentence(leg->end.err));
    if (span_given(leg->end.model) && leg->end.model.len > 0) {
        lr->model = leg->end.model;
    }
    lr->usage = leg->end.usage;
    lr->cost_usd_nano = add_cost(lr->cost_usd_nano, attempt_cost(leg, &lr->cost_estimated));
    lr->left_device_bytes += leg->left_bytes;
    if (leg->left_bytes == 0 && lr->left_device_bytes == 0) {
        lr->redactions_count = 0; /* nothing left, so nothing was replaced in what left */
    }
    lr->total_us = (int64_t)flow_since_received_us(f, leg->ended_us);
}

/* ---- the answer ---- */

static const struct leg *author(const struct flow *f)
{
    return f->receipt.author ? f->legs[f->receipt.author - 1] : NULL;
}

static void sum_costs(struct receipt *r)
{
    r->cost_usd_nano = 0;
    for (int i = 0; i < r->legs_count; i++) {
        r->cost_usd_nano = add_cost(r->cost_usd_nano, r->legs[i].cost_usd_nano);
    }
}

/* The first priced cloud backend for the tokens of this answer; the answer's own price when the cloud gave it. A
 * refusal or a failure saves nothing, so it counts as what it cost. */
static void compare_with_always_cloud(struct flow *f)
{
    struct receipt *r = &f->receipt;
    const struct leg *leg = author(f);
    const struct backend *reference = f->decision->always_cloud;
    r->always_cloud_cost_usd_nano = USD_UNKNOWN;
    r->always_cloud_estimated = false;
    if (leg && leg->backend->tier == TIER_CLOUD && price_known(&leg->backend->price)) {
        r->always_cloud_cost_usd_nano = leg->receipt->cost_usd_nano;
        r->always_cloud_estimated = leg->receipt->cost_estimated;
        return;
    }
    if (!reference) {
        return;
    }
    bool answer =
        leg && !leg->refusal && (r->outcome == OUTCOME_OK || r->outcome == OUTCOME_PARTIAL);
    if (!answer) {
        r->always_cloud_cost_usd_nano = r->cost_usd_nano;
        return;
    }
    struct usage usage = leg->receipt->usage;
    usage.cached_tokens = -1; /* another backend has not seen our prefix */
    if (usage.input_tokens < 0 || usage.output_tokens < 0) {
        usage.input_tokens = f->facts->prompt_tokens;
        usage.output_tokens = tokens_out_estimate(leg);
    }
    r->always_cloud_cost_usd_nano = price_cost_nano(&reference->price, &usage);
    r->always_cloud_estimated = true;
}

static void measure_overhead(struct flow *f, uint64_t now_us)
{
    struct receipt *r = &f->receipt;
    const struct leg *leg = author(f);
    uint64_t before = r->legs_count ? r->legs[0].start_us : flow_since_received_us(f, now_us);
    uint64_t after = leg && !leg_live(leg) && now_us > leg->ended_us ? now_us - leg->ended_us : 0;
    r->overhead_us = (int64_t)(before + after);
}

void account_answer(struct flow *f)
{
    struct receipt *r = &f->receipt;
    uint64_t now_us = flow_now_us(f);
    const struct leg *leg = author(f);
    if (!f->ended &&
        !f->gone) { /* the client's clock stops with its answer, not with background legs */
        r->total_us = (int64_t)flow_since_received_us(f, now_us);
        measure_overhead(f, now_us);
    }
    sum_costs(r);
    compare_with_always_cloud(f);
    if (leg && leg->refusal && f->facts->backends && f->facts->backends[leg->backend->index].demo) {
        r->hint = span_c(hint_text);
    } else if (f->decision->kept_rule) {
        r->hint = f->decision->hint;
    }
}
