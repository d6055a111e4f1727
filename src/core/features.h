/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scorer sees of a request: about 60 dense markers and a bag of hashed words.
 *
 *   markers   small numbers with a name and a meaning: length, numbers, code, question words,
 *             constraints … They may be shown, kept on receipts and clustered: they tell the
 *             shape of a prompt, none of its words.
 *   hashed    the words and the pairs of neighbouring words of the last user turn, each once, as
 *             16-bit hashes; the upper 14 bits are the bucket of the weights. They never leave
 *             memory: a receipt must not hold them.
 *
 * router/features.h makes them. A change to a marker's meaning or to the hash must raise
 * FEATURES_VERSION: learned weights of another version are worth nothing.
 */
#ifndef WEIR_CORE_FEATURES_H
#define WEIR_CORE_FEATURES_H

#include "json/json.h"

#define FEATURES_VERSION 1u
#define FEATURES_BITS 14
#define FEATURES_BUCKETS (1u << FEATURES_BITS)
#define FEATURES_BUCKET(hash16) ((uint32_t)(hash16) >> (16 - FEATURES_BITS))
#define FEATURES_WORDS_MAX 384 /* distinct words, and pairs, of a text; further ones are dropped */

/*
 * Name, and how a value is made:
 *   LOG    4 · log2(1 + n), n as told           0 → 0, 1 → 4, 3 → 8, 7 → 12 … 255 → 32
 *   COUNT  n itself, at most 15
 *   SHARE  sixteenths, 0..16
 *   FLAG   0 or 1
 */
