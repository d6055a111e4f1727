/* SPDX-License-Identifier: Apache-2.0 */
#include "router/calibration_isotonic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = ((const struct labelled *)a)->value;
    double y = ((const struct labelled *)b)->value;
    return (x > y) - (x < y);
}

void labelled_sort(struct labelled *items, int count)
{
    if (count > 1) {
        qsort(items, (size_t)count, sizeof *items, by_value);
    }
}

/* ---- pool adjacent violators ---- */

struct block {
    double first, last; /* values */
    double qualities;   /* sum */
    int n;
};

static double mean_quality(const struct block *b)
{
    return b->qualities / b->n;
}

/* `earlier` goes in front of `b`. */
static void join(struct block *b, const struct block *earlier)
{
    b->first = earlier->first;
    b->qualities += earlier->qualities;
    b->n += earlier->n;
}

/* Blocks whose means rise; equal values share a block from the start. Gives their count. */
static int pool(const struct labelled *items, int count, struct block *blocks)
{
    int top = 0;
    for (int i = 0; i < count; i++) {
        struct block next = {items[i].value, items[i].value, items[i].quality, 1};
        while (top > 0 && (blocks[top - 1].last == next.first ||
                           mean_quality(&blocks[top - 1]) >= mean_quality(&next))) {
            join(&next, &blocks[--top]);
        }
        blocks[top++] = next;
    }
    return top;
}

static void add_point(struct isotonic *out, double value, double p)
{
    if (out->count == 0 || value > out->value[out->count - 1]) {
        out->value[out->count] = value;
        out->p[out->count++] = p;
    }
}

void isotonic_fit(const struct labelled *items, int count, struct isotonic *out)
{
    *out = (struct isotonic){.count = 0};
    if (count <= 0) {
        return;
    }
    struct block *blocks = NEW_ARRAY(struct block, count);
    int n = pool(items, count, blocks);
    int each = (2 * n + ISOTONIC_MAX - 1) / ISOTONIC_MAX;
    for (int i = 0; i < n; i += each) {
        struct block b = blocks[MIN(i + each, n) - 1];
        for (int j = MIN(i + each, n) - 1; j-- > i;) {
            join(&b, &blocks[j]);
        }
        add_point(out, b.first, mean_quality(&b));
        add_point(out, b.last, mean_quality(&b));
    }
    mem_free(blocks);
}

double isotonic_at(const struct isotonic *fit, double value)
{
    if (fit->count == 0) {
        return value;
    }
    if (value <= fit->value[0]) {
        return fit->p[0];
    }
    for (int i = 1; i < fit->count; i++) {
        if (value <= fit->value[i]) {
            double width = fit->value[i] - fit->value[i - 1];
            double share = width > 0 ? (value - fit->value[i - 1]) / width : 1;
            return fit->p[i - 1] + share * (fit->p[i] - fit->p[i - 1]);
        }
    }
    return fit->p[fit->count - 1];
}

/* ---- reliability ---- */

void reliability_measure(const struct labelled *items, int count, struct reliability *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < count; i++) {
        int bin = MIN(MAX((int)(items[i].value * RELIABILITY_BINS), 0), RELIABILITY_BINS - 1);
        out->bins[bin].n++;
        out->bins[bin].value += items[i].value;
        out->bins[bin].quality += items[i].quality;
    }
    out->n = MAX(count, 0);
    for (int i = 0; i < RELIABILITY_BINS; i++) {
        struct reliability_bin *b = &out->bins[i];
        if (b->n > 0) {
            b->value /= b->n;
            b->quality /= b->n;
            out->ece += fabs(b->value - b->quality) * b->n / count;
        }
    }
}

double isotonic_ece(const struct labelled *items, int count)
{
    if (count < 4) {
        return -1;
    }
    struct labelled *half = NEW_ARRAY(struct labelled, count);
    struct labelled *read = NEW_ARRAY(struct labelled, count);
    int reads = 0;
    for (int odd = 0; odd < 2; odd++) {
        struct isotonic fit;
        int n = 0;
        for (int i = !odd; i < count; i += 2) {
            half[n++] = items[i];
        }
        isotonic_fit(half, n, &fit);
        for (int i = odd; i < count; i += 2) {
            read[reads++] = (struct labelled){isotonic_at(&fit, items[i].value), items[i].quality};
        }
    }
    struct reliability r;
    reliability_measure(read, reads, &r);
    mem_free(half);
    mem_free(read);
    return r.ece;
}
