/* SPDX-License-Identifier: Apache-2.0 */
#include "regex/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>

/* Stack for JIT code: PCRE2's own is 32 KiB, which long alternations outgrow. */
#define JIT_STACK_START (32 * KIB)
#define JIT_STACK_MAX (512 * KIB)
#define HEAP_MAX_KIB 4096u

struct regex {
    pcre2_code *code;
    bool jit;
};

/* What one thread needs while matching; made on its first search, kept for its life. */
struct scratch {
    pcre2_match_data *match;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
};

static _Thread_local struct scratch scratch;
static pthread_key_t scratch_end;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void free_scratch(void *user)
{
    struct scratch *s = user;
    if (s->match) {
        pcre2_match_data_free(s->match);
        pcre2_match_context_free(s->limits);
        pcre2_jit_stack_free(s->stack);
        *s = (struct scratch){0};
    }
}

static void make_scratch_key(void)
{
    (void)pthread_key_create(&scratch_end, free_scratch);
}

static struct scratch *thread_scratch(void)
{
    if (!scratch.match) {
        scratch.match = pcre2_match_data_create(1, NULL); /* only the whole match is asked for */
        scratch.limits = pcre2_match_context_create(NULL);
        scratch.stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
        ASSERT(scratch.match && scratch.limits);
        pcre2_set_match_limit(scratch.limits, REGEX_STEPS_MAX);
        pcre2_set_depth_limit(scratch.limits, REGEX_STEPS_MAX);
        pcre2_set_heap_limit(scratch.limits, HEAP_MAX_KIB);
        if (scratch.stack) {
            pcre2_jit_stack_assign(scratch.limits, NULL, scratch.stack);
        }
        (void)pthread_once(&scratch_once, make_scratch_key);
        (void)pthread_setspecific(scratch_end, &scratch); /* freed with the thread */
    }
    return &scratch;
}

/* Keys do not run for the main thread, so that leak checkers stay quiet: */
__attribute__((destructor)) static void free_main_scratch(void)
{
    free_scratch(&scratch);
}

static uint32_t pcre_options(unsigned flags)
{
    uint32_t options = PCRE2_NEVER_BACKSLASH_C;
    if (flags & REGEX_NOCASE) {
        options |= PCRE2_CASELESS;
    }
    if (flags & REGEX_ANCHORED) {
        options |= PCRE2_ANCHORED;
    }
    if (!(flags & REGEX_BYTES)) {
        /* MATCH_INVALID_UTF: broken sequences are walls between searchable pieces instead of errors */
        options |= PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF;
    }
    return options;
}

enum err regex_new(const char *pattern, unsigned flags, struct regex **out, struct fault *fault)
{
    PRE(pattern && out);
    size_t len = strlen(pattern);
    if (len > REGEX_PATTERN_MAX) {
        return fault_set(fault, ERR_INVALID,
                         "the pattern is %zu bytes long; at most %zu are allowed", len,
                         REGEX_PATTERN_MAX);
    }
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)pattern, len, pcre_options(flags), &code, &at, NULL);
    if (!compiled) {
        PCRE2_UCHAR why[160];
        pcre2_get_error_message(code, why, sizeof why);
        return fault_set(fault, ERR_INVALID, "not a valid pattern at byte %zu: %s", (size_t)at,
                         (char *)why);
    }
    struct regex *r = NEW(struct regex);
    r->code = compiled;
    r->jit = pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE) == 0;
    *out = r;
    return OK;
}

void regex_free(struct regex *r)
{
    if (r) {
        pcre2_code_free(r->code);
        mem_free(r);
    }
}

enum regex_result regex_search(const struct regex *r, struct span text, size_t from,
                               size_t *out_start, size_t *out_end)
{
    PRE(r);
    if (from > text.len) {
        return REGEX_NO_MATCH;
    }
    struct scratch *s = thread_scratch();
    PCRE2_SPTR bytes = (PCRE2_SPTR)(text.data ? text.data : "");
    int rc = pcre2_match(r->code, bytes, text.len, from, 0, s->match, s->limits);
    if (rc < 0) {
        return rc == PCRE2_ERROR_NOMATCH ? REGEX_NO_MATCH : REGEX_GAVE_UP;
    }
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->match);
    /* \K inside a look-around can put the start behind the end; callers rely on start <= end */
    if (at[0] > at[1]) {
        return REGEX_NO_MATCH;
    }
    if (out_start) {
        *out_start = at[0];
    }
    if (out_end) {
        *out_end = at[1];
    }
    return REGEX_MATCH;
}

bool regex_find(const struct regex *r, struct span text, size_t from, size_t *out_start,
                size_t *out_end)
{
    return regex_search(r, text, from, out_start, out_end) == REGEX_MATCH;
}
