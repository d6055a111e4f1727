/* SPDX-License-Identifier: Apache-2.0 */
#include "strategy/held.h"

#include "base/text.h"

struct held_piece {
    struct held_piece *next;
    struct delta delta; /* its text and logprobs are in the two texts */
    struct text text, logprobs;
    struct text id, name;
};

static void drop_hook(void *user)
{
    held_drop(user);
}

/* May `d` be appended to the last piece? Logprobs and a call's first delta stand alone. */
static bool joins(const struct held_piece *last, const struct delta *d)
{
    return last && last->delta.kind == d->kind && last->delta.choice == d->choice &&
           last->delta.tool_index == d->tool_index && !span_given(d->logprobs) &&
           !span_given(last->delta.logprobs) && !span_given(d->tool_id) &&
           !span_given(d->tool_name);
}

static struct span keep(struct text *t, struct span s)
{
    if (!span_given(s)) {
        return SPAN_NONE;
    }
    text_init(t, HELD_MAX);
    text_add(t, s);
    return text_span(t);
}

bool held_add(struct held *h, struct arena *arena, const struct delta *d)
{
    size_t bytes = d->text.len + d->logprobs.len + d->tool_id.len + d->tool_name.len;
    if (bytes > HELD_MAX - h->bytes) {
        return false;
    }
    if (!h->hooked) {
        h->hooked = true;
        arena_on_free(arena, drop_hook, h);
    }
    h->bytes += bytes;
    if (joins(h->last, d)) {
        text_add(&h->last->text, d->text);
        h->last->delta.text = text_span(&h->last->text);
        return true;
    }
    struct held_piece *piece = NEW(struct held_piece);
    piece->delta = *d;
    text_init(&piece->text, HELD_MAX);
    text_add(&piece->text, d->text);
    piece->delta.text = text_span(&piece->text);
    piece->delta.logprobs = keep(&piece->logprobs, d->logprobs);
    piece->delta.tool_id = keep(&piece->id, d->tool_id);
    piece->delta.tool_name = keep(&piece->name, d->tool_name);
    if (h->last) {
        h->last->next = piece;
    } else {
        h->first = piece;
    }
    h->last = piece;
    return true;
}

void held_give(const struct held *h, void (*fn)(void *user, const struct delta *d), void *user)
{
    for (const struct held_piece *p = h->first; p; p = p->next) {
        fn(user, &p->delta);
    }
}

void held_drop(struct held *h)
{
    for (struct held_piece *p = h->first; p;) {
        struct held_piece *next = p->next;
        text_done(&p->text);
        text_done(&p->logprobs);
        text_done(&p->id);
        text_done(&p->name);
        mem_free(p);
        p = next;
    }
    h->first = h->last = NULL;
    h->bytes = 0;
}
