/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words and phrases that words.c counts. Words are in lower case and without apostrophes and
 * hyphens, in any language, several to a string; each stands once.
 */
#ifndef WEIR_ROUTER_WORDS_TABLE_H
#define WEIR_ROUTER_WORDS_TABLE_H

#include "core/types.h"

#include <assert.h>

struct task_words {
    enum task task;
    int weight;
    bool claim; /* they only say that something is hard: task_plain is made without them */
    const char *words;
};
extern const struct task_words task_words[];
extern const size_t task_words_count;

/* Found where a word begins; one that starts with a byte over 0x7f anywhere. 3 bytes at least. */
struct task_phrase {
    const char *phrase;
    enum task task;
    int weight;
    bool claim;
};
#define TASK_PHRASES_MAX 254
extern const struct task_phrase task_phrases[];
extern const size_t task_phrases_count;

/* Looked over when the first words are counted. */
extern const char *const polite_words;

enum language { EN, DE, FR, ES, IT, PT, NL, SV, PL, TR, LANGUAGES };
extern const char *const language_names[LANGUAGES];
/* Frequent words that few other of these languages have; one string per language. */
extern const char *const language_words[LANGUAGES];

#endif
