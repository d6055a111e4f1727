/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/detect.h"

#include <assert.h>
#include <stdlib.h>

static const char EMAIL_ADDRESS[] = "EMAIL_ADDRESS";
static const char CREDIT_CARD[] = "CREDIT_CARD";
static const char IBAN_CODE[] = "IBAN_CODE";
static const char US_SSN[] = "US_SSN";
static const char US_ITIN[] = "US_ITIN";
static const char PHONE_NUMBER[] = "PHONE_NUMBER";
static const char IP_ADDRESS[] = "IP_ADDRESS";
static const char SECRET[] = "SECRET";

const char *const detect_types[] = {EMAIL_ADDRESS, CREDIT_CARD, IBAN_CODE, US_SSN, US_ITIN,
                                    PHONE_NUMBER,  IP_ADDRESS,  SECRET,    NULL};

bool detect_knows(struct span type)
{
    for (const char *const *t = detect_types; *t; t++) {
        if (span_is(type, *t)) {
            return true;
        }
    }
    return false;
}

/* ---- findings ---- */

void findings_init(struct findings *f, int max)
{
    *f = (struct findings){.max = max};
}

void findings_done(struct findings *f)
{
    mem_free(f->items);
    *f = (struct findings){.max = f->max};
}

void findings_add(struct findings *f, const char *type, size_t start, size_t end, double score)
{
    if (f->count == f->max) {
        f->overflow = true;
        return;
    }
    if (f->count == f->capacity) {
        int grown = MIN(MAX(f->capacity * 2, 16), f->max);
        f->items = mem_grow(f->items, sizeof *f->items * (size_t)f->capacity,
                            sizeof *f->items * (size_t)grown);
        f->capacity = grown;
    }
    f->items[f->count++] = (struct finding){type, start, end, score};
}

static int by_place(const void *a, const void *b)
{
    const struct finding *x = a;
    const struct finding *y = b;
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    return x->end == y->end ? 0 : x->end > y->end ? -1 : 1;
}

static bool beats(const struct finding *x, const struct finding *y)
{
    return x->score != y->score ? x->score > y->score : x->end - x->start > y->end - y->start;
}

void findings_settle(struct findings *f)
{
    if (f->count < 2) {
        return;
    }
    qsort(f->items, (size_t)f->count, sizeof *f->items, by_place);
    int kept = 1;
    for (int i = 1; i < f->count; i++) {
        struct finding *last = &f->items[kept - 1];
        if (f->items[i].start >= last->end) {
            f->items[kept++] = f->items[i];
            continue;
        }
        /* Two that overlap become one that covers both: half a value must not stay behind. */
        size_t start = last->start;
        size_t end = MAX(last->end, f->items[i].end);
        if (beats(&f->items[i], last)) {
            *last = f->items[i];
        }
        last->start = start;
        last->end = end;
    }
    f->count = kept;
}

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
#define WORD (DIGIT | UPPER | LOWER | UNDERSCORE)

