/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer that is not 200: a status, Retry-After and a body, parted by lines.
 * Whatever they say, the line for the receipt is bounded text without the key.
 */
#include "upstream/status.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct span rest = span_of((const char *)bytes, len);
    struct span status = span_cut(&rest, '\n');
    struct span seconds = span_cut(&rest, '\n');
    struct span ms = span_cut(&rest, '\n');
    struct wire_head head = {.status = 500};
    int64_t n = 0;
    if (span_to_i64(status, &n) && n >= 100 && n < 1000) {
        head.status = (int)n;
    }
    snprintf(head.retry_after, sizeof head.retry_after, "%.*s", SPAN_ARG(seconds));
    snprintf(head.retry_after_ms, sizeof head.retry_after_ms, "%.*s", SPAN_ARG(ms));
    struct leg_end end = {0};
    struct text line;
    text_init(&line, KIB);
    status_explain(&head, rest, "the-key-of-this-backend", 1700000000000000ull, &end, &line);
    bool sane = end.err != OK && end.retry_after_ms >= -1 &&
                end.retry_after_ms <= RETRY_AFTER_MAX_MS && line.len < 500 &&
                span_find(text_span(&line), SPAN("the-key-of-this-backend"), 0) == SIZE_MAX &&
                span_find_char(text_span(&line), '\n', 0) == SIZE_MAX;
    if (!sane) {
        abort();
    }
    text_done(&line);
    char url[512];
    snprintf(url, sizeof url, "%.*s", SPAN_ARG(span_first(seconds, 500)));
    struct wire_url parsed;
    if (wire_url_parse(url, &parsed) && !parsed.address[0]) {
        abort();
    }
    return 0;
}
