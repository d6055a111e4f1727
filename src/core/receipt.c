/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receipt object of INTERFACE ("The `weir` object and a receipt"). Every key
 * is always there: what is not known is null. Times are whole microseconds after
 * the request came, money is dollars with at most nine decimals.
 *
 * The short form rides on each answer, so it is written on the hot path: keys are
 * ready text that is copied, not strings that are escaped.
 */
#include "core/receipt.h"

#include "base/clock.h"

#include <math.h>

static void add_key(struct json_out *w, struct span comma_and_key)
{
    text_add(w->text, w->comma ? comma_and_key : span_from(comma_and_key, 1));
    w->comma = false;
}

#define KEY(w, name) add_key((w), SPAN(",\"" name "\":"))
#define PUT(w, name, s) (KEY(w, name), json_string((w), (s)))
#define PUT_C(w, name, c_string) (KEY(w, name), json_c((w), (c_string)))
#define PUT_INT(w, name, n) (KEY(w, name), json_int((w), (n)))
#define PUT_USD(w, name, nano) (KEY(w, name), json_usd((w), (nano)))
#define PUT_BOOL(w, name, b) (KEY(w, name), json_bool((w), (b)))
#define PUT_KNOWN(w, name, n) (KEY(w, name), write_known((w), (n)))

/* Null for "unknown", which is negative here. */
static void write_known(struct json_out *w, int64_t n)
{
    if (n < 0) {
        json_null(w);
    } else {
        json_int(w, n);
    }
}

/* Four decimals: more would only pretend. Null below 0 (= none). */
static void write_share(struct json_out *w, double x)
{
    json_number(w, x >= 0 ? round(x * 1e4) / 1e4 : NAN);
}

/* Text, or null when there is none or it is empty. */
static void write_text(struct json_out *w, struct span s)
{
    json_string(w, s.len ? s : SPAN_NONE);
}

/* The same without what stands in RECEIPT_QUOTEs; one that is cut off goes to the end. */
static void write_own_words(struct json_out *w, struct span s)
{
    size_t at = span_find(s, SPAN(RECEIPT_QUOTE_BEGIN), 0);
    if (!span_given(s) || at == SIZE_MAX) {
        write_text(w, s);
        return;
    }
    struct text own;
    text_init(&own, 4 * KIB);
    while (at != SIZE_MAX) {
        struct span before = span_first(s, at);
        text_add(&own, span_ends(before, SPAN(": ")) ? span_first(before, at - 2) : before);
        size_t end = span_find(s, SPAN(RECEIPT_QUOTE_END), at);
        s = span_from(s, end == SIZE_MAX ? s.len : end + strlen(RECEIPT_QUOTE_END));
        at = span_find(s, SPAN(RECEIPT_QUOTE_BEGIN), 0);
    }
    text_add(&own, s);
    write_text(w, text_span(&own));
    text_done(&own);
}

static struct span model_of(const struct leg_receipt *leg)
{
    return span_given(leg->model) || !leg->backend ? leg->model : span_c(leg->backend->model);
}

/* Only where something left: to whom, as the config labels it, and what was found but not replaced. */
static void write_departure(struct json_out *w, const struct leg_receipt *leg,
                            const struct receipt *r)
{
    const struct backend *b = leg->backend;
    if (leg->left_device_bytes <= 0 || !b) {
        return;
    }
    if (b->labels && b->labels[0]) {
        KEY(w, "labels");
        json_begin_array(w);
        for (const char *const *label = b->labels; *label; label++) {
            json_c(w, *label);
        }
        json_end_array(w);
    }
    if (r->facts && r->facts->findings_count && r->decision &&
        r->decision->privacy == PRIVACY_OPEN) {
        KEY(w, "left_in_clear");
        json_begin_object(w);
        for (int i = 0; i < r->facts->findings_count; i++) {
            json_put_int(w, r->facts->findings[i].type, r->facts->findings[i].count);
        }
        json_end_object(w);
    }
}

