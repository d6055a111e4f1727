/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sharing one context must not change: answers, others' streams, others'
 * secrets. On models with real attention, where a wrong cell changes the answer.
 */
#include "engine_client.h"

#include "core/types.h"

static struct engine_process big;
static struct client worker;

/* About 3,000 prompt tokens and a few hundred answers a second under sanitizers. */
static int start_big(void **state)
{
    (void)state;
    struct testmodel m = {.mode = TESTMODEL_RANDOM,
                          .vocabulary = TESTMODEL_BPE,
                          .context = 4096,
                          .layers = 3,
                          .embedding = 128,
                          .gain = 60};
    setenv("WEIR_FLASH_ATTENTION", "off", 1); /* the same bits in any batch */
    engine_process_make(&big, &m, 3);
    client_connect(&worker, &big);
    client_wait_hello(&worker, "\"up\":true");
    return 0;
}
static int stop_big(void **state)
{
    (void)state;
    client_close(&worker);
    engine_process_stop(&big);
    return 0;
}

/* A raw completion of `prompt_len` varied bytes that begin with those of every other one. */
static struct answer_got *complete(struct client *c, const char *key, int prompt_len,
                                   const char *tail, const char *fields)
{
    struct text json;
    text_init(&json, MIB);
    text_addf(&json,
              "{\"endpoint\":\"completion\",\"confidence\":true,\"key\":\"%s\",\"prompt\":\"", key);
    for (int i = 0; i < prompt_len; i++) {
        text_add_char(&json, (char)('a' + i * i % 23));
    }
    text_addf(&json, "%s\",\"body\":{\"temperature\":0,\"ignore_eos\":true%s}}", tail, fields);
    struct answer_got *a = client_submit(c, json.data);
    text_done(&json);
    return a;
}

static struct answer_got *complete_now(const char *key, int prompt_len, const char *tail,
                                       const char *fields)
{
    struct answer_got *a = complete(&worker, key, prompt_len, tail, fields);
    client_wait(&worker, a);
    assert_int_equal(a->end.err, OK);
    return a;
}

static void same_answer(const struct answer_got *a, const struct answer_got *b)
{
    assert_int_equal(a->text[0].len, b->text[0].len);
    assert_memory_equal(a->text[0].data, b->text[0].data, a->text[0].len);
}

static void test_a_known_prefix_is_not_computed_again(void **state)
{
    (void)state;
    struct answer_got *cold = complete_now("ann", 900, " one", ",\"max_tokens\":20");
    assert_int_equal(cold->end.cached_tokens, 0);
    struct answer_got *same = complete_now("ann", 900, " one", ",\"max_tokens\":20");
    assert_int_equal(same->end.cached_tokens,
                     same->end.input_tokens - 1); /* the last one is needed for its logits */
    same_answer(cold, same);
    struct answer_got *other = complete_now("ann", 900, " two", ",\"max_tokens\":20");
    assert_true(other->end.cached_tokens >= 900 &&
                other->end.cached_tokens < other->end.input_tokens);
    struct answer_got *fresh = complete_now("bob", 900, " two", ",\"max_tokens\":20");
    same_answer(other, fresh);
}

static void test_keys_never_share_what_was_computed(void **state)
{
    (void)state;
    complete_now("carol", 300, " her secret", ",\"max_tokens\":2");
    struct answer_got *a = complete_now("dave", 300, " her secret", ",\"max_tokens\":2");
    assert_int_equal(a->end.cached_tokens, 0);
    a = complete_now("", 300, " her secret", ",\"max_tokens\":2");
    assert_int_equal(a->end.cached_tokens, 0);
    a = complete_now("carol", 300, " her secret", ",\"max_tokens\":2");
    assert_true(a->end.cached_tokens > 300);
}

