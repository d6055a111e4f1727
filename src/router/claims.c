/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would the score be without the words that only claim difficulty? Asked of the scorer, whichever it is, by
 * showing it the same facts with those words taken out. Only prompts that have such words cost this second look.
 */
#include "router/features.h"
#include "router/inside.h"
#include "router/words.h"

static const struct facts *without_claims(const struct facts *f, struct arena *arena)
{
    struct facts *plain = ARENA_NEW(arena, struct facts);
    *plain = *f;
    plain->last_user = words_without_claims(f->last_user, arena);
    size_t less = f->last_user.len - plain->last_user.len;
    plain->last_user_tokens = MAX(f->last_user_tokens - (int64_t)(less * 2 / 7), 1);
    plain->prompt_tokens = MAX(f->prompt_tokens - (int64_t)(less * 2 / 7), 1);
    plain->task = f->task_plain;
    plain->claims = 0;
    struct features *features = ARENA_NEW(arena, struct features);
    features_read(plain->last_user, plain, features);
    plain->features = features;
    return plain;
}

enum task task_in_force(const struct facts *f)
{
    return f->guard.discount > 0 ? f->task_plain : f->task;
}

struct score score_request(struct deciding *x)
{
    const struct router *r = x->router;
    struct score s = r->scorer->score(r->scorer_self, x->facts);
    if (x->facts->claims == 0) {
        return s;
    }
    struct score plain = r->scorer->score(r->scorer_self, without_claims(x->facts, x->arena));
    x->d->claims_gain = MAX(score_of(&plain) - score_of(&s), 0);
    if (x->facts->guard.discount > 0 && x->d->claims_gain > 0) {
        verdict_add(x, "guard", VERDICT_PASS,
                    SAY(x, "%d words that only claim difficulty are ignored for this client",
                        x->facts->claims));
        return plain;
    }
    return s;
}
