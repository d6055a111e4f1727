/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/detect.h"

#include "privacy/detect_disguise.h"
#include "privacy/detect_kinds.h"

#include <assert.h>

/* ---- the table ---- */

/* What is known of a place before any validator is asked. */
enum {
    AT_DIGIT = 1,
    AT_LETTER = 2, /* also of alphabets beyond ASCII */
    AT_SIGN = 4,   /* @ */
    AT_PLUS = 8,
    AT_BRACKET = 16,
    AT_DASH = 32,
    AT_ASSIGNED = 64, /* = and : */
    LEXICON = 128,    /* the word is in the lexicon */
    MIXED = 256,      /* letters and a digit before the word ends, or a digit right behind it */
    LABEL = 512,      /* a label stands shortly before */
    CAPITAL = 1024,
    LONG = 2048,      /* 17 or more characters */
    KEY_START = 4096, /* keys, JWTs, "Bearer", "www." may begin with these two bytes */
    TEXT_START = 8192 /* under a key */
};

/* In order: the first that finds something is right. `when`: all of these must hold. */
static const struct row {
    uint16_t when;
    find_fn *find;
} rows[] = {
    {AT_SIGN, find_email},
    {AT_PLUS, find_plus_phone},
    {AT_BRACKET, find_bracketed_phone},
    {AT_DASH, find_private_key},
    {AT_DASH, find_coordinates},
    {AT_ASSIGNED, find_url},
    {AT_ASSIGNED, find_assigned},
    {TEXT_START, find_under_key},
    {AT_LETTER | KEY_START, find_key},
    {AT_LETTER | LABEL, find_password},
    {AT_DIGIT | LABEL, find_password},
    {AT_DIGIT, find_bot_token},
    {AT_DIGIT | LONG, find_vin},
    {AT_DIGIT, find_card},
    {AT_DIGIT, find_ssn},
    {AT_DIGIT, find_ipv4},
    {AT_DIGIT, find_mac},
    {AT_DIGIT, find_ipv6},
    {AT_DIGIT, find_coordinates},
    {AT_DIGIT, find_national},
    {AT_DIGIT, find_numbered_street},
    {AT_DIGIT, find_age},
    {AT_DIGIT, find_date},
    {AT_DIGIT | LABEL, find_postcode},
    {AT_DIGIT | LABEL, find_plate},
    {AT_DIGIT | LABEL, find_labelled},
    {AT_DIGIT, find_phone},
    {AT_DIGIT | LONG, find_crypto},
    {AT_LETTER | MIXED, find_mac},
    {AT_LETTER | MIXED, find_iban},
    {AT_LETTER | MIXED, find_national},
    {AT_LETTER | MIXED | LONG, find_vin},
    {AT_LETTER | MIXED | LONG, find_crypto},
    {AT_LETTER | LEXICON | MIXED, find_prefixed},
    {AT_LETTER | LABEL, find_plate},
    {AT_LETTER | LABEL | MIXED, find_labelled},
    {AT_LETTER | CAPITAL | MIXED, find_postcode},
    {AT_LETTER | LABEL | MIXED, find_postcode},
    {AT_LETTER | LEXICON, find_month_date},
    {AT_LETTER | LEXICON, find_weekday},
    {AT_LETTER | LEXICON, find_unit},
    {AT_LETTER | LEXICON, find_named_street},
    {AT_LETTER | CAPITAL, find_named_street},
    {AT_LETTER | LEXICON, find_spelled_email},
    {AT_LETTER | MIXED, find_ipv6},
    {AT_LETTER | KEY_START, find_www},
};

static_assert(ARRAY_LEN(rows) <= 64, "a bit each");

static uint16_t start_table[256];
/* Which rows a place rules out that has these of the lower and of the upper seven traits. */
static uint64_t ruled_out[2][128];

