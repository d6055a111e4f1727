/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/memo.h"

#include "privacy/policy.h"

#define PROBES_MAX 16 /* more collide only on purpose; then it is scanned again */
#define SAMPLE 32     /* bytes of either end that are hashed */

struct scanned {
    struct span text, near;
    uint64_t hash;
    const struct finding *found;
    int count;
};

struct scan_memo {
    struct arena *arena;
    uint64_t policy;
    struct names_memory names;
    struct scanned *slots; /* open addressing; text.data NULL = free */
    size_t count, capacity;
};

static uint64_t hash_of(struct span text, struct span near)
{
    uint64_t h = span_hash(span_first(text, SAMPLE)) + text.len * 0x9e3779b97f4a7c15ull;
    if (text.len > SAMPLE) {
        h = h * 31 + span_hash(span_from(text, text.len - MIN(text.len - SAMPLE, (size_t)SAMPLE)));
    }
    return h * 31 + span_hash(span_first(near, SAMPLE));
}

struct scan_memo *scan_memo_new(struct arena *a, const struct privacy_policy *policy)
{
    struct scan_memo *m = ARENA_NEW(a, struct scan_memo);
    m->arena = a;
    m->policy = policy_serial(policy);
    return m;
}

bool scan_memo_fits(const struct scan_memo *m, const struct privacy_policy *policy)
{
    return m && m->policy == policy_serial(policy);
}

struct names_memory *scan_memo_names(struct scan_memo *m)
{
    return &m->names;
}

static bool is_same(const struct scanned *s, uint64_t hash, struct span text, struct span near)
{
    return s->hash == hash && span_eq(s->text, text) && span_eq(s->near, near);
}

/* The slot of these bytes, or the free one where they would go; NULL when neither is near. */
static struct scanned *slot_of(const struct scan_memo *m, uint64_t hash, struct span text,
                               struct span near)
{
    for (size_t i = 0; i < PROBES_MAX && m->capacity; i++) {
        struct scanned *s = &m->slots[(hash + i) & (m->capacity - 1)];
        if (!s->text.data || is_same(s, hash, text, near)) {
            return s;
        }
    }
    return NULL;
}

static void grow(struct scan_memo *m)
{
    struct scanned *old = m->slots;
    size_t count = m->capacity;
    m->capacity = MAX(m->capacity * 2, (size_t)64);
    m->slots = ARENA_ARRAY(m->arena, struct scanned, m->capacity);
    for (size_t i = 0; i < count; i++) {
        struct scanned *to =
            old[i].text.data ? slot_of(m, old[i].hash, old[i].text, old[i].near) : NULL;
        if (to) {
            *to = old[i];
        }
    }
}

void scan_memo_add(struct scan_memo *m, struct span text, struct span near,
                   const struct findings *found)
{
    if (text.len == 0) {
        return;
    }
    if ((m->count + 1) * 2 > m->capacity) {
        grow(m);
    }
    uint64_t hash = hash_of(text, near);
    struct scanned *s = slot_of(m, hash, text, near);
    if (!s) {
        return;
    }
    m->count += s->text.data == NULL;
    *s = (struct scanned){.text = text, .near = near, .hash = hash, .count = found->count};
    if (found->count) {
        struct finding *copy = ARENA_ARRAY(m->arena, struct finding, found->count);
        memcpy(copy, found->items, sizeof *copy * (size_t)found->count);
        s->found = copy;
    }
}

bool scan_memo_find(const struct scan_memo *m, struct span text, struct span near,
                    struct findings *out)
{
    const struct scanned *s = slot_of(m, hash_of(text, near), text, near);
    if (!s || !s->text.data) {
        return false;
    }
    for (int i = 0; i < s->count; i++) {
        const struct finding *f = &s->found[i];
        findings_add(out, f->type, f->start, f->end, f->score);
    }
    return true;
}
