/* SPDX-License-Identifier: Apache-2.0 */
/* Heads, blend, novelty, and what waits for its outcome. */
#include "router/features.h"
#include "router/learned.h"
#include "router/learning.h"
#include "router/prior.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct features features_of(const char *text)
{
    const struct facts none = {.turns = 1};
    struct features f;
    features_read(span_c(text), &none, &f);
    return f;
}

static struct learning *fresh(void)
{
    struct learning *l = NEW(struct learning);
    learning_init(l);
    return l;
}

static void teach(struct heads *h, const char *text, double device, double cloud, int times)
{
    struct features f = features_of(text);
    for (int i = 0; i < times; i++) {
        heads_learn(h, &f, &(struct label){.device = device, .cloud = cloud, .importance = 1});
    }
}

static void without_labels_the_prior_decides(void **state)
{
    (void)state;
    struct learning *l = fresh();
    struct features f = features_of("hello there");
    struct score s = learned_score(&l->heads, &f);
    double device;
    double cloud;
    prior_score(&f, &device, &cloud);
    assert_true(s.p_device == device && s.p_cloud == cloud);
    assert_true(s.learned_device < 0 && s.weight == 0 && s.labels == 0);
    assert_string_equal(s.source, "prior");
    mem_free(l);
}

static void the_prior_knows_hard_from_easy(void **state)
{
    (void)state;
    static const char *const by_hardness[] = {
        "hi",
        "What is the capital of France?",
        "Write a python function that merges two sorted lists, def merge(a, b): and returns [int];",
    };
    double before = -100;
    for (size_t i = 0; i < ARRAY_LEN(by_hardness); i++) {
        struct features f = features_of(by_hardness[i]);
        double device;
        double cloud;
        prior_score(&f, &device, &cloud);
        assert_true(prior_hardness(&f) > before);
        assert_true(device > 0 && device < cloud && cloud < 1);
        before = prior_hardness(&f);
    }
}

static void heads_learn_what_they_are_told(void **state)
{
    (void)state;
    struct learning *l = fresh();
    struct head_sums easy;
    struct head_sums hard;
    for (int i = 0; i < 200; i++) {
        teach(&l->heads, "turn on the kitchen light please", 1, 1, 1);
        teach(&l->heads, "prove the theorem about rings", 0, 1, 1);
    }
    struct features a = features_of("turn off the kitchen light");
    struct features b = features_of("prove a theorem");
    heads_read(&l->heads, &a, &easy);
    heads_read(&l->heads, &b, &hard);
    assert_true(easy.device > 0.8 && hard.device < 0.2);
    assert_true(easy.cloud > 0.8 && hard.cloud > 0.8);
    assert_true(easy.labels_device == 400 && easy.labels_cloud == 400);
    assert_true(easy.novelty < 0.5);
    mem_free(l);
}

/* n / (n + n0): a hundred labels weigh as much as the prior. */
static void labels_outweigh_the_prior_slowly(void **state)
{
    (void)state;
    struct learning *l = fresh();
    struct features f = features_of("sum these numbers");
    double before = -1;
    for (int n = 1; n <= 100; n *= 10) {
        struct learning *some = fresh();
        teach(&some->heads, "sum these numbers", 0, 1, n);
        struct score s = learned_score(&some->heads, &f);
        assert_true(fabs(s.weight - n / (n + HEADS_N0)) < 1e-6);
        assert_true(s.weight > before && s.labels == n);
        before = s.weight;
        mem_free(some);
    }
    mem_free(l);
}

static void strange_prompts_are_left_to_the_prior(void **state)
{
    (void)state;
    struct learning *l = fresh();
    for (int i = 0; i < 300; i++) {
        teach(&l->heads, "turn on the light in the hall", 0, 1, 1);
    }
    struct features known = features_of("turn on the light in the hall");
    struct features strange = features_of(
        "\xd0\x9a\xd0\xb0\xd0\xba \xd0\xb4\xd0\xb5\xd0\xbb\xd0\xb0, \xd0\xb4\xd1\x80\xd1\x83\xd0\xb3?");
    struct score a = learned_score(&l->heads, &known);
    struct score b = learned_score(&l->heads, &strange);
    assert_true(a.novelty == 0 && a.weight > 0.7);
    assert_true(b.novelty > 0.9 && b.weight == 0);
    assert_true(b.p_device == b.prior_device);
    mem_free(l);
}

