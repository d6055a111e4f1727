/* SPDX-License-Identifier: Apache-2.0 */
#include "router/calibration.h"

#include "router/calibration_bounds.h"

#include <math.h>
#include <stdlib.h>

#define LABELS_SEARCHED_MAX ((int64_t)1 << 24)

double calibration_default(double quality)
{
    return MIN(MAX(THRESHOLD_DEFAULT * quality / QUALITY_DEFAULT, 0), 1);
}

/* ---- the table ---- */

/* Sums over the labels that the device would keep; the whole for those above. */
struct sums {
    int64_t n, kept;
    double cloud;  /* Σ cloud, over all */
    double routed; /* Σ of what answers, over all */
    double spoilt; /* Σ max(0, cloud − device), over what is kept */
    double gained; /* Σ max(0, device − cloud), over what is kept */
    bool graded;
};

static double cloud_of(const struct calibration_label *l)
{
    return l->cloud < 0 ? 1 : l->cloud;
}

static double device_of(const struct calibration_label *l)
{
    return l->device < 0 ? 0 : l->device;
}

static bool between(double quality)
{
    return quality > 0 && quality < 1;
}

/* One-sided bounds of the mean of values in 0..1, each wrong with probability `delta` at most. */
static double most(const struct sums *s, double sum, double delta)
{
    return s->graded ? mean_upper(sum, s->n, delta)
                     : binomial_upper((int64_t)round(sum), s->n, delta);
}

static double least(const struct sums *s, double sum, double delta)
{
    return MAX(1 - most(s, (double)s->n - sum, delta), 0);
}

/* What is left of always-cloud quality for certain. */
static double quality_low(const struct sums *s)
{
    if (s->kept == 0) {
        return 1;
    }
    /* what is gained is too little to be certain of on few labels, and would cost part of the error */
    bool gains = s->n >= CALIBRATION_GAINS_FROM;
    double delta = gains ? 0.8 * CALIBRATION_DELTA : CALIBRATION_DELTA;
    double spoilt; /* share of the cloud's quality */
    if (s->graded) {
        double cloud = least(s, s->cloud, delta / 2);
        spoilt = cloud > 0 ? most(s, s->spoilt, delta / 2) / cloud : 1;
    } else {
        spoilt = binomial_upper((int64_t)s->spoilt, (int64_t)s->cloud, delta);
    }
    double rest = 0.1 * CALIBRATION_DELTA;
    double gained = gains ? least(s, s->gained, rest) / MAX(most(s, s->cloud, rest), 1e-9) : 0;
    return MAX(1 - spoilt + gained, 0);
}

static struct calibration_point point_of(const struct sums *s, double threshold)
{
    return (struct calibration_point){
        .threshold = threshold,
        .cloud_share = (double)(s->n - s->kept) / (double)s->n,
        .quality = s->cloud > 0 ? s->routed / s->cloud : 1,
        .quality_low = quality_low(s),
    };
}

static int by_value(const void *a, const void *b)
{
    double x = ((const struct calibration_label *)a)->value;
    double y = ((const struct calibration_label *)b)->value;
    return (x > y) - (x < y);
}

/* From "the cloud always" down, one point per group of equal values, as many groups as there is room for. */
static int make_points(const struct calibration_label *labels, int64_t count, struct sums *s,
                       struct calibration_point *points)
{
    int n = 0;
    int64_t step = (count + CALIBRATION_POINTS_MAX - 3) / (CALIBRATION_POINTS_MAX - 2);
    int64_t due = count - step;
    points[n++] = point_of(s, 1);
    for (int64_t i = count; i-- > 0;) {
        const struct calibration_label *l = &labels[i];
        s->kept++;
        s->routed += device_of(l) - cloud_of(l);
        s->spoilt += MAX(cloud_of(l) - device_of(l), 0);
        s->gained += MAX(device_of(l) - cloud_of(l), 0);
        if (i == 0) {
            points[n++] = point_of(s, 0);
        } else if (labels[i - 1].value < l->value && i <= due) {
            points[n++] = point_of(s, (labels[i - 1].value + l->value) / 2);
            due = i - step;
        }
    }
    return n;
}

