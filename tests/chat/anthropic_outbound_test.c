/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/outbound_fixture.h"

static void encode_is(const char *body, const char *expected)
{
    struct fixture f;
    fixture_init(&f, &outbound_anthropic, body);
    const char *written = fixture_encode(&f);
    if (f.err) {
        fail_msg("%s", f.fault.text);
    }
    assert_string_equal(written, expected);
    fixture_done(&f);
}

#define HEAD "{\"model\":\"m-fast\",\"max_tokens\":1000,\"stream\":true,"

static void turns_become_alternating_blocks(void **state)
{
    (void)state;
    encode_is(
        "{\"model\":\"auto\",\"messages\":["
        "{\"role\":\"developer\",\"content\":\"Be brief.\"},"
        "{\"role\":\"user\",\"content\":\"Look:\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}},"
        "{\"type\":\"text\",\"text\":\"\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x.example/a.png\"}}]},"
        "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"In German.\"}]},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
        "\"name\":\"f\",\"arguments\":\"{\\\"x\\\": 1}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":"
        "\"g\",\"arguments\":\"\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"one\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":[{\"type\":\"text\",\"text\":\"two\"}]},"
        "{\"role\":\"user\",\"content\":\"And?\"}]}",
        HEAD
        "\"system\":[{\"type\":\"text\",\"text\":\"Be brief.\"},{\"type\":\"text\",\"text\":\"In German.\"}],"
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Look:\"},{\"type\":\"image\","
        "\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAA\"}},{\"type\":\"image\",\"source\":{"
        "\"type\":\"url\",\"url\":\"https://x.example/a.png\"}}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"f\",\"input\":{\"x\":1}},"
        "{\"type\":\"tool_use\",\"id\":\"c2\",\"name\":\"g\",\"input\":{}}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":\"one\"},"
        "{\"type\":\"tool_result\",\"tool_use_id\":\"c2\",\"content\":[{\"type\":\"text\",\"text\":\"two\"}]},"
        "{\"type\":\"text\",\"text\":\"And?\"}]}]}");
}

static void tools_and_choices(void **state)
{
    (void)state;
    static const struct {
        const char *choice, *expected;
    } rows[] = {
        {"", ""},
        {",\"tool_choice\":\"auto\"", ",\"tool_choice\":{\"type\":\"auto\"}"},
        {",\"tool_choice\":\"required\"", ",\"tool_choice\":{\"type\":\"any\"}"},
        {",\"tool_choice\":\"none\",\"parallel_tool_calls\":false",
         ",\"tool_choice\":{\"type\":\"none\"}"},
        {",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}",
         ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}"},
        {",\"parallel_tool_calls\":false",
         ",\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct text body, expected;
        text_init(&body, 4 * KIB);
        text_init(&expected, 4 * KIB);
        text_addf(
            &body,
            "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{\"type\":\"function\",\"function\":{"
            "\"name\":\"f\",\"description\":\"does\",\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{}}},"
            "\"strict\":true}},{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]%s}",
            rows[i].choice);
        text_addf(
            &expected,
            HEAD
            "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}],"
            "\"tools\":[{\"name\":\"f\",\"description\":\"does\",\"input_schema\":{\"type\":\"object\","
            "\"properties\":{\"x\":{}}}},{\"name\":\"g\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}]"
            "%s}",
            rows[i].expected);
        encode_is(body.data, expected.data);
        text_done(&body);
        text_done(&expected);
    }
}

static void sampling_and_bookkeeping(void **state)
{
    (void)state;
    encode_is(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_completion_tokens\":50,\"temperature\":1.7,"
        "\"top_p\":0.90,\"stop\":[\"END\",\"\"],\"user\":\"u1\",\"seed\":1,\"frequency_penalty\":0.5,\"store\":true,"
        "\"metadata\":{\"a\":\"b\"},\"service_tier\":\"flex\",\"top_k\":5,\"unknown\":1,\"weir\":{},\"logprobs\":false,"
        "\"n\":1}",
        "{\"model\":\"m-fast\",\"max_tokens\":50,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":[{"
        "\"type\":\"text\",\"text\":\"hi\"}]}],\"temperature\":1,\"top_p\":0.90,\"top_k\":5,\"stop_sequences\":[\"END\"],"
        "\"metadata\":{\"user_id\":\"u1\"}}");
    encode_is(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"temperature\":0.20,\"stop\":\"X\"}",
        HEAD "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}],"
             "\"temperature\":0.20,\"stop_sequences\":[\"X\"]}");
}

static void a_schema_is_asked_for_in_words(void **state)
{
    (void)state;
    encode_is(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_format\":{\"type\":\"json_schema\","
        "\"json_schema\":{\"name\":\"s\",\"schema\":{\"type\":\"object\"}}}}",
        HEAD
        "\"system\":[{\"type\":\"text\",\"text\":\"Answer with one JSON value that is valid under this JSON "
        "Schema and nothing else, no words around it, no code fence: {\\\"type\\\":\\\"object\\\"}\"}],"
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]}");
}

static void only_a_system_turn_is_asked_as_the_user(void **state)
{
    (void)state;
    encode_is(
        "{\"messages\":[{\"role\":\"system\",\"content\":\"Say hi.\"}]}", HEAD
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Say hi.\"}]}]}");
}

static void what_cannot_be_said_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *said;
    } rows[] = {
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"n\":2}", "n > 1"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"logprobs\":true}", "logprobs"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"logit_bias\":{\"1\":2}}",
         "logit_bias"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"tools\":[{\"type\":\"custom\"}]}",
         "a tool that is not"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]}",
         "messages[0]: this kind of"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"file:///x\"}}]}]}",
         "messages[0]: an image"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\","
         "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\"}}]}]}",
         "messages[1]: a tool call whose arguments"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"function\",\"content\":\"x\"}]}",
         "messages[1]:"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}", "no text"},
        {"{\"messages\":[]}", "no text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        fixture_init(&f, &outbound_anthropic, rows[i].body);
        fixture_encode(&f);
        assert_int_equal(f.err, ERR_INVALID);
        if (!strstr(f.fault.text, rows[i].said)) {
            fail_msg("row %zu: \"%s\" lacks \"%s\"", i, f.fault.text, rows[i].said);
        }
        fixture_done(&f);
    }
}

