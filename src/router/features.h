/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the features of a request (core/features.h) in one pass over its last user turn.
 *
 * Any script, any bytes: ASCII letters in lower case and all bytes over 0x7f make words, digits make
 * numbers (each is the word "#", so that no value is learned by heart), the rest separates. Of a
 * text longer than FEATURES_BYTES_MAX its beginning and its end are read: what is asked stands at
 * one of them. Deterministic, the same on every machine.
 */
#ifndef WEIR_ROUTER_FEATURES_H
#define WEIR_ROUTER_FEATURES_H

#include "core/facts.h"
#include "core/features.h"

#define FEATURES_HEAD_BYTES (3 * KIB)
#define FEATURES_TAIL_BYTES (1 * KIB)
#define FEATURES_BYTES_MAX (FEATURES_HEAD_BYTES + FEATURES_TAIL_BYTES)

/* From the text of the last user turn, and from `f` what is known of the whole conversation: turns,
 * prompt_tokens, language, and of f->request tools, images, schema. */
void features_read(struct span user, const struct facts *f, struct features *out);

#endif
