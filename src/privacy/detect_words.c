/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/detect_words.h"

#include "privacy/detect_parts.h"

#include <assert.h>

/* One row a word or phrase, in lower case, by meaning. Languages beside one another: a text may mix them. */
static const struct word lexicon[] = {
#define LABEL(meaning, text) {text, meaning, 0},
#include "privacy/detect_lexicon.h"
#undef LABEL
};

#define SLOTS 4096 /* a power of two, several times the rows */
#define PHRASE_MAX 40

/* By hash of a row's first word: 1 + index of a row, and the next row with the same slot. */
static uint16_t slots[SLOTS];
static uint16_t next_row[ARRAY_LEN(lexicon)];
static_assert(ARRAY_LEN(lexicon) * 3 < SLOTS, "few collisions");

/* ---- words ---- */

static bool is_letter(unsigned char c)
{
    return (class_of[c] & LETTER) || (c >= 0x80 && c < 0xe0 && c != 0xc2);
}

static uint32_t step(uint32_t hash, unsigned char c)
{
    return (hash ^ (unsigned char)lower((char)c)) * 16777619u;
}

static uint32_t slot_of(uint32_t hash)
{
    return (hash ^ hash >> 15) & (SLOTS - 1);
}

/* A character of a script that writes words without spaces between. */
static size_t character_len(unsigned char lead)
{
    return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 0;
}

/* A word (or a part of an identifier): where it ends, its hash, and the hash without its last letter. */
struct piece {
    size_t end;
    uint32_t hash, singular;
};

static struct piece first_word(struct span t, size_t at)
{
    struct piece p = {.end = at, .hash = 2166136261u};
    size_t len = character_len((unsigned char)t.data[at]);
    if (len) {
        for (; p.end < t.len && p.end < at + len; p.end++) {
            p.hash = step(p.hash, (unsigned char)t.data[p.end]);
        }
        return p;
    }
    bool small = false; /* the letter before is in lower case */
    for (; p.end < t.len; p.end++) {
        unsigned char c = (unsigned char)t.data[p.end];
        if (!is_letter(c) || (small && class_of[c] & UPPER)) {
            break;
        }
        p.singular = p.hash;
        p.hash = step(p.hash, c);
        small = class_of[c] & LOWER;
    }
    return p;
}

/* Where the row ends in the text, or 0. */
static size_t matches(struct span t, size_t at, const char *row)
{
    size_t i = at;
    for (const char *c = row; *c; c++) {
        if (*c == ' ') {
            bool blank = i < t.len && (t.data[i] == ' ' || t.data[i] == '-' || t.data[i] == '_' ||
                                       t.data[i] == '.');
            i += blank;
            i += blank && i < t.len && t.data[i - 1] == '.' && t.data[i] == ' ';
        } else if (i < t.len && lower(t.data[i]) == *c) {
            i++;
        } else {
            return 0;
        }
    }
    /* a "cell", not a "cellar"; but "phones", and "userSsnHash" */
    bool wide = character_len((unsigned char)row[0]);
    bool plural = i < t.len && t.data[i] == 's' &&
                  !(i + 1 < t.len && is_letter((unsigned char)t.data[i + 1]));
    bool hump = i > at && at_is(t, i, UPPER) && is(t.data[i - 1], LOWER);
    bool open = i > at && !is_letter((unsigned char)t.data[i - 1]); /* "c/" */
    bool goes_on = !open && i < t.len && is_letter((unsigned char)t.data[i]) && !plural && !hump;
    return wide || !goes_on ? i : 0;
}

static const struct word *lookup(struct span t, size_t at, uint32_t hash, size_t *out_end)
{
    const struct word *best = NULL;
    size_t best_end = 0;
    for (uint16_t k = slots[slot_of(hash)]; k; k = next_row[k - 1]) {
        size_t end = matches(t, at, lexicon[k - 1].text);
        if (end > best_end) {
            best = &lexicon[k - 1];
            best_end = end;
        }
    }
    *out_end = best_end;
    return best;
}