static void write_leg(struct json_out *w, const struct leg_receipt *leg, const struct receipt *r)
{
    json_begin_object(w);
    PUT_INT(w, "leg", leg->leg);
    PUT_C(w, "backend", leg->backend ? leg->backend->name : NULL);
    PUT_C(w, "tier", leg->backend ? tier_name(leg->backend->tier) : NULL);
    PUT(w, "model", model_of(leg));
    PUT_C(w, "outcome", leg_outcome_name(leg->outcome));
    KEY(w, "error");
    write_own_words(w, leg->error);
    PUT_INT(w, "start_us", (int64_t)leg->start_us);
    PUT_KNOWN(w, "ttft_us", leg->ttft_us);
    PUT_KNOWN(w, "total_us", leg->total_us);
    PUT_KNOWN(w, "input_tokens", leg->usage.input_tokens);
    PUT_KNOWN(w, "output_tokens", leg->usage.output_tokens);
    PUT_KNOWN(w, "cached_tokens", leg->usage.cached_tokens);
    if (leg->usage.reasoning_tokens >= 0) {
        PUT_INT(w, "reasoning_tokens", leg->usage.reasoning_tokens);
    }
    PUT_USD(w, "cost_usd", leg->cost_usd_nano);
    if (leg->usage.estimated || leg->cost_estimated) {
        PUT_BOOL(w, "estimated", true);
    }
    if (leg->attempts > 1) {
        PUT_INT(w, "attempts", leg->attempts);
    }
    PUT_INT(w, "left_device_bytes", leg->left_device_bytes);
    KEY(w, "redactions");
    json_begin_object(w);
    for (int i = 0; i < leg->redactions_count; i++) {
        json_put_int(w, leg->redactions[i].type, leg->redactions[i].count);
    }
    json_end_object(w);
    write_departure(w, leg, r);
    json_end_object(w);
}

static void write_rules(struct json_out *w, const struct decision *d)
{
    KEY(w, "rules");
    json_begin_array(w);
    for (int i = 0; d && i < d->rules_count; i++) {
        json_begin_object(w);
        PUT_C(w, "rule", d->rules[i].rule);
        PUT_C(w, "verdict", verdict_name(d->rules[i].verdict));
        KEY(w, "why");
        write_text(w, d->rules[i].why);
        json_end_object(w);
    }
    json_end_array(w);
}

/* Only in the full form: what the ledger wants to know and an answer need not repeat. */
/* What the guard thinks of the client; null while there is nothing unusual. */
static void write_guard(struct json_out *w, const struct guard_facts *g)
{
    KEY(w, "guard");
    if (!g || (g->alarms == 0 && !g->capped)) {
        json_null(w);
        return;
    }
    json_begin_object(w);
    json_key(w, "alarms");
    json_begin_array(w);
    for (int a = 0; a < GUARD_ALARMS; a++) {
        if (g->alarms & (1u << a)) {
            json_c(w, guard_alarm_name((enum guard_alarm)a));
        }
    }
    json_end_array(w);
    json_put_number(w, "discount", g->discount);
    json_put_bool(w, "capped", g->capped);
    json_end_object(w);
}

static void write_background(struct json_out *w, const struct receipt *r)
{
    write_guard(w, r->facts ? &r->facts->guard : NULL);
    PUT(w, "client_request_id", r->request ? r->request->client_request_id : SPAN_NONE);
    PUT_C(w, "task", r->facts ? task_name(r->facts->task) : NULL);
    if (r->decision && r->decision->propensity < 1) {
        PUT_BOOL(w, "explored", r->decision->explored);
        KEY(w, "propensity");
        write_share(w, r->decision->propensity);
    }
    KEY(w, "markers");
    if (r->facts && r->facts->features) {
        features_json(w, r->facts->features);
    } else {
        json_null(w);
    }
    PUT_KNOWN(w, "prompt_tokens", r->facts ? r->facts->prompt_tokens : -1);
    KEY(w, "error");
    if (r->fault.code == OK) {
        json_null(w);
        return;
    }
    json_begin_object(w);
    PUT_C(w, "code", err_code(r->fault.code));
    KEY(w, "message");
    write_own_words(w, span_c(r->fault.text[0] ? r->fault.text : err_sentence(r->fault.code)));
    json_end_object(w);
}

static void write_request(struct json_out *w, const struct request *q, const struct decision *d)
{
    char time[CLOCK_ISO_BYTES];
    if (q) {
        clock_iso(q->wall_us, time);
    }
    PUT_C(w, "id", q ? q->id : NULL);
    PUT_C(w, "time", q ? time : NULL);
    PUT(w, "client", q ? q->client : SPAN_NONE);
    PUT(w, "session", q ? q->options.session : SPAN_NONE);
    PUT_C(w, "mode", q ? mode_name(q->options.mode) : NULL);
    PUT_C(w, "privacy", d ? privacy_level_name(d->privacy) : NULL);
    PUT_C(w, "strategy", d ? d->strategy : NULL);
}