static void test_the_least_used_prefix_makes_room(void **state)
{
    (void)state;
    const char *keys[] = {"k1", "k2", "k3", "k4", "k5", "k6"}; /* as many as there are sequences */
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        complete_now(keys[i], 100, "", ",\"max_tokens\":1");
    }
    assert_true(complete_now("k1", 100, "", ",\"max_tokens\":1")->end.cached_tokens >
                0);                                   /* k1 is used again … */
    complete_now("k7", 100, "", ",\"max_tokens\":1"); /* … so k2 has to go */
    assert_true(complete_now("k1", 100, "", ",\"max_tokens\":1")->end.cached_tokens > 0);
    assert_int_equal(complete_now("k2", 100, "", ",\"max_tokens\":1")->end.cached_tokens, 0);
}

static void test_company_does_not_change_answers(void **state)
{
    (void)state;
    static const char *const tails[] = {" red", " green", " blue"};
    struct answer_got *alone[3];
    struct answer_got *together[3];
    for (int i = 0; i < 3; i++) {
        alone[i] = complete_now("p", 50 * (i + 1), tails[i], ",\"max_tokens\":40");
    }
    for (int i = 0; i < 3; i++) {
        together[i] = complete(&worker, "q", 50 * (i + 1), tails[i], ",\"max_tokens\":40");
    }
    for (int i = 0; i < 3; i++) {
        client_wait(&worker, together[i]);
        same_answer(alone[i], together[i]);
    }
    struct answer_got *twice = complete_now("r", 50, tails[0], ",\"max_tokens\":40,\"n\":2");
    same_answer(alone[0], twice);
    assert_int_equal(twice->text[0].len, twice->text[1].len);
}

/* When the one in the middle ends early the others are moved together; which one that is, is not ours to know. */
static void test_answers_survive_being_moved(void **state)
{
    (void)state;
    for (int early = 0; early < 3; early++) {
        struct answer_got *alone[3];
        struct answer_got *together[3];
        for (int i = 0; i < 3; i++) {
            const char *limit = i == early ? ",\"max_tokens\":9" : ",\"max_tokens\":200";
            alone[i] = complete_now("p2", 40 * (i + 1), " more", limit);
        }
        for (int i = 0; i < 3; i++) {
            const char *limit = i == early ? ",\"max_tokens\":9" : ",\"max_tokens\":200";
            together[i] = complete(&worker, "q2", 40 * (i + 1), " more", limit);
        }
        for (int i = 0; i < 3; i++) {
            client_wait(&worker, together[i]);
            same_answer(alone[i], together[i]);
        }
    }
}

static void test_deterministic_is_the_same_in_any_company(void **state)
{
    (void)state;
    const char *ask =
        "{\"endpoint\":\"completion\",\"deterministic\":true,\"prompt\":\"once upon a time\","
        "\"body\":{\"ignore_eos\":true,\"max_tokens\":30,\"logprobs\":true}}";
    struct answer_got *alone = client_ask(&worker, ask);
    struct answer_got *noise = complete(&worker, "s", 1500, "", ",\"max_tokens\":60");
    struct answer_got *beside = client_ask(&worker, ask);
    client_wait(&worker, noise);
    assert_int_equal(alone->end.err, OK);
    assert_int_equal(beside->end.cached_tokens, 0);
    assert_int_equal(alone->logprobs.len, beside->logprobs.len); /* to the last digit */
    assert_memory_equal(alone->logprobs.data, beside->logprobs.data, alone->logprobs.len);
}

static void test_a_long_prompt_does_not_stop_the_others(void **state)
{
    (void)state;
    struct answer_got *stream = complete(&worker, "t", 20, "", ",\"max_tokens\":2000");
    while (stream->deltas < 5) {
        assert_true(client_read(&worker, 100));
    }
    struct answer_got *long_one = complete(&worker, "u", 4000, "", ",\"max_tokens\":1");
    int before = stream->deltas;
    uint64_t start = clock_now_us();
    stream->widest_gap_us = 0;
    client_wait(&worker, long_one);
    assert_int_equal(long_one->end.err, OK);
    assert_true(stream->deltas - before >= 4); /* it went on meanwhile */
    assert_true(stream->widest_gap_us < (long_one->ended_us - start) / 2);
    client_frame(&worker, FRAME_CANCEL, stream->request, SPAN_NONE);
}

