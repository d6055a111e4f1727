/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of outcomes, folds, and whether replay is honest: labels that say nothing must give one half. */
#include "router/replay.h"

#include "router/features.h"
#include "router/metrics.h"
#include "router/outcomes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- lines ---- */

#define GOOD                                                                                              \
    "{\"id\":\"1\",\"set\":\"s\",\"group\":\"g\",\"prompt\":\"p\",\"outcomes\":[{\"backend\":\"device\"," \
    "\"model\":\"m\",\"score\":0.5},{\"backend\":\"cloud\",\"score\":1}]}"

static void a_line_is_read(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct outcome_line l;
    assert_int_equal(outcome_parse(arena, SPAN(GOOD), &l, NULL), OK);
    assert_true(span_is(l.set, "s") && span_is(l.group, "g") && span_is(l.prompt, "p"));
    assert_int_equal(l.count, 2);
    assert_true(outcome_of(&l, SPAN("device"))->score == 0.5);
    assert_true(span_is(outcome_of(&l, SPAN("device"))->model, "m"));
    assert_false(span_given(outcome_of(&l, SPAN("cloud"))->model));
    assert_null(outcome_of(&l, SPAN("human")));
    arena_free(arena);
}

static void a_bad_line_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"", "JSON"},
        {"{\"prompt\":", "JSON"},
        {"[]", "an object is expected, this is an array"},
        {"{}", "`prompt` must be"},
        {"{\"prompt\":\"\"}", "`prompt` must be"},
        {"{\"prompt\":1}", "`prompt` must be"},
        {"{\"prompt\":\"p\"}", "`outcomes` must be"},
        {"{\"prompt\":\"p\",\"outcomes\":[{\"backend\":\"a\",\"score\":1}]}", "at least two"},
        {"{\"prompt\":\"p\",\"outcomes\":[{\"score\":1}]}", "`outcomes[].backend`"},
        {"{\"prompt\":\"p\",\"outcomes\":[{\"backend\":\"a\"}]}", "`score` of a must be"},
        {"{\"prompt\":\"p\",\"outcomes\":[{\"backend\":\"a\",\"score\":1.5}]}",
         "`score` of a must be"},
        {"{\"prompt\":\"p\",\"outcomes\":[{\"backend\":\"a\",\"score\":1e999}]}",
         "`score` of a must be"},
        {"{\"prompt\":\"p\",\"outcomes\":[{\"backend\":\"a\",\"score\":1},{\"backend\":\"a\",\"score\":1}]}",
         "two outcomes of backend a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new();
        struct outcome_line l;
        struct fault fault = {0};
        assert_int_not_equal(outcome_parse(arena, span_c(rows[i].line), &l, &fault), OK);
        if (!strstr(fault.text, rows[i].says)) {
            fail_msg("%s: %s", rows[i].line, fault.text);
        }
        arena_free(arena);
    }
}

static void the_same_question_has_the_same_hash(void **state)
{
    (void)state;
    uint64_t h = outcome_prompt_hash(SPAN("What is a  weir?"));
    assert_true(outcome_prompt_hash(SPAN("  what IS a\n\tweir \n")) == h);
    assert_true(outcome_prompt_hash(SPAN("what is a weir?!")) == h);
    assert_true(outcome_prompt_hash(SPAN("what is a dam?")) != h);
    (void)outcome_prompt_hash(SPAN(""));
    (void)outcome_prompt_hash(SPAN("?!"));
}

/* ---- replays ---- */

#define PROMPTS 700
#define SEEDS 4 /* one alone is off by 0.02 now and then */

struct made {
    struct replay_item *items;
    struct replay_result *results;
};

/* Prompts about one of 20 topics. The device is bad at half of them; `told` false: outcomes have nothing to do with the
 * prompt. */
static struct made make(bool told, uint64_t seed)
{
    static const char *const topics[] = {
        "tea",   "rust",  "rings", "birds", "tax",  "poems",  "maps",   "chess", "cells", "wine",
        "ships", "bread", "stars", "laws",  "bees", "trains", "graphs", "songs", "soil",  "clocks"};
    struct made m = {NEW_ARRAY(struct replay_item, PROMPTS),
                     NEW_ARRAY(struct replay_result, PROMPTS)};
    struct rng rng = {seed};
    const struct facts none = {.turns = 1};
    for (int i = 0; i < PROMPTS; i++) {
        struct features f;
        char text[200];
        int topic = (int)rng_below(&rng, ARRAY_LEN(topics));
        int number = (int)rng_below(&rng, 100000);
        int len = snprintf(text, sizeof text, "Tell me about %s, number %d, %.*s.", topics[topic],
                           number, (int)rng_below(&rng, 60),
                           "with many words and more of them so that lengths differ a lot too");
        features_read(span_of(text, (size_t)len), &none, &f);
        bool hard = told ? topic % 2 : (int)rng_below(&rng, 2);
        m.items[i] = (struct replay_item){
            .features = replay_pack(&f),
            .device = rng_unit(&rng) < (hard ? 0.3 : 0.9),
            .cloud = rng_unit(&rng) < 0.9,
            .hash = outcome_prompt_hash(span_of(text, (size_t)len)),
            .group = topic / 2, /* each group has an easy and a hard topic */
            .bytes = (uint64_t)len,
        };
    }
    return m;
}

