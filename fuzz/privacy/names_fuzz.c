/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, any key, any memory: findings lie inside the text, tokens do not overlap and leave nothing but blanks out. */
#include "privacy/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tokens(struct span text)
{
    size_t end = 0;
    for (size_t at = 0; at < text.len;) {
        struct name_token t[7];
        int n;
        size_t next = names_tokens(text, at, t, 7, &n);
        ASSERT(next > at && next <= text.len);
        for (int i = 0; i < n; i++) {
            ASSERT(t[i].start >= end && t[i].end > t[i].start && t[i].end <= next);
            ASSERT(t[i].shape != SHAPE_NONE && t[i].shape <= SHAPE_MARK);
            end = t[i].end;
        }
        at = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The first byte says how much of the input is the key. */
    size_t key = size ? MIN((size_t)data[0] % 64, size - 1) : 0;
    struct span near = size ? span_of((const char *)data + 1, key) : SPAN_NONE;
    struct span text = size ? span_of((const char *)data + 1 + key, size - 1 - key) : SPAN("");
    check_tokens(text);
    struct names_memory memory = {.any = false};
    for (int round = 0; round < 2; round++) { /* the second knows what the first has found */
        struct findings f;
        findings_init(&f, 10000);
        names_scan(text, near, &memory, &f);
        findings_settle(&f);
        for (int i = 0; i < f.count; i++) {
            ASSERT(f.items[i].start < f.items[i].end && f.items[i].end <= text.len);
            ASSERT(f.items[i].score > 0 && f.items[i].score <= 1);
        }
        findings_done(&f);
    }
    return 0;
}