static void test_cancelling_makes_room_at_once(void **state)
{
    (void)state;
    struct client other;
    client_connect(&other, &big);
    struct answer_got *all[3];
    for (int i = 0; i < 3; i++) {
        all[i] = complete(&other, "v", 30, "", ",\"max_tokens\":3500");
    }
    while (all[2]->deltas < 2) {
        assert_true(client_read(&other, 100));
    }
    client_frame(&other, FRAME_CANCEL, all[0]->request, SPAN_NONE);
    uint64_t start = clock_now_us();
    struct answer_got *a = complete_now("w", 3, "", ",\"max_tokens\":1");
    assert_true(a->ended_us - start < 2 * US_PER_S);
    assert_false(all[1]->ended);
    client_close(&other); /* EOF cancels the rest */
    for (int i = 0; i < 3; i++) {
        all[i] = complete(&worker, "w", 3, "", ",\"max_tokens\":1");
    }
    for (int i = 0; i < 3; i++) {
        client_wait(&worker, all[i]);
        assert_true(all[i]->ended_us - start < 4 * US_PER_S);
    }
}

static void test_a_paused_answer_waits(void **state)
{
    (void)state;
    struct answer_got *a = complete(&worker, "x", 10, "", ",\"max_tokens\":300");
    while (a->deltas < 2) {
        assert_true(client_read(&worker, 100));
    }
    client_frame(&worker, FRAME_PAUSE, a->request, SPAN_NONE);
    complete_now("y", 10, "",
                 ",\"max_tokens\":5"); /* others go on; what was under way has arrived by now */
    int at = a->deltas;
    for (int i = 0; i < 5; i++) {
        assert_true(client_read(&worker, 20));
    }
    assert_int_equal(a->deltas, at);
    assert_false(a->ended);
    client_frame(&worker, FRAME_RESUME, a->request, SPAN_NONE);
    client_wait(&worker, a);
    assert_int_equal(a->end.output_tokens, 300);
}

static void test_switching_loses_no_answer(void **state)
{
    (void)state;
    char path[128];
    char json[256];
    struct answer_got *running = complete(&worker, "z", 20, "", ",\"max_tokens\":200");
    snprintf(path, sizeof path, "%s/missing.gguf", big.folder);
    snprintf(json, sizeof json, "{\"path\":\"%s\"}", path);
    client_frame(&worker, FRAME_SWITCH, 0, span_c(json));
    client_wait_hello(&worker, "not there"); /* … and the old one stays */
    assert_non_null(strstr(worker.hello.data, "\"up\":true"));
    snprintf(path, sizeof path, "%s/alphabet.gguf", big.folder);
    assert_int_equal(testmodel_write(&(struct testmodel){.context = 128, .name = "second"}, path),
                     0);
    snprintf(json, sizeof json, "{\"path\":\"%s\"}", path);
    client_frame(&worker, FRAME_SWITCH, 0, span_c(json));
    client_wait_hello(&worker, "\"second\"");
    struct answer_got *a = client_ask(
        &worker, "{\"endpoint\":\"completion\",\"prompt\":\"\\n\",\"body\":{\"temperature\":0}}");
    assert_string_equal(a->text[0].data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    client_wait(&worker, running);
    assert_int_equal(running->end.err, OK);
    assert_int_equal(running->end.output_tokens, 200);
    snprintf(json, sizeof json, "{\"path\":\"%s\"}", big.model);
    client_frame(&worker, FRAME_SWITCH, 0, span_c(json)); /* and back, several times */
    client_wait_hello(&worker, "\"testmodel\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_known_prefix_is_not_computed_again),
        cmocka_unit_test(test_keys_never_share_what_was_computed),
        cmocka_unit_test(test_the_least_used_prefix_makes_room),
        cmocka_unit_test(test_company_does_not_change_answers),
        cmocka_unit_test(test_answers_survive_being_moved),
        cmocka_unit_test(test_deterministic_is_the_same_in_any_company),
        cmocka_unit_test(test_a_long_prompt_does_not_stop_the_others),
        cmocka_unit_test(test_cancelling_makes_room_at_once),
        cmocka_unit_test(test_a_paused_answer_waits),
        cmocka_unit_test(test_switching_loses_no_answer),
    };
    return cmocka_run_group_tests(tests, start_big, stop_big);
}
