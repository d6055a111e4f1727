/* SPDX-License-Identifier: Apache-2.0 */
/* What validators are made of: classes of bytes, runs, digits in groups, check digits. */
#ifndef WEIR_PRIVACY_DETECT_PARTS_H
#define WEIR_PRIVACY_DETECT_PARTS_H

#include "base/span.h"

/* ---- bytes ---- */

enum {
    DIGIT = 1,
    UPPER = 2,
    LOWER = 4,
    UNDERSCORE = 8,
    HEX = 16,
    EMAIL_LOCAL = 32,
    HOST = 64,
    TOKEN = 128
};
#define LETTER (UPPER | LOWER)
#define ALNUM (DIGIT | LETTER)
#define WORD (ALNUM | UNDERSCORE)

extern const uint8_t class_of[256];

static inline bool is(char c, int classes)
{
    return class_of[(unsigned char)c] & classes;
}

static inline bool at_is(struct span t, size_t i, int classes)
{
    return i < t.len && is(t.data[i], classes);
}

static inline bool word_before(struct span t, size_t i)
{
    return i > 0 && is(t.data[i - 1], WORD);
}

static inline bool ends_well(struct span t, size_t end)
{
    return !at_is(t, end, WORD);
}

static inline char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static inline size_t run_of(struct span t, size_t from, int classes)
{
    size_t i = from;
    while (i < t.len && is(t.data[i], classes)) {
        i++;
    }
    return i;
}

static inline bool in_set(char c, const char *set)
{
    return c && strchr(set, c);
}

/* ASCII case does not count in either. */
bool starts_at(struct span t, size_t at, struct span prefix);
bool one_of(struct span value, const char *const *list);

/* A capital letter of any alphabet with two-byte letters, or of ASCII, begins at `i`. */
bool is_capital(struct span t, size_t i);
/* Past the letters (ASCII, two-byte alphabets), apostrophes and dashes of one word, at most WORD_RUN_MAX bytes. */
#define WORD_RUN_MAX 64
size_t word_run(struct span t, size_t i);

/* ---- digits in groups ---- */

#define GROUPS_MAX 40
#define DIGITS_MAX 34

struct groups {
    int count, digits;
    size_t start[GROUPS_MAX], end[GROUPS_MAX];
    char separator[GROUPS_MAX]; /* before the group; 0 for the first */
};

/* Space (no-break ones count), `-` (as other dashes do), `.`, `/`, or `~` for " - ": its length, 0 when there is none. */
size_t separator_at(struct span t, size_t i, char *out);
void read_groups(struct span t, size_t at, int most,
                 struct groups *g); /* most: groups, ≤ GROUPS_MAX */
static inline int group_len(const struct groups *g, int k)
{
    return (int)(g->end[k] - g->start[k]);
}
/* Digits of groups 0 to `to`. */
int digits_to(const struct groups *g, int to);
/* … themselves, at most `max`. */
int collect(struct span t, const struct groups *g, int from, int to, char *out, int max);
bool same_separator(const struct groups *g, int to, const char *allowed);
/* The groups up to `to` have these lengths: "324" is 123-45-6789. */
bool grouped(const struct groups *g, const char *lengths);
int number_of(const char *digits, int n);

/* ---- check digits ---- */

bool luhn(const char *digits, int n);
/* The sum of digits times weights; a weight is a digit, or 10 written as `:` (the byte after 9). */
int weighted(const char *digits, const char *weights);

#endif
