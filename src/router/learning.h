/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the router learns in one memory for all workers: the heads, and the features of recent requests
 * that wait for their outcome.
 *
 *   decided   the answer's features wait under the request's id, with the side that answered
 *   told      feedback by that id becomes a label of that side: the features are found and learned from, once
 *             for each source of feedback
 *   erased    after LEARNING_WAIT_US, or when LEARNING_WAITING newer requests need the room. They are in memory
 *             only: a saved file has the heads, the ledger has markers without words
 *
 * Plain memory, zeroed and then learning_init() once, before it is shared. No locks: a waiting place carries a
 * number that is odd while it is written; who reads it meanwhile, or finds another number afterwards, has found nothing.
 */
#ifndef WEIR_ROUTER_LEARNING_H
#define WEIR_ROUTER_LEARNING_H

#include "router/heads.h"

#define LEARNING_WAITING 1024 /* requests; the memory is only touched as they come */
#define LEARNING_WAIT_US 3600000000ull

/* Who says how good an answer was; LEARNING_SOURCES = somebody else. */
enum learning_source {
    LEARNING_USER,
    LEARNING_JUDGE,
    LEARNING_TEST,
    LEARNING_VERIFY, /* another tier's answer agreed or not */
    LEARNING_RETRY,  /* the client asked again */
    LEARNING_EDIT,   /* the user changed the answer; the score says how much of it was kept */
    LEARNING_SOURCES,
};
enum learning_source learning_source_from(struct span name);

struct waiting {
    _Atomic uint64_t number; /* odd: being written; 0: empty */
    uint64_t id, since_us;
    _Atomic uint32_t told; /* bit per source that was learned from */
    float propensity;
    uint8_t up; /* another tier than the device answered */
    uint8_t marker[MARKER_COUNT];
    uint16_t words, pairs;
    uint16_t hashes[2 * FEATURES_WORDS_MAX];
};

struct learning {
    struct heads heads;
    _Atomic uint64_t next; /* waiting place, modulo LEARNING_WAITING */
    struct waiting waiting[LEARNING_WAITING];
};

void learning_init(struct learning *l);

/* A request was answered. `propensity`: probability with which that side was taken, over 0 .. 1. */
void learning_wait(struct learning *l, uint64_t now_us, struct span id, const struct features *f,
                   bool up, double propensity);
/* How good that answer was, 0..1. False when nothing waits under this id, or the source was heard before. */
bool learning_tell(struct learning *l, uint64_t now_us, struct span id, double score,
                   enum learning_source source);
/* The device's answer was judged by its own confidence: a hint that moves weights a little and is no label. */
void learning_hint(struct learning *l, const struct features *f, double confidence);
/* Erases what waited too long; gives how many wait still. */
int learning_sweep(struct learning *l, uint64_t now_us);

#endif
