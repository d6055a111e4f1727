/* SPDX-License-Identifier: Apache-2.0 */
#include "router/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- order ---- */

static void merge(const struct routed *from, struct routed *to, size_t start, size_t middle,
                  size_t end)
{
    size_t a = start;
    size_t b = middle;
    for (size_t i = start; i < end; i++) {
        bool first = a < middle && (b >= end || from[a].gain <= from[b].gain);
        to[i] = first ? from[a++] : from[b++];
    }
}

void metrics_sort(struct routed *routed, size_t n)
{
    struct routed *other = NEW_ARRAY(struct routed, MAX(n, 1u));
    struct routed *from = routed;
    struct routed *to = other;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            merge(from, to, start, MIN(start + width, n), MIN(start + 2 * width, n));
        }
        struct routed *swap = from;
        from = to;
        to = swap;
    }
    if (from != routed) {
        memcpy(routed, from, n * sizeof *routed);
    }
    mem_free(other);
}

/* ---- the curve ---- */

static uint64_t times_of(const uint16_t *times, size_t i)
{
    return times ? times[i] : 1;
}

struct walk { /* over the sorted prompts, upwards */
    const struct routed *sorted;
    const uint16_t *times;
    size_t n, at;         /* `at`: the first prompt that is not behind us */
    uint64_t behind;      /* how many are behind, each as often as it counts */
    double device, cloud; /* sums over what is behind */
};

static void step(struct walk *w)
{
    uint64_t times = times_of(w->times, w->at);
    w->behind += times;
    w->device += (double)times * w->sorted[w->at].device;
    w->cloud += (double)times * w->sorted[w->at].cloud;
    w->at++;
}

/* The gain of the `rank`-th prompt (from 0), counted as often as it counts. `w` only moves forward. */
static double gain_at(struct walk *w, uint64_t rank)
{
    while (w->behind + times_of(w->times, w->at) <= rank) {
        step(w);
    }
    return w->sorted[w->at].gain;
}

static void find_edges(const struct routed *sorted, const uint16_t *times, size_t n, uint64_t total,
                       double edges[METRICS_POINTS])
{
    struct walk w = {.sorted = sorted, .times = times, .n = n};
    for (int i = 0; i < METRICS_POINTS; i++) {
        double position = (double)(total - 1) * i / METRICS_BINS;
        uint64_t rank = (uint64_t)floor(position);
        double low = gain_at(&w, rank);
        struct walk ahead = w;
        double high = gain_at(&ahead, MIN(rank + 1, total - 1));
        edges[i] = low + (high - low) * (position - (double)rank);
    }
}

static void add_point(struct metrics *m, double share, double score)
{
    m->share[m->points] = share;
    m->score[m->points] = score;
    m->points++;
}

/* From the highest edge down, so that the points come by rising share. */
static void draw(const struct routed *sorted, const uint16_t *times, size_t n, uint64_t total,
                 const double edges[METRICS_POINTS], struct metrics *m)
{
    double share[METRICS_POINTS];
    double score[METRICS_POINTS];
    int points = 0;
    struct walk w = {.sorted = sorted, .times = times, .n = n};
    double cloud_sum = m->cloud * (double)total;
    for (int i = 0; i < METRICS_POINTS; i++) {
        bool last = i == METRICS_BINS;
        bool repeats = (i > 0 && edges[i] == edges[i - 1]) || edges[i] == edges[METRICS_BINS];
        if (repeats && !last) {
            continue; /* qcut(duplicates="drop") */
        }
        while (w.at < n && (last ? sorted[w.at].gain <= edges[i] : sorted[w.at].gain < edges[i])) {
            step(&w);
        }
        share[points] = 1 - (double)w.behind / (double)total;
        score[points] = (w.device + cloud_sum - w.cloud) / (double)total;
        points++;
    }
    m->points = 0;
    for (int i = points; i-- > 0;) {
        add_point(m, share[i], score[i]);
    }
    if (m->points == 1) { /* every gain is the same: only all or nothing can be chosen */
        add_point(m, 1, m->cloud);
    }
}

/* numpy.interp(score, curve by score, share): the scores are taken to rise, and left or right of them
 * the nearest end counts. */
static double share_for(const struct metrics *m, double score)
{
    int last = m->points - 1;
    if (score < m->score[0]) {
        return m->share[0];
    }
    if (score > m->score[last]) {
        return m->share[last];
    }
    int low = 0;
    int high = m->points;
    while (low < high) { /* the first whose score is above */
        int middle = (low + high) / 2;
        if (score >= m->score[middle]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    int at = MAX(low - 1, 0);
    if (at >= last || m->score[at + 1] == m->score[at]) {
        return m->share[at];
    }
    double slope = (m->share[at + 1] - m->share[at]) / (m->score[at + 1] - m->score[at]);
    return m->share[at] + slope * (score - m->score[at]);
}

static double area(const struct metrics *m)
{
    double sum = 0;
    for (int i = 1; i < m->points; i++) {
        sum += (m->share[i] - m->share[i - 1]) * (m->score[i] + m->score[i - 1]) / 2;
    }
    return sum;
}

void metrics_of(const struct routed *sorted, const uint16_t *times, size_t n, struct metrics *out)
{
    PRE(n > 0);
    struct metrics m = {.points = 0};
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t t = times_of(times, i);
        total += t;
        m.device += (double)t * sorted[i].device;
        m.cloud += (double)t * sorted[i].cloud;
    }
    ASSERT(total > 0);
    m.device /= (double)total;
    m.cloud /= (double)total;
    double edges[METRICS_POINTS];
    find_edges(sorted, times, n, total, edges);
    draw(sorted, times, n, total, edges, &m);
    double way = m.cloud - m.device;
    m.apgr = m.cpt50 = m.cpt80 = NAN;
    if (fabs(way) > 1e-12) {
        m.apgr = (area(&m) - m.device) / way;
        m.cpt50 = share_for(&m, m.device + 0.5 * way);
        m.cpt80 = share_for(&m, m.device + 0.8 * way);
    }
    *out = m;
}

double metrics_score_at(const struct metrics *m, double share)
{
    int i = 1;
    while (i < m->points - 1 && m->share[i] < share) {
        i++;
    }
    double width = m->share[i] - m->share[i - 1];
    double part = width > 0 ? (share - m->share[i - 1]) / width : 0;
    return m->score[i - 1] + (m->score[i] - m->score[i - 1]) * part;
}

/* ---- how sure ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

void metrics_interval(const struct routed *sorted, size_t n, int rounds, struct rng *rng,
                      double out_low_high[2])
{
    uint16_t *times = NEW_ARRAY(uint16_t, n);
    double *apgr = NEW_ARRAY(double, rounds);
    int known = 0;
    for (int r = 0; r < rounds; r++) {
        struct metrics m;
        memset(times, 0, n * sizeof *times);
        for (size_t i = 0; i < n; i++) {
            times[rng_below(rng, n)]++;
        }
        metrics_of(sorted, times, n, &m);
        if (isfinite(m.apgr)) {
            apgr[known++] = m.apgr;
        }
    }
    qsort(apgr, (size_t)known, sizeof *apgr, compare_doubles);
    out_low_high[0] = known ? apgr[(int)(0.025 * (known - 1))] : NAN;
    out_low_high[1] = known ? apgr[(int)ceil(0.975 * (known - 1))] : NAN;
    mem_free(apgr);
    mem_free(times);
}
