/* SPDX-License-Identifier: Apache-2.0 */
#include "base/span.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool span_eq_nocase(struct span a, struct span b)
{
    return a.len == b.len && span_starts_nocase(a, b);
}

bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_eq(span_first(s, prefix.len), prefix);
}

bool span_starts_nocase(struct span s, struct span prefix)
{
    if (s.len < prefix.len) {
        return false;
    }
    for (size_t i = 0; i < prefix.len; i++) {
        if (lower(s.data[i]) != lower(prefix.data[i])) {
            return false;
        }
    }
    return true;
}

bool span_ends(struct span s, struct span suffix)
{
    return s.len >= suffix.len && span_eq(span_from(s, s.len - suffix.len), suffix);
}

size_t span_find(struct span s, struct span needle, size_t from)
{
    if (needle.len == 0 || from >= s.len || s.len - from < needle.len) {
        return SIZE_MAX;
    }
    const char *hit = memmem(s.data + from, s.len - from, needle.data, needle.len);
    return hit ? (size_t)(hit - s.data) : SIZE_MAX;
}

size_t span_find_char(struct span s, char c, size_t from)
{
    if (from >= s.len) {
        return SIZE_MAX;
    }
    const char *hit = memchr(s.data + from, c, s.len - from);
    return hit ? (size_t)(hit - s.data) : SIZE_MAX;
}

struct span span_trim(struct span s)
{
    while (s.len && is_space(s.data[0])) {
        s = span_from(s, 1);
    }
    while (s.len && is_space(s.data[s.len - 1])) {
        s.len--;
    }
    return s;
}

struct span span_cut(struct span *rest, char separator)
{
    size_t at = span_find_char(*rest, separator, 0);
    struct span head = *rest;
    if (at == SIZE_MAX) {
        *rest = span_of(rest->data + rest->len, 0);
        return head;
    }
    head.len = at;
    *rest = span_from(*rest, at + 1);
    return head;
}

bool span_to_i64(struct span s, int64_t *out)
{
    char copy[24];
    if (s.len == 0 || s.len >= sizeof copy || is_space(s.data[0])) {
        return false;
    }
    memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    char *end;
    errno = 0;
    long long value = strtoll(copy, &end, 10);
    if (errno || end != copy + s.len) {
        return false;
    }
    *out = value;
    return true;
}

bool span_to_f64(struct span s, double *out)
{
    char copy[64];
    if (s.len == 0 || s.len >= sizeof copy || is_space(s.data[0])) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (!strchr("0123456789+-.eE", s.data[i])) {
            return false; /* no hex, "inf" or "nan" */
        }
    }
    memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    char *end;
    double value = strtod(copy, &end);
    if (end != copy + s.len || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

bool span_matches(struct span s, struct span pattern)
{
    /* Greedy with one remembered star: linear in practice, never recursive. */
    size_t i = 0, p = 0, star = SIZE_MAX, star_i = 0;
    while (i < s.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            star_i = i;
        } else if (p < pattern.len && pattern.data[p] == s.data[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++star_i;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

/* Bytes a sequence has by its first byte; 0 for a byte that cannot start one. */
static size_t utf8_need(unsigned char c)
{
    return c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
}

size_t span_utf8_whole(struct span s)
{
    for (size_t back = 1; back <= 3 && back <= s.len; back++) {
        unsigned char c = (unsigned char)s.data[s.len - back];
        if ((c & 0xC0) == 0x80) {
            continue;
        }
        return utf8_need(c) > back ? s.len - back : s.len;
    }
    return s.len;
}

bool span_utf8_valid(struct span s)
{
    for (size_t i = 0; i < s.len;) {
        const unsigned char *p = (const unsigned char *)s.data + i;
        size_t need = utf8_need(*p);
        if (need == 0 || need > s.len - i) {
            return false;
        }
        for (size_t k = 1; k < need; k++) {
            if ((p[k] & 0xC0) != 0x80) {
                return false;
            }
        }
        /* Overlong forms, surrogates and values above U+10FFFF: RFC 3629 section 4. */
        if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
            (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) {
            return false;
        }
        i += need;
    }
    return true;
}

uint64_t span_hash(struct span s)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ (unsigned char)s.data[i]) * 0x100000001b3u;
    }
    return hash;
}
