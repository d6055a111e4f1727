/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena *arena;
static struct request request;
static struct fault fault;
static const char *param;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static enum err decode(const char *body)
{
    fault = (struct fault){0};
    return openai_decode_chat(arena, span_c(body), &request, &param, &fault);
}

static void take(const char *body)
{
    if (decode(body)) {
        fail_msg("%s\nrefused: %s", body, fault.text);
    }
}

/* Refused as the client's mistake, with this field named. */
static void refuse_as(enum err err, const char *body, const char *expected)
{
    assert_int_equal(err, ERR_INVALID);
    if (expected ? !param || strcmp(param, expected) != 0 : param != NULL) {
        fail_msg("%s\nnamed %s (%s), not %s", body, param ? param : "nothing", fault.text,
                 expected);
    }
    assert_true(strlen(fault.text) > 10);
    if (expected) {
        assert_non_null(strstr(fault.text, expected));
    }
}

static void refuse(const char *body, const char *expected)
{
    refuse_as(decode(body), body, expected);
}

#define HI "\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define WITH(fields) "{" HI "," fields "}"

static void a_plain_request(void **state)
{
    (void)state;
    take("{" HI "}");
    assert_int_equal(request.endpoint, ENDPOINT_CHAT);
    assert_true(span_is(request.model, "auto"));
    assert_int_equal(json_len(request.messages), 1);
    assert_ptr_equal(request.messages, json_get(request.body, "messages"));
    assert_int_equal(request.n, 1);
    assert_int_equal(request.max_tokens, 0);
    assert_false(request.stream || request.include_usage || request.logprobs || request.has_tools ||
                 request.has_images || request.json_object || request.json_schema ||
                 span_given(request.prompt));
    assert_ptr_equal(request.arena, arena);
}

static void what_the_gateway_decides_by_is_read(void **state)
{
    (void)state;
    take(WITH(
        "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"n\":3,\"max_tokens\":7,\"logprobs\":true,"
        "\"top_logprobs\":20,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
        "\"response_format\":{\"type\":\"json_object\"}"));
    assert_true(request.stream && request.include_usage && request.logprobs && request.has_tools &&
                request.json_object);
    assert_int_equal(request.n, 3);
    assert_int_equal(request.max_tokens, 7);
    take(WITH("\"max_tokens\":7,\"max_completion_tokens\":9"));
    assert_int_equal(request.max_tokens, 9);
    take(WITH(
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{}}}"));
    assert_true(request.json_schema && !request.json_object);
    take(WITH(
        "\"stream_options\":{\"include_usage\":true}")); /* without stream: accepted, harmless */
    take(WITH("\"tools\":[]"));
    assert_false(request.has_tools);
}

/* COMPAT section 3: accepted even if ignored; unknown fields pass through untouched. */
static void what_clients_send_is_accepted(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        WITH(
            "\"user\":\"u\",\"metadata\":{\"a\":\"b\"},\"store\":false,\"service_tier\":\"auto\",\"reasoning_effort\":\"low\""),
        WITH(
            "\"seed\":-5,\"logit_bias\":{\"50256\":-100},\"presence_penalty\":-2,\"frequency_penalty\":2.0"),
        WITH(
            "\"temperature\":0,\"top_p\":1,\"min_p\":0.05,\"top_k\":40,\"repeat_penalty\":1.1,\"stop\":[\"a\",\"b\"]"),
        WITH("\"stop\":\"END\",\"tool_choice\":\"required\",\"parallel_tool_calls\":false"),
        WITH("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"),
        WITH(
            "\"temperature\":null,\"max_tokens\":null,\"tools\":null,\"stop\":null,\"stream\":null,\"n\":null,\"seed\":null"),
        WITH(
            "\"response_format\":{\"type\":\"text\"},\"prediction\":{\"x\":[1]},\"never_heard\":{\"deep\":[null,1e400]}"),
        WITH("\"functions\":[{\"name\":\"f\",\"parameters\":{}}],\"function_call\":\"auto\""),
        WITH("\"n\":128,\"seed\":9007199254740993"),
        "{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":\"be brief\"},"
        "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]},"
        "{\"role\":\"user\",\"content\":\"\",\"name\":\"bob\"},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"4\"},"
        "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c2\",\"type\":\"custom\",\"custom\":{}}]},"
        "{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\"},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]},"
        "{\"role\":\"function\",\"name\":\"f\",\"content\":null}]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        take(bodies[i]);
        assert_false(request.has_images);
    }
    take(WITH("\"never_heard\":{\"deep\":[null,1e400]}"));
    assert_true(span_is(
        json_raw_number(json_at(json_get(json_get(request.body, "never_heard"), "deep"), 1)),
        "1e400"));
}