static const struct word *find_piece(struct span t, size_t at, const struct piece *p,
                                     size_t *out_end)
{
    const struct word *w = lookup(t, at, p->hash, out_end);
    bool plural = !w && p->end > at + 3 && t.data[p->end - 1] == 's';
    return plural ? lookup(t, at, p->singular, out_end) : w;
}

const struct word *word_find(struct span t, size_t at, size_t *out_end)
{
    struct piece p = first_word(t, at);
    return find_piece(t, at, &p, out_end);
}

__attribute__((constructor)) static void fill_slots(void)
{
    for (size_t k = ARRAY_LEN(lexicon); k-- > 0;) {
        struct span row = span_c(lexicon[k].text);
        ASSERT(row.len <= PHRASE_MAX);
        uint32_t slot = slot_of(first_word(row, 0).hash);
        next_row[k] = slots[slot];
        slots[slot] = (uint16_t)(k + 1);
    }
}

/* ---- labels ---- */

static void note(struct labels *l, const struct word *w, size_t start, size_t end)
{
    enum meaning m = w->meaning;
    l->start[m] = start + 1;
    l->end[m] = end + 1;
    l->phrase_end = end;
    if (m == MEANS_NUMBER) {
        return; /* "passport number is": the label before it counts */
    }
    l->last = (uint8_t)m;
    l->last_end = end;
}

const struct word *labels_note(struct labels *l, struct span t, size_t at, size_t end,
                               size_t *out_word_end)
{
    const struct word *first = NULL;
    for (size_t i = at; i < end;) {
        size_t close;
        unsigned char c = (unsigned char)t.data[i];
        if (!is_letter(c) && !character_len(c)) {
            i++;
            continue;
        }
        struct piece p = first_word(t, i);
        const struct word *w = find_piece(t, i, &p, &close);
        if (w && i == at) {
            first = w;
            *out_word_end = close;
        }
        if (w && w->meaning < LABELS && i >= l->phrase_end) {
            note(l, w, i, close);
        }
        i = MAX(p.end, i + 1);
    }
    return first;
}

void labels_begin(struct labels *l, struct span near)
{
    *l = (struct labels){.last = LABELS, .near_last = LABELS};
    struct labels in_near = {.last = LABELS};
    size_t ignored;
    for (size_t i = 0; i < near.len;) { /* a key is short */
        size_t end = MAX(word_run(near, i), i + 1);
        if ((unsigned char)near.data[i] >= 0xe0) {
            end = MIN(i + character_len((unsigned char)near.data[i]), near.len);
        }
        (void)labels_note(&in_near, near, i, end, &ignored);
        i = end;
    }
    for (int m = 0; m < LABELS; m++) {
        l->near |= in_near.start[m] ? UINT32_C(1) << m : 0;
    }
    l->near_last = in_near.last;
}

bool labels_near(const struct labels *l, enum meaning m, size_t at)
{
    return (l->near >> m & 1) || (l->start[m] && at - (l->start[m] - 1) <= CONTEXT_BYTES);
}

#define GAP_MAX 28
#define GAP_WORDS 3

enum meaning labels_own(const struct labels *l, struct span t, size_t at)
{
    if (l->last == LABELS || at < l->last_end || at - l->last_end > GAP_MAX) {
        return at <= 2 ? l->near_last : LABELS; /* the value of a key: {"mrn": "…"} */
    }
    int words = 0;
    for (size_t i = l->last_end; i < at; i++) {
        char c = t.data[i];
        bool letter = is_letter((unsigned char)c);
        words += letter && (i == l->last_end || !is_letter((unsigned char)t.data[i - 1]));
        bool stop =
            c == ';' || is(c, DIGIT) ||
            (c == '.' && i + 1 < at && t.data[i + 1] == ' ' && i > l->last_end && words > 1);
        if (stop || words > GAP_WORDS || (c == '\n' && words > 0)) {
            return LABELS;
        }
    }
    return l->last;
}

void labels_go_on(struct labels *l, enum meaning m, size_t end)
{
    l->last = (uint8_t)m;
    l->last_end = end;
}
