/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guesses about a prompt from its words: which kind of work it asks for, which
 * language it is in. Version 0: tables, no learning, the same on every machine.
 * At most WORDS_BYTES_MAX of a text are looked at.
 */
#ifndef WEIR_ROUTER_WORDS_H
#define WEIR_ROUTER_WORDS_H

#include "core/types.h"

#define WORDS_BYTES_MAX 1024

/* `user`: the last user turn; `system`: the first system message, which may name the task. The language is an
 * ISO 639-1 code, static; NULL = unknown. */
void words_guess(struct span user, struct span system, enum task *out_task,
                 const char **out_language);

#endif
