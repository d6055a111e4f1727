/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that give a number its meaning, and the lexicon they stand in.
 *
 * A word is looked up once, when the pass comes to it, by one hash: whole words,
 * parts of identifiers (`phone_number`, `mySsn`), each character of scripts that
 * put no space between words. Case of ASCII letters does not count; a space in a
 * row stands for a space, `-`, `_`, `.` or nothing.
 *
 * A *label* ("passport", "né le") is remembered with its place: validators ask
 * whether one stands near before a value (labels_near()), or whether it is the last
 * one and belongs to this value and no other (labels_own()).
 */
#ifndef WEIR_PRIVACY_DETECT_WORDS_H
#define WEIR_PRIVACY_DETECT_WORDS_H

#include "base/span.h"

#define CONTEXT_BYTES 48 /* how far before a value a label counts */

enum meaning {
    /* labels */
    MEANS_PHONE,
    MEANS_CARD,
    MEANS_SSN,
    MEANS_ACCOUNT,
    MEANS_PASSPORT,
    MEANS_LICENSE,
    MEANS_RECORD, /* medical */
    MEANS_DOCTOR, /* a doctor's licence */
    MEANS_NATIONAL,
    MEANS_ID, /* employee, customer, policy, member … */
    MEANS_BIRTH,
    MEANS_AGE,
    MEANS_PLATE,
    MEANS_VIN,
    MEANS_POSTCODE,
    MEANS_COORDINATE,
    MEANS_ADDRESS,
    MEANS_PASSWORD,
    MEANS_VERSION,
    MEANS_HASH,
    MEANS_NUMBER, /* "number", "contact": of a telephone, if its digits are in groups */
    LABELS,
    /* other words that begin or belong to a value */
    WORD_MONTH = LABELS, /* arg: 1 … 12 */
    WORD_WEEKDAY,
    WORD_STREET_BEFORE, /* "calle", "rue": the name follows */
    WORD_STREET_AFTER,  /* "street", "ave": the name stands before */
    WORD_UNIT,          /* "apt", "suite" */
    WORD_AGE_AFTER,     /* "years old": arg 1 = part of the value */
    WORD_AT,            /* "john at example dot com" */
    WORD_PREFIX /* "MRN-1234567": a label only as the beginning of a number; arg: its meaning */
};

struct word {
    const char *text;
    uint8_t meaning, arg;
};

/* The longest row that begins at `at`, where a word does; gives where it ends. */
const struct word *word_find(struct span t, size_t at, size_t *out_end);

struct labels {
    size_t start[LABELS], end[LABELS]; /* 1 + place of the last one; 0 = none */
    size_t last_end;                   /* of any */
    size_t phrase_end;                 /* words before it belong to a phrase that was noted */
    uint32_t near;                     /* bit m: `near` holds such a label */
    uint8_t last;                      /* meaning of the last one; LABELS = none */
    uint8_t near_last;                 /* the same in `near` */
};

void labels_begin(struct labels *l, struct span near);
/* Notes the labels of the word t[at..end); gives the row that begins right at `at`, or NULL. */
const struct word *labels_note(struct labels *l, struct span t, size_t at, size_t end,
                               size_t *out_word_end);
/* Does one stand at most CONTEXT_BYTES before `at`? */
bool labels_near(const struct labels *l, enum meaning m, size_t at);
/* The label whose value begins at `at`: the last one, with only a few words like "number is:" between. LABELS: none. */
enum meaning labels_own(const struct labels *l, struct span t, size_t at);
/* A value of label `m` ended here: more of its kind may follow in a list. */
void labels_go_on(struct labels *l, enum meaning m, size_t end);

#endif
