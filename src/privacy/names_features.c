/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/names_features.h"

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b << 31 | b >> 33)) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 32;
}

/* Capitals, with what the line does to their meaning. */
static uint64_t dress(const struct name_token *t)
{
    return (uint64_t)t->shape | (uint64_t)t->mode << 4 | (uint64_t)t->first_in_sentence << 6;
}

static uint64_t known(const struct name_token *t)
{
    return (uint64_t)(t->lists | (t->stem_lists && !t->lists ? 0x80 | t->stem_lists : 0)) |
           (uint64_t)t->shape << 8 | (uint64_t)(t->mode == MODE_PLAIN) << 12;
}

/* A mark itself; a word only as such. */
static uint64_t mark_or_shape(const struct name_token *t)
{
    return t->shape == SHAPE_MARK ? t->word << 8 : t->shape;
}

static uint64_t glue(const struct name_token *t)
{
    return (uint64_t)t[0].glued | (uint64_t)t[1].glued << 1 | (uint64_t)t[0].first_in_line << 2 |
           (uint64_t)t[1].first_in_line << 3;
}

#define TAIL(t, letters) ((t).tail & (((uint64_t)1 << (16 * (letters))) - 1))
#define ADD(a, b) (out[n] = mix(mix((uint64_t)(n + FIRST), (a)), (b)), n++)

/* A feature's number is its place. Any change here asks for a model trained anew. */
static int about_marks(const struct name_token *t, uint64_t *out)
{
    enum { FIRST = 1 };
    int n = 0;
    const struct name_token *l = &t[-1];
    const struct name_token *r = &t[1];
    uint64_t d = dress(&t[0]);
    ADD(d, 0);
    ADD(t->word, d);
    ADD(t->word, known(l));
    ADD(t->word, mix(known(l), known(r)));
    ADD(t->word, known(r));
    ADD(t->word, mix(l->shape, r->shape | (uint64_t)l->mode << 4) ^ glue(t));
    ADD(t->word, l->word);
    ADD(t->word, r->word);
    ADD(t->word, mix(t[-2].shape, mix(l->shape, mix(r->shape, t[2].shape))));
    ADD(t->word, mix(t[-2].lists, mix(l->lists, mix(r->lists, t[2].lists))));
    ADD(t->word, mix(l->length == 1, t->field));
    ADD(t->word, mix(mark_or_shape(l), mark_or_shape(r)));
    return n;
}

/* Small words of every day in plain text, most of all words: seldom in a name, so little is asked about them. */
static int about_small_words(const struct name_token *t, uint64_t *out)
{
    enum { FIRST = 96 };
    int n = 0;
    const struct name_token *l = &t[-1];
    const struct name_token *r = &t[1];
    uint64_t around = mix(mark_or_shape(l), mark_or_shape(r));
    ADD(0, 0);
    ADD(t->word, 0);
    ADD(TAIL(*t, 3), 0);
    ADD(around, t->first_in_sentence);
    ADD(t->word, around);
    ADD(known(l), known(r));
    ADD(l->word, r->shape);
    ADD(r->word, l->shape);
    ADD(t->field, around);
    ADD(mix(t[-2].shape, l->shape), mix(r->shape, t[2].shape));
    return n;
}

static int about_words(const struct name_token *t, uint64_t *out)
{
    enum { FIRST = 32 };
    int n = 0;
    const struct name_token *l = &t[-1];
    const struct name_token *r = &t[1];
    const struct name_token *ll = &t[-2];
    const struct name_token *rr = &t[2];
    uint64_t d = dress(t);
    uint64_t s = t->shape | (uint64_t)t->mode << 4;
    uint64_t k = known(t);
    /* the word itself */
    ADD(d, 0);
    ADD(t->word, 0);
    ADD(t->word, s);
    ADD(TAIL(*t, 1), s);
    ADD(TAIL(*t, 2), s);
    ADD(TAIL(*t, 3), s);
    ADD(t->tail, s);
    ADD(t->length >= 2 ? t->head : 0, s);
    ADD(t->length > 3 ? t->head >> 16 : 0, s);
    ADD(k, d);
    ADD(MIN(t->length, 12), s);
    ADD(t->accented, s);
    ADD(t->stems[0] ? t->stems[0] : t->word, t->shape);
    ADD(t->stems[1] ? t->stems[1] : t->word, t->shape);
    /* neighbours */
    ADD(l->word, 0);
    ADD(l->word, s);
    ADD(l->word, k);
    ADD(r->word, 0);
    ADD(r->word, s);
    ADD(r->word, k);
    ADD(ll->word, s);
    ADD(rr->word, s);
    ADD(mix(ll->word, l->word), s);
    ADD(mix(r->word, rr->word), s);
    ADD(mix(l->word, r->word), s);
    ADD(t->word, l->word);
    ADD(t->word, r->word);
    ADD(TAIL(*l, 3), s);
    ADD(TAIL(*r, 3), s);
    /* lists */
    ADD(known(l), k);
    ADD(known(r), k);
    ADD(mix(known(l), known(r)), k);
    ADD(mix(known(l), known(ll)), k);
    ADD(mix(known(r), known(rr)), k);
    ADD(known(l), mix(dress(l), d));
    ADD(known(r), mix(r->shape, d));
    /* shapes around */
    ADD(mix(l->shape, r->shape), mix(d, glue(t)));
    ADD(mix(ll->shape, l->shape), mix(d, glue(t)));
    ADD(mix(r->shape, rr->shape), mix(d, glue(t)));
    ADD(mix(mark_or_shape(l), mark_or_shape(r)), mix(s, glue(t)));
    ADD(mix(mark_or_shape(ll), mark_or_shape(l)), mix(s, glue(t)));
    ADD(mix(mark_or_shape(r), mark_or_shape(rr)), mix(s, glue(&t[1])));
    /* the field it fills */
    ADD(t->field, s);
    ADD(t->field, k);
    ADD(t->field, mix(l->word, s));
    return n;
}

int names_features(const struct name_token *t, uint64_t *out)
{
    if (t->shape == SHAPE_MARK || t->shape == SHAPE_LINK) {
        return about_marks(t, out);
    }
    if (names_small(t)) {
        return about_small_words(t, out);
    }
    return about_words(t, out);
}
