/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of machines and of pages: IP, MAC, URL (with credentials: a secret). */
#include "privacy/detect_kinds.h"

/* "version 1.2.3.4": the word stands right before it. */
static bool is_version(const struct detection *d, size_t at)
{
    const struct labels *l = &d->labels;
    size_t last = l->end[MEANS_VERSION];
    return (l->near >> MEANS_VERSION & 1) || (last && at - (last - 1) <= 4);
}

bool find_ipv4(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    const struct groups *g = &d->groups;
    int part[4];
    if (g->count < 4 || !same_separator(g, 3, ".") || (g->count > 4 && g->separator[4] == '.')) {
        return false;
    }
    for (int k = 0; k < 4; k++) {
        int n = group_len(g, k);
        part[k] = n <= 3 ? number_of(t.data + g->start[k], n) : 256;
        if (part[k] > 255 || (n > 1 && t.data[g->start[k]] == '0')) {
            return false;
        }
    }
    size_t end = g->end[3];
    bool local = part[0] == 127 || part[0] == 0 || (part[0] == 255 && part[1] == 255);
    bool slash_version =
        at > 1 && t.data[at - 1] == '/' && is(t.data[at - 2], LETTER); /* Chrome/120.0.0.0 */
    bool octets_of_zero = part[1] == 0 && part[2] == 0 && part[3] == 0;
    if (local || !ends_well(t, end) || (slash_version && octets_of_zero) || is_version(d, at)) {
        return false;
    }
    *hit = (struct hit){at, end, TYPE_IP_ADDRESS, 0.8};
    return true;
}

/* RFC 4291 text form, with at least one digit and three groups, so that `std::cafe` is none. */
static size_t ipv6(struct span t, size_t at)
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

bool find_ipv6(struct detection *d, size_t at, struct hit *hit)
{
    size_t colon = run_of(span_first(d->text, at + 5), at, HEX);
    size_t end =
        colon > at && colon < d->text.len && d->text.data[colon] == ':' ? ipv6(d->text, at) : 0;
    *hit = (struct hit){at, end, TYPE_IP_ADDRESS, 0.8};
    return end != 0;
}

/* IEEE 802: six pairs of hexadecimal digits, or three fours with dots (Cisco). Not all zero or all ones. */
bool find_mac(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    size_t first = run_of(span_first(t, at + 5), at, HEX) - at;
    char separator = at + first < t.len ? t.data[at + first] : 0;
    bool pairs = first == 2 && (separator == ':' || separator == '-');
    if (!pairs && !(first == 4 && separator == '.')) {
        return false;
    }
    size_t i = at;
    bool various = false;
    for (int k = 0; k < (pairs ? 6 : 3); k++) {
        if (k > 0 && (i >= t.len || t.data[i++] != separator)) {
            return false;
        }
        if (run_of(span_first(t, i + first + 1), i, HEX) != i + first) {
            return false;
        }
        for (size_t c = i; c < i + first; c++) {
            various |= lower(t.data[c]) != lower(t.data[at]);
        }
        i += first;
    }
    bool goes_on = i < t.len && t.data[i] == separator && at_is(t, i + 1, HEX);
    if (!various || goes_on || !ends_well(t, i)) {
        return false;
    }
    *hit = (struct hit){at, i, TYPE_MAC_ADDRESS, 0.9};
    return true;
}

/* ---- URLs ---- */

#define SCHEME_MAX 14

static bool ends_url(char c)
{
    return (unsigned char)c <= ' ' || in_set(c, "\"'<>`\\{}|^");
}

/* What documentation writes where a password goes. */
static bool is_placeholder(struct span v)
{
    static const char *const words[] = {
        "password", "pass",          "passwd",       "pwd",        "secret", "xxx", "xxxx", "xxxxx",
        "changeme", "your_password", "yourpassword", "mypassword", "token",  "...", "pw",   "p",
        NULL};
    if (v.len == 0 || one_of(v, words)) {
        return true;
    }
    bool stars = true;
    for (size_t i = 0; i < v.len; i++) {
        stars &= v.data[i] == '*' || v.data[i] == 'x' || v.data[i] == 'X' || v.data[i] == '.';
    }
    return stars || in_set(v.data[0], "$%<{[");
}

/* From somewhere inside of a link to its end; no punctuation that belongs to the sentence. */
static size_t link_end(struct span t, size_t i, size_t from)
{
    size_t end = i;
    while (end < t.len && end - from < 2048 && !ends_url(t.data[end])) {
        end++;
    }
    while (end > i && in_set(t.data[end - 1], ".,;:!?)]*")) {
        end--;
    }
    return end;
}

/* Called at the colon of "scheme://": an URL; with user:password@ it is a secret as a whole (RFC 3986, 3.2.1). */
bool find_url(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    if (at + 4 > t.len || t.data[at + 1] != '/' || t.data[at + 2] != '/') {
        return false;
    }
    size_t start = at;
    while (start > 0 && at - start < SCHEME_MAX &&
           (is(t.data[start - 1], ALNUM) || t.data[start - 1] == '+' || t.data[start - 1] == '-')) {
        start--;
    }
    size_t from = at + 3;
    size_t authority = from;
    size_t sign = 0;
    size_t colon = 0;
    while (authority < t.len && authority - from < LOOK_MAX && !ends_url(t.data[authority]) &&
           !in_set(t.data[authority], "/?#,;)(")) {
        colon = t.data[authority] == ':' && !colon && !sign ? authority : colon;
        sign = t.data[authority] == '@' ? authority : sign;
        authority++;
    }
    bool secret = sign && colon && colon + 1 < sign &&
                  !is_placeholder(span_of(t.data + colon + 1, sign - colon - 1));
    if (start == at || authority < from + 2 || (at < d->link_end && !secret)) {
        return false;
    }
    *hit = (struct hit){start, link_end(t, authority, from), secret ? TYPE_SECRET : TYPE_URL,
                        secret ? 0.97 : FINDING_FRAME};
    return true;
}

/* "www.example.org/page" */
bool find_www(struct detection *d, size_t at, struct hit *hit)
{
    struct span t = d->text;
    if (at < d->link_end || !starts_at(t, at, SPAN("www.")) || !at_is(t, at + 4, ALNUM)) {
        return false;
    }
    size_t end = link_end(t, at + 4, at);
    *hit = (struct hit){at, end, TYPE_URL, FINDING_FRAME};
    return end > at + 6;
}
