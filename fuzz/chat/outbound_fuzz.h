/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider's bytes into an outbound dialect. The first byte chooses: bit 0 a
 * stream or a whole answer, bits 1..2 the number of choices, bit 3 log-probs; the
 * rest is fed in portions of 1 + the second byte. What comes out must be text.
 */
#ifndef WEIR_FUZZ_CHAT_OUTBOUND_FUZZ_H
#define WEIR_FUZZ_CHAT_OUTBOUND_FUZZ_H

#include "chat/dialect.h"
#include "http/sse.h"

#include <stdlib.h>

struct outbound_fuzz {
    const struct outbound_type *type;
    struct decoder *decoder;
    struct request *request;
};

static inline void outbound_fuzz_delta(void *user, const struct delta *d)
{
    struct outbound_fuzz *f = user;
    bool sane = d->choice >= 0 && d->choice < f->request->n && span_utf8_valid(d->text) &&
                span_given(d->tool_id) == span_given(d->tool_name) && d->tool_index >= 0 &&
                d->tool_index < 128;
    if (!sane) {
        abort();
    }
}

static inline bool outbound_fuzz_event(void *user, struct span event, struct span data)
{
    static const struct decoder_events to = {outbound_fuzz_delta};
    struct outbound_fuzz *f = user;
    struct fault fault = {0};
    enum err err = f->type->event(f->decoder, event, data, &to, f, &fault);
    if (err && !fault.text[0]) {
        abort();
    }
    return err == OK;
}

static inline int outbound_fuzz(const struct outbound_type *type, const uint8_t *bytes, size_t len)
{
    static const struct decoder_events to = {outbound_fuzz_delta};
    if (len < 2) {
        return 0;
    }
    struct request request = {
        .n = 1 + ((bytes[0] >> 1) & 3), .logprobs = bytes[0] & 8, .id = "req_01JABCDEFGH"};
    struct backend backend = {.name = "cloud"};
    struct outbound_fuzz f = {
        .type = type, .decoder = type->decoder_new(&request, &backend), .request = &request};
    struct span rest = span_of((const char *)bytes + 2, len - 2);
    struct leg_end end = {.usage = USAGE_UNKNOWN};
    struct fault fault = {0};
    if (bytes[0] & 1) {
        struct sse sse;
        sse_init(&sse, 64 * KIB);
        enum err err = OK;
        while (rest.len && !err) {
            struct span piece = span_first(rest, 1u + bytes[1]);
            err = sse_feed(&sse, piece, outbound_fuzz_event, &f);
            rest = span_from(rest, piece.len);
        }
        sse_done(&sse);
    } else {
        enum err err = type->whole(f.decoder, rest, &to, &f, &fault);
        if (err && !fault.text[0]) {
            abort();
        }
    }
    if (type->end(f.decoder, &end, &fault) == OK && end.finish == FINISH_NONE && request.n == 1) {
        abort();
    }
    type->decoder_free(f.decoder);
    struct text line;
    text_init(&line, 8 * KIB);
    outbound_error_text(span_of((const char *)bytes, len), &line);
    if (line.len > 300) {
        abort();
    }
    text_done(&line);
    return 0;
}

#endif