static void made_free(struct made *m)
{
    for (int i = 0; i < PROMPTS; i++) {
        replay_item_done(&m->items[i]);
    }
    mem_free(m->items);
    mem_free(m->results);
}

static double apgr(struct made *m, enum protocol protocol, size_t from)
{
    struct replay r = {.protocol = protocol, .items = m->items, .n = PROMPTS, .groups = 10};
    struct routed *routed = NEW_ARRAY(struct routed, PROMPTS);
    struct metrics metrics;
    for (int job = replay_jobs(&r); job-- > 0;) { /* any order */
        replay_job(&r, job, m->results);
    }
    for (size_t i = from; i < PROMPTS; i++) {
        routed[i - from] =
            (struct routed){m->results[i].gain, m->items[i].device, m->items[i].cloud};
    }
    metrics_sort(routed, PROMPTS - from);
    metrics_of(routed, NULL, PROMPTS - from, &metrics);
    mem_free(routed);
    return metrics.apgr;
}

static void replay_finds_what_is_there(void **state)
{
    (void)state;
    struct made m = make(true, 1);
    double cv = apgr(&m, PROTOCOL_CV, 0);
    double online = apgr(&m, PROTOCOL_ONLINE, 0);
    double late = apgr(&m, PROTOCOL_ONLINE, PROMPTS / 2);
    double prior = apgr(&m, PROTOCOL_PRIOR, 0);
    if (!(cv > 0.68 && online > 0.56 && late > 0.6 && prior < 0.6)) {
        fail_msg("cv %.3f, online %.3f, its second half %.3f, prior %.3f", cv, online, late, prior);
    }
    made_free(&m);
}

/* The measure that a leak of labels cannot pass. */
static void labels_that_say_nothing_give_one_half(void **state)
{
    (void)state;
    static const enum protocol learning[] = {PROTOCOL_CV, PROTOCOL_ONLINE};
    double sum[2] = {0};
    for (int seed = 1; seed <= SEEDS; seed++) {
        struct made m = make(false, (uint64_t)seed * 77);
        for (int p = 0; p < 2; p++) {
            sum[p] += apgr(&m, learning[p], 0) / SEEDS;
        }
        made_free(&m);
    }
    for (int p = 0; p < 2; p++) {
        if (fabs(sum[p] - 0.5) > 0.03) {
            fail_msg("%s: %.3f", protocol_name(learning[p]), sum[p]);
        }
    }
}

/* A group that is left out is new: words of its topics teach nothing, so topics alone must not be found. */
static void whole_groups_are_left_out(void **state)
{
    (void)state;
    struct made m = make(true, 5);
    double grouped = apgr(&m, PROTOCOL_GROUPED, 0);
    if (!(grouped < 0.6)) {
        fail_msg("grouped %.3f", grouped);
    }
    made_free(&m);
}

static void packing_loses_nothing(void **state)
{
    (void)state;
    const struct facts none = {.turns = 1};
    struct features f;
    struct features g;
    features_read(SPAN("How many of the 12 bees, exactly?"), &none, &f);
    struct packed_features *p = replay_pack(&f);
    replay_unpack(p, &g);
    assert_memory_equal(f.marker, g.marker, sizeof f.marker);
    assert_int_equal(f.words, g.words);
    assert_int_equal(f.pairs, g.pairs);
    assert_memory_equal(f.word, g.word, f.words * sizeof f.word[0]);
    assert_memory_equal(f.pair, g.pair, f.pairs * sizeof f.pair[0]);
    mem_free(p);
}

static void protocols_have_names(void **state)
{
    (void)state;
    enum protocol p = PROTOCOL_CV;
    assert_true(protocol_from(SPAN("online"), &p) && p == PROTOCOL_ONLINE);
    assert_false(protocol_from(SPAN("offline"), &p));
    assert_string_equal(protocol_name(PROTOCOL_GROUPED), "grouped");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_read),
        cmocka_unit_test(a_bad_line_says_what_is_wrong),
        cmocka_unit_test(the_same_question_has_the_same_hash),
        cmocka_unit_test(replay_finds_what_is_there),
        cmocka_unit_test(labels_that_say_nothing_give_one_half),
        cmocka_unit_test(whole_groups_are_left_out),
        cmocka_unit_test(packing_loses_nothing),
        cmocka_unit_test(protocols_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