static void pictures_are_noticed(void **state)
{
    (void)state;
    take(
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"what?\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}]}]}");
    assert_true(request.has_images);
    take(
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{}}]}]}");
    assert_true(request.has_images);
}

static void wrong_fields_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *body, *param;
    } cases[] = {
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"model\":7}", "model"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"model\":\"\"}", "model"},
        {"{\"model\":\"m\"}", "messages"},
        {"{\"model\":\"m\",\"messages\":[]}", "messages"},
        {"{\"model\":\"m\",\"messages\":\"hi\"}", "messages"},
        {"{\"model\":\"m\",\"messages\":[\"hi\"]}", "messages[0]"},
        {"{\"model\":\"m\",\"messages\":[{\"content\":\"x\"}]}", "messages[0].role"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]}",
         "messages[0].role"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}", "messages[0].content"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":null}]}",
         "messages[0].content"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":5}]}",
         "messages[0].content"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[]}]}",
         "messages[0].content"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":null}]}",
         "messages[0].content"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[\"x\"]}]}",
         "messages[0].content[0]"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}]}",
         "messages[0].content[0]"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]}",
         "messages[0].content[0]"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
         "messages[0].content[0]"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}",
         "messages[0].tool_call_id"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\","
         "\"arguments\":{}}}]}]}",
         "messages[0].tool_calls[0]"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":{}}]}",
         "messages[0].tool_calls"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"name\":1}]}",
         "messages[0].name"},
        {WITH("\"temperature\":3"), "temperature"},
        {WITH("\"temperature\":-0.1"), "temperature"},
        {WITH("\"temperature\":\"hot\""), "temperature"},
        {WITH("\"temperature\":1e999"), "temperature"},
        {WITH("\"top_p\":1.01"), "top_p"},
        {WITH("\"presence_penalty\":2.5"), "presence_penalty"},
        {WITH("\"frequency_penalty\":[]"), "frequency_penalty"},
        {WITH("\"max_tokens\":0"), "max_tokens"},
        {WITH("\"max_tokens\":-1"), "max_tokens"},
        {WITH("\"max_tokens\":1.5"), "max_tokens"},
        {WITH("\"max_tokens\":1e18"), "max_tokens"},
        {WITH("\"max_completion_tokens\":true"), "max_completion_tokens"},
        {WITH("\"n\":0"), "n"},
        {WITH("\"n\":129"), "n"},
        {WITH("\"seed\":1.5"), "seed"},
        {WITH("\"stream\":\"yes\""), "stream"},
        {WITH("\"stream\":1"), "stream"},
        {WITH("\"stream_options\":1"), "stream_options"},
        {WITH("\"stream_options\":{\"include_usage\":1}"), "stream_options.include_usage"},
        {WITH("\"logprobs\":1"), "logprobs"},
        {WITH("\"logprobs\":true,\"top_logprobs\":21"), "top_logprobs"},
        {WITH("\"top_logprobs\":2"), "top_logprobs"},
        {WITH("\"stop\":5"), "stop"},
        {WITH("\"stop\":[\"\"]"), "stop"},
        {WITH("\"stop\":[1]"), "stop"},
        {WITH("\"tools\":{}"), "tools"},
        {WITH("\"tools\":[{}]"), "tools[0].type"},
        {WITH("\"tools\":[{\"type\":\"function\"}]"), "tools[0].function.name"},
        {WITH(
             "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":[]}}]"),
         "tools[0].function.parameters"},
        {WITH("\"functions\":[{}]"), "functions[0].name"},
        {WITH("\"tool_choice\":\"maybe\""), "tool_choice"},
        {WITH("\"tool_choice\":{\"type\":\"function\"}"), "tool_choice"},
        {WITH("\"parallel_tool_calls\":0"), "parallel_tool_calls"},
        {WITH("\"response_format\":\"json\""), "response_format"},
        {WITH("\"response_format\":{\"type\":\"xml\"}"), "response_format"},
        {WITH("\"response_format\":{\"type\":\"json_schema\"}"),
         "response_format.json_schema.schema"},
        {WITH("\"logit_bias\":{\"1\":101}"), "logit_bias"},
        {WITH("\"logit_bias\":{\"x\":1}"), "logit_bias"},
        {WITH("\"user\":5"), "user"},
        {WITH("\"metadata\":[]"), "metadata"},
        {WITH("\"weir\":true"), "weir"},
        {WITH("\"stream\":true,\"stream\":false"), "stream"},
        {WITH("\"new_thing\":1,\"new_thing\":2"), "new_thing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        refuse(cases[i].body, cases[i].param);
    }
}