static void turn_round(struct calibration_point *points, int count)
{
    for (int i = 0; i < count / 2; i++) {
        struct calibration_point p = points[i];
        points[i] = points[count - 1 - i];
        points[count - 1 - i] = p;
    }
}

static void measure_device(const struct calibration_label *labels, int64_t count,
                           struct calibration *out)
{
    struct labelled *known = NEW_ARRAY(struct labelled, count);
    int n = 0;
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        if (labels[i].device >= 0) {
            known[n++] = (struct labelled){labels[i].value, labels[i].device};
            sum += labels[i].device;
        }
    }
    isotonic_fit(known, n, &out->isotonic);
    reliability_measure(known, n, &out->reliability);
    out->isotonic_ece = isotonic_ece(known, n);
    out->device = n ? sum / n : -1;
    mem_free(known);
}

void calibration_make(struct calibration_label *labels, int64_t count, struct calibration *out)
{
    PRE(count <= CALIBRATION_LABELS_MAX);
    *out = (struct calibration){.n = MAX(count, 0), .device = -1, .cloud = -1, .isotonic_ece = -1};
    if (count <= 0) {
        return;
    }
    qsort(labels, (size_t)count, sizeof *labels, by_value);
    struct sums s = {.n = count};
    double cloud = 0;
    int64_t clouds = 0;
    for (int64_t i = 0; i < count; i++) {
        const struct calibration_label *l = &labels[i];
        s.cloud += cloud_of(l);
        s.graded |= between(l->cloud) || between(l->device);
        out->assumed += l->device < 0 || l->cloud < 0;
        cloud += MAX(l->cloud, 0);
        clouds += l->cloud >= 0;
    }
    s.routed = s.cloud;
    out->cloud_sum = s.cloud;
    out->graded = s.graded;
    out->cloud = clouds ? cloud / (double)clouds : -1;
    out->points_count = make_points(labels, count, &s, out->points);
    turn_round(out->points, out->points_count);
    measure_device(labels, count, out);
}

/* ---- choosing ---- */

/* Would `n` labels like these, with nothing spoilt, be enough? */
static bool enough(const struct calibration *c, double quality, int64_t n)
{
    double rate = c->n > 0 ? c->cloud_sum / (double)c->n : 1;
    struct sums s = {.n = n, .kept = 1, .cloud = floor(rate * (double)n), .graded = c->graded};
    return s.cloud >= 1 && quality_low(&s) >= quality;
}

/* Labels that are still missing before any threshold below "the cloud always" could be promised. */
static int64_t missing_labels(const struct calibration *c, double quality)
{
    if (quality >= 1 || (c->n > 0 && c->cloud_sum <= 0)) {
        return -1;
    }
    int64_t high = MAX(c->n, 1);
    while (!enough(c, quality, high)) {
        high *= 2;
        if (high > LABELS_SEARCHED_MAX) {
            return -1;
        }
    }
    int64_t low = 0;
    while (low + 1 < high) {
        int64_t middle = (low + high) / 2;
        if (enough(c, quality, middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return MAX(high - c->n, 0);
}

struct calibration_point calibration_at(const struct calibration *c, double threshold)
{
    struct calibration_point found = {threshold, -1, -1, -1};
    for (int i = c->points_count - 1; i >= 0 && c->points[i].threshold >= threshold; i--) {
        found =
            c->points[i]; /* between two points nothing is told apart, so the higher one speaks */
    }
    found.threshold = threshold;
    return found;
}

void calibration_choose(const struct calibration *c, double quality, struct calibration_choice *out)
{
    double careful = calibration_default(quality);
    *out = (struct calibration_choice){.point = {careful, -1, -1, -1},
                                       .more_labels = missing_labels(c, quality)};
    int promised = c->points_count - 1;
    int seeming = c->points_count - 1;
    if (promised < 0) {
        return;
    }
    while (promised > 0 && c->points[promised - 1].quality_low >= quality) {
        promised--;
    }
    while (seeming > 0 && c->points[seeming - 1].quality >= quality) {
        seeming--;
    }
    out->supported = out->more_labels == 0;
    out->point = out->supported ? c->points[promised]
                                : calibration_at(c, MAX(careful, c->points[seeming].threshold));
}
