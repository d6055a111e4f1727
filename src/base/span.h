/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed bytes. A span is passed by value and is valid until the function it
 * was given to returns; whoever wants to keep the bytes copies them (arena_copy,
 * text_add). Spans need not be terminated and may hold any bytes.
 * SPAN_NONE (data NULL) means "not given"; an empty string has data and len 0.
 */
#ifndef WEIR_BASE_SPAN_H
#define WEIR_BASE_SPAN_H

#include "base/base.h"

#include <string.h>

struct span {
    const char *data;
    size_t len;
};

#define SPAN(literal) ((struct span){"" literal, sizeof(literal) - 1})
#define SPAN_NONE ((struct span){NULL, 0})
/* For printf("%.*s", SPAN_ARG(s)). */
#define SPAN_ARG(s) (int)(s).len, (s).data ? (s).data : ""

static inline struct span span_of(const char *data, size_t len)
{
    return (struct span){data, len};
}
static inline struct span span_c(const char *c_string)
{
    return c_string ? (struct span){c_string, strlen(c_string)} : SPAN_NONE;
}
static inline bool span_given(struct span s)
{
    return s.data != NULL;
}
static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
static inline bool span_is(struct span a, const char *c_string)
{
    return span_eq(a, span_c(c_string));
}
static inline struct span span_from(struct span s, size_t start)
{
    return start >= s.len ? span_of(s.data + s.len, 0) : span_of(s.data + start, s.len - start);
}
static inline struct span span_first(struct span s, size_t len)
{
    return span_of(s.data, len < s.len ? len : s.len);
}

/* What fits of `s`, NUL-terminated, into `out`. */
static inline void span_to_c(struct span s, char *out, size_t size)
{
    size_t len = s.len < size ? s.len : size - 1;
    if (len) {
        memcpy(out, s.data, len);
    }
    out[len] = '\0';
}

bool span_eq_nocase(struct span a, struct span b); /* ASCII case only */
bool span_starts(struct span s, struct span prefix);
bool span_starts_nocase(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
/* Offset of the first `needle` at or after `from`; SIZE_MAX when there is none. */
size_t span_find(struct span s, struct span needle, size_t from);
size_t span_find_char(struct span s, char c, size_t from);
struct span span_trim(struct span s); /* ASCII white space on both ends */
/* Takes the part before the first `separator` off the front of `rest`; the last part takes all. */
struct span span_cut(struct span *rest, char separator);
/* Whole span must be one decimal number; false leaves `out` untouched. */
bool span_to_i64(struct span s, int64_t *out);
bool span_to_f64(struct span s, double *out); /* finite only, C locale */
/* Shell-style pattern where `*` matches any run of bytes. */
bool span_matches(struct span s, struct span pattern);
/* Length of the longest prefix that does not end inside a UTF-8 sequence. */
size_t span_utf8_whole(struct span s);
bool span_utf8_valid(struct span s);
uint64_t span_hash(struct span s); /* FNV-1a, for tables; not for secrets */

#endif
