/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any request that our own door lets in can be written for either provider, or is
 * refused with a reason; what is written is JSON, asks for a stream, and holds
 * neither `weir` nor more tokens than the backend allows.
 */
#include "chat/dialect.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MOST_TOKENS 1000

static void encode(const struct outbound_type *type, const struct request *r)
{
    struct backend backend = {
        .name = "cloud", .url = "http://h/v1", .model = "m", .max_output_tokens = MOST_TOKENS};
    struct leg_options options = {.prefix = SPAN_NONE};
    struct fault fault = {0};
    struct text out;
    text_init(&out, 16 * MIB);
    enum err err = type->encode(r, &backend, &options, &out, &fault);
    struct json_doc *doc = NULL;
    if (err) {
        if (!fault.text[0]) {
            abort();
        }
    } else {
        const struct json *root = json_parse(text_span(&out), &doc, NULL) ? NULL : json_root(doc);
        int64_t most = json_i64_or(json_get(root, "max_tokens"), -1);
        if (!json_true(json_get(root, "stream")) || json_get(root, "weir") || most < 1 ||
            most > MOST_TOKENS) {
            abort();
        }
    }
    json_free(doc);
    text_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena *arena = arena_new();
    struct request *r = ARENA_NEW(arena, struct request);
    const char *param = NULL;
    struct fault fault = {0};
    r->arena = arena;
    if (openai_decode_chat(arena, span_of((const char *)bytes, len), r, &param, &fault) == OK) {
        encode(&outbound_openai, r);
        encode(&outbound_anthropic, r);
    }
    arena_free(arena);
    return 0;
}
