/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/outbound_fixture.h"

#define ASK "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void encode_is(const char *body, const char *expected)
{
    struct fixture f;
    fixture_init(&f, &outbound_openai, body);
    assert_string_equal(fixture_encode(&f), expected);
    assert_int_equal(f.err, OK);
    fixture_done(&f);
}

static void unknown_fields_leave_untouched_and_ours_are_set(void **state)
{
    (void)state;
    encode_is(
        "{\"model\":\"auto\",\"weir\":{\"mode\":\"auto\"},\"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e4\","
        "\"x\":[1]}],\"stream\":false,\"seed\":12345678901234567890,\"new_field\":{\"a\":[1e400]},\"user\":\"u\"}",
        "{\"model\":\"m-fast\",\"messages\":[{\"role\":\"user\",\"content\":\"hä\",\"x\":[1]}],"
        "\"seed\":12345678901234567890,\"new_field\":{\"a\":[1e400]},\"user\":\"u\","
        "\"max_tokens\":1000,\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}

static void a_second_weir_or_model_does_not_slip_out(void **state)
{
    (void)state;
    encode_is(
        "{\"weir\":{\"a\":1},\"weir\":2,\"model\":\"x\",\"model\":\"gpt-4o\",\"messages\":[],\"messages\":[1],"
        "\"stream_options\":{\"include_usage\":false,\"include_obfuscation\":false}}",
        "{\"model\":\"m-fast\",\"messages\":[],\"max_tokens\":1000,\"stream\":true,"
        "\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false}}");
}

static void max_tokens_never_pass_the_bound(void **state)
{
    (void)state;
    static const struct {
        const char *body, *url, *model, *expected;
    } rows[] = {
        {ASK ",\"max_tokens\":7}", "http://127.0.0.1/v1", "m", "\"max_tokens\":7,"},
        {ASK ",\"max_tokens\":5000}", "http://127.0.0.1/v1", "m", "\"max_tokens\":1000,"},
        {ASK ",\"max_completion_tokens\":9}", "http://127.0.0.1/v1", "m", "\"max_tokens\":9,"},
        {ASK ",\"max_completion_tokens\":9}", "http://127.0.0.1/v1", "o3-mini",
         "\"max_completion_tokens\":9,"},
        {ASK ",\"max_tokens\":9}", "http://127.0.0.1/v1", "openai/gpt-5-nano",
         "\"max_completion_tokens\":9,"},
        {ASK ",\"max_tokens\":9}", "https://api.openai.com/v1", "gpt-4o",
         "\"max_completion_tokens\":9,"},
        {ASK "}", "http://127.0.0.1/v1", "orca", "\"max_tokens\":1000,"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        fixture_init(&f, &outbound_openai, rows[i].body);
        f.backend.url = rows[i].url;
        f.backend.model = rows[i].model;
        const char *body = fixture_encode(&f);
        assert_non_null(strstr(body, rows[i].expected));
        const char *first = strstr(body, "_tokens\"");
        assert_null(strstr(first + 1, "_tokens\"")); /* one of the two, never both */
        fixture_done(&f);
    }
}

static void developer_becomes_system_elsewhere(void **state)
{
    (void)state;
    const char *body =
        "{\"messages\":[{\"role\":\"developer\",\"content\":\"be brief\",\"name\":\"d\"},"
        "{\"role\":\"user\",\"content\":\"hi\"}]}";
    struct fixture f;
    fixture_init(&f, &outbound_openai, body);
    assert_non_null(strstr(fixture_encode(&f),
                           "[{\"role\":\"system\",\"content\":\"be brief\",\"name\":\"d\"},"
                           "{\"role\":\"user\",\"content\":\"hi\"}]"));
    f.backend.url = "https://api.openai.com/v1";
    assert_non_null(strstr(fixture_encode(&f), "\"role\":\"developer\""));
    f.backend.url = "http://api.openai.com.example/v1";
    assert_null(strstr(fixture_encode(&f), "\"role\":\"developer\""));
    fixture_done(&f);
}

static void too_large_is_said(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, &outbound_openai, ASK "}");
    f.out.max = 40;
    struct leg_options options = {.prefix = SPAN_NONE};
    assert_int_equal(outbound_openai.encode(&f.request, &f.backend, &options, &f.out, &f.fault),
                     ERR_TOO_LARGE);
    fixture_done(&f);
}

static void headers_hold_the_key_and_no_more(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, &outbound_openai, ASK "}");
    struct headers h;
    headers_init(&h, f.request.arena);
    outbound_openai.headers(&f.backend, &h);
    assert_true(span_is(headers_get(&h, "authorization"), "Bearer sk-test-key"));
    assert_true(span_is(headers_get(&h, "content-type"), "application/json"));
    assert_true(span_is(headers_get(&h, "accept"), "text/event-stream"));
    assert_true(span_is(headers_get(&h, "user-agent"), "weir/" WEIR_VERSION));
    assert_int_equal(h.count, 4);
    headers_init(&h, f.request.arena);
    f.backend.key = NULL;
    outbound_openai.headers(&f.backend, &h);
    assert_int_equal(h.count, 3);
    fixture_done(&f);
}

/* ---- answers ---- */

/* Decodes at once and byte by byte; both must give the same. */
static void stream_is(const char *body, const char *stream, enum err expected, const char *deltas,
                      struct fixture *f)
{
    fixture_init(f, &outbound_openai, body);
    assert_string_equal(fixture_stream(f, stream, 1), deltas);
    assert_int_equal(f->err, expected);
    assert_string_equal(fixture_stream(f, stream, 0), deltas);
    assert_int_equal(f->err, expected);
    assert_true(expected == OK || f->fault.text[0] != '\0');
}

static void a_plain_stream(void **state)
{
    (void)state;
    struct fixture f;
    stream_is(
        ASK "}",
        "data: {\"id\":\"c\",\"model\":\"m-fast-2026\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
        "\"content\":\"\"},\"finish_reason\":null}]}\n\n"
        ": keepalive\n\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\\u00e4\"},\"finish_reason\":null}]}\n\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" 😀\"},\"finish_reason\":null}]}\r\n\r\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4,\"total_tokens\":14,"
        "\"prompt_tokens_details\":{\"cached_tokens\":3},\"completion_tokens_details\":{\"reasoning_tokens\":1}}}\n\n"
        "data: [DONE]\n\n",
        OK, "text 0: Hä\ntext 0:  😀\n", &f);
    assert_int_equal(f.end.finish, FINISH_LENGTH);
    assert_int_equal(f.end.usage.input_tokens, 10);
    assert_int_equal(f.end.usage.output_tokens, 4);
    assert_int_equal(f.end.usage.cached_tokens, 3);
    assert_int_equal(f.end.usage.reasoning_tokens, 1);
    assert_true(span_is(f.end.model, "m-fast-2026"));
    fixture_done(&f);
}

static void usage_may_ride_anywhere_and_repeat(void **state)
{
    (void)state;
    struct fixture f;
    stream_is(
        ASK "}",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":5,"
        "\"completion_tokens\":1}}\n\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}],\"usage\":{\"prompt_tokens\":5,"
        "\"completion_tokens\":2}}\n\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":\"x\"}}\n\n"
        "data: [DONE]\n\n",
        OK, "text 0: a\ntext 0: b\n", &f);
    assert_int_equal(f.end.usage.input_tokens, 5);
    assert_int_equal(f.end.usage.output_tokens, 2);
    assert_int_equal(f.end.usage.cached_tokens, -1);
    fixture_done(&f);
}

static void missing_usage_is_unknown_not_zero(void **state)
{
    (void)state;
    struct fixture f;
    stream_is(
        ASK "}",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n", OK,
        "text 0: a\n", &f);
    assert_int_equal(f.end.usage.input_tokens, -1);
    assert_int_equal(f.end.usage.output_tokens, -1);
    assert_int_equal(f.end.finish, FINISH_STOP);
    fixture_done(&f);
}

static void tool_calls_in_their_various_forms(void **state)
{
    (void)state;
    struct fixture f;
    /* OpenAI: id and name once, then arguments. Two in parallel, interleaved; the second has none. */
    stream_is(
        ASK "}",
        "data: {\"choices\":[{\"delta\":{\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"call_a\","
        "\"type\":\"function\",\"function\":{\"name\":\"light\",\"arguments\":\"\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"call_b\",\"type\":\"function\","
        "\"function\":{\"name\":\"door\"}},{\"index\":0,\"function\":{\"arguments\":\"{\\\"on\\\":\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_a\",\"function\":{"
        "\"name\":\"light\",\"arguments\":\"true}\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        OK,
        "tool 0.0 call_a light: \ntool 0.1 call_b door: \ntool 0.0: {\"on\":\ntool 0.0: true}\ntool 0.1: {}\n",
        &f);
    assert_int_equal(f.end.finish, FINISH_TOOL_CALLS); /* although it said "stop" */
    fixture_done(&f);
    /* Gemini: no index, or always 0, new ids; arguments as an object. */
    stream_is(
        ASK "}",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\","
        "\"arguments\":{\"x\":1}}},{\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"g\","
        "\"arguments\":\"{}\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"d\",\"function\":{\"name\":\"g\","
        "\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n",
        OK,
        "tool 0.0 a f: \ntool 0.0: {\"x\":1}\ntool 0.1 b f: \ntool 0.1: {}\ntool 0.2 c g: \ntool 0.2: {}\n"
        "tool 0.3 d g: \ntool 0.3: {}\n",
        &f);
    fixture_done(&f);
    /* No id at all: one is made, because the client must answer to it. */
    stream_is(
        ASK "}",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":"
        "\"{}\"}}]},\"finish_reason\":\"function_call\"}]}\n\n",
        OK, "tool 0.0 call_NPQRSTVWXYZ0_0_1 f: \ntool 0.0: {}\n", &f);
    fixture_done(&f);
    stream_is(
        ASK "}",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{}}]}}]}\n\n",
        ERR_UPSTREAM, "", &f);
    fixture_done(&f);
}

