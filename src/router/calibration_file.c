/* SPDX-License-Identifier: Apache-2.0 */
#include "router/calibration_file.h"

#include <math.h>
#include <string.h>

#define FORMAT "weir-calibration-1"

/* ---- writing ---- */

static void put_known_share(struct json_out *w, const char *key, double x)
{
    json_put_number(w, key, x < 0 ? NAN : x);
}

void calibration_json(struct json_out *w, const struct calibration *c)
{
    json_put_int(w, "n", c->n);
    json_put_int(w, "assumed", c->assumed);
    json_put_bool(w, "graded", c->graded);
    put_known_share(w, "device_quality", c->device);
    put_known_share(w, "cloud_quality", c->cloud);
    put_known_share(w, "ece", c->reliability.n ? c->reliability.ece : -1);
    put_known_share(w, "isotonic_ece", c->isotonic_ece);
    json_key(w, "per_bin");
    json_begin_array(w);
    for (int i = 0; i < RELIABILITY_BINS; i++) {
        const struct reliability_bin *b = &c->reliability.bins[i];
        json_begin_object(w);
        json_put_number(w, "from", (double)i / RELIABILITY_BINS);
        json_put_number(w, "to", (double)(i + 1) / RELIABILITY_BINS);
        json_put_int(w, "n", b->n);
        json_put_number(w, "mean", b->n ? b->value : NAN);
        json_put_number(w, "quality", b->n ? b->quality : NAN);
        json_put_number(w, "isotonic", b->n ? isotonic_at(&c->isotonic, b->value) : NAN);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_value(struct json_out *w, const char *key, const struct calibration *c)
{
    json_key(w, key);
    if (c->n == 0) {
        json_null(w);
        return;
    }
    json_begin_object(w);
    calibration_json(w, c);
    json_put_number(w, "cloud_sum", c->cloud_sum);
    json_key(w, "points");
    json_begin_array(w);
    for (int i = 0; i < c->points_count; i++) {
        const struct calibration_point *p = &c->points[i];
        json_begin_array(w);
        json_number(w, p->threshold);
        json_number(w, p->cloud_share);
        json_number(w, p->quality);
        json_number(w, p->quality_low);
        json_end_array(w);
    }
    json_end_array(w);
    json_key(w, "isotonic");
    json_begin_array(w);
    for (int i = 0; i < c->isotonic.count; i++) {
        json_begin_array(w);
        json_number(w, c->isotonic.value[i]);
        json_number(w, c->isotonic.p[i]);
        json_end_array(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static void write_entry(struct json_out *w, const struct calibration_entry *e)
{
    json_begin_object(w);
    json_key(w, "device");
    json_begin_object(w);
    json_put_c(w, "backend", e->device);
    json_put_c(w, "model", e->model);
    json_put(w, "sha256", e->sha256[0] ? span_c(e->sha256) : SPAN_NONE);
    json_put_int(w, "bytes", e->bytes);
    json_put_int(w, "mtime_us", e->mtime_us);
    json_put(w, "quantisation", e->quantisation[0] ? span_c(e->quantisation) : SPAN_NONE);
    json_end_object(w);
    json_key(w, "cloud");
    json_begin_object(w);
    json_put_c(w, "backend", e->cloud);
    json_put_c(w, "model", e->cloud_model);
    json_end_object(w);
    json_put_c(w, "time", e->time);
    json_put_c(w, "source", e->source);
    write_value(w, "cascade", &e->cascade);
    write_value(w, "split", &e->split);
    json_end_object(w);
}

void calibrations_write(const struct calibrations *all, struct text *out)
{
    struct json_out w = json_out(out);
    json_begin_object(&w);
    json_put_c(&w, "format", FORMAT);
    json_key(&w, "entries");
    json_begin_array(&w);
    for (int i = 0; i < all->count; i++) {
        write_entry(&w, &all->entries[i]);
    }
    json_end_array(&w);
    json_end_object(&w);
    text_add_char(out, '\n');
}

/* ---- reading ---- */

static bool read_in(const struct json *v, double from, double to, double *out)
{
    double x;
    if (!json_to_f64(v, &x) || !(x >= from && x <= to)) {
        return false;
    }
    *out = x;
    return true;
}

/* A share that may be null. */
static bool read_known(const struct json *v, double *out)
{
    *out = -1;
    return json_type(v) == JSON_NULL || read_in(v, 0, 1, out);
}

static bool read_points(const struct json *list, struct calibration *c)
{
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct calibration_point p;
        if (c->points_count == CALIBRATION_POINTS_MAX ||
            !read_in(json_at(it.value, 0), 0, 1, &p.threshold) ||
            !read_in(json_at(it.value, 1), 0, 1, &p.cloud_share) ||
            !read_in(json_at(it.value, 2), 0, 1e9, &p.quality) ||
            !read_in(json_at(it.value, 3), 0, 1e9, &p.quality_low) ||
            (c->points_count && p.threshold <= c->points[c->points_count - 1].threshold)) {
            return false;
        }
        c->points[c->points_count++] = p;
    }
    return c->points_count >= 2 && c->points[0].threshold == 0 &&
           c->points[c->points_count - 1].threshold == 1;
}

static bool read_isotonic(const struct json *list, struct isotonic *fit)
{
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        int i = fit->count;
        if (i == ISOTONIC_MAX || !read_in(json_at(it.value, 0), 0, 1, &fit->value[i]) ||
            !read_in(json_at(it.value, 1), 0, 1, &fit->p[i]) ||
            (i && (fit->value[i] <= fit->value[i - 1] || fit->p[i] < fit->p[i - 1]))) {
            return false;
        }
        fit->count++;
    }
    return true;
}

static bool read_bins(const struct json *list, struct reliability *r)
{
    int i = 0;
    for (struct json_iter it = json_iter(list); json_next(&it); i++) {
        int64_t n = json_i64_or(json_get(it.value, "n"), -1);
        if (i == RELIABILITY_BINS || n < 0 || n > CALIBRATION_LABELS_MAX) {
            return false;
        }
        r->bins[i].n = (int)n;
        r->n += (int)n;
        if (n && (!read_in(json_get(it.value, "mean"), 0, 1, &r->bins[i].value) ||
                  !read_in(json_get(it.value, "quality"), 0, 1, &r->bins[i].quality))) {
            return false;
        }
    }
    return i == RELIABILITY_BINS;
}

static bool read_value(const struct json *v, struct calibration *c)
{
    *c = (struct calibration){.device = -1, .cloud = -1, .isotonic_ece = -1};
    if (json_type(v) == JSON_NULL) {
        return true;
    }
    c->n = json_i64_or(json_get(v, "n"), 0);
    c->assumed = json_i64_or(json_get(v, "assumed"), 0);
    c->graded = json_true(json_get(v, "graded"));
    return c->n > 0 && c->n <= CALIBRATION_LABELS_MAX && c->assumed >= 0 && c->assumed <= c->n &&
           read_known(json_get(v, "device_quality"), &c->device) &&
           read_known(json_get(v, "cloud_quality"), &c->cloud) &&
           read_in(json_get(v, "cloud_sum"), 0, (double)c->n, &c->cloud_sum) &&
           read_known(json_get(v, "ece"), &c->reliability.ece) &&
           read_known(json_get(v, "isotonic_ece"), &c->isotonic_ece) &&
           read_points(json_get(v, "points"), c) &&
           read_isotonic(json_get(v, "isotonic"), &c->isotonic) &&
           read_bins(json_get(v, "per_bin"), &c->reliability);
}

static bool read_name(const struct json *v, char *out, size_t size, bool needed)
{
    struct span s = json_str(v);
    if (s.len >= size || (needed && s.len == 0) || (s.len && memchr(s.data, '\0', s.len))) {
        return false;
    }
    span_to_c(s, out, size);
    return true;
}

/* NULL, or what is wrong. */
static const char *read_entry(const struct json *v, struct calibration_entry *e)
{
    const struct json *device = json_get(v, "device");
    const struct json *cloud = json_get(v, "cloud");
    if (!read_name(json_get(device, "backend"), e->device, sizeof e->device, true) ||
        !read_name(json_get(device, "model"), e->model, sizeof e->model, false) ||
        !read_name(json_get(device, "sha256"), e->sha256, sizeof e->sha256, false) ||
        !read_name(json_get(device, "quantisation"), e->quantisation, sizeof e->quantisation,
                   false) ||
        !read_name(json_get(cloud, "backend"), e->cloud, sizeof e->cloud, true) ||
        !read_name(json_get(cloud, "model"), e->cloud_model, sizeof e->cloud_model, false) ||
        !read_name(json_get(v, "time"), e->time, sizeof e->time, false) ||
        !read_name(json_get(v, "source"), e->source, sizeof e->source, false)) {
        return "a name is missing or too long";
    }
    e->bytes = json_i64_or(json_get(device, "bytes"), 0);
    e->mtime_us = json_i64_or(json_get(device, "mtime_us"), 0);
    if (!read_value(json_get(v, "cascade"), &e->cascade)) {
        return "`cascade` has numbers that cannot be";
    }
    return read_value(json_get(v, "split"), &e->split) ? NULL
                                                       : "`split` has numbers that cannot be";
}

enum err calibrations_read(struct span json, struct calibrations *out, struct fault *fault)
{
    struct calibrations all = {0};
    struct json_doc *doc = NULL;
    enum err err = json_parse(json, &doc, fault);
    if (!err && !span_is(json_str(json_get(json_root(doc), "format")), FORMAT)) {
        err = fault_set(fault, ERR_INVALID, "its format is not " FORMAT);
    }
    struct calibration_entry *e = NEW(struct calibration_entry);
    for (struct json_iter it = json_iter(json_get(json_root(doc), "entries"));
         !err && json_next(&it);) {
        *e = (struct calibration_entry){.bytes = 0};
        const char *wrong =
            it.index >= CALIBRATION_ENTRIES_MAX ? "there are too many" : read_entry(it.value, e);
        if (wrong) {
            err = fault_set(fault, ERR_INVALID, "entry %zu: %s", it.index + 1, wrong);
        } else {
            calibrations_put(&all, e);
        }
    }
    mem_free(e);
    json_free(doc);
    if (err) {
        calibrations_done(&all);
    }
    *out = all;
    return err;
}

/* ---- the list ---- */

void calibrations_done(struct calibrations *all)
{
    mem_free(all->entries);
    *all = (struct calibrations){0};
}

struct calibration_entry *calibrations_find(const struct calibrations *all, const char *device,
                                            const char *cloud)
{
    for (int i = 0; all && i < all->count; i++) {
        struct calibration_entry *e = &all->entries[i];
        if ((!device || strcmp(e->device, device) == 0) &&
            (!cloud || strcmp(e->cloud, cloud) == 0)) {
            return e;
        }
    }
    return NULL;
}

void calibrations_put(struct calibrations *all, const struct calibration_entry *entry)
{
    struct calibration_entry *at = calibrations_find(all, entry->device, entry->cloud);
    if (!at && all->count == CALIBRATION_ENTRIES_MAX) {
        at = &all->entries[0];
        for (int i = 1; i < all->count; i++) {
            at = strcmp(all->entries[i].time, at->time) < 0 ? &all->entries[i] : at;
        }
    }
    if (!at) {
        size_t size = sizeof *all->entries;
        all->entries =
            mem_grow(all->entries, size * (size_t)all->count, size * (size_t)(all->count + 1));
        at = &all->entries[all->count++];
    }
    *at = *entry;
}
