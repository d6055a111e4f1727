/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/detect_parts.h"

#define U5(c) [c] = UPPER | HEX | EMAIL_LOCAL | HOST | TOKEN
#define U(c) [c] = UPPER | EMAIL_LOCAL | HOST | TOKEN
#define L5(c) [c] = LOWER | HEX | EMAIL_LOCAL | HOST | TOKEN
#define L(c) [c] = LOWER | EMAIL_LOCAL | HOST | TOKEN
#define D(c) [c] = DIGIT | HEX | EMAIL_LOCAL | HOST | TOKEN
const uint8_t class_of[256] = {
    D('0'),
    D('1'),
    D('2'),
    D('3'),
    D('4'),
    D('5'),
    D('6'),
    D('7'),
    D('8'),
    D('9'),
    U5('A'),
    U5('B'),
    U5('C'),
    U5('D'),
    U5('E'),
    U5('F'),
    U('G'),
    U('H'),
    U('I'),
    U('J'),
    U('K'),
    U('L'),
    U('M'),
    U('N'),
    U('O'),
    U('P'),
    U('Q'),
    U('R'),
    U('S'),
    U('T'),
    U('U'),
    U('V'),
    U('W'),
    U('X'),
    U('Y'),
    U('Z'),
    L5('a'),
    L5('b'),
    L5('c'),
    L5('d'),
    L5('e'),
    L5('f'),
    L('g'),
    L('h'),
    L('i'),
    L('j'),
    L('k'),
    L('l'),
    L('m'),
    L('n'),
    L('o'),
    L('p'),
    L('q'),
    L('r'),
    L('s'),
    L('t'),
    L('u'),
    L('v'),
    L('w'),
    L('x'),
    L('y'),
    L('z'),
    ['_'] = UNDERSCORE | EMAIL_LOCAL | TOKEN,
    ['-'] = EMAIL_LOCAL | HOST | TOKEN,
    ['.'] = EMAIL_LOCAL | HOST,
    ['+'] = EMAIL_LOCAL,
    ['%'] = EMAIL_LOCAL,
    ['\''] = 0,
};

bool starts_at(struct span t, size_t at, struct span prefix)
{
    return prefix.len <= t.len && at <= t.len - prefix.len &&
           (prefix.len == 0 || lower(t.data[at]) == lower(prefix.data[0])) &&
           span_starts_nocase(span_from(t, at), prefix);
}

bool one_of(struct span value, const char *const *list)
{
    char first = value.len ? lower(value.data[0]) : 0;
    for (const char *const *l = list; *l; l++) {
        if (lower((*l)[0]) == first && span_eq_nocase(value, span_c(*l))) {
            return true;
        }
    }
    return false;
}

/* Latin-1 capitals, every second letter of Latin Extended-A, Greek and Cyrillic capitals. */
bool is_capital(struct span t, size_t i)
{
    if (i >= t.len) {
        return false;
    }
    if (is(t.data[i], UPPER)) {
        return true;
    }
    unsigned char lead = (unsigned char)t.data[i];
    unsigned char next = i + 1 < t.len ? (unsigned char)t.data[i + 1] : 0;
    return (lead == 0xc3 && next >= 0x80 && next <= 0x9e) || (lead == 0xc4 && next >= 0x80) ||
           (lead == 0xc5 && next >= 0x80) || (lead == 0xce && next >= 0x86 && next <= 0xa9) ||
           (lead == 0xd0 && next <= 0xaf && next >= 0x80);
}

size_t word_run(struct span t, size_t i)
{
    size_t most = MIN(t.len, i + WORD_RUN_MAX);
    while (i < most) {
        unsigned char c = (unsigned char)t.data[i];
        bool letter = is(t.data[i], LETTER) || (c >= 0x80 && c < 0xe0 && c != 0xc2);
        bool inside = (c == '\'' || c == '-') && i > 0 && at_is(t, i + 1, LETTER);
        if (!letter && !inside) {
            break;
        }
        i++;
    }
    return i;
}

/* ---- digits in groups ---- */

/* A no-break space counts as a space. */
size_t separator_at(struct span t, size_t i, char *out)
{
    if (i >= t.len) {
        return 0;
    }
    char c = t.data[i];
    if (c == ' ' && i + 3 < t.len && t.data[i + 1] == '-' && t.data[i + 2] == ' ') {
        *out = '~';
        return 3;
    }
    if (c == ' ' || c == '-' || c == '.' || c == '/') {
        *out = c;
        return 1;
    }
    if (c == '\xc2' && i + 1 < t.len && t.data[i + 1] == '\xa0') {
        *out = ' ';
        return 2;
    }
    /* narrow no-break space, non-breaking hyphen, figure and en dash: U+202F, U+2010 … U+2013 */
    if (c == '\xe2' && i + 2 < t.len && t.data[i + 1] == '\x80') {
        unsigned char last = (unsigned char)t.data[i + 2];
        *out = last == 0xaf ? ' ' : '-';
        return last == 0xaf || (last >= 0x90 && last <= 0x93) ? 3 : 0;
    }
    return 0;
}

void read_groups(struct span t, size_t at, int most, struct groups *g)
{
    g->count = 0; /* the arrays beyond are never read */
    g->digits = 0;
    char separator = 0;
    size_t i = at;
    while (g->count < most && g->digits <= DIGITS_MAX) {
        size_t end = run_of(span_first(t, i + DIGITS_MAX + 1), i, DIGIT);
        if (end == i) {
            return;
        }
        g->start[g->count] = i;
        g->end[g->count] = end;
        g->separator[g->count++] = separator;
        g->digits += (int)(end - i);
        size_t skip = separator_at(t, end, &separator);
        if (!skip) {
            return;
        }
        i = end + skip;
    }
}

int digits_to(const struct groups *g, int to)
{
    int n = 0;
    for (int k = 0; k <= to; k++) {
        n += group_len(g, k);
    }
    return n;
}

int collect(struct span t, const struct groups *g, int from, int to, char *out, int max)
{
    int n = 0;
    for (int k = from; k <= to; k++) {
        for (size_t i = g->start[k]; i < g->end[k] && n < max; i++) {
            out[n++] = t.data[i];
        }
    }
    return n;
}

bool same_separator(const struct groups *g, int to, const char *allowed)
{
    for (int k = 1; k <= to; k++) {
        if (!strchr(allowed, g->separator[k]) || g->separator[k] != g->separator[1]) {
            return false;
        }
    }
    return true;
}

bool grouped(const struct groups *g, const char *lengths)
{
    int n = (int)strlen(lengths);
    for (int k = 0; k < n; k++) {
        if (k >= g->count || group_len(g, k) != lengths[k] - '0') {
            return false;
        }
    }
    return true;
}

/* ---- check digits ---- */

bool luhn(const char *digits, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        int d = digits[n - 1 - i] - '0';
        d = i % 2 ? d * 2 : d;
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

int number_of(const char *digits, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        value = value * 10 + digits[i] - '0';
    }
    return value;
}

int weighted(const char *digits, const char *weights)
{
    int sum = 0;
    for (int i = 0; weights[i]; i++) {
        sum += (digits[i] - '0') * (weights[i] - '0');
    }
    return sum;
}
