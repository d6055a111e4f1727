/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_client.h"

#include "core/types.h"

#define USER(text) "\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"
#define CHAT(fields)                                                                               \
    "{\"endpoint\":\"chat\",\"confidence\":true,\"body\":{" USER("hello") fields "}}"

static struct engine_process chain; /* one engine for most tests: greedy answers are A…Z */
static struct client worker;

static int start_chain(void **state)
{
    (void)state;
    struct testmodel m = {.mode = TESTMODEL_CHAIN, .context = 768, .demo = true};
    engine_process_make(&chain, &m, 4);
    client_connect(&worker, &chain);
    client_wait_hello(&worker, "\"up\":true");
    return 0;
}
static int stop_chain(void **state)
{
    (void)state;
    client_close(&worker);
    engine_process_stop(&chain);
    return 0;
}

static void test_hello_states_the_model(void **state)
{
    (void)state;
    for (const char *const *word =
             (const char *const[]){"\"model\":\"testmodel\"", "\"file\":\"model\"",
                                   "\"quantisation\":\"F32\"", "\"context\":768", "\"slots\":4",
                                   "\"demo\":true", NULL};
         *word; word++) {
        assert_non_null(strstr(worker.hello.data, *word));
    }
}

static void test_the_whole_answer_streams(void **state)
{
    (void)state;
    struct answer_got *a = client_ask(&worker, CHAT(""));
    assert_int_equal(a->end.err, OK);
    assert_string_equal(a->text[0].data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    assert_int_equal(a->end.finish[0], FINISH_STOP);
    assert_int_equal(a->end.output_tokens, 27); /* the end token is one */
    assert_true(a->end.input_tokens > 20);
    assert_true(a->deltas > 20);
    assert_true(a->has_stats && a->stats.final);
    assert_true(a->stats.sum_logprob < 0 && a->stats.sum_logprob > -0.01); /* gain 20: sure */
    assert_true(a->stats.p > 0.99 && !a->stats.calibrated);
    assert_int_equal(a->stats.tokens, 27);
}

static void test_limits_and_stops(void **state)
{
    (void)state;
    struct answer_got *a = client_ask(&worker, CHAT(",\"max_tokens\":5"));
    assert_string_equal(a->text[0].data, "ABCDE");
    assert_int_equal(a->end.finish[0], FINISH_LENGTH);
    a = client_ask(&worker, CHAT(",\"stop\":\"KLM\"")); /* over three tokens */
    assert_string_equal(a->text[0].data, "ABCDEFGHIJ");
    assert_int_equal(a->end.finish[0], FINISH_STOP);
    a = client_ask(
        &worker,
        CHAT(",\"stop\":[\"XYW\",\"DEG\",\"RS\"]")); /* beginnings that come to nothing are shown */
    assert_string_equal(a->text[0].data, "ABCDEFGHIJKLMNOPQ");
    a = client_ask(&worker, CHAT(",\"stop\":\"A\""));
    assert_int_equal(a->text[0].len, 0);
    assert_int_equal(a->end.finish[0], FINISH_STOP);
    a = client_ask(&worker, CHAT(",\"stop\":\"YZ!\"")); /* held back at the end, then given out */
    assert_string_equal(a->text[0].data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static void test_a_raw_completion_has_no_template(void **state)
{
    (void)state;
    struct answer_got *a = client_ask(
        &worker, "{\"endpoint\":\"completion\",\"prompt\":\"the alphabet: ABC\",\"body\":{}}");
    assert_string_equal(a->text[0].data, "DEFGHIJKLMNOPQRSTUVWXYZ");
    assert_false(a->has_stats);
}

static void test_bad_values_name_their_field(void **state)
{
    (void)state;
    static const struct {
        const char *fields, *word;
    } rows[] = {
        {",\"temperature\":-1", "temperature"},
        {",\"temperature\":\"hot\"", "temperature"},
        {",\"top_p\":7", "top_p"},
        {",\"max_tokens\":0", "max_tokens"},
        {",\"n\":5", "slots"},
        {",\"stop\":[1]", "stop"},
        {",\"logit_bias\":{\"99999\":1}", "logit_bias"},
        {",\"top_logprobs\":3", "top_logprobs"},
        {",\"response_format\":{\"type\":\"xml\"}", "response_format"},
        {",\"tool_choice\":\"perhaps\"", "tool_choice"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[512];
        snprintf(json, sizeof json, "{\"endpoint\":\"chat\",\"body\":{" USER("x") "%s}}",
                 rows[i].fields);
        struct answer_got *a = client_ask(&worker, json);
        assert_int_equal(a->end.err, ERR_INVALID);
        if (!strstr(a->end_text, rows[i].word)) {
            fail_msg("%s: \"%s\"", rows[i].fields, a->end_text);
        }
    }
}

static void test_a_prompt_that_is_too_long_is_refused_with_numbers(void **state)
{
    (void)state;
    char json[2048] = "{\"endpoint\":\"completion\",\"prompt\":\"";
    size_t head = strlen(json);
    memset(json + head, 'x', 800);
    strcpy(json + head + 800, "\",\"body\":{}}");
    struct answer_got *a = client_ask(&worker, json);
    assert_int_equal(a->end.err, ERR_CONTEXT_LENGTH);
    assert_non_null(strstr(a->end_text, "801 tokens"));
    assert_non_null(strstr(a->end_text, "768"));
}

static void test_several_choices_share_one_prompt(void **state)
{
    (void)state;
    struct answer_got *a = client_ask(&worker, CHAT(",\"n\":3"));
    for (int i = 0; i < 3; i++) {
        assert_string_equal(a->text[i].data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        assert_int_equal(a->end.finish[i], FINISH_STOP);
    }
    assert_int_equal(a->end.output_tokens, 3 * 27);
    struct answer_got *one = client_ask(&worker, CHAT(""));
    assert_int_equal(a->end.input_tokens, one->end.input_tokens);
}

static void test_logprobs_are_openais_entries(void **state)
{
    (void)state;
    struct answer_got *a =
        client_ask(&worker, CHAT(",\"max_tokens\":1,\"logprobs\":true,\"top_logprobs\":2"));
    struct json_doc *doc;
    assert_int_equal(json_parse(text_span(&a->logprobs), &doc, NULL), OK);
    const struct json *entry = json_at(json_root(doc), 0);
    assert_true(span_is(json_str(json_get(entry, "token")), "A"));
    assert_int_equal(json_i64_or(json_at(json_get(entry, "bytes"), 0), 0), 'A');
    assert_true(json_f64_or(json_get(entry, "logprob"), 1) <= 0);
    assert_true(json_f64_or(json_get(entry, "logprob"), 1) > -0.001);
    const struct json *top = json_get(entry, "top_logprobs");
    assert_int_equal(json_len(top), 2);
    assert_true(span_is(json_str(json_get(json_at(top, 0), "token")), "A"));
    assert_true(json_f64_or(json_get(json_at(top, 1), "logprob"), 1) < -10);
    json_free(doc);
}

static void test_biases_and_seeds_change_what_is_taken(void **state)
{
    (void)state;
    /* 'A' is token 3 + 65: banned, the chain cannot begin */
    struct answer_got *a =
        client_ask(&worker, CHAT(",\"max_tokens\":3,\"logit_bias\":{\"68\":-100}"));
    assert_int_equal(a->end.err, OK);
    assert_true(a->text[0].len == 0 || a->text[0].data[0] != 'A');
    const char *hot =
        CHAT(",\"max_tokens\":12,\"temperature\":9,\"top_k\":0,\"top_p\":1,\"min_p\":0,\"seed\":7");
    a = client_ask(&worker, hot);
    struct answer_got *again = client_ask(&worker, hot);
    assert_int_equal(a->text[0].len, again->text[0].len);
    assert_memory_equal(a->text[0].data, again->text[0].data, a->text[0].len);
}

static void test_more_clients_than_slots_all_get_their_answer(void **state)
{
    (void)state;
    struct answer_got *all[12];
    for (int i = 0; i < 12; i++) {
        all[i] = client_submit(&worker, CHAT(""));
    }
    for (int i = 0; i < 12; i++) {
        client_wait(&worker, all[i]);
        assert_int_equal(all[i]->end.err, OK);
        assert_string_equal(all[i]->text[0].data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    }
}

static void test_an_answer_ends_with_the_context(void **state)
{
    (void)state;
    char json[1024] = "{\"endpoint\":\"completion\",\"prompt\":\"";
    size_t head = strlen(json);
    memset(json + head, 'x', 762);
    strcpy(json + head + 762, "\",\"body\":{}}");
    struct answer_got *a = client_ask(&worker, json);
    assert_int_equal(a->end.err, OK);
    assert_int_equal(a->end.finish[0], FINISH_LENGTH);
    assert_int_equal(a->end.input_tokens + a->end.output_tokens,
                     769); /* the last one need not fit */
    assert_string_equal(a->text[0].data, "ABCDEF");
}

static void test_a_worker_that_talks_nonsense_is_hung_up_on(void **state)
{
    (void)state;
    struct client bad;
    client_connect(&bad, &chain);
    client_wait_hello(&bad, "\"up\":true");
    assert_int_equal(send(bad.fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
    while (client_read(&bad, 100)) {
    }
    client_close(&bad);
    client_connect(&bad, &chain);
    client_submit(&bad, CHAT(""));
    client_frame(&bad, FRAME_SUBMIT, 1, SPAN("{}")); /* a number that is in use */
    while (client_read(&bad, 100)) {
    }
    client_close(&bad);
    struct answer_got *a = client_ask(&worker, "{\"endpoint\":\"chat\",\"body\":[]}");
    assert_int_equal(a->end.err, ERR_INVALID);
    a = client_ask(&worker, "not json");
    assert_int_equal(a->end.err, ERR_INVALID);
    a = client_ask(&worker, CHAT("")); /* and it still serves */
    assert_int_equal(a->end.err, OK);
}

static void test_tools_without_the_templates_help(void **state)
{
    (void)state;
    struct answer_got *a = client_ask(
        &worker,
        CHAT(
            ",\"tool_choice\":\"required\",\"parallel_tool_calls\":false,\"tools\":[{\"type\":\"function\","
            "\"function\":{\"name\":\"light\",\"description\":\"\",\"parameters\":{\"type\":\"object\","
            "\"properties\":{\"on\":{\"type\":\"boolean\"}},\"required\":[\"on\"],"
            "\"additionalProperties\":false}}}]"));
    assert_int_equal(a->end.err, OK);
    assert_int_equal(a->tool_calls, 1);
    assert_string_equal(a->tool_name, "light");
    assert_true(strncmp(a->tool_id, "call_", 5) == 0);
    assert_int_equal(a->end.finish[0], FINISH_TOOL_CALLS);
    struct json_doc *doc;
    assert_int_equal(json_parse(text_span(&a->arguments), &doc, NULL), OK);
    assert_int_equal(json_type(json_get(json_root(doc), "on")), JSON_BOOL);
    json_free(doc);
    assert_int_equal(a->text[0].len, 0);
}

static void test_a_cut_tool_call_has_no_confidence(void **state)
{
    (void)state;
    struct answer_got *a = client_ask(
        &worker,
        CHAT(",\"max_tokens\":6,\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\","
             "\"function\":{\"name\":\"light\",\"parameters\":{}}}]"));
    assert_int_equal(a->end.finish[0], FINISH_LENGTH);
    assert_int_equal(a->tool_calls, 0);
    assert_true(a->text[0].len > 0); /* shown as what it is */
    assert_true(a->stats.p == 0);
}

static void test_a_schema_makes_valid_json(void **state)
{
    (void)state;
    struct answer_got *a = client_ask(
        &worker,
        CHAT(
            ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":"
            "{\"type\":\"object\",\"properties\":{\"color\":{\"enum\":[\"red\",\"green\"]},"
            "\"dark\":{\"type\":\"boolean\"}},\"required\":[\"color\",\"dark\"],"
            "\"additionalProperties\":false}}}"));
    assert_int_equal(a->end.err, OK);
    struct json_doc *doc;
    assert_int_equal(json_parse(text_span(&a->text[0]), &doc, NULL), OK);
    struct span color = json_str(json_get(json_root(doc), "color"));
    assert_true(span_is(color, "red") || span_is(color, "green"));
    json_free(doc);
}

static void test_a_schema_that_is_none_is_an_error(void **state)
{
    (void)state;
    struct answer_got *a = client_ask(
        &worker,
        CHAT(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"type\":"
             "\"sandwich\"}}}"));
    assert_int_equal(a->end.err, ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_states_the_model),
        cmocka_unit_test(test_the_whole_answer_streams),
        cmocka_unit_test(test_limits_and_stops),
        cmocka_unit_test(test_a_raw_completion_has_no_template),
        cmocka_unit_test(test_bad_values_name_their_field),
        cmocka_unit_test(test_a_prompt_that_is_too_long_is_refused_with_numbers),
        cmocka_unit_test(test_several_choices_share_one_prompt),
        cmocka_unit_test(test_logprobs_are_openais_entries),
        cmocka_unit_test(test_biases_and_seeds_change_what_is_taken),
        cmocka_unit_test(test_more_clients_than_slots_all_get_their_answer),
        cmocka_unit_test(test_an_answer_ends_with_the_context),
        cmocka_unit_test(test_a_worker_that_talks_nonsense_is_hung_up_on),
        cmocka_unit_test(test_tools_without_the_templates_help),
        cmocka_unit_test(test_a_cut_tool_call_has_no_confidence),
        cmocka_unit_test(test_a_schema_makes_valid_json),
        cmocka_unit_test(test_a_schema_that_is_none_is_an_error),
    };
    return cmocka_run_group_tests(tests, start_chain, stop_chain);
}
