/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deltas put aside until it is known whether the client shall have them. Adjacent
 * text is joined, so that a held answer costs about its own length. Freed with the
 * request's arena at the latest; held_drop() frees at once.
 */
#ifndef WEIR_STRATEGY_HELD_H
#define WEIR_STRATEGY_HELD_H

#include "base/arena.h"
#include "core/delta.h"

#define HELD_MAX (256 * KIB)

struct held_piece;

struct held {
    struct held_piece *first, *last;
    size_t bytes;
    bool hooked; /* the arena knows it */
};

/* Copies. False = it would pass HELD_MAX; nothing was added. */
bool held_add(struct held *h, struct arena *arena, const struct delta *d) MUST_USE;
void held_give(const struct held *h, void (*fn)(void *user, const struct delta *d), void *user);
void held_drop(struct held *h);

#endif
