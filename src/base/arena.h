/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory with one lifetime: a request's, a config's, a page's.
 *
 * Everything taken from an arena is freed in one call, after its cleanup hooks
 * have run (last added, first run). Memory is zeroed and aligned for any type.
 * An arena has no maximum: whoever copies a peer's bytes into it has bounded
 * them before.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/span.h"

struct arena;

typedef void arena_cleanup_fn(void *user);

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */
void *arena_alloc(struct arena *a, size_t bytes);
struct span arena_copy(struct arena *a,
                       struct span s);         /* NUL-terminated; SPAN_NONE stays SPAN_NONE */
char *arena_c(struct arena *a, struct span s); /* the same as a C string; NULL for SPAN_NONE */
struct span arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
void arena_on_free(struct arena *a, arena_cleanup_fn *fn, void *user);
size_t arena_bytes(const struct arena *a); /* taken from the system so far */
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))

#endif
