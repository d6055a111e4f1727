/* SPDX-License-Identifier: Apache-2.0 */
/* Pattern, line end, text: both hostile. A search ends within its budget and its offsets lie in the text. */
#include "regex/regex.h"

#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of((const char *)data, size);
    struct arena *arena = arena_new();
    unsigned flags = size ? data[0] & 7u : 0;
    text = size ? span_from(text, 1) : text;
    char *pattern = arena_c(arena, span_cut(&text, '\n'));
    struct regex *r = NULL;
    if (pattern && !regex_new(pattern, flags, &r, NULL)) {
        size_t from = 0;
        for (int i = 0; i < 8; i++) {
            size_t start = 0;
            size_t end = 0;
            if (!regex_find(r, text, from, &start, &end)) {
                break;
            }
            ASSERT(start <= end && end <= text.len);
            from = end > from ? end : from + 1;
        }
        regex_free(r);
    }
    arena_free(arena);
    return 0;
}
