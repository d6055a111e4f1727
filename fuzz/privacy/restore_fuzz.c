/* SPDX-License-Identifier: Apache-2.0 */
/* An answer cut anywhere restores to the same as in one piece, as text and inside JSON. The first byte seeds the cuts. */
#include "base/rng.h"
#include "privacy/privacy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void collect(void *user, const struct delta *d)
{
    text_add(user, d->text);
}

static void stream(const struct pseudonyms *p, struct span answer, enum delta_kind kind,
                   struct rng *rng, struct text *out)
{
    struct delta_filter *f = pseudonyms_restore_filter(p);
    for (size_t at = 0; at < answer.len;) {
        size_t n = rng ? rng_below(rng, 9) : answer.len;
        n = MIN(n, answer.len - at);
        struct delta d = {.kind = kind, .text = span_of(answer.data + at, n)};
        f->type->apply(f, &d, collect, out);
        at += n;
    }
    f->type->apply(f, NULL, collect, out);
    f->type->free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pseudonyms *p;
    if (!p) {
        struct text ignored;
        text_init(&ignored, 4096);
        p = pseudonyms_new();
        ASSERT(privacy_redact_text(
                   NULL, p, SPAN("a@b.io c@d.io 8.8.8.8 Bearer a\"b1234567890123 +1 415 555 0132"),
                   &ignored, NULL, NULL, NULL) == OK);
        text_done(&ignored);
    }
    if (size == 0) {
        return 0;
    }
    struct rng rng = {data[0]};
    struct span answer = span_of((const char *)data + 1, size - 1);
    for (int kind = 0; kind < 2; kind++) {
        struct text whole;
        struct text cut;
        text_init(&whole, 64 * MIB);
        text_init(&cut, 64 * MIB);
        enum delta_kind k = kind ? DELTA_TOOL_CALL : DELTA_TEXT;
        stream(p, answer, k, NULL, &whole);
        stream(p, answer, k, &rng, &cut);
        ASSERT(span_eq(text_span(&whole), text_span(&cut)));
        text_done(&whole);
        text_done(&cut);
    }
    return 0;
}
