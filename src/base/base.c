/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void assert_failed(const char *file, int line, const char *expression)
{
    fprintf(stderr, "weir: %s:%d: assertion failed: %s\n", file, line, expression);
    fflush(stderr);
    abort();
}

static NORETURN void out_of_memory(size_t bytes)
{
    fprintf(stderr, "weir: out of memory (wanted %zu bytes)\n", bytes);
    abort();
}

void *mem_take(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    if (!p) {
        out_of_memory(bytes);
    }
    return p;
}

/* glibc's calloc passes by the thread's cache of small blocks, but knows which large ones are zero already. */
#define SMALL_BYTES 1024

void *mem_new(size_t bytes)
{
    if (bytes <= SMALL_BYTES) {
        return memset(mem_take(bytes), 0, bytes);
    }
    void *p = calloc(1, bytes);
    if (!p) {
        out_of_memory(bytes);
    }
    return p;
}

void *mem_grow(void *p, size_t old_bytes, size_t new_bytes)
{
    PRE(new_bytes >= old_bytes);
    char *grown = realloc(p, new_bytes ? new_bytes : 1);
    if (!grown) {
        out_of_memory(new_bytes);
    }
    memset(grown + old_bytes, 0, new_bytes - old_bytes);
    return grown;
}

void *mem_resize(void *p, size_t bytes)
{
    p = realloc(p, bytes ? bytes : 1);
    if (!p) {
        out_of_memory(bytes);
    }
    return p;
}

void mem_free(void *p)
{
    free(p);
}
