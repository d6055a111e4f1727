/* SPDX-License-Identifier: Apache-2.0 */
/* E-mail addresses, written plainly or spelled out, and telephone numbers. */
#include "privacy/detect_kinds.h"

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

bool find_email(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
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
        return false;
    }
    struct span local = span_of(t.data + start, at - start);
    if (is_sample_mailbox(local, host) || is_no_mailbox(t, local, host, end)) {
        return false;
    }
    *hit = (struct hit){start, end, TYPE_EMAIL_ADDRESS, 0.95};
    return true;
}

/* ---- "john at example dot com" ---- */

/* Top levels that people spell out. */
static const char *const tops[] = {"com", "org",  "net", "edu", "gov", "io", "de", "uk", "fr", "es",
                                   "it",  "nl",   "eu",  "ch",  "at",  "be", "se", "no", "dk", "fi",
                                   "pl",  "pt",   "br",  "ca",  "au",  "in", "jp", "cn", "ru", "us",
                                   "me",  "info", "biz", "dev", "app", "ai", "co", NULL};
/* What stands before an "at" that is only a preposition. */
static const char *const no_locals[] = {
    "look",   "looking", "is",        "me",      "us",     "him",    "her",
    "them",   "it",      "available", "visit",   "live",   "arrive", "found",
    "hosted", "and",     "site",      "website", "online", "up",     "out",
    "blog",   "or",      "are",       "was",     "store",  "shop",   NULL};

/* Past one opening or closing bracket and blanks. */
static size_t past_fence(struct span t, size_t i)
{
    size_t end = i;
    while (end < t.len && end < i + 4 && in_set(t.data[end], " ([{<)]}>")) {
        end++;
    }
    return end;
}

/* " dot ", "(dot)", "[.]", " . ", "dot" after blanks: its end, or 0. */
static size_t spelled_dot(struct span t, size_t i)
{
    size_t from = past_fence(t, i);
    size_t word = 0;
    if (from > i && starts_at(t, from, SPAN("dot"))) {
        word = from + 3;
    } else if (from > i && starts_at(t, from, SPAN("punto"))) {
        word = from + 5;
    } else if (from < t.len && t.data[from] == '.') {
        word = from + 1;
    }
    return word ? past_fence(t, word) : 0;
}

