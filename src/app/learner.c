/* SPDX-License-Identifier: Apache-2.0 */
#include "app/learner.h"

#include "app/weights.h"
#include "base/clock.h"
#include "base/log.h"

#include <string.h>

void learner_start(struct learner *k, struct learning *l, const char *ledger_path, int worker)
{
    *k = (struct learner){.learning = l,
                          .ledger_path = ledger_path,
                          .keeper = worker == 0,
                          .saved = l->heads.prompts,
                          .next_us = clock_now_us() + LEARNER_SAVE_US};
}

static void *save(void *arg)
{
    struct learner *k = arg;
    struct fault fault = {0};
    if (weights_save(k->ledger_path, k->copy, &fault)) {
        LOG(LOG_WARN, "router", "learned weights are not saved: %s", fault.text);
    }
    atomic_store(&k->done, true);
    return NULL;
}

static void finish(struct learner *k)
{
    if (k->saving) {
        (void)pthread_join(k->thread, NULL);
        mem_free(k->copy);
        k->saving = false;
    }
}

static void begin(struct learner *k)
{
    k->copy = NEW(struct heads);
    memcpy((void *)k->copy, (const void *)&k->learning->heads, sizeof *k->copy);
    k->saved = k->copy->prompts;
    atomic_store(&k->done, false);
    k->saving = pthread_create(&k->thread, NULL, save, k) == 0;
    if (!k->saving) {
        mem_free(k->copy);
    }
}

void learner_tick(struct learner *k)
{
    uint64_t now_us = clock_now_us();
    if (k->saving && atomic_load(&k->done)) {
        finish(k);
    }
    if (!k->keeper || now_us < k->next_us) {
        return;
    }
    k->next_us = now_us + LEARNER_SAVE_US;
    (void)learning_sweep(k->learning, now_us);
    if (!k->saving && k->learning->heads.prompts != k->saved) {
        begin(k);
    }
}

void learner_stop(struct learner *k)
{
    if (!k->learning) {
        return;
    }
    finish(k);
    if (k->learning->heads.prompts != k->saved) {
        begin(k);
        finish(k);
    }
}
