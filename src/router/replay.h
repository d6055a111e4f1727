/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes recorded outcomes again, with the features, heads and prior of the live router.
 *
 *   cv        REPLAY_FOLDS folds by hash of the normalised prompt; each is judged by heads that learned from the
 *             others, in REPLAY_PASSES passes
 *   grouped   the same, but whole groups are left out, in REPLAY_GROUP_FOLDS parts: a large share of groups left out at
 *             once would judge how little was learned, not how new a group is
 *   prior     no label is used
 *   online    one pass in file order: each prompt is routed, then its label is seen
 *
 * A set is replayed alone: nothing is learned from another set. A replay falls into jobs that share nothing but
 * the items, so that threads may take them; the gains are the same whatever the order.
 */
#ifndef WEIR_ROUTER_REPLAY_H
#define WEIR_ROUTER_REPLAY_H

#include "core/features.h"

#define REPLAY_FOLDS 10
#define REPLAY_GROUP_FOLDS 20
#define REPLAY_PASSES 4

enum protocol { PROTOCOL_CV, PROTOCOL_GROUPED, PROTOCOL_PRIOR, PROTOCOL_ONLINE, PROTOCOL_COUNT };
const char *protocol_name(enum protocol p);
bool protocol_from(struct span name, enum protocol *out);

/* Features without their empty room; made by replay_pack(). */
struct packed_features;

struct replay_item {
    struct packed_features *features; /* taken: replay_item_done() frees it */
    double device, cloud;             /* how good the answers were, 0..1 */
    uint64_t hash;                    /* outcome_prompt_hash() */
    int group;                        /* 0.. in order of appearance */
    uint64_t bytes;                   /* of the prompt */
    uint32_t read_ns;                 /* time the features took */
};

struct packed_features *replay_pack(const struct features *f);
void replay_unpack(const struct packed_features *p, struct features *out);
void replay_item_done(struct replay_item *it);

struct replay {
    enum protocol protocol;
    const struct replay_item *items;
    size_t n;
    int groups;
};

/* What is found for an item. */
struct replay_result {
    double gain;  /* P(cloud good) − P(device good), what is ranked by */
    double score; /* as on receipts, 0..1 */
    uint32_t ns;  /* features and score together */
};

/* Folds, or 0 for protocols without. */
int replay_folds(const struct replay *r);
int replay_jobs(const struct replay *r); /* at least 1 */
/* Does one job: fills `out` (one per item) for the items that are its own. */
void replay_job(const struct replay *r, int job, struct replay_result *out);

#endif
