/* SPDX-License-Identifier: Apache-2.0 */
/* Dates, dates of birth (a label says so), ages. */
#include "privacy/detect_kinds.h"

static bool is_year(int y)
{
    return y >= 1900 && y <= 2099;
}

/* "10:30", "T10:30:00Z", " 02:26:26", "10:30 pm" after a date: where it ends. */
static size_t with_time(struct span t, size_t end)
{
    size_t i = end;
    i += i < t.len && (t.data[i] == 'T' || t.data[i] == ' ');
    if (i == end || !at_is(t, i, DIGIT)) {
        return end;
    }
    size_t hour = run_of(span_first(t, i + 3), i, DIGIT);
    if (hour - i > 2 || hour >= t.len || t.data[hour] != ':') {
        return end;
    }
    size_t close = hour;
    while (close < t.len && (t.data[close] == ':' || t.data[close] == '.') &&
           at_is(t, close + 1, DIGIT) && close - hour < 12) {
        close = run_of(span_first(t, close + 8), close + 1, DIGIT);
    }
    if (close < t.len && t.data[close] == 'Z') {
        return close + 1;
    }
    if (close + 5 < t.len && (t.data[close] == '+' || t.data[close] == '-') &&
        at_is(t, close + 1, DIGIT) && run_of(t, close + 1, DIGIT) == close + 3 &&
        t.data[close + 3] == ':') {
        return MIN(close + 6, t.len);
    }
    return close > hour && ends_well(t, close) ? close : end;
}

static void fill(struct detection *d, size_t at, size_t end, struct hit *hit)
{
    bool birth = labels_near(&d->labels, MEANS_BIRTH, at);
    size_t label = d->labels.end[MEANS_BIRTH];
    if (birth && label) { /* in the same sentence */
        struct span between = span_of(d->text.data + label - 1, at - (label - 1));
        birth = span_find(between, SPAN(". "), 0) == SIZE_MAX;
    }
    *hit = (struct hit){at, end, birth ? TYPE_DATE_OF_BIRTH : TYPE_DATE_TIME, birth ? 0.8 : 0.6};
    if (birth) { /* a person is born once: the next date is another one */
        d->labels.start[MEANS_BIRTH] = 0;
        d->labels.end[MEANS_BIRTH] = 0;
    }
}

/* 1952-05-21, 21/05/1952, 5/21/52, 21.05.1952, 21 May 1952, 2012. */
static size_t numeric_date(struct span t, const struct groups *g)
{
    if (g->count < 3 || g->separator[1] == ' ' || g->separator[1] != g->separator[2]) {
        return 0;
    }
    int a = group_len(g, 0);
    int b = group_len(g, 1);
    int c = group_len(g, 2);
    int x = a <= 4 ? number_of(t.data + g->start[0], a) : 0;
    int y = b <= 2 ? number_of(t.data + g->start[1], b) : 99;
    int z = c <= 4 ? number_of(t.data + g->start[2], c) : 0;
    bool iso = a == 4 && b <= 2 && c <= 2 && is_year(x) && y >= 1 && y <= 12 && z >= 1 && z <= 31;
    bool common = a <= 2 && b <= 2 && (c == 4 ? is_year(z) : c == 2) && x >= 1 && x <= 31 &&
                  y >= 1 && y <= 31 && (x <= 12 || y <= 12);
    bool more = g->count > 3 && g->separator[3] == g->separator[1];
    bool dotted = c == 2 && g->separator[1] == '.'; /* 1.2.12: a version */
    return (iso || (common && !dotted)) && !more &&
                   ends_well(t, iso && t.len > g->end[2] && t.data[g->end[2]] == 'T' ? t.len
                                                                                     : g->end[2])
               ? g->end[2]
               : 0;
}

