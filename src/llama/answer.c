/* SPDX-License-Identifier: Apache-2.0 */
#include "llama/answer.h"

#define HELD_MAX (64 * KIB)
#define LOGPROBS_MAX (16 * MIB)

void answer_init(struct answer *a, const struct params *p)
{
    a->params = p;
    text_init(&a->held, HELD_MAX);
    text_init(&a->logprobs, LOGPROBS_MAX);
}

void answer_done(struct answer *a)
{
    text_done(&a->held);
    text_done(&a->logprobs);
}

/* Bytes of the character at the front of `s`; 0 = not UTF-8. */
static size_t character(struct span s)
{
    unsigned char c = (unsigned char)s.data[0];
    size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    return len && len <= s.len && span_utf8_valid(span_first(s, len)) ? len : 0;
}

void utf8_clean(struct text *out, struct span in)
{
    if (span_utf8_valid(in)) {
        text_add(out, in);
        return;
    }
    while (in.len) {
        size_t len = character(in);
        text_add(out, len ? span_first(in, len) : SPAN("\xef\xbf\xbd"));
        in = span_from(in, len ? len : 1);
    }
}

static size_t first_stop(const struct answer *a)
{
    size_t first = SIZE_MAX;
    for (int i = 0; i < a->params->stops_count; i++) {
        size_t at = span_find(text_span(&a->held), a->params->stops[i], 0);
        first = MIN(first, at);
    }
    return first;
}

/* How many bytes at the end may be the beginning of a stop string. */
static size_t maybe_stop(const struct answer *a)
{
    size_t longest = 0;
    struct span held = text_span(&a->held);
    for (int i = 0; i < a->params->stops_count; i++) {
        struct span stop = a->params->stops[i];
        for (size_t len = MIN(stop.len - 1, held.len); len > longest; len--) {
            if (memcmp(held.data + held.len - len, stop.data, len) == 0) {
                longest = len;
                break;
            }
        }
    }
    return longest;
}

bool answer_add(struct answer *a, struct span piece, struct text *out)
{
    text_add(&a->held, piece);
    if (a->params->stops_count) {
        size_t stop = first_stop(a);
        if (stop != SIZE_MAX) {
            utf8_clean(out, span_first(text_span(&a->held), stop));
            text_clear(&a->held);
            text_clear(&a->logprobs);
            return true;
        }
    }
    size_t free_len = a->held.len - (a->params->stops_count ? maybe_stop(a) : 0);
    free_len = span_utf8_whole(span_first(text_span(&a->held), free_len));
    utf8_clean(out, span_first(text_span(&a->held), free_len));
    text_drop_front(&a->held, free_len);
    return false;
}

void answer_flush(struct answer *a, struct text *out)
{
    utf8_clean(out, text_span(&a->held));
    text_clear(&a->held);
}
