/* SPDX-License-Identifier: Apache-2.0 */
/* The decision as JSON, for `weir explain` and POST /weir/v1/explain (INTERFACE). */
#include "router/inside.h"

#include <math.h>

static void put_share(struct json_out *w, const char *key, double x)
{
    json_put_number(w, key, x >= 0 ? round(x * 1e4) / 1e4 : NAN);
}

static void put_decision(struct json_out *w, const struct decision *d)
{
    json_key(w, "decision");
    json_begin_object(w);
    json_put_c(w, "strategy", d->strategy);
    json_key(w, "backends");
    json_begin_array(w);
    for (int i = 0; i < d->backends_count; i++) {
        json_c(w, d->backends[i]->name);
    }
    json_end_array(w);
    json_put_int(w, "local_count", d->local_count);
    json_put(w, "reason", d->reason);
    json_put_c(w, "degraded", degraded_name(d->degraded));
    json_key(w, "reduced");
    json_begin_array(w);
    for (int i = 0; d->degraded != DEGRADED_NO && i < d->reduced_count; i++) {
        json_c(w, d->reduced[i]);
    }
    json_end_array(w);
    json_key(w, "kept");
    if (d->kept_rule) {
        json_begin_object(w);
        json_put_c(w, "rule", d->kept_rule);
        json_put_c(w, "type", d->kept_type);
        json_end_object(w);
    } else {
        json_null(w);
    }
    json_put(w, "hint", d->hint.len ? d->hint : SPAN_NONE);
    json_key(w, "error");
    if (d->err == OK) {
        json_null(w);
    } else {
        json_begin_object(w);
        json_put_c(w, "code", err_code(d->err));
        json_put(w, "message", d->err_text);
        json_end_object(w);
    }
    json_end_object(w);
}

static void put_rules(struct json_out *w, const struct decision *d)
{
    json_key(w, "rules");
    json_begin_array(w);
    for (int i = 0; i < d->rules_count; i++) {
        json_begin_object(w);
        json_put_c(w, "rule", d->rules[i].rule);
        json_put_c(w, "verdict", verdict_name(d->rules[i].verdict));
        json_put(w, "why", d->rules[i].why);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_quality(struct json_out *w, const struct decision *d)
{
    json_key(w, "quality");
    if (!d->threshold_from) {
        json_null(w);
        return;
    }
    json_begin_object(w);
    put_share(w, "target", d->quality);
    json_put_bool(w, "supported", d->quality_supported);
    json_put_c(w, "threshold_from", d->threshold_from);
    put_share(w, "score_threshold", d->score_threshold);
    json_put(w, "note", d->quality_note);
    json_end_object(w);
}

/* The labels behind the threshold, and the score as a probability that they make of it. */
static void put_calibration(struct json_out *w, const struct router *r, const struct decision *d)
{
    const struct backend *device = d->backends_count ? d->backends[0] : NULL;
    const struct backend *cloud = d->local_count > 0 && d->local_count < d->backends_count
                                      ? d->backends[d->local_count]
                                      : NULL;
    const struct calibration_entry *e =
        device && cloud ? calibrations_find(r->calibrations, device->name, cloud->name) : NULL;
    json_key(w, "calibration");
    if (!e) {
        json_null(w);
        return;
    }
    json_begin_object(w);
    json_put_c(w, "device", e->device);
    json_put_c(w, "cloud", e->cloud);
    json_put_c(w, "time", e->time);
    json_put_c(w, "source", e->source);
    json_put_bool(w, "in_force", !e->stale);
    json_put(w, "why", e->stale ? span_c(e->why) : SPAN_NONE);
    json_put_int(w, "labels_cascade", e->cascade.n);
    json_put_int(w, "labels_split", e->split.n);
    bool known = !e->stale && e->split.n > 0 && d->score >= 0;
    put_share(w, "p_good_by_score", known ? isotonic_at(&e->split.isotonic, d->score) : -1);
    json_end_object(w);
}

static void put_privacy(struct json_out *w, const struct facts *f, const struct decision *d)
{
    json_key(w, "privacy");
    json_begin_object(w);
    json_key(w, "findings");
    json_begin_array(w);
    for (int i = 0; i < f->findings_count; i++) {
        json_begin_object(w);
        json_put_c(w, "type", f->findings[i].type);
        json_put_int(w, "count", f->findings[i].count);
        json_put_bool(w, "never_leave", f->findings[i].never_leave);
        json_end_object(w);
    }
    json_end_array(w);
    json_put_bool(w, "scan_failed", f->scan_failed);
    json_put_c(w, "verdict", d->err == ERR_POLICY ? "forbid" : privacy_level_name(d->privacy));
    json_end_object(w);
}

void router_explain(struct router *r, const struct facts *f, const struct decision *d,
                    struct text *out)
{
    struct json_out w = json_out(out);
    json_begin_object(&w);
    put_decision(&w, d);
    put_rules(&w, d);
    put_share(&w, "score", d->score);
    put_share(&w, "threshold", d->threshold);
    json_put_bool(&w, "threshold_calibrated", d->threshold_calibrated);
    put_quality(&w, d);
    put_calibration(&w, r, d);
    put_score_parts(&w, d);
    put_contributions(&w, r, f);
    struct text features;
    text_init(&features, 16 * KIB);
    r->scorer->explain(r->scorer_self, f, &features);
    json_key(&w, "features");
    json_raw(&w, text_span(&features));
    text_done(&features);
    put_predictions(&w, r, f);
    put_memory(&w, f);
    put_privacy(&w, f, d);
    json_key(&w, "device");
    device_facts_json(&w, &f->device);
    json_put_bool(&w, "runs", false);
    json_end_object(&w);
}
