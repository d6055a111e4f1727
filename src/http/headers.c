/* SPDX-License-Identifier: Apache-2.0 */
#include "http/headers.h"

#include <stdarg.h>
#include <stdio.h>

void headers_init(struct headers *h, struct arena *arena)
{
    *h = (struct headers){.arena = arena};
}

static void append(struct headers *h, struct span name, struct span value)
{
    if (h->count == h->capacity) {
        size_t capacity = MAX(h->capacity * 2, (size_t)8);
        struct header *items = ARENA_ARRAY(h->arena, struct header, capacity);
        if (h->count) {
            memcpy(items, h->items, h->count * sizeof *items);
        }
        h->items = items;
        h->capacity = capacity;
    }
    h->items[h->count++] = (struct header){name, value};
}

/* `value` is the arena's own copy. */
static void defuse(struct span value)
{
    char *bytes = (char *)(uintptr_t)value.data;
    for (size_t i = 0; i < value.len; i++) {
        if (bytes[i] == '\r' || bytes[i] == '\n' || bytes[i] == '\0') {
            bytes[i] = ' ';
        }
    }
}

void headers_add(struct headers *h, struct span name, struct span value)
{
    struct span copy = span_given(value) ? arena_copy(h->arena, value) : SPAN("");
    defuse(copy);
    append(h, arena_copy(h->arena, name), copy);
}

void headers_addf(struct headers *h, const char *name, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    ASSERT(n >= 0);
    if ((size_t)n < sizeof small) {
        headers_add(h, span_c(name), span_of(small, (size_t)n));
        return;
    }
    char *large = arena_alloc(h->arena, (size_t)n + 1);
    va_start(args, format);
    vsnprintf(large, (size_t)n + 1, format, args);
    va_end(args);
    defuse(span_of(large, (size_t)n));
    append(h, arena_copy(h->arena, span_c(name)), span_of(large, (size_t)n));
}

void headers_add_int(struct headers *h, const char *name, int64_t n)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (n < 0) {
        digits[--at] = '-';
    }
    headers_add(h, span_c(name), span_of(digits + at, sizeof digits - at));
}

struct span headers_get(const struct headers *h, const char *name)
{
    struct span wanted = span_c(name);
    for (size_t i = 0; h && i < h->count; i++) {
        if (span_eq_nocase(h->items[i].name, wanted)) {
            return h->items[i].value;
        }
    }
    return SPAN_NONE;
}

bool headers_has_token(const struct headers *h, const char *name, const char *token)
{
    struct span wanted = span_c(name);
    for (size_t i = 0; h && i < h->count; i++) {
        if (!span_eq_nocase(h->items[i].name, wanted)) {
            continue;
        }
        for (struct span rest = h->items[i].value; rest.len;) {
            if (span_eq_nocase(span_trim(span_cut(&rest, ',')), span_c(token))) {
                return true;
            }
        }
    }
    return false;
}