#define U5(c) [c] = UPPER | HEX | EMAIL_LOCAL | HOST | TOKEN
#define U(c) [c] = UPPER | EMAIL_LOCAL | HOST | TOKEN
#define L5(c) [c] = LOWER | HEX | EMAIL_LOCAL | HOST | TOKEN
#define L(c) [c] = LOWER | EMAIL_LOCAL | HOST | TOKEN
#define D(c) [c] = DIGIT | HEX | EMAIL_LOCAL | HOST | TOKEN
static const uint8_t class_of[256] = {
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

static size_t run_of(struct span t, size_t from, int classes)
{
    size_t i = from;
    while (i < t.len && is(t.data[i], classes)) {
        i++;
    }
    return i;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Does one of the words begin at t[i]? ASCII case does not count; words begin at word borders, after underscores and
 * at humps ("mySsn"), and are in lower case here. */
static bool word_at(struct span t, size_t i, const char *const *words)
{
    if (word_before(t, i) && is(t.data[i - 1], LOWER) && !is(t.data[i], UPPER)) {
        return false;
    }
    char first = lower(t.data[i]);
    for (const char *const *w = words; *w; w++) {
        if ((*w)[0] != first) {
            continue;
        }
        size_t k = 1;
        while ((*w)[k] && i + k < t.len && lower(t.data[i + k]) == (*w)[k]) {
            k++;
        }
        if (!(*w)[k] && !at_is(t, i + k, LOWER)) { /* a "cell", not a "cellar" */
            return true;
        }
    }
    return false;
}

static bool word_in(struct span t, const char *const *words)
{
    for (size_t i = 0; i < t.len; i++) {
        if (word_at(t, i, words)) {
            return true;
        }
    }
    return false;
}

/* Words that give a number near them its meaning. */
enum meaning { MEANS_SSN, MEANS_PHONE, MEANS_CARD, MEANINGS };

static const char *const meaning_words[MEANINGS][28] = {
    [MEANS_SSN] = {"ssn", "social security", "social_security", "socialsecurity", "soc sec", "itin",
                   "taxpayer", "tax id", NULL},
    [MEANS_PHONE] = {"phone",       "phonenumber",  "telephone", "telefonnummer", "mobil",
                     "tel",         "mobile",       "cell",      "fax",           "whatsapp",
                     "telefon",     "handy",        "tlf",       "call",          "ring me",
                     "sms",         "desk:",        "dial",      "rufnummer",     "telefono",
                     "reach",       "portable",     "hotline",   "text me",       "answering",
                     "messages to", "m\xc3\xb3vil", NULL},
    [MEANS_CARD] = {"card", "credit", "cc", "visa", "mastercard", "amex", "maestro", "karte",
                    "tarjeta", "carte", "debit", NULL},
};

/* Bit m: some word of meaning m begins with this letter. Filled with start_table. */
static uint8_t meaning_initials[256];

/* Looks for such words once, from left to right, as far as someone asked. */
struct context {
    struct span text, near;
    size_t looked;         /* words that begin before it are known */
    size_t last[MEANINGS]; /* 1 + where the last one begins; 0 = none */
    bool near_known, in_near[MEANINGS];
};

/* One of our own tokens is no context: `<PHONE_NUMBER_1>`. Gives its end, or 0. */
static size_t token_end(struct span t, size_t i)
{
    size_t end = t.data[i] == '<' ? run_of(t, i + 1, UPPER | UNDERSCORE | DIGIT) : i;
    return end > i + 2 && end < t.len && t.data[end] == '>' && is(t.data[end - 1], DIGIT) ? end : 0;
}

static bool has_context(struct context *c, enum meaning which, size_t at)
{
    if (at > CONTEXT_BYTES) {
        c->looked = MAX(c->looked, at - CONTEXT_BYTES); /* what is further away does not count */
    }
    for (; c->looked < at; c->looked++) {
        size_t i = c->looked;
        size_t token = token_end(c->text, i);
        if (token) {
            c->looked = token - 1;
            continue;
        }
        unsigned initials = meaning_initials[(unsigned char)c->text.data[i]];
        for (int m = 0; initials; m++, initials >>= 1) {
            if ((initials & 1) && word_at(c->text, i, meaning_words[m])) {
                c->last[m] = i + 1;
            }
        }
    }
    for (int m = 0; m < MEANINGS && !c->near_known; m++) {
        c->in_near[m] = word_in(c->near, meaning_words[m]);
    }
    c->near_known = true;
    return c->in_near[which] || (c->last[which] && at - (c->last[which] - 1) <= CONTEXT_BYTES);
}

/* ---- e-mail ---- */

/* Local parts that documentation uses at example.com and friends. */
static bool is_sample_mailbox(struct span local, struct span host)
{
    static const char *const boxes[] = {
        "user", "you",     "me",        "name",     "email",    "test", "foo",   "bar", "admin",
        "info", "someone", "your.name", "yourname", "username", "mail", "hello", NULL};
    static const char *const hosts[] = {"example.com", "example.org", "example.net",
                                        "domain.com",  "localhost",   NULL};
    for (const char *const *h = hosts; *h; h++) {
        for (const char *const *b = boxes; *b && span_eq_nocase(host, span_c(*h)); b++) {
            if (span_eq_nocase(local, span_c(*b))) {
                return true;
            }
        }
    }
    return false;
}

/* "icon@2x.png", "git@github.com:me/repo": written like an address, but none. */
static bool is_no_mailbox(struct span t, struct span local, struct span host, size_t end)
{
    static const char *const endings[] = {".png",  ".jpg", ".jpeg", ".gif", ".svg",
                                          ".webp", ".js",  ".css",  NULL};
    for (const char *const *e = endings; *e; e++) {
        if (span_ends(host, span_c(*e))) {
            return true;
        }
    }
    return span_is(local, "git") && end < t.len && (t.data[end] == ':' || t.data[end] == '/');
}

#define EMAIL_LOCAL_MAX 64
#define HOST_MAX 253

/* Does an alphabet's letter (two bytes, U+00C0 to U+04FF) end at `i`? */
static bool after_alphabetic(struct span t, size_t i)
{
    if (i < 2 || ((unsigned char)t.data[i - 1] & 0xc0) != 0x80) {
        return false;
    }
    unsigned char lead = (unsigned char)t.data[i - 2];
    return lead >= 0xc3 && lead <= 0xd3;
}

/* Where the local part before t[at] begins. Letters with accents, Greek and Cyrillic belong to it. Characters of scripts
 * that put no space before an address do so only where what follows them cannot stand alone ("裕子.加藤29@…"). */
static size_t local_start(struct span t, size_t at)
{
    size_t start = at;
    while (start > 0 && at - start < EMAIL_LOCAL_MAX) {
        char c = t.data[start - 1];
        bool ascii = (unsigned char)c < 0x80;
        bool stands_alone = start < at && is(t.data[start], UPPER | LOWER);
        if (ascii ? !is(c, EMAIL_LOCAL) : stands_alone && !after_alphabetic(t, start)) {
            break;
        }
        start--;
    }
    while (start < at &&
           ((unsigned char)t.data[start] & 0xc0) == 0x80) { /* never half a character */
        start++;
    }
    while (start < at && (unsigned char)t.data[start] < 0x80 && !is(t.data[start], WORD)) {
        start++;
    }
    return start;
}

static size_t find_email(struct span t, size_t at, size_t *out_start)
{
    size_t start = local_start(t, at);
    size_t end = run_of(span_first(t, at + 1 + HOST_MAX), at + 1, HOST);
    while (end > at + 1 && !is(t.data[end - 1], DIGIT | UPPER | LOWER)) {
        end--;
    }
    struct span host = span_of(t.data + at + 1, end - at - 1);
    size_t dot = host.len;
    while (dot > 0 && host.data[dot - 1] != '.') {
        dot--;
    }
    struct span top = span_from(host, dot);
    size_t dash = span_starts_nocase(top, SPAN("xn--")) ? SIZE_MAX : span_find_char(top, '-', 0);
    if (dash != SIZE_MAX) { /* "jane@acme.io-2026": no top level has a dash */
        top = span_first(top, dash);
        end -= host.len - dot - dash;
        host = span_first(host, dot + dash);
    }
    bool letters = top.len >= 2 && (run_of(top, 0, UPPER | LOWER) == top.len ||
                                    span_starts_nocase(top, SPAN("xn--")));
    if (start == at || dot < 2 || !letters || !is(host.data[0], WORD) ||
        host.data[dot - 2] == '.') {
        return 0;
    }
    struct span local = span_of(t.data + start, at - start);
    if (is_sample_mailbox(local, host) || is_no_mailbox(t, local, host, end)) {
        return 0;
    }
    *out_start = start;
    return end;
}

/* ---- numbers in groups ---- */

#define GROUPS_MAX 12
#define DIGITS_MAX 34

struct groups {
    int count, digits;
    size_t start[GROUPS_MAX], end[GROUPS_MAX];
    char separator[GROUPS_MAX]; /* before the group; 0 for the first */
};

/* A no-break space counts as a space. */
static size_t separator_at(struct span t, size_t i, char *out)
{
    if (i >= t.len) {
        return 0;
    }
    char c = t.data[i];
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

static void read_groups(struct span t, size_t at, struct groups *g)
{
    *g = (struct groups){0};
    char separator = 0;
    size_t i = at;
    while (g->count < GROUPS_MAX && g->digits <= DIGITS_MAX) {
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

static int group_len(const struct groups *g, int k)
{
    return (int)(g->end[k] - g->start[k]);
}

/* The digits of groups `from` to `to`, at most `max`. */
static int collect(struct span t, const struct groups *g, int from, int to, char *out, int max)
{
    int n = 0;
    for (int k = from; k <= to; k++) {
        for (size_t i = g->start[k]; i < g->end[k] && n < max; i++) {
            out[n++] = t.data[i];
        }
    }
    return n;
}

static bool same_separator(const struct groups *g, int to, const char *allowed)
{
    for (int k = 1; k <= to; k++) {
        if (!strchr(allowed, g->separator[k]) || g->separator[k] != g->separator[1]) {
            return false;
        }
    }
    return true;
}

static bool ends_well(struct span t, size_t end)
{
    return !at_is(t, end, WORD);
}

/* ---- credit card ---- */

static bool luhn(const char *digits, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        int d = digits[n - 1 - i] - '0';
        d = i % 2 ? d * 2 : d;
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

static int number_of(const char *digits, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        value = value * 10 + digits[i] - '0';
    }
    return value;
}

/* Issuer ranges of ISO/IEC 7812 as the networks publish them. */
static bool is_card_number(const char *d, int n, bool context)
{
    static const struct {
        int digits, from, to, shortest, longest;
    } ranges[] = {
        {1, 4, 4, 13, 19},   /* Visa: 13, 16, 19 */
        {2, 51, 55, 16, 16}, /* Mastercard */
        {4, 2221, 2720, 16, 16}, {2, 34, 34, 15, 15},
        {2, 37, 37, 15, 15}, /* American Express */
        {4, 6011, 6011, 16, 19}, {3, 644, 649, 16, 19},
        {2, 65, 65, 16, 19},     /* Discover */
        {4, 3528, 3589, 16, 19}, /* JCB */
        {3, 300, 305, 14, 19},   {2, 36, 36, 14, 19},
        {2, 38, 39, 14, 19}, /* Diners */
        {2, 62, 62, 16, 19}, /* UnionPay */
        {2, 50, 50, 13, 19},     {2, 56, 58, 13, 19},
        {2, 67, 67, 13, 19},     {2, 63, 63, 13, 19}, /* Maestro */
        {4, 2200, 2204, 16, 19}, {4, 2131, 2131, 15, 15},
        {4, 1800, 1800, 15, 15}, /* Mir */
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        int prefix = number_of(d, ranges[i].digits);
        if (prefix >= ranges[i].from && prefix <= ranges[i].to && n >= ranges[i].shortest &&
            n <= ranges[i].longest) {
            return (d[0] != '4' || n == 13 || n == 16 || n == 19) && luhn(d, n);
        }
    }
    return context && luhn(d, n);
}

static size_t find_card(struct span t, struct context *near, const struct groups *g)
{
    char digits[20];
    for (int to = g->count - 1; to >= 0; to--) {
        int n = 0;
        bool small = false;
        for (int k = 0; k <= to; k++) {
            n += group_len(g, k);
            small |= k < to && group_len(g, k) < 3;
        }
        if (n < 12 || n > 19 || small || !same_separator(g, to, " -.") ||
            !ends_well(t, g->end[to])) {
            continue;
        }
        collect(t, g, 0, to, digits, 19);
        if (is_card_number(digits, n, has_context(near, MEANS_CARD, g->start[0]))) {
            return g->end[to];
        }
    }
    return 0;
}

/* ---- US social security and taxpayer numbers ---- */

static size_t find_ssn(struct span t, struct context *near, const struct groups *g,
                       const char **out_type, double *score)
{
    char d[9];
    bool grouped =
        g->count >= 3 && group_len(g, 0) == 3 && group_len(g, 1) == 2 && group_len(g, 2) == 4;
    bool solid = group_len(g, 0) == 9;
    int to = grouped ? 2 : 0;
    if ((!grouped && !solid) || !ends_well(t, g->end[to]) ||
        (grouped && (!same_separator(g, 2, " -.") || (g->count > 3 && g->separator[3] == '-')))) {
        return 0;
    }
    bool dashed = grouped && g->separator[1] == '-';
    bool context = has_context(near, MEANS_SSN, g->start[0]);
    if (!dashed && !context) {
        return 0;
    }
    collect(t, g, 0, to, d, 9);
    int area = number_of(d, 3);
    int group = number_of(d + 3, 2);
    if (area == 0 || area == 666 || group == 0 || number_of(d + 5, 4) == 0) {
        return 0;
    }
    *score = context ? 0.95 : 0.85;
    *out_type = area < 900 ? US_SSN : US_ITIN;
    bool itin = (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
                (group >= 90 && group != 93);
    return area < 900 || itin ? g->end[to] : 0;
}

/* ---- telephone ---- */

/* "x1234", " ext. 12": an extension belongs to the number. */
static size_t with_extension(struct span t, size_t end)
{
    static const char *const words[] = {"x", " x", " ext. ", " ext ", " extension ", NULL};
    for (const char *const *w = words; *w; w++) {
        size_t from = end + strlen(*w);
        size_t close = run_of(t, from, DIGIT);
        if (span_starts_nocase(span_from(t, end), span_c(*w)) && close > from &&
            close - from <= 6 && ends_well(t, close)) {
            return close;
        }
    }
    return end;
}

/* Nothing of a word behind it but an extension. */
static bool phone_ends(struct span t, size_t end)
{
    return ends_well(t, end) || with_extension(t, end) > end;
}

/* "+49 (0)30 123-456": digits from `i` on with at most two other characters between; gives the end and the count. */
static size_t read_dialled(struct span t, size_t i, int *out_digits)
{
    int digits = 0;
    size_t end = i;
    while (i < t.len && digits < 15) {
        char c = t.data[i];
        char ignored;
        if (is(c, DIGIT)) {
            digits++;
            end = ++i;
        } else if (c == '(' || c == ')') {
            i++;
        } else {
            size_t skip = separator_at(t, i, &ignored);
            i += skip;
            if (!skip) {
                break;
            }
        }
        if (i - end > 3) {
            break;
        }
    }
    *out_digits = digits;
    return end;
}

static size_t find_plus_phone(struct span t, size_t at)
{
    int digits;
    if (!at_is(t, at + 1, DIGIT) || t.data[at + 1] == '0') {
        return 0;
    }
    size_t end = read_dialled(t, at + 1, &digits);
    if (t.data[at + 1] == '1' && digits > 11) { /* North America: eleven digits, whatever follows */
        for (int n = 0; n < 11; at++) {
            n += is(t.data[at + 1], DIGIT);
        }
        return at + 1;
    }
    return digits >= 8 && phone_ends(t, end) ? end : 0;
}

static bool is_nanp(const char *d)
{
    return d[0] >= '2' && d[3] >= '2';
}

/* 415-555-0132, 1 415 555 0132, 415.555.0132 */
static size_t find_us_phone(struct span t, const struct groups *g)
{
    int k = g->count >= 4 && group_len(g, 0) == 1 && t.data[g->start[0]] == '1';
    char d[10];
    if (g->count < k + 3 || group_len(g, k) != 3 || group_len(g, k + 1) != 3 ||
        group_len(g, k + 2) != 4 || !phone_ends(t, g->end[k + 2]) || g->separator[k + 1] == '/' ||
        g->separator[k + 1] != g->separator[k + 2]) {
        return 0;
    }
    collect(t, g, k, k + 2, d, 10);
    return is_nanp(d) ? g->end[k + 2] : 0;
}

/* 030 1234567, 020 7946 0958, 06 12 34 56 78, 0170/1234567; also 0049 30 123456 */
static size_t find_zero_phone(struct span t, const struct groups *g)
{
    size_t at = g->start[0];
    bool goes_on =
        at >= 2 && is(t.data[at - 2], DIGIT); /* "3704 0044 0532": the middle of something else */
    if (t.data[at] != '0' || g->count < 2 || group_len(g, 0) < 2 || goes_on ||
        span_starts(span_from(t, at), SPAN("000"))) {
        return 0;
    }
    int digits = 0;
    int to = 0;
    for (int k = 0; k < g->count && k < 7; k++) {
        char s = g->separator[k];
        if (k && (group_len(g, k) < 2 || (s == '.' && group_len(g, 0) == 1))) {
            break;
        }
        if (digits + group_len(g, k) > 14) {
            break;
        }
        digits += group_len(g, k);
        to = k;
    }
    bool date = group_len(g, 0) == 2 && to >= 2 && group_len(g, 1) == 2 && group_len(g, 2) == 4 &&
                g->separator[1] != ' ';
    return to >= 1 && digits >= 9 && !date && phone_ends(t, g->end[to]) ? g->end[to] : 0;
}

static bool has_slash(const struct groups *g, int to)
{
    for (int k = 1; k <= to; k++) {
        if (g->separator[k] == '/') {
            return true;
        }
    }
    return false;
}

static size_t find_phone(struct span t, struct context *near, const struct groups *g, double *score)
{
    size_t end = find_us_phone(t, g);
    end = end ? end : find_zero_phone(t, g);
    *score = 0.8;
    if (end || !has_context(near, MEANS_PHONE, g->start[0])) {
        return end;
    }
    for (int to = g->count - 1; to >= 0; to--) { /* "tel. 555 0132", "phone: 4155550132" */
        int n = 0;
        for (int k = 0; k <= to; k++) {
            n += group_len(g, k);
        }
        if (n >= 7 && n <= 15 && phone_ends(t, g->end[to]) && !has_slash(g, to)) {
            return g->end[to];
        }
    }
    return 0;
}

/* (415) 555-0132, (030) 1234567 */
static size_t find_bracketed_phone(struct span t, size_t at)
{
    size_t close = run_of(t, at + 1, DIGIT);
    size_t area = close - at - 1;
    if (area < 2 || area > 5 || close >= t.len || t.data[close] != ')') {
        return 0;
    }
    size_t i = close + 1;
    char ignored;
    i += separator_at(t, i, &ignored);
    if (!at_is(t, i, DIGIT)) {
        return 0;
    }
    struct groups g;
    read_groups(t, i, &g);
    bool us = area == 3 && t.data[at + 1] >= '2' && g.count >= 2 && group_len(&g, 0) == 3 &&
              group_len(&g, 1) == 4;
    if (us) {
        return phone_ends(t, g.end[1]) ? g.end[1] : 0;
    }
    int to = MIN(g.count, 4) - 1;
    int digits = (int)area;
    bool zero = t.data[at + 1] == '0';
    for (int k = 0; k <= to; k++) {
        digits += group_len(&g, k);
    }
    return digits >= 8 && digits <= 13 && to >= (zero ? 0 : 1) && phone_ends(t, g.end[to])
               ? g.end[to]
               : 0;
}

/* ---- IP addresses ---- */

/* "version 1.2.3.4": the word stands right before it. */
static bool is_version(struct span t, size_t at, struct span near)
{
    static const char *const words[] = {"version", "release", "firmware", NULL};
    size_t from = at > 12 ? at - 12 : 0;
    return word_in(span_of(t.data + from, at - from), words) || (near.len && word_in(near, words));
}

static size_t find_ipv4(struct span t, struct span near, const struct groups *g)
{
    int part[4];
    if (g->count < 4 || !same_separator(g, 3, ".") || (g->count > 4 && g->separator[4] == '.')) {
        return 0;
    }
    for (int k = 0; k < 4; k++) {
        int n = group_len(g, k);
        part[k] = n <= 3 ? number_of(t.data + g->start[k], n) : 256;
        if (part[k] > 255 || (n > 1 && t.data[g->start[k]] == '0')) {
            return 0;
        }
    }
    size_t end = g->end[3];
    bool local = part[0] == 127 || part[0] == 0 || (part[0] == 255 && part[1] == 255);
    bool slash_version = g->start[0] > 0 && t.data[g->start[0] - 1] == '/' && g->start[0] > 1 &&
                         is(t.data[g->start[0] - 2], UPPER | LOWER); /* Chrome/120.0.0.0 */
    bool octets_of_zero = part[1] == 0 && part[2] == 0 && part[3] == 0;
    if (local || !ends_well(t, end) || (slash_version && octets_of_zero) ||
        is_version(t, g->start[0], near)) {
        return 0;
    }
    return end;
}

/* RFC 4291 text form, with at least one digit and three groups, so that `std::cafe` is none. */
static size_t find_ipv6(struct span t, size_t at)
{
    int groups = 0;
    int doubled = 0;
    bool digit = false;
    size_t i = at;
    size_t end = at;
    if (i > 0 && t.data[i - 1] == ':') {
        return 0;
    }
    while (i < t.len) {
        size_t run = run_of(span_first(t, i + 5), i, HEX);
        if (run - i > 4) {
            return 0;
        }
        if (run > i) {
            for (size_t k = i; k < run; k++) {
                digit |= is(t.data[k], DIGIT);
            }
            groups++;
            end = run;
        }
        i = run;
        if (i >= t.len || t.data[i] != ':') {
            break;
        }
        if (i + 1 < t.len && t.data[i + 1] == ':') {
            doubled++;
            i += 2;
            end = run_of(t, i, HEX) > i ? end : i;
        } else if (at_is(t, i + 1, HEX)) {
            i++;
        } else {
            break;
        }
    }
    bool shape = (doubled == 0 && groups == 8) || (doubled == 1 && groups >= 3 && groups <= 7);
    return shape && digit && ends_well(t, end) ? end : 0;
}

/* ---- IBAN ---- */

/* Lengths of the IBAN registry (SWIFT), by country. */
static int iban_length(char a, char b)
{
    static const char table[] =
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22GE22GI23"
        "GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30"
        "NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20";
    for (size_t i = 0; i + 3 < sizeof table; i += 4) {
        if (table[i] == a && table[i + 1] == b) {
            return (table[i + 2] - '0') * 10 + table[i + 3] - '0';
        }
    }
    return 0;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static size_t find_iban(struct span t, size_t at)
{
    char code[40];
    int n = 0;
    size_t i = at;
    size_t end = at;
    if (at + 15 > t.len || !at_is(t, at + 1, UPPER | LOWER)) {
        return 0;
    }
    int length = iban_length(upper(t.data[at]), upper(t.data[at + 1]));
    while (i < t.len && n < length) {
        char separator;
        if (is(t.data[i], DIGIT | UPPER | LOWER)) {
            code[n++] = upper(t.data[i++]);
            end = i;
        } else {
            size_t skip = separator_at(t, i, &separator);
            if (!skip || (separator != ' ' && separator != '-') || n == 0 || n % 4 != 0) {
                return 0;
            }
            i += skip;
        }
    }
    if (length == 0 || n != length || !ends_well(t, end) || !is(code[2], DIGIT) ||
        !is(code[3], DIGIT)) {
        return 0;
    }
    unsigned remainder =
        0; /* ISO 13616: the first four to the back, letters as 10 … 35, mod 97 = 1 */
    for (int k = 0; k < n; k++) {
        char c = code[(k + 4) % n];
        unsigned value = is(c, DIGIT) ? (unsigned)(c - '0') : (unsigned)(c - 'A') + 10;
        remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
    }
    return remainder == 1 ? end : 0;
}

/* ---- secrets ---- */

/* What vendors publish about their keys: how they begin, and how many characters follow at least. */
static const struct key_shape {
    const char *prefix;
    uint8_t least; /* characters after the prefix */
    bool digit;    /* at least one of them is a digit: prose and identifiers mostly have none */
    bool dotted;   /* dots may be inside */
} key_shapes[] = {
    {"sk-ant-", 16, false, false},    {"sk-proj-", 16, false, false},
    {"sk-or-v1-", 16, false, false},  {"sk-", 16, true, false},
    {"sk_live_", 12, false, false},   {"sk_test_", 12, false, false},
    {"rk_live_", 12, false, false},   {"rk_test_", 12, false, false},
    {"whsec_", 16, false, false},     {"pk_live_", 12, false, false},
    {"AKIA", 16, false, false},       {"ASIA", 16, false, false},
    {"ghp_", 20, false, false},       {"gho_", 20, false, false},
    {"ghu_", 20, false, false},       {"ghs_", 20, false, false},
    {"ghr_", 20, false, false},       {"github_pat_", 20, false, false},
    {"glpat-", 16, false, false},     {"xoxb-", 10, true, false},
    {"xoxa-", 10, true, false},       {"xoxp-", 10, true, false},
    {"xoxr-", 10, true, false},       {"xoxs-", 10, true, false},
    {"xapp-", 10, true, false},       {"AIza", 30, false, false},
    {"ya29.", 20, false, true},       {"hf_", 20, false, false},
    {"npm_", 30, false, false},       {"pypi-", 30, false, false},
    {"SG.", 30, true, true},          {"dop_v1_", 30, true, false},
    {"shpat_", 24, true, false},      {"gsk_", 20, true, false},
    {"xai-", 20, true, false},        {"r8_", 20, true, false},
    {"nvapi-", 20, true, false},      {"pplx-", 20, true, false},
    {"AccountKey=", 40, true, false}, {"glsa_", 20, true, false},
    {"sq0csp-", 20, false, false},    {"EAACEdEose0cBA", 10, false, false},
};

/* How far a validator looks before it is sure. What it is sure of it then takes to the end, and the pass goes on
 * behind that, so hostile text cannot make this quadratic. */
#define LOOK_MAX 256

static bool in_key(const struct key_shape *s, struct span t, size_t i)
{
    if (i >= t.len) {
        return false;
    }
    char c = t.data[i];
    return is(c, TOKEN) || (s->dotted && c == '.') ||
           (s->least == 40 && (c == '+' || c == '/' || c == '='));
}

/* Which of key_shapes begin with a byte, as a set of bits, and how long their prefixes are. */
static uint64_t key_starts[256];
static uint8_t key_prefix_len[ARRAY_LEN(key_shapes)];
static_assert(ARRAY_LEN(key_shapes) <= 64, "a bit each");

static bool has_prefix(struct span t, size_t at, size_t k)
{
    size_t len = key_prefix_len[k];
    const char *prefix = key_shapes[k].prefix; /* its last byte is the one that words seldom have */
    return len <= t.len - at && t.data[at + len - 1] == prefix[len - 1] &&
           memcmp(t.data + at, prefix, len) == 0;
}

static size_t find_key(struct span t, size_t at)
{
    for (uint64_t left = key_starts[(unsigned char)t.data[at]]; left; left &= left - 1) {
        size_t k = (size_t)__builtin_ctzll(left);
        if (!has_prefix(t, at, k)) {
            continue;
        }
        const struct key_shape *s = &key_shapes[k];
        size_t from = at + key_prefix_len[k];
        size_t end = from;
        bool digit = false;
        while (in_key(s, t, end)) {
            digit |= is(t.data[end], DIGIT);
            end++;
            bool enough = end - from >= s->least && (digit || !s->digit);
            if (!enough && end - from == LOOK_MAX) {
                break;
            }
        }
        if (end - from >= s->least && (digit || !s->digit)) {
            return end;
        }
    }
    return 0;
}

/* Three base64url parts, the first of which begins with {" */
static size_t find_jwt(struct span t, size_t at)
{
    size_t i = at;
    if (t.len - at < 3 || memcmp(t.data + at, "eyJ", 3) != 0) {
        return 0;
    }
    for (int part = 0; part < 3; part++) {
        size_t end = run_of(part == 0 ? span_first(t, i + 2 * LOOK_MAX) : t, i, TOKEN);
        if (end - i < (part == 2 ? 0 : 8)) {
            return 0;
        }
        if (part == 2) {
            return end;
        }
        if (end >= t.len || t.data[end] != '.') {
            return 0;
        }
        i = end + 1;
    }
    return 0;
}

static bool starts_nocase_at(struct span t, size_t at, struct span prefix)
{
    return span_starts_nocase(span_from(t, at), prefix);
}

/* "Bearer …" and "Basic …" of an Authorization header; the word itself stays. */
static size_t find_bearer(struct span t, size_t at, size_t *out_start)
{
    if ((t.data[at] | 0x20) != 'b') {
        return 0;
    }
    bool bearer = starts_nocase_at(t, at, SPAN("bearer "));
    if (!bearer && !starts_nocase_at(t, at, SPAN("basic "))) {
        return 0;
    }
    size_t from = at + (bearer ? 7 : 6);
    size_t end = from;
    int digits = 0;
    int capitals = 0;
    while (end < t.len &&
           (is(t.data[end], TOKEN) || (t.data[end] && strchr("._~+/=", t.data[end])))) {
        digits += is(t.data[end], DIGIT);
        capitals += is(t.data[end], UPPER);
        end++;
    }
    while (end > from && t.data[end - 1] == '.') {
        end--;
    }
    *out_start = from;
    bool random = digits > 0 || (!bearer && capitals > 0 && t.data[end - 1] == '=');
    return end - from >= (bearer ? 12u : 8u) && random ? end : 0;
}

/* A PEM block up to its END line, or to the end of the text. */
static size_t find_private_key(struct span t, size_t at)
{
    if (!span_starts(span_from(t, at), SPAN("-----BEGIN "))) {
        return 0;
    }
    struct span line = span_first(span_from(t, at), 80);
    size_t title = span_find(line, SPAN("PRIVATE KEY"), 0);
    if (title == SIZE_MAX) {
        return 0;
    }
    size_t end = span_find(t, SPAN("-----END"), at + title);
    if (end == SIZE_MAX) {
        return t.len;
    }
    size_t close = span_find(span_first(t, end + 100), SPAN("KEY-----"), end);
    return close == SIZE_MAX ? t.len : close + 8;
}

/* api_key = "…", "secret": "…": the value of an assignment to a name that says so. */
static const char *const secret_names[] = {
    "api_key",       "apikey",       "api-key",     "api key",    "secret",    "access_key",
    "accesskey",     "access_token", "accesstoken", "auth_token", "authtoken", "private_key",
    "client_secret", "passwd",       "password",    "token",      "passwort",  NULL};

/* Letters and digits mixed as no word, number or date is. */
static bool looks_random(struct span v)
{
    int digits = 0;
    int letters = 0;
    int changes = 0;
    for (size_t i = 0; i < v.len; i++) {
        bool d = is(v.data[i], DIGIT);
        digits += d;
        letters += is(v.data[i], UPPER | LOWER);
        changes += i > 0 && d != (bool)is(v.data[i - 1], DIGIT);
    }
    return digits >= 3 && letters >= 3 && changes >= 4;
}

static bool in_assigned(char c)
{
    return is(c, TOKEN) || c == '+' || c == '/' || c == '.' || c == '~';
}

/* Called at `=` and `:`. */
static size_t find_assigned(struct span t, size_t at, size_t *out_start)
{
    size_t i = at + 1;
    while (i < t.len &&
           (t.data[i] == ' ' || t.data[i] == '"' || t.data[i] == '\'' || t.data[i] == '=') &&
           i < at + 5) {
        i++;
    }
    size_t end = i;
    while (end < t.len && end - i < LOOK_MAX && in_assigned(t.data[end])) {
        end++;
    }
    while (end > i && t.data[end - 1] == '.') {
        end--;
    }
    struct span value = span_of(t.data + i, end - i);
    if (value.len < 16 || !looks_random(value)) {
        return 0;
    }
    size_t from = at > 32 ? at - 32 : 0;
    struct span name = span_of(t.data + from, at - from);
    for (size_t k = name.len; k-- > 0;) { /* only the name itself, not the line before it */
        if (strchr("\n;,{(&?", name.data[k])) {
            name = span_from(name, k + 1);
            break;
        }
    }
    *out_start = i;
    if (!word_in(name, secret_names)) {
        return 0;
    }
    while (end < t.len && in_assigned(t.data[end])) {
        end++;
    }
    while (end < t.len && t.data[end] == '=') { /* base64 padding */
        end++;
    }
    return end;
}

/* ---- the pass ---- */

enum {
    TRY_NUMBER = 1,
    TRY_MAIL = 2,
    TRY_PLUS = 4,
    TRY_BRACKET = 8,
    TRY_KEY = 16,
    TRY_LETTERS = 32,
    TRY_DASH = 64,
    TRY_ASSIGNED = 128
};

/* Letters: IBAN countries, IPv6 and the first letters of key_shapes, JWT, Bearer, Basic. */
static uint8_t start_table[256];

__attribute__((constructor)) static void fill_tables(void)
{
    for (int c = 0; c < 256; c++) {
        start_table[c] = class_of[c] & DIGIT             ? TRY_NUMBER | TRY_LETTERS
                         : class_of[c] & (UPPER | LOWER) ? TRY_LETTERS
                                                         : 0;
    }
    for (int m = 0; m < MEANINGS; m++) {
        for (const char *const *w = meaning_words[m]; *w; w++) {
            meaning_initials[(unsigned char)(*w)[0]] |= (uint8_t)(1 << m);
            meaning_initials[(unsigned char)upper((*w)[0])] |= (uint8_t)(1 << m);
        }
    }
    for (size_t k = 0; k < ARRAY_LEN(key_shapes); k++) {
        unsigned char first = (unsigned char)key_shapes[k].prefix[0];
        start_table[first] |= TRY_KEY;
        key_starts[first] |= UINT64_C(1) << k;
        key_prefix_len[k] = (uint8_t)strlen(key_shapes[k].prefix);
    }
    start_table['e'] |= TRY_KEY;
    start_table['b'] |= TRY_KEY;
    start_table['B'] |= TRY_KEY;
    start_table['@'] = TRY_MAIL;
    start_table['+'] = TRY_PLUS;
    start_table['('] = TRY_BRACKET;
    start_table['-'] = TRY_DASH;
    start_table['='] = start_table[':'] = TRY_ASSIGNED;
}

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

/* `fresh`: a finding ended right here, so what stands before will not be there any more. */
static size_t try_number(struct span t, struct context *near, size_t i, bool fresh,
                         struct findings *out)
{
    if (!fresh && inside_decimal(t, i)) {
        return 0;
    }
    struct groups g;
    read_groups(t, i, &g);
    if (g.digits < 4) {
        return 0;
    }
    const char *type = CREDIT_CARD;
    double score = 0.95;
    size_t end = g.digits >= 12 ? find_card(t, near, &g) : 0;
    if (!end) {
        end = find_ssn(t, near, &g, &type, &score);
    }
    if (!end) {
        type = IP_ADDRESS;
        score = 0.8;
        end = find_ipv4(t, near->near, &g);
    }
    char before = i > 0 && !fresh ? t.data[i - 1] : ' ';
    if (!end && g.digits >= 7 && before != '.' && before != '$' && before != '-') {
        type = PHONE_NUMBER;
        end = find_phone(t, near, &g, &score);
        end = end ? with_extension(t, end) : 0;
    }
    if (end) {
        findings_add(out, type, i, end, score);
    }
    return end;
}

static size_t try_key(struct span t, size_t i, struct findings *out)
{
    size_t start = i;
    size_t end = find_key(t, i);
    end = end ? end : find_jwt(t, i);
    end = end ? end : find_bearer(t, i, &start);
    if (end) {
        findings_add(out, SECRET, start, end, 0.95);
    }
    return end;
}

static size_t try_letters(struct span t, size_t i, struct findings *out)
{
    size_t end = 0;
    if (i + 4 < t.len && is(t.data[i], UPPER | LOWER) && is(t.data[i + 1], UPPER | LOWER)) {
        char separator;
        bool check_digits = at_is(t, i + 2, DIGIT) ||
                            (separator_at(t, i + 2, &separator) == 1 && at_is(t, i + 3, DIGIT));
        end = check_digits ? find_iban(t, i) : 0;
        if (end) {
            findings_add(out, IBAN_CODE, i, end, 0.97);
            return end;
        }
    }
    size_t colon = run_of(span_first(t, i + 5), i, HEX);
    if (colon > i && colon < t.len && t.data[colon] == ':' && (end = find_ipv6(t, i)) != 0) {
        findings_add(out, IP_ADDRESS, i, end, 0.8);
    }
    return end;
}

static size_t try_other(struct span t, size_t i, uint8_t what, bool fresh, struct findings *out)
{
    size_t start = i;
    size_t end = 0;
    const char *type = PHONE_NUMBER;
    double score = 0.8;
    if (what == TRY_MAIL) {
        type = EMAIL_ADDRESS;
        score = 0.95;
        end = find_email(t, i, &start);
    } else if (what == TRY_PLUS) {
        end = !fresh && word_before(t, i) ? 0 : find_plus_phone(t, i);
    } else if (what == TRY_BRACKET) {
        end = !fresh && word_before(t, i) ? 0 : find_bracketed_phone(t, i);
    } else if (what == TRY_DASH) {
        type = SECRET;
        score = 1;
        end = find_private_key(t, i);
    } else {
        type = SECRET;
        end = find_assigned(t, i, &start);
    }
    if (end && type == PHONE_NUMBER) {
        end = with_extension(t, end);
    }
    if (end) {
        findings_add(out, type, start, end, score);
    }
    return end;
}

void detect_text(struct span t, struct span near, struct findings *out)
{
    struct context context = {.text = t, .near = near};
    size_t last_end = 0;
    for (size_t i = 0; i < t.len && !out->overflow;) {
        uint8_t what = start_table[(unsigned char)t.data[i]];
        bool fresh = i == last_end;
        size_t end = 0;
        if (what == 0) {
            i++;
            continue;
        }
        if ((what & (TRY_NUMBER | TRY_LETTERS)) && !fresh && word_before(t, i)) {
            i = run_of(t, i + 1, WORD); /* nothing begins inside a word, here and below */
            continue;
        }
        if (what & (TRY_NUMBER | TRY_LETTERS)) {
            if (is(t.data[i], HEX) && is_uuid(t, i)) {
                i += 36;
                continue;
            }
            end = what & TRY_KEY ? try_key(t, i, out) : 0;
            end = end || !(what & TRY_NUMBER) ? end : try_number(t, &context, i, fresh, out);
            end = end ? end : try_letters(t, i, out);
            if (!end) {
                i = run_of(t, i + 1, WORD);
                continue;
            }
        } else {
            end = try_other(t, i, what, fresh, out);
        }
        last_end = end > i ? end : last_end;
        i = end > i ? end : i + 1;
    }
}