static void one_side_alone_can_be_told(void **state)
{
    (void)state;
    struct learning *l = fresh();
    struct features f = features_of("what time is it");
    teach(&l->heads, "what time is it", 0, -1, 150);
    struct score s = learned_score(&l->heads, &f);
    double device;
    double cloud;
    prior_score(&f, &device, &cloud);
    assert_true(s.p_device < 0.6 * device);
    assert_true(s.p_cloud == cloud && s.learned_cloud < 0);
    mem_free(l);
}

static void learning_is_the_same_every_time(void **state)
{
    (void)state;
    struct learning *a = fresh();
    struct learning *b = fresh();
    for (int i = 0; i < 50; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "prompt number %d about %s", i, i % 3 ? "tea" : "code");
        teach(&a->heads, text, i % 2, 1, 1);
        teach(&b->heads, text, i % 2, 1, 1);
    }
    assert_memory_equal(&a->heads, &b->heads, sizeof a->heads);
    mem_free(a);
    mem_free(b);
}

static void importance_is_bounded(void **state)
{
    (void)state;
    struct learning *a = fresh();
    struct learning *b = fresh();
    struct features f = features_of("x");
    heads_learn(&a->heads, &f, &(struct label){.device = 1, .cloud = 1, .importance = 1e9});
    heads_learn(&b->heads, &f, &(struct label){.device = 1, .cloud = 1, .importance = 4});
    assert_memory_equal(&a->heads, &b->heads, sizeof a->heads);
    heads_learn(&a->heads, &f, &(struct label){.device = 1, .cloud = 1, .importance = 0});
    assert_memory_equal(&a->heads, &b->heads, sizeof a->heads);
    mem_free(a);
    mem_free(b);
}

static void only_whole_heads_of_this_build_are_valid(void **state)
{
    (void)state;
    struct learning *l = fresh();
    assert_true(heads_valid(&l->heads, sizeof l->heads));
    assert_false(heads_valid(&l->heads, sizeof l->heads - 1));
    l->heads.features_version++;
    assert_false(heads_valid(&l->heads, sizeof l->heads));
    heads_init(&l->heads);
    l->heads.steps[7][0] = NAN;
    assert_false(heads_valid(&l->heads, sizeof l->heads));
    heads_init(&l->heads);
    l->heads.mean[3] = -1;
    assert_false(heads_valid(&l->heads, sizeof l->heads));
    mem_free(l);
}

/* ---- waiting for an outcome ---- */

#define HOUR LEARNING_WAIT_US

static void feedback_finds_the_features(void **state)
{
    (void)state;
    struct learning *l = fresh();
    struct features f = features_of("make tea");
    learning_wait(l, 1000, SPAN("req_1"), &f, false, 1);
    learning_wait(l, 1000, SPAN("req_2"), &f, true, 1);
    assert_false(learning_tell(l, 2000, SPAN("req_3"), 1, LEARNING_USER));
    assert_true(learning_tell(l, 2000, SPAN("req_1"), 0, LEARNING_USER));
    assert_true(l->heads.labels[HEAD_DEVICE] == 1 && l->heads.labels[HEAD_CLOUD] == 0);
    assert_true(learning_tell(l, 2000, SPAN("req_2"), 1, LEARNING_USER));
    assert_true(l->heads.labels[HEAD_DEVICE] == 1 && l->heads.labels[HEAD_CLOUD] == 1);
    mem_free(l);
}

static void each_source_is_heard_once(void **state)
{
    (void)state;
    struct learning *l = fresh();
    struct features f = features_of("make tea");
    learning_wait(l, 0, SPAN("req_1"), &f, false, 1);
    assert_true(learning_tell(l, 1, SPAN("req_1"), 0, LEARNING_USER));
    assert_false(learning_tell(l, 1, SPAN("req_1"), 0, LEARNING_USER));
    assert_true(learning_tell(l, 1, SPAN("req_1"), 0, LEARNING_JUDGE));
    assert_false(learning_tell(l, 1, SPAN("req_1"), 0, LEARNING_SOURCES));
    assert_int_equal(l->heads.labels[HEAD_DEVICE], 2);
    mem_free(l);
}

