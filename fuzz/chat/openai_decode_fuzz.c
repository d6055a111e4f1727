/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request body: taken with what it promises, or refused with words. The first byte picks the endpoint. */
#include "chat/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct request *r)
{
    ASSERT(json_type(r->body) == JSON_OBJECT && json_type(r->messages) == JSON_ARRAY &&
           json_len(r->messages) > 0);
    ASSERT(r->n >= 1 && r->n <= 128 && r->max_tokens >= 0 && r->model.len > 0);
    ASSERT((r->endpoint == ENDPOINT_COMPLETION) == span_given(r->prompt));
    struct text out;
    struct openai_answer answer;
    text_init(&out, 64 * MIB);
    openai_answer_init(&answer, r);
    struct receipt receipt = {.request = r};
    struct leg_end end = {.finish = FINISH_STOP, .usage = USAGE_UNKNOWN};
    openai_whole_end(&answer, &receipt, &end, &out);
    struct json_doc *doc = NULL;
    ASSERT(json_parse(text_span(&out), &doc, NULL) == OK);
    json_free(doc);
    openai_answer_done(&answer);
    text_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct arena *arena = arena_new();
    struct request r;
    struct fault fault = {0};
    const char *param = NULL;
    struct span body = span_of((const char *)data + 1, size - 1);
    enum err err = data[0] == 'p' ? openai_decode_completion(arena, body, &r, &param, &fault)
                                  : openai_decode_chat(arena, body, &r, &param, &fault);
    if (!err) {
        err = options_decode(&r, NULL, &param, &fault);
        ASSERT(err == OK || param);
    }
    if (err) {
        ASSERT(fault.text[0] && fault.code == err);
    } else {
        check(&r);
    }
    arena_free(arena);
    return 0;
}
