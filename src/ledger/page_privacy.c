/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/page_privacy.h"

#include "base/clock.h"

#include <assert.h>

#define ROW 16 /* taints that share a hash's place */
#define WRITING_US US_PER_S
#define WORDS (sizeof(struct page_consent) / sizeof(uint64_t))

static_assert(WORDS == 10, "a consent is copied word by word");

/* ---- taints ---- */

void page_taint(struct page *p, uint64_t key, uint64_t wall_us)
{
    struct page_privacy *f = page_privacy(p);
    key = key ? key : 1;
    size_t row = key % (PAGE_TAINTS / ROW) * ROW;
    size_t oldest = row;
    for (size_t i = row; i < row + ROW; i++) {
        uint64_t held = atomic_load(&f->taints[i].key);
        if (held == key ||
            (held == 0 && atomic_compare_exchange_strong(&f->taints[i].key, &held, key))) {
            atomic_store(&f->taints[i].wall_us, wall_us);
            return;
        }
        if (held == key) { /* another worker was first */
            return;
        }
        /* 0 = another worker is just writing it: the newest of all */
        if (atomic_load(&f->taints[i].wall_us) - 1 < atomic_load(&f->taints[oldest].wall_us) - 1) {
            oldest = i;
        }
    }
    atomic_store(&f->taints[oldest].key, key);
    atomic_store(&f->taints[oldest].wall_us, wall_us);
}

bool page_tainted(const struct page *p, uint64_t key)
{
    struct page_privacy *f = page_privacy(p);
    key = key ? key : 1;
    size_t row = key % (PAGE_TAINTS / ROW) * ROW;
    bool found = false;
    for (size_t i = row; i < row + ROW && !found; i++) {
        found = atomic_load(&f->taints[i].key) == key;
    }
    return found;
}

/* ---- consents ---- */

enum err page_consent_put(struct page *p, const struct page_consent *c, uint64_t now_us,
                          uint64_t until_us)
{
    struct page_privacy *f = page_privacy(p);
    uint64_t words[WORDS];
    memcpy(words, c, sizeof words);
    for (int i = 0; i < PAGE_CONSENTS; i++) {
        uint64_t state = atomic_load(&f->consents[i].state);
        uint64_t writing = (now_us + WRITING_US) * 2;
        if (state / 2 > now_us ||
            !atomic_compare_exchange_strong(&f->consents[i].state, &state, writing)) {
            continue;
        }
        for (size_t k = 0; k < WORDS; k++) {
            atomic_store(&f->consents[i].words[k], words[k]);
        }
        atomic_store(&f->consents[i].state, until_us * 2 + 1);
        return OK;
    }
    return ERR_OVERLOADED;
}

bool page_consent_take(struct page *p, const uint64_t id[2], uint64_t now_us,
                       struct page_consent *out)
{
    struct page_privacy *f = page_privacy(p);
    for (int i = 0; i < PAGE_CONSENTS; i++) {
        uint64_t state = atomic_load(&f->consents[i].state);
        if (state % 2 == 0 || state / 2 <= now_us) {
            continue;
        }
        uint64_t words[WORDS];
        for (size_t k = 0; k < WORDS; k++) {
            words[k] = atomic_load(&f->consents[i].words[k]);
        }
        if (words[0] != id[0] || words[1] != id[1]) {
            continue;
        }
        memcpy(out, words, sizeof words);
        return atomic_compare_exchange_strong(&f->consents[i].state, &state, 0);
    }
    return false;
}
