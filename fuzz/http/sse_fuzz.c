/* SPDX-License-Identifier: Apache-2.0 */
/* The same events must come out, whatever the portions the bytes came in. */
#include "http/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENT_MAX 200

static bool note(void *user, struct span event, struct span data)
{
    struct text *trace = user;
    ASSERT(event.len > 0 && event.len <= EVENT_MAX && data.len <= EVENT_MAX);
    ASSERT(!memchr(event.data, '\n', event.len) && !memchr(data.data, '\r', data.len));
    text_addf(trace, "%zu:", event.len);
    text_add(trace, event);
    text_addf(trace, "%zu:", data.len);
    text_add(trace, data);
    return true;
}

static void trace_feed(struct span bytes, size_t step, struct text *trace)
{
    struct sse s;
    sse_init(&s, EVENT_MAX);
    enum err err = OK;
    while (bytes.len && !err) {
        err = sse_feed(&s, span_first(bytes, step), note, trace);
        bytes = span_from(bytes, step);
    }
    text_addf(trace, "%d %d", (int)err, !err && sse_pending(&s));
    sse_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of((const char *)data, size);
    struct text whole;
    struct text steps;
    text_init(&whole, 16 * MIB);
    text_init(&steps, 16 * MIB);
    trace_feed(bytes, SIZE_MAX, &whole);
    trace_feed(bytes, 1 + size % 5, &steps);
    ASSERT(span_eq(text_span(&whole), text_span(&steps)));
    text_done(&whole);
    text_done(&steps);
    return 0;
}