static void reasoning_refusal_and_logprobs(void **state)
{
    (void)state;
    struct fixture f;
    stream_is(
        ASK ",\"logprobs\":true}",
        "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\",\"content\":null}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"reasoning\":\"ah\"}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"content\":\"yes\"},\"logprobs\":{\"content\":[{\"token\":\"yes\","
        "\"logprob\":-0.10,\"bytes\":[121],\"top_logprobs\":[]}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"refusal\":\"no\"},\"finish_reason\":\"content_filter\"}]}\n\n",
        OK,
        "reasoning 0: hm\nreasoning 0: ah\ntext 0: yes [{\"token\":\"yes\",\"logprob\":-0.10,\"bytes\":[121],"
        "\"top_logprobs\":[]}]\nrefusal 0: no\n",
        &f);
    assert_int_equal(f.end.finish, FINISH_CONTENT_FILTER);
    fixture_done(&f);
}

static void several_choices(void **state)
{
    (void)state;
    struct fixture f;
    const char *two =
        "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}},{\"index\":0,\"delta\":{\"content\":"
        "\"a\"}}]}\n\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    struct text full;
    text_init(&full, KIB);
    text_addf(&full,
              "%sdata: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n",
              two);
    stream_is(ASK ",\"n\":2}", full.data, OK, "text 1: b\ntext 0: a\n", &f);
    assert_int_equal(f.end.finishes[0], FINISH_STOP);
    assert_int_equal(f.end.finishes[1], FINISH_LENGTH);
    fixture_done(&f);
    stream_is(ASK ",\"n\":2}", two, ERR_UPSTREAM, "text 1: b\ntext 0: a\n",
              &f); /* one of them never ended */
    fixture_done(&f);
    stream_is(ASK "}", two, ERR_UPSTREAM, "", &f); /* nobody asked for choice 1 */
    fixture_done(&f);
    text_done(&full);
}