static void write_author(struct json_out *w, const struct receipt *r)
{
    const struct leg_receipt *author =
        r->author > 0 && r->author <= r->legs_count ? &r->legs[r->author - 1] : NULL;
    const struct backend *b = author ? author->backend : NULL;
    PUT_C(w, "tier", b ? tier_name(b->tier) : NULL);
    PUT_C(w, "backend", b ? b->name : NULL);
    PUT(w, "model", author ? model_of(author) : SPAN_NONE);
    KEY(w, "reason");
    write_own_words(w, r->reason);
}

/* What the threshold promises; only there where one was used. */
static void write_quality(struct json_out *w, const struct decision *d)
{
    if (!d || !d->threshold_from) {
        return;
    }
    KEY(w, "quality");
    json_begin_object(w);
    KEY(w, "target");
    write_share(w, d->quality);
    PUT_BOOL(w, "supported", d->quality_supported);
    PUT_C(w, "threshold_from", d->threshold_from);
    KEY(w, "note");
    write_text(w, d->quality_note);
    json_end_object(w);
}

/* What a device answer lacks beside the tier that should have given it; the decision notes it in any case. */
static int reduced_count(const struct receipt *r, const struct decision *d)
{
    bool device_stands_in = r->degraded == DEGRADED_OFFLINE ||
                            r->degraded == DEGRADED_CLOUD_FAILED || r->degraded == DEGRADED_BUDGET;
    return d && device_stands_in ? d->reduced_count : 0;
}

/* What a person agreed to; only where somebody was asked. */
static void write_consent(struct json_out *w, const struct consent *c)
{
    if (!c) {
        return;
    }
    KEY(w, "consent");
    json_begin_object(w);
    PUT_C(w, "id", c->id);
    PUT_C(w, "backend", c->to->name);
    PUT_C(w, "level", privacy_level_name(c->level));
    const struct {
        const char *key;
        const char *const *names;
    } lifted[] = {{"types", c->types}, {"rules", c->rules}};
    for (size_t i = 0; i < ARRAY_LEN(lifted); i++) {
        json_key(w, lifted[i].key);
        json_begin_array(w);
        for (const char *const *name = lifted[i].names; name && *name; name++) {
            json_c(w, *name);
        }
        json_end_array(w);
    }
    json_end_object(w);
}

static void write_service(struct json_out *w, const struct receipt *r, const struct decision *d)
{
    PUT_C(w, "degraded", degraded_name(r->degraded));
    KEY(w, "reduced");
    json_begin_array(w);
    for (int i = 0; i < reduced_count(r, d); i++) {
        json_c(w, d->reduced[i]);
    }
    json_end_array(w);
    KEY(w, "kept");
    if (d && d->kept_rule) {
        json_begin_object(w);
        PUT_C(w, "rule", d->kept_rule);
        PUT_C(w, "type", d->kept_type);
        json_end_object(w);
    } else {
        json_null(w);
    }
    KEY(w, "hint");
    write_text(w, r->hint);
    write_consent(w, d ? d->consent : NULL);
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
    KEY(w, "score");
    write_share(w, d ? d->score : -1);
    KEY(w, "confidence");
    write_share(w, r->confidence);
    KEY(w, "threshold");
    write_share(w, d ? d->threshold : -1);
    write_quality(w, d);
    KEY(w, "legs");
    json_begin_array(w);
    for (int i = 0; i < r->legs_count; i++) {
        write_leg(w, &r->legs[i], r);
    }
    json_end_array(w);
    PUT_USD(w, "cost_usd", r->cost_usd_nano);
    PUT_USD(w, "always_cloud_cost_usd", r->always_cloud_cost_usd_nano);
    if (r->always_cloud_estimated) {
        PUT_BOOL(w, "always_cloud_estimated", true);
    }
    PUT_KNOWN(w, "ttft_us", r->ttft_us);
    PUT_KNOWN(w, "total_us", r->total_us);
    PUT_KNOWN(w, "overhead_us", r->overhead_us);
    write_service(w, r, d);
    PUT_INT(w, "redacted", receipt_redacted(r));
    PUT_C(w, "outcome", outcome_name(r->outcome));
    if (with_rules) {
        write_background(w, r);
    }
    json_end_object(w);
}
