/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of outbound dialects: a request from a JSON body, a backend, and
 * one line of text per delta ("text 0: …") that goldens are compared with.
 */
#ifndef WEIR_TESTS_CHAT_OUTBOUND_FIXTURE_H
#define WEIR_TESTS_CHAT_OUTBOUND_FIXTURE_H

#include "chat/dialect.h"
#include "http/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
    struct request request;
    struct backend backend;
    struct text out; /* what was encoded, or the deltas */
    struct fault fault;
    struct leg_end end;
    enum err err;
    struct decoder *decoder;
    const struct outbound_type *type;
};

static inline void fixture_init(struct fixture *f, const struct outbound_type *type,
                                const char *body)
{
    *f = (struct fixture){.type = type};
    f->request.arena = arena_new();
    f->request.n = 1;
    snprintf(f->request.id, sizeof f->request.id, "req_01JABCDEFGHJKMNPQRSTVWXYZ0");
    text_init(&f->out, 4 * MIB);
    assert_int_equal(json_parse_in(f->request.arena, span_c(body), &f->request.body, &f->fault),
                     OK);
    f->request.messages = json_get(f->request.body, "messages");
    f->request.n = (int)json_i64_or(json_get(f->request.body, "n"), 1);
    f->request.logprobs = json_true(json_get(f->request.body, "logprobs"));
    f->request.max_tokens = json_i64_or(json_get(f->request.body, "max_completion_tokens"),
                                        json_i64_or(json_get(f->request.body, "max_tokens"), 0));
    struct span format = json_str(json_get(json_get(f->request.body, "response_format"), "type"));
    f->request.json_object = span_is(format, "json_object");
    f->request.json_schema = span_is(format, "json_schema");
    f->backend = (struct backend){
        .name = "cloud",
        .tier = TIER_CLOUD,
        .url = "http://127.0.0.1:9000/v1",
        .model = "m-fast",
        .key = "sk-test-key",
        .max_output_tokens = 1000,
    };
}

static inline void fixture_done(struct fixture *f)
{
    if (f->decoder) {
        f->type->decoder_free(f->decoder);
    }
    text_done(&f->out);
    arena_free(f->request.arena);
}

static inline const char *fixture_encode(struct fixture *f)
{
    text_clear(&f->out);
    struct leg_options options = {.prefix = SPAN_NONE};
    f->err = f->type->encode(&f->request, &f->backend, &options, &f->out, &f->fault);
    if (f->err == OK) { /* whatever was written is JSON */
        struct json_doc *doc = NULL;
        assert_int_equal(json_parse(text_span(&f->out), &doc, NULL), OK);
        json_free(doc);
    }
    return f->out.data ? f->out.data : "";
}

static inline void fixture_delta(void *user, const struct delta *d)
{
    static const char *const kinds[] = {"text", "reasoning", "tool", "refusal"};
    struct fixture *f = user;
    if (d->kind == DELTA_TOOL_CALL) {
        text_addf(&f->out, "tool %d.%d", d->choice, d->tool_index);
        if (span_given(d->tool_id)) {
            text_addf(&f->out, " %.*s %.*s", SPAN_ARG(d->tool_id), SPAN_ARG(d->tool_name));
        }
        text_addf(&f->out, ": %.*s\n", SPAN_ARG(d->text));
    } else {
        text_addf(&f->out, "%s %d: %.*s", kinds[d->kind], d->choice, SPAN_ARG(d->text));
        if (span_given(d->logprobs)) {
            text_addf(&f->out, " %.*s", SPAN_ARG(d->logprobs));
        }
        text_add_char(&f->out, '\n');
    }
}

static inline bool fixture_event(void *user, struct span event, struct span data)
{
    static const struct decoder_events to = {fixture_delta};
    struct fixture *f = user;
    f->err = f->type->event(f->decoder, event, data, &to, f, &f->fault);
    return f->err == OK;
}

static inline void fixture_end(struct fixture *f)
{
    f->end = (struct leg_end){.usage = USAGE_UNKNOWN};
    enum err err = f->type->end(f->decoder, &f->end, f->err ? NULL : &f->fault);
    f->err = f->err ? f->err : err;
}

/* Feeds a stream in portions of `step` bytes (0: all at once). */
static inline const char *fixture_stream(struct fixture *f, const char *stream, size_t step)
{
    text_clear(&f->out);
    if (f->decoder) {
        f->type->decoder_free(f->decoder);
    }
    f->decoder = f->type->decoder_new(&f->request, &f->backend);
    f->err = OK;
    f->fault = (struct fault){0};
    struct span rest = span_c(stream);
    struct sse sse;
    sse_init(&sse, MIB);
    while (rest.len && f->err == OK) {
        struct span piece = span_first(rest, step ? step : rest.len);
        enum err err = sse_feed(&sse, piece, fixture_event, f);
        f->err = f->err ? f->err : err;
        rest = span_from(rest, piece.len);
    }
    sse_done(&sse);
    fixture_end(f);
    return f->out.data ? f->out.data : "";
}

static inline const char *fixture_whole(struct fixture *f, struct span body)
{
    static const struct decoder_events to = {fixture_delta};
    text_clear(&f->out);
    if (f->decoder) {
        f->type->decoder_free(f->decoder);
    }
    f->decoder = f->type->decoder_new(&f->request, &f->backend);
    f->fault = (struct fault){0};
    f->err = f->type->whole(f->decoder, body, &to, f, &f->fault);
    fixture_end(f);
    return f->out.data ? f->out.data : "";
}

#endif