static void bodies_that_are_none(void **state)
{
    (void)state;
    refuse("", NULL);
    refuse("   ", NULL);
    refuse("[]", NULL);
    refuse("\"x\"", NULL);
    refuse("{", NULL);
    refuse(WITH("\"temperature\":NaN"), NULL);
    refuse("{" HI "} trailing", NULL);
    refuse("{\"model\":\"\xff\"}", NULL);
    struct text t;
    text_init(&t, MIB);
    text_add_c(&t, "{" HI);
    for (int i = 0; i < 600; i++) {
        text_addf(&t, ",\"k%d\":1", i);
    }
    text_add_c(&t, "}");
    refuse(t.data, NULL);
    text_clear(&t);
    text_add_c(&t, "{" HI ",\"x\":");
    for (int i = 0; i < 1000; i++) {
        text_add_c(&t, "[");
    }
    refuse(t.data, NULL);
    text_done(&t);
    const char *big = mem_new(32 * MIB + 1);
    assert_int_equal(
        openai_decode_chat(arena, span_of(big, 32 * MIB + 1), &request, &param, &fault),
        ERR_TOO_LARGE);
    mem_free((void *)(uintptr_t)big);
    assert_int_equal(openai_decode_chat(arena, SPAN("{}"), &request, &param, NULL),
                     ERR_INVALID); /* no words wanted */
}

/* ---- completions ---- */

static enum err complete(const char *body)
{
    fault = (struct fault){0};
    return openai_decode_completion(arena, span_c(body), &request, &param, &fault);
}

static void a_completion_becomes_a_chat_of_one_turn(void **state)
{
    (void)state;
    assert_int_equal(
        complete(
            "{\"model\":\"auto\",\"prompt\":\"1 + 1 =\\n\\\"\",\"max_tokens\":5,\"logprobs\":2,\"stop\":\"x\","
            "\"best_of\":1,\"echo\":false,\"suffix\":null,\"user\":\"u\",\"big\":12345678901234567890}"),
        OK);
    assert_int_equal(request.endpoint, ENDPOINT_COMPLETION);
    assert_true(span_is(request.prompt, "1 + 1 =\n\""));
    assert_int_equal(request.max_tokens, 5);
    assert_true(request.logprobs);
    const struct json *m = json_at(request.messages, 0);
    assert_int_equal(json_len(request.messages), 1);
    assert_true(span_is(json_str(json_get(m, "role")), "user"));
    assert_true(span_is(json_str(json_get(m, "content")), "1 + 1 =\n\""));
    assert_null(json_get(request.body, "prompt"));
    assert_null(json_get(request.body, "best_of"));
    assert_true(json_true(json_get(request.body, "logprobs")));
    assert_int_equal(json_i64_or(json_get(request.body, "top_logprobs"), -1), 2);
    assert_true(span_is(json_raw_number(json_get(request.body, "big")), "12345678901234567890"));
    assert_true(span_is(json_str(json_get(request.body, "user")), "u"));
    assert_int_equal(complete("{\"model\":\"auto\",\"prompt\":[\"a\"]}"), OK);
    assert_true(span_is(request.prompt, "a"));
}