static void after_an_hour_nothing_is_left(void **state)
{
    (void)state;
    struct learning *l = fresh();
    struct features f = features_of("make tea");
    learning_wait(l, 0, SPAN("req_1"), &f, false, 1);
    assert_int_equal(learning_sweep(l, HOUR - 1), 1);
    assert_false(learning_tell(l, HOUR, SPAN("req_1"), 0, LEARNING_USER));
    assert_int_equal(learning_sweep(l, HOUR), 0);
    for (size_t i = 0; i < ARRAY_LEN(l->waiting[0].hashes); i++) {
        assert_int_equal(l->waiting[0].hashes[i], 0);
    }
    assert_int_equal(l->heads.prompts, 0);
    mem_free(l);
}

static void newer_requests_take_the_room(void **state)
{
    (void)state;
    struct learning *l = fresh();
    struct features f = features_of("make tea");
    char id[32];
    for (int i = 0; i <= LEARNING_WAITING; i++) {
        (void)snprintf(id, sizeof id, "req_%d", i);
        learning_wait(l, 0, span_c(id), &f, false, 1);
    }
    assert_false(learning_tell(l, 1, SPAN("req_0"), 1, LEARNING_USER));
    assert_true(learning_tell(l, 1, SPAN("req_1"), 1, LEARNING_USER));
    assert_true(learning_tell(l, 1, span_c(id), 1, LEARNING_USER));
    mem_free(l);
}

/* A process that was killed while it wrote leaves a place that nobody reads. */
static void half_written_places_are_not_read(void **state)
{
    (void)state;
    struct learning *l = fresh();
    struct features f = features_of("make tea");
    learning_wait(l, 0, SPAN("req_1"), &f, false, 1);
    l->waiting[0].number |= 1;
    assert_false(learning_tell(l, 1, SPAN("req_1"), 1, LEARNING_USER));
    l->waiting[0].number++;
    l->waiting[0].words = 60000;
    assert_false(learning_tell(l, 1, SPAN("req_1"), 1, LEARNING_USER));
    mem_free(l);
}

static void confidence_is_only_a_hint(void **state)
{
    (void)state;
    struct learning *l = fresh();
    struct features f = features_of("make tea");
    for (int i = 0; i < 1000; i++) {
        learning_hint(l, &f, 0.1);
    }
    struct score s = learned_score(&l->heads, &f);
    assert_true(s.labels == 0 && s.p_device == s.prior_device);
    assert_int_equal(l->heads.prompts, 1000);
    mem_free(l);
}

static void sources_have_names(void **state)
{
    (void)state;
    assert_int_equal(learning_source_from(SPAN("user")), LEARNING_USER);
    assert_int_equal(learning_source_from(SPAN("edit")), LEARNING_EDIT);
    assert_int_equal(learning_source_from(SPAN("nobody")), LEARNING_SOURCES);
    assert_int_equal(learning_source_from(SPAN_NONE), LEARNING_SOURCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_labels_the_prior_decides),
        cmocka_unit_test(the_prior_knows_hard_from_easy),
        cmocka_unit_test(heads_learn_what_they_are_told),
        cmocka_unit_test(labels_outweigh_the_prior_slowly),
        cmocka_unit_test(strange_prompts_are_left_to_the_prior),
        cmocka_unit_test(one_side_alone_can_be_told),
        cmocka_unit_test(learning_is_the_same_every_time),
        cmocka_unit_test(importance_is_bounded),
        cmocka_unit_test(only_whole_heads_of_this_build_are_valid),
        cmocka_unit_test(feedback_finds_the_features),
        cmocka_unit_test(each_source_is_heard_once),
        cmocka_unit_test(after_an_hour_nothing_is_left),
        cmocka_unit_test(newer_requests_take_the_room),
        cmocka_unit_test(half_written_places_are_not_read),
        cmocka_unit_test(confidence_is_only_a_hint),
        cmocka_unit_test(sources_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