static void headers_hold_key_and_version(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, &outbound_anthropic, "{}");
    struct headers h;
    headers_init(&h, f.request.arena);
    outbound_anthropic.headers(&f.backend, &h);
    assert_true(span_is(headers_get(&h, "x-api-key"), "sk-test-key"));
    assert_true(span_is(headers_get(&h, "anthropic-version"), "2023-06-01"));
    assert_false(span_given(headers_get(&h, "authorization")));
    assert_int_equal(h.count, 5);
    fixture_done(&f);
}

/* ---- answers ---- */

static void stream_is(const char *stream, enum err expected, const char *deltas, struct fixture *f)
{
    fixture_init(f, &outbound_anthropic, "{}");
    assert_string_equal(fixture_stream(f, stream, 1), deltas);
    assert_int_equal(f->err, expected);
    assert_string_equal(fixture_stream(f, stream, 0), deltas);
    assert_int_equal(f->err, expected);
    assert_true(expected == OK || f->fault.text[0] != '\0');
}

#define START                                                                                                             \
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\","         \
    "\"role\":\"assistant\",\"content\":[],\"model\":\"claude-x-2026\",\"stop_reason\":null,\"usage\":{\"input_tokens\":" \
    "25,\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":7,\"output_tokens\":1}}}\n\n"
#define STOP(reason)                                                                               \
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason \
    "\"},\"usage\":{"                                                                              \
    "\"output_tokens\":15}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define TEXT(i, text)                                                                              \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":" #i            \
    ",\"delta\":{\"type\":"                                                                        \
    "\"text_delta\",\"text\":\"" text "\"}}\n\n"