__attribute__((constructor)) static void fill_starts(void)
{
    for (int c = 0; c < 256; c++) {
        bool alphabet = c >= 0xc3;
        start_table[c] = class_of[c] & DIGIT                ? AT_DIGIT
                         : class_of[c] & LETTER || alphabet ? AT_LETTER
                                                            : 0;
    }
    for (unsigned half = 0; half < 2; half++) {
        for (unsigned traits = 0; traits < 128; traits++) {
            for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
                unsigned needs = rows[r].when >> (7 * half) & 127;
                ruled_out[half][traits] |= (needs & traits) != needs ? UINT64_C(1) << r : 0;
            }
        }
    }
    start_table['@'] = AT_SIGN;
    start_table['+'] = AT_PLUS;
    start_table['('] = AT_BRACKET;
    start_table['-'] = AT_DASH;
    start_table['='] = start_table[':'] = AT_ASSIGNED;
}

/* ---- the pass ---- */

/* 3.14159…, 1,000,000, 1.2.3.4.5: what follows the point or comma of a number begins no value. */
static bool inside_decimal(struct span t, size_t i)
{
    return i >= 2 && (t.data[i - 1] == ',' || t.data[i - 1] == '.') && is(t.data[i - 2], DIGIT);
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(struct span t, size_t i)
{
    static const uint8_t ends[] = {8, 13, 18, 23, 36};
    if (i + 36 > t.len || t.data[i + 8] != '-' || t.data[i + 13] != '-' || !ends_well(t, i + 36)) {
        return false;
    }
    size_t from = i;
    for (size_t k = 0; k < ARRAY_LEN(ends); k++) {
        if (run_of(t, from, HEX) != i + ends[k] || (k < 4 && t.data[i + ends[k]] != '-')) {
            return false;
        }
        from = i + ends[k] + 1;
    }
    return true;
}

/* One of our own tokens is no context: `<PHONE_NUMBER_1>`. Gives its end, or 0. */
static size_t token_end(struct span t, size_t i)
{
    size_t end = run_of(span_first(t, i + 64), i + 1, UPPER | UNDERSCORE | DIGIT);
    return end > i + 2 && end < t.len && t.data[end] == '>' && is(t.data[end - 1], DIGIT) ? end : 0;
}

/* The end of the word at `i`: letters of ASCII and two-byte alphabets, digits, underscores; or one character of a script
 * without spaces. `*out_digit`: there is a digit in it. */
static size_t word_end(struct span t, size_t i, bool *out_digit)
{
    unsigned char first = (unsigned char)t.data[i];
    *out_digit = false;
    if (first >= 0xe0) {
        return MIN(i + (first >= 0xf0 ? 4 : 3), t.len);
    }
    while (i < t.len) {
        unsigned char c = (unsigned char)t.data[i];
        if (!(class_of[c] & WORD) && !(c >= 0x80 && c < 0xe0 && c != 0xc2)) {
            break;
        }
        *out_digit |= class_of[c] & DIGIT;
        i++;
    }
    return i;
}

static unsigned traits_of_word(struct detection *d, size_t i, size_t end, bool digit)
{
    struct span t = d->text;
    unsigned traits = digit ? MIXED : 0;
    traits |= d->word ? LEXICON : 0;
    traits |= may_be_key(t, i) ? KEY_START : 0;
    traits |= end - i >= 17 ? LONG : 0;
    traits |= is_capital(t, i) ? CAPITAL : 0;
    if (end - i <= 6 && end + 1 < t.len && in_set(t.data[end], " -.#:")) {
        char next = t.data[end + 1];
        bool hex = t.data[end] == ':' && end - i <= 4 && is(next, HEX); /* IPv6, MAC */
        bool prefix = t.data[end] == '-' && d->word && is(next, UPPER); /* DL-X15925 */
        traits |= is(next, DIGIT) || hex || prefix ? MIXED : 0;
    }
    return traits;
}

/* Asks the rows; true when one found something, which is then noted. Gives where to go on. */
static bool ask(struct detection *d, size_t at, unsigned traits, size_t *out_next)
{
    uint64_t all = ~UINT64_C(0) >> (64 - ARRAY_LEN(rows));
    uint64_t left = all & ~(ruled_out[0][traits & 127] | ruled_out[1][traits >> 7 & 127]);
    for (; left; left &= left - 1) {
        struct hit hit;
        if (!rows[__builtin_ctzll(left)].find(d, at, &hit)) {
            continue;
        }
        findings_add(d->out, personal_types[hit.type], hit.start, hit.end, hit.score);
        /* a link, and what there is inside of it */
        bool link = hit.type == TYPE_URL;
        *out_next = link ? at + 1 : MAX(hit.end, at + 1);
        d->last_end = link ? d->last_end : hit.end;
        d->link_end = link ? hit.end : d->link_end;
        return true;
    }
    return false;
}

static size_t at_word(struct detection *d, size_t i)
{
    struct span t = d->text;
    bool digit;
    size_t end = word_end(t, i, &digit);
    bool fresh = i == d->last_end;
    unsigned traits = start_table[(unsigned char)t.data[i]];
    size_t next;
    if (is(t.data[i], HEX) && is_uuid(t, i)) {
        return i + 36;
    }
    d->word = NULL;
    if (traits & AT_LETTER) {
        d->word = labels_note(&d->labels, t, i, end, &d->word_end);
        traits |= traits_of_word(d, i, end, digit);
    } else {
        if (!fresh && inside_decimal(t, i)) {
            return end;
        }
        /* in the middle of "1 2 3 4 …" the many groups have been looked at already */
        bool goes_on = i >= 2 && is(t.data[i - 2], DIGIT);
        read_groups(t, i, goes_on ? 8 : GROUPS_MAX, &d->groups);
        traits |= end - i >= 17 ? LONG : 0;
    }
    bool labelled = (i >= d->labels.last_end && i - d->labels.last_end <= CONTEXT_BYTES &&
                     d->labels.last != LABELS) ||
                    i <= 2;
    traits |= labelled ? LABEL : 0;
    traits |= i == 0 && d->near.len ? TEXT_START : 0;
    if (traits == AT_LETTER || !ask(d, i, traits, &next)) {
        return end;
    }
    return next;
}

void detect_begin(struct detection *d, struct span text, struct span near, struct findings *out)
{
    d->text = text;
    d->near = near;
    d->out = out;
    d->at = 0;
    d->last_end = 0;
    d->link_end = 0;
    d->word = NULL;
    d->word_end = 0;
    labels_begin(&d->labels, near);
}

bool detect_some(struct detection *d, size_t bytes)
{
    struct span t = d->text;
    size_t stop = bytes < t.len - d->at ? d->at + bytes : t.len;
    size_t i = d->at;
    while (i < stop && !d->out->overflow) {
        unsigned start = start_table[(unsigned char)t.data[i]];
        size_t next = i + 1;
        if (start & (AT_DIGIT | AT_LETTER)) {
            bool digit;
            bool begins = i == d->last_end || i == 0 || !is(t.data[i - 1], WORD);
            next =
                begins ? at_word(d, i) : word_end(t, i, &digit); /* nothing begins inside a word */
        } else if (t.data[i] == '<') {
            next = MAX(token_end(t, i), i + 1);
        } else if (start) {
            ask(d, i, start, &next);
        }
        i = next;
    }
    d->at = MIN(i, t.len);
    return d->at < t.len && !d->out->overflow;
}

static void plain_text(struct span text, struct span near, struct findings *out)
{
    struct detection d;
    detect_begin(&d, text, near, out);
    (void)detect_some(&d, text.len);
}

void detect_text(struct span text, struct span near, struct findings *out)
{
    if (disguise_worn(text)) {
        disguise_detect(text, near, plain_text, out);
    } else {
        plain_text(text, near, out);
    }
}
