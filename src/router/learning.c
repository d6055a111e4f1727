/* SPDX-License-Identifier: Apache-2.0 */
#include "router/learning.h"

#include <string.h>

#define HINT 0.1     /* importance of a confidence: about what ten of them tell, one outcome does */
#define REPORTED 0.5 /* … of a retry or an edit: it may have had other reasons */
#define PROPENSITY_LEAST 0.25 /* an outcome counts at most four times */

enum learning_source learning_source_from(struct span name)
{
    static const char *const names[LEARNING_SOURCES] = {
        [LEARNING_USER] = "user",     [LEARNING_JUDGE] = "judge", [LEARNING_TEST] = "test",
        [LEARNING_VERIFY] = "verify", [LEARNING_RETRY] = "retry", [LEARNING_EDIT] = "edit",
    };
    int s = 0;
    while (s < LEARNING_SOURCES && !span_is(name, names[s])) {
        s++;
    }
    return (enum learning_source)s;
}

void learning_init(struct learning *l)
{
    heads_init(&l->heads);
}

/* ---- waiting ---- */

/* Opens a place for writing; gives the number it will have. */
static uint64_t begin_write(struct waiting *w)
{
    uint64_t number = (atomic_load(&w->number) | 1) + 2;
    atomic_store(&w->number, number);
    atomic_thread_fence(memory_order_seq_cst);
    return number + 1;
}

static void erase(struct waiting *w)
{
    (void)begin_write(w);
    w->id = w->since_us = 0;
    w->words = w->pairs = 0;
    memset(w->marker, 0, sizeof w->marker);
    memset(w->hashes, 0, sizeof w->hashes);
    atomic_store(&w->number, 0);
}

void learning_wait(struct learning *l, uint64_t now_us, struct span id, const struct features *f,
                   bool up, double propensity)
{
    struct waiting *w = &l->waiting[atomic_fetch_add(&l->next, 1) % LEARNING_WAITING];
    uint64_t number = begin_write(w);
    w->id = span_hash(id);
    w->since_us = now_us;
    w->propensity = (float)propensity;
    w->up = up;
    memcpy(w->marker, f->marker, sizeof w->marker);
    w->words = f->words;
    w->pairs = f->pairs;
    memcpy(w->hashes, f->word, f->words * sizeof f->word[0]);
    memcpy(w->hashes + f->words, f->pair, f->pairs * sizeof f->pair[0]);
    atomic_store(&w->told, 0);
    atomic_store(&w->number, number);
}

static bool late(const struct waiting *w, uint64_t now_us)
{
    return now_us >= w->since_us + LEARNING_WAIT_US;
}

/* Copies what waits there; false when it is written meanwhile, or makes no sense. */
static bool read_place(struct waiting *w, uint64_t id, struct features *out, bool *out_up,
                       double *out_propensity)
{
    uint64_t number = atomic_load(&w->number);
    if (number == 0 || (number & 1) || w->id != id || w->words > FEATURES_WORDS_MAX ||
        w->pairs > FEATURES_WORDS_MAX) {
        return false;
    }
    memcpy(out->marker, w->marker, sizeof w->marker);
    out->words = (uint16_t)MIN(w->words, FEATURES_WORDS_MAX);
    out->pairs = (uint16_t)MIN(w->pairs, FEATURES_WORDS_MAX);
    memcpy(out->word, w->hashes, out->words * sizeof out->word[0]);
    memcpy(out->pair, w->hashes + out->words, out->pairs * sizeof out->pair[0]);
    *out_up = w->up;
    *out_propensity = w->propensity;
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load(&w->number) == number;
}

bool learning_tell(struct learning *l, uint64_t now_us, struct span id, double score,
                   enum learning_source source)
{
    uint64_t hash = span_hash(id);
    struct features f;
    bool up;
    double propensity;
    if (source >= LEARNING_SOURCES) {
        return false;
    }
    for (int i = 0; i < LEARNING_WAITING; i++) {
        struct waiting *w = &l->waiting[i];
        if (w->id != hash || late(w, now_us) || !read_place(w, hash, &f, &up, &propensity)) {
            continue;
        }
        if (atomic_fetch_or(&w->told, 1u << source) & (1u << source)) {
            return false;
        }
        bool reported = source == LEARNING_RETRY || source == LEARNING_EDIT;
        struct label label = {.device = up ? -1 : score,
                              .cloud = up ? score : -1,
                              .importance =
                                  (reported ? REPORTED : 1) / MAX(propensity, PROPENSITY_LEAST)};
        heads_learn(&l->heads, &f, &label);
        return true;
    }
    return false;
}

void learning_hint(struct learning *l, const struct features *f, double confidence)
{
    struct label label = {.device = confidence, .cloud = -1, .importance = HINT, .hint = true};
    heads_learn(&l->heads, f, &label);
}

int learning_sweep(struct learning *l, uint64_t now_us)
{
    int waiting = 0;
    uint64_t used = atomic_load(&l->next);
    for (uint64_t i = 0; i < MIN(used, (uint64_t)LEARNING_WAITING); i++) {
        struct waiting *w = &l->waiting[i];
        uint64_t number = atomic_load(&w->number);
        if (number && late(w, now_us)) {
            erase(w);
        } else {
            waiting += number != 0;
        }
    }
    return waiting;
}
