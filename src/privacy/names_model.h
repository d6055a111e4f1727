/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tagger's weights, inside the program (models/weir-names.bin).
 *
 * File, little-endian: struct names_header; `list_buckets` buckets of word lists
 * (8 marks of 16 bits, 8 bytes of enum name_list); padding to 64 bytes;
 * `row_buckets` buckets of 8 rows (one int8 per label but O, whose weight is 0; a
 * mark of 16 bits, 0 for an empty row). A hash belongs to one bucket, by its upper half, and is
 * known there by a mark made of its lower half; an entry that is not in the table
 * looks like one that is once in 8,000 times. Only pages that are touched are read.
 */
#ifndef WEIR_PRIVACY_NAMES_MODEL_H
#define WEIR_PRIVACY_NAMES_MODEL_H

#include "privacy/names_crf.h"
#include "privacy/names_features.h"

#define NAMES_MAGIC "WEIRNER1"

struct names_header {
    char magic[8];
    uint32_t list_buckets, row_buckets;
    float scale;                               /* of the int8 weights */
    float moves[NAME_LABELS + 1][NAME_LABELS]; /* log scale */
    float person_least, place_least,
        organisation_least; /* probabilities from which on a token is a finding */
};

struct names_list_bucket {
    uint16_t marks[8];
    uint8_t lists[8];
};
struct names_row_bucket {
    int8_t weights[8][NAME_LABELS - 1];
    uint16_t marks[8];
};
static_assert(sizeof(struct names_list_bucket) == 24, "file format");
static_assert(sizeof(struct names_row_bucket) == 64, "file format");

struct names_model {
    const struct names_header *header;
    const struct names_list_bucket *lists;
    const struct names_row_bucket *rows;
    name_moves moves; /* exp */
};

/* Reads the layout of `file` (aligned to 64 bytes, borrowed). False when it is no such file. */
bool names_model_init(struct names_model *m, const void *file, size_t len) MUST_USE;
/* The one inside the program. */
const struct names_model *names_model_built_in(void);

static inline uint16_t names_mark(uint64_t hash)
{
    uint16_t mark = (uint16_t)hash;
    return mark ? mark : 1;
}
static inline uint32_t names_bucket(uint64_t hash, uint32_t buckets)
{
    return (uint32_t)(((hash >> 32) * buckets) >> 32);
}
/* Words' hashes as their table wants them. */
static inline uint64_t names_list_hash(uint64_t word)
{
    return word * 0xD6E8FEB86659FD93u;
}
/* A word's bits of enum name_list; 0 when it is in none. */
uint8_t names_lists(const struct names_model *m, uint64_t word);
/* Fills in `lists` and `stem_lists`. */
void names_look_up(const struct names_model *m, struct name_token *tokens, int count);
/* exp of the labels' scores of a token, largest 1, none under exp(-NAMES_ODDS_REACH): no label is ever impossible. */
#define NAMES_ODDS_REACH 30.0f
void names_odds(const struct names_model *m, const struct name_token *t, float out[NAME_LABELS]);

#endif
