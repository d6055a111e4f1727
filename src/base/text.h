/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owned, growing bytes with a maximum.
 *
 * Adding never fails on the spot: what would pass the maximum is dropped whole
 * and `overflow` stays set, so that a writer adds freely and checks once at the
 * end. The bytes are always followed by a NUL that is not counted.
 */
#ifndef WEIR_BASE_TEXT_H
#define WEIR_BASE_TEXT_H

#include "base/span.h"

#include <stdarg.h>

struct text {
    char *data;
    size_t len;
    size_t capacity;
    size_t max;    /* bytes `len` may reach */
    bool overflow; /* something was dropped */
};

void text_init(struct text *t, size_t max);
void text_done(struct text *t);
void text_clear(struct text *t); /* keeps the memory */
void text_add(struct text *t, struct span s);
void text_add_c(struct text *t, const char *c_string);
void text_add_char(struct text *t, char c);
void text_addf(struct text *t, const char *format, ...) PRINTF_LIKE(2, 3);
void text_vaddf(struct text *t, const char *format, va_list args);
void text_drop_front(struct text *t, size_t len);
void text_truncate(struct text *t, size_t len);
/* Room for `len` more bytes, to be filled by the caller and then claimed with t->len +=; NULL past the maximum. */
char *text_reserve(struct text *t, size_t len);
/* Gives the bytes (NUL-terminated; free with mem_free) and leaves `t` empty. */
char *text_take(struct text *t);
static inline struct span text_span(const struct text *t)
{
    return span_of(t->data ? t->data : "", t->len);
}

#endif
