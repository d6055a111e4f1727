/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/calibrate_view.h"

#include "cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define CURVE_ROWS 11
#define CURVE_CELLS 40

const struct calibration *calibrate_main(const struct calibrate_result *r)
{
    return r->cascade && r->entry->cascade.n ? &r->entry->cascade : &r->entry->split;
}

/* The last point at which the device answers at least this share. */
static const struct calibration_point *at_device_share(const struct calibration *c, double share)
{
    const struct calibration_point *found = NULL;
    for (int i = 0; i < c->points_count; i++) {
        if (1 - c->points[i].cloud_share >= share - 1e-9) {
            found = &c->points[i];
        }
    }
    return found;
}

/* "local does 70 % at -2 % quality" */
static void decisive(const struct calibration_point *p, struct text *out)
{
    double change = 100 * (p->quality - 1);
    text_addf(out, "local does %.0f %% at %s%.1f %% quality", 100 * (1 - p->cloud_share),
              change < -0.05 ? "\xe2\x88\x92" : "+", fabs(change));
}

static void promise(const struct calibration *c, const struct calibration_choice *choice,
                    double quality, struct text *out)
{
    if (choice->supported) {
        text_addf(
            out,
            "%.4g %% of always-cloud quality, at 95 %% confidence, on your traffic (%lld labels)",
            100 * quality, (long long)c->n);
    } else if (choice->more_labels < 0) {
        text_add_c(out, "quality target not yet supported: no number of labels can prove it");
    } else {
        text_addf(
            out,
            "quality target not yet supported: not enough evidence yet, %lld more labels needed",
            (long long)choice->more_labels);
    }
}

/* ---- JSON ---- */

static void put_known(struct json_out *w, const char *key, double x)
{
    json_put_number(w, key, x < 0 ? NAN : x);
}

static void put_choice(struct json_out *w, const struct calibration *c, double quality)
{
    struct calibration_choice choice;
    struct text text;
    text_init(&text, KIB);
    calibration_choose(c, quality, &choice);
    json_put_number(w, "threshold", choice.point.threshold);
    put_known(w, "expected_cloud_share", choice.point.cloud_share);
    put_known(w, "expected_quality", choice.point.quality);
    put_known(w, "quality_lower_bound", choice.point.quality_low);
    json_put_number(w, "quality", quality);
    json_put_bool(w, "supported", choice.supported);
    json_put_known(w, "more_labels_needed", choice.more_labels);
    promise(c, &choice, quality, &text);
    json_put(w, "note", text_span(&text));
    calibration_json(w, c);
    text_clear(&text);
    if (choice.point.cloud_share >= 0) {
        decisive(&choice.point, &text);
    }
    json_put(w, "summary", text.len ? text_span(&text) : SPAN_NONE);
    json_key(w, "curve");
    json_begin_array(w);
    for (int i = 0; i < c->points_count; i++) { /* from the device always to the cloud always */
        const struct calibration_point *p = &c->points[i];
        json_begin_object(w);
        json_put_number(w, "threshold", p->threshold);
        json_put_number(w, "cloud_share", p->cloud_share);
        json_put_number(w, "quality", p->quality);
        json_put_number(w, "quality_lower_bound", p->quality_low);
        json_end_object(w);
    }
    json_end_array(w);
    text_done(&text);
}

static void put_value(struct json_out *w, const char *key, const struct calibration *c,
                      double quality)
{
    json_key(w, key);
    if (c->n == 0) {
        json_null(w);
        return;
    }
    json_begin_object(w);
    put_choice(w, c, quality);
    json_end_object(w);
}

void calibrate_json(const struct calibrate_result *r, struct text *out)
{
    struct json_out w = json_out(out);
    const struct calibration_entry *e = r->entry;
    json_begin_object(&w);
    put_choice(&w, calibrate_main(r), r->quality);
    json_put_c(&w, "by", calibrate_main(r) == &e->cascade ? "confidence" : "score");
    json_put_c(&w, "source", r->source);
    json_key(&w, "device");
    json_begin_object(&w);
    json_put_c(&w, "backend", e->device);
    json_put_c(&w, "model", e->model);
    json_put(&w, "sha256", e->sha256[0] ? span_c(e->sha256) : SPAN_NONE);
    json_put(&w, "quantisation", e->quantisation[0] ? span_c(e->quantisation) : SPAN_NONE);
    json_end_object(&w);
    json_key(&w, "cloud");
    json_begin_object(&w);
    json_put_c(&w, "backend", e->cloud);
    json_put_c(&w, "model", e->cloud_model);
    json_end_object(&w);
    put_value(&w, "cascade", &e->cascade, r->quality);
    put_value(&w, "split", &e->split, r->quality);
    json_put_bool(&w, "applied", r->applied);
    json_put_c(&w, "not_applied", r->not_applied);
    json_end_object(&w);
}