#define MARKER_LIST(X)                                                                             \
    /* size */                                                                                     \
    X(LENGTH, "length", LOG, "bytes of the last user turn")                                        \
    X(WORDS, "words", LOG, "words")                                                                \
    X(LINES, "lines", LOG, "line ends")                                                            \
    X(SENTENCES, "sentences", LOG, "sentence ends: . ! ? before a space or the end")               \
    X(SENTENCE_WORDS, "sentence_words", LOG, "words per sentence")                                 \
    X(WORD_LETTERS, "word_letters", COUNT, "mean bytes per word")                                  \
    X(LONG_WORDS, "long_words", SHARE, "words of 9 bytes and more")                                \
    X(CONTEXT, "context", LOG, "bytes / 64 of the conversation before the last user turn")         \
    X(TURNS, "turns", COUNT, "user turns before this one")                                         \
    /* letters */                                                                                  \
    X(CAPITALS, "capitals", SHARE, "words that begin with a capital")                              \
    X(ACRONYMS, "acronyms", COUNT, "words of two and more capitals")                               \
    X(NON_ASCII, "non_ascii", SHARE, "bytes over 0x7f")                                            \
    X(OTHER_LANGUAGE, "other_language", FLAG, "known not to be English")                           \
    /* numbers and maths */                                                                        \
    X(NUMBERS, "numbers", LOG, "numbers")                                                          \
    X(LONG_NUMBERS, "long_numbers", COUNT, "numbers of three digits and more")                     \
    X(DECIMALS, "decimals", COUNT, "numbers with a point or comma inside")                         \
    X(NUMBER_WORDS, "number_words", COUNT, "two, half, dozen, twice …")                            \
    X(MONEY, "money", COUNT, "currency signs")                                                     \
    X(PERCENT, "percent", COUNT, "percent signs and words")                                        \
    X(UNITS, "units", COUNT, "hours, miles, kg, dollars …")                                        \
    X(OPERATORS, "operators", LOG, "= + * / ^ < > and other signs of formulas")                    \
    X(VARIABLES, "variables", COUNT, "single letters other than a and i")                          \
    X(BACKSLASHES, "backslashes", COUNT, "as in \\frac")                                           \
    X(MATH_WORDS, "math_words", COUNT, "equation, probability, derivative …")                      \
    X(QUANTITY, "quantity", COUNT, "each, per, total, remaining, more, times …")                   \
    X(HOW_MANY, "how_many", FLAG, "\"how many\", \"how much\", \"how long\" …")                    \
    /* code and data */                                                                            \
    X(CODE_FENCE, "code_fence", FLAG, "three backticks")                                           \
    X(CODE_SIGNS, "code_signs", LOG, "{ } ; [ ] _ # inside words or alone")                        \
    X(CODE_WORDS, "code_words", COUNT, "function, python, sql, compile …")                         \
    X(INDENTED, "indented", COUNT, "lines that begin with a tab or two spaces")                    \
    X(PIPES, "pipes", COUNT, "|, as in tables")                                                    \
    X(LINKS, "links", COUNT, "://, @ inside words")                                                \
    /* what is asked */                                                                            \
    X(QUESTION_MARKS, "question_marks", COUNT, "?")                                                \
    X(ENDS_ASKING, "ends_asking", FLAG, "the last sign is a question mark")                        \
    X(STARTS_WHAT, "starts_what", FLAG, "first word what, which")                                  \
    X(STARTS_WHO, "starts_who", FLAG, "first word who, when, where")                               \
    X(STARTS_HOW, "starts_how", FLAG, "first word how, why")                                       \
    X(STARTS_IS, "starts_is", FLAG, "first word is, are, does, can …: a yes-or-no question")       \
    X(IMPERATIVE, "imperative", FLAG, "first word write, explain, list, give …")                   \
    X(WHICH_OF, "which_of", FLAG, "\"which of\", \"of the following\"")                            \
    X(OPTIONS, "options", COUNT, "lines that begin like an option: A. b) (c) 4:")                  \
    X(BLANKS, "blanks", FLAG, "__ to be filled")                                                   \
    X(LIST_LINES, "list_lines", COUNT, "lines that begin with - or *")                             \
    X(QUOTES, "quotes", COUNT, "double quotation marks")                                           \
    X(COLONS, "colons", COUNT, ": ")                                                               \
    X(COMMAS, "commas", LOG, ",")                                                                  \
    X(BRACKETS, "brackets", COUNT, "( )")                                                          \
    /* kinds of words */                                                                           \
    X(NEGATION, "negation", COUNT, "not, never, except, without …")                                \
    X(CONDITION, "condition", COUNT, "if, unless, suppose, given …")                               \
    X(REASONING, "reasoning", COUNT, "why, because, prove, compare, analyse …")                    \
    X(CONSTRAINT, "constraint", COUNT, "must, exactly, only, at least, avoid …")                   \
    X(SUPERLATIVE, "superlative", COUNT, "most, best, least, primary, likely …")                   \
    X(FORMAT, "format", COUNT, "json, table, csv, bullet, markdown …")                             \
    X(CREATIVE, "creative", COUNT, "story, poem, blog, email, imagine …")                          \
    X(ROLE_PLAY, "role_play", COUNT, "pretend, act, character, persona …")                         \
    X(TEXT_WORK, "text_work", COUNT, "summarise, extract, rewrite, classify, translate …")         \
    X(OPINION, "opinion", COUNT, "think, opinion, moral, should …")                                \
    X(SCIENCE, "science", COUNT, "energy, cell, acid, force, protein …")                           \
    X(MEDICINE, "medicine", COUNT, "patient, symptoms, dose, disease …")                           \
    X(LAW, "law", COUNT, "court, plaintiff, contract, statute …")                                  \
    X(SOCIETY, "society", COUNT, "war, king, economy, government, century …")                      \
    X(PERSONS, "persons", COUNT, "he, she, they, his, her …: a story is told")                     \
    X(SECOND_PERSON, "second_person", COUNT, "you, your")                                          \
    /* what else is asked for */                                                                   \
    X(TOOLS, "tools", FLAG, "tools are offered")                                                   \
    X(IMAGES, "images", FLAG, "an image, or another part that is not text")                        \
    X(SCHEMA, "schema", FLAG, "JSON is required")                                                  \
    X(SYSTEM, "system", FLAG, "there is a system message")

enum marker {
#define X(id, name, kind, meaning) MARKER_##id,
    MARKER_LIST(X)
#undef X
        MARKER_COUNT,
};

enum marker_kind { MARKER_KIND_LOG, MARKER_KIND_COUNT, MARKER_KIND_SHARE, MARKER_KIND_FLAG };

struct features {
    uint8_t marker[MARKER_COUNT];
    uint16_t words, pairs; /* how many of each */
    uint16_t word[FEATURES_WORDS_MAX];
    uint16_t pair[FEATURES_WORDS_MAX];
};

const char *marker_name(enum marker m);    /* static */
const char *marker_meaning(enum marker m); /* one line, static */
enum marker_kind marker_kind(enum marker m);
/* MARKER_COUNT when there is none of that name. */
enum marker marker_from(struct span name);
/* One object with the markers that are not 0: {"length":31,"words":22}. */
void features_json(struct json_out *w, const struct features *f);

#endif