/* "21 May 1952", "21st of May, 1952", "21 de mayo de 1952", "5. M\xc3\xa4rz 2001". */
static size_t day_month(struct span t, size_t at)
{
    size_t i = run_of(span_first(t, at + 3), at, DIGIT);
    if (i - at > 2 || number_of(t.data + at, (int)(i - at)) > 31) {
        return 0;
    }
    size_t month = i;
    if (at_is(t, i, LETTER)) { /* "21st of May" */
        bool ordinal = starts_at(t, i, SPAN("st")) || starts_at(t, i, SPAN("nd")) ||
                       starts_at(t, i, SPAN("rd")) || starts_at(t, i, SPAN("th"));
        month = ordinal ? i + 2 : t.len;
    }
    size_t joint = month;
    month += month < t.len && in_set(t.data[month], ".-/");
    month += month < t.len && t.data[month] == ' ';
    if (month == joint) {
        return 0;
    }
    month += starts_at(t, month, SPAN("of ")) || starts_at(t, month, SPAN("de ")) ? 3 : 0;
    size_t month_end;
    bool word =
        month < t.len && (is(t.data[month], LETTER) || (unsigned char)t.data[month] >= 0xc3);
    const struct word *w = word ? word_find(t, month, &month_end) : NULL;
    if (!w || w->meaning != WORD_MONTH) {
        return 0;
    }
    size_t y = month_end;
    y += y < t.len && in_set(t.data[y], ".,-/");
    y += y < t.len && t.data[y] == ' ';
    y += starts_at(t, y, SPAN("de ")) ? 3 : starts_at(t, y, SPAN("del ")) ? 4 : 0;
    size_t close = run_of(span_first(t, y + 5), y, DIGIT);
    bool year = close - y == 4 && is_year(number_of(t.data + y, 4));
    return year && ends_well(t, close) ? close : month_end;
}

bool find_date(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    const struct groups *g = &d->groups;
    size_t end = g->digits >= 4 ? numeric_date(t, g) : 0;
    end = end ? with_time(t, end) : day_month(t, at);
    if (!end && group_len(g, 0) == 4 && g->count == 1 && is_year(number_of(t.data + at, 4)) &&
        ends_well(t, g->end[0])) { /* a year alone */
        char before = at > 0 ? t.data[at - 1] : ' ';
        char after = g->end[0] < t.len ? t.data[g->end[0]] : ' ';
        bool alone = in_set(before, " (,;\n\"'") && in_set(after, " ),.;:?!\n\"'");
        end = alone ? g->end[0] : 0;
    }
    if (end) {
        fill(d, at, end, hit);
    }
    return end != 0;
}

/* "May 21, 1952", "Junio de 2007", "March 3rd". */
bool find_month_date(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    if (!d->word || d->word->meaning != WORD_MONTH) {
        return false;
    }
    size_t i = d->word_end;
    i += i < t.len && t.data[i] == '.';
    size_t number = i;
    static const char *const joints[] = {" del ", " de ", " of ", ", ", " ", NULL};
    for (const char *const *j = joints; *j && number == i; j++) {
        number += starts_at(t, i, span_c(*j)) ? strlen(*j) : 0;
    }
    size_t end = run_of(span_first(t, number + 5), number, DIGIT);
    if (number == i || end == number) {
        return false;
    }
    int value = number_of(t.data + number, (int)(end - number));
    if (end - number == 4) {
        bool fine = is_year(value) && ends_well(t, end);
        if (fine) {
            fill(d, at, end, hit);
        }
        return fine;
    }
    if (value < 1 || value > 31) {
        return false;
    }
    static const char *const ordinals[] = {"st", "nd", "rd", "th", NULL};
    for (const char *const *o = ordinals; *o; o++) {
        if (starts_at(t, end, span_c(*o)) && ends_well(t, end + 2)) {
            end += 2;
            break;
        }
    }
    if (!ends_well(t, end)) {
        return false;
    }
    size_t year = end;
    year += year < t.len && t.data[year] == ',';
    year += year < t.len && t.data[year] == ' ';
    size_t close = run_of(span_first(t, year + 5), year, DIGIT);
    bool with_year = year > end && close - year == 4 && is_year(number_of(t.data + year, 4)) &&
                     ends_well(t, close);
    fill(d, at, with_year ? with_time(t, close) : end, hit);
    return true;
}

bool find_weekday(struct detection *d, size_t at, struct hit *hit)
{
    *hit = (struct hit){at, d->word_end, TYPE_DATE_TIME, 0.5};
    return d->word && d->word->meaning == WORD_WEEKDAY && ends_well(d->text, d->word_end);
}

/* "32 years old", "a 50-year-old", "53 a\xc3\xb1os", "Age: 32". */
bool find_age(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    size_t end = run_of(span_first(t, at + 4), at, DIGIT);
    if (end - at > 3 || number_of(t.data + at, (int)(end - at)) > 125) {
        return false;
    }
    size_t i = end;
    i += i < t.len && (t.data[i] == ' ' || t.data[i] == '-');
    size_t close = 0;
    bool words = i < t.len && (is(t.data[i], LETTER) || (unsigned char)t.data[i] >= 0xc3);
    const struct word *w = words ? word_find(t, i, &close) : NULL;
    bool after = w && w->meaning == WORD_AGE_AFTER;
    bool label = labels_own(&d->labels, t, at) == MEANS_AGE && ends_well(t, end);
    *hit = (struct hit){at, after && w->arg ? close : end, TYPE_AGE, 0.6};
    return after || label;
}
