/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that mean something only by the words before them (passport, account, medical record …), or by what they begin
 * with (MRN-1234567); US social security numbers; vehicles. */
#include "privacy/detect_kinds.h"

/* ---- US social security and taxpayer numbers ---- */

bool find_ssn(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    const struct groups *g = &d->groups;
    char digits[9];
    bool three = grouped(g, "324");
    bool solid = group_len(g, 0) == 9;
    bool typed =
        g->digits >= 9 && g->count >= 7 && digits_to(g, 6) <= 9; /* 1 2 3 - 4 5 - 6 7 8 9 */
    int to = three ? 2 : 0;
    while (typed && to + 1 < g->count && digits_to(g, to) < 9) {
        to++;
    }
    if ((!three && !solid && !typed) || digits_to(g, to) != 9 || !ends_well(t, g->end[to]) ||
        (three && (!same_separator(g, 2, " -.") || (g->count > 3 && g->separator[3] == '-')))) {
        return false;
    }
    bool dashed = three && g->separator[1] == '-';
    bool label = labels_near(&d->labels, MEANS_SSN, at);
    bool own = label && labels_own(&d->labels, t, at) == MEANS_SSN;
    if (!dashed && !label) {
        return false;
    }
    collect(t, g, 0, to, digits, 9);
    int area = number_of(digits, 3);
    int group = number_of(digits + 3, 2);
    bool possible = area != 0 && area != 666 && group != 0 && number_of(digits + 5, 4) != 0;
    /* Group numbers that the IRS gives (Publication 1915). */
    bool itin = (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
                (group >= 90 && group != 93);
    *hit =
        (struct hit){at, g->end[to], area < 900 ? TYPE_US_SSN : TYPE_US_ITIN, label ? 0.95 : 0.85};
    if (own && !(possible && (area < 900 || itin))) {
        hit->type = TYPE_US_SSN; /* a wrong or made-up number, but meant as one */
        return true;
    }
    return possible && (area < 900 || itin);
}

/* ---- numbers in the sense of a label ---- */

#define ID_MAX 34

struct id {
    size_t end;
    int digits, letters, groups;
};

static bool joins_id(char c)
{
    return c == '-' || c == '/' || c == '.' || c == '_';
}

/* Letters and digits from `at` on, with single `-`, `/`, `.` inside; a blank only between groups of digits. */
static struct id read_id(struct span t, size_t at)
{
    struct id id = {.end = at};
    size_t i = at;
    while (i < t.len && i - at < ID_MAX) {
        size_t end = run_of(span_first(t, at + ID_MAX + 1), i, ALNUM);
        if (end == i) {
            break;
        }
        for (size_t k = i; k < end; k++) {
            id.digits += is(t.data[k], DIGIT);
            id.letters += is(t.data[k], LETTER);
        }
        id.groups++;
        id.end = end;
        bool digits_before = is(t.data[end - 1], DIGIT);
        bool blank = end < t.len && t.data[end] == ' ' && digits_before && id.letters <= 3 &&
                     run_of(t, end + 1, DIGIT) >= end + 3 &&
                     ends_well(t, run_of(t, end + 1, DIGIT));
        if (end >= t.len || (!joins_id(t.data[end]) && !blank)) {
            break;
        }
        i = end + 1;
    }
    return id;
}

/* What a label accepts: how many digits at least, and how many characters at most. */
static const struct sense {
    enum personal_type type;
    uint8_t digits, longest;
} senses[LABELS] = {
    [MEANS_ACCOUNT] = {TYPE_BANK_ACCOUNT, 6, 34},
    [MEANS_PASSPORT] = {TYPE_PASSPORT, 5, 14},
    [MEANS_LICENSE] = {TYPE_DRIVER_LICENSE, 4, 22},
    [MEANS_RECORD] = {TYPE_MEDICAL_RECORD, 4, 24},
    [MEANS_DOCTOR] = {TYPE_MEDICAL_LICENSE, 4, 20},
    [MEANS_NATIONAL] = {TYPE_NATIONAL_ID, 5, 24},
    [MEANS_ID] = {TYPE_ID_NUMBER, 4, 24},
    [MEANS_SSN] = {TYPE_US_SSN, 7, 14},
    [MEANS_VIN] = {TYPE_VIN, 5, 17},
    [MEANS_CARD] = {TYPE_CREDIT_CARD, 12, 23},
};

/* 2024-11-20, 20.11.2024, 10/06/2016: a date beside "policy" is no policy's number. */
static bool is_date_shape(struct span v)
{
    int parts[3] = {0};
    int n = 0;
    for (size_t i = 0; i < v.len; i++) {
        if (is(v.data[i], DIGIT)) {
            parts[n]++;
        } else if (n == 2 || !in_set(v.data[i], "-./")) {
            return false;
        } else {
            n++;
        }
    }
    return n == 2 && ((parts[0] == 4 && parts[1] <= 2 && parts[2] <= 2) ||
                      (parts[0] <= 2 && parts[1] <= 2 && (parts[2] == 4 || parts[2] == 2)));
}

/* SWIFT's codes: four letters, a country, two and maybe three more (ISO 9362). */
static bool is_bic(struct span t, size_t at, size_t end)
{
    size_t len = end - at;
    return (len == 8 || len == 11) && run_of(t, at, UPPER) >= at + 6;
}

bool find_labelled(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    enum meaning m = labels_own(&d->labels, t, at);
    if (m == LABELS || senses[m].digits == 0) {
        return false;
    }
    const struct sense *s = &senses[m];
    struct id id = read_id(t, at);
    size_t len = id.end - at;
    bool bic = m == MEANS_ACCOUNT && is_bic(t, at, id.end);
    if ((id.digits < s->digits && !bic) || len > s->longest || !ends_well(t, id.end) ||
        is_date_shape(span_of(t.data + at, len)) || id.letters > id.digits + 6) {
        return false;
    }
    bool money =
        at > 0 && (t.data[at - 1] == '$' || t.data[at - 1] == '\xac'); /* "account: €1200000" */
    bool amount = id.letters == 0 && id.groups > 1 && joins_id(t.data[id.end - 3]) &&
                  t.data[id.end - 3] == '.';
    if (money || amount) {
        return false;
    }
    labels_go_on(&d->labels, m, id.end);
    bool iban = m == MEANS_ACCOUNT && len >= 12 && run_of(t, at, UPPER) == at + 2; /* a wrong one */
    *hit = (struct hit){at, id.end, iban ? TYPE_IBAN_CODE : s->type, 0.75};
    return true;
}

/* "MRN-1015952", "EMP-23311": a short label in capitals, joined to its number. */
bool find_prefixed(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    const struct word *w = d->word;
    size_t from = d->word_end;
    if (!w || !is(t.data[at], UPPER) || from >= t.len ||
        (t.data[from] != '-' && t.data[from] != '#')) {
        return false;
    }
    enum meaning m = w->meaning == WORD_PREFIX ? (enum meaning)w->arg : (enum meaning)w->meaning;
    if (m >= LABELS || senses[m].digits == 0 || m == MEANS_CARD || run_of(t, at, UPPER) != from) {
        return false;
    }
    struct id id = read_id(t, from + 1);
    if (id.digits < 4 || id.end - at > ID_MAX || !ends_well(t, id.end)) {
        return false;
    }
    *hit = (struct hit){at, id.end, senses[m].type, 0.8};
    return true;
}

/* ---- vehicles ---- */

/* ISO 3779 and 49 CFR 565.15: seventeen characters without I, O, Q; the ninth is the sum mod 11. */
bool find_vin(struct detection *d, size_t at, struct hit *hit)
{
    static const char values[] = "12345678.12345.7.923456789"; /* of A … Z */
    static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
    struct span t = d->text;
    if (at + 17 > t.len || run_of(span_first(t, at + 18), at, DIGIT | UPPER) != at + 17 ||
        !ends_well(t, at + 17)) {
        return false;
    }
    int sum = 0;
    int letters = 0;
    for (size_t i = 0; i < 17; i++) {
        char c = t.data[at + i];
        char v = is(c, DIGIT) ? c : values[c - 'A'];
        if (v == '.') {
            return false;
        }
        letters += !is(c, DIGIT);
        sum += (v - '0') * weights[i];
    }
    char check = sum % 11 == 10 ? 'X' : (char)('0' + sum % 11);
    *hit = (struct hit){at, at + 17, TYPE_VIN, 0.85};
    return letters >= 3 && letters < 15 &&
           (check == t.data[at + 8] || labels_own(&d->labels, t, at) == MEANS_VIN);
}

/* After "plate", "Kennzeichen" …: up to three groups of capitals and digits, both kinds present. */
bool find_plate(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    if (labels_own(&d->labels, t, at) != MEANS_PLATE) {
        return false;
    }
    int digits = 0;
    int letters = 0;
    size_t end = at;
    size_t i = at;
    for (int group = 0; group < 4; group++) {
        size_t close = run_of(span_first(t, i + 9), i, UPPER | DIGIT);
        if (close == i || !ends_well(t, close) || digits + letters + (int)(close - i) > 9) {
            break;
        }
        for (size_t k = i; k < close; k++) {
            digits += is(t.data[k], DIGIT);
            letters += is(t.data[k], UPPER);
        }
        end = close;
        if (close >= t.len || !in_set(t.data[close], " -.")) {
            break;
        }
        i = close + 1;
    }
    *hit = (struct hit){at, end, TYPE_VEHICLE_PLATE, 0.75};
    return digits >= 1 && letters >= 1 && digits + letters >= 4;
}