/* Called at the word "at": what stands before it is the local part, what follows is host, dot, top level. */
bool find_spelled_email(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    if (!d->word || d->word->meaning != WORD_AT || at < 2) {
        return false;
    }
    size_t local_end = at;
    while (local_end > 0 && at - local_end < 4 && in_set(t.data[local_end - 1], " ([{<")) {
        local_end--;
    }
    size_t start = local_end;
    while (start > 0 && local_end - start < 40 && is(t.data[start - 1], EMAIL_LOCAL)) {
        start--;
    }
    /* "jane dot doe at …" */
    if (start > 5 && starts_at(t, start - 5, SPAN(" dot "))) {
        start -= 5;
        while (start > 0 && local_end - start < 60 && is(t.data[start - 1], EMAIL_LOCAL)) {
            start--;
        }
    }
    size_t host = past_fence(t, d->word_end);
    if (local_end == at || start == local_end || host == d->word_end ||
        one_of(span_of(t.data + start, local_end - start), no_locals)) {
        return false;
    }
    bool spelled = false;
    size_t i = host;
    for (int part = 0; part < 4; part++) {
        size_t end = i;
        while (end < t.len && end - i < 40 && (is(t.data[end], ALNUM) || t.data[end] == '-')) {
            end++;
        }
        if (end == i) {
            return false;
        }
        size_t next = spelled_dot(t, end);
        bool top = one_of(span_of(t.data + i, end - i), tops);
        bool more = next && at_is(t, next, ALNUM) && next != end;
        bool fenced = past_fence(t, local_end) > local_end + 1; /* "(at)": no preposition */
        if (part > 0 && top && ends_well(t, end) && (spelled || fenced)) {
            *hit = (struct hit){start, end, TYPE_EMAIL_ADDRESS, 0.8};
            size_t again = more ? spelled_dot(t, end) : 0; /* co.uk */
            size_t close = again ? run_of(t, again, LETTER) : 0;
            if (close && one_of(span_of(t.data + again, close - again), tops)) {
                hit->end = close;
            }
            return true;
        }
        if (!more) {
            return false;
        }
        spelled |= next > end + 1;
        i = next;
    }
    return false;
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

static size_t plus_phone(struct span t, size_t at)
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
static size_t us_phone(struct span t, const struct groups *g)
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
static size_t zero_phone(struct span t, const struct groups *g)
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

static size_t phone_in_context(struct span t, const struct groups *g)
{
    if (g->count > 1 && g->separator[1] == '.' && group_len(g, 0) == 1) { /* 0.5772156649 */
        return 0;
    }
    for (int to = g->count - 1; to >= 0; to--) { /* "tel. 555 0132", "phone: 4155550132" */
        int n = digits_to(g, to);
        if (n >= 7 && n <= 15 && phone_ends(t, g->end[to]) && !has_slash(g, to)) {
            return g->end[to];
        }
    }
    return 0;
}

static bool is_year(struct span t, const struct groups *g, int k)
{
    int year = group_len(g, k) == 4 ? number_of(t.data + g->start[k], 4) : 0;
    return year >= 1700 && year < 2100;
}

/* National shapes that hardly anything else has: 451 5986, 99 668472, 22-33-44-55. Round groups are amounts, two years
 * are a period, and nothing of arithmetic stands beside. */
static size_t bare_phone(struct span t, const struct groups *g)
{
    static const char *const shapes[] = {"34", "44", "26", "323", "2322", "2222", NULL};
    int to = g->count - 1;
    size_t end = g->end[to];
    bool shaped = false;
    for (const char *const *s = shapes; *s; s++) {
        shaped |= (int)strlen(*s) == g->count && grouped(g, *s);
    }
    bool dashed = g->count > 1 && g->separator[1] == '-';
    if (!shaped || !same_separator(g, to, " -") ||
        (g->count == 4 && group_len(g, 1) == 2 && !dashed) ||
        (is_year(t, g, to) && (dashed || is_year(t, g, 0))) || !phone_ends(t, end)) {
        return 0;
    }
    for (int k = 0; k <= to; k++) {
        if (t.data[g->end[k] - 1] == '0' && t.data[g->end[k] - 2] == '0') {
            return 0;
        }
    }
    size_t before = g->start[0];
    before -= before > 0 && t.data[before - 1] == ' ';
    char left = before > 0 ? t.data[before - 1] : ' ';
    size_t after = end + (end < t.len && t.data[end] == ' ');
    char right = after < t.len ? t.data[after] : ' ';
    return is(left, DIGIT) || in_set(left, "=+*/<>%$#:[{") || in_set(right, "=+*/<>%$]}") ? 0 : end;
}

bool find_phone(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    const struct groups *g = &d->groups;
    char before = at > 0 && at != d->last_end ? t.data[at - 1] : ' ';
    if (g->digits < 7 || before == '.' || before == '$' || before == '-') {
        return false;
    }
    size_t end = us_phone(t, g);
    end = end ? end : zero_phone(t, g);
    bool weak = g->count > 1 && labels_near(&d->labels, MEANS_NUMBER, at);
    if (!end && (weak || labels_near(&d->labels, MEANS_PHONE, at))) {
        end = phone_in_context(t, g);
    }
    end = end ? end : bare_phone(t, g);
    if (end) {
        *hit = (struct hit){at, with_extension(t, end), TYPE_PHONE_NUMBER, 0.8};
    }
    return end != 0;
}

/* (415) 555-0132, (030) 1234567 */
static size_t bracketed_phone(struct span t, size_t at)
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
    read_groups(t, i, 6, &g);
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

bool find_plus_phone(struct detection *d, size_t at, struct hit *hit)
{
    size_t end = word_before(d->text, at) && at != d->last_end ? 0 : plus_phone(d->text, at);
    if (end) {
        *hit = (struct hit){at, with_extension(d->text, end), TYPE_PHONE_NUMBER, 0.8};
    }
    return end != 0;
}

bool find_bracketed_phone(struct detection *d, size_t at, struct hit *hit)
{
    size_t end = word_before(d->text, at) && at != d->last_end ? 0 : bracketed_phone(d->text, at);
    if (end) {
        *hit = (struct hit){at, with_extension(d->text, end), TYPE_PHONE_NUMBER, 0.8};
    }
    return end != 0;
}
