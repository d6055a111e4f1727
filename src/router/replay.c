/* SPDX-License-Identifier: Apache-2.0 */
#include "router/replay.h"

#include "router/learned.h"

#include <string.h>
#include <time.h>

static const char *const protocols[PROTOCOL_COUNT] = {
    [PROTOCOL_CV] = "cv",
    [PROTOCOL_GROUPED] = "grouped",
    [PROTOCOL_PRIOR] = "prior",
    [PROTOCOL_ONLINE] = "online",
};

const char *protocol_name(enum protocol p)
{
    return protocols[p];
}

bool protocol_from(struct span name, enum protocol *out)
{
    for (int p = 0; p < PROTOCOL_COUNT; p++) {
        if (span_is(name, protocols[p])) {
            *out = (enum protocol)p;
            return true;
        }
    }
    return false;
}

/* ---- items ---- */

struct packed_features {
    uint8_t marker[MARKER_COUNT];
    uint16_t words, pairs;
    uint16_t hashes[]; /* words, then pairs */
};

struct packed_features *replay_pack(const struct features *f)
{
    size_t hashes = (size_t)f->words + f->pairs;
    struct packed_features *p = mem_take(sizeof *p + hashes * sizeof p->hashes[0]);
    memcpy(p->marker, f->marker, sizeof p->marker);
    p->words = f->words;
    p->pairs = f->pairs;
    memcpy(p->hashes, f->word, f->words * sizeof f->word[0]);
    memcpy(p->hashes + f->words, f->pair, f->pairs * sizeof f->pair[0]);
    return p;
}

void replay_unpack(const struct packed_features *p, struct features *out)
{
    memcpy(out->marker, p->marker, sizeof p->marker);
    out->words = p->words;
    out->pairs = p->pairs;
    memcpy(out->word, p->hashes, p->words * sizeof out->word[0]);
    memcpy(out->pair, p->hashes + p->words, p->pairs * sizeof out->pair[0]);
}

void replay_item_done(struct replay_item *it)
{
    mem_free(it->features);
    it->features = NULL;
}

/* ---- jobs ---- */

int replay_folds(const struct replay *r)
{
    switch (r->protocol) {
    case PROTOCOL_CV:
        return (int)MIN((size_t)REPLAY_FOLDS, MAX(r->n, 2u));
    case PROTOCOL_GROUPED:
        return MIN(REPLAY_GROUP_FOLDS, MAX(r->groups, 2));
    default:
        return 0;
    }
}

int replay_jobs(const struct replay *r)
{
    return MAX(replay_folds(r), 1);
}

static int fold_of(const struct replay *r, const struct replay_item *it)
{
    uint64_t by = r->protocol == PROTOCOL_GROUPED ? (uint64_t)it->group : it->hash;
    return (int)(by % (uint64_t)replay_folds(r));
}

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void judge(const struct heads *heads, const struct replay_item *it,
                  struct replay_result *out)
{
    struct features f;
    replay_unpack(it->features, &f);
    uint64_t before = now_ns();
    struct score s = learned_score(heads, &f);
    out->ns = it->read_ns + (uint32_t)(now_ns() - before);
    out->gain = s.p_cloud - s.p_device;
    out->score = score_of(&s);
}

static void learn(struct heads *heads, const struct replay_item *it)
{
    struct features f;
    struct label label = {.device = it->device, .cloud = it->cloud, .importance = 1};
    replay_unpack(it->features, &f);
    heads_learn(heads, &f, &label);
}

static void do_fold(const struct replay *r, struct heads *heads, int fold,
                    struct replay_result *out)
{
    for (int pass = 0; pass < REPLAY_PASSES; pass++) {
        for (size_t i = 0; i < r->n; i++) {
            if (fold_of(r, &r->items[i]) != fold) {
                learn(heads, &r->items[i]);
            }
        }
    }
    for (size_t i = 0; i < r->n; i++) {
        if (fold_of(r, &r->items[i]) == fold) {
            judge(heads, &r->items[i], &out[i]);
        }
    }
}

void replay_job(const struct replay *r, int job, struct replay_result *out)
{
    struct heads *heads = NEW(struct heads);
    heads_init(heads);
    if (replay_folds(r)) {
        do_fold(r, heads, job, out);
    }
    for (size_t i = 0; !replay_folds(r) && i < r->n; i++) {
        judge(heads, &r->items[i], &out[i]);
        if (r->protocol == PROTOCOL_ONLINE) {
            learn(heads, &r->items[i]);
        }
    }
    mem_free(heads);
}
