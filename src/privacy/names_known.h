/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public figures, mostly of history, science and the arts: a question about them is
 * no secret. A short list by hand; who is missing is treated as anybody else.
 */
#ifndef WEIR_PRIVACY_NAMES_KNOWN_H
#define WEIR_PRIVACY_NAMES_KNOWN_H

#include "privacy/names_tokens.h"

/* `words`: the hashes of a name's words (names_tokens.h), marks left out. */
bool names_well_known(const uint64_t *words, int count);
/* A word after which a name is a private person's: Dr., Mrs, Herr, patient … */
bool names_is_title(uint64_t word);

#endif
