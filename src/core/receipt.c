/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receipt object of INTERFACE ("The `weir` object and a receipt"). Every key
 * is always there: what is not known is null. Times are whole microseconds after
 * the request came, money is dollars with at most nine decimals.
 *
 * The short form rides on each answer, so it is written on the hot path: keys go
 * out as ready text, no formatting functions.
 */
#include "core/receipt.h"

#include "base/clock.h"

#include <math.h>

/* Four decimals: more would only pretend. Null below 0 (= none). */
static void put_share(struct json_out *w, const char *key, double x)
{
    json_put_number(w, key, x >= 0 ? round(x * 1e4) / 1e4 : NAN);
}

/* Text, or null when there is none or it is empty. */
static void put_text(struct json_out *w, const char *key, struct span s)
{
    json_put(w, key, s.len ? s : SPAN_NONE);
}

static struct span model_of(const struct leg_receipt *leg)
{
    return span_given(leg->model) || !leg->backend ? leg->model : span_c(leg->backend->model);
}

static void write_leg(struct json_out *w, const struct leg_receipt *leg)
{
    json_begin_object(w);
    json_put_int(w, "leg", leg->leg);
    json_put_c(w, "backend", leg->backend ? leg->backend->name : NULL);
    json_put_c(w, "tier", leg->backend ? tier_name(leg->backend->tier) : NULL);
    json_put(w, "model", model_of(leg));
    json_put_c(w, "outcome", leg_outcome_name(leg->outcome));
    put_text(w, "error", leg->error);
    json_put_int(w, "start_us", (int64_t)leg->start_us);
    json_put_known(w, "ttft_us", leg->ttft_us);
    json_put_known(w, "total_us", leg->total_us);
    json_put_known(w, "input_tokens", leg->usage.input_tokens);
    json_put_known(w, "output_tokens", leg->usage.output_tokens);
    json_put_known(w, "cached_tokens", leg->usage.cached_tokens);
    if (leg->usage.reasoning_tokens >= 0) {
        json_put_int(w, "reasoning_tokens", leg->usage.reasoning_tokens);
    }
    json_put_usd(w, "cost_usd", leg->cost_usd_nano);
    if (leg->usage.estimated || leg->cost_estimated) {
        json_put_bool(w, "estimated", true);
    }
    if (leg->attempts > 1) {
        json_put_int(w, "attempts", leg->attempts);
    }
    json_put_int(w, "left_device_bytes", leg->left_device_bytes);
    json_key(w, "redactions");
    json_begin_object(w);
    for (int i = 0; i < leg->redactions_count; i++) {
        json_put_int(w, leg->redactions[i].type, leg->redactions[i].count);
    }
    json_end_object(w);
    json_end_object(w);
}

static void write_rules(struct json_out *w, const struct decision *d)
{
    json_key(w, "rules");
    json_begin_array(w);
    for (int i = 0; d && i < d->rules_count; i++) {
        json_begin_object(w);
        json_put_c(w, "rule", d->rules[i].rule);
        json_put_c(w, "verdict", verdict_name(d->rules[i].verdict));
        put_text(w, "why", d->rules[i].why);
        json_end_object(w);
    }
    json_end_array(w);
}

/* Only in the full form: what the ledger wants to know and an answer need not repeat. */
static void write_background(struct json_out *w, const struct receipt *r)
{
    json_put(w, "client_request_id", r->request ? r->request->client_request_id : SPAN_NONE);
    json_put_c(w, "task", r->facts ? task_name(r->facts->task) : NULL);
    json_put_known(w, "prompt_tokens", r->facts ? r->facts->prompt_tokens : -1);
    json_key(w, "error");
    if (r->fault.code == OK) {
        json_null(w);
        return;
    }
    json_begin_object(w);
    json_put_c(w, "code", err_code(r->fault.code));
    json_put_c(w, "message", r->fault.text[0] ? r->fault.text : err_sentence(r->fault.code));
    json_end_object(w);
}

static void write_request(struct json_out *w, const struct request *q, const struct decision *d)
{
    char time[CLOCK_ISO_BYTES];
    if (q) {
        clock_iso(q->wall_us, time);
    }
    json_put_c(w, "id", q ? q->id : NULL);
    json_put_c(w, "time", q ? time : NULL);
    json_put(w, "client", q ? q->client : SPAN_NONE);
    json_put(w, "session", q ? q->options.session : SPAN_NONE);
    json_put_c(w, "mode", q ? mode_name(q->options.mode) : NULL);
    json_put_c(w, "privacy", d ? privacy_level_name(d->privacy) : NULL);
    json_put_c(w, "strategy", d ? d->strategy : NULL);
}

static void write_author(struct json_out *w, const struct receipt *r)
{
    const struct leg_receipt *author =
        r->author > 0 && r->author <= r->legs_count ? &r->legs[r->author - 1] : NULL;
    const struct backend *b = author ? author->backend : NULL;
    json_put_c(w, "tier", b ? tier_name(b->tier) : NULL);
    json_put_c(w, "backend", b ? b->name : NULL);
    json_put(w, "model", author ? model_of(author) : SPAN_NONE);
    put_text(w, "reason", r->reason);
}

static void write_service(struct json_out *w, const struct receipt *r, const struct decision *d)
{
    json_put_c(w, "degraded", degraded_name(r->degraded));
    json_key(w, "reduced");
    json_begin_array(w);
    for (int i = 0; d && i < d->reduced_count; i++) {
        json_c(w, d->reduced[i]);
    }
    json_end_array(w);
    json_key(w, "kept");
    if (d && d->kept_rule) {
        json_begin_object(w);
        json_put_c(w, "rule", d->kept_rule);
        json_put_c(w, "type", d->kept_type);
        json_end_object(w);
    } else {
        json_null(w);
    }
    put_text(w, "hint", r->hint);
}

int receipt_redacted(const struct receipt *r)
{
    int sum = 0;
    for (int l = 0; l < r->legs_count; l++) {
        for (int i = 0; i < r->legs[l].redactions_count; i++) {
            sum += r->legs[l].redactions[i].count;
        }
    }
    return sum;
}

void receipt_write(const struct receipt *r, bool with_rules, struct text *out)
{
    const struct decision *d = r->decision;
    struct json_out writer = json_out(out);
    struct json_out *w = &writer;
    json_begin_object(w);
    write_request(w, r->request, d);
    write_author(w, r);
    if (with_rules) {
        write_rules(w, d);
    }
    put_share(w, "score", d ? d->score : -1);
    put_share(w, "confidence", r->confidence);
    put_share(w, "threshold", d ? d->threshold : -1);
    json_key(w, "legs");
    json_begin_array(w);
    for (int i = 0; i < r->legs_count; i++) {
        write_leg(w, &r->legs[i]);
    }
    json_end_array(w);
    json_put_usd(w, "cost_usd", r->cost_usd_nano);
    json_put_usd(w, "always_cloud_cost_usd", r->always_cloud_cost_usd_nano);
    if (r->always_cloud_estimated) {
        json_put_bool(w, "always_cloud_estimated", true);
    }
    json_put_known(w, "ttft_us", r->ttft_us);
    json_put_known(w, "total_us", r->total_us);
    json_put_known(w, "overhead_us", r->overhead_us);
    write_service(w, r, d);
    json_put_int(w, "redacted", receipt_redacted(r));
    json_put_c(w, "outcome", outcome_name(r->outcome));
    if (with_rules) {
        write_background(w, r);
    }
    json_end_object(w);
}
