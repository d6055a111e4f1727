/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps what was learned: one worker (number 0) erases what waited too long for its outcome, and saves
 * the weights at most every LEARNER_SAVE_US when they have changed; each worker saves when it ends. Writing and
 * syncing happen on a thread of their own over a copy, so that no answer waits for the disk. A worker that is killed
 * loses what was learned since the last save, nothing else.
 */
#ifndef WEIR_APP_LEARNER_H
#define WEIR_APP_LEARNER_H

#include "router/learning.h"

#include <pthread.h>

#define LEARNER_SAVE_US 30000000ull

struct learner {
    struct learning *learning; /* borrowed */
    const char *ledger_path;   /* borrowed */
    bool keeper;               /* this worker saves and erases while it runs */
    uint32_t saved;            /* heads.prompts at the last save */
    uint64_t next_us;
    bool saving; /* `thread` is to be joined */
    _Atomic bool done;
    pthread_t thread;
    struct heads *copy; /* the thread's while it saves */
};

void learner_start(struct learner *k, struct learning *l, const char *ledger_path, int worker);
void learner_tick(struct learner *k); /* every second */
void learner_stop(struct learner *k); /* waits for the disk */

#endif