static void a_cut_is_never_taken_for_an_end(void **state)
{
    (void)state;
    struct fixture f;
    stream_is(
        ASK "}",
        "data: {\"choices\":[{\"delta\":{\"content\":\"ten words\"},\"finish_reason\":null}]}\n\n",
        ERR_UPSTREAM, "text 0: ten words\n", &f);
    fixture_done(&f);
    /* A proxy on the way closed the stream politely. */
    stream_is(
        ASK "}",
        "data: {\"choices\":[{\"delta\":{\"content\":\"ten words\"},\"finish_reason\":null}]}\n\ndata: [DONE]\n\n",
        ERR_UPSTREAM, "text 0: ten words\n", &f);
    fixture_done(&f);
    stream_is(ASK "}", "data: [DONE]\n\n", ERR_UPSTREAM, "", &f);
    fixture_done(&f);
    stream_is(ASK "}", "", ERR_UPSTREAM, "", &f);
    fixture_done(&f);
}

static void broken_events_are_errors_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *data, *said;
    } rows[] = {
        {"{\"choices\":[{\"delta\":{\"content\":\"a", "broken data"},
        {"garbage", "broken data"},
        {"\"text\"", "a string instead of an object"},
        {"[1]", "an array instead of an object"},
        {"{\"choices\":5}", "`choices`"},
        {"{\"choices\":[7]}", "not an object"},
        {"{\"choices\":[{\"index\":-1}]}", "nobody asked for"},
        {"{\"choices\":[{\"index\":99999999999}]}", "nobody asked for"},
        {"{\"choices\":[{\"delta\":{\"content\":7}}]}", "a number instead of a string"},
        {"{\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}", "broken data"},
        {"{\"choices\":[{\"delta\":{\"tool_calls\":[5]}}]}", "tool call"},
        {"{\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}",
         "ended its answer with an error"},
        {"{\"error\":{\"message\":\"The server had an error\",\"code\":500}}",
         "The server had an error"},
        {"{\"error\":\"overloaded\"}", "overloaded"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct text stream;
        text_init(&stream, KIB);
        text_addf(&stream,
                  "data: %s\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
                  rows[i].data);
        struct fixture f;
        stream_is(ASK "}", stream.data, ERR_UPSTREAM, "", &f);
        if (!strstr(f.fault.text, rows[i].said)) {
            fail_msg("row %zu: \"%s\" lacks \"%s\"", i, f.fault.text, rows[i].said);
        }
        fixture_done(&f);
        text_done(&stream);
    }
}

