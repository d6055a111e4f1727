/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ordered list of header fields in an arena. Names compare without case.
 * Both sides of HTTP use it: parsed requests and answers, and those to be sent.
 */
#ifndef WEIR_HTTP_HEADERS_H
#define WEIR_HTTP_HEADERS_H

#include "base/arena.h"

#define HEADERS_MAX 100
#define HEADER_BYTES_MAX (64 * KIB)

struct header {
    struct span name, value;
};

struct headers {
    struct arena *arena;
    struct header *items;
    size_t count, capacity;
};

void headers_init(struct headers *h, struct arena *arena);
/* Copies both. Line breaks and NUL in a value become spaces, so that no value can forge a header. */
void headers_add(struct headers *h, struct span name, struct span value);
void headers_addf(struct headers *h, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
void headers_add_int(struct headers *h, const char *name, int64_t n);
struct span headers_get(const struct headers *h, const char *name); /* first; SPAN_NONE */
bool headers_has_token(const struct headers *h, const char *name, const char *token);

#endif
