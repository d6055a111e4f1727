/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of blocks; the newest is filled from its start. The arena itself and
 * its cleanup records live in its first block, so that an idle request costs
 * one allocation. What is large gets a block of its own, so that it neither
 * wastes the rest of the newest block nor most of a fresh one: a stream that
 * waits for minutes holds little more than what it asked for.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#define BLOCK_BYTES (2 * KIB)
#define LARGE_BYTES 384
#define ALIGNMENT 16

struct block {
    struct block *older;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

struct cleanup {
    struct cleanup *older;
    arena_cleanup_fn *fn;
    void *user;
};

struct arena {
    struct block *newest;
    struct cleanup *cleanups;
    size_t total;
};

static struct block *block_new(size_t size, struct block *older)
{
    struct block *b = mem_take(sizeof *b + size);
    *b = (struct block){.older = older, .size = size};
    return b;
}

struct arena *arena_new(void)
{
    struct block *first = block_new(BLOCK_BYTES - sizeof(struct block), NULL);
    struct arena *a = (struct arena *)(void *)first->bytes;
    first->used = (sizeof *a + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *a = (struct arena){.newest = first, .total = BLOCK_BYTES};
    return a;
}

void arena_free(struct arena *a)
{
    if (!a) {
        return;
    }
    for (struct cleanup *c = a->cleanups; c; c = c->older) {
        c->fn(c->user);
    }
    for (struct block *b = a->newest; b;) {
        struct block *older = b->older; /* `a` lies in one of them: not read again */
        mem_free(b);
        b = older;
    }
}

/* Bytes that say nothing yet: only what is given out is zeroed, not whole blocks. */
static void *take(struct arena *a, size_t bytes)
{
    PRE(bytes < SIZE_MAX / 2);
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct block *b = a->newest;
    if (b->size - b->used < bytes) {
        bool large = bytes >= LARGE_BYTES;
        size_t size = large ? bytes : BLOCK_BYTES - sizeof(struct block);
        b = block_new(size, large ? a->newest->older : a->newest);
        *(large ? &a->newest->older : &a->newest) = b;
        a->total += sizeof *b + size;
    }
    void *p = b->bytes + b->used;
    b->used += bytes;
    return p;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    return memset(take(a, bytes), 0, bytes);
}

struct span arena_copy(struct arena *a, struct span s)
{
    if (!span_given(s)) {
        return SPAN_NONE;
    }
    char *copy = take(a, s.len + 1);
    memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return span_of(copy, s.len);
}

char *arena_c(struct arena *a, struct span s)
{
    return (char *)arena_copy(a, s).data;
}

/* Most texts are short: they are formatted once, into `first`. */
struct span arena_printf(struct arena *a, const char *format, ...)
{
    char first[256];
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(first, sizeof first, format, args);
    va_end(args);
    ASSERT(n >= 0);
    char *copy = take(a, (size_t)n + 1);
    if ((size_t)n < sizeof first) {
        memcpy(copy, first, (size_t)n + 1);
    } else {
        vsnprintf(copy, (size_t)n + 1, format, again);
    }
    va_end(again);
    return span_of(copy, (size_t)n);
}

void arena_on_free(struct arena *a, arena_cleanup_fn *fn, void *user)
{
    struct cleanup *c = ARENA_NEW(a, struct cleanup);
    *c = (struct cleanup){a->cleanups, fn, user};
    a->cleanups = c;
}

size_t arena_bytes(const struct arena *a)
{
    return a->total;
}
