/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guesses about a prompt from its words: which kind of work it asks for, which
 * language it is in. Tables, no learning, the same on every machine; how good they
 * are is what bench/router/run prints. At most WORDS_BYTES_MAX of a text are looked at.
 */
#ifndef WEIR_ROUTER_WORDS_H
#define WEIR_ROUTER_WORDS_H

#include "base/arena.h"
#include "core/facts.h"

#define WORDS_BYTES_MAX 1024

struct words {
    enum task task;
    enum task task_plain; /* without words that only claim difficulty */
    int claims;           /* how many of these */
    const char *language; /* ISO 639-1, static; NULL = unknown */
    struct sketch sketch;
};

/* The text without the words that only claim difficulty; in the arena, or `text` itself when there are none. */
struct span words_without_claims(struct span text, struct arena *arena);

/* `user`: the last user turn; `system`: the first system message, which may name the task. */
void words_read(struct span user, struct span system, struct words *out);

#endif
