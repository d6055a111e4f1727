/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/findings.h"

#include <stdlib.h>

void findings_init(struct findings *f, int max)
{
    *f = (struct findings){.max = max};
}

void findings_done(struct findings *f)
{
    mem_free(f->items);
    *f = (struct findings){.max = f->max};
}

void findings_add(struct findings *f, const char *type, size_t start, size_t end, double score)
{
    if (f->count == f->max) {
        f->overflow = true;
        return;
    }
    if (f->count == f->capacity) {
        int grown = MIN(MAX(f->capacity * 2, 16), f->max);
        f->items = mem_grow(f->items, sizeof *f->items * (size_t)f->capacity,
                            sizeof *f->items * (size_t)grown);
        f->capacity = grown;
    }
    f->items[f->count++] = (struct finding){type, start, end, score};
}

static int by_place(const void *a, const void *b)
{
    const struct finding *x = a;
    const struct finding *y = b;
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    return x->end == y->end ? 0 : x->end > y->end ? -1 : 1;
}

static bool beats(const struct finding *x, const struct finding *y)
{
    return x->score != y->score ? x->score > y->score : x->end - x->start > y->end - y->start;
}

/* A frame gives way to better findings inside of it: what is left of it are the pieces around them. Sorted input. */
static void cut_frames(struct findings *f)
{
    for (int i = 0, count = f->count; i < count && !f->overflow; i++) {
        struct finding frame = f->items[i];
        if (frame.score > FINDING_FRAME) {
            continue;
        }
        size_t from = frame.start;
        bool cut = false;
        for (int k = i + 1; k < count && f->items[k].start < frame.end; k++) {
            struct finding in = f->items[k];
            if (in.score <= FINDING_FRAME || in.start < from) {
                continue;
            }
            if (in.start > from) {
                findings_add(f, frame.type, from, in.start, frame.score);
            }
            from = in.end;
            cut = true;
        }
        if (cut && from < frame.end) {
            f->items[i].start = from;
        } else if (cut) {
            f->items[i].end = frame.start; /* nothing is left */
        }
    }
    int kept = 0;
    for (int i = 0; i < f->count; i++) {
        if (f->items[i].end > f->items[i].start) {
            f->items[kept++] = f->items[i];
        }
    }
    f->count = kept;
}

static void sort(struct findings *f)
{
    qsort(f->items, (size_t)f->count, sizeof *f->items, by_place);
}

void findings_settle(struct findings *f)
{
    if (f->count < 2) {
        return;
    }
    sort(f);
    cut_frames(f);
    sort(f);
    int kept = MIN(f->count, 1);
    for (int i = 1; i < f->count; i++) {
        struct finding *last = &f->items[kept - 1];
        if (f->items[i].start >= last->end) {
            f->items[kept++] = f->items[i];
            continue;
        }
        size_t start = last->start;
        size_t end = MAX(last->end, f->items[i].end);
        if (beats(&f->items[i], last)) {
            *last = f->items[i];
        }
        last->start = start;
        last->end = end;
    }
    f->count = kept;
}