static void in_band_errors_keep_their_kind(void **state)
{
    (void)state;
    struct fixture f;
    stream_is(
        ASK "}",
        "data: {\"error\":{\"message\":\"This model's maximum context length is 8192 tokens\",\"type\":"
        "\"invalid_request_error\",\"code\":\"context_length_exceeded\"}}\n\n",
        ERR_CONTEXT_LENGTH, "", &f);
    fixture_done(&f);
    stream_is(ASK "}",
              "event: error\ndata: {\"error\":{\"message\":\"slow down\",\"code\":429}}\n\n",
              ERR_RATE_LIMITED, "", &f);
    fixture_done(&f);
}

static void a_whole_answer_to_a_stream_request(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, &outbound_openai, ASK "}");
    assert_string_equal(
        fixture_whole(
            &f,
            SPAN(
                "\n{\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{"
                "\"role\":\"assistant\",\"content\":\"hi\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
                "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}],"
                "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}")),
        "text 0: hi\ntool 0.0 c f: \ntool 0.0: {}\n");
    assert_int_equal(f.err, OK);
    assert_int_equal(f.end.usage.output_tokens, 2);
    assert_string_equal(
        fixture_whole(
            &f, SPAN("{\"choices\":[{\"message\":{\"content\":[{\"type\":\"thinking\",\"thinking\":"
                     "[{\"type\":\"text\",\"text\":\"hm\"}]},{\"type\":\"text\",\"text\":\"hi\"}]},"
                     "\"finish_reason\":\"stop\"}]}")),
        "reasoning 0: hm\ntext 0: hi\n");
    assert_int_equal(f.err, OK);
    fixture_whole(&f, SPAN("<html>Bad gateway</html>"));
    assert_int_equal(f.err, ERR_UPSTREAM);
    fixture_whole(&f, SPAN("{\"choices\":[{\"message\":{\"content\":\"cut"));
    assert_int_equal(f.err, ERR_UPSTREAM);
    fixture_whole(&f, SPAN("{}"));
    assert_int_equal(f.err, ERR_UPSTREAM);
    fixture_done(&f);
}

