/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every file may assume.
 *
 * Assertions come in two strengths. ASSERT is cheap and stays in every build:
 * a broken invariant ends the process with file, line and expression, because
 * continuing would write wrong receipts. ASSERT_SLOW exists in dev and
 * sanitizer builds only. PRE is an ASSERT that guards a public function.
 *
 * Small allocations never fail: mem_new() and friends end the process when the
 * system has no memory left. Anything whose size a peer can choose is bounded
 * first (struct text has a maximum, arenas have a limit).
 */
#ifndef WEIR_BASE_BASE_H
#define WEIR_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

NORETURN void assert_failed(const char *file, int line, const char *expression);

#define ASSERT(x) ((x) ? (void)0 : assert_failed(__FILE__, __LINE__, #x))
#define PRE(x) ASSERT(x)
#ifdef WEIR_SLOW_ASSERTS
#define ASSERT_SLOW(x) ASSERT(x)
#else
#define ASSERT_SLOW(x) ((void)sizeof(x))
#endif

/* The struct that holds `member` at address `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Zeroed memory; never NULL. mem_grow() keeps the first `old_bytes`, zeroes the rest. */
void *mem_new(size_t bytes);
void *mem_grow(void *p, size_t old_bytes, size_t new_bytes);
/* The same with bytes that say nothing yet, for whoever writes them before reading. */
void *mem_take(size_t bytes);
void *mem_resize(void *p, size_t bytes);
void mem_free(void *p);
#define NEW(type) ((type *)mem_new(sizeof(type)))
#define NEW_ARRAY(type, n) ((type *)mem_new(sizeof(type) * (size_t)(n)))

#endif
