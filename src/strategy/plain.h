/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every strategy that tries backends one after the other has in common: open
 * the next one, pass its deltas on, end the answer with what the last one said.
 * The strategies differ in whom they may try (`stop`) and in what they do before.
 *
 * A failure before anything was shown moves on to the next backend; after that it
 * ends the answer as partial, never cleanly. An answer from the other side than
 * the one that failed (device for cloud or the reverse) is degraded by the rules
 * of INTERFACE; from the same side it is not, and the reason says what happened.
 *
 * A state begins with `phase`, so that tests can tell which moves they have seen.
 */
#ifndef WEIR_STRATEGY_PLAIN_H
#define WEIR_STRATEGY_PLAIN_H

#include "flow/flow.h"

enum phase {
    PHASE_START,
    PHASE_TRYING,
    PHASE_SHOWING,
    PHASE_JUDGING,
    PHASE_ESCALATED,
    PHASE_DONE,
    PHASE_COUNT
};

struct plain {
    int phase; /* enum phase; first in every strategy's state */
    int next;  /* index into decision->backends of the next to try */
    int stop;  /* one past the last that may be tried; set before the first try */
    int leg;   /* under way; 0 = none */
    const struct backend *backend; /* of `leg` */
    /* failures so far */
    bool device_failed, cloud_failed;
    enum degraded cloud_failed_as;
    enum err err;     /* what the client would hear */
    bool err_refused; /* … and it came from the gate */
    char story[320];  /* "device: engine ended; cloud: 503" */
};

/* Says no when the decision does, or when there is nobody to try; true = go on. */
bool plain_may_begin(struct plain *p, struct flow *f);
/* Opens the next backend; false when there is none left. */
bool plain_try_next(struct plain *p, struct flow *f);
/* This leg gives the answer: author, and what its predecessors' failures make of it. */
void plain_take_author(struct plain *p, struct flow *f, int leg, const struct backend *backend);
/* Remembers a failed leg; true = the answer must end now (budget with `refuse`). */
bool plain_note_failure(struct plain *p, const struct flow *f, const struct backend *b,
                        const struct leg_end *end);
void plain_end_well(struct plain *p, struct flow *f);
void plain_end_broken(struct plain *p, struct flow *f, const struct leg_end *end);
void plain_end_failed(struct plain *p, struct flow *f);
/* The whole life of one list of backends; `p->stop` set. */
void plain_step(struct plain *p, struct flow *f, const struct event *ev);

#endif
