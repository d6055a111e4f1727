/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefix reuse: a prompt goes on from the sequence it shares most with: in
 * place when little of that would be lost, else on a copy over the least
 * recently used one, when copying is cheaper than computing. Only sequences of
 * the same API key are looked at.
 *
 * Neighbours: a batch is cut by llama.cpp into groups of consecutive sequence ids,
 * one graph each; four rows in four groups cost more than twice as much as
 * in one. So runs are moved next to each other (a copy) whenever that pays.
 */
#include "llama/sequences.h"

#include <math.h>

enum {
    MOVE_TOKENS = 160,      /* how many more an answer is expected to have */
    COPY_WORTH_TOKENS = 16, /* a shared prefix shorter than this is not worth a copy */
};
#define COPY_BYTES_PER_S 2e9

void sequence_empty(struct decoder *d, struct sequence *s)
{
    llama_memory_seq_rm(d->memory, s->id, -1, -1);
    s->count = 0;
}

static bool seq_cut(struct decoder *d, struct sequence *s, int count)
{
    if (count < s->count && !llama_memory_seq_rm(d->memory, s->id, count, -1)) {
        sequence_empty(d, s);
        return false;
    }
    s->count = MIN(s->count, count);
    return true;
}

void sequence_copy(struct decoder *d, const struct sequence *from, struct sequence *to)
{
    sequence_empty(d, to);
    llama_memory_seq_cp(d->memory, from->id, to->id, -1, -1);
    memcpy(to->tokens, from->tokens, sizeof *to->tokens * (size_t)from->count);
    to->count = from->count;
}

static int common_prefix(const struct sequence *s, const struct job *job)
{
    int most = MIN(s->count,
                   job->tokens_count - 1); /* the last token is computed: its logits are needed */
    int n = 0;
    while (n < most && s->tokens[n] == job->tokens[n]) {
        n++;
    }
    return n;
}

struct sequence *sequence_least_used(struct decoder *d, const struct sequence *except)
{
    struct sequence *found = NULL;
    for (int i = 0; i < d->c->sequences; i++) {
        struct sequence *s = &d->seqs[i];
        if (!s->run && s != except && (!found || s->used_at < found->used_at)) {
            found = s;
        }
    }
    return found;
}

static double copy_s(const struct decoder *d)
{
    double bytes = (double)d->c->facts.kv_bytes_per_token * (double)llama_n_ctx_seq(d->ctx);
    return bytes / COPY_BYTES_PER_S;
}

static bool copy_pays(const struct decoder *d, int tokens)
{
    double speed = d->prompt_speed > 0 ? d->prompt_speed : 1000;
    return tokens >= COPY_WORTH_TOKENS && copy_s(d) < (double)tokens / speed;
}

struct sequence *sequence_pick(struct decoder *d, const struct job *job)
{
    struct sequence *best = NULL;
    int shared = 0;
    for (int i = 0; i < d->c->sequences && d->c->reuse && !job->deterministic; i++) {
        struct sequence *s = &d->seqs[i];
        int n = span_eq(text_span(&s->key), job->key) ? common_prefix(s, job) : 0;
        bool better = n > shared || (n == shared && best && best->run && !s->run);
        if (n > 0 && better) {
            best = s;
            shared = n;
        }
    }
    struct sequence *victim = sequence_least_used(d, best);
    bool loses_much =
        best && best->count - shared > COPY_WORTH_TOKENS && best->count - shared > shared / 8;
    bool in_place = best && !best->run && (!victim || !loses_much || !copy_pays(d, shared));
    if (in_place) {
        seq_cut(d, best, shared);
        return best;
    }
    victim = victim ? victim : best;
    if (best && copy_pays(d, shared)) {
        sequence_copy(d, best, victim);
        seq_cut(d, victim, shared);
    } else {
        sequence_empty(d, victim);
    }
    return victim;
}

void sequence_claim(struct decoder *d, struct sequence *s, struct run *r)
{
    s->run = r;
    s->used_at = d->step;
    text_clear(&s->key);
    text_add(&s->key, r->job->key);
    r->seq = s;
}

/* ---- neighbours ---- */

static bool in_company(const struct run *r)
{
    return r && !r->job->deterministic;
}

struct group {
    int first, count;
};

/* The largest group of consecutive ids, and one of the others; returns how many groups there are. */
static int find_groups(const struct decoder *d, struct group *out_largest, struct group *out_other)
{
    int groups = 0;
    struct group largest = {0};
    struct group other = {0};
    for (int i = 0; i < d->c->sequences;) {
        struct group g = {.first = i};
        while (i < d->c->sequences && in_company(d->seqs[i].run)) {
            i++;
            g.count++;
        }
        i += g.count == 0;
        if (g.count == 0) {
            continue;
        }
        groups++;
        bool larger = g.count > largest.count;
        other = larger ? (largest.count ? largest : other) : g;
        largest = larger ? g : largest;
    }
    *out_largest = largest;
    *out_other = other;
    return groups;
}

/* The idle sequence beside the group that was used less recently; NULL when there is none. */
static struct sequence *beside(struct decoder *d, const struct group *g)
{
    int end = g->first + g->count;
    struct sequence *low = g->first > 0 ? &d->seqs[g->first - 1] : NULL;
    struct sequence *high = end < d->c->sequences ? &d->seqs[end] : NULL;
    low = low && !low->run ? low : NULL;
    high = high && !high->run ? high : NULL;
    return low && high ? (low->used_at <= high->used_at ? low : high) : low ? low : high;
}

static bool move_pays(const struct decoder *d, const struct run *r)
{
    int64_t limit = r->job->params.max_tokens;
    double left = limit ? fmin((double)(limit - r->generated), MOVE_TOKENS) : MOVE_TOKENS;
    int copies = r->phase == PHASE_WAITING ? 1 : 2;
    return copies * copy_s(d) < left * d->graph_s / 2;
}

static void seq_keep_elsewhere(struct decoder *d, struct sequence *s, const struct sequence *except)
{
    struct sequence *victim = sequence_least_used(d, s);
    if (s->count == 0 || !victim || victim == except || victim->used_at >= s->used_at) {
        return;
    }
    sequence_copy(d, s, victim);
    victim->used_at = s->used_at;
    text_clear(&victim->key);
    text_add(&victim->key, text_span(&s->key));
}

static void move_run(struct decoder *d, struct sequence *from, struct sequence *to)
{
    struct run *r = from->run;
    seq_keep_elsewhere(d, to, from);
    if (from->count) {
        sequence_copy(d, from, to);
    } else {
        sequence_empty(d, to);
    }
    from->run = NULL;
    sequence_empty(d, from);
    from->used_at = 0;
    sequence_claim(d, to, r);
}

int sequences_groups(const struct decoder *d)
{
    struct group largest, other;
    return find_groups(d, &largest, &other);
}

/* One move at most per step, so that nobody waits for many copies. */
void sequences_gather(struct decoder *d)
{
    struct group largest, other;
    if (!d->moved || !d->c->reuse || find_groups(d, &largest, &other) < 2) {
        d->moved = false;
        return;
    }
    struct sequence *to = beside(d, &largest);
    struct sequence *from = &d->seqs[other.first];
    if (to && move_pays(d, from->run)) {
        move_run(d, from, to);
    } else {
        d->moved = false;
    }
}
