/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_client.h"

#include "core/types.h"

#define USER(text) "\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"
#define CHAT(fields) "{\"endpoint\":\"chat\",\"confidence\":true,\"body\":{" USER("hello") fields "}}"

static struct engine_process chain; /* one engine for most tests: greedy answers are A…Z */
static struct client worker;

static int start_chain(void **state)
{
    (void)state;
    struct testmodel m = {.mode = TESTMODEL_CHAIN, .context = 256, .demo = true};
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
    for (const char *const *word = (const char *const[]){"\"model\":\"testmodel\"", "\"file\":\"model\"",
                                                         "\"quantisation\":\"F32\"", "\"context\":256", "\"slots\":4",
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
    a = client_ask(&worker, CHAT(",\"stop\":[\"XYW\",\"DEG\",\"RS\"]")); /* beginnings that come to nothing are shown */
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
    struct answer_got *a =
        client_ask(&worker, "{\"endpoint\":\"completion\",\"prompt\":\"the alphabet: ABC\",\"body\":{}}");
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
        snprintf(json, sizeof json, "{\"endpoint\":\"chat\",\"body\":{" USER("x") "%s}}", rows[i].fields);
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
    memset(json + head, 'x', 300);
    strcpy(json + head + 300, "\",\"body\":{}}");
    struct answer_got *a = client_ask(&worker, json);
    assert_int_equal(a->end.err, ERR_CONTEXT_LENGTH);
    assert_non_null(strstr(a->end_text, "301 tokens"));
    assert_non_null(strstr(a->end_text, "256"));
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
    };
    return cmocka_run_group_tests(tests, start_chain, stop_chain);
}
