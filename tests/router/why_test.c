/* SPDX-License-Identifier: Apache-2.0 */
/* What explain says of a score: its contributions, whatever the scorer is made of. */
#include "router/scene.h"

#include <math.h>

/* Known by hand: numbers lower the score by 0.02 a step, wording raises it by 0.1. */
static struct score by_hand(void *self, const struct facts *f)
{
    (void)self;
    double p = 0.8 - 0.02 * f->features->marker[MARKER_NUMBERS] + (f->features->words ? 0.1 : 0);
    return (struct score){.p_device = p,
                          .p_cloud = 0.9,
                          .prior_device = p,
                          .prior_cloud = 0.9,
                          .learned_device = -1,
                          .learned_cloud = -1,
                          .source = "hand"};
}

static void no_features(void *self, const struct facts *f, struct text *out)
{
    (void)self;
    (void)f;
    text_add_c(out, "{}");
}

static const struct scorer_type scorer = {.name = "hand", .score = by_hand, .explain = no_features};

static struct json_doc *explained(struct scene *s)
{
    struct text out;
    text_init(&out, MIB);
    scene_decide(s);
    router_explain(s->router, s->facts, s->decision, &out);
    struct json_doc *doc;
    assert_int_equal(json_parse(text_span(&out), &doc, NULL), OK);
    text_done(&out);
    return doc;
}

static void contributions_are_what_the_score_loses(void **state)
{
    (void)state;
    struct scene s;
    struct fault fault;
    scene_open(&s, BOTH "policy: { strategy: split }\n");
    router_free(s.router);
    assert_int_equal(router_new(s.config, &scorer, NULL, &s.router, &fault), OK);
    scene_say(&s, "add 1 and 2 and 3");
    struct json_doc *doc = explained(&s);
    const struct json *list = json_get(json_root(doc), "contributions");
    assert_int_equal(json_len(list), 2); /* what moves nothing is not told */
    const struct json *first = json_at(list, 0);
    assert_true(span_is(json_str(json_get(first, "name")), "numbers"));
    assert_true(json_f64_or(json_get(first, "value"), 0) == 3); /* 4 · log2(1 + 3) = 8 */
    assert_true(fabs(json_f64_or(json_get(first, "score"), 0) + 0.16) < 1e-9);
    const struct json *second = json_at(list, 1);
    assert_true(span_is(json_str(json_get(second, "name")), "wording"));
    assert_true(fabs(json_f64_or(json_get(second, "score"), 0) - 0.1) < 1e-9);
    const struct json *parts = json_get(json_root(doc), "score_parts");
    assert_true(fabs(json_f64_or(json_get(parts, "p_device"), 0) - 0.74) < 1e-9);
    assert_int_equal(json_type(json_get(parts, "learned_device")), JSON_NULL);
    json_free(doc);
    scene_close(&s);
}

static void each_backend_tells_time_and_cost(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, BOTH);
    scene_state(&s, "cloud")->predicted =
        (struct prediction){.ttft_us = 200000, .late_us = 300000, .total_us = 1200000};
    scene_state(&s, "cloud")->tokens_per_s = 100;
    s.facts->prompt_tokens = 50;
    struct json_doc *doc = explained(&s);
    const struct json *list = json_get(json_root(doc), "predictions");
    const struct json *device = json_at(list, 0);
    const struct json *cloud = json_at(list, 1);
    assert_int_equal(json_type(json_get(device, "ttft_us")), JSON_NULL); /* not known is not 0 */
    assert_true(json_f64_or(json_get(device, "cost_usd"), -1) == 0);
    assert_int_equal(json_i64_or(json_get(cloud, "total_us"), 0), 1200000);
    /* 50 tokens in at 1 USD, 100 out at 2 USD a million */
    assert_true(fabs(json_f64_or(json_get(cloud, "cost_usd"), 0) - 250e-6) < 1e-9);
    json_free(doc);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contributions_are_what_the_score_loses),
        cmocka_unit_test(each_backend_tells_time_and_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