static void text_thinking_and_usage(void **state)
{
    (void)state;
    struct fixture f;
    stream_is(
        START
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{"
        "\"type\":\"thinking\",\"thinking\":\"\"}}\n\n"
        "event: ping\ndata: {\"type\": \"ping\"}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":"
        "\"hm\"}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\","
        "\"signature\":\"xx\"}}\n\n"
        "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "data: {\"type\":\"brand_new\",\"index\":0}\n\n" TEXT(1, "Hä") TEXT(1, "llo")
            STOP("end_turn"),
        OK, "reasoning 0: hm\ntext 0: Hä\ntext 0: llo\n", &f);
    assert_int_equal(f.end.finish, FINISH_STOP);
    assert_int_equal(f.end.usage.input_tokens, 132);
    assert_int_equal(f.end.usage.cached_tokens, 100);
    assert_int_equal(f.end.usage.output_tokens, 15);
    assert_true(span_is(f.end.model, "claude-x-2026"));
    fixture_done(&f);
}

static void tool_use(void **state)
{
    (void)state;
    struct fixture f;
    stream_is(
        START TEXT(
            0,
            "ok") "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\","
                  "\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}}\n\n"
                  "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
                  "\"input_json_delta\",\"partial_json\":\"\"}}\n\n"
                  "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
                  "\"input_json_delta\",\"partial_json\":\"{\\\"x\\\"\"}}\n\n"
                  "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
                  "\"input_json_delta\",\"partial_json\":\":1}\"}}\n\n"
                  "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
                  "data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\","
                  "\"id\":\"toolu_2\",\"name\":\"g\",\"input\":{}}}\n\n"
                  "data: {\"type\":\"content_block_stop\",\"index\":2}\n\n"
                  "data: {\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":"
                  "\"input_json_delta\",\"partial_json\":\"of a server tool\"}}\n\n" STOP(
                      "tool_use"),
        OK,
        "text 0: ok\ntool 0.0 toolu_1 f: \ntool 0.0: {\"x\"\ntool 0.0: :1}\ntool 0.1 toolu_2 g: \ntool 0.1: {}\n",
        &f);
    assert_int_equal(f.end.finish, FINISH_TOOL_CALLS);
    fixture_done(&f);
}

static void stop_reasons(void **state)
{
    (void)state;
    static const struct {
        const char *stream;
        enum finish finish;
    } rows[] = {
        {START TEXT(0, "a") STOP("max_tokens"), FINISH_LENGTH},
        {START TEXT(0, "a") STOP("stop_sequence"), FINISH_STOP},
        {START TEXT(0, "a") STOP("refusal"), FINISH_CONTENT_FILTER},
        {START TEXT(0, "a") STOP("model_context_window_exceeded"), FINISH_LENGTH},
        {START TEXT(0, "a") STOP("new_reason"), FINISH_STOP},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        stream_is(rows[i].stream, OK, "text 0: a\n", &f);
        assert_int_equal(f.end.finish, rows[i].finish);
        fixture_done(&f);
    }
}

static void broken_streams(void **state)
{
    (void)state;
    struct fixture f;
    stream_is(START TEXT(0, "a"), ERR_UPSTREAM, "text 0: a\n", &f);
    assert_non_null(strstr(f.fault.text, "broke off"));
    assert_int_equal(f.end.usage.input_tokens, 132); /* what was billed is known all the same */
    fixture_done(&f);
    stream_is("", ERR_UPSTREAM, "", &f);
    assert_non_null(strstr(f.fault.text, "empty"));
    fixture_done(&f);
    stream_is(
        START
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
        "\"Overloaded\"}}\n\n",
        ERR_UPSTREAM, "", &f);
    assert_non_null(strstr(f.fault.text, "Overloaded"));
    fixture_done(&f);
    stream_is(
        START
        "data: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}}\n\n",
        ERR_RATE_LIMITED, "", &f);
    fixture_done(&f);
    stream_is(
        START
        "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":7}}\n\n",
        ERR_UPSTREAM, "", &f);
    fixture_done(&f);
    stream_is(START "data: {\"type\":\"content_block_de\n\n", ERR_UPSTREAM, "", &f);
    fixture_done(&f);
    stream_is(START "data: [1]\n\n", ERR_UPSTREAM, "", &f);
    fixture_done(&f);
    stream_is(
        START
        "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\"}}\n\n",
        ERR_UPSTREAM, "", &f);
    fixture_done(&f);
}

static void a_whole_message(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, &outbound_anthropic, "{}");
    assert_string_equal(
        fixture_whole(
            &f,
            SPAN(
                "{\"type\":\"message\",\"model\":\"c\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\"},"
                "{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\","
                "\"input\":{\"a\":1}}],\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":3,"
                "\"output_tokens\":4}}")),
        "reasoning 0: hm\ntext 0: hi\ntool 0.0 t f: \ntool 0.0: {\"a\":1}\n");
    assert_int_equal(f.err, OK);
    assert_int_equal(f.end.finish, FINISH_TOOL_CALLS);
    assert_int_equal(f.end.usage.input_tokens, 3);
    fixture_whole(&f, SPAN("{\"type\":\"message\"}"));
    assert_int_equal(f.err, ERR_UPSTREAM);
    fixture_whole(&f, SPAN("{\"type\":\"message\",\"content\":[]}"));
    assert_int_equal(f.err, ERR_UPSTREAM);
    fixture_done(&f);
}

static void apis_have_their_dialect(void **state)
{
    (void)state;
    assert_ptr_equal(outbound_for(API_OPENAI), &outbound_openai);
    assert_ptr_equal(outbound_for(API_OLLAMA), &outbound_openai);
    assert_ptr_equal(outbound_for(API_ANTHROPIC), &outbound_anthropic);
    assert_null(outbound_for(API_LOCAL));
    assert_string_equal(outbound_anthropic.path, "/messages");
    assert_string_equal(outbound_openai.path, "/chat/completions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_become_alternating_blocks),
        cmocka_unit_test(tools_and_choices),
        cmocka_unit_test(sampling_and_bookkeeping),
        cmocka_unit_test(a_schema_is_asked_for_in_words),
        cmocka_unit_test(only_a_system_turn_is_asked_as_the_user),
        cmocka_unit_test(what_cannot_be_said_is_refused),
        cmocka_unit_test(headers_hold_key_and_version),
        cmocka_unit_test(text_thinking_and_usage),
        cmocka_unit_test(tool_use),
        cmocka_unit_test(stop_reasons),
        cmocka_unit_test(broken_streams),
        cmocka_unit_test(a_whole_message),
        cmocka_unit_test(apis_have_their_dialect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
