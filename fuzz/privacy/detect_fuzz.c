/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The patterns over any bytes: findings lie inside of the text, settled ones do not
 * overlap, and a plain text scanned in slices gives the same as at once. The first
 * line is the key above the text, its first byte the size of the slices.
 */
#include "privacy/detect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slices(struct span text, struct span near, size_t bytes)
{
    struct findings whole;
    struct findings sliced;
    struct detection d;
    findings_init(&whole, 100000);
    findings_init(&sliced, 100000);
    detect_begin(&d, text, near, &whole);
    ASSERT(!detect_some(&d, text.len) || whole.overflow);
    detect_begin(&d, text, near, &sliced);
    while (detect_some(&d, bytes)) {
    }
    ASSERT(whole.count == sliced.count);
    for (int i = 0; i < whole.count; i++) {
        ASSERT(whole.items[i].type == sliced.items[i].type);
        ASSERT(whole.items[i].start == sliced.items[i].start);
        ASSERT(whole.items[i].end == sliced.items[i].end);
    }
    findings_done(&whole);
    findings_done(&sliced);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct span text = span_of((const char *)data + 1, size - 1);
    struct span near = span_cut(&text, '\n');
    struct findings f;
    findings_init(&f, 100000);
    detect_text(text, near, &f);
    for (int i = 0; i < f.count; i++) {
        ASSERT(f.items[i].start < f.items[i].end && f.items[i].end <= text.len);
    }
    findings_settle(&f);
    for (int i = 1; i < f.count; i++) {
        ASSERT(f.items[i].start >= f.items[i - 1].end);
    }
    findings_done(&f);
    check_slices(text, near, (size_t)data[0] + 1);
    return 0;
}
