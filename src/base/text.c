/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdio.h>

void text_init(struct text *t, size_t max)
{
    *t = (struct text){.max = max};
}

void text_done(struct text *t)
{
    mem_free(t->data);
    *t = (struct text){.max = t->max};
}

void text_clear(struct text *t)
{
    t->len = 0;
    t->overflow = false;
    if (t->data) {
        t->data[0] = '\0';
    }
}

char *text_reserve(struct text *t, size_t len)
{
    if (len > t->max - t->len) {
        t->overflow = true;
        return NULL;
    }
    size_t need = t->len + len + 1;
    if (need > t->capacity) {
        size_t grown = MAX(t->capacity * 2, (size_t)64);
        grown = MAX(MIN(grown, t->max + 1), need);
        t->data = mem_resize(t->data, grown);
        t->capacity = grown;
    }
    return t->data + t->len;
}

static __attribute__((noinline)) bool make_room(struct text *t, size_t len)
{
    return text_reserve(t, len) != NULL;
}

/* The capacity never passes the maximum and its NUL, so what fits needs no other look. */
void text_add(struct text *t, struct span s)
{
    if (s.len >= t->capacity - t->len && !make_room(t, s.len)) {
        return;
    }
    if (s.len) {
        memcpy(t->data + t->len, s.data, s.len);
    }
    t->len += s.len;
    t->data[t->len] = '\0';
}

void text_add_c(struct text *t, const char *c_string)
{
    text_add(t, span_c(c_string));
}

void text_add_char(struct text *t, char c)
{
    text_add(t, span_of(&c, 1));
}

void text_vaddf(struct text *t, const char *format, va_list args)
{
    char small[256];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, format, args);
    if (n >= 0 && (size_t)n < sizeof small) {
        text_add(t, span_of(small, (size_t)n));
    } else if (n >= 0) {
        char *room = text_reserve(t, (size_t)n);
        if (room) {
            vsnprintf(room, (size_t)n + 1, format, again);
            t->len += (size_t)n;
        }
    }
    va_end(again);
}

void text_addf(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vaddf(t, format, args);
    va_end(args);
}

void text_drop_front(struct text *t, size_t len)
{
    PRE(len <= t->len);
    if (len) {
        memmove(t->data, t->data + len, t->len - len + 1);
        t->len -= len;
    }
}

void text_truncate(struct text *t, size_t len)
{
    PRE(len <= t->len);
    t->len = len;
    if (t->data) {
        t->data[len] = '\0';
    }
}

char *text_take(struct text *t)
{
    text_add(t, SPAN("")); /* so that there is always a terminated string to give */
    char *data = t->data;
    *t = (struct text){.max = t->max};
    return data;
}