static void completions_refuse_what_they_cannot_do(void **state)
{
    (void)state;
    static const struct {
        const char *body, *param;
    } cases[] = {
        {"{\"model\":\"m\"}", "prompt"},
        {"{\"model\":\"m\",\"prompt\":\"\"}", "prompt"},
        {"{\"model\":\"m\",\"prompt\":[]}", "prompt"},
        {"{\"model\":\"m\",\"prompt\":[\"a\",\"b\"]}", "prompt"},
        {"{\"model\":\"m\",\"prompt\":[1,2]}", "prompt"},
        {"{\"model\":\"m\",\"prompt\":[[1,2]]}", "prompt"},
        {"{\"model\":\"m\",\"prompt\":\"a\",\"suffix\":\"b\"}", "suffix"},
        {"{\"model\":\"m\",\"prompt\":\"a\",\"echo\":true}", "echo"},
        {"{\"model\":\"m\",\"prompt\":\"a\",\"best_of\":3}", "best_of"},
        {"{\"model\":\"m\",\"prompt\":\"a\",\"logprobs\":true}", "logprobs"},
        {"{\"model\":\"m\",\"prompt\":\"a\",\"logprobs\":6}", "logprobs"},
        {"{\"model\":\"m\",\"prompt\":\"a\",\"messages\":[]}", "messages"},
        {"{\"model\":\"m\",\"prompt\":\"a\",\"temperature\":9}", "temperature"},
        {"{\"model\":\"m\",\"prompt\":\"a\",\"prompt\":\"b\"}", "prompt"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        refuse_as(complete(cases[i].body), cases[i].body, cases[i].param);
    }
}

/* ---- options ---- */

/* "Name: value" lines. */
static enum err options(const char *weir, const char *lines)
{
    struct headers h;
    headers_init(&h, arena);
    struct span rest = span_c(lines);
    while (rest.len) {
        struct span line = span_cut(&rest, '\n');
        struct span name = span_cut(&line, ':');
        headers_add(&h, name, span_trim(line));
    }
    struct text body;
    text_init(&body, 8192);
    text_addf(&body, "{" HI "%s%s}", weir ? ",\"weir\":" : "", weir ? weir : "");
    take(body.data);
    text_done(&body);
    return options_decode(&request, &h, &param, &fault);
}

static void options_have_defaults(void **state)
{
    (void)state;
    assert_int_equal(options(NULL, "Content-Type: x\nX-Other: y"), OK);
    const struct request_options *o = &request.options;
    assert_int_equal(o->mode, MODE_AUTO);
    assert_false(o->mode_given || o->privacy_given || o->disclose_model || o->deterministic);
    assert_false(span_given(o->strategy) || span_given(o->session));
    assert_int_equal(o->max_latency_ms, 0);
    assert_int_equal(o->max_cost_usd_nano, -1);
    assert_true(o->quality < 0);
}

static void options_come_from_headers_and_body(void **state)
{
    (void)state;
    const struct request_options *o = &request.options;
    assert_int_equal(
        options(NULL, "x-weir-mode: only_on_device\nX-Weir-Privacy: local\nX-Weir-Strategy: split\n"
                      "X-Weir-Session: s1\nX-Weir-Max-Latency-Ms: 250\nX-Weir-Max-Cost-Usd: 0.001\n"
                      "X-Weir-Quality: 0.5\nX-Weir-Disclose: model\nX-Weir-Deterministic: true"),
        OK);
    assert_int_equal(o->mode, MODE_ONLY_ON_DEVICE);
    assert_int_equal(o->privacy, PRIVACY_LOCAL);
    assert_true(o->mode_given && o->privacy_given && o->disclose_model && o->deterministic &&
                o->quality == 0.5);
    assert_true(span_is(o->strategy, "split") && span_is(o->session, "s1"));
    assert_int_equal(o->max_latency_ms, 250);
    assert_int_equal(o->max_cost_usd_nano, 1000000);

    assert_int_equal(
        options(
            "{\"mode\":\"prefer_in_cloud\",\"privacy\":\"redact\",\"strategy\":\"cascade\",\"session\":\"b\","
            "\"max_latency_ms\":9,\"max_cost_usd\":1,\"quality\":1,\"disclose\":\"model\","
            "\"deterministic\":true}",
            ""),
        OK);
    assert_int_equal(o->mode, MODE_PREFER_IN_CLOUD);
    assert_true(span_is(o->session, "b") && o->max_latency_ms == 9 &&
                o->max_cost_usd_nano == USD_NANO);
    assert_true(o->disclose_model && o->deterministic);

    assert_int_equal(
        options("{\"mode\":\"prefer_in_cloud\",\"quality\":null}", "X-Weir-Mode: auto"), OK);
    assert_int_equal(o->mode, MODE_AUTO); /* the header wins */
    assert_true(o->mode_given);
}

static void unknown_options_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *weir, *headers, *param, *says;
    } cases[] = {
        {NULL, "X-Weir-Mode: fast", "X-Weir-Mode", "prefer_on_device"},
        {NULL, "X-Weir-Privacy: secret", "X-Weir-Privacy", "open, redact, local"},
        {NULL, "X-Weir-Strategy: guess", "X-Weir-Strategy", "cascade"},
        {NULL, "X-Weir-Strategy: hedge", "X-Weir-Strategy", "not in this build yet"},
        {NULL, "X-Weir-Session: ", "X-Weir-Session", "1 to 256"},
        {NULL, "X-Weir-Max-Latency-Ms: -1", "X-Weir-Max-Latency-Ms", "milliseconds"},
        {NULL, "X-Weir-Max-Latency-Ms: 1.5", "X-Weir-Max-Latency-Ms", "whole"},
        {NULL, "X-Weir-Max-Latency-Ms: 99999999999999999999", "X-Weir-Max-Latency-Ms", "whole"},
        {NULL, "X-Weir-Max-Cost-Usd: NaN", "X-Weir-Max-Cost-Usd", "dollars"},
        {NULL, "X-Weir-Max-Cost-Usd: -0.1", "X-Weir-Max-Cost-Usd", "dollars"},
        {NULL, "X-Weir-Quality: 1.5", "X-Weir-Quality", "0 to 1"},
        {NULL, "X-Weir-Quality: inf", "X-Weir-Quality", "0 to 1"},
        {NULL, "X-Weir-Deterministic: 1", "X-Weir-Deterministic", "true or false"},
        {NULL, "X-Weir-Disclose: tier", "X-Weir-Disclose", "model"},
        {NULL, "X-Weir-Privcy: local", "X-Weir-Privcy", "X-Weir-Privacy"},
        {NULL, "X-Weir-Privacy: open\nx-weir-privacy: local", "X-Weir-Privacy", "twice"},
        {"{\"mode\":\"fast\"}", "", "weir.mode", "only_in_cloud"},
        {"{\"mode\":1}", "", "weir.mode", "must be a string"},
        {"{\"quality\":\"0.5\"}", "", "weir.quality", "must be a number"},
        {"{\"max_cost_usd\":1e999}", "", "weir.max_cost_usd", "dollars"},
        {"{\"deterministic\":\"yes\"}", "", "weir.deterministic", "true or false"},
        {"{\"privcy\":\"local\"}", "", "weir.privcy", "privacy"},
        {"{\"mode\":\"auto\",\"mode\":\"auto\"}", "", "weir", "twice"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(options(cases[i].weir, cases[i].headers), ERR_INVALID);
        assert_string_equal(param, cases[i].param);
        if (!strstr(fault.text, cases[i].says)) {
            fail_msg("%s lacks %s", fault.text, cases[i].says);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plain_request, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_gateway_decides_by_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(what_clients_send_is_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(pictures_are_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_fields_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_completion_becomes_a_chat_of_one_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(completions_refuse_what_they_cannot_do, setup, teardown),
        cmocka_unit_test_setup_teardown(options_have_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(options_come_from_headers_and_body, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_options_are_refused_by_name, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