static void error_lines_hold_no_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *body, *line;
    } rows[] = {
        {"{\"error\":{\"message\":\"Incorrect API key provided: sk-abc***xyz. You can find your API key at "
         "https://platform.openai.com/account/api-keys.\",\"code\":\"invalid_api_key\"}}",
         "“Incorrect API key provided: [key]. You can find your API key at [address].”"},
        {"{\"error\":\"model 'x' not found\"}", "“model 'x' not found”"},
        {"{\"detail\":[{\"msg\":\"field required\"}]}", "“field required”"},
        {"{\"message\":\"two\\nlines\\r\\n\\u0000and a tab\\t!\"}", "“two lines and a tab !”"},
        {"[{\"error\":{\"message\":\"API key not valid\"}}]", "“API key not valid”"},
        {"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
         "an HTML page instead of JSON"},
        {"\xff\xfe\x01", "bytes that are not text"},
        {"upstream connect error (http://10.0.0.3:8080/x)", "“upstream connect error ([address])”"},
        {"token eyJhbGciOiJIUzI1NiJ9abcdef0123456789 is bad", "“token [key] is bad”"},
        {"{\"error\":\"say “when”\"}", "“say \"when\"”"}, /* nobody else's quotes end ours */
        {"", ""},
        {"{}", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct text line;
        text_init(&line, KIB);
        outbound_error_text(span_c(rows[i].body), &line);
        assert_true(span_eq(text_span(&line), span_c(rows[i].line)));
        text_done(&line);
    }
    struct text body, line;
    text_init(&body, 4 * KIB);
    text_init(&line, 4 * KIB);
    for (int i = 0; i < 400; i++) {
        text_add_c(&body, "ä ");
    }
    outbound_error_text(text_span(&body), &line);
    assert_in_range(line.len, 200, 306);
    assert_true(span_utf8_valid(text_span(&line)));
    text_done(&body);
    text_done(&line);
    assert_int_equal(
        outbound_error_kind(SPAN("{\"error\":{\"code\":\"context_length_exceeded\"}}")),
        ERR_CONTEXT_LENGTH);
    assert_int_equal(
        outbound_error_kind(SPAN("{\"error\":{\"message\":\"prompt is too long: 3 tokens\"}}")),
        ERR_CONTEXT_LENGTH);
    assert_int_equal(outbound_error_kind(SPAN("no json")), ERR_UPSTREAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_fields_leave_untouched_and_ours_are_set),
        cmocka_unit_test(a_second_weir_or_model_does_not_slip_out),
        cmocka_unit_test(max_tokens_never_pass_the_bound),
        cmocka_unit_test(developer_becomes_system_elsewhere),
        cmocka_unit_test(too_large_is_said),
        cmocka_unit_test(headers_hold_the_key_and_no_more),
        cmocka_unit_test(a_plain_stream),
        cmocka_unit_test(usage_may_ride_anywhere_and_repeat),
        cmocka_unit_test(missing_usage_is_unknown_not_zero),
        cmocka_unit_test(tool_calls_in_their_various_forms),
        cmocka_unit_test(reasoning_refusal_and_logprobs),
        cmocka_unit_test(several_choices),
        cmocka_unit_test(a_cut_is_never_taken_for_an_end),
        cmocka_unit_test(broken_events_are_errors_with_a_reason),
        cmocka_unit_test(in_band_errors_keep_their_kind),
        cmocka_unit_test(a_whole_answer_to_a_stream_request),
        cmocka_unit_test(error_lines_hold_no_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
