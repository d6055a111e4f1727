/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Persons, places and organisations: what no pattern can find.
 *
 * A conditional random field over words, affixes, capitals, name lists and what
 * stands around (names_features.h) gives each token the probability of being part
 * of a name; from the model's threshold on it is a finding, whose score is that
 * probability (at most 0.9: a structured detector that is sure wins an overlap).
 * The text is read in pieces of a few hundred tokens, on the stack; time is linear.
 *
 * Once a name, always a name: words that were surely a person are looked for again
 * in the whole text, and, with a memory, in every later text of the same request.
 * Only later: a new turn must not change how the earlier ones are written, or
 * providers' prompt caches would be of no use and pseudonyms would not be stable.
 *
 * Names that everybody knows (names_known.h) are WELL_KNOWN_PERSON, which passes
 * unless listed, as long as nothing around says that a private person is meant.
 */
#ifndef WEIR_PRIVACY_NAMES_H
#define WEIR_PRIVACY_NAMES_H

#include "privacy/findings.h"
#include "privacy/names_model.h"

extern const char
    *const names_types[]; /* PERSON, LOCATION, ORGANIZATION, WELL_KNOWN_PERSON, NULL */

/* Hashes of words that were part of a sure person's name; the oldest of a set go when it is full. Zero it to start. */
struct names_memory {
    uint64_t words[64][4];
    uint8_t next[64];
    bool any;
};

/* Adds findings of `text`: PERSON, LOCATION, ORGANIZATION, WELL_KNOWN_PERSON. `near`: what stands before it (a JSON key). `memory` NULL: this text alone. */
void names_scan(struct span text, struct span near, struct names_memory *memory,
                struct findings *out);
/* The same with another model, for tests and the trainer's judge. */
void names_scan_with(const struct names_model *m, struct span text, struct span near,
                     struct names_memory *memory, struct findings *out);

#endif