/* ---- the terminal ---- */

static void print_row(const struct calibration_point *p, bool chosen)
{
    struct text bar;
    text_init(&bar, KIB);
    cli_bar(&bar, MIN(MAX(p->quality, 0), 1), CURVE_CELLS);
    printf("  %3.0f %%      %5.1f %%   %5.1f %%   %s%s%s  %s\n", 100 * (1 - p->cloud_share),
           100 * p->quality, 100 * p->quality_low,
           chosen ? cli_green(STDOUT_FILENO) : cli_dim(STDOUT_FILENO), bar.data,
           cli_reset(STDOUT_FILENO), chosen ? "<- in force" : "");
    text_done(&bar);
}

/* Eleven rows from "the device never" to "always", and the one in force in its place. */
static void print_curve(const struct calibration *c, const struct calibration_point *chosen)
{
    printf("\n  on the     quality   at least\n  device     kept      (95 %% sure)\n");
    double last = -1;
    bool shown = chosen->cloud_share < 0;
    for (int i = 0; i < CURVE_ROWS; i++) {
        const struct calibration_point *p = at_device_share(c, (double)i / (CURVE_ROWS - 1));
        if (!p || 1 - p->cloud_share <= last + 0.02) {
            continue;
        }
        if (!shown && p->cloud_share <= chosen->cloud_share) {
            shown = true;
            print_row(chosen, true);
            last = 1 - chosen->cloud_share;
            if (1 - p->cloud_share <= last + 0.02) {
                continue;
            }
        }
        print_row(p, false);
        last = 1 - p->cloud_share;
    }
    if (!shown) {
        print_row(chosen, true);
    }
}

static void print_reliability(const struct calibration *c)
{
    printf("\n  %lld labels", (long long)c->n);
    if (c->device >= 0) {
        printf(", device %.1f %% right", 100 * c->device);
    }
    if (c->cloud >= 0) {
        printf(", cloud %.1f %%", 100 * c->cloud);
    }
    if (c->assumed) {
        printf("; of %lld one side is not known and counts against the device",
               (long long)c->assumed);
    }
    printf("\n  as probability off by %.3f (expected calibration error)", c->reliability.ece);
    if (c->isotonic_ece >= 0) {
        printf(", %.3f after isotonic correction", c->isotonic_ece);
    }
    printf("\n");
}

void calibrate_print(const struct calibrate_result *r)
{
    const struct calibration *c = calibrate_main(r);
    const struct calibration_entry *e = r->entry;
    struct calibration_choice choice;
    struct text text;
    text_init(&text, KIB);
    calibration_choose(c, r->quality, &choice);
    printf("%s and %s, by %s, from %s\n", e->device, e->cloud,
           c == &e->cascade ? "the confidence of the device's answer"
                            : "the score before an answer",
           r->source);
    if (c->n > 0) {
        print_curve(c, &choice.point);
        print_reliability(c);
        decisive(&choice.point, &text);
        printf("\n%s%s%s", cli_bold(STDOUT_FILENO), text.data, cli_reset(STDOUT_FILENO));
    }
    text_clear(&text);
    promise(c, &choice, r->quality, &text);
    printf("%sthreshold %.4g: %s\n", c->n > 0 ? "\n" : "", choice.point.threshold, text.data);
    if (!choice.supported) {
        printf("until then the careful threshold is used: the higher of %.2f and what the labels "
               "seem to say\n",
               calibration_default(r->quality));
    }
    if (r->applied) {
        printf("%sin force for `threshold: auto` from now on%s\n", cli_dim(STDOUT_FILENO),
               cli_reset(STDOUT_FILENO));
    } else if (r->not_applied) {
        printf("not put in force: %s\n", r->not_applied);
    }
    text_done(&text);
}
